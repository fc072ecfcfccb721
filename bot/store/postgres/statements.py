"""Queries with named parameters, as asyncpg takes them: numbered ones, and their values in that order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from bot.store.script import Query

TEXTS_KEPT = 1_024
"""More than there are in `bot/store/`, whatever their lists are as long as."""

_NAMES = re.compile(r"'[^']*'|(?<!:):([a-z_]\w*)")
"""A name in quotes is passed over: `'expire_grants:all'` names no parameter."""


def asked(query: Query) -> tuple[str, Iterator[Any]]:
    """The text with `$1`, `$2` and so on, and what stands in their places. A name that stands there twice is one."""
    text, names = _numbered(query.sql)
    return text, (_kept(query.params[name]) for name in names)


def _kept(value: Any) -> Any:
    """PostgreSQL keeps no text with a zero in it, which SQLite does; people see neither."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value


@lru_cache(TEXTS_KEPT)
def _numbered(text: str) -> tuple[str, tuple[str, ...]]:
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        if (name := found[1]) is None:
            return found[0]
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _NAMES.sub(number, text), tuple(numbers)
