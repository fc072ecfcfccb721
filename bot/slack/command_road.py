"""The road of the bot's own slash command, from what Slack delivered to the acknowledgement, past Bolt's dispatch.

Bolt 1.30 builds a context, passes eight middlewares and asks one listener after the other before it finds that of a
command. Here stands what of all that a command needs; everything else that Slack delivers is Bolt's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from bot.slack.listeners.reading import Listener
from bot.slack.origin import Origin
from bot.slack.payloads import SlashCommand, is_command, read

AT_ONCE = 128
"""Commands that are answered at once: two groups of those that the store commits together. In a burst of thousands the
first are answered before the last are read: all of them read at once, the thread of the store would hardly have a turn.
"""

ANSWERED_WITHIN_SECONDS = 0.05
"""How long after the last answer, or after there was no more room, others wait for some: what holds up all of those
before them holds up none of them for long.
"""

OnError = Callable[[Exception, dict[str, Any], AsyncAck], Awaitable[BoltResponse | None]]


class CommandRoad:
    """Who calls it has checked the signature. What is delivered twice acts once, by its trigger, as on Bolt's way."""

    def __init__(self, command: str, origin: Origin, on_command: Listener[SlashCommand], on_error: OnError) -> None:
        self._command = command
        self._origin = origin
        self._on_command = on_command
        self._on_error = on_error
        self._line = asyncio.Lock()
        self._answering = 0
        self._answered = asyncio.Event()
        self._moved_at = 0.0
        """When the last one was answered, or took the last room."""

    def takes(self, body: dict[str, Any]) -> bool:
        return is_command(body, self._command)

    async def answer(self, body: dict[str, Any]) -> BoltResponse:
        """The acknowledgement. Its listener waits for nothing behind it, so it is not held up."""
        if refused := self._origin.refusal(body):
            return refused
        if self._answering >= AT_ONCE or self._line.locked():
            await self._turn()
        self._answering += 1
        if self._answering == AT_ONCE:
            self._moved_at = _now()
        try:
            return await self._taken(body)
        finally:
            self._answering -= 1
            self._moved_at = _now()
            self._answered.set()

    async def _turn(self) -> None:
        """Wait in line until there is room for one more."""
        async with self._line:
            with contextlib.suppress(TimeoutError):
                while self._answering >= AT_ONCE:
                    self._answered.clear()
                    async with asyncio.timeout_at(self._moved_at + ANSWERED_WITHIN_SECONDS):
                        await self._answered.wait()

    async def _taken(self, body: dict[str, Any]) -> BoltResponse:
        ack = AsyncAck()  # type: ignore[no-untyped-call]  # Bolt has no types here
        try:
            await self._on_command(ack, read(SlashCommand, body))
        except Exception as exc:  # all of them are told in one place
            await self._on_error(exc, body, ack)
        return ack.response or BoltResponse(status=500)


def _now() -> float:
    return asyncio.get_running_loop().time()
