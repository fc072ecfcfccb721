"""SystemClock: the one caller of datetime.now, the monotonic clock and asyncio.sleep."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

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
