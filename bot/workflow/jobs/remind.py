"""remind:{request}: some days before restore points were to go, asks whether to keep them or to let them go."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.domain.deletions import still_kept, still_there
from bot.domain.errors import CannotPost, MessageGone, MessageRefused, SlackBusy
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud
from bot.ports.deletions import Deletions
from bot.ports.messages import DirectMessage, NewMessage, Text
from bot.ports.requests import Requests
from bot.ports.slack import Replies
from bot.workflow.queries.restore_points import existing_snapshots

log = logging.getLogger(__name__)


class Rows(Deletions, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """Reminds once for each end; where they are kept longer, it asks again before the new one."""

    store: Rows
    cloud: Cloud
    replies: Replies
    clock: Clock
    _said: set[str] = field(default_factory=set, init=False)
    """Reminded, while that could not be written down."""

    async def __call__(self, request_id: str) -> float | None:
        found = await self.store.request(request_id)
        if found is None or found[0].remind_at is None or found[0].ended_at is None:
            return None
        request, items = found
        assert request.remind_at is not None
        left_s = (request.remind_at - self.clock.now()).total_seconds()
        if left_s > 0:
            return left_s
        left = [] if request.id in self._said else await self._left(request, items)
        if left:
            held = frozenset(still_kept(await self.store.sharing(request.id), self.clock.now()))
            try:
                await self.replies.say(NewMessage(Text.REMINDER, request, left, items, held=held))
            except SlackBusy as exc:
                return exc.retry_after
            except (CannotPost, MessageGone, MessageRefused):
                alone = DirectMessage(Text.REMINDER, request, left, items, held=held, to=request.actor_id)
                if (wait_s := await self._tell_directly(alone)) is not None:
                    return wait_s
            self._said.add(request.id)
        await self.store.extend(request, replace(request, remind_at=None))
        self._said.discard(request.id)
        return None

    async def _left(self, request: Request, items: Sequence[Item]) -> list[Item]:
        """The items that the cloud still has, as far as it can be asked."""
        left = still_there(items, await self.store.deletions(request.id))
        ids = [item.snapshot_id for item in left if item.snapshot_id]
        existing = await existing_snapshots(self.cloud, left[0].project, ids) if ids else None
        return left if existing is None else [item for item in left if item.snapshot_id in existing]

    async def _tell_directly(self, alone: DirectMessage) -> float | None:
        try:
            await self.replies.say(alone)
        except SlackBusy as exc:
            return exc.retry_after
        except (CannotPost, MessageGone, MessageRefused):
            log.warning("nobody could be reminded", extra={"request": alone.request.id})
        return None
