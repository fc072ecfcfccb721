"""One SQLite file behind two threads. Transactions are generators: they yield queries and are sent rows.

A generator runs from begin to commit on a thread of the store, so the event loop is never blocked, no lock is held
across an await, and one round trip serves a transaction of any length. Nothing in it knows which database runs it.

One thread writes. Those that wait there are committed together, so that one sync of the disk serves all of them; each
is in a savepoint and fails alone, and none is answered before the commit has returned. The other thread only reads.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from bot.domain.errors import StoreFailed, StoreMissing
from bot.ports.meters import StoreMeter
from bot.store.database import Schedule
from bot.store.handed_over import Announcements
from bot.store.script import Announced, Aside, Query, Rows, Script
from bot.store.sqlite.connection import (
    LOCKED_MS,
    OPENS_WITHIN_MS,
    execute,
    make_room_in_log,
    move_log,
    reading,
    writing,
)
from bot.store.sqlite.place import not_opened, size_of
from bot.store.sqlite.schema import TRIGGERS
from bot.store.sqlite.worker import Job, Worker

log = logging.getLogger(__name__)

TOGETHER = 64
TOGETHER_SECONDS = 0.005
"""How many transactions are committed together at most, and after how long no other one joins them: the first of them
waits that long at most for the others.
"""

CHECKPOINT_EVERY = 100
"""Commits between two moves of the write-ahead log into the file."""

STILL_LOCKED_MS = 50
"""How long a transaction waits for another process that writes, after one waited LOCKED_MS in vain and until one does
not: those behind it would wait one after the other.
"""

STOP_SECONDS = 2.0
"""How long an ending process waits for the store's threads. One that hangs on a dead disk is left behind."""

T = TypeVar("T")
P = ParamSpec("P")


class SqliteDatabase:
    """A transaction that was answered is on the disk. See `bot.store.sqlite.connection` for the file, and above.

    `worker` makes what serves the two lines of work, from a name and what serves one job: each a thread.
    """

    triggers = TRIGGERS

    def __init__(self, path: Path, worker: Callable[[str, Callable[[Job], None]], Worker] = Worker) -> None:
        self._path = path
        self._writer = worker("store", self._write)
        self._reader = worker("store-reader", self._read)
        self._writing: sqlite3.Connection | None = None
        self._reading: sqlite3.Connection | None = None
        self._commits = 0
        self._waits_ms = OPENS_WITHIN_MS
        self._announcements = Announcements()
        self._between = 0
        """How many transactions wait before which nothing goes that is handed over after them."""
        self._acknowledging = 0
        self._broken: asyncio.Event | None = None

    def on_scheduled(self, schedule: Schedule) -> None:
        self._announcements.schedules.append(schedule)

    def on_measured(self, meter: StoreMeter) -> None:
        self._announcements.meter = meter

    async def size(self) -> int:
        """With what waits in the write-ahead log. Looked at on the thread that reads: a disk may hang."""
        found: list[int] = []

        def look() -> None:
            try:
                found.append(size_of(self._path))
            except OSError as exc:
                raise not_opened(self._path, exc) from exc

        await self._reader.do(look)
        return found[0]

    @property
    def acknowledging(self) -> bool:
        """Whether an acknowledgement waits for a transaction."""
        return self._acknowledging > 0

    async def broken(self) -> None:
        """Returns when a thread of the store does no more work, though it was not closed."""
        assert self._broken is not None
        await self._broken.wait()

    async def open(self, *, made: bool = True) -> None:
        """Raises StoreFailed, StoreTooNew, or StoreMissing where it is not to be `made`."""
        if not made and not self._path.exists():
            raise StoreMissing(f"There is no store at {self._path}. Name the file with BOT_STORE or --config.")
        self._broken = asyncio.Event()
        self._writer.start(self._broken.set)
        self._reader.start(self._broken.set)
        try:
            await self._writer.do(self._connect)
        except BaseException:  # also when cancelled: no thread is left behind
            self._writer.stop()
            self._reader.stop()
            raise

    async def make_room_in_the_log(self) -> None:
        """For a process that answers people."""
        await self._writer.do(lambda: make_room_in_log(self._connected(), self._path))

    async def close(self) -> None:
        """Takes STOP_SECONDS at most, whatever the disk does."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._reader.do(self._disconnect_reader)
                await self._writer.do(self._disconnect)
        except (TimeoutError, StoreFailed):
            log.error("the store could not be closed")
        for worker in (self._reader, self._writer):
            worker.stop()
            worker.join(0.1)

    async def run(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        """Raises StoreFailed when the disk is full or gone; all of it was rolled back then."""
        return await self._answered(self._writer, "write", lambda: script(*args, **named))

    async def run_first(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        self._acknowledging += 1
        try:
            return await self._answered(
                self._writer, "acknowledgement", lambda: script(*args, **named), first=not self._between
            )
        finally:
            self._acknowledging -= 1

    async def run_between(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        self._between += 1
        try:
            return await self.run(script, *args, **named)
        finally:
            self._between -= 1

    async def read(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        worker = self._writer if self._between else self._reader
        return await self._answered(worker, "read", lambda: script(*args, **named))

    def run_behind(self, script: Callable[P, Script[None]], *args: P.args, **named: P.kwargs) -> None:
        self._writer.hand_over(Job(lambda: script(*args, **named)))

    async def _answered(self, worker: Worker, kind: str, script: Callable[[], Script[T]], *, first: bool = False) -> T:
        answered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._announcements.timed(kind):
            worker.hand_over(Job(script, answered, first))
            return await answered

    def _answer(self, transactions: Iterable[Job]) -> None:
        for transaction in transactions:
            self._announcements.announce(transaction.announced)
            transaction.answer()

    # --- on the thread that writes ------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._writing = writing(self._path)

    def _connected(self) -> sqlite3.Connection:
        if self._writing is None:
            raise StoreFailed("The bot's store is not open.")
        return self._writing

    def _disconnect(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _write(self, first: Job) -> None:
        """Run it with those that wait behind it, and answer them. The log is moved after that."""
        batch: list[Job] = []
        try:
            self._commit_together(self._together(first), batch)
        finally:
            self._writer.give(self._answer, batch)  # the loop is woken once for all of them
        if self._commits >= CHECKPOINT_EVERY:
            self._commits = 0
            move_log(self._connected())

    def _together(self, first: Job) -> Iterator[Job]:
        """It and what waits behind it; after one that an acknowledgement waits for, only others like that."""
        until = time.monotonic() + TOGETHER_SECONDS
        job: Job | None = first
        taken, urgent = 0, False
        while job is not None:
            yield job
            taken, urgent = taken + 1, urgent or job.first
            full = taken >= TOGETHER or time.monotonic() >= until
            job = None if full else self._writer.another(urgent=urgent)

    def _commit_together(self, transactions: Iterable[Job], batch: list[Job]) -> None:
        """Run transactions and commit them; `batch` becomes what was run. Where all of it came to nothing, each is run
        once more alone: one that is too large for the disk fails no other.
        """
        try:
            for transaction in transactions:
                batch.append(transaction)
                self._run(transaction, self._connected())
            if self._connected().in_transaction:
                self._connected().execute("commit")
                self._commits += 1
        except BaseException as exc:  # it is raised where each answer is waited for
            for transaction in batch:
                transaction.fail(exc)
            if self._writing is not None and self._writing.in_transaction:
                self._writing.execute("rollback")
            if len(batch) > 1:
                for transaction in batch:
                    self._commit_together([transaction], [])

    def _run(self, transaction: Job, connection: sqlite3.Connection) -> None:
        """In the transaction that has begun, in a savepoint; else in a new one. Raises where others are lost by it."""
        joins = connection.in_transaction
        if joins:
            connection.execute("savepoint one")
        else:
            self._begin(connection)
        try:
            self._step(transaction, connection)
        except BaseException as exc:  # whatever breaks a script leaves nothing of it in the file
            transaction.fail(exc)
            if connection.in_transaction:
                connection.execute("rollback to one" if joins else "rollback")
            elif joins:
                raise  # for some failures SQLite rolls all of it back by itself
        if joins:
            connection.execute("release one")

    def _begin(self, connection: sqlite3.Connection) -> None:
        waits_ms = LOCKED_MS
        try:
            connection.execute("begin immediate")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                waits_ms = STILL_LOCKED_MS
            raise
        finally:
            if waits_ms != self._waits_ms:
                self._waits_ms = waits_ms
                connection.execute(f"pragma busy_timeout = {waits_ms}")

    # --- on the thread that reads -------------------------------------------------------------------------------------

    def _read(self, job: Job) -> None:
        self._look_up(job)
        self._reader.give(self._answer, [job])

    def _look_up(self, job: Job) -> None:
        try:
            if self._reading is None:
                self._reading = reading(self._path)
            self._reading.execute("begin")
            self._step(job, self._reading)
        except BaseException as exc:  # it is raised where the answer is waited for
            job.fail(exc)
        if self._reading is not None and self._reading.in_transaction:
            self._reading.execute("rollback")

    def _disconnect_reader(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    # --- on both ------------------------------------------------------------------------------------------------------

    def _step(self, transaction: Job, connection: sqlite3.Connection) -> None:
        script: Script[Any] = transaction.work()
        announced: list[Announced] = []
        try:
            step = next(script)
            while True:
                rows: Rows = ()
                if isinstance(step, Query):
                    cursor = execute(step, connection)
                    rows = cursor.fetchall() if cursor.description else ()
                elif isinstance(step, Aside):
                    self._announcements.set_aside(step)
                else:
                    announced.append(step)
                step = script.send(rows)
        except StopIteration as stop:
            transaction.done(stop.value, announced)
