"""Letting restore points go: what is asked for, by whom, and how far it is. Only what the bot made, one row a snapshot.

asked (until as many other people agreed as the project wants) -> deleting -> deleted | kept, with the cause; called off
when nobody agreed in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.requests import Item, ItemState
from bot.domain.snapshots import REQUEST_TAG, Disk, Snapshot


class DeletionState(StrEnum):
    ASKED = "asked"
    DELETING = "deleting"
    DELETED = "deleted"
    KEPT = "kept"


ENDED = frozenset({DeletionState.DELETED, DeletionState.KEPT})


@dataclass(frozen=True, slots=True)
class Deletion:
    """One snapshot to be deleted. `agreed_by` are other people; `cause`: why it was kept."""

    item_id: str
    request_id: str
    project: str
    snapshot_id: str
    disk_id: str
    label: str
    state: DeletionState
    asked_by: str
    channel_id: str
    asked_at: datetime
    agreed_by: tuple[str, ...] = ()
    cause: str = ""
    told: bool = False

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def deletable(items: Sequence[Item]) -> list[Item]:
    """What of a request can be let go: snapshots that it made itself; a joined one belongs to whoever made it."""
    return [item for item in items if item.snapshot_id and item.joined_to is None and item.state in _MADE]


_MADE = (ItemState.AVAILABLE, ItemState.FAILED, ItemState.UNKNOWN)


def why_not(deletion: Deletion, snapshot: Snapshot, disk: Disk | None) -> str:
    """Why this snapshot must stay for now; "" when it may go. Source: EVS API Reference, snapshot status."""
    tagged = snapshot.tags.get(REQUEST_TAG)
    if isinstance(tagged, str) and not tagged.startswith(deletion.request_id):
        return "Its tag says that it was made for another request; look at it in the console."
    if snapshot.volume_id and snapshot.volume_id != deletion.disk_id:
        return "It is a snapshot of another disk than the bot remembers; look at it in the console."
    if snapshot.status == "rollbacking" or (disk is not None and disk.status in ("rollbacking", "error_rollbacking")):
        return "Its disk is being rolled back. Ask again once that is over."
    if snapshot.status not in ("available", "error"):
        return f"It is in the state “{snapshot.status}”; only finished ones can be deleted."
    return ""
