"""One file, one thread, transactions as generators."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import StoreFailed, StoreInUse
from bot.store.script import ScheduledJob, Script, sql
from bot.store.sqlite.database import SqliteDatabase
from bot.store.sqlite.lock import StoreLock
from tests.builders import NOON


def adds(number: int, *, then: Exception | None = None) -> Script[int]:
    yield sql("insert into delivery (id, received_at) values (:id, :at)", id=f"d{number}", at=number)
    yield ScheduledJob("plan:x", NOON)
    if then:
        raise then
    rows = yield sql("select count(*) as n from delivery")
    return int(rows[0]["n"])


def files_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_transaction_is_kept_whole_or_not_at_all(database: SqliteDatabase) -> None:
    assert await database.run(adds, 1) == 1
    with pytest.raises(ZeroDivisionError):
        await database.run(adds, 2, then=ZeroDivisionError())
    assert await database.run(adds, 3) == 2


async def test_duties_are_announced_after_the_commit_and_only_then(database: SqliteDatabase) -> None:
    heard: list[tuple[str, datetime]] = []
    database.on_scheduled(lambda key, at, *_: heard.append((key, at)))
    with pytest.raises(ZeroDivisionError):
        await database.run(adds, 1, then=ZeroDivisionError())
    await asyncio.sleep(0)
    assert heard == []
    await database.run(adds, 1)
    await asyncio.sleep(0)
    assert heard == [("plan:x", NOON)]


async def test_a_caller_that_goes_away_does_not_stop_a_transaction(database: SqliteDatabase) -> None:
    task = asyncio.create_task(database.run(adds, 1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await database.run(adds, 2) == 2


async def test_the_event_loop_is_never_blocked_by_a_slow_store(database: SqliteDatabase) -> None:
    held = threading.Event()

    def slow() -> Script[str]:
        held.wait(5)
        yield sql("select 1")
        return threading.current_thread().name

    waiting = asyncio.create_task(database.run(slow))
    await asyncio.sleep(0.01)  # the loop still runs while the store's thread is held
    assert not waiting.done()
    held.set()
    assert (await waiting).startswith("store")


async def test_the_file_is_for_its_owner_only_and_survives_power_failure(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch(mode=0o644)
    database = SqliteDatabase(path)
    await database.open()
    await database.run(adds, 1)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in files_of(tmp_path)}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}

    def pragmas() -> Script[tuple[str, int]]:
        journal = yield sql("pragma journal_mode")
        synchronous = yield sql("pragma synchronous")
        return journal[0][0], synchronous[0][0]  # type: ignore[index]  # pragma rows are read by position

    assert await database.run(pragmas) == ("wal", 2)
    await database.close()


async def test_a_second_opening_finds_the_schema_in_place(tmp_path: Path) -> None:
    for number in (1, 2):
        database = SqliteDatabase(tmp_path / "store.db")
        await database.open()
        assert await database.run(adds, number) == number
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
            await database.run(spoil, text)


def test_a_second_bot_on_one_file_is_refused_with_the_name_of_the_first(tmp_path: Path) -> None:
    first = StoreLock(tmp_path / "store.db")
    with pytest.raises(StoreInUse, match=f"process {os.getpid()}"):
        StoreLock(tmp_path / "store.db")
    first.release()
    StoreLock(tmp_path / "store.db").release()


def pages(count: int) -> Script[None]:
    """What a full disk is to SQLite: no more pages."""
    yield sql(f"pragma max_page_count = {count}")


def fills() -> Script[None]:
    for number in range(200):
        yield sql("insert into delivery (id, received_at) values (:id, 1)", id=f"{number}-{'x' * 2000}")


async def test_a_full_disk_is_told_undone_and_forgotten_when_there_is_room(database: SqliteDatabase) -> None:
    await database.run(adds, 1)
    await database.run(pages, 1)  # SQLite takes what it has now for the least
    for _ in range(3):
        with pytest.raises(StoreFailed, match="full"):
            await database.run(fills)
    database.run_behind(fills)
    await database.run(pages, 1_000_000)
    assert await database.run(adds, 2) == 2


async def test_while_another_process_writes_nobody_waits_for_those_who_waited_in_vain(
    tmp_path: Path, database: SqliteDatabase
) -> None:
    await database.run(adds, 1)
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("begin immediate")
    begun = time.monotonic()
    answers = await asyncio.gather(*(database.run(adds, number) for number in range(2, 8)), return_exceptions=True)
    assert time.monotonic() - begun < 2.5, "Slack listens for 3 s"
    assert {type(answer) for answer in answers} == {StoreFailed}
    other.execute("rollback")
    assert await database.run(adds, 8) == 2
    other.execute("begin immediate")
    asyncio.get_running_loop().call_later(0.5, other.execute, "rollback")
    assert await database.run(adds, 9) == 3, "a moment is waited for again"
    other.close()


async def test_a_log_that_cannot_be_moved_into_the_file_stops_nothing(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.store.sqlite.database.CHECKPOINT_EVERY", 1)

    class Unmovable:
        def __init__(self, real: Any) -> None:
            self._real = real

        def execute(self, text: str, *params: Any) -> Any:
            if "checkpoint" in text:
                raise sqlite3.OperationalError("disk I/O error")
            return self._real.execute(text, *params)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    monkeypatch.setattr(database, "_writing", Unmovable(database._writing))
    for number in range(3):
        assert await database.run(adds, number) == number + 1
    assert {record.message for record in caplog.records} == {"the store's log could not be moved into its file"}


async def test_who_asks_a_broken_store_is_answered_and_it_says_so(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: sqlite3.Connection) -> None:
        raise MemoryError

    monkeypatch.setattr("bot.store.sqlite.database.CHECKPOINT_EVERY", 1)
    monkeypatch.setattr("bot.store.sqlite.database.move_log", broken)
    await database.run(adds, 1)
    async with asyncio.timeout(5):
        await database.broken()
        with pytest.raises(StoreFailed):
            await database.run(adds, 2)
        await database.close()
    monkeypatch.undo()


async def test_who_asks_a_closed_store_is_told_so_and_waits_for_nothing(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "closed.db")
    await database.open()
    await database.close()
    async with asyncio.timeout(5):
        for asked in (database.run, database.run_first, database.run_between, database.read):
            with pytest.raises(StoreFailed, match="is closed"):
                await asked(adds, 1)


async def test_a_store_that_hangs_does_not_hold_up_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.sqlite.database.STOP_SECONDS", 0.1)
    database, released = SqliteDatabase(tmp_path / "hangs.db"), threading.Event()
    await database.open()

    def hangs() -> Script[None]:
        released.wait(5)
        yield sql("select 1")

    hanging = asyncio.create_task(database.run(hangs))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(2):
        await database.close()
    released.set()
    await hanging
