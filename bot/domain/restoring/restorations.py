"""A restoration, one disk that comes back from a snapshot, and how it moves: values in, values out.

It is sent in one POST: for a new disk, a test disk, or a roll-back of the disk itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.attempts import Attempt, accepted, over
from bot.domain.items import DiskRef
from bot.domain.normalise import caseless
from bot.domain.orders import Way
from bot.domain.restoring.new_disks import CreateDisk
from bot.domain.transitions import RESTORATION, AttemptEvent, RestorationState

NOT_BEGUN = "not-begun"
"""The code of a roll-back that was never sent, while others of its request were."""

_ENDING = {
    RestorationState.RESTORED: AttemptEvent.RESTORE,
    RestorationState.FAILED: AttemptEvent.FALL_SHORT,
    RestorationState.CANCELLED: AttemptEvent.CANCEL,
    RestorationState.UNKNOWN: AttemptEvent.GIVE_UP,
}


@dataclass(frozen=True, slots=True)
class Source:
    """The snapshot that a disk comes back from, as its request remembers it. `size` is in GiB."""

    snapshot_id: str
    name: str
    item_id: str
    request_id: str
    taken_at: datetime | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Restoration(Attempt[RestorationState]):
    """One disk of a request that restores. `asked` is the new disk that is sent for, None where one is rolled back."""

    machine = RESTORATION

    id: str
    request_id: str
    position: int
    project: str
    way: Way
    disk: DiskRef
    """The snapshot's disk."""
    source: Source
    state: RestorationState = field(default=RestorationState.PLANNED, kw_only=True)
    asked: CreateDisk | None = None
    safety_item_id: str | None = None
    """The item of the same request that copies the disk before it is overwritten."""
    made_id: str | None = None
    """The new disk, once it is known."""
    disk_changed_at: datetime | None = None
    """When the cloud had changed the disk last, right before its roll-back was sent."""
    proven_at: datetime | None = None
    """When the cloud showed that a test disk was made of it."""
    ended_at: datetime | None = None
    accepted_told: bool = False
    failure_told: bool = False

    @property
    def ended(self) -> bool:
        return self.state in RESTORATION.final

    @property
    def unsent(self) -> bool:
        """Nothing of it can be in the cloud: it was never sent, or refused without effect."""
        return self.state is RestorationState.PLANNED and not self.in_doubt

    @property
    def begun_at(self) -> datetime | None:
        """When its order was sent last; None where nothing of it can have begun."""
        never = self.unsent or self.state is RestorationState.CANCELLED or self.code == NOT_BEGUN
        return None if never else self.submitted_at

    @property
    def proven_in(self) -> timedelta | None:
        """How long its test disk took."""
        return self.proven_at - self.submitted_at if self.proven_at and self.submitted_at else None


def under_way(one: Restoration, job_id: str | None, made_id: str | None = None) -> Restoration:
    """The cloud has begun with it: it said so, or that was found. `made_id` may become known later."""
    return replace(accepted(one, job_id), made_id=made_id or one.made_id)


def clearing(one: Restoration, now: datetime, *, cause: str = "", code: str = "") -> Restoration:
    """Whether its test disk was made is known, and why not where it was not; from now on it is being deleted."""
    state = one.after(AttemptEvent.CLEAR)
    proven = now if not code and not cause else None
    cleared = replace(one, state=state, moved_by=AttemptEvent.CLEAR, due_at=now, cause=cause, code=code)
    return replace(cleared, proven_at=proven, job_id=None, in_vain=timedelta())


def over_with(
    one: Restoration, state: RestorationState, now: datetime, *, cause: str = "", code: str = ""
) -> Restoration:
    return replace(over(one, _ENDING[state], cause=cause, code=code), ended_at=now)


def tally(rows: Iterable[Restoration]) -> Mapping[RestorationState, int]:
    counts = dict.fromkeys(RestorationState, 0)
    for one in rows:
        counts[one.state] += 1
    return counts


def to_be_typed(rows: Sequence[Restoration]) -> str:
    """The words that a person types before disks are overwritten: the name of the only one, or how many of a server."""
    if len(rows) == 1:
        return rows[0].disk.label
    servers = {row.disk.server for row in rows}
    return f"{len(rows)} {servers.pop() if len(servers) == 1 and '' not in servers else 'disks'}"


def is_typed(rows: Sequence[Restoration], text: str) -> bool:
    """Case and spaces do not count: phones begin with a capital letter."""
    return bool(rows) and caseless(" ".join(text.split())) == caseless(" ".join(to_be_typed(rows).split()))
