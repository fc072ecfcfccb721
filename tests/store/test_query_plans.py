"""Every statement of the store meets its index: none reads more rows the more has ended."""

from __future__ import annotations

import ast
import asyncio
import inspect
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

import bot.store
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from tests.builders import FakeClock
from tests.store.everything import everything
from tests.store.heard import Called, Heard, Hearing, Statement
from tests.store.old_rows import OLD, multiplied, one_of_each

T = TypeVar("T")

OPEN = {
    "request_open": "what is under way",
    "request_to_send": "what is to be told",
    "item_open": "what is under way",
    "consistency_group_open": "what is under way",
    "notice_untold": "who is to be told",
    "deletion_asked": "what waits for others to agree",
    "deletion_untold": "what is to be told",
    "app_home_stale": "which are to be published",
    "request_by_time": "the newest come first, and no more are read than are shown",
    "audit_of_match": "the last matches",
    "request_unreviewed": "what is to be reviewed; the newest come first",
}
"""Indexes that may be read from one end: of what."""

FEW = {
    "audit.head": "the last row",
    "waits.set_back_meanwhile": "the last row",
    "waits.brought_back": "as below",
    "waits.looked_for_longer": "as below",
    "waits.moved": "answers that are owed, and the forms of a day",
    "jobs.every": "answers that are owed",
    "measuring.figures": "answers that are owed, the last row of the trail, and the last head",
    "measuring.restored": "what is under way, and a row for each project",
    "forms.forget": "the forms of a day",
    "bindings.replace_source": "as many as are bound, at the start",
    "bindings.project_of": "those of one channel",
    "projects.configured": "the aliases; the rows of one that stands for another project, once",
    "grants.admins": "the admins, where one of them is changed",
    "grants.expired": "those that have just ended",
    "grants.helpers": "a few",
    "whole_requests.approvers_of": "those of one request",
    "whole_requests.groups_of": "those of one request",
    "deletions.of_request": "those of one request",
    "deletions.sharing": "those who share the snapshots of one request",
    "outbox.untold": "those of one request",
    "slack_calls.take": "the calls of one minute",
    "turns.placed": "what one project has in the making, by person",
    "turns._queue": "what waits for its turn in one project, by when it was asked for",
    "search.disk_ids": "as many as there are disks",
    "lookups.find": "what has one id",
    "lookups.tries_of": "those of one request",
    "lookups.disks_asked": "those of one person's day, of a query within",
    "lookups.disks_named": "as many as there are disks",
    "lookups.counts": "what is under way, by its state",
    "recent_requests.recent": "what is under way, the newest first",
}
"""Functions whose statements sort or scan what is few, or a part of a query."""

OF_REFERENCES = {"item_of_group", "restoration_safety"}
"""Indexes that no statement names: SQLite looks there for rows that refer to one that is deleted."""

WHOLE = {
    "verification.witness": "`audit verify` reads all there is",
    **{f"verification._{part}": "the same, by pages" for part in ("requests", "sent", "approvals", "deletions")},
    "grants.every": "`grants list` shows all there are",
    "search.page": "`audit export` of a day or a project passes over others; each arrival would write an index",
    "projects.configured": "the items of an alias that stands for another project, once",
}
"""Functions whose statements may take as long as there are rows."""

OF_NO_QUERY = {"ScheduledJob", "Aside", "_publish", "report_due", "planned_line", "delete_sent_line"}


def steps_of_plan(statement: Statement, connection: sqlite3.Connection) -> list[str]:
    return [row[3] for row in connection.execute(f"explain query plan {statement.text}", dict(statement.params))]


def work(statement: Statement, connection: sqlite3.Connection) -> int:
    """How many instructions SQLite runs for it; nothing of it stays."""
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 10

    connection.execute("savepoint tried")
    connection.set_progress_handler(count, 10)
    try:
        connection.execute(statement.text, dict(statement.params)).fetchall()
    except sqlite3.IntegrityError:
        pass  # it is there already
    finally:
        connection.set_progress_handler(None, 0)
        connection.execute("rollback to tried")
        connection.execute("release tried")
    return counted


class HeardDatabase(Hearing, SqliteDatabase):
    pass


@dataclass
class Life:
    connection: sqlite3.Connection
    heard: Heard
    called: set[str]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A store with many rows of all that ends, of which everything was asked then."""
    path = tmp_path_factory.mktemp("life") / "store.db"

    async def lived() -> tuple[Heard, set[str]]:
        database, clock = HeardDatabase(path), FakeClock()
        await database.open()
        called = Called(Store(database, clock))
        await one_of_each(called.store)
        multiplied(path)
        database.heard = Heard()
        await everything(called, clock)  # type: ignore[arg-type]  # it has all that the store has
        await database.close()
        return database.heard, called.names

    heard, called = asyncio.run(lived())
    # A plan that was read once is not read anew when an index is dropped.
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=0)
    yield Life(connection, heard, called)
    connection.close()


def complaints(statement: Statement, connection: sqlite3.Connection) -> list[str]:
    found = [
        f"{statement.asked_by}: {step}: {statement.text}"
        for step in steps_of_plan(statement, connection)
        if _unbounded(step, connection) and statement.asked_by not in FEW.keys() | WHOLE.keys()
    ]
    done = work(statement, connection) if statement.asked_by not in WHOLE else 0
    return found + ([f"{statement.asked_by}: {done} instructions: {statement.text}"] if done > OLD else [])


def _unbounded(step: str, connection: sqlite3.Connection) -> bool:
    if "TEMP B-TREE" in step or "AUTOMATIC" in step:
        return True
    words = step.split()
    tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    return words[0] == "SCAN" and words[1] in tables and words[-1] not in OPEN


def test_every_method_of_the_store_is_called_and_every_statement_run(life: Life) -> None:
    methods = {name for name, _ in inspect.getmembers(Store, inspect.isfunction) if not name.startswith("_")}
    assert methods - life.called == {"broken"}  # which asks nothing of the file
    missed = [place for place in _places() if not any(line in life.heard.lines for line in place.lines)]
    assert missed == []


@dataclass(frozen=True)
class Place:
    """Where a script of the store yields a query."""

    lines: tuple[tuple[str, int], ...]
    text: str


def _places() -> Iterator[Place]:
    here = Path(bot.store.__file__).parent
    for file in (*here.glob("*.py"), *(here / "trail").glob("*.py")):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef) and "Script[" in ast.unparse(function.returns or ast.Pass()):
                for node in ast.walk(function):
                    if isinstance(node, ast.Yield) and _is_query(node):
                        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                        yield Place(tuple((file.name, line) for line in lines), ast.unparse(node))


def _is_query(node: ast.Yield) -> bool:
    return isinstance(node.value, ast.Call) and ast.unparse(node.value.func).split(".")[-1] not in OF_NO_QUERY


def test_no_statement_reads_more_the_more_has_ended(life: Life) -> None:
    found = [one for statement in life.heard.statements.values() for one in complaints(statement, life.connection)]
    assert found == []


@pytest.mark.parametrize("table", ["request", "consistency_group", "item"])
def test_a_row_that_is_deleted_is_looked_for_in_no_other_s(life: Life, table: str) -> None:
    """Each deletion asks whether another row refers to it."""
    (row,) = life.connection.execute(f"select id from {table} limit 1").fetchone()
    life.connection.execute("pragma foreign_keys = on")
    try:
        done = work(Statement(f"delete from {table} where id = :id", {"id": row}, ""), life.connection)
    finally:
        life.connection.execute("pragma foreign_keys = off")
    assert done < OLD


def test_what_is_named_is_there(life: Life) -> None:
    asked_by = {statement.asked_by for statement in life.heard.statements.values()}
    assert FEW.keys() | WHOLE.keys() <= asked_by
    indexes = {name for (name,) in life.connection.execute("select name from sqlite_master where type = 'index'")}
    assert OPEN.keys() <= indexes


def test_without_any_one_of_the_indexes_some_statement_does(life: Life) -> None:
    kept = "select name from sqlite_master where type = 'index' and sql is not null and name not like 'idx__sqlite_%'"
    indexes = [name for (name,) in life.connection.execute(kept) if name not in OF_REFERENCES]
    needless = []
    for index in indexes:
        used = [
            one
            for one in life.heard.statements.values()
            if any(index in step.split() for step in steps_of_plan(one, life.connection))
        ]
        life.connection.execute("begin")
        life.connection.execute(f"drop index {index}")
        if not any(complaints(one, life.connection) for one in used):
            needless.append(index)
        life.connection.execute("rollback")
    assert needless == []
