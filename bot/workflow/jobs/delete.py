"""delete:{request}: lets go what was asked and agreed to, asked again right before, and only what the bot made itself.

Deleting twice does no harm: what is gone is gone, and what is being deleted is waited for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from bot.domain import errors, sentences
from bot.domain.access import approvals_to_delete, decide
from bot.domain.audit import deletion_ended
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import (
    NAMED,
    Deletion,
    agree_until,
    kept,
    never_learned,
    otherwise,
    question,
    still_kept,
    unanswered,
    vanished,
    why_not,
)
from bot.domain.denials import Denied
from bot.domain.items import Item
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.roles import Action
from bot.domain.sentences import not_configured
from bot.domain.snapshots import Disk
from bot.domain.transitions import DeletionState
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud, Evs
from bot.ports.deletions import Deletions
from bot.ports.grants import Grants
from bot.ports.items import Items
from bot.ports.outbox import Outbox
from bot.ports.requests import Requests
from bot.ports.slack import People, ThreadNotices
from bot.workflow.actions.delete import KEEPS, deletion_entry
from bot.workflow.jobs.attempting import SEND_WITHIN_S
from bot.workflow.jobs.notify import who_may_approve
from bot.workflow.look_up import look_up

log = logging.getLogger(__name__)

AGAIN_SECONDS = 3.0
GIVE_UP = timedelta(hours=1)
"""A snapshot that the cloud has not deleted in so long a time of asking is asked for no more; it may still go."""


class Rows(Audit, Deletions, Grants, Items, Outbox, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Deleter:
    """The job: asks once more whether it may, looks, deletes, and tells what became of each."""

    store: Rows
    people: People
    cloud: Cloud
    notices: ThreadNotices
    projects: Mapping[str, Project]
    clock: Clock
    _said: dict[tuple[str, int, str], bool] = field(default_factory=dict, init=False)
    """The messages that were sent and could not be written down yet, and whether others read along."""

    async def __call__(self, request_id: str) -> float | None:
        """Each step reads the rows anew; what waits for people never holds up what they agreed to."""
        found = await self.store.request(request_id)
        if found is None:
            return None
        request, items = found
        delays = [
            await self._go_on(request, items),
            await self._wait_for_others(request),
            await self._ask_others(request),
            await self._tell(request),
        ]
        return min((one for one in delays if one is not None), default=None)

    async def _rows(self, request: Request, *states: DeletionState) -> list[Deletion]:
        return [one for one in await self.store.deletions(request.id) if one.state in states and not one.told]

    # --- what others have to agree to ---------------------------------------------------------------------------------

    async def _wait_for_others(self, request: Request) -> float | None:
        now = self.clock.now()
        asked = await self._rows(request, DeletionState.ASKED)
        over = [unanswered(one) for one in asked if now >= agree_until(one)]
        if over and not await self._save(over):
            return 0.0  # one more agreed at this very moment
        left = [agree_until(one) - now for one in asked if now < agree_until(one)]
        return min(left).total_seconds() if left else None

    async def _ask_others(self, request: Request) -> float | None:
        asked = [one for one in await self._rows(request, DeletionState.ASKED) if not one.announced]
        for rows in _apart(asked, lambda one: one.asking):
            asking = rows[0].asking
            try:
                read = await self._say_once(request, asking, "asked", self._question(request, rows), button=True)
            except errors.SlackBusy as exc:
                return exc.retry_after
            notify = [] if read else await who_may_approve(self.store, request, but=rows[0].asked_by)
            await self.store.deletion_announced(request.id, asking, notify)
            del self._said[request.id, asking, "asked"]
        return None

    async def _say_once(
        self, request: Request, asking: int, what: str, words: Sequence[str], *, button: bool = False
    ) -> bool:
        """Whether others read along. Nothing is said again because it could not be written down. Raises SlackBusy."""
        key = (request.id, asking, what)
        if key not in self._said:
            try:
                read = await self.notices.say_in_thread(request, words, asking=asking if button else None)
            except (errors.CannotPost, errors.MessageGone, errors.MessageRefused):
                log.warning("nobody could be told of a deletion", extra={"request": request.id, "what": what})
                read = False
            self._said[key] = read
        return self._said[key]

    def _question(self, request: Request, rows: Sequence[Deletion]) -> list[str]:
        project = self.projects.get(rows[0].project)
        asked = question(request.order, rows, approvals_to_delete(request.order, project))
        return [asked, "I ask those who may approve directly."] if request.told_directly else [asked, otherwise(rows)]

    # --- deleting -----------------------------------------------------------------------------------------------------

    async def _go_on(self, request: Request, items: Sequence[Item]) -> float | None:
        """A deletion that may be under way is looked at, even where its person may not ask for it any more. Any other
        costs no call where they may not; and as looking takes its time, that is asked once more right before the
        DELETE.
        """
        proofs = await self._proofs(request, items)
        going = [one for one in await self._rows(request, DeletionState.DELETING) if one.item_id in proofs]
        if not going:
            return None
        began = self.clock.monotonic()
        under_way, still_there = await self._looked([one for one in going if one.sent], proofs)
        allowed, refused = await self._still_allowed(request, [*still_there, *(one for one in going if not one.sent)])
        seen, ready = await self._looked([one for one in allowed if not one.sent], proofs)
        send_before = self.clock.monotonic() + SEND_WITHIN_S
        allowed, refused_now = await self._still_allowed(request, [*(one for one in allowed if one.sent), *ready])
        marked = await self.store.deletions_sent(allowed)
        sent = await asyncio.gather(*(self._delete(replace(one, sent=True), send_before) for one in marked))
        after = [*under_way, *refused, *seen, *refused_now, *sent]
        await self._save([one for one in after if one.ended])
        left = [one for one in after if not one.ended]
        spent = timedelta(seconds=self.clock.monotonic() - began + AGAIN_SECONDS)
        await self.store.spent([replace(one, tried=one.tried + spent) for one in left])
        return AGAIN_SECONDS if left else None

    async def _proofs(self, request: Request, items: Sequence[Item]) -> dict[str, tuple[Item, ConsistencyGroup | None]]:
        """By which the cloud shows that each item's snapshot is the bot's."""
        groups = {one.id: one for one in await self.store.groups_of(request.id)}
        return {item.id: (item, groups.get(item.consistency_group_id or "")) for item in items}

    async def _looked(
        self, rows: Sequence[Deletion], proofs: Mapping[str, tuple[Item, ConsistencyGroup | None]]
    ) -> tuple[list[Deletion], list[Deletion]]:
        """Those that the cloud's answer moves or lets wait, and those that may be deleted as far as it goes."""
        looks = await asyncio.gather(*(self._look(one, *proofs[one.item_id]) for one in rows))
        free = [one for one, seen in zip(rows, looks, strict=True) if seen is None]
        return [seen for seen in looks if seen is not None], free

    async def _still_allowed(self, request: Request, rows: Sequence[Deletion]) -> tuple[list[Deletion], list[Deletion]]:
        """Those that may be deleted now, and those that are kept with the reason."""
        keepers = still_kept(await self.store.sharing(request.id), self.clock.now())
        allowed: list[Deletion] = []
        refused = [
            kept(one, f"It is also a restore point of another request, {KEEPS}")
            for one in rows
            if one.snapshot_id in keepers
        ]
        free = [one for one in rows if one.snapshot_id not in keepers]
        for alike in _apart(free, lambda one: (one.asked_by, one.agreed_by, one.channel_id)):
            if cause := await self._refused(request, alike[0]):
                refused += [kept(one, cause) for one in alike]
            else:
                allowed += alike
        return allowed, refused

    async def _refused(self, request: Request, deletion: Deletion) -> str:
        """The person who asked, and each who agreed, must still be one who may."""
        people = [(deletion.asked_by, Action.DELETE), *((one, Action.APPROVE) for one in deletion.agreed_by)]
        project = self.projects.get(deletion.project)
        for user_id, action in people:
            try:
                actor = await look_up(self.people, self.clock, user_id)
            except errors.LookupFailed as exc:
                return exc.sentence
            grants = await self.store.grants_for(actor)
            place, now = deletion.channel_id, self.clock.now()
            decision = decide(actor, action, deletion.project, project, place, grants, now)
            if isinstance(decision, Denied):
                await self.store.audit([deletion_entry(actor, request, "denied", decision.rule, 1)])
                return decision.explanation
        needed = approvals_to_delete(request.order, project)
        if len(deletion.agreed_by) < needed:
            return f"{deletion.project} needs the agreement of {needed} other people."
        return ""

    async def _look(self, deletion: Deletion, item: Item, group: ConsistencyGroup | None) -> Deletion | None:
        """The row after what the cloud shows of it; None: it may be deleted now."""
        try:
            evs = self.cloud.project(deletion.project, deletion.asked_by)
        except KeyError:
            return self._unless_too_long(deletion, not_configured(deletion.project))
        try:
            snapshot = await evs.show_snapshot(deletion.snapshot_id)
            if snapshot.status == "deleting":
                return self._unless_too_long(deletion)
            if snapshot.status == "error_deleting":
                return kept(deletion, "The cloud could not delete it; its support has to help.")
            cause = why_not(item, group, snapshot, await self._disk(evs, deletion))
        except errors.CloudError as exc:
            return self._after(deletion, exc)
        return kept(deletion, cause) if cause else None

    async def _delete(self, deletion: Deletion, send_before: float) -> Deletion:
        evs = self.cloud.project(deletion.project, deletion.asked_by)
        try:
            await evs.delete_snapshot(deletion.snapshot_id, send_before=send_before)
        except errors.CloudError as exc:
            return self._after(deletion, exc)
        return deletion

    def _after(self, deletion: Deletion, failure: errors.CloudError) -> Deletion:
        """The row after an error of the cloud: a snapshot that is not there is deleted, by the bot or outside of it."""
        if isinstance(failure, errors.NotFound):
            return vanished(deletion)
        if isinstance(failure, errors.CloudUnavailable | errors.Throttled):
            return self._unless_too_long(deletion)
        return kept(deletion, failure.sentence)

    async def _disk(self, evs: Evs, deletion: Deletion) -> Disk | None:
        try:
            return await evs.show_disk(deletion.disk_id)
        except errors.NotFound:
            return None  # the disk is gone; its snapshots may outlive it

    def _unless_too_long(
        self, deletion: Deletion, why: str = "The cloud had not deleted it after an hour."
    ) -> Deletion:
        return deletion if deletion.tried < GIVE_UP else never_learned(deletion, f"{why} Look at it in the console.")

    # --- telling ------------------------------------------------------------------------------------------------------

    async def _save(self, after: Sequence[Deletion]) -> bool:
        return bool(after) and await self.store.save_deletions(after, [deletion_ended(one) for one in after])

    async def _tell(self, request: Request) -> float | None:
        """Each asking once nothing of it is being deleted any more."""
        busy = {one.asking for one in await self._rows(request, DeletionState.DELETING)}
        ended = await self._rows(request, DeletionState.DELETED, DeletionState.KEPT)
        for rows in _apart([one for one in ended if one.asking not in busy], lambda one: one.asking):
            try:
                await self._say_once(request, rows[0].asking, "told", told_deletions(rows))
            except errors.SlackBusy as exc:
                return exc.retry_after
            await self.store.deletions_told(rows)
            del self._said[request.id, rows[0].asking, "told"]
        return None


def told_deletions(rows: Sequence[Deletion]) -> list[str]:
    """The outcome of each, in words."""
    lines = []
    for gone in _apart([one for one in rows if one.state is DeletionState.DELETED], lambda one: one.agreed_by):
        what = "1 snapshot is" if len(gone) == 1 else f"{len(gone)} snapshots are"
        agreed = " and ".join(sentences.person(one) for one in gone[0].agreed_by)
        who = f"{sentences.person(gone[0].asked_by)} asked{f' and {agreed} agreed' if agreed else ''}"
        lines.append(f"{what} deleted, as {who}: {', '.join(sentences.quoted(one.label) for one in gone[:NAMED])}")
        lines[-1] += f" and {len(gone) - NAMED} more." if len(gone) > NAMED else "."
    stay = [one for one in rows if one.state is DeletionState.KEPT]
    lines += [f"{_kept_or_not(one)} {one.cause}" for one in stay[:NAMED]]
    if len(stay) > NAMED:
        lines.append(f"And {len(stay) - NAMED} more were kept.")
    return lines


def _kept_or_not(one: Deletion) -> str:
    if one.sent:
        return f"I asked the cloud to delete the snapshot of {sentences.quoted(one.label)}, and it may still do so."
    return f"Kept: the snapshot of {sentences.quoted(one.label)}."


def _apart(rows: Sequence[Deletion], mark: Callable[[Deletion], Hashable]) -> list[list[Deletion]]:
    """Rows of one mark together, in the order in which the marks come."""
    together: dict[Hashable, list[Deletion]] = {}
    for one in rows:
        together.setdefault(mark(one), []).append(one)
    return list(together.values())
