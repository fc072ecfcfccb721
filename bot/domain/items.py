"""An item, one disk of a request, and how it moves where it is more than an attempt: values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.attempts import Attempt, accepted, over
from bot.domain.polling import FIRST_LOOK
from bot.domain.snapshots import CreateStandardSnapshot, Disk, Snapshot
from bot.domain.transitions import ITEM, AttemptEvent, ItemState
from bot.domain.turns import WAITS_ITS_TURN

_ENDING = {
    ItemState.AVAILABLE: AttemptEvent.FINISH,
    ItemState.FAILED: AttemptEvent.FAIL,
    ItemState.CANCELLED: AttemptEvent.CANCEL,
    ItemState.UNKNOWN: AttemptEvent.GIVE_UP,
}


@dataclass(frozen=True, slots=True)
class Item(Attempt[ItemState]):
    """One disk of a request; `progress` is in percent."""

    machine = ITEM

    id: str
    request_id: str
    position: int
    project: str
    disk: DiskRef
    snapshot: CreateStandardSnapshot
    snapshot_id: str | None = None
    progress: int | None = None
    taken_at: datetime | None = None
    incremental: bool | None = None
    ended_at: datetime | None = None
    joined_to: str | None = None
    """The item of another request that copies the same disk."""
    consistency_group_id: str | None = None
    """The consistency group it is asked for in."""
    let_go: bool = False
    """Joined, and the request keeps it no more."""
    accepted_told: bool = False
    failure_told: bool = False
    gone_at: datetime | None = None
    """When its snapshot was deleted."""
    gone_by: str | None = None
    """The person who asked for that; None: it happened outside of the bot, which noticed it then."""

    @property
    def gone(self) -> bool:
        """Its snapshot was made, and is deleted since."""
        return self.gone_at is not None

    @property
    def ended(self) -> bool:
        return self.state in ITEM.final

    @property
    def unsent(self) -> bool:
        """Nothing of it can be in the cloud: it was never sent, or refused without effect."""
        return self.state is ItemState.PLANNED and not self.in_doubt

    @property
    def waits_its_turn(self) -> bool:
        """There was no place for it among those that its project makes at once."""
        return self.state is ItemState.PLANNED and self.code == WAITS_ITS_TURN

    @property
    def accepted(self) -> bool:
        """The cloud answered with ids, or the bot found its snapshot."""
        return self.snapshot_id is not None


@dataclass(frozen=True, slots=True)
class DiskRef:
    """The facts that a request keeps of a disk: enough to name it when it no longer exists. `size` is in GiB;
    `copied_before`: the project held a standard snapshot of it when it was planned.
    """

    id: str
    name: str
    size: int = 0
    volume_type: str = ""
    availability_zone: str = ""
    server: str = ""
    status: str = ""
    copied_before: bool = False

    @property
    def label(self) -> str:
        return self.name or self.id

    @classmethod
    def of(cls, disk: Disk) -> DiskRef:
        return cls(disk.id, disk.name, disk.size, disk.volume_type, disk.availability_zone, disk.server, disk.status)


def cloud_deletes(items: Iterable[Item]) -> bool:
    """Whether the cloud itself deletes in time all that was made. A group can't carry `retention_days`, and a joined
    snapshot is kept for as long as the request that made it says.
    """
    return all(
        item.snapshot.retention_days and item.consistency_group_id is None and item.joined_to is None
        for item in items
        if item.state is ItemState.AVAILABLE
    )


def taken(item: Item, snapshot_id: str, job_id: str | None) -> Item:
    look_at = item.submitted_at + FIRST_LOOK if item.submitted_at else None
    return replace(accepted(item, job_id), snapshot_id=snapshot_id, due_at=look_at)


def back_to_planned(item: Item) -> Item:
    """Its turn comes again right away, or in another way: what was refused before is no reason for anything any more.
    In doubt it stays one.
    """
    planned = replace(item, state=item.after(AttemptEvent.WAIT), moved_by=AttemptEvent.WAIT)
    return planned if item.in_doubt else replace(planned, cause="", code="", waiting_since=None)


def ended(item: Item, state: ItemState, now: datetime, *, cause: str = "", code: str = "") -> Item:
    return replace(over(item, _ENDING[state], cause=cause, code=code), ended_at=now)


def seen(item: Item, snapshot: Snapshot) -> Item:
    """The item with what the cloud tells of its snapshot, in the making or done."""
    return replace(
        item,
        in_vain=timedelta(),
        progress=snapshot.progress if snapshot.progress is not None else item.progress,
        taken_at=snapshot.created_at or item.taken_at,
        incremental=snapshot.incremental if snapshot.incremental is not None else item.incremental,
    )


def joining(item: Item, leader: Item) -> Item:
    """The disk is being copied for another request already; this item ends when that one does."""
    joined = accepted(item, leader.job_id, AttemptEvent.JOIN)
    return replace(joined, joined_to=leader.id, consistency_group_id=None, snapshot_id=leader.snapshot_id)


def following(item: Item, leader: Item) -> Item:
    """A joined item after its leader moved. A leader that did not end well sets it free to try for itself."""
    if leader.state is ItemState.AVAILABLE:
        return replace(
            item,
            state=item.after(AttemptEvent.FINISH),
            moved_by=AttemptEvent.FINISH,
            job_id=leader.job_id,
            snapshot_id=leader.snapshot_id,
            progress=leader.progress,
            taken_at=leader.taken_at,
            incremental=leader.incremental,
            ended_at=leader.ended_at,
        )
    if leader.ended:
        return replace(
            item,
            state=item.after(AttemptEvent.FREE),
            moved_by=AttemptEvent.FREE,
            joined_to=None,
            job_id=None,
            snapshot_id=None,
            progress=None,
            due_at=leader.ended_at,
        )
    return replace(item, job_id=leader.job_id, snapshot_id=leader.snapshot_id, progress=leader.progress)


def counted(items: Iterable[Item]) -> Mapping[ItemState, int]:
    counts = dict.fromkeys(ItemState, 0)
    for item in items:
        counts[item.state] += 1
    return counts


def spread_seconds(items: Iterable[Item]) -> float | None:
    """Seconds between the first and the last creation time; None with fewer than two."""
    times = [item.taken_at for item in items if item.state is ItemState.AVAILABLE and item.taken_at]
    return (max(times) - min(times)).total_seconds() if len(times) > 1 else None
