"""The language of a transaction: a generator that yields queries and is sent rows. Nothing in it knows which database
runs it, so each one runs the same texts.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, TypeVar

from bot.domain.audit import AuditEntry
from bot.domain.log_lines import LogLine

T = TypeVar("T")

TEXTS_KEPT = 1_024
"""More than there are in `bot/store/`, whatever their lists are as long as."""

_NAMES = re.compile(r"'[^']*'|(?<!:):([a-z_]\w*)")
"""A name in quotes is passed over: `'expire_grants:all'` names no parameter."""

Row = Mapping[str, Any]
Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Query:
    """One SQL text with named parameters, in the subset that SQLite and PostgreSQL share."""

    sql: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A job this transaction calls for; the engine hears of it once the transaction is committed. `lane`: whose work
    it is, so that one person's slow work holds up no other's. `about`: whose row changed, where a job is for many rows.
    """

    key: str
    at: datetime
    lane: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Aside:
    """A row that a script could not read and passed over. `why` is the name of the error: its text may hold the row."""

    table: str
    key: str
    why: str


Announced = ScheduledJob | AuditEntry | LogLine
"""Told once the transaction is committed: jobs that it calls for, rows that it added to the audit trail, and what the
log says of its other rows.
"""

Script = Generator[Query | Announced | Aside, Rows, T]
"""A transaction, step by step."""


def sql(text: str, /, **params: Any) -> Query:
    return Query(text, params)


def insert(table: str, row: Row, otherwise: str = "") -> Query:
    """`row` is by column, all of them named in code; `otherwise` begins with `on conflict` or `returning`."""
    return Query(_text(table, tuple(row), otherwise), row)


@cache  # one text for each place that adds rows
def _text(table: str, columns: tuple[str, ...], otherwise: str) -> str:
    values = ", ".join(f":{column}" for column in columns)
    return f"insert into {table} ({', '.join(columns)}) values ({values}) {otherwise}"


@lru_cache(TEXTS_KEPT)
def numbered(text: str, mark: str) -> tuple[str, tuple[str, ...]]:
    """The text with 1, 2 and so on behind `mark`, and the names of what stands in their places. A name that stands
    there twice is one.
    """
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        if (name := found[1]) is None:
            return found[0]
        return f"{mark}{numbers.setdefault(name, len(numbers) + 1)}"

    return _NAMES.sub(number, text), tuple(numbers)


def to_ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


def from_ms(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def span_ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def span_from(ms: int) -> timedelta:
    return timedelta(milliseconds=ms)
