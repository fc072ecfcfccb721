"""A word to the person who waits, where the cloud lets the bot wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from bot.ports.clock import Clock

WORD_AFTER_S = 3.0
"""Within five seconds people read why nothing moves; Slack needs a moment too."""

T = TypeVar("T")


async def answered(clock: Clock, call: Coroutine[Any, Any, T], say: Callable[[], Awaitable[None]]) -> T:
    """The result of the call; `say` is called once where it takes longer than that. Raises what the call raises."""
    asking = asyncio.ensure_future(call)
    try:
        await asyncio.wait({asking}, timeout=0)
        if not asking.done():
            slow = asyncio.ensure_future(clock.sleep(WORD_AFTER_S))
            await asyncio.wait({asking, slow}, return_when=asyncio.FIRST_COMPLETED)
            slow.cancel()
        if not asking.done():
            await say()
        return await asking
    finally:
        if not asking.done():
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
