"""Both engines at work on rows that a test makes up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Set
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bot.clock import SteadyClock, SystemClock
from bot.domain.errors import StoreFailed
from bot.engine.embedded import EmbeddedEngine
from bot.engine.shared import SharedEngine, connected
from bot.ports.jobs import Handler

CLOCK = SystemClock()

Engine = TypeVar("Engine", EmbeddedEngine, SharedEngine)


class Rows:
    """What a store would say its rows call for."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.dated: dict[str, datetime] = {}
        self.full = False
        self.moved: list[timedelta] = []
        self.longer: list[timedelta] = []

    async def jobs(self) -> Iterable[tuple[str, datetime, str]]:
        """What stands behind a slash is the lane."""
        past = CLOCK.now() - timedelta(minutes=1)
        return [(key, self.dated.get(key, past), key.partition("/")[2]) for key in self.keys]

    async def writable(self) -> bool:
        return not self.full

    async def clock_set(self, by: timedelta) -> None:
        if self.full:
            raise StoreFailed("The disk is full.")
        self.moved.append(by)

    async def look_longer(self, by: timedelta) -> None:
        self.longer.append(by)

    async def bring_dates_back(self) -> None:
        if self.full:
            raise StoreFailed("The disk is full.")
        self.dated = dict.fromkeys(self.dated, datetime.fromtimestamp(0, UTC))


async def always(_: str, __: datetime) -> bool:
    """Every replica does each chore."""
    return True


async def date() -> datetime:
    """The database's, which is this machine's."""
    return CLOCK.now()


@asynccontextmanager
async def embedded(rows: Rows, **handlers: Handler) -> AsyncIterator[EmbeddedEngine]:
    async with at_work(EmbeddedEngine(SteadyClock(CLOCK), rows), handlers) as engine:
        yield engine


@asynccontextmanager
async def shared(
    url: str, rows: Rows, *, first_here: Set[str] = frozenset(), **handlers: Handler
) -> AsyncIterator[SharedEngine]:
    pool = await connected(url)
    engine = SharedEngine(SteadyClock(CLOCK), rows, pool, always, date, first_here=first_here)
    try:
        async with at_work(engine, handlers):
            yield engine
    finally:
        pool.terminate()


@asynccontextmanager
async def at_work(engine: Engine, handlers: dict[str, Handler]) -> AsyncIterator[Engine]:
    task = asyncio.create_task(engine.run(handlers))
    try:
        yield engine
    finally:
        await engine.stop(1.0)
        await task


async def until(predicate: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not predicate():
            await asyncio.sleep(0.001)


def recorder(calls: list[str], then: Callable[[str], Awaitable[float | None]] | None = None) -> Handler:
    async def handler(rest: str) -> float | None:
        calls.append(rest)
        return await then(rest) if then else None

    return handler
