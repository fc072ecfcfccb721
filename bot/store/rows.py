"""Requests, items, groups and restorations as rows and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from pydantic import BaseModel

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import DiskRef, Item
from bot.domain.orders import Create, Order, Quick, Restore, Selector
from bot.domain.requests import Place, Request
from bot.domain.restoring.new_disks import CreateDisk
from bot.domain.restoring.restorations import Restoration, Source
from bot.domain.snapshots import CreateSnapshotGroup, CreateStandardSnapshot
from bot.domain.transitions import GroupState, ItemState, RequestState, RestorationState
from bot.store.columns import Column, Columns, as_json, words
from bot.store.script import Row, from_ms, to_ms

_FIELDS = {kind: tuple(field.name for field in fields(kind)) for kind in (Create, Quick, Restore)}


def order_text(order: Order) -> str:
    """The fields of an order that were given; `selectors` tell a quick backup from a create, `way` a restore."""
    kept = {name: value for name in _FIELDS[type(order)] if (value := getattr(order, name)) is not None}
    if isinstance(order, Quick):
        kept["selectors"] = [[one.kind, one.value] for one in order.selectors]
    return as_json(kept)


def order_from(text: str) -> Order:
    order = json.loads(text)
    if "selectors" in order:
        return Quick(**{**order, "selectors": tuple(Selector(kind, value) for kind, value in order["selectors"])})
    if "way" in order:
        return Restore(**order)
    return Create(**{**order, "disks": tuple(order["disks"])})


def place_row(place: Place) -> dict[str, Any]:
    return {**_PLACE.row(place), "direct": int(place.direct)}


def place_from(row: Row) -> Place:
    return Place(**_PLACE.fields(row), direct=bool(row["direct"]))


def request_row(request: Request) -> dict[str, Any]:
    reply_channel = request.reply_channel or request.place.channel_id
    return {**_REQUEST.row(request), **place_row(request.place), "reply_channel": reply_channel}


def request_from(row: Row, approvers: tuple[str, ...] = ()) -> Request:
    return Request(**_REQUEST.fields(row), place=place_from(row), approvers=approvers)


def item_row(item: Item) -> dict[str, Any]:
    disk = {"disk_id": item.disk.id, "disk_name": item.disk.name}
    return {**_ATTEMPT.row(item), **_ITEM.row(item), **disk}


def item_from(row: Row) -> Item:
    return Item(**_ATTEMPT.fields(row), **_ITEM.fields(row))


def group_row(group: ConsistencyGroup) -> dict[str, Any]:
    return {**_ATTEMPT.row(group), **_GROUP.row(group)}


def group_from(row: Row) -> ConsistencyGroup:
    return ConsistencyGroup(**_ATTEMPT.fields(row), **_GROUP.fields(row))


def restoration_row(one: Restoration) -> dict[str, Any]:
    found = {"disk_id": one.disk.id, "snapshot_id": one.source.snapshot_id}
    return {**_ATTEMPT.row(one), **_RESTORATION.row(one), **found}


def restoration_from(row: Row) -> Restoration:
    return Restoration(**_ATTEMPT.fields(row), **_RESTORATION.fields(row))


def _source_text(source: Source) -> str:
    return as_json({**asdict(source), "taken_at": to_ms(source.taken_at)})


def _source_from(text: str) -> Source:
    read = json.loads(text)
    return Source(**{**read, "taken_at": from_ms(read["taken_at"])})


def _new_disk_text(asked: CreateDisk | None) -> str | None:
    return _body_text(asked) if asked else None


def _new_disk_from(text: str | None) -> CreateDisk | None:
    return CreateDisk.model_validate_json(text) if text else None


def _body_text(body: BaseModel) -> str:
    return body.model_dump_json(exclude_none=True)


def _disk_text(disk: DiskRef) -> str:
    return as_json(asdict(disk))


def _disk_from(text: str) -> DiskRef:
    return DiskRef(**json.loads(text))


def _flag_or_none(kind: type[bool] | type[int]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else kind(value)


_PLACE = Columns(same=("team_id", "channel_id", "thread_ts"))
_REQUEST = Columns(
    same=(
        *("id", "actor_id", "text", "ver", "rev", "shown_rev", "project", "explanation", "rule", "reply_channel"),
        *("status_channel", "status_ts", "receipt_ts", "reviewed_by", "approvals_needed", "ask_ts", "ask_rev"),
        *("receipt_gone", "run_url"),
    ),
    flags=("to_send", "break_glass"),
    began=("created_at",),
    moments=("edited_at", "ended_at", "waits_until", "kept_until", "remind_at", "started_at"),
    spans=("tried",),
    others={
        "state": Column("state", str, RequestState),
        "order": Column("order_json", order_text, order_from),
        "warnings": words("warnings_json"),
    },
)
_ATTEMPT = Columns(
    same=("ver", "attempts", "cause", "code", "job_id"),
    flags=("in_doubt",),
    moments=("due_at", "submitted_at", "look_until", "waiting_since"),
    spans=("tried", "in_vain"),
)
_ITEM = Columns(
    same=(
        *("id", "request_id", "position", "project", "snapshot_id", "progress", "joined_to", "consistency_group_id"),
        "gone_by",
    ),
    flags=("let_go", "accepted_told", "failure_told"),
    moments=("taken_at", "ended_at", "gone_at"),
    others={
        "state": Column("state", str, ItemState),
        "disk": Column("disk_json", _disk_text, _disk_from),
        "snapshot": Column("snapshot_json", _body_text, CreateStandardSnapshot.model_validate_json),
        "incremental": Column("incremental", _flag_or_none(int), _flag_or_none(bool)),
    },
)
_GROUP = Columns(
    same=("id", "request_id", "project", "server", "zone", "cloud_id"),
    others={
        "state": Column("state", str, GroupState),
        "asked": Column("asked_json", _body_text, CreateSnapshotGroup.model_validate_json),
    },
)
_RESTORATION = Columns(
    same=("id", "request_id", "position", "project", "way", "safety_item_id", "made_id"),
    flags=("accepted_told", "failure_told"),
    moments=("disk_changed_at", "proven_at", "ended_at"),
    others={
        "state": Column("state", str, RestorationState),
        "disk": Column("disk_json", _disk_text, _disk_from),
        "source": Column("source_json", _source_text, _source_from),
        "asked": Column("asked_json", _new_disk_text, _new_disk_from),
    },
)
