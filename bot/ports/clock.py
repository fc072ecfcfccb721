"""Time, as an argument."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Time as an argument. Dates are aware UTC; waits and ages are measured in seconds that never step."""

    def now(self) -> datetime:
        """For what is a date: it may step either way when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, for waiting and for how old something is."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class FollowingClock(Clock, Protocol):
    """One whose date goes on as if the machine's clock were never set, until it is told to follow it."""

    def ahead(self) -> timedelta:
        """How far the machine's date is ahead of this one; negative where it was set back."""
        ...

    def follow(self, by: timedelta) -> None: ...
