"""The file of the store: how it is opened for the one who writes and the one who only reads, and the log before it."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from pathlib import Path
from typing import TypeVar

import sqlite_utils

from bot.domain.errors import StoreFailed
from bot.store.script import Query, Rows, Script, numbered
from bot.store.sqlite.place import not_opened
from bot.store.sqlite.schema import migrations, refuse_newer

log = logging.getLogger(__name__)

T = TypeVar("T")

LOG_PAGES = 1_500
"""Room made in the log at the start, about 6 MB: overwriting is synced faster than appending, at p99 by far."""

STATEMENTS_KEPT = 512
"""More than there are in `bot/store/`: none is read by SQLite twice."""

FOUND_BY_NAME = 8

OPENS_WITHIN_MS = 5_000
LOCKED_MS = 1_500
"""How long a transaction waits for another process that writes. The requester hears "not recorded" while Slack still
listens, which is 3 s.
"""

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
"""Errors of the place and not of the statement (SQLite, Result and Error Codes)."""


def as_ours(exc: BaseException) -> BaseException:
    """A disk that is full, gone or read-only, and a file that is locked or damaged, leave as StoreFailed."""
    code = getattr(exc, "sqlite_errorcode", None)
    if code is None or code & 0xFF not in _OF_THE_DISK:
        return exc
    ours = StoreFailed(f"The bot's store could not be read or written ({exc}).")
    ours.__cause__ = exc
    return ours


def writing(path: Path) -> sqlite3.Connection:
    """WAL, `synchronous=FULL` (accepted means never lost, on power failure too), mode 0600, with the schema in place.

    Raises StoreFailed or StoreTooNew.
    """
    try:
        # Made with 0600 before SQLite sees it: the -wal and -shm files take over its mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as exc:
        raise not_opened(path, exc) from exc
    try:
        return _prepared(_opened(path, OPENS_WITHIN_MS), path.name)
    except sqlite3.DatabaseError as exc:
        raise not_opened(path, exc) from exc


def _prepared(connection: sqlite3.Connection, name: str) -> sqlite3.Connection:
    with contextlib.ExitStack() as undone:
        undone.callback(connection.close)
        db = sqlite_utils.Database(connection)
        db.enable_wal()
        connection.execute("pragma synchronous=full")
        connection.execute("pragma foreign_keys=on")
        # By itself SQLite moves the log into the file within a commit that a person waits for; here it is moved after
        # one has been answered (`move_log`), and this is only the net below.
        connection.execute("pragma wal_autocheckpoint=10000").fetchall()
        refuse_newer(db, name)
        migrations.apply(db)
        undone.pop_all()
    return connection


def reading(path: Path) -> sqlite3.Connection:
    """For a file that is open for writing already. It sees what was committed when a transaction begins, waits for no
    commit and holds up none.
    """
    connection = _opened(path, LOCKED_MS)
    connection.execute("pragma query_only=on")
    return connection


def _opened(path: Path, waits_ms: int) -> sqlite3.Connection:
    # Driver autocommit: otherwise `update … returning` leaves a transaction open and what follows joins it.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS_KEPT)
    connection.execute(f"pragma busy_timeout = {waits_ms}")
    connection.row_factory = sqlite3.Row
    return connection


def move_log(connection: sqlite3.Connection) -> None:
    """Move the log into the file. Where that fails the log holds all of it, and it is tried again later."""
    try:
        connection.execute("pragma wal_checkpoint(passive)").fetchall()
    except sqlite3.Error as exc:
        log.warning("the store's log could not be moved into its file", extra={"error": str(exc)})


def make_room_in_log(connection: sqlite3.Connection, path: Path) -> None:
    """See LOG_PAGES. Raises StoreFailed where there is no such room on the disk."""
    connection.execute("pragma synchronous=off")
    try:
        connection.execute("create table if not exists log_room (pages integer)")
        connection.execute("delete from log_room")
        connection.execute("insert into log_room values (0)")
        for _ in range(LOG_PAGES):
            connection.execute("update log_room set pages = pages + 1")
    except sqlite3.DatabaseError as exc:
        raise not_opened(path, exc) from exc
    finally:
        connection.execute("pragma synchronous=full")
    connection.execute("pragma wal_checkpoint(restart)").fetchall()


def execute(query: Query, connection: sqlite3.Connection) -> sqlite3.Cursor:
    """A few values are found by their names. For each of many SQLite goes through all names, so those have numbers."""
    if len(query.params) <= FOUND_BY_NAME:
        return connection.execute(query.sql, query.params)
    text, names = numbered(query.sql, "?")
    return connection.execute(text, tuple(map(query.params.__getitem__, names)))


def stepped(script: Script[T], connection: sqlite3.Connection) -> T:
    """Run a script on an open connection, within whatever transaction it has begun; nothing is done of its jobs."""
    rows: Rows | None = None
    try:
        while True:
            step = next(script) if rows is None else script.send(rows)
            rows = execute(step, connection).fetchall() if isinstance(step, Query) else ()
    except StopIteration as stop:
        result: T = stop.value
        return result
