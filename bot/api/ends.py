"""The ends that programs wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from bot.ports.clock import Clock

LOOKS_EVERY_S = 2.0
"""A change that another replica makes is not heard of here: it is looked for, with two reads by key."""


class Ends:
    """Who waits for the end of a request looks at its rows again after each transaction that changes it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watches: dict[str, set[Watch]] = {}

    def heard(self, key: str, at: datetime, lane: str, about: str) -> None:
        """A transaction calls for a job, for what changed of the request that it is about."""
        for watch in self._watches.get(about, ()):
            watch.changed.set()

    def stop(self) -> None:
        """All who wait look once more, and go."""
        for watch in (one for watches in self._watches.values() for one in watches):
            watch.end()

    @contextmanager
    def watched(self, request_id: str, wait_s: float) -> Iterator[Watch]:
        """Begun before the rows are read, so that no change is missed."""
        watch = Watch(self._clock, self._clock.monotonic() + wait_s)
        self._watches.setdefault(request_id, set()).add(watch)
        try:
            yield watch
        finally:
            self._watches[request_id].discard(watch)
            if not self._watches[request_id]:
                del self._watches[request_id]


class Watch:
    """Of one who waits, until a moment of the monotonic clock."""

    def __init__(self, clock: Clock, until: float) -> None:
        self._clock = clock
        self._until = until
        self.changed = asyncio.Event()

    def end(self) -> None:
        self._until = self._clock.monotonic()
        self.changed.set()

    async def another_look(self) -> bool:
        """Whether there is time for one, once something changed or may have."""
        left_s = self._until - self._clock.monotonic()
        if left_s <= 0:
            return False
        asleep = asyncio.ensure_future(self._clock.sleep(min(LOOKS_EVERY_S, left_s)))
        woken = asyncio.ensure_future(self.changed.wait())
        try:
            await asyncio.wait({asleep, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asleep.cancel()
            woken.cancel()
        self.changed.clear()
        return True
