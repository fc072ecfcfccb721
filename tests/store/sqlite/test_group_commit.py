"""What of the commit for all who wait is SQLite's own: its threads, a disk that is full, a process that is killed."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bot.domain.errors import StoreFailed
from bot.store.script import Script, sql
from bot.store.sqlite import database as module
from bot.store.sqlite.database import SqliteDatabase
from tests.store.together import adds, breaks, held, names, together


def too_large(name: str) -> Script[None]:
    """For a store of few pages: when they are used up, SQLite rolls back all that was not committed."""
    for number in range(50):
        yield sql("insert into delivery (id, received_at) values (:id, 1)", id=f"{name}-{number}-{'x' * 3000}")


def few_pages(more: int) -> Script[None]:
    rows = yield sql("pragma page_count")
    yield sql(f"pragma max_page_count = {rows[0]['page_count'] + more}")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes no transaction out of the commit that a test expects it in."""
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 30.0)


@pytest.fixture
def said(database: SqliteDatabase) -> Iterator[list[str]]:
    """The first word of every statement on the thread that writes."""
    heard: list[str] = []
    connection = database._writing
    assert connection is not None
    connection.set_trace_callback(lambda text: heard.append(text.split()[0]))
    yield heard
    connection.set_trace_callback(None)


async def test_none_joins_one_that_has_waited_long_enough(
    database: SqliteDatabase, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 0.0)
    await together(database, *(partial(adds, f"d{number}") for number in range(3)))
    assert said.count("commit") == 4
    assert "savepoint" not in said


async def test_none_is_answered_before_the_commit_has_returned(database: SqliteDatabase) -> None:
    committing, released = threading.Event(), threading.Event()

    def hold_the_commit(text: str) -> None:
        if text == "commit":
            committing.set()
            released.wait(30)

    async with held(database):
        assert database._writing is not None
        database._writing.set_trace_callback(hold_the_commit)
        tasks = [asyncio.create_task(database.run(adds, f"d{number}")) for number in range(5)]
        tasks.append(asyncio.create_task(database.run(breaks, "d5")))
        releasing = asyncio.create_task(asyncio.to_thread(committing.wait, 30))
        releasing.add_done_callback(lambda _: released.set())
        answered_early: list[bool] = []
        releasing.add_done_callback(lambda _: answered_early.extend(task.done() for task in tasks))
    await asyncio.gather(*tasks, return_exceptions=True)
    assert answered_early == [False] * 6, "not even with a failure: it may rest on what was not committed"


async def test_one_that_does_not_fit_on_the_disk_takes_no_other_with_it(
    database: SqliteDatabase, said: list[str]
) -> None:
    await database.run(few_pages, 8)
    said.clear()
    answers = await together(database, partial(adds, "d1"), partial(too_large, "bad"), partial(adds, "d2"))
    assert [type(answer) for answer in answers] == [str, StoreFailed, str]
    assert await database.read(names) == ["d1", "d2"]
    assert said.count("rollback") == 0, "SQLite had done so already"


async def test_a_reading_sees_one_moment(database: SqliteDatabase) -> None:
    between, go_on = threading.Event(), threading.Event()

    def twice() -> Script[tuple[list[str], list[str]]]:
        before = yield from names()
        between.set()
        go_on.wait(30)
        return before, (yield from names())

    await database.run(adds, "d1")
    task = asyncio.create_task(database.read(twice))
    await asyncio.to_thread(between.wait, 30)
    await database.run(adds, "d2")
    go_on.set()
    assert await task == (["d1"], ["d1"])
    assert await database.read(names) == ["d1", "d2"]


CRASHING = """
import asyncio, os, sys
from pathlib import Path
from bot.store.script import sql
from bot.store.sqlite.database import SqliteDatabase

def adds(name):
    yield sql("insert into delivery (id, received_at) select :id, count(*) from delivery", id=name)
    yield sql("insert into chore (name, next_at) values (:id, 1)", id=name)

async def one(database, name):
    await (database.run_first if int(name) % 3 else database.run)(adds, name)
    os.write(1, f"{name}\\n".encode())

async def main():
    database = SqliteDatabase(Path(sys.argv[1]))
    await database.open()
    await asyncio.gather(*(one(database, str(number)) for number in range(3_000)))

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 70, 500])
async def test_what_was_answered_before_a_kill_is_there_and_nothing_by_halves(tmp_path: Path, after: int) -> None:
    path = tmp_path / "store.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CRASHING, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    answered = [await process.stdout.readline() for _ in range(after)]
    process.kill()
    answered += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    with contextlib.closing(sqlite3.connect(path)) as left:
        deliveries = {row[0] for row in left.execute("select id from delivery")}
        chores = {row[0] for row in left.execute("select name from chore")}
    assert {line.decode().strip() for line in answered if line.endswith(b"\n")} <= deliveries
    assert deliveries == chores
