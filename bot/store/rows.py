"""Requests, items and groups as rows and back."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from bot.domain.attempts import Attempt
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import DiskRef, Item
from bot.domain.orders import Create, Order, Quick, Selector
from bot.domain.requests import Place, Request
from bot.domain.snapshots import CreateSnapshotGroup, CreateStandardSnapshot
from bot.domain.transitions import GroupState, ItemState, RequestState
from bot.store.database import Row, from_ms, span_from, span_ms, to_ms


def order_text(order: Order) -> str:
    """The fields of an order; `selectors` tell a quick backup from a create."""
    match order:
        case Create():
            kept = {field.name: getattr(order, field.name) for field in fields(Create)}
        case Quick():
            kept = {field.name: getattr(order, field.name) for field in fields(Quick)}
            kept["selectors"] = [[one.kind, one.value] for one in order.selectors]
    return json.dumps(kept, ensure_ascii=False)


def order_from(text: str) -> Order:
    order = json.loads(text)
    if "selectors" in order:
        return Quick(**{**order, "selectors": tuple(Selector(kind, value) for kind, value in order["selectors"])})
    return Create(**{**order, "disks": tuple(order["disks"])})


def request_row(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "state": str(request.state),
        "actor_id": request.actor_id,
        "team_id": request.place.team_id,
        "channel_id": request.place.channel_id,
        "thread_ts": request.place.thread_ts,
        "direct": int(request.place.direct),
        "text": request.text,
        "order_json": order_text(request.order),
        "created_at": to_ms(request.created_at),
        "ver": request.ver,
        "rev": request.rev,
        "shown_rev": request.shown_rev,
        "to_send": int(request.to_send),
        "project": request.project,
        "explanation": request.explanation,
        "rule": request.rule,
        "reply_channel": request.reply_channel or request.place.channel_id,
        "status_channel": request.status_channel,
        "status_ts": request.status_ts,
        "edited_at": to_ms(request.edited_at),
        "receipt_ts": request.receipt_ts,
        "ended_at": to_ms(request.ended_at),
        "break_glass": int(request.break_glass),
        "reviewed_by": request.reviewed_by,
        "approvals_needed": request.approvals_needed,
        "waits_until": to_ms(request.waits_until),
        "ask_ts": request.ask_ts,
        "ask_rev": request.ask_rev,
        "kept_until": to_ms(request.kept_until),
        "remind_at": to_ms(request.remind_at),
        "warnings_json": json.dumps(request.warnings, ensure_ascii=False),
        "tried_ms": span_ms(request.tried),
        "started_at": to_ms(request.started_at),
    }


def request_from(row: Row, approvers: tuple[str, ...] = ()) -> Request:
    created_at = from_ms(row["created_at"])
    assert created_at is not None
    return Request(
        id=row["id"],
        state=RequestState(row["state"]),
        actor_id=row["actor_id"],
        place=Place(row["team_id"], row["channel_id"], row["thread_ts"], bool(row["direct"])),
        text=row["text"],
        order=order_from(row["order_json"]),
        created_at=created_at,
        ver=row["ver"],
        rev=row["rev"],
        shown_rev=row["shown_rev"],
        to_send=bool(row["to_send"]),
        project=row["project"],
        explanation=row["explanation"],
        rule=row["rule"],
        reply_channel=row["reply_channel"],
        status_channel=row["status_channel"],
        status_ts=row["status_ts"],
        edited_at=from_ms(row["edited_at"]),
        receipt_ts=row["receipt_ts"],
        ended_at=from_ms(row["ended_at"]),
        break_glass=bool(row["break_glass"]),
        reviewed_by=row["reviewed_by"],
        approvals_needed=row["approvals_needed"],
        waits_until=from_ms(row["waits_until"]),
        approvers=approvers,
        ask_ts=row["ask_ts"],
        ask_rev=row["ask_rev"],
        kept_until=from_ms(row["kept_until"]),
        remind_at=from_ms(row["remind_at"]),
        warnings=tuple(json.loads(row["warnings_json"])),
        tried=span_from(row["tried_ms"]),
        started_at=from_ms(row["started_at"]),
        receipt_gone=row["receipt_gone"],
    )


def _attempt_row(one: Attempt[Any]) -> dict[str, Any]:
    return {
        "state": str(one.state),
        "ver": one.ver,
        "attempts": one.attempts,
        "in_doubt": int(one.in_doubt),
        "due_at": to_ms(one.due_at),
        "submitted_at": to_ms(one.submitted_at),
        "look_until": to_ms(one.look_until),
        "waiting_since": to_ms(one.waiting_since),
        "tried_ms": span_ms(one.tried),
        "in_vain_ms": span_ms(one.in_vain),
        "cause": one.cause,
        "code": one.code,
        "job_id": one.job_id,
    }


def _attempt_from(row: Row) -> dict[str, Any]:
    """All of it but the state."""
    return {
        "ver": row["ver"],
        "attempts": row["attempts"],
        "in_doubt": bool(row["in_doubt"]),
        "due_at": from_ms(row["due_at"]),
        "submitted_at": from_ms(row["submitted_at"]),
        "look_until": from_ms(row["look_until"]),
        "waiting_since": from_ms(row["waiting_since"]),
        "tried": span_from(row["tried_ms"]),
        "in_vain": span_from(row["in_vain_ms"]),
        "cause": row["cause"],
        "code": row["code"],
        "job_id": row["job_id"],
    }


def item_row(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "request_id": item.request_id,
        "position": item.position,
        "project": item.project,
        "disk_id": item.disk.id,
        "disk_name": item.disk.name,
        "disk_json": json.dumps(asdict(item.disk), ensure_ascii=False),
        "snapshot_json": item.snapshot.model_dump_json(exclude_none=True),
        **_attempt_row(item),
        "snapshot_id": item.snapshot_id,
        "progress": item.progress,
        "taken_at": to_ms(item.taken_at),
        "incremental": None if item.incremental is None else int(item.incremental),
        "ended_at": to_ms(item.ended_at),
        "joined_to": item.joined_to,
        "consistency_group_id": item.consistency_group_id,
        "failure_told": int(item.failure_told),
    }


def item_from(row: Row) -> Item:
    return Item(
        id=row["id"],
        request_id=row["request_id"],
        position=row["position"],
        project=row["project"],
        disk=DiskRef(**json.loads(row["disk_json"])),
        snapshot=CreateStandardSnapshot.model_validate_json(row["snapshot_json"]),
        state=ItemState(row["state"]),
        **_attempt_from(row),
        snapshot_id=row["snapshot_id"],
        progress=row["progress"],
        taken_at=from_ms(row["taken_at"]),
        incremental=None if row["incremental"] is None else bool(row["incremental"]),
        ended_at=from_ms(row["ended_at"]),
        joined_to=row["joined_to"],
        consistency_group_id=row["consistency_group_id"],
        let_go=bool(row["let_go"]),
        accepted_told=bool(row["accepted_told"]),
        failure_told=bool(row["failure_told"]),
        gone_at=from_ms(row["gone_at"]),
        gone_by=row["gone_by"],
    )


def group_row(group: ConsistencyGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "request_id": group.request_id,
        "project": group.project,
        "server": group.server,
        "zone": group.zone,
        "asked_json": group.asked.model_dump_json(exclude_none=True),
        **_attempt_row(group),
        "cloud_id": group.cloud_id,
    }


def group_from(row: Row) -> ConsistencyGroup:
    return ConsistencyGroup(
        id=row["id"],
        request_id=row["request_id"],
        project=row["project"],
        server=row["server"],
        zone=row["zone"],
        asked=CreateSnapshotGroup.model_validate_json(row["asked_json"]),
        state=GroupState(row["state"]),
        **_attempt_from(row),
        cloud_id=row["cloud_id"],
    )
