"""An item, one disk of a request, and how it moves: values in, values out.

Which moves there are is said in `transitions`. Every state of an item after planned is committed before, or right
after, the call to the cloud it stands for, so whoever reads the rows knows what may have happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.snapshots import CreateStandardSnapshot, Disk, Snapshot
from bot.domain.transitions import ITEM, ItemEvent, ItemState

_ENDING = {
    ItemState.AVAILABLE: ItemEvent.FINISH,
    ItemState.FAILED: ItemEvent.FAIL,
    ItemState.CANCELLED: ItemEvent.CANCEL,
    ItemState.UNKNOWN: ItemEvent.GIVE_UP,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One disk of a request; `progress` is in percent. `tried` and `in_vain` add up what was really waited for, so
    time in which no bot ran is none of it.
    """

    id: str
    request_id: str
    position: int
    project: str
    disk: DiskRef
    snapshot: CreateStandardSnapshot
    state: ItemState
    ver: int = 1
    attempts: int = 0
    in_doubt: bool = False
    """An answer to its POST was lost, so each further one is preceded by a look."""
    due_at: datetime | None = None
    """When its job runs next."""
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
    def accepted(self) -> bool:
        """The cloud answered with ids, or the bot found its snapshot."""
        return self.snapshot_id is not None


@dataclass(frozen=True, slots=True)
class DiskRef:
    """What a request keeps of a disk: enough to name it when it no longer exists. `size` is in GiB."""

    id: str
    name: str
    size: int = 0
    volume_type: str = ""
    availability_zone: str = ""
    server: str = ""
    status: str = ""

    @property
    def label(self) -> str:
        return self.name or self.id

    @classmethod
    def of(cls, disk: Disk) -> DiskRef:
        return cls(disk.id, disk.name, disk.size, disk.volume_type, disk.availability_zone, disk.server, disk.status)


def cloud_deletes(items: Iterable[Item]) -> bool:
    """Whether the cloud itself deletes in time all that was made. A group can't carry `retention_days`, and a joined
    snapshot is kept for as long as whoever asked first said.
    """
    return all(
        item.snapshot.retention_days and item.consistency_group_id is None and item.joined_to is None
        for item in items
        if item.state is ItemState.AVAILABLE
    )


def submitting(item: Item, now: datetime) -> Item:
    """Before the POST: from here on the cloud may hold a snapshot, so nobody repeats it without looking first."""
    return replace(
        item,
        state=ITEM.after(item.state, ItemEvent.SEND),
        attempts=item.attempts + 1,
        submitted_at=now,
        due_at=now,
    )


def no_answer(item: Item, now: datetime, *, look_for: timedelta, cause: str) -> Item:
    """No usable answer came: look for the tag until `look_until`, and only then try again."""
    return replace(
        item,
        state=ITEM.after(item.state, ItemEvent.LOSE),
        in_doubt=True,
        look_until=now + look_for,
        due_at=now,
        in_vain=timedelta(),
        cause=cause,
    )


def looked(item: Item, now: datetime) -> Item:
    """A look was answered, whatever it showed."""
    return replace(item, in_vain=timedelta(), due_at=now)


def looked_in_vain(item: Item, now: datetime, *, spent: timedelta, wait: timedelta) -> Item:
    """A look answered nothing: `spent` is what it took, the next one comes after `wait`."""
    return replace(item, in_vain=item.in_vain + spent + wait, due_at=now + wait)


def taken(item: Item, snapshot_id: str, job_id: str | None) -> Item:
    return replace(
        item,
        state=ITEM.after(item.state, ItemEvent.TAKE),
        snapshot_id=snapshot_id,
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


def waiting(
    item: Item, now: datetime, *, until: datetime, cause: str, code: str = "", spent: timedelta = timedelta()
) -> Item:
    """Not sent, or refused without effect for a reason that passes: its turn comes at `until`. `spent` is what was
    tried before.
    """
    return replace(
        item,
        state=ITEM.after(item.state, ItemEvent.WAIT),
        look_until=None,
        due_at=until,
        waiting_since=item.waiting_since or now,
        tried=item.tried + spent + (until - now),
        cause=cause,
        code=code,
    )


def back_to_planned(item: Item) -> Item:
    """Its turn comes again, or in another way."""
    return replace(item, state=ITEM.after(item.state, ItemEvent.WAIT))


def ended(item: Item, state: ItemState, now: datetime, *, cause: str = "", code: str = "") -> Item:
    state = ITEM.after(item.state, _ENDING[state])
    return replace(item, state=state, ended_at=now, due_at=None, look_until=None, cause=cause, code=code)


def seen(item: Item, snapshot: Snapshot) -> Item:
    """What the cloud says of a snapshot in the making or done."""
    return replace(
        item,
        in_vain=timedelta(),
        progress=snapshot.progress if snapshot.progress is not None else item.progress,
        taken_at=snapshot.created_at or item.taken_at,
        incremental=snapshot.incremental if snapshot.incremental is not None else item.incremental,
    )


def joining(item: Item, leader: Item) -> Item:
    """The disk is being copied for someone else already; this item ends when that one does."""
    return replace(
        item,
        state=ITEM.after(item.state, ItemEvent.JOIN),
        joined_to=leader.id,
        consistency_group_id=None,
        job_id=leader.job_id,
        snapshot_id=leader.snapshot_id,
        tried=timedelta(),
        in_vain=timedelta(),
        due_at=None,
        cause="",
        code="",
    )


def following(item: Item, leader: Item) -> Item:
    """A joined item after its leader moved. A leader that did not end well sets it free to try for itself."""
    if leader.state is ItemState.AVAILABLE:
        return replace(
            item,
            state=ITEM.after(item.state, ItemEvent.FINISH),
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
            state=ITEM.after(item.state, ItemEvent.FREE),
            joined_to=None,
            job_id=None,
            snapshot_id=None,
            progress=None,
            due_at=leader.ended_at,
        )
    return replace(item, job_id=leader.job_id, snapshot_id=leader.snapshot_id, progress=leader.progress)


def busy_wait(waited: timedelta, first: timedelta) -> timedelta:
    """How long a busy disk waits for its next turn: the first wait, doubling to 60 s, by how long it has waited."""
    wait = first
    while wait < timedelta(seconds=60) and waited >= wait:
        wait *= 2
    return min(wait, max(first, timedelta(seconds=60)))


def counted(items: Iterable[Item]) -> Mapping[ItemState, int]:
    counts = dict.fromkeys(ItemState, 0)
    for item in items:
        counts[item.state] += 1
    return counts


def spread_seconds(items: Iterable[Item]) -> float | None:
    """Seconds between the first and the last creation time; None with fewer than two."""
    times = [item.taken_at for item in items if item.state is ItemState.AVAILABLE and item.taken_at]
    return (max(times) - min(times)).total_seconds() if len(times) > 1 else None
