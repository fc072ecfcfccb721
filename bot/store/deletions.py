"""Snapshots that are to be let go, until that is done and told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from bot.domain.deletions import Deletion, DeletionState
from bot.store.database import Row, Script, Want, from_ms, sql, to_ms

_ADD = """
insert into deletion (item_id, request_id, project, snapshot_id, disk_id, label, state, asked_by, channel_id, asked_at,
    agreed_json, cause, told)
values (:item_id, :request_id, :project, :snapshot_id, :disk_id, :label, :state, :asked_by, :channel_id, :asked_at,
    :agreed_json, :cause, :told)
on conflict (item_id) do update set state = excluded.state, asked_by = excluded.asked_by,
    channel_id = excluded.channel_id, asked_at = excluded.asked_at, agreed_json = excluded.agreed_json,
    cause = excluded.cause, told = excluded.told
where deletion.state = 'kept'
"""
DUTIES = "select 'delete:' || request_id as key, 0 as at from deletion where told = 0 group by request_id"


def ask(deletions: Sequence[Deletion], now: datetime) -> Script[bool]:
    """Snapshots that nobody asked to delete yet, or that were kept then. False: every one of them was asked for."""
    before = yield from of_request(deletions[0].request_id)
    open_or_gone = {one.item_id for one in before if one.state is not DeletionState.KEPT}
    fresh = [one for one in deletions if one.item_id not in open_or_gone]
    for deletion in fresh:
        yield sql(_ADD, **_row(deletion))
    if fresh:
        yield Want(f"delete:{fresh[0].request_id}", now)
    return bool(fresh)


def save(deletions: Sequence[Deletion], now: datetime) -> Script[None]:
    for deletion in deletions:
        yield sql(
            "update deletion set state = :state, agreed_json = :agreed_json, cause = :cause, told = :told "
            "where item_id = :item_id",
            item_id=deletion.item_id,
            state=str(deletion.state),
            agreed_json=json.dumps(deletion.agreed_by),
            cause=deletion.cause,
            told=int(deletion.told),
        )
    if deletions:
        yield Want(f"delete:{deletions[0].request_id}", now)


def of_request(request_id: str) -> Script[list[Deletion]]:
    rows = yield sql("select * from deletion where request_id = :id order by item_id", id=request_id)
    return [_deletion(row) for row in rows]


def _row(deletion: Deletion) -> dict[str, str | int | None]:
    return {
        "item_id": deletion.item_id,
        "request_id": deletion.request_id,
        "project": deletion.project,
        "snapshot_id": deletion.snapshot_id,
        "disk_id": deletion.disk_id,
        "label": deletion.label,
        "state": str(deletion.state),
        "asked_by": deletion.asked_by,
        "channel_id": deletion.channel_id,
        "asked_at": to_ms(deletion.asked_at),
        "agreed_json": json.dumps(deletion.agreed_by),
        "cause": deletion.cause,
        "told": int(deletion.told),
    }


def _deletion(row: Row) -> Deletion:
    asked_at = from_ms(row["asked_at"])
    assert asked_at is not None
    return Deletion(
        row["item_id"],
        row["request_id"],
        row["project"],
        row["snapshot_id"],
        row["disk_id"],
        row["label"],
        DeletionState(row["state"]),
        row["asked_by"],
        row["channel_id"],
        asked_at,
        tuple(json.loads(row["agreed_json"])),
        row["cause"],
        bool(row["told"]),
    )
