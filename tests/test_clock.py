from __future__ import annotations

from datetime import timedelta

from bot.clock import SteadyClock, SystemClock
from bot.ports.clock import Clock
from tests.builders import NOON, FakeClock


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


def test_a_steady_date_follows_the_machine_only_when_it_is_told_to() -> None:
    machine = FakeClock()
    clock = SteadyClock(machine)
    machine.step(hours=25)
    machine.pass_(seconds=10)
    assert clock.now() == NOON + timedelta(seconds=10)
    assert clock.ahead() == timedelta(hours=25)
    clock.follow(clock.ahead())
    machine.pass_(seconds=5)
    assert clock.now() == NOON + timedelta(hours=25, seconds=15)
    assert clock.ahead() == timedelta()
