"""A file to which rows are added, each a line of JSON. It may be rotated: it is opened anew for each batch."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from bot.domain.errors import ReceiverAway
from bot.domain.terminal_text import json_line
from bot.outages import Outages, cause_of
from bot.ports.audit import ShippedRow

log = logging.getLogger(__name__)

_MODE = 0o600


class JsonLinesFile:
    """Made with mode 0600 where it is not there. A batch is on the disk when it is taken; half a line that a crash left
    is ended, and the row stands whole behind it.
    """

    def __init__(self, path: Path, outages: Outages) -> None:
        self._path = path
        self._outages = outages
        self._was: tuple[int, int] | None = None
        """The file of the last batch, and how long it was then."""

    async def take(self, rows: Sequence[ShippedRow]) -> None:
        """Raises ReceiverAway."""
        lines = "".join(f"{json_line(row)}\n" for row in rows).encode()
        try:
            await asyncio.to_thread(self._add, lines)
        except OSError as exc:
            self._outages.lost(str(self._path), exc.strerror or cause_of(exc))
            raise ReceiverAway(f"{self._path} can't be written: {exc.strerror}.") from None
        self._outages.found(str(self._path))

    def _add(self, lines: bytes) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        file = os.open(self._path, flags, _MODE)
        try:
            there = os.fstat(file)
            if not stat.S_ISREG(there.st_mode):
                raise OSError(None, "it is no regular file")
            self._notice_cut(there.st_ino, there.st_size)
            if there.st_size and os.pread(file, 1, there.st_size - 1) != b"\n":
                lines = b"\n" + lines
            self._write(file, lines, there.st_size)
            os.fsync(file)
            self._was = there.st_ino, there.st_size + len(lines)
        finally:
            os.close(file)

    def _write(self, file: int, lines: bytes, size: int) -> None:
        """All of it or nothing, as far as the disk allows."""
        left = memoryview(lines)
        try:
            while left:
                left = left[os.write(file, left) :]
        except OSError:
            os.ftruncate(file, size)
            raise

    def _notice_cut(self, number: int, size: int) -> None:
        if self._was and self._was[0] == number and size < self._was[1]:
            facts = {"file": str(self._path), "bytes": self._was[1] - size}
            log.warning("the file that audit rows are shipped to was cut: rows are missing in it", extra=facts)
