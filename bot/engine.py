"""The alarm clock of design section 9, in its embedded form: duties are keys with a time, rows are the truth.

Nothing here is durable. What the timer heap holds is rebuilt from the rows at the start and compared with them every
half minute, so a lost alarm is late and never lost. A duty runs at least once and never twice at the same time.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.interfaces import Clock, Duties, Handler

log = logging.getLogger(__name__)

SWEEP_SECONDS = 30.0
AFTER_A_BUG_SECONDS = 5.0


class EmbeddedEngine:
    """One per store file. `wake` is what the store calls after a commit; `run` returns after `stop`.

    `width` is how many duties run together. Those named in `at_once` have as much room of their own: somebody waits
    for them, and slow work of the others does not hold them up.
    """

    def __init__(self, clock: Clock, rows: Duties, *, width: int = 128, at_once: frozenset[str] = frozenset()) -> None:
        self._clock = clock
        self._rows = rows
        self._gate = asyncio.Semaphore(width)
        self._gates = {name: asyncio.Semaphore(width) for name in at_once}
        self._heap: list[tuple[datetime, int, str]] = []
        self._order = itertools.count()
        self._due: dict[str, datetime] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, datetime] = {}
        self._changed = asyncio.Event()
        self._stopping = False

    def wake(self, key: str, at: datetime) -> None:
        """Run this duty at that time; the earliest time asked for counts, and one asked for while it runs is kept."""
        if key in self._running:
            self._again[key] = min(at, self._again.get(key, at))
        elif key not in self._due or at < self._due[key]:
            self._due[key] = at
            heapq.heappush(self._heap, (at, next(self._order), key))
            self._changed.set()

    async def run(self, handlers: Mapping[str, Handler]) -> None:
        """Call the handler named before the colon of each key when its time has come, until `stop`."""
        sweep_at = self._clock.now()
        while not self._stopping:
            self._changed.clear()  # before anything is awaited: what changes meanwhile, a stop above all, still counts
            now = self._clock.now()
            if now >= sweep_at:
                await self._sweep()
                sweep_at = now + timedelta(seconds=SWEEP_SECONDS)
            if not self._stopping:
                self._start_due(handlers)
            next_at = min([sweep_at, *(at for at, _, _ in self._heap[:1])])
            wait_s = max((next_at - self._clock.now()).total_seconds(), 0.001)
            await self._changed_or_after(wait_s)

    async def stop(self, grace_s: float) -> None:
        """Take no more work and let what runs end; after `grace_s` seconds it is cancelled, its rows know the rest."""
        self._stopping = True
        self._changed.set()
        running = list(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _changed_or_after(self, wait_s: float) -> None:
        waiting = {
            asyncio.ensure_future(self._changed.wait()),
            asyncio.ensure_future(self._clock.sleep(wait_s)),
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def _sweep(self) -> None:
        try:
            called_for = await self._rows.duties()
        except Exception:
            log.exception("the rows could not be read for a sweep")
            return
        for key, at in called_for:
            if key not in self._due and key not in self._running:
                self.wake(key, at)

    def _start_due(self, handlers: Mapping[str, Handler]) -> None:
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == at:  # otherwise an earlier alarm has taken this one's place
                del self._due[key]
                self._running[key] = asyncio.create_task(self._call(handlers[key.partition(":")[0]], key))

    async def _call(self, handler: Handler, key: str) -> None:
        delay_s: float | None = AFTER_A_BUG_SECONDS
        name, _, rest = key.partition(":")
        try:
            async with self._gates.get(name, self._gate):
                delay_s = await handler(rest)
        except Exception:
            log.exception("a duty failed and will be tried again", extra={"duty": key})
        finally:
            del self._running[key]
            times = [] if delay_s is None else [self._clock.now() + timedelta(seconds=delay_s)]
            if key in self._again:
                times.append(self._again.pop(key))
            if times and not self._stopping:
                self.wake(key, min(times))
