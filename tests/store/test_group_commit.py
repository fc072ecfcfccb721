"""One commit for those that wait: none is answered before it, each fails alone, and arrivals go first."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import asyncpg
import pytest

from bot.domain.errors import StoreFailed
from bot.store import handed_over
from bot.store.database import Database
from bot.store.postgres import database as postgres
from bot.store.postgres import scripts, writer
from bot.store.script import Script, sql
from bot.store.sqlite import database as sqlite
from bot.store.sqlite.database import SqliteDatabase
from tests.store.together import adds, breaks, held, names, together


def breaks_a_rule(name: str) -> Script[None]:
    yield from adds(name)
    yield from adds(name)


def defers(database: Database) -> Script[None]:
    """From now on, or in this transaction alone, a row that belongs to none is found out at the commit."""
    on_postgres = "alter table approval alter constraint approval_request_id_fkey deferrable initially deferred"
    yield sql("pragma defer_foreign_keys = on" if isinstance(database, SqliteDatabase) else on_postgres)


def fails_to_commit(database: Database, name: str) -> Script[None]:
    if isinstance(database, SqliteDatabase):
        yield from defers(database)
    yield from adds(name)
    yield sql("insert into approval (request_id, approver_id, at) values ('none', 'U1', 1)")


BREAK_A_RULE = (sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes no transaction out of the commit that a test expects it in."""
    for module in (sqlite, postgres):
        monkeypatch.setattr(module, "TOGETHER_SECONDS", 30.0)
    monkeypatch.setattr(handed_over, "OVERDUE_SECONDS", 30.0)
    monkeypatch.setattr(writer, "LOCKED_MS", 30_000)
    monkeypatch.setattr(writer, "BOUND_SECONDS", 30.0)


@pytest.fixture
def said(database: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The first word of whatever the writing connection is told; of PostgreSQL's, beside the statements of scripts."""
    heard: list[str] = []
    execute = scripts.execute

    async def hears(connection: Any, text: str, **named: Any) -> None:
        heard.append("commit" if "commit_mark" in text else text.split()[0].strip(";"))
        await execute(connection, text, **named)

    with ExitStack() as undone:
        if isinstance(database, SqliteDatabase):
            connection = database._writing
            assert connection is not None
            connection.set_trace_callback(lambda text: heard.append(text.split()[0]))
            undone.callback(connection.set_trace_callback, None)
        else:
            monkeypatch.setattr(writer, "execute", hears)
        yield heard


async def test_those_that_wait_are_committed_together_in_their_order(database: Database, said: list[str]) -> None:
    wanted = [f"d{number:02}" for number in range(20)]
    assert await together(database, *(partial(adds, name) for name in wanted)) == wanted
    assert await database.read(names) == wanted
    assert said.count("commit") == 1


async def test_one_that_is_alone_pays_for_no_savepoint(database: Database, said: list[str]) -> None:
    await database.run(adds, "d1")
    said.clear()
    await database.run(adds, "d2")
    assert [word for word in said if word != "insert"] == ["begin", "commit"]


async def test_a_commit_is_for_so_many_and_no_more(
    database: Database, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[type(database).__module__], "TOGETHER", 10)
    await together(database, *(partial(adds, f"d{number}") for number in range(31)))
    assert said.count("commit") == 4  # with the one that was held up before them


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_that_fails_is_undone_alone(database: Database, said: list[str], place: int) -> None:
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


async def test_one_that_fails_alone_leaves_nothing(database: Database, said: list[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        await database.run(breaks, "bad")
    assert (said[0], said[-1], "savepoint" in said) == ("begin", "rollback", False)
    assert await database.read(names) == []


async def test_a_rule_of_the_tables_that_is_broken_undoes_the_one_that_broke_it(database: Database) -> None:
    first, broken, last = await together(
        database, partial(adds, "d1"), partial(breaks_a_rule, "bad"), partial(adds, "d2")
    )
    assert isinstance(broken, BREAK_A_RULE)
    assert [first, last] == await database.read(names) == ["d1", "d2"]


async def test_a_commit_that_fails_fails_the_one_it_fails_for_and_no_other(database: Database) -> None:
    await database.run(defers, database)
    heard: list[str] = []
    database.on_scheduled(lambda key, *_: heard.append(key))
    first, broken, last = await together(
        database, partial(adds, "d1"), partial(fails_to_commit, database, "bad"), partial(adds, "d2")
    )
    assert isinstance(broken, BREAK_A_RULE)
    assert [first, last] == await database.read(names) == ["d1", "d2"]
    assert heard == ["plan:d1", "plan:d2"], "each once, though each was run twice"
    assert await database.run(adds, "d3") == "d3"


async def test_what_an_acknowledgement_waits_for_goes_before_hundreds_of_others(
    database: Database, said: list[str]
) -> None:
    ended: list[str] = []
    async with held(database):
        tasks = [asyncio.create_task(database.run(adds, f"sweep-{number}")) for number in range(300)]
        tasks += [asyncio.create_task(database.run_first(adds, name)) for name in ("arrival-1", "arrival-2")]
        for task in tasks:
            task.add_done_callback(lambda done: ended.append(done.result()))
    await asyncio.gather(*tasks)
    assert ended[:3] == ["arrival-1", "arrival-2", "sweep-0"]
    assert (await database.read(names))[:3] == ["arrival-1", "arrival-2", "sweep-0"]
    before_the_commit = said[: said.index("commit")]
    assert before_the_commit.count("savepoint") == 2, "no sweep is run before they are committed"


async def test_those_that_no_acknowledgement_waits_for_go_on_however_many_arrive(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handed_over, "OVERDUE_SECONDS", 0.0)
    ended: list[str] = []
    arrived = 0

    def arrives(_: object = None) -> None:
        """As soon as one is acknowledged, the next is there: some wait at any time, as long as others do."""
        nonlocal arrived
        arrived += 1
        if len(sweeps) - sum(sweep.done() for sweep in sweeps) and arrived < 3_000:
            asyncio.create_task(database.run_first(adds, f"arrival-{arrived}")).add_done_callback(arrives)

    async with held(database):
        sweeps = [asyncio.create_task(database.run(adds, f"sweep-{number}")) for number in range(100)]
        for sweep in sweeps:
            sweep.add_done_callback(lambda done: ended.append(done.result()))
        for _ in range(40):
            arrives()
    async with asyncio.timeout(60):
        await asyncio.gather(*sweeps)
    assert ended == [f"sweep-{number}" for number in range(100)]
    assert arrived < 3_000, "not only once none arrives any more"


async def test_one_in_between_goes_behind_what_was_handed_over_before_and_ahead_of_the_rest(
    database: Database,
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
    async with held(database), asyncio.timeout(10):
        assert len(await database.read(names)) == 4, "afterwards a reading waits for none"


async def test_one_in_between_that_fails_holds_none_up(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        await database.run_between(breaks, "bad")
    async with held(database), asyncio.timeout(10):
        assert await database.read(names) == []


async def test_one_whose_caller_went_away_is_committed_with_the_others(database: Database) -> None:
    async with held(database):
        tasks = [asyncio.create_task(database.run(adds, f"d{number}")) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [str, asyncio.CancelledError, str]
    assert await database.read(names) == ["d0", "d1", "d2"]


async def test_who_only_reads_waits_for_none_who_write(database: Database) -> None:
    await database.run(adds, "d1")
    async with held(database), asyncio.timeout(10):
        assert await database.read(names) == ["d1"]


async def test_a_reading_that_would_write_is_refused(database: Database) -> None:
    with pytest.raises(StoreFailed, match=r"read-?only"):
        await database.read(adds, "d1")
    assert await database.read(names) == []


async def test_none_waits_for_what_is_run_behind_and_it_is_logged_where_it_fails(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with held(database):
        database.run_behind(breaks, "bad")
        task = asyncio.create_task(database.run(adds, "d1"))
    assert await task == "d1"
    assert [record.message for record in caplog.records] == ["a transaction that nobody waited for failed"]
