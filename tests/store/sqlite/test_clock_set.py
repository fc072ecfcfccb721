"""What is asked for while the clock is followed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.ports.forms import DeferredReply
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from tests.builders import FakeClock
from tests.store.together import held


@pytest.mark.parametrize("hours", [-2, 2])
async def test_what_is_written_and_read_while_the_clock_is_followed_has_the_new_date(
    database: SqliteDatabase, store: Store, clock: FakeClock, hours: int
) -> None:
    """An answer that seems to be owed for hours is given no more."""
    await store.take_deferred_reply(a_reply("before", clock))
    async with held(database):
        clock.step(hours=hours)
        setting = asyncio.create_task(store.clock_set(timedelta(hours=hours)))
        await asyncio.sleep(0)
        taking = asyncio.create_task(store.take_deferred_reply(a_reply("after", clock)))
        reading = asyncio.create_task(store.deferred_reply("before"))
    await asyncio.gather(setting, taking)
    for reply in (await reading, await store.deferred_reply("after")):
        assert reply and reply.created_at == clock.now()


def a_reply(reply_id: str, clock: FakeClock) -> DeferredReply:
    return DeferredReply(reply_id, "command", "U1", "C1", None, {"text": "status"}, clock.now())
