"""From what Bolt delivers to a use case: the payload is read first, so nothing is done with one that can't be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.slack.payloads import Read, read

Listener = Callable[[AsyncAck, Read], Awaitable[None]]


def reads(model: type[Read], use: Listener[Read]) -> Callable[..., Awaitable[None]]:
    """A listener of Bolt's, which raises Unreadable before anything is done."""

    async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
        await use(ack, read(model, body))

    return listener
