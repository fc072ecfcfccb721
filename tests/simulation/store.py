"""The store's threads, on the loop: each job after a drawn delay, and the file as a killed process leaves it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from bot.store.sqlite.connection import writing
from bot.store.sqlite.database import SqliteDatabase
from bot.store.sqlite.worker import Job, Worker
from tests.simulation.loop import SimulatedLoop

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


class InlineDatabase(SqliteDatabase):
    """`committed` is called after each commit."""

    def __init__(self, path: Path, committed: Callable[[], None] = lambda: None) -> None:
        super().__init__(path, InlineWorker)
        self._committed = committed

    async def make_room_in_the_log(self) -> None:
        """Only real disks are quicker for it."""

    def _write(self, first: Job) -> None:
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
