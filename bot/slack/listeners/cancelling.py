"""The button that calls back what was not sent yet."""

from __future__ import annotations

from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.access import Actor
from bot.slack.ids import CANCEL
from bot.slack.listeners.actions import Press, Presses
from bot.workflow.actions.cancel import Cancelling
from bot.workflow.gate import Told


class CancelListeners:
    def __init__(self, cancelling: Cancelling, presses: Presses) -> None:
        self._cancelling = cancelling
        self._presses = presses

    def register(self, app: AsyncApp) -> None:
        app.action(CANCEL)(self.on_cancel)
        self._presses.decided_by(CANCEL, self._cancel)

    async def on_cancel(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle(ack, body, CANCEL)

    async def _cancel(self, actor: Actor, press: Press) -> Told:
        return await self._cancelling.cancel(actor, press.judged_at, press.value)
