"""After a 429, every call of the project slows down."""

from __future__ import annotations

from bot.domain.errors import Throttled
from bot.interfaces import Clock

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0


class RateLimiter:
    """The shared pause of one project: 2, 4, 8 … 60 s, or what the cloud asks for; over with the first success."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0
        self._step = 0
        self._pauses = 0

    async def wait(self, at_most_s: float) -> None:
        """Wait until the pause is over. Raises Throttled, with the seconds left, when that takes too long."""
        while (left := self._left_s()) > 0:
            if left > at_most_s:
                raise Throttled(
                    "The cloud asks for fewer calls; the bot waits and tries again.", retry_after=left, status=None
                )
            await self._clock.sleep(left)

    def mark(self) -> int:
        """Which pauses a call that leaves now knows of."""
        return self._pauses

    def throttled(self, mark: int, retry_after_s: float | None) -> None:
        """Begin a pause. Several calls refused at once count as one step."""
        if mark == self._pauses:
            self._step += 1
            self._pauses += 1
        pause_s = min(FIRST_PAUSE_S * 2 ** min(self._step - 1, 10), LONGEST_PAUSE_S)
        until = self._clock.monotonic() + (pause_s if retry_after_s is None else retry_after_s)
        self._until = max(until, self._until) if self._left_s() > 0 else until

    def passed(self) -> None:
        """The cloud answers again: the next pause starts small. One that is under way still ends when it ends."""
        self._step = 0

    def _left_s(self) -> float:
        return self._until - self._clock.monotonic()
