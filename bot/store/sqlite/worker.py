"""A thread of the store, and the two lines in which work waits for it: what an acknowledgement waits for goes first."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from bot.domain.errors import StoreFailed
from bot.store.handed_over import CLOSED, HandedOver, TwoLines
from bot.store.sqlite.connection import as_ours

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Job(HandedOver):
    """Done on the thread. `work` makes the script of a transaction, anew each time it is run; `alone`: it is anything
    else, and nothing is done together with it.
    """

    alone: bool = False
    as_ours = staticmethod(as_ours)


class Worker:
    """Serves one job after the other. Whatever ends that, who asks afterwards is answered all the same."""

    def __init__(self, name: str, serve: Callable[[Job], None]) -> None:
        self._serve = serve
        self._lines: TwoLines[Job] = TwoLines()
        self._end = Job(lambda: None, alone=True)
        self._waiting: SimpleQueue[None] = SimpleQueue()
        """A mark for each that waits. It is a semaphore in C: one of `threading` takes ten times as long."""
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broken: Callable[[], None] = lambda: None

    def start(self, broken: Callable[[], None]) -> None:
        """`broken` is called in the loop when it does no more work, though it was not stopped."""
        self._loop = asyncio.get_running_loop()
        self._broken = broken
        self._thread.start()

    def stop(self) -> None:
        """After all that waits now; what is handed over later fails."""
        self._stopped = True
        self._put(self._end)

    def join(self, wait_s: float) -> None:
        self._thread.join(wait_s)

    def hand_over(self, job: Job) -> None:
        if self._stopped:
            job.fail(StoreFailed(CLOSED))
            job.answer()
        else:
            self._put(job)

    async def do(self, work: Callable[[], Any]) -> None:
        """Do something alone, after all that waits now."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.hand_over(Job(work, answered, alone=True))
        await answered

    def _put(self, job: Job) -> None:
        self._lines.put(job)
        self._waiting.put(None)

    # --- on the thread ------------------------------------------------------------------------------------------------

    def another(self, *, urgent: bool) -> Job | None:
        """One more that waits already and may be done together with others."""
        line = self._lines.behind(urgent=urgent)
        if not line:
            return None
        if line[0].alone:
            return None
        try:
            self._waiting.get_nowait()
        except Empty:  # it was put in line this very moment
            return None
        return line.popleft()

    def give(self, answer: Callable[..., None], *args: Any) -> None:
        """Call something in the loop."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is gone: so is the caller that would hear of it
            self._loop.call_soon_threadsafe(answer, *args)

    def _next(self) -> Job | None:
        self._waiting.get()
        job = self._lines.take()
        return None if job is self._end else job

    def _run(self) -> None:
        try:
            while (job := self._next()) is not None:
                self._do_alone(job) if job.alone else self._serve(job)
        except BaseException as exc:  # nothing is above it in this thread
            log.critical("the store's thread is broken", exc_info=exc)
            self.give(self._broken)
            while (job := self._next()) is not None:
                self.give(job.answer)

    def _do_alone(self, job: Job) -> None:
        try:
            job.done(job.work(), [])
        except BaseException as exc:  # it is raised where the answer is waited for
            job.fail(exc)
        self.give(job.answer)
