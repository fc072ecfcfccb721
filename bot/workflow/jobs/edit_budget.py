"""Room for edits: chat.update is limited for the whole workspace, so all channels share it, and stand in one line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum

from bot.ports.clock import Clock

EDITS_A_MINUTE = 50
"""chat.update is Tier 3, shared by the whole workspace."""

MINUTE_S = 60.0


class Urgency(IntEnum):
    """Whom an edit matters to: each leaves a share of the minute's edits to those above it."""

    PROGRESS = 30
    """For a person who may be watching."""

    END = 42
    """It is over; where that is not told by a message of its own, it is told by this edit."""

    AWAITED = EDITS_A_MINUTE
    """For a person who waits at the message: for the plan they asked for, the refusal, or what their press did."""


class EditBudget:
    """chat.update calls of the last minute, of every channel, and those under way.

    Channels whose edits wait stand in a line for each urgency, by the age of their oldest edit; one that was served
    stands behind those that waited then. Only the first of a line watches the time; `notify` is called with the channel
    that becomes the first.
    """

    def __init__(self, clock: Clock, notify: Callable[[str], None] = lambda channel: None) -> None:
        self._clock = clock
        self._notify = notify
        self._answered: deque[float] = deque()
        self._under_way = 0
        self._resting_until = 0.0
        self._lines: dict[Urgency, dict[str, float]] = {urgency: {} for urgency in Urgency}
        self._served: dict[str, float] = {}

    def rest(self, seconds: float) -> None:
        """Slack asks for a pause: the limit is one for the whole workspace, so it is one pause for every channel."""
        self._resting_until = max(self._clock.monotonic() + seconds, self._resting_until)

    def wait_s(self, urgency: Urgency) -> float:
        """Seconds until there is room for an edit, at the earliest; 0.0 for now."""
        now = self._clock.monotonic()
        if now < self._resting_until:
            return self._resting_until - now
        while self._answered and now - self._answered[0] >= MINUTE_S:
            self._answered.popleft()
        above = len(self._answered) + self._under_way - urgency
        if above < 0:
            return 0.0
        if above >= len(self._answered):
            return MINUTE_S  # one that is under way has to be answered, and a minute pass
        return self._answered[above] + MINUTE_S - now

    def stand_in_line(self, channel: str, since: Mapping[Urgency, float]) -> None:
        """`since` when the oldest edit of each urgency could be made; the channel leaves the lines of others."""
        for urgency, line in self._lines.items():
            first = _first(line)
            line.pop(channel, None)
            if urgency in since:
                line[channel] = max(since[urgency], self._served.get(channel, 0.0))
            now_first = _first(line)
            if now_first not in (None, first, channel):
                self._notify(now_first)

    def turn_s(self, channel: str, urgency: Urgency) -> float | None:
        """Seconds until the turn of a channel in line; None: others come before it, and it is notified after them."""
        return self.wait_s(urgency) if _first(self._lines[urgency]) == channel else None

    def forget(self, channel: str) -> None:
        """Nothing waits there any more."""
        self.stand_in_line(channel, {})
        self._served.pop(channel, None)

    @contextmanager
    def one(self, channel: str) -> Iterator[None]:
        """One edit: it takes its room before it leaves, so that two channels never take the same, and gives it back a
        minute after its answer, by which time Slack has surely counted it."""
        self._under_way += 1
        self._served[channel] = self._clock.monotonic()
        self.stand_in_line(channel, {})
        try:
            yield
        finally:
            self._under_way -= 1
            self._answered.append(self._clock.monotonic())


def _first(line: Mapping[str, float]) -> str | None:
    return min(line, key=lambda channel: line[channel], default=None)
