"""The plan of a quick backup: a pure function of what was read, shown before anything is done."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.consistency_groups import ConsistencyGroup, group_split
from bot.domain.items import DiskRef, Item, ended
from bot.domain.orders import Quick
from bot.domain.requests import Request
from bot.domain.sentences import quoted
from bot.domain.snapshots import (
    COPYABLE_STATES,
    DESCRIPTION_CHARACTERS,
    DISKS_PER_GROUP,
    REQUEST_TAG,
    CreateSnapshotGroup,
    CreateStandardSnapshot,
    Disk,
    Snapshot,
    fitted_name,
    mark_of,
    stamp,
    within_bytes,
)
from bot.domain.transitions import ITEM, AttemptEvent, ItemState

SNAPSHOTS_PER_DISK = 256
"""Standard snapshots made by hand, per disk (EVS User Guide, Creating a Snapshot: Constraints)."""

DISKS_PER_QUICK = 200
"""Our own bound: what one message can still account for."""

CHANNEL_TAG = "snapshot-bot-channel"
INCIDENT_TAG = "snapshot-bot-incident"

NO_GROUPS = "This region offers no consistency groups."

JOINS = "I am copying it for another request already; this one joins."
WAITS = "Another snapshot of it is being created outside the bot; it waits its turn."

LEFT_OUT = "left-out"
"""The code of a disk of which nothing is made, known when it was planned."""

NO_SNAPSHOT = "no-standard-snapshot"
"""The code of a disk that can have none at all."""


def to_try_again(items: Iterable[Item]) -> list[Item]:
    """Those that ended without a snapshot, though one was to be made of them and may be the next time."""
    never = (LEFT_OUT, NO_SNAPSHOT)
    return [item for item in items if item.ended and item.state is not ItemState.AVAILABLE and item.code not in never]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Disks of one server in one availability zone: created together, as one consistency group."""

    server_id: str
    server: str
    availability_zone: str
    disks: tuple[Disk, ...]


@dataclass(frozen=True, slots=True)
class QuickPlan:
    """The plan of a quick backup. `clusters` become groups where the project takes any (`grouped`), `singles` stand
    alone; `left_out` says of which disks nothing is made and why, `notes` what is special about a disk that is copied,
    by disk id; of those `copied_before` the project holds a standard snapshot, so that the next one is no full copy.
    """

    clusters: tuple[Cluster, ...] = ()
    singles: tuple[Disk, ...] = ()
    grouped: bool = True
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    copied_before: frozenset[str] = frozenset()

    @property
    def copied(self) -> tuple[Disk, ...]:
        return (*(disk for cluster in self.clusters for disk in cluster.disks), *self.singles)


def plan_quick(
    disks: Sequence[Disk], snapshots: Sequence[Snapshot], *, groups_available: bool, ours: Collection[str] = ()
) -> QuickPlan:
    """Sort the disks. `snapshots` are those the project holds now; `ours` are disks that the bot is copying already:
    they are joined, and need neither a turn nor a group.
    """
    left_out = {disk.id: why for disk in disks if (why := _cannot(disk, snapshots))}
    wanted = [disk for disk in disks if disk.id not in left_out]
    busy = {one.volume_id for one in snapshots if one.status == "creating"}
    joined = {disk.id: JOINS for disk in wanted if disk.id in ours}
    waits = {disk.id: WAITS for disk in wanted if disk.id in busy and disk.id not in ours}
    free = [disk for disk in wanted if disk.id not in waits and disk.id not in joined]
    clusters = _clusters(free)
    grouped = {disk.id for cluster in clusters for disk in cluster.disks}
    return QuickPlan(
        clusters,
        tuple(disk for disk in wanted if disk.id not in grouped),
        groups_available,
        left_out,
        {**joined, **waits},
        frozenset(one.volume_id for one in snapshots if one.by_hand and one.status == "available"),
    )


def _cannot(disk: Disk, snapshots: Sequence[Snapshot]) -> str:
    if disk.status not in COPYABLE_STATES:
        return f"It is in the state {quoted(disk.status)}; a snapshot can be made when it is available or in-use."
    if sum(one.volume_id == disk.id and one.by_hand for one in snapshots) >= SNAPSHOTS_PER_DISK:
        return f"It has {SNAPSHOTS_PER_DISK} snapshots, all that a disk can have. Delete one, then ask again."
    return ""


def _clusters(disks: Sequence[Disk]) -> tuple[Cluster, ...]:
    """By server and zone, at most 64 each; one disk alone needs no group. A disk of several servers stands alone."""
    together: dict[tuple[str, str], list[Disk]] = {}
    for disk in disks:
        if len(disk.attachments) == 1:
            together.setdefault((disk.attachments[0].server_id, disk.availability_zone), []).append(disk)
    return tuple(
        Cluster(server_id, part[0].server, zone, tuple(part))
        for (server_id, zone), members in together.items()
        for at in range(0, len(members), DISKS_PER_GROUP)
        if len(part := members[at : at + DISKS_PER_GROUP]) > 1
    )


# --- what will be sent ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Marks:
    """The tags on every snapshot of a request: who and why, and where. `channel` is its name, "" when unknown."""

    channel: str
    channel_id: str
    enterprise_project_id: str | None
    retention_days: int | None

    @property
    def tags(self) -> dict[str, str]:
        incident = legal_tag_value(self.channel)
        return {CHANNEL_TAG: self.channel_id, **({INCIDENT_TAG: incident} if incident else {})}


def quick_items(
    request: Request, alias: str, disks: Sequence[Disk], plan: QuickPlan, marks: Marks, now: datetime
) -> tuple[list[Item], list[ConsistencyGroup]]:
    """Items in the order in which the disks were named, those left out as ended; and the groups they go into."""
    assert isinstance(request.order, Quick)
    description = described_as(request.actor_id, request.order.reason)
    groups = _groups(request, alias, plan, marks, description, now)
    members = zip(groups, plan.clusters, strict=True) if plan.grouped else ()
    group_of = {disk.id: group.id for group, cluster in members for disk in cluster.disks}
    items = []
    for position, (disk, name) in enumerate(zip(disks, _apart(disks), strict=True), start=1):
        item_id = f"{request.id}-{position}"
        item = Item(
            item_id,
            request.id,
            position,
            alias,
            replace(DiskRef.of(disk), copied_before=disk.id in plan.copied_before),
            CreateStandardSnapshot(
                volume_id=disk.id,
                name=fitted_name((marks.channel, name, stamp(now)), disk.id),
                description=description,
                tags={**marks.tags, REQUEST_TAG: item_id},
                enterprise_project_id=marks.enterprise_project_id,
                retention_days=marks.retention_days,
            ),
            state=ITEM.after(None, AttemptEvent.PLAN),
            due_at=now,
            cause=plan.notes.get(disk.id, ""),
            consistency_group_id=group_of.get(disk.id),
        )
        if why := plan.left_out.get(disk.id):
            item = replace(ended(item, ItemState.CANCELLED, now, cause=why, code=LEFT_OUT), failure_told=True)
        items.append(item)
    return items, groups


def _groups(
    request: Request, alias: str, plan: QuickPlan, marks: Marks, description: str, now: datetime
) -> list[ConsistencyGroup]:
    """A group for each cluster, split from the start where the project takes none."""
    named = zip(plan.clusters, _servers_apart(plan.clusters), strict=True)
    groups = [
        ConsistencyGroup(
            id=f"{request.id}-g{number}",
            request_id=request.id,
            project=alias,
            server=cluster.server,
            zone=cluster.availability_zone,
            asked=CreateSnapshotGroup(
                server_id=cluster.server_id,
                volume_ids=tuple(disk.id for disk in cluster.disks),
                name=within_bytes(fitted_name((marks.channel, name, stamp(now)), f"{request.id}-g{number}")),
                description=within_bytes(description),
                tags={**marks.tags, REQUEST_TAG: f"{request.id}-g{number}"},
                enterprise_project_id=marks.enterprise_project_id,
            ),
            due_at=now,
        )
        for number, (cluster, name) in enumerate(named, start=1)
    ]
    return groups if plan.grouped else [group_split(group, NO_GROUPS) for group in groups]


def _apart(disks: Sequence[Disk]) -> list[str]:
    """A name for each disk; those that share a name are told apart by six digits drawn from their ids."""
    seen = Counter(disk.label for disk in disks)
    return [f"{disk.label}-{mark_of(disk.id)}" if seen[disk.label] > 1 else disk.label for disk in disks]


def _servers_apart(clusters: Sequence[Cluster]) -> list[str]:
    """A name for each group; those of one server, or of servers of one name, are told apart by their numbers."""
    seen = Counter(cluster.server for cluster in clusters)
    return [
        f"{cluster.server}-g{number}" if seen[cluster.server] > 1 else cluster.server
        for number, cluster in enumerate(clusters, start=1)
    ]


def described_as(actor_id: str, reason: str | None) -> str:
    """Who and why, within the 85 characters of a description; `<` and `>` are not everybody's taste in a console."""
    told = f"{actor_id}: {' '.join((reason or 'quick backup').split())}"
    return told if len(told) <= DESCRIPTION_CHARACTERS else f"{told[: DESCRIPTION_CHARACTERS - 1]}…"


def legal_tag_value(text: str) -> str:
    """As much of a text as a tag's value may hold: 43 letters, digits, `_`, `-` and dots."""
    return re.sub(r"[^A-Za-z0-9_.\-\u4e00-\u9fff]", "-", text)[:43]
