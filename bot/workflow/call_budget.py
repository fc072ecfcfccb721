"""A budget for calls that Slack limits for the whole workspace: all channels share it, and stand in one line."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from typing import NamedTuple

from bot.domain.errors import NoRoom
from bot.ports.budgets import Room
from bot.ports.clock import Clock

MINUTE_S = 60.0


class Urgency(IntEnum):
    """Whom a message matters to, and how many percent of a minute's calls it may use: each leaves the rest to those
    above it.
    """

    PROGRESS = 60
    """For a person who may be watching."""

    END = 84
    """It is over; where that is not told by a message of its own, it is told by an edit."""

    AWAITED = 100
    """For a person who waits for it: for the plan they asked for, the refusal, or what their press did."""


class OwnRoom:
    """Implements `bot.ports.budgets.Room` for a bot that is the only one in its workspace."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered: deque[float] = deque()
        self._under_way = 0
        self._resting_until = 0.0

    def wait_s(self, most: int) -> float:
        now = self._clock.monotonic()
        if now < self._resting_until:
            return self._resting_until - now
        while self._answered and now - self._answered[0] >= MINUTE_S:
            self._answered.popleft()
        above = len(self._answered) + self._under_way - most
        if above < 0:
            return 0.0
        if above >= len(self._answered):
            return MINUTE_S  # one that is under way has to be answered, and a minute pass
        return self._answered[above] + MINUTE_S - now

    async def take(self, most: int) -> bool:
        if self.wait_s(most) > 0:
            return False
        self._under_way += 1
        return True

    async def answered(self) -> None:
        self._under_way -= 1
        self._answered.append(self._clock.monotonic())

    async def rest(self, seconds: float) -> None:
        self._resting_until = max(self._clock.monotonic() + seconds, self._resting_until)


class _Place(NamedTuple):
    """In a line; of those who wait equally long, who came first."""

    since: float
    number: int


class CallBudget:
    """Who gets the room that there is for calls of one method, `a_minute` at most.

    Channels whose messages wait stand in a line for each urgency, by the age of their oldest one; a channel that was
    served stands behind those that waited then. Only the first of a line watches the time.
    """

    def __init__(self, room: Room, clock: Clock, a_minute: int) -> None:
        self._room = room
        self._clock = clock
        self._a_minute = a_minute
        self._notify: Callable[[str], None] = lambda channel: None
        self._lines: dict[Urgency, dict[str, _Place]] = {urgency: {} for urgency in Urgency}
        self._number = count()
        self._served: dict[str, float] = {}

    def on_turn(self, notify: Callable[[str], None]) -> None:
        """`notify` is called with a channel that becomes the first of its line."""
        self._notify = notify

    async def rest(self, seconds: float) -> None:
        """Slack asks for a pause: it counts for the whole workspace, so it is one pause for every channel."""
        await self._room.rest(seconds)

    def wait_s(self, urgency: Urgency) -> float:
        """Seconds until there is room for a call, at the earliest; 0.0 for now."""
        return self._room.wait_s(self._share(urgency))

    @property
    def left(self) -> int:
        """How many calls there is room for now, by what is known here."""
        return bisect_left(range(self._a_minute), True, key=lambda taken: self._room.wait_s(self._a_minute - taken) > 0)

    @property
    def waiting(self) -> int:
        """How many channels stand in line."""
        return len(set().union(*self._lines.values()))

    def stand_in_line(self, channel: str, since: Mapping[Urgency, float]) -> None:
        """`since` when the oldest message of each urgency could be sent; the channel leaves the lines of others. Where
        that is what it stood with, it keeps its place: of channels that wait equally long none passes another.
        """
        for urgency, line in self._lines.items():
            stands = max(since[urgency], self._served.get(channel, 0.0)) if urgency in since else None
            stood = line.get(channel)
            if stands == (stood.since if stood else None):
                continue
            first = _first(line)
            line.pop(channel, None)
            if stands is not None:
                line[channel] = _Place(stands, next(self._number))
            now_first = _first(line)
            if now_first not in (None, first, channel):
                self._notify(now_first)

    def turn_s(self, channel: str, urgency: Urgency) -> float | None:
        """Seconds until the turn of a channel in line, which has come where there is room for all before it as well.
        None: those come before it, and it is notified after them.
        """
        line = self._lines[urgency]
        own = line[channel]
        before = sum(place < own for place in line.values())
        wait_s = self._room.wait_s(self._share(urgency) - before)
        return wait_s if wait_s == 0 or before == 0 else None

    def forget(self, channel: str) -> None:
        """Nothing waits there any more."""
        self.stand_in_line(channel, {})
        self._served.pop(channel, None)

    @asynccontextmanager
    async def one(self, urgency: Urgency, channel: str | None = None) -> AsyncIterator[None]:
        """One call: it takes its room before it leaves, so that no two take the same. `channel`: the one in line that
        it is the turn of. Raises NoRoom.
        """
        if not await self._room.take(self._share(urgency)):
            raise NoRoom(self.wait_s(urgency))
        if channel is not None:
            self._served[channel] = self._clock.monotonic()
            self.stand_in_line(channel, {})
        try:
            yield
        finally:
            await self._room.answered()

    def _share(self, urgency: Urgency) -> int:
        return self._a_minute * urgency // 100


@dataclass(frozen=True, slots=True)
class Budgets:
    """`edits` of messages, and `posts` of new ones."""

    edits: CallBudget
    posts: CallBudget

    def on_turn(self, notify: Callable[[str], None]) -> None:
        self.edits.on_turn(notify)
        self.posts.on_turn(notify)

    def leave(self, channel: str) -> None:
        """No other channel waits for what this one has no use of now."""
        self.edits.stand_in_line(channel, {})
        self.posts.stand_in_line(channel, {})

    def forget(self, channel: str) -> None:
        self.edits.forget(channel)
        self.posts.forget(channel)


def _first(line: Mapping[str, _Place]) -> str | None:
    return min(line, key=line.__getitem__, default=None)
