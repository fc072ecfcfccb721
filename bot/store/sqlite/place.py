"""The place of a store on a disk, and in words why it can't be one."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from bot.domain.errors import StoreFailed

_BY_ERRNO: Mapping[int, str] = {
    errno.ENOENT: "its folder does not exist. Make it",
    errno.ENOTDIR: "a part of its path is no folder. Correct it",
    errno.EISDIR: "it is a folder. Name a file in it",
    errno.EACCES: "this user may not write there. Run as the bot's user, or give that user the file and its folder",
    errno.EPERM: "it belongs to another user. Run as the bot's user",
    errno.EROFS: "its disk is read-only. Mount it for writing",
}
_FULL = "its disk is full, or nearly so ({left}). Make room"
_BY_SQLITE: Mapping[int, str] = {
    sqlite3.SQLITE_NOTADB: "it is no SQLite database. Move that file away, or put back a copy of the store",
    sqlite3.SQLITE_CORRUPT: "it is damaged. Keep it, and put back a copy of the store",
    sqlite3.SQLITE_BUSY: "another process keeps it locked. End that one",
    sqlite3.SQLITE_READONLY: "this user may not write there. Run as the bot's user",
    sqlite3.SQLITE_CANTOPEN: "this user may not write in its folder. Run as the bot's user",
}


def not_opened(path: Path, exc: OSError | sqlite3.Error) -> StoreFailed:
    """Why the store can't be opened, and what to do."""
    return StoreFailed(f"The store {path} can't be opened: {why(path, exc)}, or name another one with BOT_STORE.")


def why(path: Path, exc: OSError | sqlite3.Error) -> str:
    """The cause and what to do, as a part of a sentence."""
    if isinstance(exc, OSError):
        number, words, full = exc.errno or 0, _BY_ERRNO, errno.ENOSPC
    else:
        number, words, full = getattr(exc, "sqlite_errorcode", 0) & 0xFF, _BY_SQLITE, sqlite3.SQLITE_FULL
    if number == full:
        return _FULL.format(left=f"{bytes_left(path) // 1024**2} MiB left")
    return words.get(number) or f"{getattr(exc, 'strerror', '') or exc}. Mend that"


def bytes_left(path: Path) -> int:
    """Room for this user on the disk of its folder. Raises OSError."""
    disk = os.statvfs(path.parent)
    return disk.f_bavail * disk.f_frsize


def size_of(path: Path) -> int:
    """The bytes of a store, with its write-ahead log. Raises OSError."""
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
