"""A snapshot consistency group: disks of one server in one zone, asked for in one POST, and how it moves.

While it is being asked for, its items stand in the same state; once it is made, each item gets the snapshot that the
group holds of its disk.
Source: EVS API Reference, CreateSnapshotGroup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.items import Item, back_to_planned
from bot.domain.snapshots import COPYABLE_STATES, REQUEST_TAG, CreateSnapshotGroup, Disk
from bot.domain.transitions import GROUP, GroupEvent, GroupState


@dataclass(frozen=True, slots=True)
class ConsistencyGroup:
    """One row. `cloud_id` and `job_id` are the cloud's; `asked` is what is sent, its `volume_ids` filled in then.

    `cause` says why it waits, or why it was split; `tried` and `in_vain` are patience spent, as of an item.
    """

    id: str
    request_id: str
    project: str
    server: str
    zone: str
    asked: CreateSnapshotGroup
    state: GroupState = GroupState.PLANNED
    ver: int = 1
    attempts: int = 0
    in_doubt: bool = False
    due_at: datetime | None = None
    submitted_at: datetime | None = None
    look_until: datetime | None = None
    waiting_since: datetime | None = None
    tried: timedelta = timedelta()
    in_vain: timedelta = timedelta()
    cause: str = ""
    code: str = ""
    job_id: str | None = None
    cloud_id: str | None = None

    @property
    def tag(self) -> tuple[str, str]:
        return REQUEST_TAG, self.id


def can_be_member(group: ConsistencyGroup, disk: Disk) -> bool:
    """Whether a disk, as it is now, can be copied together with the others: on their server, in a fit state."""
    attached = any(one.server_id == group.asked.server_id for one in disk.attachments)
    return attached and disk.status in COPYABLE_STATES


def submitting_group(group: ConsistencyGroup, members: Sequence[Item], now: datetime) -> ConsistencyGroup:
    """Before the POST: from here on the cloud may hold a group of exactly these disks."""
    return replace(
        group,
        state=GROUP.after(group.state, GroupEvent.SEND),
        asked=group.asked.model_copy(update={"volume_ids": tuple(item.disk.id for item in members)}),
        attempts=group.attempts + 1,
        submitted_at=now,
        due_at=now,
    )


def group_unanswered(group: ConsistencyGroup, now: datetime, *, look_for: timedelta, cause: str) -> ConsistencyGroup:
    return replace(
        group,
        state=GROUP.after(group.state, GroupEvent.LOSE),
        in_doubt=True,
        look_until=now + look_for,
        due_at=now,
        in_vain=timedelta(),
        cause=cause,
    )


def group_looked(group: ConsistencyGroup, now: datetime) -> ConsistencyGroup:
    return replace(group, in_vain=timedelta(), due_at=now)


def group_looked_in_vain(
    group: ConsistencyGroup, now: datetime, *, spent: timedelta, wait: timedelta
) -> ConsistencyGroup:
    """A look answered nothing, or not of all its disks: `spent` is what it took, the next one comes after `wait`."""
    return replace(group, in_vain=group.in_vain + spent + wait, due_at=now + wait)


def group_made(
    group: ConsistencyGroup, now: datetime, *, look_for: timedelta, cloud_id: str, job_id: str | None
) -> ConsistencyGroup:
    """The cloud has it; its members are looked for until `look_until`."""
    return replace(
        group,
        state=GROUP.after(group.state, GroupEvent.MAKE),
        cloud_id=cloud_id,
        job_id=job_id,
        look_until=now + look_for,
        due_at=now,
        waiting_since=None,
        tried=timedelta(),
        in_vain=timedelta(),
        cause="",
        code="",
    )


def group_waiting(
    group: ConsistencyGroup,
    now: datetime,
    *,
    until: datetime,
    cause: str,
    code: str = "",
    spent: timedelta = timedelta(),
) -> ConsistencyGroup:
    return replace(
        group,
        state=GROUP.after(group.state, GroupEvent.WAIT),
        due_at=until,
        look_until=None,
        waiting_since=group.waiting_since or now,
        tried=group.tried + spent + (until - now),
        cause=cause,
        code=code,
    )


def group_done(group: ConsistencyGroup) -> ConsistencyGroup:
    return replace(group, state=GROUP.after(group.state, GroupEvent.END), due_at=None, look_until=None)


def group_split(group: ConsistencyGroup, cause: str, code: str = "") -> ConsistencyGroup:
    state = GROUP.after(group.state, GroupEvent.SPLIT)
    return replace(group, state=state, due_at=None, look_until=None, cause=cause, code=code)


def on_its_own(item: Item, now: datetime) -> Item:
    """A member whose group is not made of it: it is sent alone, right away."""
    return replace(back_to_planned(item), consistency_group_id=None, due_at=now, submitted_at=None, look_until=None)
