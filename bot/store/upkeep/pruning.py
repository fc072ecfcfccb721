"""Requests that ended long ago, and what people typed: which may go, which stay and why, and how they go.

The audit trail stays whole: it holds ids and nothing that people typed, and each step adds a row with the ids that are
gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.audit import store_pruned
from bot.store import audit
from bot.store.definitions import POINT, REQUEST_ENDED
from bot.store.script import Query, Row, Rows, Script, to_ms
from bot.store.upkeep.forgetting import all_of, wordless

STEP = 50
"""Requests that are looked at in one transaction: a running bot waits behind it for some milliseconds."""

_OLD = f"{REQUEST_ENDED} and created_at < :before and ended_at < :before"
_WHY = f"""
case when to_send = 1 or exists (select 1 from notice where request_id = request.id and told = 0)
        or exists (select 1 from deletion where request_id = request.id
            and (told = 0 or state in ('asked', 'deleting'))) then 'told'
    when break_glass = 1 and reviewed_by is null and state = 'finished' then 'review'
    when exists (select 1 from item where request_id = request.id and {POINT}) then 'point'
    when exists (select 1 from item as one join item as other on other.joined_to = one.id
        where one.request_id = request.id and other.request_id <> request.id) then 'joined'
    else 'goes' end
"""
"""Why a request stays: something of it is still to be told or deleted, it waits for review, one of its snapshots is
still there as far as the rows know, another request joined it.
"""

_KEPT_QUIETLY = frozenset({"point", "joined"})
"""Of these, what was typed is forgotten."""

_DELETED = ("deletion", "notice", "approval", "restoration", "item", "consistency_group")
"""In the order in which they refer to each other, and to the request."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """The number of requests by why they stay, or that they go; of the disks of those that go; of those that stay, but
    without what was typed.
    """

    requests: Counter[str] = field(default_factory=Counter)
    disks: int = 0
    forgotten: int = 0

    def __add__(self, other: Pruning) -> Pruning:
        return Pruning(self.requests + other.requests, self.disks + other.disks, self.forgotten + other.forgotten)

    def after(self, former: Pruning) -> Pruning:
        """Of the same requests once more: what went before has gone, what stays now does."""
        gone = {"goes": self.requests["goes"] + former.requests["goes"]}
        return Pruning(Counter({**self.requests, **gone}), self.disks + former.disks, self.forgotten + former.forgotten)


@dataclass(frozen=True, slots=True)
class Step:
    """`last`: the row after which the next step begins; None: there is none."""

    done: Pruning
    last: Row | None


def planned(before: datetime, after: Row | None) -> Script[Step]:
    """Look at the next requests, the newest first, and change nothing."""
    rows = yield from _old(before, after)
    return (yield from _counted(rows, len((yield from _wordless(rows)))))


def pruned(before: datetime, after: Row | None, author: str, now: datetime) -> Script[Step]:
    """Let go of those of the next requests that may go, and forget what was typed in those that stay."""
    rows = yield from _old(before, after)
    forgotten = yield from _wordless(rows)
    step = yield from _counted(rows, len(forgotten))
    gone = _gone(rows)
    if gone:
        for table in _DELETED:
            yield _of(f"delete from {table} where request_id", gone)
        yield _of("delete from request where id", gone)
    yield from all_of(one for statements in forgotten for one in statements)
    if gone or forgotten:
        yield from audit.append([store_pruned(author, before, gone, len(forgotten))], now)
    return step


def _old(before: datetime, after: Row | None) -> Script[Rows]:
    begins = "and created_at <= :at and (created_at < :at or id > :id)" if after else ""
    values = {"before": to_ms(before)} | ({"at": after["created_at"], "id": after["id"]} if after else {})
    text = (
        f"select request.*, {_WHY} as why from request where {_OLD} {begins} order by created_at desc, id limit {STEP}"
    )
    return (yield Query(text, values))


def _counted(rows: Rows, forgotten: int) -> Script[Step]:
    gone = _gone(rows)
    disks = (yield _of("select count(*) as number from item where request_id", gone)) if gone else [{"number": 0}]
    done = Pruning(Counter(row["why"] for row in rows), disks[0]["number"], forgotten)
    return Step(done, rows[-1] if len(rows) == STEP else None)


def _gone(rows: Rows) -> list[str]:
    return [row["id"] for row in rows if row["why"] == "goes"]


def _wordless(rows: Rows) -> Script[list[list[Query]]]:
    """For each that stays and holds what was typed, the statements that leave it without."""
    found: list[list[Query]] = []
    for row in rows:
        statements = (yield from wordless(row)) if row["why"] in _KEPT_QUIETLY else []
        found += [statements] if statements else []
    return found


def _of(text: str, ids: Sequence[str]) -> Query:
    values = {f"id_{number}": one for number, one in enumerate(ids)}
    return Query(f"{text} in ({', '.join(f':{name}' for name in values)})", values)
