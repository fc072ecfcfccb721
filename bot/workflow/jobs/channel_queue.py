"""The messages that wait in one channel, in their order. No rows: a request is read when its turn has come."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from bot.ports.messages import Edit, OutboxMessage, Text
from bot.workflow.call_budget import Urgency

MessageKey = tuple[str, type[OutboxMessage], Text]
"""One message of a request: its posting and its edits wait each for itself."""


class Way(NamedTuple):
    """Messages of one way wait together: for the pause after a post, and for the room that their urgency leaves."""

    kind: type[OutboxMessage]
    urgency: Urgency


def key_of(outgoing: OutboxMessage) -> MessageKey:
    return outgoing.request.id, type(outgoing), outgoing.text


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A message that is due, and from when on. `order` says which of several that may go is the first."""

    key: MessageKey
    order: tuple[bool, int, datetime, str, int]
    way: Way
    not_before: float


class ChannelQueue:
    """Each operation takes about as long with a thousand messages as with one."""

    def __init__(self, unread: Iterable[str]) -> None:
        self.unread = dict.fromkeys(unread)
        """Ids of requests of which it is not known what is due: they changed, or something of them was said."""
        self._waiting: dict[str, Sequence[Waiting]] = {}
        self._resting: list[tuple[float, int, Waiting]] = []
        self._ready: dict[Way, list[tuple[tuple[bool, int, datetime, str, int], int, Waiting]]] = {}
        self._number = itertools.count()

    def __bool__(self) -> bool:
        return bool(self.unread or self._waiting)

    def put(self, request_id: str, waiting: Sequence[Waiting]) -> None:
        """Let these be the messages that are due of a request."""
        self.unread.pop(request_id, None)
        self._waiting.pop(request_id, None)
        if waiting:
            self._waiting[request_id] = waiting
        for one in waiting:
            self._rest(one, one.not_before)

    def ripen(self, now: float) -> None:
        """Let those go that have rested long enough."""
        while self._resting and self._resting[0][0] <= now:
            _, _, one = heapq.heappop(self._resting)
            heapq.heappush(self._ready.setdefault(one.way, []), (one.order, next(self._number), one))

    def first(self, way: Way) -> Waiting | None:
        """The first of those that may go this way."""
        ready = self._ready.get(way, [])
        while ready and not self._stands(ready[0][2]):
            heapq.heappop(ready)
        return ready[0][2] if ready else None

    def put_off(self, first: Waiting, until: float) -> None:
        """The first of its way rests once more."""
        heapq.heappop(self._ready[first.way])
        self._rest(first, until)

    def edits_of(self, request_id: str) -> list[Waiting]:
        return [one for one in self._waiting.get(request_id, ()) if one.key[1] is Edit]

    def next_at(self) -> float | None:
        """When the next one has rested long enough."""
        while self._resting and not self._stands(self._resting[0][2]):
            heapq.heappop(self._resting)
        return self._resting[0][0] if self._resting else None

    def _rest(self, one: Waiting, until: float) -> None:
        heapq.heappush(self._resting, (until, next(self._number), one))

    def _stands(self, waiting: Waiting) -> bool:
        return any(one is waiting for one in self._waiting.get(waiting.key[0], ()))
