"""The road of the bot's own slash command, from what Slack delivered to the acknowledgement, past Bolt's dispatch.

Bolt 1.30 builds a context, passes eight middlewares and asks one listener after the other before it finds that of a
command. Here stands what of all that a command needs; everything else that Slack delivers is Bolt's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from bot.slack.listeners.reading import Listener
from bot.slack.origin import Origin
from bot.slack.payloads import SlashCommand, is_command, read

OnError = Callable[[Exception, dict[str, Any], AsyncAck], Awaitable[BoltResponse | None]]


class CommandRoad:
    """Who calls it has checked the signature. What is delivered twice acts once, by its trigger, as on Bolt's way."""

    def __init__(self, command: str, origin: Origin, on_command: Listener[SlashCommand], on_error: OnError) -> None:
        self._command = command
        self._origin = origin
        self._on_command = on_command
        self._on_error = on_error

    def takes(self, body: dict[str, Any]) -> bool:
        return is_command(body, self._command)

    async def answer(self, body: dict[str, Any]) -> BoltResponse:
        """The acknowledgement. Its listener waits for nothing behind it, so it is not held up."""
        if refused := self._origin.refusal(body):
            return refused
        ack = AsyncAck()  # type: ignore[no-untyped-call]  # Bolt has no types here
        try:
            await self._on_command(ack, read(SlashCommand, body))
        except Exception as exc:  # all of them are told in one place
            await self._on_error(exc, body, ack)
        return ack.response or BoltResponse(status=500)
