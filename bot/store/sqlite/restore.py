"""A backup put in the place of a store: whole, migrated and read through beside it, and then there in one step."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlite_utils

from bot.domain.audit import AuditEntry
from bot.domain.errors import StoreFailed, StoreMissing
from bot.store.sqlite.backup import Copy, Held, copied, held, on_disk, opened, told_kindly
from bot.store.sqlite.connection import stepped, writing
from bot.store.sqlite.lock import StoreLock
from bot.store.sqlite.schema import refuse_newer
from bot.store.upkeep.restoring import Followed, restored

_BESIDE = ("-wal", "-shm", "-journal")
_GRANTS = "select subject_kind, subject_id, role, project, source from {}.access_grant"


@dataclass(frozen=True, slots=True)
class Since:
    """The store that was there, as far as the backup has it not. `of_its_past`: the backup is a former state of it.

    `open`: ids of its requests that had not ended. Grants are as their rows: subject's kind and id, role, project,
    source.
    """

    held: Held
    of_its_past: bool
    requests: int
    open: Sequence[str]
    granted: Sequence[tuple[str, ...]]
    revoked: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Restored:
    """`kept`: where the store is that was there, if there was one; `since` is None where it could not be read."""

    copy: Copy
    kept: Path | None
    since: Since | None
    followed: Followed


Entries = Callable[[Copy, Since | None], Sequence[AuditEntry]]
"""The rows of the trail that say what was done."""


def put_back(
    file: Path, store: Path, now: datetime, stop: threading.Event, entries: Entries, chores: Sequence[str]
) -> Restored:
    """Make `file` the store. Until the very last step the store stays as it is.

    Raises StoreInUse while a bot runs on it, StoreTooNew, StoreMissing, StoreFailed or Stopped.
    """
    with StoreLock(store).held(), told_kindly(store), incoming_beside(store := _behind_links(store)) as incoming:
        fit(file)
        copy = copied(file, incoming, stop)
        since = _since(store, incoming) if store.exists() else None
        with closing(writing(incoming)) as connection:
            connection.execute("begin immediate")
            followed = stepped(restored(entries(copy, since), chores, now), connection)
            connection.execute("commit")
        on_disk(incoming)
        kept = _kept(store, now) if store.exists() else None
        incoming.replace(store)
        on_disk(store.parent)
    return Restored(copy, kept, since, followed)


def _behind_links(store: Path) -> Path:
    """SQLite keeps the log beside the file itself."""
    return store.resolve() if store.is_symlink() else store


def fit(file: Path) -> None:
    try:
        with closing(opened(file, "rw")) as backup:
            refuse_newer(sqlite_utils.Database(backup), file.name)
    except sqlite3.DatabaseError as exc:
        raise StoreMissing(f"{file} can't be read as a store: {exc}.") from None


@contextlib.contextmanager
def incoming_beside(store: Path) -> Iterator[Path]:
    """A name beside the store, or beside the backup. A file that has it is of a restore that was killed."""
    path = store.with_name(f"{store.name}.restoring")
    with contextlib.ExitStack() as left:
        for end in ("", *_BESIDE):
            beside = path.with_name(f"{path.name}{end}")
            beside.unlink(missing_ok=True)
            left.callback(beside.unlink, missing_ok=True)
        yield path


def _since(store: Path, incoming: Path) -> Since | None:
    """None where the store can't be read, which is why it is replaced."""
    try:
        with closing(opened(incoming, "ro&immutable=1")) as connection:
            connection.execute("attach ? as was", (f"{store.absolute().as_uri()}?mode=rw",))
            return _compared(store, connection)
    except sqlite3.Error:
        return None


def _compared(store: Path, both: sqlite3.Connection) -> Since:
    with closing(opened(store, "rw")) as was:
        before = stepped(held(), was)
    seq, row_hash = stepped(held(), both).head
    same = both.execute("select hash from was.audit where seq = ?", (seq,)).fetchone()
    newer = both.execute("select id, state from was.request where id not in (select id from main.request)").fetchall()
    ended = ("finished", "denied", "dropped")

    def grants(first: str, second: str) -> list[tuple[str, ...]]:
        text = f"{_GRANTS.format(first)} except {_GRANTS.format(second)} order by 4, 1, 2, 3"
        return [tuple(row) for row in both.execute(text)]

    return Since(
        before,
        seq == 0 or (same is not None and same["hash"] == row_hash),
        len(newer),
        [row["id"] for row in newer if row["state"] not in ended],
        grants("was", "main"),
        grants("main", "was"),
    )


def _kept(store: Path, now: datetime) -> Path:
    """Keep the store under another name beside it, too. Its log is moved into it first: it would be taken for the log
    of the file that comes in its place. Where that can't be done, as it is damaged, its log is kept with it.
    """
    kept = store.with_name(f"{store.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
    if kept.exists():
        raise StoreFailed(f"{kept} is there already. Wait a second, and restore again.")
    _fold(store)
    os.link(store, kept)
    for end in _BESIDE:
        beside = store.with_name(f"{store.name}{end}")
        if beside.exists():
            beside.rename(kept.with_name(f"{kept.name}{end}"))
    return kept


def _fold(store: Path) -> None:
    try:
        with closing(sqlite3.connect(store, timeout=2.0, isolation_level=None)) as connection:
            connection.execute("pragma wal_checkpoint(truncate)").fetchall()
            connection.execute("pragma journal_mode = delete").fetchall()
    except sqlite3.Error as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreFailed(
                f"Another process reads or writes {store}: a command, or a backup that is being made. Wait for it, and "
                "restore again."
            ) from None
