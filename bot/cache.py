"""Answers that are believed for a while, and asked for once for all who wait."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar

from bot.ports.clock import Clock

LARGEST = 100_000
"""Answers of one cache; the oldest make room. More than the servers of the largest project."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """In memory only. An answer is as old as its question, one that was forgotten meanwhile is not kept, and neither is
    a failure: the next caller asks anew. No value is None.
    """

    def __init__(self, clock: Clock, max_age: timedelta) -> None:
        self._clock = clock
        self._max_age = max_age
        self._kept: OrderedDict[Key, tuple[Value, float]] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[Value]] = {}

    def at_hand(self, key: Key, max_age: timedelta | None = None) -> Value | None:
        """The answer at hand, where it is younger than that; never waits."""
        value, asked_at = self._kept.get(key, (None, 0.0))
        believed = self._max_age if max_age is None else max_age
        return value if self._clock.monotonic() - asked_at < believed.total_seconds() else None

    async def ask(
        self, key: Key, question: Callable[[], Coroutine[Any, Any, Value]], max_age: timedelta | None = None
    ) -> Value:
        """The answer at hand, else a new one, which a caller that leaves does not stop. Raises what it raises."""
        if (value := self.at_hand(key, max_age)) is not None:
            return value
        if (task := self._asking.get(key)) is None:
            task, asked_at = asyncio.create_task(question()), self._clock.monotonic()
            self._asking[key] = task
            task.add_done_callback(lambda done: self._answered(key, done, asked_at))
        await asyncio.wait({task})  # unlike the task itself, it can be cancelled without the task
        return task.result()

    def put(self, answers: Mapping[Key, Value]) -> None:
        """Known just now, without a question."""
        for key in answers:
            self._asking.pop(key, None)
        self._put(answers, self._clock.monotonic())

    def forget(self, key: Key) -> None:
        self._kept.pop(key, None)
        self._asking.pop(key, None)

    def forget_everything(self) -> None:
        self._kept.clear()
        self._asking.clear()

    async def aclose(self) -> None:
        """Stop asking."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _answered(self, key: Key, done: asyncio.Task[Value], asked_at: float) -> None:
        asked_for = self._asking.get(key) is done
        if asked_for:
            del self._asking[key]
        # Reading the error keeps one that is not waited for any more from being reported as lost.
        if not done.cancelled() and done.exception() is None and asked_for:
            self._put({key: done.result()}, asked_at)

    def _put(self, answers: Mapping[Key, Value], asked_at: float) -> None:
        for key, value in answers.items():
            self._kept[key] = (value, asked_at)
            self._kept.move_to_end(key)
        while self._kept and (len(self._kept) > LARGEST or self.at_hand(next(iter(self._kept))) is None):
            self._kept.popitem(last=False)
