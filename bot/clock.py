"""SystemClock, the one caller of datetime.now, the monotonic clock and asyncio.sleep; SteadyClock for a running bot."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from bot.ports.clock import Clock

_COUNTS_SLEEP = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Where there is one, the clock that goes on in suspend: what was believed before it is older afterwards."""


class SystemClock:
    """The machine's own time; implements `bot.ports.clock.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_COUNTS_SLEEP)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SteadyClock:
    """Implements `bot.ports.clock.FollowingClock` over another clock.

    When the machine's clock is set, what waits in the rows has to be moved along, and that is not noticed at once. What
    is written in between is of the old date as well, so that it is moved with the rest.
    """

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._date, self._at = machine.now(), machine.monotonic()

    def now(self) -> datetime:
        return self._date + timedelta(seconds=self._machine.monotonic() - self._at)

    def monotonic(self) -> float:
        return self._machine.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._machine.sleep(seconds)

    def ahead(self) -> timedelta:
        return self._machine.now() - self.now()

    def follow(self, by: timedelta) -> None:
        self._date += by
