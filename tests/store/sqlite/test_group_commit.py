"""One commit for those that wait: none is answered before it, each fails alone, and arrivals go first."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import StoreFailed
from bot.store.script import ScheduledJob, Script, sql
from bot.store.sqlite import database as module
from bot.store.sqlite.database import SqliteDatabase
from tests.builders import NOON


def adds(name: str) -> Script[str]:
    yield sql("insert into delivery (id, received_at) select :id, count(*) from delivery", id=name)
    yield ScheduledJob(f"plan:{name}", NOON)
    return name


def breaks(name: str) -> Script[Any]:
    yield from adds(name)
    raise ZeroDivisionError(name)


def breaks_a_rule(name: str) -> Script[None]:
    yield from adds(name)
    yield from adds(name)


def fails_to_commit(name: str) -> Script[None]:
    """SQLite finds out at the commit alone: an approval of a request that is none."""
    yield sql("pragma defer_foreign_keys = on")
    yield from adds(name)
    yield sql("insert into approval (request_id, approver_id, at) values ('none', 'U1', 1)")


def too_large(name: str) -> Script[None]:
    """For a store of few pages: when they are used up, SQLite rolls back all that was not committed."""
    for number in range(50):
        yield sql("insert into delivery (id, received_at) values (:id, 1)", id=f"{name}-{number}-{'x' * 3000}")


def few_pages(more: int) -> Script[None]:
    rows = yield sql("pragma page_count")
    yield sql(f"pragma max_page_count = {rows[0]['page_count'] + more}")


def names() -> Script[list[str]]:
    rows = yield sql("select id from delivery order by received_at")
    return [row["id"] for row in rows]


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


@asynccontextmanager
async def held(database: SqliteDatabase) -> AsyncIterator[None]:
    """The thread that writes is busy: what is handed over meanwhile waits until the end of this."""
    begun, released = threading.Event(), threading.Event()

    def busy() -> Script[None]:
        begun.set()
        released.wait(30)
        yield sql("select 1")

    task = asyncio.create_task(database.run(busy))
    await asyncio.to_thread(begun.wait, 30)
    try:
        yield
        await asyncio.sleep(0)  # for tasks to hand over
    finally:
        released.set()
        await task


async def together(database: SqliteDatabase, *scripts: Callable[[], Script[Any]]) -> list[object]:
    """What came of several that waited at the same time, in their order."""
    async with held(database):
        tasks = [asyncio.create_task(database.run(script)) for script in scripts]
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_those_that_wait_are_committed_together_in_their_order(database: SqliteDatabase, said: list[str]) -> None:
    wanted = [f"d{number:02}" for number in range(20)]
    assert await together(database, *(partial(adds, name) for name in wanted)) == wanted
    assert await database.read(names) == wanted
    assert said.count("commit") == 1


async def test_one_that_is_alone_pays_for_no_savepoint(database: SqliteDatabase, said: list[str]) -> None:
    await database.run(adds, "d1")
    said.clear()
    await database.run(adds, "d2")
    assert said == ["begin", "insert", "commit"]


async def test_a_commit_is_for_so_many_and_no_more(
    database: SqliteDatabase, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOGETHER", 10)
    await together(database, *(partial(adds, f"d{number}") for number in range(31)))
    assert said.count("commit") == 4  # with the one that held the thread


async def test_nobody_joins_one_that_has_waited_long_enough(
    database: SqliteDatabase, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 0.0)
    await together(database, *(partial(adds, f"d{number}") for number in range(3)))
    assert said.count("commit") == 4
    assert "savepoint" not in said


async def test_nobody_is_answered_before_the_commit_has_returned(database: SqliteDatabase) -> None:
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


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_that_fails_is_undone_alone(database: SqliteDatabase, said: list[str], place: int) -> None:
    heard: list[str] = []
    database.on_scheduled(lambda key, *_: heard.append(key))
    scripts = [partial(adds, "d1"), partial(adds, "d2")]
    scripts.insert(place, partial(breaks, "bad"))
    answers = await together(database, *scripts)
    assert isinstance(answers.pop(place), ZeroDivisionError)
    assert answers == ["d1", "d2"]
    assert await database.read(names) == ["d1", "d2"]
    assert heard == ["plan:d1", "plan:d2"]
    assert said.count("commit") == 1


async def test_a_rule_of_the_tables_that_is_broken_undoes_the_one_that_broke_it(database: SqliteDatabase) -> None:
    answers = await together(database, partial(adds, "d1"), partial(breaks_a_rule, "bad"), partial(adds, "d2"))
    assert [type(answer) for answer in answers] == [str, sqlite3.IntegrityError, str]
    assert await database.read(names) == ["d1", "d2"]


async def test_a_commit_that_fails_fails_the_one_it_fails_for_and_no_other(database: SqliteDatabase) -> None:
    heard: list[str] = []
    database.on_scheduled(lambda key, *_: heard.append(key))
    answers = await together(database, partial(adds, "d1"), partial(fails_to_commit, "bad"), partial(adds, "d2"))
    assert [type(answer) for answer in answers] == [str, sqlite3.IntegrityError, str]
    assert await database.read(names) == ["d1", "d2"]
    assert heard == ["plan:d1", "plan:d2"], "each once, though each was run twice"
    assert await database.run(adds, "d3") == "d3"


async def test_one_that_does_not_fit_on_the_disk_takes_no_other_with_it(
    database: SqliteDatabase, said: list[str]
) -> None:
    await database.run(few_pages, 8)
    said.clear()
    answers = await together(database, partial(adds, "d1"), partial(too_large, "bad"), partial(adds, "d2"))
    assert [type(answer) for answer in answers] == [str, StoreFailed, str]
    assert await database.read(names) == ["d1", "d2"]
    assert said.count("rollback") == 0, "SQLite had done so already"


async def test_what_an_acknowledgement_waits_for_goes_before_a_thousand_others(
    database: SqliteDatabase, said: list[str]
) -> None:
    ended: list[str] = []
    async with held(database):
        tasks = [asyncio.create_task(database.run(adds, f"sweep-{number}")) for number in range(1_000)]
        tasks += [asyncio.create_task(database.run_first(adds, name)) for name in ("arrival-1", "arrival-2")]
        for task in tasks:
            task.add_done_callback(lambda done: ended.append(done.result()))
    await asyncio.gather(*tasks)
    assert ended[:3] == ["arrival-1", "arrival-2", "sweep-0"]
    assert (await database.read(names))[:3] == ["arrival-1", "arrival-2", "sweep-0"]
    commits = [number for number, word in enumerate(said) if word == "commit"]
    assert said[: commits[0]].count("insert") == 2, "no sweep is run before they are committed"


async def test_one_in_between_goes_behind_what_was_handed_over_before_and_ahead_of_the_rest(
    database: SqliteDatabase,
) -> None:
    async with held(database):
        scripts = [
            database.run(adds, "before"),
            database.run_first(adds, "first"),
            database.run_between(adds, "between"),
            database.run_first(adds, "after"),
            database.read(names),
        ]
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(script) for script in scripts]
    assert (await asyncio.gather(*tasks))[-1] == ["first", "before", "between", "after"]
    async with held(database):
        async with asyncio.timeout(10):
            assert len(await database.read(names)) == 4, "afterwards a reading waits for nobody"


async def test_one_in_between_that_fails_holds_nobody_up(database: SqliteDatabase) -> None:
    with pytest.raises(ZeroDivisionError):
        await database.run_between(breaks, "bad")
    async with held(database):
        async with asyncio.timeout(10):
            assert await database.read(names) == []


async def test_one_whose_caller_went_away_is_committed_with_the_others(database: SqliteDatabase) -> None:
    async with held(database):
        tasks = [asyncio.create_task(database.run(adds, f"d{number}")) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [str, asyncio.CancelledError, str]
    assert await database.read(names) == ["d0", "d1", "d2"]


async def test_whoever_only_reads_waits_for_nobody_who_writes(database: SqliteDatabase) -> None:
    await database.run(adds, "d1")
    async with held(database):
        async with asyncio.timeout(10):
            assert await database.read(names) == ["d1"]


async def test_a_reading_that_would_write_is_refused(database: SqliteDatabase) -> None:
    with pytest.raises(StoreFailed, match="readonly"):
        await database.read(adds, "d1")
    assert await database.read(names) == []


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


async def test_what_nobody_waits_for_fails_alone_and_is_logged(
    database: SqliteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with held(database):
        database.run_behind(breaks, "bad")
        task = asyncio.create_task(database.run(adds, "d1"))
    assert await task == "d1"
    assert [record.message for record in caplog.records] == ["a transaction that nobody waited for failed"]


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
