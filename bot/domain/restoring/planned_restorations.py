"""The plan of a way back: which disks come back from which snapshots, and what stands in the way of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.items import DiskRef, Item
from bot.domain.orders import Restore, Way
from bot.domain.projects import Project
from bot.domain.quick import CHANNEL_TAG, SNAPSHOTS_PER_DISK, Marks, described_as
from bot.domain.requests import Request
from bot.domain.restoring.new_disks import RATES_NEEDED, CreateDisk, Quotas, restored_name
from bot.domain.restoring.restorations import Restoration, Source
from bot.domain.sentences import moment, quoted
from bot.domain.snapshots import (
    COPYABLE_STATES,
    OF_CLOUD_BACKUP,
    REQUEST_TAG,
    TEST_TAG,
    CreateStandardSnapshot,
    Disk,
    Snapshot,
    fitted_name,
    stamp,
)
from bot.domain.transitions import ITEM, RESTORATION, AttemptEvent

NEWER_NAMED = 5
"""Newer snapshots that a plan names; of more it gives the number."""

ROLLED_BACK_FROM = frozenset({"available", "error_rollbacking"})
"""Disk states in which a snapshot can be rolled back (Rolling Back a Snapshot to an EVS Disk)."""


_WITHOUT_REASON: Mapping[Way, str] = {
    "new_disks": "made of a snapshot",
    "overwrite": "before it is overwritten",
    "verify": "a test, deleted again at once",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """The cloud's side of it, by id. `snapshots` hold every one of the disks where they are overwritten."""

    disks: Mapping[str, Disk]
    snapshots: Mapping[str, Snapshot]
    quotas: Quotas | None = None


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """`items` are the safety snapshots; `left_out` says which disks of the source do not come back."""

    restorations: Sequence[Restoration] = ()
    items: Sequence[Item] = ()
    problems: Sequence[str] = ()
    left_out: Sequence[str] = ()


def meant(order: Restore, items: Sequence[Item]) -> list[Item]:
    """The disks of the source that an order means: those of one snapshot, job or group, or all."""
    named = [one for one in items if order.of in (one.id, one.snapshot_id, one.job_id, one.consistency_group_id)]
    return named or list(items)


def plan_restore(
    request: Request,
    project: Project,
    sources: Sequence[Item],
    there: Collection[str],
    seen: Seen,
    marks: Marks,
    now: datetime,
) -> RestorePlan:
    """`there`: the items of which the rows say that their snapshot is still to be had."""
    order = request.order
    assert isinstance(order, Restore)
    left = [item for item in sources if item.id in there]
    gone = [f"{quoted(item.disk.label)}: no snapshot of it is left." for item in sources if item.id not in there]
    problems = [f"{quoted(item.disk.label)}: {why}" for item in left if (why := _why_not(item, order, project, seen))]
    if gone and (order.way == "overwrite" or not left):
        problems = [*gone, *problems]
    if order.way == "verify" and len(problems) < len(left):
        gone, left = [*gone, *problems], [item for item in left if not _why_not(item, order, project, seen)]
    elif problems:
        return RestorePlan(problems=problems)
    rows = [_restoration(request, project, item, seen, marks, number) for number, item in enumerate(left, start=1)]
    if order.way == "overwrite":
        items = [_safety(request, row, marks, now) for row in rows]
        pairs = zip(rows, items, strict=True)
        return RestorePlan([replace(row, safety_item_id=item.id, due_at=now) for row, item in pairs], items)
    if lacking := _lacking(rows, seen.quotas):
        return RestorePlan(problems=[f"{project.alias} has no room for that: this needs {lacking}."])
    return RestorePlan([replace(row, due_at=now) for row in rows], left_out=gone)


def _lacking(rows: Sequence[Restoration], quotas: Quotas | None) -> str:
    """The words for a quota that does not suffice. Of test disks there is one at a time."""
    if quotas is None:
        return ""
    sizes = [row.source.size for row in rows]
    if rows[0].way == "verify":
        return quotas.lacking(disks=1, gib=max(sizes))
    return quotas.lacking(disks=len(rows), gib=sum(sizes))


# --- what stands in the way -------------------------------------------------------------------------------------------


def _why_not(item: Item, order: Restore, project: Project, seen: Seen) -> str:
    disk, snapshot = seen.disks.get(item.disk.id), seen.snapshots.get(item.snapshot_id or "")
    if why := unusable(item.disk.id, snapshot):
        return why
    if order.way == "overwrite":
        return _not_overwritten(disk, seen)
    size = (snapshot and snapshot.size) or item.disk.size
    if order.way == "verify" and size > project.verify_gib:
        return f"It has {size} GiB; in {project.alias} disks of up to {project.verify_gib} GiB are verified."
    return ""


def unusable(disk_id: str, snapshot: Snapshot | None) -> str:
    """Why nothing can come back from a snapshot as it is now; "" where it can."""
    if snapshot is None:
        return "The cloud no longer has its snapshot. `restore-points` shows those that are left."
    if snapshot.name.startswith(OF_CLOUD_BACKUP):
        return "Its snapshot belongs to Cloud Backup, which alone may restore it."
    if snapshot.volume_id != disk_id:
        return "The cloud says that its snapshot is one of another disk; look at it in the console."
    if snapshot.status != "available":
        return f"Its snapshot is in the state {quoted(snapshot.status)}; it has to be available."
    return ""


def in_the_way(disk: Disk | None) -> str:
    """Why a disk can't be overwritten as it is now; "" where it can."""
    if disk is None:
        return "The disk is gone. Without the word overwrite a new one is made of its snapshot."
    if disk.attachments:
        server = quoted(disk.server)
        return f"It is attached to server {server}. Detach it there; unmount it first, or stop the server."
    if disk.status not in ROLLED_BACK_FROM:
        return f"It is in the state {quoted(disk.status)}; it has to be available."
    return ""


def _not_overwritten(disk: Disk | None, seen: Seen) -> str:
    if (why := in_the_way(disk)) or disk is None:
        return why
    if disk.status not in COPYABLE_STATES:
        return (
            f"It is in the state {quoted(disk.status)}, in which no safety snapshot can be made of it. Take a new disk."
        )
    made = sum(one.volume_id == disk.id and one.by_hand for one in seen.snapshots.values())
    if made >= SNAPSHOTS_PER_DISK:
        return f"It has {SNAPSHOTS_PER_DISK} snapshots, so no safety snapshot can be made of it. Delete one first."
    return ""


# --- what will be sent ------------------------------------------------------------------------------------------------


def _restoration(request: Request, project: Project, item: Item, seen: Seen, marks: Marks, number: int) -> Restoration:
    order = request.order
    assert isinstance(order, Restore)
    disk, snapshot = seen.disks.get(item.disk.id), seen.snapshots[item.snapshot_id or ""]
    kept = replace(DiskRef.of(disk), server=disk.server or item.disk.server) if disk else item.disk
    taken_at = snapshot.created_at or item.taken_at
    row = Restoration(
        id=f"{request.id}-r{number}",
        request_id=request.id,
        position=number,
        project=project.alias,
        way=order.way,
        disk=kept,
        source=Source(snapshot.id, snapshot.name, item.id, item.request_id, taken_at, snapshot.size or item.disk.size),
        state=RESTORATION.after(None, AttemptEvent.PLAN),
    )
    if order.way == "overwrite":
        return replace(row, cause=_newer(snapshot, seen))
    return replace(row, asked=_new_disk(request, row, disk, snapshot, marks))


def _newer(snapshot: Snapshot, seen: Seen) -> str:
    """Which snapshots of the disk are newer; a roll-back leaves them as they are."""
    since = snapshot.created_at
    newer = [
        (one.created_at, one.id, one.name or one.id)
        for one in seen.snapshots.values()
        if one.volume_id == snapshot.volume_id and since and one.created_at and one.created_at > since
    ]
    if not newer:
        return ""
    named = [f"{quoted(name)} ({moment(made_at)})" for made_at, _, name in sorted(newer, reverse=True)]
    more = f" and {len(named) - NEWER_NAMED} more" if len(named) > NEWER_NAMED else ""
    return f"Newer snapshots of it: {', '.join(named[:NEWER_NAMED])}{more}."


def _new_disk(request: Request, row: Restoration, disk: Disk | None, snapshot: Snapshot, marks: Marks) -> CreateDisk:
    """In the zone of the snapshot, of the size that it has and of the type of its disk, as the cloud demands."""
    needed = RATES_NEEDED.get(row.disk.volume_type, ())
    return CreateDisk(
        snapshot_id=snapshot.id,
        availability_zone=snapshot.availability_zone or row.disk.availability_zone,
        size=row.source.size,
        volume_type=row.disk.volume_type,
        name=restored_name(row.disk.name, row.disk.id, row.source.taken_at or request.created_at),
        description=described_as(request.actor_id, request.order.reason or _WITHOUT_REASON[row.way]),
        tags={CHANNEL_TAG: marks.channel_id, REQUEST_TAG: row.id}
        | ({TEST_TAG: row.way} if row.way == "verify" else {}),
        enterprise_project_id=marks.enterprise_project_id,
        iops=disk.iops if disk and "iops" in needed else None,
        throughput=disk.throughput if disk and "throughput" in needed else None,
    )


def _test_tag(way: Way) -> Mapping[str, str]:
    return {TEST_TAG: way} if way == "verify" else {}


def _safety(request: Request, row: Restoration, marks: Marks, now: datetime) -> Item:
    """The snapshot that is the way back from the way back."""
    item_id = f"{request.id}-{row.position}"
    return Item(
        item_id,
        request.id,
        row.position,
        row.project,
        row.disk,
        CreateStandardSnapshot(
            volume_id=row.disk.id,
            name=fitted_name(("safety", row.disk.label, stamp(now)), row.disk.id),
            description=described_as(request.actor_id, request.order.reason or _WITHOUT_REASON[row.way]),
            tags={**marks.tags, REQUEST_TAG: item_id},
            enterprise_project_id=marks.enterprise_project_id,
        ),
        state=ITEM.after(None, AttemptEvent.PLAN),
        due_at=now,
    )
