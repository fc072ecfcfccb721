"""An attempt to have the cloud make something in one POST that may be answered late or never, and how it moves.

An item is one, and a consistency group. Each state after planned is committed before, or right after, the call that it
stands for, so the rows tell what may have happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from bot.domain.transitions import AttemptEvent, Machine

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound="Attempt[Any]")


FROM_A_BACKUP = "from-a-backup"
"""The code of what comes from a backup of the store, and the rule of what ended by that: since the backup was made it
may have been sent in any way.
"""

NOT_THERE = "not-there"
"""The code of what was asked for, not answered, looked for as long as is needed, and not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt(Generic[S]):
    """`tried` and `in_vain` add up what was really waited for, so time in which no bot ran is none of it."""

    machine: ClassVar[Machine[Any, AttemptEvent]]

    state: S
    ver: int = 1
    attempts: int = 0
    in_doubt: bool = False
    """An answer to its POST was lost, so each further one is preceded by a look."""
    due_at: datetime | None = None
    """When its job runs next; of a snapshot in the making, when it is looked at next."""
    submitted_at: datetime | None = None
    look_until: datetime | None = None
    waiting_since: datetime | None = None
    tried: timedelta = timedelta()
    """Time spent on sending it."""
    in_vain: timedelta = timedelta()
    """Time spent on looks that answered nothing, since the last that did."""
    cause: str = ""
    """Why it waits or how it ended, in words."""
    code: str = ""
    job_id: str | None = None
    moved_by: AttemptEvent | None = field(default=None, compare=False)
    """The edge that it took since it was read. In no column: once the row is written it has none."""
    answer_id: str = field(default="", compare=False)
    """By which the cloud's support knows the answer that moved it; in no column either."""

    def after(self, event: AttemptEvent) -> S:
        """Raises WrongMove."""
        state: S = self.machine.after(self.state, event)
        return state


def submitting(one: A, now: datetime) -> A:
    """Before the POST: from here on the cloud may hold what it makes, so it is never repeated without looking first.
    What the cloud said to the one before is no longer why it waits; its code stays, for a group that is refused in the
    same way once more is not asked for a third time.
    """
    sent = replace(one, state=one.after(AttemptEvent.SEND), moved_by=AttemptEvent.SEND, cause="")
    return replace(sent, attempts=one.attempts + 1, submitted_at=now, due_at=now)


def no_answer(one: A, now: datetime, *, look_for: timedelta, cause: str) -> A:
    """No usable answer came: look for the tag until `look_until`, and only then try again."""
    return replace(
        one,
        state=one.after(AttemptEvent.LOSE),
        moved_by=AttemptEvent.LOSE,
        in_doubt=True,
        look_until=now + look_for,
        due_at=now,
        in_vain=timedelta(),
        cause=cause,
    )


def looked(one: A, now: datetime) -> A:
    """A look was answered, whatever it showed."""
    return replace(one, in_vain=timedelta(), due_at=now)


def looked_in_vain(one: A, now: datetime, *, spent: timedelta, wait: timedelta) -> A:
    """A look answered nothing, or not all: `spent` is what it took, the next one comes after `wait`."""
    return replace(one, in_vain=one.in_vain + spent + wait, due_at=now + wait)


def waiting(one: A, now: datetime, *, until: datetime, cause: str, code: str = "", spent: timedelta = timedelta()) -> A:
    """Not sent, or refused without effect for a reason that passes: its turn comes at `until`. `spent` is what was
    tried before.
    """
    return replace(
        one,
        state=one.after(AttemptEvent.WAIT),
        moved_by=AttemptEvent.WAIT,
        look_until=None,
        due_at=until,
        waiting_since=one.waiting_since or now,
        tried=one.tried + spent + (until - now),
        cause=cause,
        code=code,
    )


def accepted(one: A, job_id: str | None, event: AttemptEvent = AttemptEvent.TAKE) -> A:
    """The cloud has it: it said so, or it was found there."""
    return replace(
        one,
        state=one.after(event),
        moved_by=event,
        job_id=job_id,
        in_doubt=False,
        look_until=None,
        waiting_since=None,
        tried=timedelta(),
        in_vain=timedelta(),
        due_at=None,
        cause="",
        code="",
    )


def over(one: A, event: AttemptEvent, *, cause: str = "", code: str = "") -> A:
    """Nothing more is done of it."""
    state = one.after(event)
    return replace(one, state=state, moved_by=event, due_at=None, look_until=None, cause=cause, code=code)


def busy_wait(waited: timedelta, first: timedelta) -> timedelta:
    """How long a busy disk waits for its next turn: the first wait, doubling to 60 s, by how long it has waited."""
    wait = first
    while wait < timedelta(seconds=60) and waited >= wait:
        wait *= 2
    return min(wait, max(first, timedelta(seconds=60)))
