"""One file, one thread, transactions as generators."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
from datetime import datetime
from pathlib import Path

import pytest

from bot.domain.errors import StoreInUse
from bot.store.database import Script, SqliteDatabase, Want, sql
from bot.store.lock import StoreLock
from tests.builders import NOON


def adds(number: int, *, then: Exception | None = None) -> Script[int]:
    yield sql("insert into delivery (id, received_at) values (:id, :at)", id=f"d{number}", at=number)
    yield Want("plan:x", NOON)
    if then:
        raise then
    rows = yield sql("select count(*) as n from delivery")
    return int(rows[0]["n"])


def files_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_transaction_is_kept_whole_or_not_at_all(database: SqliteDatabase) -> None:
    assert await database.run(adds(1)) == 1
    with pytest.raises(ZeroDivisionError):
        await database.run(adds(2, then=ZeroDivisionError()))
    assert await database.run(adds(3)) == 2


async def test_duties_are_announced_after_the_commit_and_only_then(database: SqliteDatabase) -> None:
    heard: list[tuple[str, datetime]] = []
    database.on_wanted(lambda key, at: heard.append((key, at)))
    with pytest.raises(ZeroDivisionError):
        await database.run(adds(1, then=ZeroDivisionError()))
    await asyncio.sleep(0)
    assert heard == []
    await database.run(adds(1))
    await asyncio.sleep(0)
    assert heard == [("plan:x", NOON)]


async def test_a_caller_that_goes_away_does_not_stop_a_transaction(database: SqliteDatabase) -> None:
    task = asyncio.create_task(database.run(adds(1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await database.run(adds(2)) == 2


async def test_the_event_loop_is_never_blocked_by_a_slow_store(database: SqliteDatabase) -> None:
    held = threading.Event()

    def slow() -> Script[str]:
        held.wait(5)
        yield sql("select 1")
        return threading.current_thread().name

    waiting = asyncio.create_task(database.run(slow()))
    await asyncio.sleep(0.01)  # the loop still runs while the store's thread is held
    assert not waiting.done()
    held.set()
    assert (await waiting).startswith("store")


async def test_the_file_is_for_its_owner_only_and_survives_power_failure(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch(mode=0o644)
    database = SqliteDatabase(path)
    await database.open()
    await database.run(adds(1))
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in files_of(tmp_path)}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}

    def pragmas() -> Script[tuple[str, int]]:
        journal = yield sql("pragma journal_mode")
        synchronous = yield sql("pragma synchronous")
        return journal[0][0], synchronous[0][0]  # type: ignore[index]  # pragma rows are read by position

    assert await database.run(pragmas()) == ("wal", 2)
    await database.close()


async def test_a_second_opening_finds_the_schema_in_place(tmp_path: Path) -> None:
    for number in (1, 2):
        database = SqliteDatabase(tmp_path / "store.db")
        await database.open()
        assert await database.run(adds(number)) == number
        await database.close()


async def test_audit_rows_cannot_be_changed_even_by_sql(database: SqliteDatabase) -> None:
    def spoil(text: str) -> Script[None]:
        yield sql(
            "insert into audit (seq, at, actor, action, subject, outcome, rule, details_json, previous_hash, hash) "
            "values (1, 0, 'a', 'b', 'c', 'done', '', '{}', '', '')"
        )
        yield sql(text)

    for text in ("update audit set actor = 'x'", "delete from audit"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            await database.run(spoil(text))


def test_a_second_bot_on_one_file_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    first = StoreLock(tmp_path / "store.db")
    with pytest.raises(StoreInUse, match=f"process {os.getpid()}"):
        StoreLock(tmp_path / "store.db")
    first.release()
    StoreLock(tmp_path / "store.db").release()
