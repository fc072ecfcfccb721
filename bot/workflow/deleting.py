"""delete:{request}: lets restore points go, asked again at every hop and only what the bot made itself.

Deleting twice does no harm: what is gone is gone, and what is being deleted is waited for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain import sentences
from bot.domain.access import CLOSED_RULES, Action, Actor, Denied, decide, standing_refused
from bot.domain.deletions import Deletion, DeletionState, deletable, why_not
from bot.domain.errors import (
    CannotPost,
    CloudError,
    CloudUnavailable,
    LookupFailed,
    MessageGone,
    MessageRefused,
    NotFound,
    SlackBusy,
    Throttled,
)
from bot.domain.groups import Group
from bot.domain.projects import Project
from bot.domain.requests import Item, Request
from bot.domain.snapshots import Disk
from bot.interfaces import AuditEntry, Clock, Cloud, Evs, People, Store, ThreadNotices
from bot.workflow.approving import Told
from bot.workflow.arrival import Refused, with_helpers
from bot.workflow.lookups import look_up

log = logging.getLogger(__name__)

AGREE_TIME = timedelta(minutes=60)
SEND_WITHIN = timedelta(seconds=20)
AGAIN_SECONDS = 3.0
GIVE_UP = timedelta(hours=1)
"""A snapshot that the cloud has not deleted by then is told as kept; it may still go."""


class Deleting:
    """What people ask for. `channel` None: from where there is no place; the place of the request counts."""

    def __init__(self, store: Store, projects: Mapping[str, Project], clock: Clock) -> None:
        self._store = store
        self._projects = projects
        self._clock = clock

    async def delete(self, actor: Actor, channel: str | None, any_id: str) -> Told:
        """Ask to let go everything a request made, or one snapshot of it; or agree to somebody else's asking."""
        unknown = Told(f"I know no restore point {sentences.quoted(any_id)} that you may delete.", done=False)
        if standing := standing_refused(actor):
            await self._store.record([AuditEntry(actor.user_id, Action.DELETE, "", "denied", standing.rule)])
            return Told(standing.explanation, done=False)
        found = await self._store.find(any_id)
        if found is None or found[0].project is None:
            return unknown
        request, items = found
        asked = [one for one in await self._store.deletions(request.id) if one.state is DeletionState.ASKED]
        action = Action.APPROVE if asked and actor.user_id != asked[0].asked_by else Action.DELETE
        if refused := await self._refusal(actor, channel, request, action, unknown):
            return refused
        if asked:
            return await self._agree(actor, request, asked)
        wanted = [item for item in deletable(items) if any_id in (request.id, item.id, item.snapshot_id)]
        if not wanted:
            return Told("Nothing of that was made by this request, so there is nothing of it to delete.", done=False)
        return await self._ask(actor, channel or request.place.channel_id, request, wanted)

    async def _ask(self, actor: Actor, channel: str, request: Request, wanted: Sequence[Item]) -> Told:
        needed = self._needed(request)
        state = DeletionState.ASKED if needed else DeletionState.DELETING
        rows = [
            Deletion(
                item.id,
                request.id,
                item.project,
                item.snapshot_id or "",
                item.disk.id,
                item.disk.label,
                state,
                actor.user_id,
                channel,
                self._clock.now(),
            )
            for item in wanted
        ]
        entry = _entry(actor, request, "allowed", "granted", len(rows))
        if not await self._store.ask_deletion(rows, [entry]):
            return Told("These are deleted already, or are about to be.", done=False)
        what = "1 snapshot" if len(rows) == 1 else f"{len(rows)} snapshots"
        if needed:
            others = "Another person who may approve has" if needed == 1 else f"{needed} others who may approve have"
            return Told(f"{others} to agree within 60 minutes, by typing `delete {request.id}` too.", done=True)
        return Told(f"Deleting {what}; the thread says when they are gone.", done=True)

    async def _agree(self, actor: Actor, request: Request, asked: Sequence[Deletion]) -> Told:
        first = asked[0]
        if actor.user_id == first.asked_by:
            return Told("You asked for this yourself; somebody else has to agree.", done=False)
        if actor.user_id in first.agreed_by:
            return Told("You agreed to this already.", done=False)
        agreed = (*first.agreed_by, actor.user_id)
        enough = len(agreed) >= self._needed(request)
        state = DeletionState.DELETING if enough else DeletionState.ASKED
        entry = _entry(actor, request, "allowed", "agreed-to-delete", len(asked))
        await self._store.save_deletions([replace(one, agreed_by=agreed, state=state) for one in asked], [entry])
        return Told("You agreed; they are deleted now." if enough else "You agreed; more people have to.", done=True)

    def _needed(self, request: Request) -> int:
        project = self._projects.get(request.project or "")
        return project.approvals if project else 0

    async def _refusal(
        self, actor: Actor, channel: str | None, request: Request, action: Action, unknown: Told
    ) -> Told | None:
        alias = request.project or ""
        place = request.place.channel_id if channel is None else channel
        grants = await self._store.grants_for(actor)
        decision = decide(actor, action, alias, self._projects.get(alias), place, grants, self._clock.now())
        if not isinstance(decision, Denied):
            return None
        await self._store.record([_entry(actor, request, "denied", decision.rule, 0)])
        if decision.rule in CLOSED_RULES:
            return unknown
        refused = Refused(decision.explanation, decision.rule, alias)
        return Told((await with_helpers(self._store, refused, self._clock)).sentence, done=False)


class Deleter:
    """The duty: asks once more whether it may, looks, deletes, and tells what became of each."""

    def __init__(
        self,
        store: Store,
        people: People,
        cloud: Cloud,
        notices: ThreadNotices,
        projects: Mapping[str, Project],
        clock: Clock,
    ) -> None:
        self._store = store
        self._people = people
        self._cloud = cloud
        self._notices = notices
        self._projects = projects
        self._clock = clock

    async def __call__(self, request_id: str) -> float | None:
        rows = [one for one in await self._store.deletions(request_id) if not one.told]
        found = await self._store.request(request_id)
        if not rows or found is None:
            return None
        request, items = found
        asked = [one for one in rows if one.state is DeletionState.ASKED]
        if asked:
            return await self._wait_for_others(request, asked)
        going = [one for one in rows if one.state is DeletionState.DELETING]
        if going:
            return await self._go_on(request, items, going)
        return await self._tell(request, rows)

    async def _wait_for_others(self, request: Request, asked: Sequence[Deletion]) -> float | None:
        left_s = (asked[0].asked_at + AGREE_TIME - self._clock.now()).total_seconds()
        if left_s > 0:
            return left_s
        await self._store.save_deletions([_kept(one, "Nobody else agreed within 60 minutes.") for one in asked])
        return 0.0

    async def _go_on(self, request: Request, items: Sequence[Item], going: Sequence[Deletion]) -> float | None:
        if refused := await self._refused(request, going[0]):
            await self._store.save_deletions([_kept(one, refused) for one in going])
            return 0.0
        evs = self._cloud.project(going[0].project)
        proofs = await self._proofs(request, items)
        after = await asyncio.gather(*(self._one(evs, one, *proofs[one.item_id]) for one in going))
        await self._store.save_deletions([one for one, before in zip(after, going, strict=True) if one != before])
        return 0.0 if all(one.ended for one in after) else AGAIN_SECONDS

    async def _refused(self, request: Request, deletion: Deletion) -> str:
        """Whoever asked, and everybody who agreed, must still be somebody who may."""
        people = [(deletion.asked_by, Action.DELETE), *((one, Action.APPROVE) for one in deletion.agreed_by)]
        project = self._projects.get(deletion.project)
        for user_id, action in people:
            try:
                actor = await look_up(self._people, self._clock, user_id)
            except LookupFailed as exc:
                return exc.sentence
            grants = await self._store.grants_for(actor)
            place, now = deletion.channel_id, self._clock.now()
            decision = decide(actor, action, deletion.project, project, place, grants, now)
            if isinstance(decision, Denied):
                await self._store.record([_entry(actor, request, "denied", decision.rule, 1)])
                return decision.explanation
        if project is not None and len(deletion.agreed_by) < project.approvals:
            return f"{deletion.project} needs the agreement of {project.approvals} other people."
        return ""

    async def _proofs(self, request: Request, items: Sequence[Item]) -> dict[str, tuple[Item, Group | None]]:
        """By which the cloud shows that each item's snapshot is the bot's."""
        groups = {one.id: one for one in await self._store.groups_of(request.id)}
        return {item.id: (item, groups.get(item.group_id or "")) for item in items}

    async def _one(self, evs: Evs, deletion: Deletion, item: Item, group: Group | None) -> Deletion:
        """Look, then delete; answers the row as it is now."""
        try:
            snapshot = await evs.show_snapshot(deletion.snapshot_id)
            if snapshot.status == "deleting":
                return self._unless_too_long(deletion)
            if snapshot.status == "error_deleting":
                return _kept(deletion, "The cloud could not delete it; its support has to help.")
            if cause := why_not(item, group, snapshot, await self._disk(evs, deletion)):
                return _kept(deletion, cause)
            await evs.delete_snapshot(deletion.snapshot_id, send_before=self._clock.now() + SEND_WITHIN)
        except NotFound:
            return replace(deletion, state=DeletionState.DELETED)
        except (CloudUnavailable, Throttled):
            return self._unless_too_long(deletion)
        except CloudError as exc:
            return _kept(deletion, exc.sentence)
        return deletion

    async def _disk(self, evs: Evs, deletion: Deletion) -> Disk | None:
        try:
            return await evs.show_disk(deletion.disk_id)
        except NotFound:
            return None  # the disk is gone; its snapshots may outlive it

    def _unless_too_long(self, deletion: Deletion) -> Deletion:
        if self._clock.now() - deletion.asked_at < GIVE_UP:
            return deletion
        return _kept(deletion, "The cloud had not deleted it after an hour; look at it in the console.")

    async def _tell(self, request: Request, rows: Sequence[Deletion]) -> float | None:
        try:
            await self._notices.say_in_thread(request, told_deletions(rows))
        except SlackBusy as exc:
            return exc.retry_after
        except (CannotPost, MessageGone, MessageRefused):
            log.warning("nobody could be told of a deletion", extra={"request": request.id})
        entries = [
            AuditEntry(
                one.asked_by,
                Action.DELETE,
                one.item_id,
                "done" if one.state is DeletionState.DELETED else "failed",
                str(one.state),
                {"snapshot": one.snapshot_id, "disk": one.disk_id, "project": one.project},
            )
            for one in rows
        ]
        await self._store.save_deletions([replace(one, told=True) for one in rows], entries)
        return None


def told_deletions(rows: Sequence[Deletion]) -> list[str]:
    """What became of each, in words."""
    gone = [one for one in rows if one.state is DeletionState.DELETED]
    kept = [one for one in rows if one.state is DeletionState.KEPT]
    who = sentences.person(rows[0].asked_by)
    agreed = " and ".join(sentences.person(one) for one in rows[0].agreed_by)
    lines = []
    if gone:
        what = "1 snapshot is" if len(gone) == 1 else f"{len(gone)} snapshots are"
        lines.append(f"{what} deleted, as {who} asked{f' and {agreed} agreed' if agreed else ''}: ")
        lines[-1] += ", ".join(sentences.quoted(one.label) for one in gone[:15])
        lines[-1] += f" and {len(gone) - 15} more." if len(gone) > 15 else "."
    lines += [f"Kept: the snapshot of {sentences.quoted(one.label)}. {one.cause}" for one in kept[:15]]
    if len(kept) > 15:
        lines.append(f"And {len(kept) - 15} more were kept.")
    return lines


def _kept(deletion: Deletion, cause: str) -> Deletion:
    return replace(deletion, state=DeletionState.KEPT, cause=cause)


def _entry(actor: Actor, request: Request, outcome: str, rule: str, count: int) -> AuditEntry:
    details: dict[str, str | int | None] = {"project": request.project, "snapshots": count}
    allowed = outcome == "allowed"
    return AuditEntry(actor.user_id, Action.DELETE, request.id, "allowed" if allowed else "denied", rule, details)
