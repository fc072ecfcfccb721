"""The store's threads, on the loop: each job after a drawn delay; its disk, which may be full; and the file as a killed
process leaves it.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from bot.store.sqlite.connection import writing
from bot.store.sqlite.database import SqliteDatabase
from bot.store.sqlite.worker import Job, Worker
from tests.simulation.loop import SimulatedLoop

_MOST_PAGES = 4_294_967_294

LONGEST_S = 0.003
"""A job and the way of its answer, each; one in fifty takes a hundred times as long, as on a busy disk."""


class InlineWorker(Worker):
    """Serves its lines in the loop. What a thread would do alone is done in one callback: between two of them a process
    can be killed, so between the commit and its answer as well.
    """

    def __init__(self, name: str, serve: Callable[[Job], None]) -> None:
        super().__init__(name, serve)
        self._comes = False
        self._last_at = 0.0

    def start(self, broken: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._broken = broken

    def join(self, wait_s: float) -> None:
        """There is no thread to wait for."""

    def give(self, answer: Callable[..., None], *args: Any) -> None:
        self._later(answer, *args)

    def _put(self, job: Job) -> None:
        super()._put(job)
        if not self._comes:
            self._comes = True
            self._later(self._serve_one)

    def _serve_one(self) -> None:
        self._comes = False
        if not self._lines:
            return
        job = self._next()
        if job is None:
            return
        self._do_alone(job) if job.alone else self._serve(job)
        if self._lines:
            self._comes = True
            self._later(self._serve_one)

    def _later(self, callback: Callable[..., None], *args: Any) -> None:
        """In the order in which it was asked for, as by one thread."""
        loop = self._loop
        assert isinstance(loop, SimulatedLoop)
        delay_s = loop.rng.uniform(0, LONGEST_S) * (100 if loop.rng.random() < 0.02 else 1)
        self._last_at = max(loop.time() + delay_s, self._last_at + 1e-6)
        loop.call_at(self._last_at, callback, *args)


class Disk:
    """That of the store, which may be full. The kernel refuses what is written then, and SQLite meets the real error.
    For "no page" it is SQLite that finds no room for another one; what fits into those it has is written.
    """

    def __init__(self) -> None:
        self.full = ""
        """"no byte": no write succeeds; "no more bytes": none behind the end of a file, so that an old log is written
        over; "no page": as above; "" while there is room.
        """

    @contextlib.contextmanager
    def held(self, path: Path, connection: sqlite3.Connection | None) -> Iterator[None]:
        """Whatever the store writes within this meets the disk as it is."""
        if self.full == "no page":
            with _no_other_page(connection):
                yield
        elif self.full:
            with _no_file_beyond(0 if self.full == "no byte" else _longest(path)):
                yield
        else:
            yield


@contextlib.contextmanager
def _no_other_page(connection: sqlite3.Connection | None) -> Iterator[None]:
    if connection is None:
        yield
        return
    connection.execute("pragma max_page_count = 1").fetchall()  # SQLite takes what it has now for the least
    try:
        yield
    finally:
        connection.execute(f"pragma max_page_count = {_MOST_PAGES}").fetchall()


@contextlib.contextmanager
def _no_file_beyond(size: int) -> Iterator[None]:
    """For this process: nothing else may write a file meanwhile."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def _longest(path: Path) -> int:
    files = [path, path.with_name(f"{path.name}-wal")]
    return max(file.stat().st_size if file.exists() else 0 for file in files)


class InlineDatabase(SqliteDatabase):
    """`committed` is called after each commit."""

    def __init__(self, path: Path, committed: Callable[[], None] = lambda: None, disk: Disk | None = None) -> None:
        super().__init__(path, InlineWorker)
        self._committed = committed
        self._disk = disk or Disk()

    async def make_room_in_the_log(self) -> None:
        """Only real disks are quicker for it."""

    def _connect(self) -> None:
        with self._disk.held(self._path, None):
            super()._connect()

    def _write(self, first: Job) -> None:
        with self._disk.held(self._path, self._writing):
            super()._write(first)
        self._committed()


@cache
def fresh_store() -> bytes:
    """A store with its tables and no rows, as every run begins with: made once, since that takes a while."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "fresh.db"
        writing(path).close()
        return path.read_bytes()


def left_by_a_killed_process(path: Path) -> None:
    """Let the file and its log be what the disk holds, as other files than those that the dead process has open: its
    locks are gone with it, and what it did not commit.
    """
    for suffix in ("", "-wal"):
        file, copy = path.with_name(path.name + suffix), path.with_name(f"{path.name}{suffix}.copy")
        if file.exists():
            shutil.copyfile(file, copy)
            copy.replace(file)
    for suffix in ("-shm", ".lock"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
