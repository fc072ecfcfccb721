"""Whose disks are the next to be in the making, where a project has so many places at once. Pure."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

WAITS_ITS_TURN = "turn"
"""The code of a disk that waits for a place."""


@dataclass(frozen=True, slots=True)
class Places:
    """How many disks of a project may be in the making at once, and how many of `each` person."""

    at_once: int
    each: int

    def hold(self, placed: Mapping[str, int], disks: int) -> bool:
        """Whether there is room for so many more. For more than there are places there is, once none is taken."""
        taken = sum(placed.values())
        return not taken or taken + disks <= self.at_once

    def hold_of(self, placed: Mapping[str, int], person: str, disks: int) -> bool:
        taken = placed.get(person, 0)
        return not taken or taken + disks <= self.each


@dataclass(frozen=True, slots=True)
class Claim:
    """A person wants a place for each of some disks."""

    person: str
    places: Places


@dataclass(frozen=True, slots=True)
class Queued:
    """So many disks of a request that wait: each for itself, or all together as a group."""

    request_id: str
    person: str
    disks: int
    consistency_group_id: str = ""

    @property
    def together(self) -> int:
        return self.disks if self.consistency_group_id else 1


def in_turn(queued: Sequence[Queued], placed: Mapping[str, int]) -> Iterator[Queued]:
    """The order in which they get their places, each as often as it asks for some: first the person who has the fewest
    disks in the making, and of each person what was asked first.
    """
    lines: dict[str, deque[Queued]] = {}
    for one in queued:
        lines.setdefault(one.person, deque()).extend([one] * (one.disks // one.together))
    counts, number = Counter(placed), 0
    people = [(counts[person], number, person) for number, person in enumerate(lines)]
    heapq.heapify(people)
    while people:
        _, _, person = heapq.heappop(people)
        one = lines[person].popleft()
        yield one
        counts[person] += one.together
        number += 1
        if lines[person]:
            heapq.heappush(people, (counts[person], len(lines) + number, person))


def next_turns(queued: Sequence[Queued], placed: Mapping[str, int], places: Places) -> Counter[Queued]:
    """How many times each gets places now. Where a group waits for several to be free, others wait behind it."""
    taken, given = Counter(placed), Counter[Queued]()
    for one in in_turn(queued, placed):
        if not places.hold(taken, one.together):
            break
        if places.hold_of(taken, one.person, one.together):
            taken[one.person] += one.together
            given[one] += 1
    return given


def disks_before(queued: Sequence[Queued], placed: Mapping[str, int]) -> dict[str, int]:
    """How many disks get their places before the first of each request."""
    before: dict[str, int] = {}
    passed = 0
    for one in in_turn(queued, placed):
        before.setdefault(one.request_id, passed)
        passed += one.together
    return before


def turn_in_words(waiting: int, disks: int, before: int, minutes: float | None) -> str:
    """For the requester: `waiting` of the request's `disks` wait, `before` others come before them."""
    whose, they, them = "Waits for its turn", "it is next", "it"
    if waiting < disks:
        whose = "1 disk waits for its turn" if waiting == 1 else f"{waiting} disks wait for their turn"
    if waiting > 1:
        they, them = "they are next", "them"
    if not before:
        return f"{whose}: {they}."
    ahead = f"{before} {'disk' if before == 1 else 'disks'} before {them}"
    return f"{whose}: {ahead}{_about(minutes)}."


def _about(minutes: float | None) -> str:
    if minutes is None:
        return ""
    if round(minutes) < 2:
        return ", about a minute"
    return f", about {round(minutes)} minutes" if minutes < 90 else f", about {round(minutes / 60)} hours"
