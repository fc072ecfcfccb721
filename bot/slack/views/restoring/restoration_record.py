"""The record of a way back: its receipt once more, as JSON that a post-mortem can take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.slack.views.message import Message
from bot.slack.views.mrkdwn import code, escaped, shortened
from bot.slack.views.restoring.restoration_words import safety_of

COLUMNS = (
    "disk",
    "disk_id",
    "snapshot_id",
    "state",
    "new_disk_id",
    "safety_snapshot_id",
    "proven_at",
    "proven_seconds",
    "cause",
)
_FITTING = ((200, 300), (64, 120), (32, 40), (12, 0))
"""Characters of each disk's name and cause, first to last, where those of hundreds would not fit."""


def restoring_record(
    request: Request, order: Restore, items: Sequence[Item], rows: Sequence[Restoration], most: int
) -> Message:
    """Times are UTC. Each disk is a row of values, named in `columns`; what is empty at its end is left out."""
    kept: dict[str, Any] = {
        "request": request.id,
        "way": order.way,
        "source": order.request_id,
        "project": request.project,
        "channel": request.place.channel_id,
        "asked_by": request.actor_id,
        "approved_by": list(request.approvers),
        "reason": order.reason,
        "asked_at": _utc(request.created_at),
        "ended_at": _utc(request.ended_at),
        "columns": COLUMNS,
    }
    for names, causes in _FITTING:
        disks = [_values(row, items, names, causes) for row in rows]
        text = json.dumps({**kept, "disks": disks}, ensure_ascii=False, separators=(",", ":"))
        if len(escaped(text)) <= most:
            break
    head = f":page_facing_up: The record of {code(request.id)}, for the post-mortem:"
    return {"text": f"{head}\n```{escaped(text.replace('```', 'ˋˋˋ'))}```", "blocks": []}


def _values(row: Restoration, items: Sequence[Item], names: int, causes: int) -> list[Any]:
    safety = safety_of(row, items)
    values: list[Any] = [
        shortened(row.disk.label, names),
        row.disk.id,
        row.source.snapshot_id,
        str(row.state),
        row.made_id,
        safety.snapshot_id if safety else None,
        _utc(row.proven_at),
        row.proven_in.total_seconds() if row.proven_in else None,
        (shortened(row.cause, causes) if causes else "") or None,
    ]
    while values[-1] is None:
        values.pop()
    return values


def _utc(at: datetime | None) -> str | None:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None
