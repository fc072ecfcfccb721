"""notify:{request}: a direct message to everybody who could have been asked, when something ran without approval."""

from __future__ import annotations

import logging

from bot.domain.errors import CannotPost, MessageGone, MessageRefused, SlackBusy
from bot.interfaces import DirectReplies, Saying, Store

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0


class Notifier:
    """One message to each; a restart goes on with those who were not told yet."""

    def __init__(self, store: Store, replies: DirectReplies) -> None:
        self._store = store
        self._replies = replies

    async def __call__(self, request_id: str) -> float | None:
        found = await self._store.request(request_id)
        untold = await self._store.untold(request_id)
        if found is None or not untold:
            return None
        request, items = found
        try:
            await self._replies.say_to(untold[0], Saying("break_glass", request, items, items))
        except SlackBusy as exc:
            return exc.retry_after
        except (CannotPost, MessageGone, MessageRefused):
            log.warning("somebody could not be told of a break-glass", extra={"request": request_id, "user": untold[0]})
        await self._store.told(request_id, untold[0])
        return PAUSE_SECONDS if len(untold) > 1 else None
