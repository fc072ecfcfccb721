"""One SQLite file behind one thread. Transactions are generators: they yield queries and are sent rows.

A generator runs from begin to commit on the store's own thread, so the event loop is never blocked, no lock is held
across an await, and one round trip serves a transaction of any length. Nothing in it knows which database runs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlite_utils

from bot.domain.errors import StoreFailed
from bot.store.schema import migrations, refuse_newer

log = logging.getLogger(__name__)

CHECKPOINT_EVERY = 100
"""Commits between two moves of the write-ahead log into the file."""

LOG_PAGES = 1_500
"""Room made in the log at the start, about 6 MB: overwriting is synced faster than appending, at p99 by far."""

OPENS_WITHIN_MS = 5_000
LOCKED_MS = 1_500
"""How long a transaction waits for another process that writes. Whoever typed hears "not recorded" while Slack still
listens, which is 3 s.
"""
STILL_LOCKED_MS = 50
"""The same after one waited in vain, until one does not: those behind it would wait one after the other."""

STOP_SECONDS = 2.0
"""How long an ending process waits for the store's thread. One that hangs on a dead disk is left behind."""

_OF_THE_DISK = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
}
"""What is wrong with the place and not with the statement (SQLite, Result and Error Codes)."""

T = TypeVar("T")
P = ParamSpec("P")
Row = Mapping[str, Any]
Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Query:
    """One SQL text with named parameters, in the subset that SQLite and PostgreSQL share."""

    sql: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A job this transaction calls for; the engine hears of it once the transaction is committed. `lane`: whose work
    it is, so that nobody's slow work holds up another's.
    """

    key: str
    at: datetime
    lane: str = ""


@dataclass(frozen=True, slots=True)
class Aside:
    """A row that a script could not read and passed over. `why` is the name of the error: its text may hold the row."""

    table: str
    key: str
    why: str


Script = Generator[Query | ScheduledJob | Aside, Rows, T]
"""What a transaction does, step by step."""


def sql(text: str, /, **params: Any) -> Query:
    return Query(text, params)


@dataclass(frozen=True, slots=True)
class _Job:
    """`do` answers its caller, whatever happens; `fail` does where it is not done any more."""

    do: Callable[[], None]
    fail: Callable[[BaseException], None]


class SqliteDatabase:
    """WAL, `synchronous=FULL` (accepted means never lost, on power failure too), mode 0600, one writer thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread()
        self._db: sqlite_utils.Database | None = None
        self._commits = 0
        self._waits_ms = OPENS_WITHIN_MS
        self._scheduled: list[ScheduledJob] = []
        self._aside: set[Aside] = set()
        self._schedule: Callable[[str, datetime, str], None] = lambda key, at, lane: None
        self._broken: asyncio.Event | None = None

    def on_scheduled(self, schedule: Callable[[str, datetime, str], None]) -> None:
        """Who hears of jobs, with their lanes. Called in the event loop, after the commit."""
        self._schedule = schedule

    async def broken(self) -> None:
        """Returns when the store's thread does no more work, though nobody closed it."""
        assert self._broken is not None
        await self._broken.wait()

    async def open(self) -> None:
        """Raises StoreFailed or StoreTooNew."""
        self._broken = asyncio.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(asyncio.get_running_loop(),), name="store", daemon=True
        )
        self._thread.start()
        try:
            await self._on_thread(self._connect)
        except BaseException:  # also when cancelled: no thread is left behind
            self._jobs.put(None)
            raise

    async def make_room_in_the_log(self) -> None:
        """For a process that answers people: see LOG_PAGES."""
        await self._on_thread(self._grow_log)

    async def close(self) -> None:
        """Takes STOP_SECONDS at most, whatever the disk does."""
        try:
            await asyncio.wait_for(self._on_thread(self._disconnect), STOP_SECONDS)
        except (TimeoutError, StoreFailed):
            log.error("the store could not be closed")
        self._jobs.put(None)
        self._thread.join(0.1)

    async def run(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        """Run a transaction and commit it, or roll all of it back. Its jobs are announced after the commit.

        It is handed over as a function with its arguments, so that it can be run anew: what it does beside the rows
        has to bear that.

        A caller that is cancelled meanwhile stops nothing: rows, not callers, decide what happens next.
        Raises StoreFailed when the disk is full or gone; all of it was rolled back then.
        """
        return await self._on_thread(lambda: self._transaction(script(*args, **named)))

    def run_behind(self, script: Callable[P, Script[None]], *args: P.args, **named: P.kwargs) -> None:
        """Run a transaction that nobody waits for, after those that were handed over before. It calls for no job."""

        def do() -> None:
            try:
                self._transaction(script(*args, **named))
            except Exception:  # what comes after it is handed over all the same
                log.exception("a transaction that nobody waited for failed")

        self._jobs.put(_Job(do, lambda exc: None))

    async def _on_thread(self, work: Callable[[], T]) -> T:
        """Hand over to the thread; one wake-up of the loop brings back the result and the jobs wanted."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[T] = loop.create_future()

        def do() -> None:
            self._scheduled = []
            try:
                result = work()
            except BaseException as exc:  # it is raised where the answer is waited for
                fail(exc)
            else:
                loop.call_soon_threadsafe(self._answer, answered, result, self._scheduled)

        def fail(exc: BaseException) -> None:
            loop.call_soon_threadsafe(_fail, answered, _as_ours(exc))

        self._jobs.put(_Job(do, fail))
        return await answered

    def _answer(self, answered: asyncio.Future[T], result: T, jobs: list[ScheduledJob]) -> None:
        for job in jobs:
            self._schedule(job.key, job.at, job.lane)
        if not answered.done():
            answered.set_result(result)

    # --- on the store's thread ----------------------------------------------------------------------------------------

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do one job after the other. Whatever ends that, who asks afterwards is answered all the same."""
        try:
            while (job := self._jobs.get()) is not None:
                job.do()
                if self._commits >= CHECKPOINT_EVERY:
                    self._checkpoint()
        except BaseException as exc:  # nothing is above it in this thread
            log.critical("the store's thread is broken", exc_info=exc)
            with contextlib.suppress(RuntimeError):  # the loop is gone: so is whoever would hear of it
                loop.call_soon_threadsafe(self._tell_broken)
                while (job := self._jobs.get()) is not None:
                    job.fail(StoreFailed("The bot's store is broken; it has to be started again."))

    def _tell_broken(self) -> None:
        if self._broken is not None:
            self._broken.set()

    def _connect(self) -> None:
        try:
            # Made with 0600 before SQLite sees it: the -wal and -shm files take over its mode.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._path.chmod(0o600)
        except OSError as exc:
            raise StoreFailed(f"The bot's store {self._path} can't be opened: {exc.strerror}.") from exc
        # Driver autocommit: otherwise `update … returning` leaves a transaction open and what follows joins it.
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.execute(f"pragma busy_timeout = {OPENS_WITHIN_MS}")
        connection.row_factory = sqlite3.Row
        db = sqlite_utils.Database(connection)
        db.enable_wal()
        db.execute("pragma synchronous=full")
        db.execute("pragma foreign_keys=on")
        # By itself SQLite moves the log into the file within a commit that somebody waits for; here it is moved after
        # one has been answered (`_checkpoint`), and this is only the net below.
        db.execute("pragma wal_autocheckpoint=10000").fetchall()
        with contextlib.ExitStack() as undone:
            undone.callback(db.close)
            refuse_newer(db, self._path.name)
            migrations.apply(db)
            undone.pop_all()
        self._db = db

    def _checkpoint(self) -> None:
        """Move the log into the file. Where that fails the log holds all of it, and it is tried again later."""
        self._commits = 0
        try:
            if self._db is not None:
                self._db.execute("pragma wal_checkpoint(passive)").fetchall()
        except sqlite3.Error as exc:
            log.warning("the store's log could not be moved into its file", extra={"error": str(exc)})

    def _grow_log(self) -> None:
        assert self._db is not None
        self._db.execute("pragma synchronous=off")
        try:
            self._db.execute("create table if not exists log_room (pages integer)")
            self._db.execute("delete from log_room")
            self._db.execute("insert into log_room values (0)")
            for _ in range(LOG_PAGES):
                self._db.execute("update log_room set pages = pages + 1")
        finally:
            self._db.execute("pragma synchronous=full")
        self._db.execute("pragma wal_checkpoint(restart)").fetchall()

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _set_aside(self, row: Aside) -> None:
        """Once in a life: the jobs that the row calls for come again and again."""
        if row not in self._aside:
            self._aside.add(row)
            facts = {"table": row.table, "row": row.key, "why": row.why}
            log.error("a stored row can't be read and is set aside; the others go on", extra=facts)

    def _transaction(self, script: Script[T]) -> T:
        if self._db is None:
            raise RuntimeError("The store is not open.")
        connection = self._db.conn
        assert connection is not None
        self._begin(connection)
        try:
            result = self._stepped(script, connection)
            connection.execute("commit")
        except BaseException:  # whatever breaks a script leaves nothing of it in the file
            if connection.in_transaction:  # for some failures SQLite has rolled it back by itself
                connection.execute("rollback")
            raise
        self._commits += 1
        return result

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

    def _stepped(self, script: Script[T], connection: sqlite3.Connection) -> T:
        try:
            step = next(script)
            while True:
                if isinstance(step, ScheduledJob):
                    self._scheduled.append(step)
                    step = script.send(())
                elif isinstance(step, Aside):
                    self._set_aside(step)
                    step = script.send(())
                else:
                    step = script.send(_fetched(connection.execute(step.sql, step.params)))
        except StopIteration as stop:
            result: T = stop.value
            return result


def _as_ours(exc: BaseException) -> BaseException:
    """A disk that is full, gone or read-only, and a file that is locked or damaged, leave as StoreFailed."""
    code = getattr(exc, "sqlite_errorcode", None)
    if code is None or code & 0xFF not in _OF_THE_DISK:
        return exc
    ours = StoreFailed(f"The bot's store could not be read or written ({exc}).")
    ours.__cause__ = exc
    return ours


def _fail(answered: asyncio.Future[T], exc: BaseException) -> None:
    if not answered.done():
        answered.set_exception(exc)


def _fetched(cursor: sqlite3.Cursor) -> Rows:
    return cursor.fetchall() if cursor.description else ()


def to_ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


def from_ms(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def span_ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def span_from(ms: int) -> timedelta:
    return timedelta(milliseconds=ms)
