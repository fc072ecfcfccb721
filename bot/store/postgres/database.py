"""The store on PostgreSQL: one connection that writes and a few that read. See `bot.store.postgres.writer`.

A server that is away is not broken: each transaction meanwhile is StoreFailed at once, and the first one after it came
back is served.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

import asyncpg

from bot.ports.clock import Clock
from bot.ports.meters import StoreMeter
from bot.store.database import Schedule
from bot.store.handed_over import Announcements
from bot.store.postgres.connection import (
    BEGINS_READING,
    CONNECTS_WITHIN_SECONDS,
    ERRORS,
    as_ours,
    cannot_open,
    connect,
    is_closed,
    options,
)
from bot.store.postgres.line import Line, Transaction
from bot.store.postgres.schema import TRIGGERS, migrate
from bot.store.postgres.scripts import ConnectionLost, execute, run
from bot.store.postgres.writer import Enqueue, Writer
from bot.store.script import Script, sql

log = logging.getLogger(__name__)

TOGETHER = 64
TOGETHER_SECONDS = 0.005
"""How many transactions are committed together at most, and after how long no other one joins them: the first of them
waits that long at most for the others.
"""

READERS = 4
STOP_SECONDS = 2.0
"""How long an ending process waits for the server. A connection that hangs is left behind."""

T = TypeVar("T")
P = ParamSpec("P")


class PostgresDatabase:
    """A transaction that was answered is on the server's disk. `url` as libpq knows it; `clock` is the machine's."""

    triggers = TRIGGERS

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._announcements = Announcements()
        self._writer = Writer(url, clock, self._announcements.set_aside)
        self._line = Line()
        self._writing: asyncio.Task[None] | None = None
        self._pool: Any = None
        self._readings: set[asyncio.Task[Any]] = set()
        self._between = 0
        """How many transactions wait before which nothing goes that is handed over after them."""
        self._acknowledging = 0
        self._broken = asyncio.Event()
        self._closed = False

    @property
    def acknowledging(self) -> bool:
        """Whether an acknowledgement waits for a transaction of this replica."""
        return self._acknowledging > 0

    @property
    def url(self) -> str:
        return self._url

    def on_scheduled(self, schedule: Schedule) -> None:
        self._announcements.schedules.append(schedule)

    def on_measured(self, meter: StoreMeter) -> None:
        self._announcements.meter = meter

    async def size(self) -> int:
        return await self.read(_size)

    def on_committing(self, enqueue: Enqueue) -> None:
        """Who puts the jobs of transactions into a queue, in the very transaction that calls for them."""
        self._writer.enqueue = enqueue

    async def broken(self) -> None:
        """Returns when it does no more work, though it was not closed."""
        await self._broken.wait()

    async def open(self, *, made: bool = True) -> None:
        """Raises StoreFailed, saying what to do, StoreTooNew, or StoreMissing where it is not to be `made`."""
        try:
            connection = await connect(self._url)
            try:
                await migrate(connection, made=made)
            finally:
                connection.terminate()
            self._pool = await asyncpg.create_pool(self._url, min_size=1, max_size=READERS, reset=_nothing, **options())
        except (ValueError, *ERRORS) as exc:
            raise cannot_open(exc, self._url) from exc
        self._writing = asyncio.create_task(self._write())
        self._writing.add_done_callback(self._has_written)

    async def close(self) -> None:
        """Takes STOP_SECONDS at most, whatever the server does."""
        self._line.end()
        self._closed = True
        try:
            async with asyncio.timeout(STOP_SECONDS):
                if under_way := {*self._readings, *([self._writing] if self._writing else [])}:
                    await asyncio.wait(under_way)
                await self._writer.close()
                if self._pool is not None:
                    await self._pool.close()
        except (TimeoutError, OSError, asyncpg.InterfaceError):
            log.error("the store could not be closed")
        finally:
            self._terminate()

    def _terminate(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
        self._writer.terminate()
        if self._pool is not None:
            self._pool.terminate()

    async def run(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        """Raises StoreFailed where the server is away, locked or full; all of it was rolled back then."""
        return await self._handed_over("write", lambda: script(*args, **named))

    async def run_first(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        self._acknowledging += 1
        try:
            return await self._handed_over("acknowledgement", lambda: script(*args, **named), first=not self._between)
        finally:
            self._acknowledging -= 1

    async def run_between(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        self._between += 1
        try:
            return await self._handed_over("write", lambda: script(*args, **named))
        finally:
            self._between -= 1

    async def read(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        if self._between or self._closed or self._pool is None:
            return await self._handed_over("read", lambda: script(*args, **named))
        reading = asyncio.create_task(self._looked_up(lambda: script(*args, **named)))
        self._readings.add(reading)
        reading.add_done_callback(self._has_read)
        with self._announcements.timed("read"):
            return await asyncio.shield(reading)  # one that is cancelled amid a statement costs another connection

    async def date(self) -> datetime:
        """By the server's clock, which is one for all replicas."""
        return await self.read(_date)

    def run_behind(self, script: Callable[P, Script[None]], *args: P.args, **named: P.kwargs) -> None:
        self._line.put(Transaction(lambda: script(*args, **named)))

    # --- who writes ---------------------------------------------------------------------------------------------------

    async def _handed_over(self, kind: str, script: Callable[[], Script[T]], *, first: bool = False) -> T:
        if self._writing is None:
            raise RuntimeError("The store is not open.")
        answered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._announcements.timed(kind):
            self._line.put(Transaction(script, answered, first))
            return await answered

    async def _write(self) -> None:
        while (transaction := await self._line.next()) is not None:
            batch: list[Transaction] = []
            together = self._line.together(transaction, TOGETHER, TOGETHER_SECONDS)
            try:
                await self._writer.commit_together(together, batch)
            finally:
                for one in batch or [transaction]:
                    self._announcements.announce(one.announced)
                    one.answer()

    def _has_written(self, writing: asyncio.Task[None]) -> None:
        if not writing.cancelled() and (failure := writing.exception()) is not None:
            log.critical("the store's writing task is broken", exc_info=failure)
            self._line.broken()
            self._broken.set()

    # --- who reads ----------------------------------------------------------------------------------------------------

    async def _looked_up(self, work: Callable[[], Script[T]]) -> T:
        try:
            try:
                return await self._look_up(work)
            except ConnectionLost:  # of a connection that lay idle: the others may be lost as well
                await self._pool.expire_connections()
                return await self._look_up(work)
        except ERRORS as exc:
            if (ours := as_ours(exc)) is exc:
                raise
            raise ours from exc

    async def _look_up(self, work: Callable[[], Script[T]]) -> T:
        async with self._pool.acquire(timeout=CONNECTS_WITHIN_SECONDS) as connection:
            await execute(connection, BEGINS_READING)
            try:
                result, _ = await run(work(), connection, self._announcements.set_aside)
            finally:
                if not is_closed(connection):
                    await execute(connection, "rollback")
            return result

    def _has_read(self, reading: asyncio.Task[Any]) -> None:
        self._readings.discard(reading)
        if not reading.cancelled():
            reading.exception()  # who asked may have gone away


def _date() -> Script[datetime]:
    rows = yield sql("select clock_timestamp() as now")
    now: datetime = rows[0]["now"]
    return now


def _size() -> Script[int]:
    rows = yield sql("select pg_database_size(current_database()) as size")
    return int(rows[0]["size"])


async def _nothing(_: Any) -> None:
    """Between two transactions nothing of a connection has to be set anew."""
