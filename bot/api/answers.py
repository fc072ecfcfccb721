"""A request as programs read it: how it stands, and each of its disks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from bot.domain.actors import in_slack
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.sentences import as_words
from bot.domain.transitions import ItemState

Outcome = Literal["pending", "available", "failed", "refused"]
"""`failed`: at least one disk has no finished snapshot. `refused`: nothing was sent."""


def outcome_of(request: Request, items: Sequence[Item]) -> Outcome:
    if not request.over:
        return "pending"
    if request.refused:
        return "refused"
    return "available" if items and all(item.state is ItemState.AVAILABLE for item in items) else "failed"


def answer_of(request: Request, items: Sequence[Item], link: str) -> dict[str, Any]:
    """`link`: the address of its message, "" where it has none yet."""
    return {
        "id": request.id,
        "outcome": outcome_of(request, items),
        "state": str(request.state),
        "project": request.project,
        "channel": request.reply_channel,
        "asked_by": _who(request.actor_id),
        "created_at": _moment(request.created_at),
        "ended_at": _moment(request.ended_at),
        "detail": as_words(request.explanation),
        "rule": request.rule,
        "message": link,
        "disks": [_disk(item) for item in items],
    }


def _disk(item: Item) -> dict[str, Any]:
    return {
        "disk_id": item.disk.id,
        "disk_name": item.disk.name,
        "state": str(item.state),
        "snapshot_id": item.snapshot_id,
        "job_id": item.job_id,
        "cause": as_words(item.cause or ""),
        "deleted_at": _moment(item.gone_at),
    }


def _who(actor_id: str) -> str:
    return f"user:{actor_id}" if in_slack(actor_id) else actor_id


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
