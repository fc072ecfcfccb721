"""Work that outlives its acknowledgement ends with the bot, and begins no more after it."""

from __future__ import annotations

import asyncio

from bot.slack.background_tasks import BackgroundTasks
from bot.slack.unexpected import Unexpected


def tasks() -> BackgroundTasks:
    return BackgroundTasks(Unexpected("/snapshot", lambda: "e-00000000"))


async def test_what_goes_on_at_a_stop_is_ended() -> None:
    told: list[str] = []

    async def tell() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            told.append("ended")

    background = tasks()
    background.start(tell())
    await asyncio.sleep(0)
    await background.stop()
    assert told == ["ended"]


async def test_what_a_late_listener_starts_after_the_stop_is_left_undone() -> None:
    """Found by the simulation, seed 21326: a form that froze while the bot stopped was confirmed over a closed line."""
    told: list[str] = []

    async def tell() -> None:
        told.append("told")

    background = tasks()
    await background.stop()
    background.start(tell())
    await asyncio.sleep(0)
    assert told == []
