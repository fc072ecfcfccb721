"""turns:{project}: places that have become free go to those who wait, by person; who waits long is told their place."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.projects import Project
from bot.domain.turns import Places, disks_before, turn_in_words
from bot.ports.clock import Clock
from bot.ports.requests import Requests
from bot.ports.turns import Line, Turns

LOOK_AGAIN_SECONDS = 10.0
TOLD_AFTER_SECONDS = 4.0
"""A shorter wait is not told."""

TELL_AGAIN_SECONDS = 30.0
NOTICEABLE = 5
"""A place is told again once it has changed by one part in so many."""

MEASURED_SECONDS = 300.0
"""How far back it is looked how quickly places become free."""

FEW = 3
"""So many places have to have become free before it is said how long it takes."""

_ALL = Places(1_000_000, 1_000_000)
"""For a project that is no longer configured: each of its disks is refused when its turn has come."""


class Rows(Requests, Turns, Protocol):
    """The roles of the store that this asks for."""


@dataclass(slots=True)
class _Told:
    since: float
    at: float | None = None
    before: int = 0


@dataclass(frozen=True, slots=True)
class TurnGiver:
    """Remembers which places were told, and how quickly it goes: a restart tells once too often, and measures anew."""

    store: Rows
    projects: Mapping[str, Project]
    clock: Clock
    _told: dict[str, dict[str, _Told]] = field(default_factory=dict, init=False)
    _given: dict[str, deque[tuple[float, int]]] = field(default_factory=dict, init=False)

    async def __call__(self, alias: str) -> float | None:
        project = self.projects.get(alias)
        line = await self.store.give_turns(alias, project.places if project else _ALL)
        if not line.queued:
            self._told.pop(alias, None)
            self._given.pop(alias, None)
            return None
        self._given.setdefault(alias, deque()).append((self.clock.monotonic(), line.given))
        await self._tell(alias, line)
        return LOOK_AGAIN_SECONDS

    async def _tell(self, alias: str, line: Line) -> None:
        now, before = self.clock.monotonic(), disks_before(line.queued, line.placed)
        known = self._told.get(alias, {})
        told = self._told[alias] = {request_id: known.get(request_id) or _Told(now) for request_id in before}
        waiting = Counter[str]()
        for one in line.queued:
            waiting[one.request_id] += one.disks
        a_minute, sentences = self._a_minute(alias, now), {}
        for request_id, number in before.items():
            if not _to_be_told(told[request_id], number, now):
                continue
            told[request_id].at, told[request_id].before = now, number
            found = await self.store.request(request_id)
            disks = len(found[1]) if found else 0
            minutes = number / a_minute if a_minute else None
            sentences[request_id] = turn_in_words(waiting[request_id], disks, number, minutes)
        await self.store.tell_turns(sentences)

    def _a_minute(self, alias: str, now: float) -> float | None:
        """How many places became free in a minute lately; None: that is not known yet."""
        given = self._given[alias]
        while now - given[0][0] > MEASURED_SECONDS:
            given.popleft()
        number = sum(disks for _, disks in list(given)[1:])
        return number / (now - given[0][0]) * 60.0 if number >= FEW else None


def _to_be_told(told: _Told, before: int, now: float) -> bool:
    if told.at is None:
        return now - told.since >= TOLD_AFTER_SECONDS
    changed = abs(before - told.before)
    return now - told.at >= TELL_AGAIN_SECONDS and changed * NOTICEABLE >= max(told.before, 1)
