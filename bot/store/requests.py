"""Requests: what was asked and by whom, how it was decided and how it ended. A function is a step of a transaction, or
a whole one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain import daily_limit
from bot.domain.actors import Actor
from bot.domain.audit import AuditEntry
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.granting import Subject
from bot.domain.items import Item, ended
from bot.domain.log_lines import planned_line, request_line
from bot.domain.requests import Request, agreed, refused
from bot.domain.restoring.restorations import Restoration, over_with
from bot.domain.transitions import ItemState, RequestEvent, RequestState, RestorationState
from bot.ports.lookups import DiskName, Filters
from bot.ports.requests import Authorize, Cancelled, Decided, OpenLimit
from bot.store import app_homes, audit, bindings, deliveries, grants, lookups, recent_requests
from bot.store import items as store_items
from bot.store import restorations as store_restorations
from bot.store.outbox import tell_directly
from bot.store.rows import group_row, request_row
from bot.store.script import ScheduledJob, Script, insert, sql, to_ms
from bot.store.transactions import Transactions
from bot.store.whole_requests import approvers_of, follow, groups_of, lane, move, one, reminder_due, report_due, whole

T = TypeVar("T")

CANCELLED = "cancelled"
"""The rule of what was called back."""


def _arrive(
    delivery: str,
    channel: str,
    actor: Actor | None,
    authorize: Authorize,
    mendable: bool,
    limit: OpenLimit | None,
    now: datetime,
) -> Script[Request | None]:
    first = yield from deliveries.first(delivery, now)
    if not first:
        return (yield from lookups.of_delivery(delivery))
    held = (yield from grants.held_by(actor)) if actor else []
    bound = yield from bindings.project_of(channel)
    incoming = authorize(held, bound)
    if limit and incoming.request and (yield from lookups.has_open(incoming.request.actor_id, limit.most)):
        incoming = limit.over(incoming.request)
    if incoming.request:
        yield from add(incoming.request, delivery)
    elif mendable:
        yield from deliveries.take_back(delivery)
    yield from audit.append(incoming.audit, now)
    return incoming.request


def add(request: Request, delivery: str) -> Script[None]:
    row = request_row(request)
    yield insert("request", {**row, "delivery_id": delivery})
    if line := request_line(request, delivery):
        yield line
    if request.state is RequestState.RECEIVED:
        yield ScheduledJob(f"plan:{request.id}", request.created_at, lane(request))
    if request.to_send:
        yield report_due(request.id, row["reply_channel"], request.created_at)


def decide_plan(
    request: Request,
    items: Sequence[Item],
    groups: Sequence[ConsistencyGroup],
    now: datetime,
    room: int | None,
    notify: Sequence[Subject],
    restorations: Sequence[Restoration] = (),
) -> Script[Decided]:
    """A received request becomes planned, waiting or running with its items, groups and restorations, or is refused
    with none.

    `room`: how many disks this person may have in this project per day; counted in this very transaction, so two
    requests at the same instant cannot both take the last one. `notify`: those who get a direct message about it.
    """
    used, fits = yield from _room_for(request, items, room)
    if not fits:
        return Decided("over", used)
    moved = yield from move(replace(request, moved_by=None), now)
    if not moved:
        return Decided("late", used)
    if not request.refused:
        yield planned_line(request, len(items) or len(restorations), len(groups))
    if line := request_line(request):
        yield line
    for group in groups:
        yield insert("consistency_group", group_row(group))
    yield from store_items.add(items, request)
    yield from store_restorations.add(restorations)
    yield from tell_directly(request.id, notify, now)
    yield from _set_going(request, items, groups, restorations, now)
    return Decided("done", used)


def _room_for(request: Request, items: Sequence[Item], limit: int | None) -> Script[tuple[int, bool]]:
    """How many disks of its day are taken, and whether a request fits in beside them. It is none of them yet."""
    wanted = daily_limit.wanted(items)
    if limit is None or not wanted:
        return 0, True
    window = daily_limit.window_of(request.created_at)
    used = yield from lookups.disks_asked(request.actor_id, items[0].project, window, daily_limit.LEFT_OUT)
    return used, daily_limit.Usage(used, wanted).fits(limit)


def confirm(after: Request, notify: Sequence[Subject], now: datetime, room: int | None) -> Script[Decided]:
    """A planned request goes on, waiting or running, as `after` says, if its person has room for it.

    Late: it is planned no more, or its time is over. A plan takes no room before this.
    """
    found, items = yield from whole(after.id)
    if not _still_planned(found, after, now):
        return Decided("late")
    used, fits = yield from _room_for(after, items, room)
    if not fits:
        return Decided("over", used)
    yield from move(after, now)
    yield from tell_directly(after.id, notify, now)
    yield from _go(after, items, now)
    return Decided("done", used)


def _still_planned(found: Request, read: Request, now: datetime) -> bool:
    """Whether a plan stands as it was read and its time is not over: who drops it then may be late."""
    return found.state is RequestState.PLANNED and found.ver == read.ver and not found.time_over(now)


def extend(read: Request, after: Request, now: datetime) -> Script[bool]:
    """How long its snapshots are kept, and when people are asked about them, unless they were kept longer since it was
    read. That people were reminded meanwhile stops no extension: it is what they answer.
    """
    kept = yield sql(
        "update request set kept_until = :kept_until, remind_at = :remind_at where id = :id "
        "and coalesce(kept_until, -1) = :read_until returning id",
        kept_until=to_ms(after.kept_until),
        remind_at=to_ms(after.remind_at),
        id=after.id,
        read_until=-1 if read.kept_until is None else to_ms(read.kept_until),
    )
    if kept:
        yield from reminder_due(after, now)
    return bool(kept)


def plan_again(after: Request, now: datetime) -> Script[bool]:
    """A planned request is received once more, with another order; nothing of its plan was ever sent."""
    found, _ = yield from whole(after.id)
    if not _still_planned(found, after, now):
        return False
    yield sql("delete from item where request_id = :id", id=after.id)
    yield sql("delete from consistency_group where request_id = :id", id=after.id)
    yield from move(replace(after, warnings=(), tried=timedelta()), now)
    yield ScheduledJob(f"plan:{after.id}", now, lane(after))
    return True


def _go(request: Request, items: Sequence[Item], now: datetime) -> Script[None]:
    groups = yield from groups_of(request.id)
    restorations = yield from store_restorations.of_request(request.id)
    yield from _set_going(request, items, groups, restorations, now)


def _set_going(
    request: Request,
    items: Sequence[Item],
    groups: Sequence[ConsistencyGroup],
    restorations: Sequence[Restoration],
    now: datetime,
) -> Script[None]:
    match request.state:
        case RequestState.RUNNING:
            for group in groups:
                yield ScheduledJob(f"group:{group.id}", group.due_at or now, lane(request))
            for item in items:
                if item.consistency_group_id is None and not item.ended:
                    yield ScheduledJob(f"submit:{item.id}", item.due_at or now, lane(request))
            yield from store_restorations.schedule(restorations, request, now)
        case RequestState.PLANNED | RequestState.WAITING:
            yield ScheduledJob(f"expire:{request.id}", request.waits_until or now)
        case _:
            pass


def approve(request_id: str, approver_id: str, now: datetime) -> Script[Request | None]:
    """One more person agrees; the last one needed sets the request going. None: it no longer waits, or too long.

    Twice by one person counts once, and of two who press at the same instant one is first: both are in the same rows.
    """
    request, items = yield from whole(request_id)
    if request.state is not RequestState.WAITING or request.time_over(now):
        return None
    approval = {"request_id": request_id, "approver_id": approver_id, "at": to_ms(now)}
    yield insert("approval", approval, "on conflict (request_id, approver_id) do nothing")
    approvers = yield from approvers_of(request_id)
    after = agreed(request, approvers)
    yield from move(after, now)
    if after.state is RequestState.RUNNING:
        yield from _go(after, items, now)
    return after


def review(request_id: str, reviewer_id: str, now: datetime) -> Script[bool]:
    """A person has looked at what ran without approval. False: it was reviewed already."""
    request, _ = yield from whole(request_id)
    if not request.review_due:
        return False
    return (yield from move(replace(request, reviewed_by=reviewer_id, rev=request.rev + 1), now))


def refuse_waiting(request_id: str, event: RequestEvent, rule: str, explanation: str, now: datetime) -> Script[bool]:
    """End a request that is planned or waits; its items are never sent. False: it no longer does."""
    request, items = yield from whole(request_id)
    if not request.not_yet_going:
        return False
    yield from store_items.drop(
        [ended(one, ItemState.CANCELLED, now, cause=explanation, code=rule) for one in items if not one.ended]
    )
    yield from store_restorations.drop(request_id, explanation, rule, now)
    return (yield from move(refused(request, event, rule, explanation, now), now))


def cancel(request_id: str, explanation: str, cause: str, now: datetime) -> Script[Cancelled | None]:
    """Call back what was never sent. None: the request has ended. A worker that read an item before comes too late."""
    request, items = yield from whole(request_id)
    if request.over:
        return None
    dropped = refused(request, RequestEvent.DROP, CANCELLED, explanation, now)
    if request.state is RequestState.RECEIVED:
        yield from move(dropped, now)
        return Cancelled(0, 0, dropped=True)
    if request.not_yet_going:
        yield from refuse_waiting(request_id, RequestEvent.DROP, CANCELLED, explanation, now)
        return Cancelled(len(items), 0, dropped=True)
    unsent = [item for item in items if item.unsent]
    called_off, going = yield from _call_off(request_id, cause, now)
    all_of_it = not going and all(item.unsent or item.state is ItemState.CANCELLED for item in items)
    if all_of_it:
        yield from move(replace(dropped, remind_at=None), now)
    yield from store_items.save_all(
        [ended(item, ItemState.CANCELLED, now, cause=cause, code=CANCELLED) for item in unsent], now
    )
    if called_off and not unsent and not all_of_it:
        yield from follow(request_id, now)
    left = sum(not item.ended and not item.unsent for item in items) + going
    return Cancelled(len(unsent), left, dropped=all_of_it, called_off=called_off)


def _call_off(request_id: str, cause: str, now: datetime) -> Script[tuple[int, int]]:
    """Disks that were to come back, and do not; and how many go on. Of roll-backs all are called off or none: once one
    is on its way the others belong to it.
    """
    rows = yield from store_restorations.of_request(request_id)
    unsent = [row for row in rows if row.unsent]
    if any(row.way == "overwrite" and not row.unsent and row.state is not RestorationState.CANCELLED for row in rows):
        unsent = []
    left = {row.id for row in unsent}
    yield from store_restorations.end(
        [over_with(row, RestorationState.CANCELLED, now, cause=cause, code=CANCELLED) for row in unsent]
    )
    return len(unsent), sum(row.id not in left and row.state is not RestorationState.CANCELLED for row in rows)


def _deciding(step: Script[T], entries: Sequence[AuditEntry], now: datetime) -> Script[T]:
    """A step that decides: its actor's App Home is shown anew, as it no longer waits for them."""
    outcome = yield from step
    for entry in entries if outcome else ():
        yield from app_homes.changed(entry.actor, now)
    return outcome


def _is_decided(decided: Decided) -> bool:
    return decided.how == "done"


def _is_called_back(cancelled: Cancelled | None) -> bool:
    return cancelled is not None and bool(cancelled.dropped or cancelled.cancelled or cancelled.called_off)


class StoredRequests(Transactions):
    """Implements `bot.ports.requests.Requests`."""

    async def take_in(
        self,
        delivery: str,
        channel: str,
        actor: Actor | None,
        authorize: Authorize,
        *,
        mendable: bool = False,
        limit: OpenLimit | None = None,
    ) -> Request | None:
        """Record a delivery once, with what `authorize` makes of it under the grants of this very moment.

        A delivery that was here before changes nothing and answers the request it led to; one that is `mendable` and
        led to none counts as not delivered. `authorize` is pure and runs inside the transaction. With `actor` None (not
        known yet) it is given no grants. `limit` counts in there too: of two at the same instant one is the last.
        """
        now = self._clock.now()
        return await self._database.run_first(_arrive, delivery, channel, actor, authorize, mendable, limit, now)

    async def request(self, request_id: str) -> tuple[Request, list[Item]] | None:
        return await self._database.read(one, request_id)

    async def item(self, item_id: str) -> tuple[Item, Request] | None:
        return await self._database.read(lookups.item, item_id)

    async def find(self, any_id: str) -> tuple[Request, list[Item]] | None:
        return await self._database.read(lookups.find, any_id)

    async def recent(self, filters: Filters) -> list[tuple[Request, list[Item]]]:
        return await self._database.read(recent_requests.recent, filters)

    async def disks_named(self, projects: Sequence[str]) -> list[DiskName]:
        return await self._database.read(lookups.disks_named, projects)

    async def of_delivery(self, delivery: str) -> Request | None:
        """The request that this delivery made; None where it made none."""
        return await self._database.read(lookups.of_delivery, delivery)

    async def tries_of(self, request_id: str) -> list[Request]:
        """The requests that try again what failed of this one, in the order they were asked."""
        return await self._database.read(lookups.tries_of, request_id)

    async def planning_waits(self, after: Request) -> bool:
        """Why a received request waits is told. False: it was moved meanwhile."""
        return await self._database.run(move, after, self._clock.now())

    async def decide_plan(
        self,
        request: Request,
        items: Sequence[Item],
        entries: Sequence[AuditEntry],
        *,
        groups: Sequence[ConsistencyGroup] = (),
        room: int | None = None,
        notify: Sequence[Subject] = (),
        restorations: Sequence[Restoration] = (),
    ) -> Decided:
        return await self._audited(
            lambda now: decide_plan(request, items, groups, now, room, notify, restorations), entries, done=_is_decided
        )

    async def confirm(
        self, after: Request, notify: Sequence[Subject], entries: Sequence[AuditEntry], *, room: int | None
    ) -> Decided:
        """A planned request goes on as `after` says. Late: it was settled before, or its time is over."""
        return await self._audited(lambda now: confirm(after, notify, now, room), entries, done=_is_decided, first=True)

    async def plan_again(self, after: Request, entries: Sequence[AuditEntry]) -> bool:
        """A planned request is planned anew, with the order of `after`. False: it was settled, or its time is over."""
        return await self._audited(lambda now: plan_again(after, now), entries)

    async def approve(self, request_id: str, approver_id: str, entries: Sequence[AuditEntry]) -> Request | None:
        return await self._audited(
            lambda now: _deciding(approve(request_id, approver_id, now), entries, now), entries, first=True
        )

    async def refuse_waiting(
        self, request_id: str, event: RequestEvent, rule: str, explanation: str, entries: Sequence[AuditEntry]
    ) -> bool:
        return await self._audited(
            lambda now: _deciding(refuse_waiting(request_id, event, rule, explanation, now), entries, now), entries
        )

    async def review(self, request_id: str, reviewer_id: str, entries: Sequence[AuditEntry]) -> bool:
        return await self._audited(
            lambda now: _deciding(review(request_id, reviewer_id, now), entries, now), entries, first=True
        )

    async def cancel(
        self, request_id: str, *, explanation: str, cause: str, entries: Sequence[AuditEntry]
    ) -> Cancelled | None:
        """Call back what was not sent, as the rows stand in this very transaction. None: the request has ended."""
        return await self._audited(
            lambda now: cancel(request_id, explanation, cause, now), entries, done=_is_called_back, first=True
        )

    async def extend(self, read: Request, after: Request, entries: Sequence[AuditEntry] = ()) -> bool:
        """False, and nothing is written: it was settled since it was read."""
        return await self._audited(lambda now: extend(read, after, now), entries, first=True)

    async def copying(self, project: str) -> list[str]:
        """The ids of the disks that the bot copies now."""
        return await self._database.read(lookups.copying, project)

    async def used_today(self, actor_id: str, project: str) -> int:
        window = daily_limit.window_of(self._clock.now())
        return await self._database.read(lookups.disks_asked, actor_id, project, window, daily_limit.LEFT_OUT)
