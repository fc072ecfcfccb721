"""Who waits for the end of a request is woken by what changes it, and looks by itself where nothing is heard."""

from __future__ import annotations

import asyncio

from bot.api.ends import LOOKS_EVERY_S, Ends
from bot.clock import SystemClock
from tests.builders import NOON


class SlowClock(SystemClock):
    """Remembers how long it was slept, and sleeps for ever."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.Event().wait()


async def test_a_change_between_the_look_and_the_wait_is_not_missed() -> None:
    ends = Ends(SlowClock())
    with ends.watched("r-1", 60.0) as watch:
        ends.heard("report:C1", NOON, "", "r-1")
        assert await asyncio.wait_for(watch.another_look(), 1)


async def test_only_those_who_wait_for_it_are_woken() -> None:
    ends = Ends(SlowClock())
    with ends.watched("r-1", 60.0) as one, ends.watched("r-1", 60.0) as two, ends.watched("r-2", 60.0) as other:
        looks = [asyncio.create_task(watch.another_look()) for watch in (one, two, other)]
        await asyncio.sleep(0)
        ends.heard("watch:payments-prod", NOON, "", "")
        ends.heard("report:C1", NOON, "", "r-1")
        done, waiting = await asyncio.wait(looks, timeout=0.05)
        assert done == set(looks[:2])
        waiting.pop().cancel()


async def test_it_looks_by_itself_and_never_beyond_its_time() -> None:
    clock = SlowClock()
    with Ends(clock).watched("r-1", 60.0) as long, Ends(clock).watched("r-1", 0.5) as short:
        looks = [asyncio.create_task(watch.another_look()) for watch in (long, short)]
        await asyncio.sleep(0.01)
        assert clock.slept[0] == LOOKS_EVERY_S
        assert 0 < clock.slept[1] <= 0.5
        for look in looks:
            look.cancel()
    with Ends(clock).watched("r-1", 0.0) as none:
        assert not await none.another_look()


async def test_at_a_stop_all_look_once_more_and_go() -> None:
    ends = Ends(SlowClock())
    with ends.watched("r-1", 60.0) as watch:
        look = asyncio.create_task(watch.another_look())
        await asyncio.sleep(0)
        ends.stop()
        assert await asyncio.wait_for(look, 1)
        assert not await watch.another_look()


async def test_nothing_is_left_of_those_who_went() -> None:
    ends = Ends(SlowClock())
    with ends.watched("r-1", 1.0), ends.watched("r-1", 1.0):
        pass
    assert ends._watches == {}
