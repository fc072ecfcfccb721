"""remind:{request}: some days before restore points were to go, asks whether to keep them or to let them go."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from bot.domain import sentences
from bot.domain.actors import Actor
from bot.domain.audit import extended
from bot.domain.deletions import Deletion, named, still_kept
from bot.domain.errors import CannotPost, MessageGone, MessageRefused, SlackBusy
from bot.domain.items import Item
from bot.domain.requests import Request, remind_time
from bot.domain.results import Told
from bot.domain.roles import Action
from bot.domain.transitions import DeletionState, ItemState
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud
from bot.ports.deletions import Deletions
from bot.ports.outbox import DirectMessage, NewMessage, Text
from bot.ports.requests import Requests
from bot.ports.slack import Replies
from bot.workflow.gate import Gate, Verb
from bot.workflow.queries.restore_points import existing_snapshots

log = logging.getLogger(__name__)


class Rows(Deletions, Requests, Protocol):
    """The roles of the store that this asks for."""


class Reminder:
    """Reminds once for each end; where they are kept longer, it asks again before the new one."""

    def __init__(self, store: Rows, cloud: Cloud, replies: Replies, clock: Clock) -> None:
        self._store = store
        self._cloud = cloud
        self._replies = replies
        self._clock = clock
        self._said: set[str] = set()
        """Reminded, while that could not be written down."""

    async def __call__(self, request_id: str) -> float | None:
        found = await self._store.request(request_id)
        if found is None or found[0].remind_at is None or found[0].ended_at is None:
            return None
        request, items = found
        assert request.remind_at is not None
        left_s = (request.remind_at - self._clock.now()).total_seconds()
        if left_s > 0:
            return left_s
        left = [] if request.id in self._said else await self._left(request, items)
        if left:
            held = frozenset(still_kept(await self._store.sharing(request.id), self._clock.now()))
            try:
                await self._replies.say(NewMessage(Text.REMINDER, request, left, items, held=held))
            except SlackBusy as exc:
                return exc.retry_after
            except (CannotPost, MessageGone, MessageRefused):
                alone = DirectMessage(Text.REMINDER, request, left, items, held=held, to=request.actor_id)
                if (wait_s := await self._tell_directly(alone)) is not None:
                    return wait_s
            self._said.add(request.id)
        await self._store.extend(request, replace(request, remind_at=None))
        self._said.discard(request.id)
        return None

    async def _left(self, request: Request, items: Sequence[Item]) -> list[Item]:
        """The items that the cloud still has, as far as it can be asked."""
        left = _there(items, await self._store.deletions(request.id))
        ids = [item.snapshot_id for item in left if item.snapshot_id]
        existing = await existing_snapshots(self._cloud, left[0].project, ids) if ids else None
        return left if existing is None else [item for item in left if item.snapshot_id in existing]

    async def _tell_directly(self, alone: DirectMessage) -> float | None:
        try:
            await self._replies.say(alone)
        except SlackBusy as exc:
            return exc.retry_after
        except (CannotPost, MessageGone, MessageRefused):
            log.warning("nobody could be reminded", extra={"request": alone.request.id})
        return None


def _there(items: Sequence[Item], deletions: Sequence[Deletion]) -> list[Item]:
    """The items that are still restore points, as the rows say."""
    going = {one.item_id for one in deletions if one.state in (DeletionState.DELETED, DeletionState.DELETING)}
    made = [item for item in items if item.state is ItemState.AVAILABLE and not item.let_go and not item.gone]
    return [item for item in made if item.id not in going]


_EXTEND = Verb(Action.CREATE, "keep", "I know no restore points {} that you may keep.")


class Extending:
    """Keeps restore points for as long again; by a person who could have asked for them, and of two at once by one."""

    def __init__(self, store: Rows, gate: Gate, clock: Clock) -> None:
        self._store = store
        self._gate = gate
        self._clock = clock

    async def extend(self, actor: Actor, channel: str | None, request_id: str) -> Told:
        admitted = await self._gate.admits(actor, channel, request_id, _EXTEND)
        if isinstance(admitted, Told):
            return admitted
        request, now = admitted.request, self._clock.now()
        until, days = request.expires_at, request.order.keep_days
        if until is None or days is None:
            sentence = "These are kept until somebody deletes them anyway."
            return await self._gate.refuse(actor, admitted, "kept-for-good", sentence)
        deletions = await self._store.deletions(request.id)
        if not _there(admitted.items, deletions):
            sentence = "Nothing of these is left to keep: they are deleted, or about to be."
            return await self._gate.refuse(actor, admitted, "nothing-to-keep", sentence)
        if request.remind_at is not None and request.remind_at > now:
            return await self._gate.refuse(actor, admitted, *_EXTENDED_BEFORE)
        kept = replace(request, kept_until=max(until, now) + request.keep_for)
        kept = replace(kept, remind_at=remind_time(kept, now))
        entry = extended(actor, _EXTEND.name, request, admitted.rule, days)
        if not await self._store.extend(request, kept, [entry]):
            return await self._gate.refuse(actor, admitted, *_EXTENDED_BEFORE)
        told = f"Kept for {days} more days; I ask again before they are over."
        return Told(f"{told}{_still_asked(deletions)}", done=True)


_EXTENDED_BEFORE = ("kept-before", "Somebody kept these a moment before you.")


def _still_asked(deletions: Sequence[Deletion]) -> str:
    """Keeping calls off nothing that another person asked for."""
    asked = [one for one in deletions if one.state is DeletionState.ASKED]
    if not asked:
        return ""
    who = " and ".join(dict.fromkeys(sentences.person(one.asked_by) for one in asked))
    return f" {who} asked to delete {named([one.label for one in asked])}, though: where others agree to that, it goes."
