"""Overwriting disks: what has to hold before a roll-back, and what the cloud shows of one that may have begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from bot.domain.items import Item
from bot.domain.restoring.planned_restorations import ROLLED_BACK_FROM, in_the_way, unusable
from bot.domain.restoring.restorations import Restoration
from bot.domain.sentences import quoted
from bot.domain.snapshots import Disk, Snapshot
from bot.domain.transitions import ItemState, RestorationState

ROLLING_BACK = "rollbacking"
FAILED_BACK = "error_rollbacking"

CHANGED_MEANWHILE = "changed-meanwhile"
"""The code of a disk that nothing but its roll-back is likely to have changed, whose answer was lost."""

_BEGUN = frozenset({RestorationState.RESTORING, RestorationState.RESTORED, RestorationState.FAILED})


@dataclass(frozen=True, slots=True)
class Look:
    """The cloud's side of a request's roll-backs, by id."""

    disks: Mapping[str, Disk]
    snapshots: Mapping[str, Snapshot]

    def disk(self, row: Restoration) -> Disk | None:
        return self.disks.get(row.disk.id)

    def source(self, row: Restoration) -> Snapshot | None:
        return self.snapshots.get(row.source.snapshot_id)

    def safety(self, row: Restoration, items: Sequence[Item]) -> Snapshot | None:
        item = next((item for item in items if item.id == row.safety_item_id), None)
        return self.snapshots.get((item and item.snapshot_id) or "")

    def lacks(self, row: Restoration, items: Sequence[Item]) -> bool:
        """Whether the disk or one of the two snapshots is no longer there."""
        return None in (self.disk(row), self.source(row), self.safety(row, items))


def any_begun(rows: Sequence[Restoration]) -> bool:
    """Whether a disk of the request is, or was, overwritten, or is likely to be: then the others belong to it."""
    return any(row.state in _BEGUN or row.code == CHANGED_MEANWHILE for row in rows)


def doubtful(rows: Sequence[Restoration]) -> str:
    """Why no other disk is begun where none has for sure; "" where none of them may be overwritten already."""
    lost = next((row for row in rows if row.state is RestorationState.UNKNOWN), None)
    return f"Whether {quoted(lost.disk.label)} was rolled back is not known." if lost else ""


def plugged_in(rows: Sequence[Restoration], disks: Mapping[str, Disk]) -> str:
    """Why no disk may be overwritten any more: what a server writes now is in no safety snapshot; "" where none can."""
    for row in rows:
        if (disk := disks.get(row.disk.id)) and disk.attachments:
            return (
                f"{quoted(row.disk.label)} was attached to server {quoted(disk.server)} after it was planned, "
                "and what is written there is in no safety snapshot. Detach it, and ask again."
            )
    return ""


def unsafe(rows: Sequence[Restoration], items: Sequence[Item]) -> str:
    """Why no disk may be overwritten any more, by its safety snapshots; "" while they are made, or there."""
    by_id = {item.id: item for item in items}
    for row in rows:
        item = by_id.get(row.safety_item_id or "")
        if item is None or (item.ended and (item.state is not ItemState.AVAILABLE or item.gone)):
            why = "it was deleted." if item and item.gone else item.cause if item else ""
            return f"There is no safety snapshot of {quoted(row.disk.label)}: {why or 'none was made.'}"
    return ""


def safe(rows: Sequence[Restoration], items: Sequence[Item]) -> bool:
    """Whether every safety snapshot is there, as far as the rows know."""
    ended = {item.id for item in items if item.state is ItemState.AVAILABLE and not item.gone}
    return all(row.safety_item_id in ended for row in rows)


def not_yet(row: Restoration, items: Sequence[Item], look: Look) -> str:
    """Why this disk can't be rolled back as the cloud shows it; "" where it can."""
    made = look.safety(row, items)
    why = unusable(row.disk.id, look.source(row)) or in_the_way(look.disk(row))
    if not why and (made is None or made.status != "available" or made.volume_id != row.disk.id):
        why = "The cloud does not show its safety snapshot as available."
    return why and f"{quoted(row.disk.label)}: {why}"


class Traces(Enum):
    BEGUN = "it is being rolled back, or that went wrong"
    NONE = "nothing has changed since before it was sent"
    LOST = "something has changed, and what is not known"


def traces(row: Restoration, look: Look) -> Traces:
    """The traces in the cloud of a roll-back whose answer was lost."""
    disk, source = look.disk(row), look.source(row)
    if disk is None:
        return Traces.LOST
    if disk.status == ROLLING_BACK or (source is not None and source.status == ROLLING_BACK):
        return Traces.BEGUN
    untouched = row.disk_changed_at is not None and disk.updated_at == row.disk_changed_at
    if untouched and disk.status in ROLLED_BACK_FROM:
        return Traces.NONE
    return Traces.BEGUN if disk.status == FAILED_BACK else Traces.LOST


def has_come_back(row: Restoration, disk: Disk) -> bool:
    """Whether a disk without a job that tells is done: it was changed since it was sent, or was seen rolling back."""
    if disk.status in (ROLLING_BACK, FAILED_BACK):
        return False
    changed = disk.updated_at is not None and disk.updated_at != row.disk_changed_at
    return row.job_id is None or changed
