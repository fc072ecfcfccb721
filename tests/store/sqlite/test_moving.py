"""A store that is moved between a file and a database: every row of every table, in one transaction, or nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.attempts import submitting
from bot.domain.audit import AuditEntry
from bot.domain.errors import StoreFailed
from bot.domain.items import joining, taken
from bot.domain.transitions import RequestState
from bot.store.database import Database
from bot.store.postgres.schema import counting_of_added
from bot.store.rows import item_row, request_row
from bot.store.script import Script, insert, sql
from bot.store.sqlite.backup import copied
from bot.store.sqlite.database import SqliteDatabase
from bot.store.sqlite.moving import to_database, to_file
from bot.store.store import Store
from bot.store.upkeep import copying
from bot.store.upkeep.copying import Rest
from tests.builders import NOON, FakeClock, a_request, an_item
from tests.postgres import postgres_server, store_on
from tests.test_cli import lived_rows

__all__ = ["postgres_server"]


AT_REST = Rest(counting_of_added("disable"), counting_of_added("enable"))


def rows_of(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(file)) as db:
        return {
            one.name: sorted(db.execute(f"select * from {one.name}").fetchall(), key=repr) for one in copying.TABLES
        }


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def broken(file: Path) -> list[str]:
    """Rows that were put there by hand have none in the trail."""
    copy = file.with_name("same.db")
    try:
        return copied(file, copy, threading.Event()).broken
    finally:
        copy.unlink()


def add(file: Path, table: str, rows: Iterator[dict[str, Any]]) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("pragma foreign_keys = on")
        for row in rows:
            db.execute(f"insert into {table} ({', '.join(row)}) values ({', '.join(f':{name}' for name in row)})", row)


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A store with rows in every table, in flight and ended, and more of some than a page holds."""
    path = tmp_path / "store.db"
    database = SqliteDatabase(path)
    await database.open()
    await lived_rows(Store(database, FakeClock()))
    await database.close()
    leader = taken(submitting(an_item(2, request_id="r-two"), NOON), "s-2", "j-2")
    follower = joining(replace(an_item(1, request_id="r-before"), disk=leader.disk), leader)
    add(path, "request", (request_row(a_request(one)) for one in ("r-two", "r-before")))
    add(path, "item", ({**item_row(one), "asked_at": 0} for one in (leader, follower)))
    ended = (replace(a_request(f"r-{n:04d}", state=RequestState.DENIED), ended_at=NOON) for n in range(450))
    add(path, "request", map(request_row, ended))
    for table in copying.TABLES:
        add(path, table.name, filter(None, [_any_row(path, table.name)]))
    return path


def _any_row(path: Path, table: str) -> dict[str, Any]:
    """A row with something in each column that has to have it, where the table has none."""
    with closing(sqlite3.connect(path)) as db:
        columns = db.execute(f"pragma table_info({table})").fetchall()
        if db.execute(f"select 1 from {table}").fetchone():
            return {}
    fits = {"request_id": "r-one", "state": "planned"}
    return {one[1]: fits.get(one[1], "9" if one[2] == "text" else 9) for one in columns if one[3] or one[5]}


async def test_each_table_of_a_store_is_copied(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        there = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    assert {one.name for one in copying.TABLES} == there - {"_sqlite_migrations", "log_room", "sqlite_stat1"}


async def test_there_and_back_every_row_is_what_it_was(file: Path, tmp_path: Path, postgres_server: str) -> None:
    before, back = rows_of(file), tmp_path / "back.db"
    assert all(before.values()), "something of each table"
    async with store_on(postgres_server) as database:
        held = await to_database(file, database, threading.Event(), AT_REST)
        assert held.requests == len(before["request"])
        copy = await to_file(database, back, threading.Event())
    assert copy.held == held
    assert copy.broken == broken(file)
    assert rows_of(back) == before
    assert rows_of(file) == before
    assert back.stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == ["back.db", "store.db"]


async def test_what_is_in_the_other_is_called_for_there_and_guarded_there(file: Path, postgres_server: str) -> None:
    called_for = await on_file(file)
    async with store_on(postgres_server) as database:
        await to_database(file, database, threading.Event(), AT_REST)
        store = Store(database, FakeClock())
        assert sorted(await store.jobs()) == called_for
        assert await store.counts(["request", "item"])

        def moved() -> Script[None]:
            yield sql("update item set state = 'submitting' where id = 'r-two-2'")

        with pytest.raises(Exception, match="no edge of item leads there"):
            await database.run(moved)
        before = await store.counts(["request"])
        ended = replace(a_request("r-later"), state=RequestState.DENIED, ended_at=NOON)

        def another() -> Script[None]:
            yield insert("request", request_row(ended))

        await database.run(another)
        key = ("request", "denied")
        assert (await store.counts(["request"]))[key] == before[key] + 1, "the counting is awake again"


async def on_file(file: Path) -> list[Any]:
    database = SqliteDatabase(file)
    await database.open()
    try:
        return sorted(await Store(database, FakeClock()).jobs())
    finally:
        await database.close()


async def test_one_that_holds_anything_is_refused_and_stays_as_it_is(file: Path, postgres_server: str) -> None:
    async with store_on(postgres_server) as database:
        store = Store(database, FakeClock())
        await store.chore_done("anchor", NOON)
        with pytest.raises(StoreFailed, match=r"It is not empty \(chore\), and nothing was changed in it."):
            await to_database(file, database, threading.Event(), AT_REST)
        assert await store.audit_head() == (0, "0" * 64)


async def test_where_one_row_is_lost_nothing_is_kept(
    file: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_but_one(read: Any) -> Iterator[Any]:
        for table, rows in copying.pages(read):
            yield table, rows[1:] if table.name == "delivery" and len(rows) > 1 else rows

    add(file, "delivery", ({"id": f"d{n}", "received_at": 0} for n in range(2)))
    monkeypatch.setattr("bot.store.sqlite.moving.pages", all_but_one)
    async with store_on(postgres_server) as database:
        with pytest.raises(StoreFailed, match="The copy came out as another store"):
            await to_database(file, database, threading.Event(), AT_REST)
        assert await Store(database, FakeClock()).audit_head() == (0, "0" * 64)


async def test_a_backup_of_a_database_is_one_moment_of_it_while_others_write(
    file: Path, tmp_path: Path, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "PAGE", 5)
    async with store_on(postgres_server) as database:
        held = await to_database(file, database, threading.Event(), AT_REST)
        going_on = asyncio.create_task(_written_to(database))
        copy = await to_file(database, tmp_path / "back.db", threading.Event())
        going_on.cancel()
        assert await Store(database, FakeClock()).audit_head() > held.head
    assert copy.broken == broken(file)
    assert copy.held.head >= held.head


async def _written_to(database: Database) -> None:
    store = Store(database, FakeClock())
    while True:
        await store.chore_done("anchor", NOON)
        await store.audit([AuditEntry("U1", "view", "", "denied", "no-grant")])
