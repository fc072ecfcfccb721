"""One running bot per store file: a lock that dies with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from bot.domain.errors import StoreInUse
from bot.store.sqlite.place import not_opened


class StoreLock:
    """Holds `{store}.lock` from construction to `release`. Raises StoreInUse, naming the process that holds it, and
    StoreFailed where no file can be made.
    """

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(f"{store.name}.lock")
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise not_opened(store, exc) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise StoreInUse(
                f"Another snapshot-bot (process {holder}) runs on {store}. "
                "Stop it first, or give this one another store."
            ) from None
        with contextlib.suppress(
            OSError
        ):  # on a full disk the lock holds all the same, and the store says what is wrong
            os.ftruncate(self._file, 0)
            os.write(self._file, str(os.getpid()).encode("ascii"))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """The file stays: removing it would let two processes hold two locks of one name."""
        os.close(self._file)
