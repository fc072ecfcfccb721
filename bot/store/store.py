"""The store as the workflow sees it: each method is one transaction of rows, audit and jobs together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.domain.access import Actor, Grant
from bot.domain.audit import AuditEntry
from bot.domain.bindings import Binding
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import Deletion
from bot.domain.errors import StoreFailed
from bot.domain.forms import Form
from bot.domain.granting import BOT_TOML, EVERY_PROJECT, Subject, grant_facts, import_plan, owned_by
from bot.domain.projects import Project
from bot.domain.requests import Item, Request
from bot.domain.transitions import DeletionState, RequestEvent
from bot.ports.clock import Clock
from bot.ports.forms import AppHomeRow, DeferredReply
from bot.ports.grants import Rebound, Revise, Revision, Rights
from bot.ports.outbox import Notice
from bot.ports.requests import Authorize, Cancelled, DiskName, Filters, Settled
from bot.store import (
    audit,
    bindings,
    deferred_replies,
    deletions,
    forms,
    grants,
    homes,
    projects,
    requests,
    verification,
    waits,
)
from bot.store import consistency_groups as store_groups
from bot.store.database import Script, SqliteDatabase, from_ms, sql, to_ms

T = TypeVar("T")

PAGE = 200
"""Rows that are read in one transaction where there may be thousands."""

_PROBE = "probe"
"""The row that is written to see whether rows can be."""

REMEMBER_DELIVERIES = timedelta(hours=25)
"""Slack may repeat an event for up to a day when delayed events are on (Events API, retries)."""


class SqliteStore:
    """Implements `bot.ports.store.Store` on one SQLite file."""

    def __init__(self, database: SqliteDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # --- arriving -----------------------------------------------------------------------------------------------------

    async def take_in(
        self, delivery: str, channel: str, actor: Actor | None, judge: Authorize, *, mendable: bool = False
    ) -> Request | None:
        """Record a delivery once, with what `judge` makes of it under the grants of this very moment.

        A delivery that was here before changes nothing and answers the request it led to; one that is `mendable` and
        led to none counts as not delivered. `judge` is pure and runs inside the transaction. With `actor` None (not
        known yet) it is given no grants.
        """
        return await self._database.run(self._arrive(delivery, channel, actor, judge, mendable))

    async def take_deferred_reply(self, deferred_reply: DeferredReply) -> bool:
        """Mark a delivery, and keep what is owed for it until it is answered. False: it was here before.

        What it claims is its own from now on; `late` is set where that was taken before.
        """

        def script() -> Script[bool]:
            if not (yield from self._first(deferred_reply.id)):
                return False
            late = deferred_reply.claim is not None and not (yield from self._first(deferred_reply.claim))
            yield from deferred_replies.add(replace(deferred_reply, claim=None, late=True) if late else deferred_reply)
            return True

        return await self._database.run(script())

    async def deferred_reply(self, deferred_reply_id: str) -> DeferredReply | None:
        return await self._database.run(deferred_replies.one(deferred_reply_id))

    async def deferred_reply_done(self, deferred_reply: DeferredReply, *, acted: bool) -> None:
        """It was answered. What it claimed is free again if nothing was changed."""

        def script() -> Script[None]:
            yield from deferred_replies.drop(deferred_reply.id)
            if deferred_reply.claim is not None and not acted:
                yield sql("delete from delivery where id = :id", id=deferred_reply.claim)

        await self._database.run(script())

    def _first(self, delivery: str) -> Script[bool]:
        rows = yield sql(
            "insert into delivery (id, received_at) values (:id, :at) on conflict (id) do nothing returning id",
            id=delivery,
            at=to_ms(self._clock.now()),
        )
        return bool(rows)

    def _arrive(
        self, delivery: str, channel: str, actor: Actor | None, judge: Authorize, mendable: bool
    ) -> Script[Request | None]:
        now = self._clock.now()
        first = yield from self._first(delivery)
        if not first:
            return (yield from requests.of_delivery(delivery))
        held = (yield from grants.held_by(actor)) if actor else []
        bound = yield from bindings.project_of(channel)
        arrival = judge(held, bound)
        if arrival.request:
            yield from requests.add(arrival.request, delivery)
        elif mendable:
            yield sql("delete from delivery where id = :id", id=delivery)
        yield from audit.append(arrival.audit, now)
        return arrival.request

    async def open_form(self, form: Form) -> None:
        await self._database.run(forms.add(form))

    async def form_project(self, form_id: str, project: str | None, *, seen: int | None = None) -> Form | None:
        """Keep the project that was chosen; with `seen`, only if the form is still of that revision."""
        return await self._database.run(forms.choose_project(form_id, project, seen))

    async def form_place(self, form_id: str, channel: str) -> Form | None:
        return await self._database.run(forms.choose_place(form_id, channel))

    async def form_more(self, form_id: str) -> Form | None:
        """Show all its fields from now on."""
        return await self._database.run(forms.show_more(form_id))

    async def form_shown(self, form_id: str, view_hash: str) -> None:
        await self._database.run(forms.shown(form_id, view_hash))

    async def form_hash(self, form_id: str) -> str | None:
        """Slack's hash of what was shown of the form last."""
        return await self._database.run(forms.hash_of(form_id))

    async def form(self, form_id: str) -> Form | None:
        return await self._database.run(forms.one(form_id))

    async def forget_deliveries(self) -> None:
        """Drop the marks of deliveries that can no longer be repeated, and forms as old as that. A message can be
        edited as long as it stands: that it was acted on is never forgotten.
        """
        before = self._clock.now() - REMEMBER_DELIVERIES

        def script() -> Script[None]:
            yield sql(
                "delete from delivery where received_at < :before and id not like 'mention:%'", before=to_ms(before)
            )
            yield from forms.forget(before)

        await self._database.run(script())

    # --- moving -------------------------------------------------------------------------------------------------------

    async def planning_waits(self, after: Request) -> bool:
        """What a received request waits for is told. False: somebody moved it meanwhile."""
        return await self._database.run(requests.move(after, self._clock.now()))

    async def settle(
        self,
        request: Request,
        items: Sequence[Item],
        entries: Sequence[AuditEntry],
        *,
        groups: Sequence[ConsistencyGroup] = (),
        room: int | None = None,
        notify: Sequence[Subject] = (),
    ) -> Settled:
        now = self._clock.now()

        def script() -> Script[Settled]:
            settled = yield from requests.settle(request, items, groups, now, room, notify)
            if settled.how == "done":
                yield from audit.append(entries, now)
            return settled

        return await self._database.run(script())

    async def confirm(
        self, after: Request, notify: Sequence[Subject], entries: Sequence[AuditEntry], *, room: int | None
    ) -> Settled:
        """A planned request goes on as `after` says. Late: somebody settled it before, or its time is over."""
        now = self._clock.now()

        def script() -> Script[Settled]:
            settled = yield from requests.confirm(after, notify, now, room)
            if settled.how == "done":
                yield from audit.append(entries, now)
            return settled

        return await self._database.run(script())

    async def plan_again(self, after: Request, entries: Sequence[AuditEntry]) -> bool:
        """A planned request is planned anew, with the order of `after`. False: it was settled, or its time is over."""
        now = self._clock.now()
        return await self._done(requests.plan_again(after, now), entries, now)

    async def group(self, group_id: str) -> tuple[ConsistencyGroup, list[Item], Request] | None:
        return await self._database.run(store_groups.whole(group_id))

    async def groups_of(self, request_id: str) -> list[ConsistencyGroup]:
        return await self._database.run(requests.groups_of(request_id))

    async def start_group(
        self, group: ConsistencyGroup, entries: Sequence[AuditEntry]
    ) -> tuple[ConsistencyGroup, list[Item]] | None:
        now = self._clock.now()

        def script() -> Script[tuple[ConsistencyGroup, list[Item]] | None]:
            begun = yield from store_groups.start(group, now)
            if begun:
                yield from audit.append(entries, now)
            return begun

        return await self._database.run(script())

    async def save_group(
        self, group: ConsistencyGroup, items: Sequence[Item], entries: Sequence[AuditEntry] = ()
    ) -> bool:
        now = self._clock.now()
        return await self._done(store_groups.save(group, items, now), entries, now)

    async def _done(self, step: Script[bool], entries: Sequence[AuditEntry], now: datetime) -> bool:
        """Run a step, and write down what was decided if it was done."""

        def script() -> Script[bool]:
            done = yield from step
            if done:
                yield from audit.append(entries, now)
            return done

        return await self._database.run(script())

    async def keep(self, read: Request, after: Request, entries: Sequence[AuditEntry] = ()) -> bool:
        """False, and nothing is written: somebody settled it since it was read."""
        now = self._clock.now()

        def script() -> Script[bool]:
            kept = yield from requests.keep(read, after)
            if kept:
                yield from audit.append(entries, now)
            return kept

        return await self._database.run(script())

    async def ask_deletion(self, rows: Sequence[Deletion], entries: Sequence[AuditEntry]) -> Sequence[Deletion]:
        """What of it nobody had asked for yet, or was kept then."""
        now = self._clock.now()
        return await self._moved(deletions.ask(rows, now), entries, now)

    async def agree_to_deletion(
        self, rows: Sequence[Deletion], person: str, needed: int, entries: Sequence[AuditEntry]
    ) -> Sequence[Deletion]:
        """What this agreement moved; nothing where it was settled before."""
        now = self._clock.now()
        return await self._moved(deletions.agree(rows, person, needed, now), entries, now)

    async def let_go(self, request_id: str, item_ids: Sequence[str], entries: Sequence[AuditEntry]) -> Sequence[Item]:
        """What of it the request kept until now."""
        return await self._moved(requests.let_go(request_id, item_ids), entries, self._clock.now())

    async def _moved(self, step: Script[list[T]], entries: Sequence[AuditEntry], now: datetime) -> Sequence[T]:
        def script() -> Script[list[T]]:
            moved = yield from step
            if moved:
                yield from audit.append(entries, now)
            return moved

        return await self._database.run(script())

    async def deletions(self, request_id: str) -> list[Deletion]:
        return await self._database.run(deletions.of_request(request_id))

    async def save_deletions(self, rows: Sequence[Deletion], entries: Sequence[AuditEntry] = ()) -> bool:
        """False, and nothing is written: somebody moved one of them since it was read. What is deleted is gone."""
        now = self._clock.now()

        def script() -> Script[bool]:
            saved = yield from deletions.save(rows, now)
            for row in rows if saved else ():
                if row.state is DeletionState.DELETED:
                    yield from requests.gone(row.snapshot_id, row.asked_by, now)
            return saved

        return await self._done(script(), entries, now)

    async def gone(self, snapshot_id: str, by: str | None, entries: Sequence[AuditEntry]) -> bool:
        """A snapshot was deleted, by whom it was asked for; None: outside of the bot. False: that was known."""
        now = self._clock.now()
        return await self._done(requests.gone(snapshot_id, by, now), entries, now)

    async def deletions_sent(self, rows: Sequence[Deletion]) -> None:
        """Their DELETE is about to leave."""
        if rows:
            await self._database.run(deletions.sent(rows))

    async def deletion_announced(self, request_id: str, asking: int, notify: Sequence[Subject] = ()) -> None:
        """`notify`: who is to be asked directly, as they do not read where it was announced."""
        now = self._clock.now()

        def script() -> Script[None]:
            yield from deletions.announced(request_id, asking)
            yield from requests.tell_directly(request_id, notify, now, asking)

        await self._database.run(script())

    async def deletions_told(self, rows: Sequence[Deletion]) -> None:
        await self._database.run(deletions.told(rows))

    async def points_of(self, items: Sequence[Item]) -> list[Item]:
        """The newest restore points of the same disks that nobody lets go, these among them."""
        return await self._database.run(requests.points_of([item.disk.id for item in items]))

    async def sharing(self, request_id: str) -> list[tuple[Item, Request]]:
        """Who else has a snapshot of this request as a restore point."""
        return await self._database.run(requests.sharing(request_id))

    async def approve(self, request_id: str, approver_id: str, entries: Sequence[AuditEntry]) -> Request | None:
        now = self._clock.now()

        def script() -> Script[Request | None]:
            approved = yield from requests.approve(request_id, approver_id, now)
            if approved:
                yield from _settled(entries, now)
            return approved

        return await self._database.run(script())

    async def review(self, request_id: str, reviewer_id: str, entries: Sequence[AuditEntry]) -> bool:
        now = self._clock.now()

        def script() -> Script[bool]:
            reviewed = yield from requests.review(request_id, reviewer_id, now)
            if reviewed:
                yield from _settled(entries, now)
            return reviewed

        return await self._database.run(script())

    async def tell_directly(self, request_id: str, subjects: Sequence[Subject]) -> None:
        await self._database.run(requests.tell_directly(request_id, subjects, self._clock.now()))

    async def untold(self, request_id: str) -> list[Notice]:
        return await self._database.run(requests.untold(request_id))

    async def told(
        self, request_id: str, notice: Notice, entries: Sequence[AuditEntry] = (), *, instead: Sequence[Subject] = ()
    ) -> None:
        """`instead`: who is to be told in its place, such as the people of a group."""
        now = self._clock.now()

        def script() -> Script[None]:
            yield from requests.told(request_id, notice)
            yield from requests.tell_directly(request_id, instead, now, notice.asking)
            yield from audit.append(entries, now)

        await self._database.run(script())

    async def approver_grants(self, project: str) -> list[Grant]:
        """Those in force."""
        return await self._database.run(grants.approvers(project, self._clock.now()))

    async def refuse_waiting(
        self, request_id: str, event: RequestEvent, rule: str, verdict: str, entries: Sequence[AuditEntry]
    ) -> bool:
        now = self._clock.now()

        def script() -> Script[bool]:
            refused = yield from requests.refuse_waiting(request_id, event, rule, verdict, now)
            if refused:
                yield from _settled(entries, now)
            return refused

        return await self._database.run(script())

    async def cancel(
        self, request_id: str, *, verdict: str, cause: str, entries: Sequence[AuditEntry]
    ) -> Cancelled | None:
        """Call back what was not sent, as the rows stand in this very transaction. None: the request has ended."""
        now = self._clock.now()

        def script() -> Script[Cancelled | None]:
            done = yield from requests.cancel(request_id, verdict, cause, now)
            if done and (done.dropped or done.cancelled):
                yield from audit.append(entries, now)
            return done

        return await self._database.run(script())

    async def start(self, item: Item, entries: Sequence[AuditEntry]) -> Item | None:
        now = self._clock.now()

        def script() -> Script[Item | None]:
            begun = yield from requests.start(item, now)
            if begun:
                yield from audit.append(entries, now)
            return begun

        return await self._database.run(script())

    async def save(self, item: Item, entries: Sequence[AuditEntry] = ()) -> bool:
        now = self._clock.now()
        return await self._done(requests.save(item, now), entries, now)

    async def watched(self, items: Sequence[Item]) -> None:
        """Keep what a listing said of snapshots in the making, in one transaction; who watches them goes on."""
        if items:
            await self._database.run(requests.save_all(items, self._clock.now(), wake=False))

    async def spent(self, rows: Sequence[Request | Item | ConsistencyGroup | Deletion]) -> None:
        """Write down how much patience was spent on each, so that a restart neither forgets it nor adds to it."""

        def script() -> Script[None]:
            yield from requests.spent([row for row in rows if not isinstance(row, Deletion)])
            yield from deletions.spent([row for row in rows if isinstance(row, Deletion)])

        if rows:
            await self._database.run(script())

    async def mark_sent(self, request: Request, *, accepted: Sequence[str] = (), failures: Sequence[str] = ()) -> None:
        await self._database.run(requests.mark_sent(request, accepted, failures))

    async def move_reply_channel(self, request: Request) -> None:
        await self._database.run(requests.move_reply_channel(request, self._clock.now()))

    async def mark_all_sent(self, request: Request) -> None:
        await self._database.run(requests.mark_all_sent(request))

    async def record(self, entries: Sequence[AuditEntry]) -> None:
        await self._database.run(audit.append(entries, self._clock.now()))

    def note(self, entries: Sequence[AuditEntry]) -> None:
        """The same for what nobody waits for: it is written down behind the answer."""
        self._database.run_behind(audit.append(entries, self._clock.now()))

    # --- reading ------------------------------------------------------------------------------------------------------

    async def grants_for(self, actor: Actor) -> list[Grant]:
        return await self._database.run(grants.held_by(actor))

    async def bound_project(self, channel: str) -> str | None:
        return await self._database.run(bindings.project_of(channel))

    async def bindings(self, channel: str) -> list[Binding]:
        return await self._database.run(bindings.of_channel(channel))

    async def bound_to(self, channel: str) -> list[tuple[str, int]]:
        """The projects a channel is bound to, each with how many of its bindings can't be read."""
        return await self._database.run(bindings.bound_to(channel))

    async def bind(
        self, channel: str, bound: Sequence[Binding], entries: Sequence[AuditEntry], *, over: Sequence[str]
    ) -> Rebound:
        """Make what was bound by command in a channel exactly this, if it means these projects still (`over`)."""
        now = self._clock.now()

        def script() -> Script[Rebound]:
            became = yield from bindings.rebind(channel, bound, over)
            if became == "done":
                yield from audit.append(entries, now)
            return became

        return await self._database.run(script())

    async def copying(self, project: str) -> list[str]:
        """The ids of the disks that the bot copies now."""
        return await self._database.run(requests.copying(project))

    async def request(self, request_id: str) -> tuple[Request, list[Item]] | None:
        return await self._database.run(requests.one(request_id))

    async def tries_of(self, request_id: str) -> list[Request]:
        """The requests that try again what failed of this one, in the order they were asked."""
        return await self._database.run(requests.tries_of(request_id))

    async def item(self, item_id: str) -> tuple[Item, Request] | None:
        return await self._database.run(requests.item(item_id))

    async def creating(self, project: str) -> list[Item]:
        """The oldest first. Read in pages: who asks meanwhile does not wait for ten thousand of them."""
        found: list[Item] = []
        after: str | None = ""
        while after is not None:
            page, after = await self._database.run(requests.creating(project, after, PAGE))
            found += page
        return sorted(found, key=lambda item: (to_ms(item.submitted_at) or 0, item.id))

    async def outbox(self, home: str) -> list[tuple[Request, list[Item]]]:
        return await self._database.run(requests.outbox(home))

    async def find(self, any_id: str) -> tuple[Request, list[Item]] | None:
        return await self._database.run(requests.find(any_id))

    async def recent(self, filters: Filters) -> list[tuple[Request, list[Item]]]:
        return await self._database.run(requests.recent(filters))

    async def disks_named(self, projects: Sequence[str]) -> list[DiskName]:
        return await self._database.run(requests.disks_named(projects))

    async def jobs(self) -> list[tuple[str, datetime, str]]:
        return await self._database.run(requests.jobs())

    async def clock_set(self, by: timedelta) -> None:
        await self._database.run(waits.moved(by))

    async def clock_set_meanwhile(self) -> timedelta:
        """Before anything else is written: what waits, if the clock was set back since the last row was."""
        return await self._database.run(waits.set_back_meanwhile(self._clock.now()))

    # --- grants and the trail -----------------------------------------------------------------------------------------

    async def configured_grants(self, configured: Sequence[Grant]) -> None:
        """Make the rows of `bot.toml` exactly what the file says; each that differs is a row of the trail."""
        now = self._clock.now()

        def script() -> Script[None]:
            kept = yield from grants.of_source(BOT_TOML)
            plan = import_plan(kept, owned_by(configured, BOT_TOML))
            yield from grants.remove(plan.removed)
            yield from grants.add(plan.added)
            changed = [*(("revoke", row) for row in plan.removed), *(("grant", row) for row in plan.added)]
            entries = [
                AuditEntry(BOT_TOML, action, row.project, "done", details=grant_facts(row)) for action, row in changed
            ]
            yield from audit.append(entries, now)

        await self._database.run(script())

    async def revise_grants(self, actor: Actor | None, subject: Subject, project: str, revise: Revise) -> Revision:
        """Change the grants of a subject in a project as `revise` says, under the grants of this very moment.

        `revise` is pure and runs inside the transaction. With `actor` None (the terminal) nobody's grants are held.
        """
        return await self._revise(actor, grants.of_subject(subject), project, revise)

    async def revise_source(self, source: str, revise: Revise) -> Revision:
        """The same for the rows of a source, which may be about any project."""
        return await self._revise(None, grants.of_source(source), EVERY_PROJECT, revise)

    async def _revise(self, actor: Actor | None, theirs: Script[list[Grant]], project: str, revise: Revise) -> Revision:
        now = self._clock.now()

        def script() -> Script[Revision]:
            held = (yield from grants.held_by(actor)) if actor else []
            rights = Rights(held, (yield from theirs), (yield from grants.admins(project)))
            revision = revise(rights)
            yield from grants.remove(revision.removed)
            yield from grants.add(revision.added)
            yield from audit.append(revision.audit, now)
            return revision

        return await self._database.run(script())

    async def configured_projects(self, configured: Mapping[str, Project]) -> dict[str, str]:
        """Note what each alias stands for; answers former ones whose project has another name now, with that."""
        return await self._database.run(projects.configured(configured))

    async def configured_bindings(self, configured: Sequence[Binding]) -> None:
        """Make the bindings of `bot.toml` exactly what the file says."""
        await self._database.run(bindings.replace_source(BOT_TOML, configured))

    async def grants_of(self, subject: Subject) -> list[Grant]:
        return await self._database.run(grants.of_subject(subject))

    async def grants_from(self, source: str) -> list[Grant]:
        return await self._database.run(grants.of_source(source))

    async def admin_grants(self) -> list[Grant]:
        """Of all projects, expired ones too."""
        return await self._database.run(grants.admins(EVERY_PROJECT))

    async def helpers(self, project: str) -> list[Grant]:
        """A few admin grants in force there: whom to ask."""
        return await self._database.run(grants.helpers(project, self._clock.now()))

    async def expire_grants(self, told: Callable[[Grant], AuditEntry]) -> datetime | None:
        """Write down each grant that came to its end, once. Answers when the next one does."""
        now = self._clock.now()

        def script() -> Script[datetime | None]:
            ended = yield from grants.lapsed(now)
            yield from audit.append([told(grant) for grant in ended], now)
            return (yield from grants.next_end())

        return await self._database.run(script())

    async def used_today(self, actor_id: str, project: str) -> int:
        return await self._database.run(requests.used_on(self._clock.now(), actor_id, project))

    async def every_grant(self) -> Sequence[Grant]:
        return await self._database.run(grants.every())

    async def writable(self) -> bool:
        """Whether a row can be written and committed now: a full disk is noticed no sooner."""

        def script() -> Script[None]:
            yield sql("delete from chore where name = :name", name=_PROBE)
            yield sql("insert into chore (name, next_at) values (:name, 0)", name=_PROBE)

        try:
            await self._database.run(script())
        except StoreFailed:
            return False
        return True

    async def answers(self) -> None:
        """Returns when the store's thread has come round to it. Raises StoreFailed where it never will."""

        def script() -> Script[None]:
            yield sql("select 1")

        await self._database.run(script())

    async def broken(self) -> None:
        """Returns when the store does no more work, though nobody closed it."""
        await self._database.broken()

    async def counts(self) -> dict[tuple[str, str], int]:
        """How many requests and items stand in which state."""
        return await self._database.run(requests.counts())

    async def home(self, user_id: str) -> AppHomeRow | None:
        return await self._database.run(homes.one(user_id))

    async def home_opened(self, user_id: str, view_hash: str | None) -> None:
        await self._database.run(homes.opened(user_id, view_hash, self._clock.now()))

    async def home_changed(self, user_id: str) -> None:
        await self._database.run(homes.changed(user_id, self._clock.now()))

    async def home_published(self, user_id: str, rev: int, view_hash: str | None) -> None:
        await self._database.run(homes.published(user_id, rev, view_hash))

    async def audit_head(self) -> tuple[int, str]:
        return await self._database.run(audit.head())

    async def head_posted(self, seq: int, seal: str, chore: str, next_at: datetime) -> None:
        """That head of the trail was posted, which was a chore."""
        now = self._clock.now()

        def script() -> Script[None]:
            yield from audit.posted(seq, seal, now)
            yield from _chore_done(chore, next_at)

        await self._database.run(script())

    async def witness(self) -> verification.Witness:
        return await self._database.run(verification.witness())

    async def chore_due(self, name: str) -> datetime | None:
        """When a chore is to be done next; None if it never was."""

        def script() -> Script[datetime | None]:
            rows = yield sql("select next_at from chore where name = :name", name=name)
            return from_ms(rows[0]["next_at"]) if rows else None

        return await self._database.run(script())

    async def chore_done(self, name: str, next_at: datetime) -> None:
        await self._database.run(_chore_done(name, next_at))

    async def audit_page(self, after: int | None, limit: int = 1000) -> list[dict[str, Any]]:
        return await self._database.run(audit.page(after, limit))


def _chore_done(name: str, next_at: datetime) -> Script[None]:
    yield sql(
        "insert into chore (name, next_at) values (:name, :next_at) "
        "on conflict (name) do update set next_at = excluded.next_at",
        name=name,
        next_at=to_ms(next_at),
    )


def _settled(entries: Sequence[AuditEntry], now: datetime) -> Script[None]:
    """Write down who decided, and show their App Home anew: it no longer waits for them."""
    yield from audit.append(entries, now)
    for entry in entries:
        yield from homes.changed(entry.actor, now)
