"""Requests, disks and numbers that are asked for; nothing is changed here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.transitions import ItemState, RequestState
from bot.ports.lookups import DiskName, Filters
from bot.store.database import Query, Script, sql, to_ms
from bot.store.reading import first, readable
from bot.store.rows import item_from, request_from
from bot.store.whole_requests import one, wholes

_FIND = """
select id as request_id, 0 as joined from request where id = :id
union select request_id, case when joined_to is null then 0 else 1 end from item
    where id = :id or snapshot_id = :id or job_id = :id
union select request_id, 0 from consistency_group where id = :id or cloud_id = :id
order by joined, request_id
"""


def find(any_id: str) -> Script[tuple[Request, list[Item]] | None]:
    """By the id of a request, an item, a job, a snapshot or a group. What others joined is whose it was first."""
    rows = yield sql(_FIND, id=any_id)
    return (yield from one(rows[0]["request_id"])) if rows else None


def item(item_id: str) -> Script[tuple[Item, Request] | None]:
    rows = yield sql("select * from item where id = :id", id=item_id)
    read = yield from first(rows, item_from, "item")
    found = (yield from one(read.request_id)) if read else None
    return (read, found[0]) if read and found else None


def of_delivery(delivery: str) -> Script[Request | None]:
    rows = yield sql("select * from request where delivery_id = :id", id=delivery)
    return (yield from first(rows, request_from, "request"))


def tries_of(request_id: str) -> Script[list[Request]]:
    """By the deliveries that made them, `again:{request}:{number}`."""
    rows = yield sql(
        "select * from request where delivery_id >= :first and delivery_id < :last order by created_at, id",
        first=f"again:{request_id}:",
        last=f"again:{request_id};",
    )
    return (yield from readable(rows, request_from, "request"))


def recent(filters: Filters) -> Script[list[tuple[Request, list[Item]]]]:
    """The newest requests that fit, newest first."""
    clauses: list[str] = ["1 = 1"]
    values: dict[str, str | int] = {"limit": filters.limit, "offset": filters.offset}
    if filters.projects is not None:
        names = [f"project_{number}" for number, _ in enumerate(filters.projects)]
        values |= dict(zip(names, filters.projects, strict=True))
        clauses.append(f"project in ({', '.join(f':{name}' for name in names) or 'null'})")
    if filters.actor_id is not None:
        clauses.append("actor_id = :actor_id")
        values["actor_id"] = filters.actor_id
    if filters.disk is not None:
        clauses.append("exists (select 1 from item where request_id = request.id and :disk in (disk_id, disk_name))")
        values["disk"] = filters.disk
    if filters.unreviewed:
        clauses.append("break_glass = 1 and reviewed_by is null and state in ('running', 'finished')")
    if filters.waiting:
        clauses.append("state = 'waiting'")
    if filters.under_way is not None:
        clauses.append(f"state {'in' if filters.under_way else 'not in'} ('received', 'planned', 'waiting', 'running')")
    if filters.left_to is not None:
        clauses.append(
            "actor_id <> :left_to and not exists "
            "(select 1 from approval where request_id = request.id and approver_id = :left_to)"
        )
        values["left_to"] = filters.left_to
    if filters.channel is not None:
        clauses.append("channel_id = :channel")
        values["channel"] = filters.channel
    if filters.restorable:
        clauses.append(
            "exists (select 1 from item where request_id = request.id and state = 'available' and let_go = 0 "
            "and gone_at is null)"
        )
    where = " and ".join(clauses)
    text = f"select * from request where {where} order by created_at desc, id limit :limit offset :offset"
    rows = yield Query(text, values)
    return (yield from wholes(rows))


def disks_named(projects: Sequence[str]) -> Script[list[DiskName]]:
    """The names of the newest 10,000 items, each once."""
    values = {f"project_{number}": project for number, project in enumerate(projects)}
    newest = f"select * from item where project in ({', '.join(f':{name}' for name in values) or 'null'})"
    text = f"select distinct disk_id, disk_name from ({newest} order by rowid desc limit 10000)"
    rows = yield Query(text, values)
    return [DiskName(row["disk_id"], row["disk_name"]) for row in rows]


def copying(project: str) -> Script[list[str]]:
    """The disks of a project that the bot copies, or is about to."""
    rows = yield sql(
        "select distinct disk_id from item where project = :project and joined_to is null "
        "and state in ('submitting', 'uncertain', 'creating')",
        project=project,
    )
    return [row["disk_id"] for row in rows]


def counts(tables: Sequence[str]) -> Script[dict[tuple[str, str], int]]:
    """How many rows of each table stand in which state."""
    found: dict[tuple[str, str], int] = {}
    for table in tables:
        rows = yield sql(f"select state, count(*) as number from {table} group by state")
        found |= {(table, row["state"]): row["number"] for row in rows}
    return found


def disks_asked(
    actor_id: str,
    project: str,
    window: tuple[datetime, datetime],
    left_out: tuple[RequestState, ItemState],
) -> Script[int]:
    """How many disks a person asked for in a project, by when the requests were made; two states are `left_out`."""
    rows = yield sql(
        "select count(*) as asked from request join item on item.request_id = request.id "
        "where request.actor_id = :actor_id and request.created_at >= :since and request.created_at < :until "
        "and request.state <> :request_left_out and item.project = :project and item.state <> :item_left_out",
        actor_id=actor_id,
        project=project,
        since=to_ms(window[0]),
        until=to_ms(window[1]),
        request_left_out=str(left_out[0]),
        item_left_out=str(left_out[1]),
    )
    return int(rows[0]["asked"])
