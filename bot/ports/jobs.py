"""The jobs that the engine runs, and what it needs of the rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

Handler = Callable[[str], Awaitable[float | None]]
"""Does what the rows call for and answers in how many seconds it wants to be called again, or None for never."""

OLD_DATES_SECONDS = 120.0
"""How long after the clock was set back a job that began before it may write down a date from then."""


class Overdue(NamedTuple):
    """Jobs whose time has come and that nothing has begun: how many, and how long that is so of the oldest."""

    jobs: int
    seconds: float


class Engine(Protocol):
    """Runs a job when its time has come, at least once and never twice at the same time."""

    @property
    def idle_s(self) -> float:
        """Seconds since it last looked whether something is due."""
        ...

    async def overdue(self) -> Overdue:
        """Raises StoreFailed where they are in a database that is away."""
        ...

    def schedule(self, key: str, at: datetime, lane: str = "") -> None:
        """Call for a job that no transaction calls for."""
        ...

    def take_changed(self, key: str) -> Collection[str] | None:
        """The rows about which a job that runs was called for since this was asked last; None: that is not known."""
        ...

    async def run(self, handlers: Mapping[str, Handler]) -> None:
        """Until `stop`. A handler by the word before the colon of each key."""
        ...

    async def stop(self, grace_s: float) -> None: ...


class JobSource(Protocol):
    """The rows as the engine sees them. Raises StoreFailed."""

    async def jobs(self) -> Iterable[tuple[str, datetime, str]]:
        """Every job they call for, but those of later days: its key, when, and the lane in which it waits."""
        ...

    async def writable(self) -> bool: ...

    async def clock_set(self, by: timedelta) -> None:
        """The machine's clock was set: what only measures how long something waits moves along."""
        ...

    async def look_longer(self, by: timedelta) -> None:
        """The date is about to go forward by so much: what is looked for is looked for as long as ever, or longer."""
        ...

    async def bring_dates_back(self) -> None:
        """No row waits for a date from before the clock was set back, by whichever job it was written since."""
        ...
