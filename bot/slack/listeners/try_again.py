"""The button under a failure: the same once more, of the disks that failed, where slash commands do not work."""

from __future__ import annotations

from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.access import Actor
from bot.domain.requests import Place
from bot.slack.ids import TRY_AGAIN
from bot.slack.listeners.actions import Press, Presses
from bot.workflow.actions.try_again import Retrying
from bot.workflow.gate import Told


class RetryListeners:
    """Everybody who sees a failure can press; it is their own request then, and what they may do is asked anew."""

    def __init__(self, retrying: Retrying, presses: Presses) -> None:
        self._retrying = retrying
        self._presses = presses

    def register(self, app: AsyncApp) -> None:
        app.action(TRY_AGAIN)(self.on_again)
        self._presses.decided_by(TRY_AGAIN, self._again)

    async def on_again(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle(ack, body, TRY_AGAIN)

    async def _again(self, actor: Actor, press: Press) -> Told:
        place = Place("", press.channel, press.thread_ts) if press.judged_at else None
        return await self._retrying.again(actor, place, press.value)
