"""The jobs that the engine runs, and what it needs of the rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

Handler = Callable[[str], Awaitable[float | None]]
"""Does what the rows call for and answers in how many seconds it wants to be called again, or None for never."""


class JobSource(Protocol):
    """The rows as the engine sees them. Raises StoreFailed."""

    async def jobs(self) -> Iterable[tuple[str, datetime, str]]:
        """Every job they call for, but those of later days: its key, when, and the lane in which it waits."""
        ...

    async def writable(self) -> bool: ...

    async def clock_set(self, by: timedelta) -> None:
        """The machine's clock was set: what only measures how long something waits moves along."""
        ...
