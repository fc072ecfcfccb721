"""One time for several processes: as many times as fast as outside, from a moment they all know."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class CommonClock:
    """`origin`: what `time.monotonic` said when time began to run faster; implements `bot.ports.clock.Clock`."""

    def __init__(self, speed: float, origin: float) -> None:
        self._speed, self._origin = speed, origin
        self._began = datetime.fromtimestamp(time.time() - time.monotonic() + origin, UTC)

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._origin) * self._speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)
