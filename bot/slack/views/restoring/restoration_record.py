"""The record of a way back, for a post-mortem: a few lines to read, and all of it as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.sentences import as_words
from bot.domain.transitions import RestorationState
from bot.slack.views.message import Message
from bot.slack.views.mrkdwn import code, escaped, shortened, utc_in_words
from bot.slack.views.post_mortem.record_opening import disk_line, opening, record, room_in_full
from bot.slack.views.restoring.restoration_words import restorations_counted, restored_disk, safety_of, title

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


def restoring_record(request: Request, order: Restore, items: Sequence[Item], rows: Sequence[Restoration]) -> Message:
    """Times are UTC. In its JSON each disk is a row of values, named in `columns`, without what is empty at its end."""
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
    what = title(order.way, request.project or "", len(rows), code(order.request_id or ""))
    head = opening(request, what, restorations_counted(rows, order.way))
    for names, causes in _FITTING:
        disks = [_values(row, items, names, causes) for row in rows]
        text = json.dumps({**kept, "disks": disks}, ensure_ascii=False, separators=(",", ":"))
        if len(escaped(text)) <= room_in_full(head):
            break
    return record(head, [_line(row, items) for row in rows], text)


def _line(row: Restoration, items: Sequence[Item]) -> str:
    """One disk to read: what it came back from, what was made, and what leads back once more."""
    safety = safety_of(row, items)
    taken = f" of {utc_in_words(row.source.taken_at)}" if row.source.taken_at else ""
    facts = [
        restorations_counted([row], row.way).removeprefix("1 "),
        f"from snapshot {code(row.source.snapshot_id)}{taken}",
        f"{'test disk' if row.way == 'verify' else 'new disk'} {code(row.made_id)}" if row.made_id else "",
        f"safety snapshot {code(safety.snapshot_id)}" if safety and safety.snapshot_id else "",
    ]
    return disk_line(restored_disk(row), facts, row.cause if row.state is not RestorationState.RESTORED else "")


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
        (shortened(as_words(row.cause), causes) if causes else "") or None,
    ]
    while values[-1] is None:
        values.pop()
    return values


def _utc(at: datetime | None) -> str | None:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None
