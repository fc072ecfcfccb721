"""Tokens and keys that the cloud hands out for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from bot.domain.errors import CloudUnavailable
from bot.ports.clock import Clock

ASK_AGAIN_AFTER = timedelta(minutes=1)
"""A value near its end, or handed out again as it is, is not asked for at every call."""

T = TypeVar("T")


class Renewed(Generic[T]):
    """A value with an end: fetched by one caller for all who wait, and anew some time before; one that still counts is
    kept where no new one is to be had.
    """

    def __init__(self, clock: Clock, before: timedelta) -> None:
        self._clock = clock
        self._before_s = before.total_seconds()
        self._one_at_a_time = asyncio.Lock()
        self._value: T | None = None
        self._end = self._ask_at = 0.0

    async def current(self, fetch: Callable[[], Awaitable[tuple[T, datetime]]]) -> T:
        """The value that counts now; `fetch` gives the next and its end, and what it raises is raised."""
        async with self._one_at_a_time:
            if self._value is not None and self._clock.monotonic() < self._ask_at:
                return self._value
            try:
                self._value, end = await fetch()
            except CloudUnavailable:
                now = self._clock.monotonic()
                if self._value is None or now >= self._end:
                    raise
                self._ask_at = self._soon(now)
            else:
                now = self._clock.monotonic()
                self._end = now + (end - self._clock.now()).total_seconds()
                self._ask_at = max(self._end - self._before_s, self._soon(now))
            return self._value

    def forget(self, value: T) -> None:
        """The cloud refused it: fetch another next time, unless that was done already."""
        if self._value == value:
            self._value = None

    def _soon(self, now: float) -> float:
        return min(now + ASK_AGAIN_AFTER.total_seconds(), self._end)


def read_time(text: object) -> datetime | None:
    """IAM writes UTC with six decimals and a Z. None for what cannot be read."""
    try:
        read = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read is not None and read.tzinfo is None else read
