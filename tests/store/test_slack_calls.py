"""Replicas that share one budget: what each of them calls counts for all."""

from __future__ import annotations

import asyncio
import random

from bot.store.slack_calls import StoredRoom
from bot.store.store import Store
from tests.builders import FakeClock

EDITS = 50


async def test_three_replicas_together_make_no_more_calls_in_any_minute_than_one_may(
    store: Store, clock: FakeClock
) -> None:
    rng, rooms = random.Random(3), [store.room("chat.update") for _ in range(3)]
    made: list[float] = []

    async def call(room: StoredRoom) -> None:
        if room.wait_s(EDITS) == 0 and await room.take(EDITS):
            clock.pass_(seconds=rng.uniform(0.1, 0.5))
            made.append(clock.monotonic())
            await room.answered()

    while clock.monotonic() < 300:
        await asyncio.gather(*(call(room) for room in rooms))
        clock.pass_(seconds=rng.uniform(0.0, 0.5))
    assert max(sum(at <= other < at + 60 for other in made) for at in made) <= EDITS
    assert len(made) > 4 * EDITS


async def test_a_replica_that_found_no_room_knows_until_when(store: Store, clock: FakeClock) -> None:
    one, other = store.room("chat.update"), store.room("chat.update")
    for _ in range(3):
        assert await one.take(3)
        await one.answered()
        clock.pass_(seconds=10)
    assert other.wait_s(2) == 0.0
    assert not await other.take(2)
    assert (other.wait_s(3), other.wait_s(2), other.wait_s(1)) == (0.0, 40.0, 40.0)
    assert not await other.take(3)
    assert other.wait_s(3) == 30.0
    clock.pass_(seconds=30)
    assert await other.take(3)


async def test_a_pause_that_slack_asks_of_one_replica_is_one_for_all(store: Store, clock: FakeClock) -> None:
    one, other = store.room("chat.update"), store.room("chat.update")
    await one.rest(20)
    await other.rest(5)
    assert await store.room("chat.postMessage").take(1)
    clock.pass_(seconds=5)
    assert not await other.take(EDITS)
    assert other.wait_s(EDITS) == 15.0
    clock.pass_(seconds=15)
    assert await other.take(EDITS)


async def test_calls_of_a_replica_that_died_amid_them_count_no_longer_than_a_call_can_last(
    store: Store, clock: FakeClock
) -> None:
    dead, other = store.room("chat.update"), store.room("chat.update")
    assert await dead.take(1)
    clock.pass_(seconds=80)
    assert not await other.take(1)
    clock.pass_(seconds=11)
    assert await other.take(1)
