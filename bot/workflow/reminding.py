"""remind:{request}: some days before restore points were to go, asks whether to keep them or to let them go."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain import sentences
from bot.domain.access import CLOSED_RULES, Action, Actor, Denied, decide, standing_refused
from bot.domain.deletions import DeletionState, still_kept
from bot.domain.errors import CannotPost, MessageGone, MessageRefused, SlackBusy
from bot.domain.projects import Project
from bot.domain.requests import Item, ItemState, Request, remind_time
from bot.interfaces import AuditEntry, Clock, Cloud, DirectReplies, Replies, Saying, Store
from bot.workflow.approving import Told
from bot.workflow.arrival import Refused, with_helpers
from bot.workflow.restoring import existing_snapshots
from bot.workflow.viewing import unknown_id

log = logging.getLogger(__name__)


class Reminder:
    """Reminds once for each end; whoever keeps them longer is asked again before the new one."""

    def __init__(self, store: Store, cloud: Cloud, replies: Replies, direct: DirectReplies, clock: Clock) -> None:
        self._store = store
        self._cloud = cloud
        self._replies = replies
        self._direct = direct
        self._clock = clock

    async def __call__(self, request_id: str) -> float | None:
        found = await self._store.request(request_id)
        if found is None or found[0].remind_at is None or found[0].ended_at is None:
            return None
        request, items = found
        assert request.remind_at is not None
        left_s = (request.remind_at - self._clock.now()).total_seconds()
        if left_s > 0:
            return left_s
        left = await self._left(request, items)
        if left:
            held = still_kept(await self._store.sharing(request.id), self._clock.now())
            saying = Saying("reminder", request, left, items, held=frozenset(held))
            try:
                await self._replies.say(saying)
            except SlackBusy as exc:
                return exc.retry_after
            except (CannotPost, MessageGone, MessageRefused):
                return await self._tell_directly(saying)
        await self._store.keep(replace(request, remind_at=None))
        return None

    async def _left(self, request: Request, items: Sequence[Item]) -> list[Item]:
        """What of it the cloud still has, as far as it can be asked."""
        gone = {
            one.item_id
            for one in await self._store.deletions(request.id)
            if one.state in (DeletionState.DELETED, DeletionState.DELETING)
        }
        left = [item for item in items if item.state is ItemState.AVAILABLE and not item.let_go and item.id not in gone]
        ids = [item.snapshot_id for item in left if item.snapshot_id]
        existing = await existing_snapshots(self._cloud, request.project or "", ids) if ids else None
        return left if existing is None else [item for item in left if item.snapshot_id in existing]

    async def _tell_directly(self, saying: Saying) -> float | None:
        try:
            await self._direct.say_to(saying.request.actor_id, saying)
        except SlackBusy as exc:
            return exc.retry_after
        except (CannotPost, MessageGone, MessageRefused):
            log.warning("nobody could be reminded", extra={"request": saying.request.id})
        await self._store.keep(replace(saying.request, remind_at=None))
        return None


class Keeping:
    """Keeps restore points for as long again; by whoever could have asked for them."""

    def __init__(self, store: Store, projects: Mapping[str, Project], clock: Clock) -> None:
        self._store = store
        self._projects = projects
        self._clock = clock

    async def keep(self, actor: Actor, channel: str | None, request_id: str) -> Told:
        unknown = Told(f"I know no restore points {sentences.quoted(request_id)} that you may keep.", done=False)
        if standing := standing_refused(actor):
            await self._store.record([AuditEntry(actor.user_id, "keep", "", "denied", standing.rule)])
            return Told(standing.explanation, done=False)
        found = await self._store.request(request_id)
        if found is None or found[0].project is None:
            await self._store.record([unknown_id(actor.user_id, "keep", found[0].id if found else "")])
            return unknown
        request, alias = found[0], found[0].project
        place = request.place.channel_id if channel is None else channel
        grants, now = await self._store.grants_for(actor), self._clock.now()
        decision = decide(actor, Action.CREATE, alias, self._projects.get(alias), place, grants, now)
        if isinstance(decision, Denied):
            await self._store.record([AuditEntry(actor.user_id, "keep", request.id, "denied", decision.rule)])
            if decision.rule in CLOSED_RULES:
                return unknown
            refused = Refused(decision.explanation, decision.rule, alias)
            return Told((await with_helpers(self._store, refused)).sentence, done=False)
        until, days = request.expires_at, request.order.keep_days
        if until is None or days is None:
            return Told("These are kept until somebody deletes them anyway.", done=False)
        if request.remind_at is not None:
            return Told("Somebody kept these a moment before you.", done=False)
        kept = replace(request, kept_until=max(until, now) + request.keep_for)
        kept = replace(kept, remind_at=remind_time(kept, now))
        entry = AuditEntry(actor.user_id, "keep", request.id, "done", decision.rule, {"project": alias, "days": days})
        await self._store.keep(kept, [entry])
        return Told(f"Kept for {days} more days; I ask again before they are over.", done=True)
