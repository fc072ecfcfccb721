"""When a call that failed is made again, and how long is waited before."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.ports.clock import Clock

T = TypeVar("T")
Error = TypeVar("Error", bound=Exception)


@dataclass(frozen=True, slots=True)
class Tries(Generic[Error]):
    """One more than there are waits, all in seconds. An error whose `retry_after` says how long to wait is heard, up to
    `longest_s`; one that is not `on`, or does not pass, is raised at once.
    """

    waits_s: Iterable[float]
    on: type[Error]
    passes: Callable[[Error], bool] = lambda error: True
    longest_s: float = math.inf

    async def run(self, clock: Clock, attempt: Callable[[], Awaitable[T]]) -> T:
        """The result of an attempt. Raises what the last one raises."""
        for wait_s in self.waits_s:
            try:
                return await attempt()
            except self.on as exc:
                if not self.passes(exc):
                    raise
                asked_s: float | None = getattr(exc, "retry_after", None)
            await clock.sleep(min(asked_s or wait_s, self.longest_s))
        return await attempt()


def doubling(first_s: float, longest_s: float, times: int) -> float:
    """How long to wait after failing so many times in a row: twice as long each time."""
    return min(first_s * 2.0 ** min(times - 1, 10), longest_s)
