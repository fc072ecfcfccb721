"""Who keeps the store from being written, asked of the kernel: no lock is taken, and no file is touched."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import sys
import threading
from pathlib import Path

_PLACES = (("", 0x40000000, 512), ("-shm", 120, 1))
"""Bytes that a writer locks: those of the file (SQLite, os.h, PENDING_BYTE), and in WAL the first of the index's locks
(SQLite, WAL-mode File Format).
"""

_LOCK = "hhqqi4x"
"""struct flock of Linux on machines of 64 bits: type, whence, start, length, process."""

ASKED, EVERY_S = 8, 0.2
"""A writer that is asked for so often holds on to it."""


def held_by(path: Path) -> int:
    """The process that keeps the store locked for longer than a commit takes; 0: none does, or it can't be known."""
    holder = _writer(path)
    for _ in range(ASKED - 1):
        if not holder or holder == _bot(path):
            return 0
        threading.Event().wait(EVERY_S)
        if _writer(path) != holder:
            return 0
    return holder


def _bot(path: Path) -> int:
    """The process that the lock file names: a bot that writes much is no trouble."""
    with contextlib.suppress(OSError, ValueError):
        return int(path.with_name(f"{path.name}.lock").read_text("ascii"))
    return 0


def _writer(path: Path) -> int:
    if sys.platform != "linux":
        return 0
    return next((pid for name, start, length in _PLACES if (pid := _locked(path, name, start, length))), 0)


def _locked(path: Path, name: str, start: int, length: int) -> int:
    try:
        file = os.open(path.with_name(path.name + name), os.O_RDONLY)
    except OSError:
        return 0
    try:
        asked = struct.pack(_LOCK, fcntl.F_RDLCK, os.SEEK_SET, start, length, 0)
        kind, _, _, _, pid = struct.unpack(_LOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
        return 0 if kind == fcntl.F_UNLCK else int(pid)
    finally:
        os.close(file)
