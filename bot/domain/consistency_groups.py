"""A snapshot consistency group: disks of one server in one zone, asked for in one POST, and how it moves.

While it is being asked for, its items stand in the same state; once it is made, each item gets the snapshot that the
group holds of its disk.
Source: EVS API Reference, CreateSnapshotGroup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.attempts import Attempt, accepted, over, submitting
from bot.domain.items import Item, back_to_planned
from bot.domain.snapshots import COPYABLE_STATES, REQUEST_TAG, CreateSnapshotGroup, Disk
from bot.domain.transitions import GROUP, AttemptEvent, GroupState


@dataclass(frozen=True, slots=True)
class ConsistencyGroup(Attempt[GroupState]):
    """One row. `cloud_id` and `job_id` are the cloud's; `asked` is what is sent, its `volume_ids` filled in then."""

    machine = GROUP

    id: str
    request_id: str
    project: str
    server: str
    zone: str
    asked: CreateSnapshotGroup
    state: GroupState = field(default=GroupState.PLANNED, kw_only=True)
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
    asked = group.asked.model_copy(update={"volume_ids": tuple(item.disk.id for item in members)})
    return replace(submitting(group, now), asked=asked)


def group_made(
    group: ConsistencyGroup, now: datetime, *, look_for: timedelta, cloud_id: str, job_id: str | None
) -> ConsistencyGroup:
    """The cloud has it; its members are looked for until `look_until`."""
    return replace(accepted(group, job_id), cloud_id=cloud_id, look_until=now + look_for, due_at=now)


def group_done(group: ConsistencyGroup) -> ConsistencyGroup:
    return over(group, AttemptEvent.END)


def group_split(group: ConsistencyGroup, cause: str, code: str = "") -> ConsistencyGroup:
    return over(group, AttemptEvent.SPLIT, cause=cause, code=code)


def on_its_own(item: Item, now: datetime) -> Item:
    """A member whose group is not made of it: it is sent alone, right away."""
    planned = back_to_planned(item)
    return replace(planned, consistency_group_id=None, due_at=now, submitted_at=None, look_until=None)
