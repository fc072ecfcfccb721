"""After a 429, every call of the project slows down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.domain.errors import Throttled
from bot.ports.clock import Clock
from bot.retry import doubling

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0


class RateLimiter:
    """The shared pause of one project: 2, 4, 8 … 60 s, or what the cloud asks for; over with the first success."""

    def __init__(self, clock: Clock, longest_wait_s: float) -> None:
        self._clock = clock
        self._longest_wait_s = longest_wait_s
        self._until = 0.0
        self._step = 0
        self.pauses = 0
        """How many there were."""
        self.waited_s = 0.0
        """How long calls waited for their ends, all together."""

    async def wait(self, left_s: float | None) -> None:
        """Wait until the pause is over. Raises Throttled, with the seconds left, when that takes longer than a call may
        wait, which is `left_s` at most.
        """
        at_most_s = self._longest_wait_s if left_s is None else min(self._longest_wait_s, left_s)
        while (left := self._left_s()) > 0:
            if left > at_most_s:
                raise Throttled(
                    "The cloud asks for fewer calls; the bot waits and tries again.", retry_after=left, status=None
                )
            await self._clock.sleep(left)
            self.waited_s += left

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Begin a pause when the call inside is throttled. Several calls refused at once count as one step."""
        mark = self.pauses
        try:
            yield
        except Throttled as exc:
            # From a call that would not wait for a pause under way it says how long that lasts, and changes nothing.
            self._throttled(mark, exc.retry_after)
            raise

    def _throttled(self, mark: int, retry_after_s: float | None) -> None:
        if mark == self.pauses:
            self._step += 1
            self.pauses += 1
        pause_s = doubling(FIRST_PAUSE_S, LONGEST_PAUSE_S, self._step)
        until = self._clock.monotonic() + (pause_s if retry_after_s is None else retry_after_s)
        self._until = max(until, self._until) if self._left_s() > 0 else until

    def passed(self) -> None:
        """The cloud answers again: the next pause starts small. One that is under way still ends when it ends."""
        self._step = 0

    @property
    def throttled(self) -> bool:
        """Whether the cloud asked for fewer calls, and took none since."""
        return self._step > 0

    @property
    def pausing(self) -> bool:
        return self._left_s() > 0

    def _left_s(self) -> float:
        return self._until - self._clock.monotonic()
