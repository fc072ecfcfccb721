"""Rows into values, by one way for every table: what can't be read is set aside alone, and the others go on.

A later version may have written such a row, or a hand; nothing is deleted by that, and a version that can read it
goes on with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bot.store.script import Aside, Row, Rows, Script

T = TypeVar("T")

_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, OSError)
"""Errors of a reader for a row that it can't read. pydantic and json raise ValueErrors, `fromtimestamp` the last."""

_KEYS = (
    *("id", "key", "item_id", "request_id", "user_id", "channel_id", "position", "subject_kind", "subject_id"),
    *("role", "project"),
)


def readable(rows: Rows, read: Callable[[Row], T], table: str) -> Script[list[T]]:
    """Those of some rows that can be read, in their order."""
    found: list[T] = []
    for row in rows:
        try:
            found.append(read(row))
        except _UNREADABLE as exc:
            yield Aside(table, _key(row), type(exc).__name__)
    return found


def first(rows: Rows, read: Callable[[Row], T], table: str) -> Script[T | None]:
    """The first of some rows; None where there is none, or it can't be read."""
    found = yield from readable(rows[:1], read, table)
    return found[0] if found else None


def _key(row: Row) -> str:
    """The key by which the row is found again: ids alone, nothing that people typed."""
    names = row.keys()
    return " ".join(str(row[name]) for name in _KEYS if name in names)
