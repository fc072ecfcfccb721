"""Letting restore points go: what is asked for, by whom, and how far it is. Only what the bot made, one row a snapshot.

asked (until as many other people agreed as the project wants) -> deleting -> deleted | kept, with the cause; called off
when nobody agreed in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.groups import Group
from bot.domain.requests import Item, ItemState
from bot.domain.snapshots import Disk, Snapshot


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


def made_for(item: Item, group: Group | None, snapshot: Snapshot) -> bool:
    """Whether the cloud shows that the bot made this snapshot for this item: by its tag, or by the group it is in.

    Whether a cloud gives the tags of a group to its members is not documented, so either proof will do for those.
    """
    if group is None:
        return snapshot.item_id == item.id
    in_its_group = group.cloud_id is not None and snapshot.snapshot_group_id == group.cloud_id
    return in_its_group or snapshot.item_id == group.id


def why_not(item: Item, group: Group | None, snapshot: Snapshot, disk: Disk | None) -> str:
    """Why this snapshot must stay for now; "" when it may go. Source: EVS API Reference, snapshot status."""
    if not made_for(item, group, snapshot):
        return "Its tag does not say that I made it for this request; look at it in the console."
    if snapshot.volume_id != item.disk.id:
        return "It is a snapshot of another disk than the bot remembers; look at it in the console."
    if snapshot.status == "rollbacking" or (disk is not None and disk.status in ("rollbacking", "error_rollbacking")):
        return "Its disk is being rolled back. Ask again once that is over."
    if snapshot.status not in ("available", "error"):
        return f"It is in the state “{snapshot.status}”; only finished ones can be deleted."
    return ""
