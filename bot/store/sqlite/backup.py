"""A copy of the store's file, made while a bot writes to it, and looked at before it counts.

One reading transaction lasts for the whole copy: it is the store of one moment, and in WAL mode holds up no commit. It
is written in small steps, each on the disk before the next, so that no acknowledgement stands behind a heap of pages.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import StoreFailed, StoreMissing
from bot.store import audit
from bot.store.definitions import REQUEST_OPEN
from bot.store.script import Script, sql
from bot.store.sqlite.connection import stepped
from bot.store.sqlite.schema import TRIGGERS
from bot.store.trail import search
from bot.store.upkeep import verification

STEP_PAGES = 256
"""1 MiB: what a commit of the bot may find before it on the way to the disk."""

PAUSE_SECONDS = 0.005
"""After each step, so that the disk is the bot's in between."""

_PAGE = 1_000
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Stopped(StoreFailed):
    """It was told to stop; all of it was undone."""

    def __init__(self) -> None:
        super().__init__("Stopped. All of it was undone.")


@dataclass(frozen=True, slots=True)
class Held:
    """The contents of a store at one moment, in numbers. `head`: the number and hash of the audit trail's last row."""

    requests: int
    under_way: int
    head: tuple[int, str]


@dataclass(frozen=True, slots=True)
class Copy:
    """A file that was written and looked at. `broken`: what is wrong with the audit trail, in it as in its source."""

    held: Held
    size: int
    broken: list[str]


def held() -> Script[Held]:
    (requests,) = yield sql("select count(*) as number from request")
    (under_way,) = yield sql(f"select count(*) as number from request where {REQUEST_OPEN}")
    return Held(requests["number"], under_way["number"], (yield from audit.head()))


def copied(source: Path, target: Path, stop: threading.Event) -> Copy:
    """Copy the store at `source` to a file that is not there yet, with mode 0600. It has its name once it is whole and
    on the disk. Raises StoreMissing, StoreFailed or Stopped, and leaves nothing behind then.
    """
    with told_kindly(target), partial_file(target) as partial:
        before = _copied(source, partial, stop)
        return named(partial, target, before, stop)


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """The file that is written, under a name of its own. One that a killed process left behind is written over; two
    processes never write one.
    """
    if target.exists():
        raise StoreFailed(f"{target} is there already and stays as it is. Name another file.")
    path = target.with_name(f"{target.name}.partial")
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise StoreFailed(f"{target} can't be written: {exc.strerror}.") from None
    with ExitStack() as left:
        left.callback(os.close, file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreFailed(f"Another process writes {target}. Wait for it, or name another file.") from None
        left.callback(path.unlink, missing_ok=True)  # half a copy is none; a whole one has its own name by then
        os.ftruncate(file, 0)
        os.fchmod(file, 0o600)
        yield path


@contextmanager
def told_kindly(target: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise _no_room(target) from None
        if code == sqlite3.SQLITE_CORRUPT:
            raise _damaged(str(exc)) from None
        raise StoreFailed(f"The store could not be copied to {target} ({exc}). Nothing of it was kept.") from None
    except OSError as exc:
        if exc.errno in _NO_ROOM:
            raise _no_room(target) from None
        raise StoreFailed(f"{target} could not be written: {exc.strerror}. Nothing of it was kept.") from None


def _no_room(target: Path) -> StoreFailed:
    free = shutil.disk_usage(target.parent).free
    return StoreFailed(
        f"There is no room for {target}: {shown_size(free)} are free. Nothing of it was kept. Make room, or name a "
        "file on another disk."
    )


def _damaged(found: str) -> StoreFailed:
    return StoreFailed(
        f"The copy is damaged, and so may be the store: {found}. Nothing of it was kept. Look at the store with: "
        "sqlite3 FILE 'pragma integrity_check'"
    )


def shown_size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _copied(source: Path, target: Path, stop: threading.Event) -> Held:
    with closing(opened(source, "rw")) as read, closing(sqlite3.connect(target, isolation_level=None)) as written:
        written.execute("pragma synchronous = off")  # each step is synced here
        written.execute("pragma journal_mode = off")  # until it is whole it is nothing to go back to
        read.execute("begin")
        try:
            before = stepped(held(), read)
        except sqlite3.DatabaseError as exc:
            raise StoreMissing(f"{source} can't be read as a store: {exc}.") from None
        file = os.open(target, os.O_RDWR)
        try:
            read.backup(written, pages=STEP_PAGES, progress=lambda *_: _paced(file, stop))
            written.execute("pragma journal_mode = delete")  # one file, with no log beside it
        finally:
            os.close(file)
    return before


def named(partial: Path, target: Path, before: Held, stop: threading.Event) -> Copy:
    """Give a file that was written its name, if it holds what it should."""
    copy = looked_at(partial, before, stop)
    on_disk(partial)
    partial.rename(target)
    on_disk(target.parent)
    return copy


def _paced(file: int, stop: threading.Event) -> None:
    os.fdatasync(file)
    if stop.wait(PAUSE_SECONDS):
        raise Stopped


def looked_at(target: Path, before: Held, stop: threading.Event) -> Copy:
    with closing(opened(target, "ro&immutable=1")) as written:
        found = [row[0] for row in written.execute("pragma integrity_check(3)")]
        if found != ["ok"]:
            raise _damaged("; ".join(found))
        after = stepped(held(), written)
        if after != before:
            raise StoreFailed(f"The copy does not hold what the store held: {after}, not {before}. It was not kept.")
        return Copy(after, target.stat().st_size, _trail(written, stop))


def _trail(connection: sqlite3.Connection, stop: threading.Event) -> list[str]:
    """Each problem of the audit trail, in words."""
    verified = verification.Verification(stepped(verification.witness(TRIGGERS), connection))
    after: int | None = None
    while page := stepped(search.page(search.EVERY_ROW, after, _PAGE), connection):
        if stop.is_set():
            raise Stopped
        after = page[-1]["seq"]
        if broken := verified.take(page):
            return [broken]
    return verified.missing()


def opened(path: Path, mode: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as exc:
        raise StoreMissing(f"{path} can't be opened as a store: {exc}.") from None
    connection.row_factory = sqlite3.Row
    return connection


def on_disk(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
