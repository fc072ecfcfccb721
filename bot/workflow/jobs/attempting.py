"""Sending one POST, be it for a disk or for a group: how long each thing is tried, and the meaning of a look for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bot.domain.attempts import Attempt, busy_wait, looked_in_vain
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.denials import NOT_CONFIGURED, Denied
from bot.domain.errors import CloudError, CloudUnavailable, DiskBusy, Throttled
from bot.domain.items import Item
from bot.domain.restoring.restorations import Restoration
from bot.domain.snapshots import Snapshot, SnapshotGroup
from bot.domain.transitions import ItemState

A = TypeVar("A", Item, ConsistencyGroup, Restoration)
Made = TypeVar("Made", Snapshot, SnapshotGroup)

SEND_WITHIN_S = 20.0
"""A POST that has not begun to leave by then is not sent any more; counted on the steady clock from before it was asked
whether it may be, so that a process that was frozen in between sends nothing.
"""

UNCONFIGURED_SECONDS = 30.0
"""How often it is looked whether a project is configured again; that costs no call."""

UNANSWERED_WAIT = timedelta(seconds=5)
CLOCK_SKEW = timedelta(minutes=2)
"""How far the cloud's creation times may lie before our own note of sending."""

INTERRUPTED = "The bot was interrupted while it asked the cloud."
LOOKED = "An earlier try was not answered; I looked, and the cloud holds no snapshot of it."


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to look after an uncertain create, and how long and how often a busy disk is asked again; how long a
    project that is no longer configured is waited for.
    """

    look_for: timedelta = timedelta(seconds=60)
    busy_first: timedelta = timedelta(seconds=10)
    busy_deadline: timedelta = timedelta(minutes=30)
    unconfigured: timedelta = timedelta(hours=24)
    another_may_send: timedelta = timedelta()
    """How long after it was marked a POST of another process may still leave; none where no other runs on the rows."""

    def may_leave_s(self, one: Attempt[Any], now: datetime) -> float:
        """Seconds in which the process that marked this may still send it, be it frozen now."""
        left = self.another_may_send - max(now - (one.submitted_at or now), timedelta())
        return max(left.total_seconds(), 0.0)

    def wait_after(self, exc: CloudError, tried: timedelta) -> timedelta | None:
        """How long to wait after an error that had no effect and passes; None after one that does not pass, or that may
        have had one.
        """
        match exc:
            case DiskBusy():
                return busy_wait(tried, self.busy_first)
            case Throttled():
                return timedelta(seconds=exc.retry_after or 2.0)
            case CloudUnavailable(maybe_done=False):
                return UNANSWERED_WAIT
            case _:
                return None

    def given_up(self, cause: str, what: str) -> str:
        """The words for one that was refused for as long as it is tried."""
        minutes = round(self.busy_deadline.total_seconds() / 60)
        return f"{cause} I tried for {minutes} minutes and created nothing of {what}."


@dataclass(frozen=True, slots=True)
class CannotLook:
    """Why a look answered nothing. `retry_after` is in seconds, where the cloud said it."""

    sentence: str
    code: str = ""
    retry_after: float | None = None

    @classmethod
    def because(cls, exc: CloudError) -> CannotLook:
        return cls(exc.sentence, exc.code, exc.retry_after if isinstance(exc, Throttled) else None)

    def policy(self, all_of_it: RetryPolicy) -> timedelta:
        """How long looks may go on failing like this. It counts from the first of them, not from the send."""
        return all_of_it.unconfigured if self.code == NOT_CONFIGURED else all_of_it.busy_deadline

    def added_to(self, cause: str) -> str:
        return cause if self.sentence in cause else f"{cause} {self.sentence}".strip()

    def in_the_end(self, cause: str, what: str) -> str:
        """The cause that is told once the bot looks no more. `cause` is why it had to be looked for."""
        if self.code == NOT_CONFIGURED:
            return f"{self.added_to(cause)} Whether {what} was made is not known; look in the console."
        return f"{cause} Whether {what} was made could not be looked up: {self.sentence} Look in the console.".strip()

    def wait(self, in_vain: timedelta) -> timedelta:
        """Until the next look: the longer it has gone on, the later."""
        if self.code == NOT_CONFIGURED:
            return timedelta(seconds=UNCONFIGURED_SECONDS)
        if self.retry_after:
            return timedelta(seconds=max(self.retry_after, 0.5))
        return min(max(in_vain / 4, timedelta(seconds=2)), timedelta(seconds=60))


LONGEST_CALL = timedelta(seconds=60)
"""A call that seems to have taken longer is a clock that was set."""


def took(began: datetime | None, now: datetime) -> timedelta:
    """How long a call of this process took that began then."""
    return min(max(now - (began or now), timedelta()), LONGEST_CALL)


def left_s(one: Attempt[Any], now: datetime) -> float:
    """Seconds until its turn; 0 when that has come."""
    return max((one.due_at - now).total_seconds(), 0.0) if one.due_at else 0.0


def refused(one: Item | ConsistencyGroup, refusal: Denied) -> tuple[ItemState, str]:
    """How its disks end of which nothing more is sent, and the words for it. In doubt, it was looked for right now."""
    if one.in_doubt:
        return ItemState.FAILED, f"{refusal.explanation} {LOOKED}"
    return ItemState.CANCELLED, refusal.explanation


# --- looking ----------------------------------------------------------------------------------------------------------


def made_since(one: Item | ConsistencyGroup, made: Snapshot | SnapshotGroup) -> bool:
    """Whether it may be what an earlier POST made: never one that is older."""
    since = one.submitted_at - CLOCK_SKEW if one.submitted_at else None
    return since is None or made.created_at is None or made.created_at >= since


def ours(one: Item | ConsistencyGroup, known: Sequence[Made], *, named: str | None = None) -> Made | None:
    """The one that carries the attempt's tag; or one of exactly this name, made since, without a tag.

    The tag may appear later than the row, as no page of the EVS API Reference says that both come together; so a name
    alone counts only once looking is over.
    """
    for made in known:
        if made.request_tag == one.id:
            return made
    for made in known if named and one.attempts <= 1 else ():
        if made.request_tag is None and made.name == named and made_since(one, made):
            return made
    return None


def unreadable(one: Item | ConsistencyGroup, known: Sequence[Made]) -> bool:
    """Whether ours may be one whose tags cannot be read."""
    return any("tags" in made.unread and made_since(one, made) for made in known)


def could_not_look(one: A, failed: CannotLook, began: datetime, now: datetime) -> A:
    """After a look that answered nothing. Its code is another one where that is to be told at once."""
    after = looked_in_vain(one, now, spent=took(began, now), wait=failed.wait(one.in_vain))
    if failed.code == NOT_CONFIGURED != one.code:
        return replace(after, cause=failed.added_to(one.cause), code=NOT_CONFIGURED)
    return after


def step_s(one: Attempt[Any], now: datetime, steps_s: Sequence[float], each_s: int) -> float:
    """Seconds until the next look: a step further every so many seconds since it was sent."""
    age_s = max((now - (one.submitted_at or now)).total_seconds(), 0.0)  # the clock may have been set back
    return steps_s[min(int(age_s / each_s), len(steps_s) - 1)]


def pause_s(one: Attempt[Any], now: datetime, steps_s: Sequence[float], each_s: int) -> float:
    """The same, and a last look when the time for it is over."""
    over_s = (one.look_until - now).total_seconds() if one.look_until else 0.0
    return max(min(step_s(one, now, steps_s, each_s), over_s), 0.05)
