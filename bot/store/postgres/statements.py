"""Queries with named parameters, as asyncpg takes them: numbered ones, and their values in that order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.store.script import Query, numbered


def asked(query: Query) -> tuple[str, Iterator[Any]]:
    """The text with `$1`, `$2` and so on, and what stands in their places."""
    text, names = numbered(query.sql, "$")
    return text, (_kept(query.params[name]) for name in names)


def _kept(value: Any) -> Any:
    """PostgreSQL keeps no text with a zero in it, which SQLite does; people see neither."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value
