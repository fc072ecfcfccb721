"""The newest requests that fit. Each way to them is walked in the order of an index, and no further than the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice

from bot.domain.items import Item
from bot.domain.requests import Request
from bot.ports.lookups import Filters
from bot.store.definitions import REQUEST_ENDED, REQUEST_OPEN, TO_REVIEW
from bot.store.script import Query, Row, Rows, Script, sql
from bot.store.whole_requests import wholes


@dataclass(frozen=True, slots=True)
class _Way:
    """`where` begins with the condition of the index, and `order` is the rest of its columns."""

    where: str
    values: Mapping[str, str] = field(default_factory=dict)
    select: str = "select id, created_at from request"
    order: str = "created_at desc, id"


def recent(filters: Filters) -> Script[list[tuple[Request, list[Item]]]]:
    """Newest first; of each way the newest are found, and of all those the newest."""
    conditions, values = _conditions(filters)
    beyond = filters.offset + filters.limit
    found: list[Rows] = []
    for way in _ways(filters):
        where = " and ".join([way.where, *conditions])
        text = f"{way.select} where {where} order by {way.order} limit :beyond"
        found.append((yield Query(text, {**values, **way.values, "beyond": beyond})))
    ids = dict.fromkeys(row["id"] for row in merge(*found, key=_newest_first))
    page: list[Row] = []
    for request_id in islice(ids, filters.offset, beyond):
        page += yield sql("select * from request where id = :id", id=request_id)
    return (yield from wholes(page))


def _newest_first(row: Row) -> tuple[float, str]:
    """A value written by hand as a date that is none comes first, as SQLite has it."""
    at = row["created_at"]
    return -at if isinstance(at, int | float) else float("-inf"), row["id"]


def _ways(filters: Filters) -> Iterator[_Way]:
    """Those of what is under way go through all of that."""
    if filters.disk is not None:
        yield from (_of_items(column, filters.disk) for column in ("disk_id", "disk_name"))
    elif filters.restorable_in is not None:
        yield _Way("restorable = 1 and channel_id = :channel", {"channel": filters.restorable_in})
    elif filters.unreviewed:
        yield _Way(TO_REVIEW)
    else:
        if filters.under_way is not False:
            yield _Way(REQUEST_OPEN)
        if not filters.under_way and not filters.waiting:
            yield from _to_ended(filters)


def _of_items(column: str, disk: str) -> _Way:
    """By the first item of each request that is about such a disk."""
    twin = "select 1 from item as twin where twin.request_id = item.request_id and twin.position < item.position"
    joined = f"request.id = item.request_id and item.{column} = :disk and not exists ({twin} and twin.{column} = :disk)"
    select = "select request.id, request.created_at from item cross join request"
    return _Way(joined, {"disk": disk}, select, "item.asked_at desc, item.request_id")


def _to_ended(filters: Filters) -> Iterator[_Way]:
    if filters.actor_id is not None:
        yield _Way(f"{REQUEST_ENDED} and actor_id = :actor_id")
    elif filters.projects is not None:
        yield from (_Way(f"{REQUEST_ENDED} and project = :project", {"project": one}) for one in filters.projects)
    else:
        yield _Way(REQUEST_ENDED)


def _conditions(filters: Filters) -> tuple[list[str], dict[str, str]]:
    """The other conditions, whichever way led to a request."""
    conditions: list[str] = []
    values: dict[str, str] = {}
    if filters.projects is not None:
        names = {f"project_{number}": project for number, project in enumerate(filters.projects)}
        values |= names
        conditions.append(f"request.project in ({', '.join(f':{name}' for name in names) or 'null'})")
    if filters.actor_id is not None:
        conditions.append("request.actor_id = :actor_id")
        values["actor_id"] = filters.actor_id
    if filters.waiting:
        conditions.append("request.state = 'waiting'")
    if filters.left_to is not None:
        conditions.append(
            "request.actor_id <> :left_to and not exists "
            "(select 1 from approval where request_id = request.id and approver_id = :left_to)"
        )
        values["left_to"] = filters.left_to
    return conditions, values
