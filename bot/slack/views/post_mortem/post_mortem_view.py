"""The record of a request, for a post-mortem: a few lines to read, and all of it as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import Item, spread_seconds
from bot.domain.orders import Quick, Restore
from bot.domain.projects import Project
from bot.domain.quick import LEFT_OUT
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.sentences import as_words
from bot.domain.transitions import ItemState
from bot.slack.views.disk_words import copied, counts_in_words, disk_name, worst_first
from bot.slack.views.message import Message
from bot.slack.views.mrkdwn import code, escaped, plural, shortened, utc_in_words
from bot.slack.views.post_mortem.record_opening import disk_line, opening, record, room_in_full
from bot.slack.views.restore_help import roll_back_url
from bot.slack.views.restoring.restoration_record import restoring_record


def post_mortem(
    request: Request,
    items: Sequence[Item],
    groups: Sequence[ConsistencyGroup],
    project: Project | None,
    restorations: Sequence[Restoration] = (),
) -> Message:
    """First what a person pastes, then JSON that a machine can take. Times are UTC, sizes GiB.

    Each of `sets`, the disks of one server and group, has a row of values a disk, named in `columns`. What all its
    disks share stands once, beside them. In the ways back `{disk_id}` and `{snapshot_id}` stand for those of each disk.
    """
    if isinstance(request.order, Restore):
        return restoring_record(request, request.order, items, restorations)
    of_cloud = {group.id: group.cloud_id for group in groups}
    disks = [_disk_facts(item, of_cloud.get(item.consistency_group_id or "")) for item in items]
    kept: dict[str, Any] = {
        "request": request.id,
        "project": request.project,
        "channel": request.place.channel_id,
        "asked_by": request.actor_id,
        "reason": request.order.reason,
        "asked_at": _utc(request.created_at),
        "ended_at": _utc(request.ended_at),
        "keep_until": _utc(request.expires_at),
        "spread_seconds": spread_seconds(items),
        "way_back": _ways_back(project),
        "columns": _COLUMNS,
    }
    what = f"{'backup' if isinstance(request.order, Quick) else 'snapshot'} of {plural(len(copied(items)), 'disk')}"
    head = opening(request, f"{what} in {escaped(request.project or '')}", counts_in_words(items))
    text = _as_json({**kept, "sets": _sets(disks)})
    for fact, most in _EXPENDABLE:
        if len(escaped(text)) > room_in_full(head):
            disks = [{**disk, fact: shortened(disk[fact] or "", most) if most else None} for disk in disks]
            text = _as_json({**kept, "sets": _sets(disks)})
    return record(head, [_line(item) for item in sorted(items, key=worst_first)], text)


def _line(item: Item) -> str:
    facts = [
        _state(item),
        f"snapshot {code(item.snapshot_id)}" if item.snapshot_id else "",
        f"taken {utc_in_words(item.taken_at)}" if item.taken_at else "",
    ]
    return disk_line(disk_name(item), facts, item.cause if item.state is not ItemState.AVAILABLE else "")


_COLUMNS = ("disk", "disk_id", "size_gib", "snapshot_id", "state", "created_at", "cause")
_SET = ("server", "group")
_SHARED = ("state", "created_at")

_EXPENDABLE = (
    ("cause", 120), ("cause", 40), ("cause", 0), ("disk", 64), ("server", 24),
    ("disk", 32), ("disk", 12), ("server", 0), ("disk", 0),
)  # fmt: skip
"""Texts that a record shortens to so many characters, first to last, where the longest names and causes of hundreds of
disks would not fit otherwise; the ids, sizes and times stay.
"""


def _sets(disks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for disk in disks:
        found.setdefault(tuple(disk[fact] for fact in _SET), []).append(disk)
    return [_set(members) for members in found.values()]


def _set(members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One set of disks: rows without the facts that stand beside them, and without what is empty at their end."""
    shared = [fact for fact in _SHARED if len({disk[fact] for disk in members}) == 1]
    beside = {fact: members[0][fact] for fact in (*_SET, *shared) if members[0][fact]}
    rows = []
    for disk in members:
        row = [None if fact in shared else disk[fact] for fact in _COLUMNS]
        while row and row[-1] is None:
            row.pop()
        rows.append(row)
    return {**beside, "disks": rows}


def _as_json(kept: Mapping[str, Any]) -> str:
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _ways_back(project: Project | None) -> dict[str, str]:
    if project is None:
        return {}
    ways = {"console": project.console_url, "roll_back": f"POST {roll_back_url(project, '{snapshot_id}')}"}
    return {way: address for way, address in ways.items() if address}


def _disk_facts(item: Item, group: str | None) -> dict[str, Any]:
    return {
        "disk": item.disk.label,
        "disk_id": item.disk.id,
        "server": item.disk.server,
        "size_gib": item.disk.size,
        "state": _state(item),
        "snapshot_id": item.snapshot_id,
        "created_at": _utc(item.taken_at),
        "group": group,
        "cause": (as_words(item.cause) or None) if item.state is not ItemState.AVAILABLE else None,
    }


def _state(item: Item) -> str:
    return "deleted" if item.gone else "left out" if item.code == LEFT_OUT else str(item.state)


def _utc(at: datetime | None) -> str | None:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None
