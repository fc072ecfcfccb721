"""When each message may be said, by what was said before it. All of it is memory: a restart edits once too early."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.transitions import RequestState
from bot.ports.clock import Clock
from bot.ports.messages import Edit, OutboxMessage, Text
from bot.workflow.call_budget import Urgency
from bot.workflow.jobs.channel_queue import MessageKey, Waiting, Way, key_of
from bot.workflow.jobs.due_messages import rank

EDIT_EVERY = timedelta(seconds=3)
"""At most one edit of a message in that time (Slack's design guidance on progress)."""

PROGRESS_EVERY = timedelta(seconds=9)
"""An edit that only moves percentages waits longer, so that an end rarely has to wait for the pause after one."""

_POSTED = (Urgency.AWAITED, Urgency.AWAITED, Urgency.END, Urgency.PROGRESS, Urgency.PROGRESS)
"""How urgent a new message of each rank is."""


@dataclass(slots=True)
class _Said:
    """Of one request. `states`: what it was last shown with; `aside`: until when a message of it is not tried again.

    `unanswered`: Slack failed over its last message, so it comes after the others, as the next may take long too.
    `misplaced`: Slack would not take a message of it where it was to stand.
    """

    posted_at: float | None = None
    edited_at: float | None = None
    ask_shown_at: float | None = None
    states: tuple[object, ...] = ()
    aside: dict[MessageKey, float] = field(default_factory=dict)
    unanswered: bool = False
    misplaced: bool = False


class MessagePauses:
    """Of every request that is open."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[str, _Said] = {}

    def waiting(self, due: Sequence[OutboxMessage]) -> list[Waiting]:
        """Messages of one request, with when they may go and in which order."""
        return [self._waiting(outgoing, number) for number, outgoing in enumerate(due)]

    def _waiting(self, outgoing: OutboxMessage, number: int) -> Waiting:
        request, key = outgoing.request, key_of(outgoing)
        said = self._said.get(request.id) or _Said()
        order = (said.unanswered, rank(outgoing), request.created_at, request.id, number)
        aside = said.aside.get(key, 0.0)
        if not isinstance(outgoing, Edit):
            return Waiting(key, order, Way(type(outgoing), _POSTED[rank(outgoing)]), aside)
        if outgoing.text is Text.ASK:
            not_before, urgency = _after(said.ask_shown_at, EDIT_EVERY), Urgency.AWAITED
        else:
            not_before, urgency = self._pause_and_urgency(outgoing, said)
        return Waiting(key, order, Way(Edit, urgency), max(not_before, aside))

    def _pause_and_urgency(self, outgoing: OutboxMessage, said: _Said) -> tuple[float, Urgency]:
        """An edit that shows more than progress waits for no message that was just posted, only for the last edit."""
        request, edited_at = outgoing.request, self._last_edit(outgoing.request, said)
        if request.state is RequestState.FINISHED:
            return _after(edited_at, EDIT_EVERY), Urgency.END
        unplanned = request.state is RequestState.RECEIVED
        moved = bool(said.states) and said.states[0] is not request.state
        if request.refused or request.not_yet_going or unplanned or moved:
            return _after(edited_at, EDIT_EVERY), Urgency.AWAITED
        only_progress = said.states == _shown_of(request, outgoing.all_items)
        last = edited_at if edited_at is not None else said.posted_at
        return _after(last, PROGRESS_EVERY if only_progress else EDIT_EVERY), Urgency.PROGRESS

    def _last_edit(self, request: Request, said: _Said) -> float | None:
        """The row knows of edits in an earlier life."""
        if said.edited_at is not None or said.posted_at is not None or request.edited_at is None:
            return said.edited_at
        ago_s = (self._clock.now() - request.edited_at).total_seconds()
        return self._clock.monotonic() - ago_s if ago_s >= 0 else None

    def others_spoke(self, request_ids: Iterable[str]) -> None:
        """Of requests of which another replica may have said something since: the rows know more of that."""
        for request_id in request_ids:
            if said := self._said.get(request_id):
                said.posted_at = said.edited_at = said.ask_shown_at = None
                said.states = ()

    def said(self, outgoing: OutboxMessage) -> None:
        now, said = self._clock.monotonic(), self._of(outgoing.request.id)
        said.unanswered = False
        if outgoing.text is Text.ASK:
            said.ask_shown_at = now
        elif outgoing.text is Text.STATUS:
            if isinstance(outgoing, Edit):
                said.edited_at = now
            else:
                said.posted_at = now
            said.states = _shown_of(outgoing.request, outgoing.all_items)

    def unanswered(self, outgoing: OutboxMessage, seconds: float) -> None:
        """Slack failed over this message, so it alone waits: it may be the only one in trouble."""
        self._of(outgoing.request.id).unanswered = True
        self.put_aside(outgoing, seconds)

    def put_aside(self, outgoing: OutboxMessage, seconds: float) -> None:
        self._of(outgoing.request.id).aside[key_of(outgoing)] = self._clock.monotonic() + seconds

    def again(self, request_id: str) -> bool:
        """Whether something of this request had no place before."""
        said = self._of(request_id)
        before, said.misplaced = said.misplaced, True
        return before

    def placed(self, request_id: str) -> None:
        self._of(request_id).misplaced = False

    def take_up(self, request_id: str) -> None:
        """Nothing of it is set aside any more."""
        said = self._of(request_id)
        said.misplaced = said.unanswered = False
        said.aside.clear()

    def forget(self, request_id: str) -> None:
        self._said.pop(request_id, None)

    def _of(self, request_id: str) -> _Said:
        return self._said.setdefault(request_id, _Said())


def _after(moment: float | None, pause: timedelta) -> float:
    """When a pause after that moment is over; 0.0 where there is none."""
    return 0.0 if moment is None else moment + pause.total_seconds()


def _shown_of(request: Request, items: Sequence[Item]) -> tuple[object, ...]:
    """The facts of a request that are more than progress."""
    return (request.state, *((item.state, item.cause) for item in items))
