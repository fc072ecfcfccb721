"""Every row of a store, from one database to another. Nothing here knows which two they are.

Pages go by primary key, in the order in which tables and rows refer to each other. What triggers count is counted there
anew, or copied where they are put to rest meanwhile, and compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.errors import StoreFailed
from bot.store import audit
from bot.store.definitions import FIRST
from bot.store.script import Query, Row, Rows, Script, sql

PAGE = 200
"""Rows of one statement: its parameters are fewer than either database takes, which is 32,766."""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    key: tuple[str, ...]


Pages = Iterable[tuple[Table, Rows]]


def _tables() -> Iterator[Table]:
    for name, body in re.findall(r"create table (\w+) \((.*?)\n?\)(?: without rowid)?;", FIRST, re.DOTALL):
        several = re.search(r"primary key \(([^)]*)\)", body)
        one = re.search(r"(\w+) \w+ primary key", body)
        assert several or one, name
        yield Table(name, tuple(several[1].split(", ")) if several else (one[1],) if one else ())


TABLES = tuple(_tables())
COUNTED = "ended_count"
"""Written by triggers alone."""

_JOINED = {"item": ("joined_to is null", "joined_to is not null")}
"""A row refers to others of its own table: those come first."""

_PARTS = [(table, part) for table in TABLES for part in _JOINED.get(table.name, ("true",))]


@dataclass(frozen=True, slots=True)
class Rest:
    """Statements that put the triggers which count added rows to rest, and wake them again."""

    begin: Sequence[str] = ()
    end: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Sums:
    """The number of rows of each table, of those that ended, and the head of the audit trail."""

    rows: Mapping[str, int]
    ended: Mapping[tuple[str, str], int]
    head: tuple[int, str]


def sums() -> Script[Sums]:
    rows: dict[str, int] = {}
    for table in TABLES:
        if table.name != COUNTED:
            (counted,) = yield sql(f"select count(*) as number from {table.name}")
            rows[table.name] = counted["number"]
    ended = yield sql("select kind, state, number from ended_count where number > 0")
    head = yield from audit.head()
    return Sums(rows, {(row["kind"], row["state"]): row["number"] for row in ended}, head)


def page(table: Table, part: str, after: Row | None) -> Script[Rows]:
    key = ", ".join(table.key)
    begins = f" and ({key}) > ({', '.join(f':{name}' for name in table.key)})" if after else ""
    values = {name: after[name] for name in table.key} if after else {}
    return (yield Query(f"select * from {table.name} where {part}{begins} order by {key} limit {PAGE}", values))


def pages(read: Callable[[Script[Rows]], Rows]) -> Iterator[tuple[Table, Rows]]:
    """All of a store, where `read` runs a script at once."""
    for table, part in _PARTS:
        after: Row | None = None
        while rows := read(page(table, part, after)):
            yield table, rows
            after = rows[-1]


def handed_out(begin: Callable[[], None], write: Callable[[Query], object]) -> Script[Sums]:
    """Read all of a store in one transaction. `write` gets the statement for each page; `begin` is called before the
    first, as the script may be run anew.
    """
    begin()
    for table, part in _PARTS:
        after: Row | None = None
        while rows := (yield from page(table, part, after)):
            if table.name != COUNTED:
                write(added(table, rows))
            after = rows[-1]
    return (yield from sums())


def taken_in(source: Callable[[], Pages], expected: Sums, rest: Rest) -> Script[Sums]:
    """Write all of a store into one that is empty, in one transaction, unless something else came out of it."""
    before = yield from sums()
    if held := [name for name, number in before.rows.items() if number]:
        raise StoreFailed(f"It is not empty ({', '.join(held[:3])}), and nothing was changed in it. Name an empty one.")
    for statement in rest.begin:
        yield sql(statement)
    for table, rows in source():
        if rest.begin or table.name != COUNTED:
            yield added(table, rows)
    for statement in rest.end:
        yield sql(statement)
    after = yield from sums()
    compare(expected, after)
    return after


def compare(expected: Sums, found: Sums) -> None:
    """Raises StoreFailed where a copy is none."""
    if found != expected:
        raise StoreFailed(f"The copy came out as another store and was not kept: {found} instead of {expected}.")


def added(table: Table, rows: Rows) -> Query:
    names = list(rows[0].keys())  # a row of SQLite is no mapping to `list`
    values = {f"{name}_{number}": row[name] for number, row in enumerate(rows) for name in names}
    marks = ", ".join(f"({', '.join(f':{name}_{number}' for name in names)})" for number in range(len(rows)))
    return Query(f"insert into {table.name} ({', '.join(names)}) values {marks}", values)
