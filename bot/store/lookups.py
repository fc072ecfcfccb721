"""Requests, disks and numbers that are asked for; nothing is changed here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.transitions import ItemState, RequestState
from bot.ports.lookups import DiskName
from bot.store.definitions import COPIES, ITEM_OPEN, OPEN, REQUEST_ENDED, REQUEST_OPEN
from bot.store.reading import first, readable
from bot.store.rows import item_from, request_from
from bot.store.script import Query, Script, sql, to_ms
from bot.store.whole_requests import one

_FIND = """
select id as request_id, 0 as joined from request where id = :id
union select request_id, case when joined_to is null then 0 else 1 end from item
    where id = :id or snapshot_id = :id or job_id = :id
union select request_id, 0 from consistency_group where id = :id or cloud_id = :id
union select request_id, 0 from restoration where id = :id or made_id = :id or job_id = :id
order by joined, request_id
"""


def find(any_id: str) -> Script[tuple[Request, list[Item]] | None]:
    """By the id of a request, an item, a job, a snapshot, a group or a disk that came back. What others joined is
    whose it was first.
    """
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


def disks_named(projects: Sequence[str]) -> Script[list[DiskName]]:
    """Each name that a disk was asked for by."""
    values = {f"project_{number}": project for number, project in enumerate(projects)}
    listed = ", ".join(f":{name}" for name in values) or "null"
    text = (
        f"select disk_id, disk_name from named_disk where project in ({listed}) "
        "group by disk_id, disk_name order by max(asked_at) desc, disk_id, disk_name limit 10000"
    )
    rows = yield Query(text, values)
    return [DiskName(row["disk_id"], row["disk_name"]) for row in rows]


def copying(project: str) -> Script[list[str]]:
    """The disks of a project that the bot copies, or is about to."""
    rows = yield sql(f"select disk_id from item where {ITEM_OPEN} and {COPIES} and project = :project", project=project)
    return [row["disk_id"] for row in rows]


def has_open(actor_id: str, most: int) -> Script[bool]:
    """Whether so many requests of a person are open."""
    rows = yield sql(
        "select count(*) as number from "
        f"(select 1 from request where {REQUEST_OPEN} and actor_id = :actor_id limit :most) as one",
        actor_id=actor_id,
        most=most,
    )
    return int(rows[0]["number"]) >= most


def counts(tables: Sequence[str]) -> Script[dict[tuple[str, str], int]]:
    """How many rows of each table stand in which state: what is open is counted, and what ended was as it did."""
    found: dict[tuple[str, str], int] = {}
    for table in tables:
        rows = yield sql(
            f"select state, count(*) as number from {table} where {OPEN[table]} group by state "
            "union all select state, number from ended_count where kind = :table and number > 0",
            table=table,
        )
        found |= {(table, row["state"]): row["number"] for row in rows}
    return found


_ASKED = """
select id from request where {} and actor_id = :actor_id and created_at >= :since and created_at < :until
    and state <> :request_left_out
"""
_DISKS_ASKED = f"""
select count(*) as asked
from ({_ASKED.format(REQUEST_OPEN)} union all {_ASKED.format(REQUEST_ENDED)}) as one
join item on item.request_id = one.id where item.project = :project and item.state <> :item_left_out
"""


def disks_asked(
    actor_id: str,
    project: str,
    window: tuple[datetime, datetime],
    left_out: tuple[RequestState, ItemState],
) -> Script[int]:
    """How many disks a person asked for in a project, by when the requests were made; two states are `left_out`."""
    rows = yield sql(
        _DISKS_ASKED,
        actor_id=actor_id,
        project=project,
        since=to_ms(window[0]),
        until=to_ms(window[1]),
        request_left_out=str(left_out[0]),
        item_left_out=str(left_out[1]),
    )
    return int(rows[0]["asked"])
