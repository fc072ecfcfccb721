"""A request with its items: read together, and moved together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import Item
from bot.domain.log_lines import request_line
from bot.domain.orders import Restore, overwrites
from bot.domain.requests import Request, following_items
from bot.domain.transitions import RequestState
from bot.store import app_homes
from bot.store.definitions import GROUP_OPEN, RESTORATION_OPEN
from bot.store.reading import first, readable
from bot.store.rows import group_from, item_from, request_from, request_row
from bot.store.script import Query, Row, Rows, ScheduledJob, Script, sql

RESTORABLE = """
case when exists (select 1 from item where item.request_id = request.id and item.state = 'available'
    and item.let_go = 0 and item.gone_at is null) then 1 else 0 end
"""
"""Whether a snapshot of a request was made and neither let go nor deleted."""

_MOVE_REQUEST = f"""
update request set state = :state, order_json = :order_json,
    project = :project, explanation = :explanation, rule = :rule, rev = :rev, to_send = 1,
    ended_at = :ended_at, break_glass = :break_glass, reviewed_by = :reviewed_by,
    approvals_needed = :approvals_needed, waits_until = :waits_until, remind_at = :remind_at,
    warnings_json = :warnings_json, tried_ms = :tried_ms, started_at = :started_at,
    restorable = {RESTORABLE}, ver = ver + 1
where id = :id and ver = :ver returning reply_channel
"""


REMINDED_AHEAD = timedelta(hours=2)
"""The engine holds no reminder for longer: a sweep finds it in time."""


def one(request_id: str) -> Script[tuple[Request, list[Item]] | None]:
    rows = yield sql("select * from request where id = :id", id=request_id)
    return (yield from with_items(rows[0])) if rows else None


def whole(request_id: str) -> Script[tuple[Request, list[Item]]]:
    """For who decides something of it: all of it must be there to be read."""
    rows = yield sql("select * from request where id = :id", id=request_id)
    found = yield from with_items(rows[0])
    if found is None or not (yield from is_all(request_id, found[1])):
        raise RuntimeError(f"Request {request_id} or one of its disks can't be read.")
    return found


def is_all(request_id: str, items: Sequence[Item]) -> Script[bool]:
    """Whether these are all disks of a request, and none was set aside."""
    rows = yield sql("select count(*) as number from item where request_id = :id", id=request_id)
    return int(rows[0]["number"]) == len(items)


def with_items(row: Row) -> Script[tuple[Request, list[Item]] | None]:
    """A request with those of its items that can be read; None where it can't itself."""
    rows = yield sql("select * from item where request_id = :id order by position", id=row["id"])
    approvers = (yield from approvers_of(row["id"])) if row["approvals_needed"] else ()
    request = yield from first([row], lambda one: request_from(one, approvers), "request")
    return (request, (yield from readable(rows, item_from, "item"))) if request else None


def wholes(rows: Rows) -> Script[list[tuple[Request, list[Item]]]]:
    found: list[tuple[Request, list[Item]]] = []
    for row in rows:
        pair = yield from with_items(row)
        found += [pair] if pair else []
    return found


def approvers_of(request_id: str) -> Script[tuple[str, ...]]:
    rows = yield sql("select approver_id from approval where request_id = :id order by at, approver_id", id=request_id)
    return tuple(row["approver_id"] for row in rows)


def groups_of(request_id: str) -> Script[list[ConsistencyGroup]]:
    rows = yield sql("select * from consistency_group where request_id = :id order by id", id=request_id)
    return (yield from readable(rows, group_from, "consistency_group"))


def move(request: Request, now: datetime) -> Script[bool]:
    """Write a request whose `ver` is still the one that was read; something is to be told afterwards. With it its
    groups are over.
    """
    if request.state is RequestState.RUNNING and request.started_at is None:
        request = replace(request, started_at=now)
    moved = yield Query(_MOVE_REQUEST, request_row(request))
    if moved and request.over:
        # One that was never sent has no job that would end it: jobs are for what runs.
        yield sql(
            f"update consistency_group set state = 'done', ver = ver + 1 where request_id = :id and {GROUP_OPEN}",
            id=request.id,
        )
    if moved and (line := request_line(request)):
        yield line
    if moved:
        yield report_due(request.id, moved[0]["reply_channel"], now)
        yield from app_homes.changed(request.actor_id, now)
    return bool(moved)


def follow(request_id: str, now: datetime) -> Script[Request | None]:
    """The request after something of it moved. With an item that can't be read it is never at its end."""
    rows = yield sql("select * from request where id = :id", id=request_id)
    found = yield from with_items(rows[0])
    if found is None:
        return None
    request, items = found
    restores = isinstance(request.order, Restore) and (yield from _restores(request_id))
    ending = not request.over and not restores and all(item.ended for item in items)
    done = ending and (yield from is_all(request_id, items))
    after = following_items(request, items, now, done=done)
    yield from move(after, now)
    if after.ended_at:
        yield from reminder_due(after, now)
    if restores and overwrites(request.order):
        yield ScheduledJob(f"roll_back:{request_id}", now, lane(request))  # it looks at how the safety snapshots stand
    return after


def _restores(request_id: str) -> Script[bool]:
    """Whether a disk of a request has not come back yet."""
    text = f"select 1 from restoration where request_id = :id and {RESTORATION_OPEN} limit 1"
    return bool((yield sql(text, id=request_id)))


def lane(request: Request) -> str:
    """Whose work it is: those of one person in one project wait for each other, and for no others."""
    return f"{request.project or ''}/{request.actor_id}"


def reminder_due(request: Request, now: datetime) -> Script[None]:
    if request.remind_at and request.remind_at < now + REMINDED_AHEAD:
        yield ScheduledJob(f"remind:{request.id}", request.remind_at, request.project or "")


def report_due(request_id: str, reply_channel: str, now: datetime) -> ScheduledJob:
    return ScheduledJob(f"report:{reply_channel}", now, reply_channel, request_id)
