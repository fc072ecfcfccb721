"""Whose call of a project is the next to be made: so many at a time, and none waits for all of another person's."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque

PEOPLE = ""
"""Whose the calls are that a person waits for: the disks of a form, a plan."""


class CallTurns:
    """Calls that people wait for go before those of jobs, which take turns by person.

    One more is let in than jobs take together, and one more than one person's jobs take: so a call that comes to a
    project whose POSTs hang need not wait for any of them.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._under_way: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._let_in_last: dict[str, int] = {}
        self._number = itertools.count(1)
        self.slowly = False
        """The cloud asked for fewer calls: one for people and one of jobs at a time, until it answers again."""

    async def enter(self, whose: str) -> None:
        """Wait for a turn; `leave` ends it."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(whose, deque()).append(turn)
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.leave(whose)
            raise

    def leave(self, whose: str) -> None:
        self._under_way[whose] -= 1
        self._let_in()
        if not self._under_way[whose] and whose not in self._waiting:
            del self._under_way[whose], self._let_in_last[whose]

    def _let_in(self) -> None:
        while (whose := self._next()) is not None:
            turn = self._waiting[whose].popleft()
            if not self._waiting[whose]:
                del self._waiting[whose]
            if not turn.cancelled():
                self._under_way[whose] += 1
                self._let_in_last[whose] = next(self._number)
                turn.set_result(None)

    def _next(self) -> str | None:
        at_once = min(self._at_once, 2) if self.slowly else self._at_once
        under_way = self._under_way.total()
        if under_way >= at_once:
            return None
        if PEOPLE in self._waiting:
            return PEOPLE
        if under_way - self._under_way[PEOPLE] >= max(at_once - 1, 1):
            return None
        of_one = max(at_once - 2, 1)
        fitting = [whose for whose in self._waiting if self._under_way[whose] < of_one]
        return min(fitting, key=lambda one: (self._under_way[one], self._let_in_last.get(one, 0)), default=None)
