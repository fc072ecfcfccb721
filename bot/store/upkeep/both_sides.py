"""Facts of which there are as many as requests, on two sides: as they stand in the tables, and as the trail has them.

They are compared in a database of SQLite's that is nowhere but in memory, up to a size, and in a nameless temporary
file beyond it: to check a store of years takes no more memory than to check one of days.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterable, Iterator
from enum import IntEnum

from bot.domain.errors import StoreFailed

MEMORY_KIB = 8 * 1024
PAGE = 1_000

Fact = tuple[str, str, str]
"""An action, who did it, and the request that it is about."""


class Side(IntEnum):
    TABLES = 0
    TRAIL = 1

    @property
    def other(self) -> Side:
        return Side(1 - self)


class BothSides:
    """`forget`: requests that are gone, and need not stand in the tables any more."""

    def __init__(self) -> None:
        # Made where the rows are read and asked where they are told: one after the other.
        self._facts = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._facts.close)
        self._facts.execute(f"pragma cache_size = -{MEMORY_KIB}")
        self._facts.execute("pragma journal_mode = off")
        self._facts.execute(
            "create table fact (action text, actor text, request text, side integer, "
            "primary key (action, actor, request, side)) without rowid"
        )
        self._facts.execute("create table gone (request text primary key) without rowid")

    def add(self, side: Side, facts: Iterable[Fact]) -> None:
        """Raises StoreFailed."""
        self._noted(f"insert or ignore into fact values (?, ?, ?, {side:d})", facts)

    def forget(self, requests: Iterable[str]) -> None:
        """Raises StoreFailed."""
        self._noted("insert or ignore into gone values (?)", ((one,) for one in requests))

    def _noted(self, text: str, rows: Iterable[tuple[str, ...]]) -> None:
        try:
            self._facts.executemany(text, rows)
        except sqlite3.Error as exc:
            raise StoreFailed(
                f"A temporary file can't be written ({exc}). Make room in the temporary folder, or name another one: "
                "TMPDIR."
            ) from exc

    def only_in(self, side: Side, action: str) -> Iterator[Fact]:
        """Those of an action that the other side lacks, in their order; of the trail's without those that are gone."""
        kept = "and not exists (select 1 from gone where request = fact.request)" if side is Side.TRAIL else ""
        yield from self._facts.execute(
            f"select action, actor, request from fact where action = ? and side = {side:d} and not exists (select 1 "
            "from fact as other where (action, actor, request) = (fact.action, fact.actor, fact.request) "
            f"and side = {side.other:d}) {kept} order by actor, request",
            (action,),
        )
