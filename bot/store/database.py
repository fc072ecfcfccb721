"""One SQLite file behind one thread. Transactions are generators: they yield queries and are sent rows.

A generator runs from begin to commit on the store's own thread, so the event loop is never blocked, no lock is held
across an await, and one round trip serves a transaction of any length. Nothing in it knows which database runs it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import sqlite_utils

from bot.store.schema import migrations, refuse_newer

log = logging.getLogger(__name__)

CHECKPOINT_EVERY = 100
"""Commits between two moves of the write-ahead log into the file."""

LOG_PAGES = 1_500
"""Room made in the log at the start, about 6 MB: overwriting is synced faster than appending, at p99 by far."""

T = TypeVar("T")
Row = Mapping[str, Any]
Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Query:
    """One SQL text with named parameters, in the subset that SQLite and PostgreSQL share."""

    sql: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Want:
    """A duty this transaction calls for; the engine hears of it once the transaction is committed."""

    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Aside:
    """A row that a script could not read and passed over. `why` is the name of the error: its text may hold the row."""

    table: str
    key: str
    why: str


Script = Generator[Query | Want | Aside, Rows, T]
"""What a transaction does, step by step."""


def sql(text: str, /, **params: Any) -> Query:
    return Query(text, params)


class SqliteDatabase:
    """WAL, `synchronous=FULL` (accepted means never lost, on power failure too), mode 0600, one writer thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="store", daemon=True)
        self._db: sqlite_utils.Database | None = None
        self._commits = 0
        self._wants: list[Want] = []
        self._aside: set[Aside] = set()
        self._wake: Callable[[str, datetime], None] = lambda key, at: None

    def on_wanted(self, wake: Callable[[str, datetime], None]) -> None:
        """Who hears of duties. Called in the event loop, after the commit."""
        self._wake = wake

    async def open(self) -> None:
        """Raises StoreTooNew."""
        self._thread.start()
        try:
            await self._on_thread(self._connect)
        except BaseException:
            self._jobs.put(None)
            raise

    async def make_room_in_the_log(self) -> None:
        """For a process that answers people: see LOG_PAGES."""
        await self._on_thread(self._grow_log)

    async def close(self) -> None:
        await self._on_thread(self._disconnect)
        self._jobs.put(None)
        self._thread.join()

    async def run(self, script: Script[T]) -> T:
        """Run a transaction and commit it, or roll all of it back. Its duties are announced after the commit.

        A caller that is cancelled meanwhile stops nothing: rows, not callers, decide what happens next.
        """
        return await self._on_thread(lambda: self._transaction(script))

    def run_behind(self, script: Script[None]) -> None:
        """Run a transaction that nobody waits for, after those that were handed over before. It calls for no duty."""

        def job() -> None:
            try:
                self._transaction(script)
            except Exception:
                log.exception("a transaction that nobody waited for failed")

        self._jobs.put(job)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        """Hand over to the thread; one wake-up of the loop brings back the result and the duties wanted."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            self._wants = []
            try:
                result = work()
            except BaseException as exc:
                loop.call_soon_threadsafe(_fail, answered, exc)
            else:
                loop.call_soon_threadsafe(self._answer, answered, result, self._wants)
            if self._commits >= CHECKPOINT_EVERY:
                self._checkpoint()

        self._jobs.put(job)
        return await answered

    def _answer(self, answered: asyncio.Future[T], result: T, wants: list[Want]) -> None:
        for want in wants:
            self._wake(want.key, want.at)
        if not answered.done():
            answered.set_result(result)

    # --- on the store's thread ----------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _connect(self) -> None:
        # Made with 0600 before SQLite sees it: the -wal and -shm files take over its mode.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._path.chmod(0o600)
        # Driver autocommit: otherwise `update … returning` leaves a transaction open and what follows joins it.
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5.0)
        connection.row_factory = sqlite3.Row
        db = sqlite_utils.Database(connection)
        db.enable_wal()
        db.execute("pragma synchronous=full")
        db.execute("pragma foreign_keys=on")
        # By itself SQLite moves the log into the file within a commit that somebody waits for; here it is moved after
        # one has been answered (`_checkpoint`), and this is only the net below.
        db.execute("pragma wal_autocheckpoint=10000").fetchall()
        try:
            refuse_newer(db, self._path.name)
            migrations.apply(db)
        except BaseException:
            db.close()
            raise
        self._db = db

    def _checkpoint(self) -> None:
        self._commits = 0
        if self._db is not None:
            self._db.execute("pragma wal_checkpoint(passive)").fetchall()

    def _grow_log(self) -> None:
        assert self._db is not None
        self._db.execute("pragma synchronous=off")
        self._db.execute("create table if not exists log_room (pages integer)")
        self._db.execute("delete from log_room")
        self._db.execute("insert into log_room values (0)")
        for _ in range(LOG_PAGES):
            self._db.execute("update log_room set pages = pages + 1")
        self._db.execute("pragma synchronous=full")
        self._db.execute("pragma wal_checkpoint(restart)").fetchall()

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _set_aside(self, row: Aside) -> None:
        """Once in a life: the duties that the row calls for come again and again."""
        if row not in self._aside:
            self._aside.add(row)
            facts = {"table": row.table, "row": row.key, "why": row.why}
            log.error("a stored row can't be read and is set aside; the others go on", extra=facts)

    def _transaction(self, script: Script[T]) -> T:
        if self._db is None:
            raise RuntimeError("The store is not open.")
        connection = self._db.conn
        assert connection is not None
        connection.execute("begin immediate")
        try:
            step = next(script)
            while True:
                if isinstance(step, Want):
                    self._wants.append(step)
                    step = script.send(())
                elif isinstance(step, Aside):
                    self._set_aside(step)
                    step = script.send(())
                else:
                    step = script.send(_fetched(connection.execute(step.sql, step.params)))
        except StopIteration as stop:
            connection.execute("commit")
            self._commits += 1
            result: T = stop.value
            return result
        except BaseException:
            connection.execute("rollback")
            raise


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
