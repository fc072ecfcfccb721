"""The items of a `create`, as they stand in its plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.items import DiskRef, Item
from bot.domain.orders import Create
from bot.domain.requests import Request
from bot.domain.snapshots import REQUEST_TAG, CreateStandardSnapshot, Disk, fitted_name, stamp
from bot.domain.transitions import ITEM, AttemptEvent


def planned_items(
    request: Request,
    alias: str,
    disks: Sequence[Disk],
    *,
    enterprise_project_id: str | None,
    native_retention: bool,
    now: datetime,
) -> list[Item]:
    """The items of a `create`: what the cloud will be sent is what was asked for, a name, and the bot's tag."""
    order = request.order
    assert isinstance(order, Create)
    items = []
    for position, disk in enumerate(disks, start=1):
        item_id = f"{request.id}-{position}"
        snapshot = CreateStandardSnapshot(
            volume_id=disk.id,
            name=snapshot_name(order.name, disk, alone=len(disks) == 1, at=now),
            description=order.description,
            tags={**order.tags, REQUEST_TAG: item_id},
            enterprise_project_id=order.enterprise_project_id or enterprise_project_id,
            instant_access=order.instant_access,
            incremental=order.incremental,
            retention_days=order.keep_days if native_retention else None,
        )
        items.append(
            Item(
                item_id,
                request.id,
                position,
                alias,
                DiskRef.of(disk),
                snapshot,
                state=ITEM.after(None, AttemptEvent.PLAN),
                due_at=now,
            )
        )
    return items


def snapshot_name(asked: str | None, disk: Disk, *, alone: bool, at: datetime) -> str:
    """No name: `{disk}-{yyyymmddThhmmZ}`. One name for several disks: `{name}-{disk}`. Always within 64 characters."""
    if asked is None:
        return fitted_name((disk.label, stamp(at)), disk.id)
    return asked if alone else fitted_name((asked, disk.label), disk.id)
