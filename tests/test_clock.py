from __future__ import annotations

from datetime import timedelta

from bot.clock import SystemClock
from bot.ports.clock import Clock


async def test_the_system_clock_tells_aware_utc_and_sleeps() -> None:
    clock: Clock = SystemClock()
    before = clock.now()
    await clock.sleep(0)
    assert clock.now() >= before
    assert before.utcoffset() == timedelta(0)


def test_seconds_that_are_waited_never_go_back() -> None:
    clock = SystemClock()
    told = [clock.monotonic() for _ in range(1000)]
    assert told == sorted(told)
