"""Words that people typed, forgotten where a person asks for that: the requests stay, and so does the audit trail,
which holds none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.audit import words_forgotten
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import Item
from bot.domain.orders import Create, Order
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.snapshots import NAME_CHARACTERS, REQUEST_TAG
from bot.store import audit
from bot.store.definitions import REQUEST_ENDED
from bot.store.reading import readable
from bot.store.rows import (
    group_from,
    group_row,
    item_from,
    item_row,
    request_from,
    request_row,
    restoration_from,
    restoration_row,
)
from bot.store.script import Query, Row, Rows, Script, sql

STEP = 50
"""Requests of one transaction."""

DENIED = "denied-by-approver"
FORGOTTEN = "An approver denied it. What they wrote was forgotten. Nothing was created."


@dataclass(frozen=True, slots=True)
class Whose:
    """Requests of one person, or one request."""

    actor: str | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Forgetting:
    """How many requests there are by what becomes of them: `words` are forgotten, or there are none, or they stay as
    something of it is still open, to be told or to be reviewed.
    """

    requests: Counter[str] = field(default_factory=Counter)
    last: Row | None = None
    """The row after which the next step begins; None: there is none."""


def step(whose: Whose, after: Row | None, author: str, now: datetime, *, apply: bool) -> Script[Forgetting]:
    """Look at the next requests, the newest first, and with `apply` forget what was typed in them."""
    rows = yield from _next(whose, after)
    counts: Counter[str] = Counter()
    gone: list[str] = []
    for row in rows:
        stays = yield from _stays(row)
        changed = [] if stays else (yield from wordless(row))
        counts["stays" if stays else "words" if changed else "none"] += 1
        if changed and apply:
            gone.append(row["id"])
            yield from all_of(changed)
    if gone:
        yield from audit.append([words_forgotten(author, whose.actor, gone)], now)
    return Forgetting(counts, rows[-1] if len(rows) == STEP else None)


def _next(whose: Whose, after: Row | None) -> Script[Rows]:
    if whose.request is not None:
        return (yield sql("select * from request where id = :id", id=whose.request))
    begins = "and created_at <= :at and (created_at < :at or id > :id)" if after else ""
    values = {"actor": whose.actor} | ({"at": after["created_at"], "id": after["id"]} if after else {})
    text = f"select * from request where {REQUEST_ENDED} and actor_id = :actor {begins} order by created_at desc, id"
    return (yield Query(f"{text} limit {STEP}", values))


def _stays(row: Row) -> Script[bool]:
    """Open, to be told or to be reviewed: its words are still needed."""
    ended = yield sql(f"select id from request where {REQUEST_ENDED} and id = :id", id=row["id"])
    unreviewed = row["break_glass"] and row["reviewed_by"] is None and row["state"] == "finished"
    return not ended or bool(row["to_send"]) or bool(unreviewed)


def wordless(row: Row) -> Script[list[Query]]:
    """The statements that leave no typed word in a request and what is of it; none where there is none."""
    requests = yield from readable([row], request_from, "request")
    items = yield from readable((yield _of(row, "item")), item_from, "item")
    groups = yield from readable((yield _of(row, "consistency_group")), group_from, "consistency_group")
    restorations = yield from readable((yield _of(row, "restoration")), restoration_from, "restoration")
    typed_name = any(isinstance(one.order, Create) and one.order.name for one in requests)
    changed = [_request_query(one) for one in map(_request_without, requests) if one not in requests]
    left = [_item_without(item, named=not typed_name) for item in items]
    changed += [_item_query(one) for one in left if one not in items]
    changed += [_group_query(one) for one in map(_group_without, groups) if one not in groups]
    return changed + [_disk_query(one) for one in map(_disk_without, restorations) if one not in restorations]


def all_of(statements: Iterable[Query]) -> Script[None]:
    for one in statements:  # noqa: UP028  # an iterator takes no rows
        yield one


def _of(row: Row, table: str) -> Query:
    return Query(f"select * from {table} where request_id = :id", {"id": row["id"]})


def _request_without(request: Request) -> Request:
    explanation = FORGOTTEN if request.rule == DENIED else request.explanation
    return replace(request, text="", order=_order_without(request.order), explanation=explanation)


def _order_without(order: Order) -> Order:
    wordless = replace(order, reason=None)
    return replace(wordless, name=None, description=None, tags={}) if isinstance(wordless, Create) else wordless


def _item_without(item: Item, *, named: bool) -> Item:
    """Where the name was typed, its disk's stands in its place. A description holds the reason."""
    asked = item.snapshot
    name = asked.name if named else item.disk.label[:NAME_CHARACTERS]
    left = {"name": name, "description": None, "tags": _own(asked.tags)}
    return replace(item, snapshot=asked.model_copy(update=left))


def _group_without(group: ConsistencyGroup) -> ConsistencyGroup:
    left = {"description": None, "tags": _own(group.asked.tags)}
    return replace(group, asked=group.asked.model_copy(update=left))


def _disk_without(restoration: Restoration) -> Restoration:
    """The description of a new disk holds the reason."""
    asked = restoration.asked
    return replace(
        restoration, asked=asked and asked.model_copy(update={"description": None, "tags": _own(asked.tags)})
    )


def _own(tags: dict[str, str] | None) -> dict[str, str] | None:
    return tags and {name: value for name, value in tags.items() if name == REQUEST_TAG}


def _request_query(request: Request) -> Query:
    return Query(
        "update request set text = :text, order_json = :order_json, explanation = :explanation where id = :id",
        request_row(request),
    )


def _item_query(item: Item) -> Query:
    return Query("update item set snapshot_json = :snapshot_json where id = :id", item_row(item))


def _group_query(group: ConsistencyGroup) -> Query:
    return Query("update consistency_group set asked_json = :asked_json where id = :id", group_row(group))


def _disk_query(restoration: Restoration) -> Query:
    return Query("update restoration set asked_json = :asked_json where id = :id", restoration_row(restoration))
