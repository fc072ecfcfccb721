"""The one handler of errors that leave a listener: unexpected ones, and payloads that can't be read.

Bolt 1.30 drops an acknowledgement when its listener fails afterwards; the handler gives it back.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from bot.slack.background_tasks import BackgroundTasks
from bot.slack.client.poster import SlackReplies
from bot.slack.payloads import Delivery, Sender, Unreadable, read
from bot.slack.unexpected import Unexpected
from bot.slack.views import responses
from bot.slack.views.create_modal import disk_options, errors_beside
from bot.workflow.actions.fill_form import DiskOptions

log = logging.getLogger(__name__)

_UNREADABLE = "I can't read what Slack sent me for that, so nothing was done. Try again in a minute."
PICKER = "Something went wrong on my side. Try again in a minute."

TOLD_WITHIN_S = 2.0
"""Slack waits 3 s for an acknowledgement (Events API, Error handling)."""


@dataclass(frozen=True, slots=True)
class ErrorListener:
    unexpected: Unexpected
    replies: SlackReplies
    tasks: BackgroundTasks

    def register(self, app: AsyncApp) -> None:
        app.error(self.on_error)

    async def on_error(self, error: Exception, body: dict[str, Any], ack: AsyncAck) -> BoltResponse | None:
        """Each kind of delivery is answered in its own way. None: it is not acknowledged, and Slack repeats it."""
        delivery, sender = read(Delivery, body), read(Sender, body)
        kind = delivery.event_type or delivery.type or "command"
        if isinstance(error, Unreadable):
            log.warning("a payload can't be read", extra={"kind": kind[:40], "missing": error.fields})
            words = _UNREADABLE
        else:
            words = self.unexpected.report_unexpected(error, "a delivery failed")
        if ack.response is None:
            match delivery.type:
                case None:
                    return await ack(**responses.private(responses.told(words)))
                case "block_suggestion":
                    return await ack(options=disk_options(DiskOptions(sentence=PICKER)))
                case "view_submission" if sender.inputs:
                    return await ack(response_action="errors", errors=errors_beside(sender.inputs, {"": words}))
                case "event_callback" if kind == "app_mention":
                    return await ack() if await self._told_first(sender, words) else None
                case "event_callback":
                    return await ack() if isinstance(error, Unreadable) else None
                case _:
                    await ack()
        self.tasks.start(self._tell(sender, words))
        return ack.response

    async def _told_first(self, sender: Sender, words: str) -> bool:
        """Of a mention that is not written down nothing is left once it is acknowledged, should the bot end then: its
        person is told before. False: that took too long, and Slack repeats it.
        """
        try:
            async with asyncio.timeout(TOLD_WITHIN_S):
                await self._tell(sender, words)
        except TimeoutError:
            return False
        return True

    async def _tell(self, sender: Sender, words: str) -> None:
        if sender.user_id:
            to = (sender.user_id, sender.response_url, sender.channel)
            await self.replies.tell(*to, responses.told(words), sender.thread_ts)
