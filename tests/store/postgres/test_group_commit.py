"""One commit for those that wait: none is answered before it, each fails alone, and arrivals go first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import pytest

from bot.clock import SystemClock
from bot.domain.errors import StoreFailed
from bot.store.postgres import database as module
from bot.store.postgres import scripts, writer
from bot.store.postgres.database import PostgresDatabase
from bot.store.postgres.schema import LOCK
from bot.store.script import ScheduledJob, Script, sql
from tests.store.sqlite.test_group_commit import adds, breaks, breaks_a_rule, names


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes no transaction out of the commit that a test expects it in."""
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 30.0)
    monkeypatch.setattr(writer, "LOCKED_MS", 30_000)
    monkeypatch.setattr(writer, "BOUND_SECONDS", 30.0)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The first word of whatever the writing connection is told beside the statements of scripts."""
    heard: list[str] = []
    execute = scripts.execute

    async def hears(connection: Any, text: str, **named: Any) -> None:
        heard.append("commit" if "commit_mark" in text else text.split()[0].strip(";"))
        await execute(connection, text, **named)

    monkeypatch.setattr(writer, "execute", hears)
    yield heard


@asynccontextmanager
async def held(database: PostgresDatabase) -> AsyncIterator[None]:
    """Another replica writes: what is handed over meanwhile waits until the end of this."""
    database._writer._wait_ms = 30_000
    other = await asyncpg.connect(database._url)
    try:
        async with other.transaction():
            await other.execute(f"select pg_advisory_xact_lock({LOCK})")
            task = asyncio.create_task(database.run(nothing))
            while not await other.fetchval("select count(*) from pg_locks where locktype = 'advisory' and not granted"):
                await asyncio.sleep(0.01)
            yield
            await asyncio.sleep(0)  # for tasks to hand over
    finally:
        await other.close()
    await task


def nothing() -> Script[None]:
    yield sql("select 1")


async def together(database: PostgresDatabase, *scripts: Callable[[], Script[Any]]) -> list[object]:
    """Outcomes of several that waited at the same time, in their order."""
    async with held(database):
        tasks = [asyncio.create_task(database.run(script)) for script in scripts]
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_those_that_wait_are_committed_together_in_their_order(
    database: PostgresDatabase, said: list[str]
) -> None:
    wanted = [f"d{number:02}" for number in range(20)]
    assert await together(database, *(partial(adds, name) for name in wanted)) == wanted
    assert await database.read(names) == wanted
    assert said.count("commit") == 1


async def test_one_that_is_alone_pays_for_no_savepoint(database: PostgresDatabase, said: list[str]) -> None:
    await database.run(adds, "d1")
    assert said == ["begin", "commit"]


async def test_a_commit_is_for_so_many_and_no_more(
    database: PostgresDatabase, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOGETHER", 10)
    await together(database, *(partial(adds, f"d{number}") for number in range(31)))
    assert said.count("commit") == 4  # the one that waited for the lock is among them


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_that_fails_is_undone_alone(database: PostgresDatabase, said: list[str], place: int) -> None:
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


async def test_one_that_fails_alone_leaves_nothing(database: PostgresDatabase, said: list[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        await database.run(breaks, "bad")
    assert said == ["begin", "rollback"]
    assert await database.read(names) == []


async def test_a_rule_of_the_tables_that_is_broken_undoes_the_one_that_broke_it(database: PostgresDatabase) -> None:
    answers = await together(database, partial(adds, "d1"), partial(breaks_a_rule, "bad"), partial(adds, "d2"))
    assert [type(answer) for answer in answers] == [str, asyncpg.UniqueViolationError, str]
    assert await database.read(names) == ["d1", "d2"]


async def test_a_commit_that_fails_fails_the_one_it_fails_for_and_no_other(database: PostgresDatabase) -> None:
    def defers() -> Script[None]:
        yield sql("alter table approval alter constraint approval_request_id_fkey deferrable initially deferred")

    def fails_to_commit(name: str) -> Script[None]:
        yield from adds(name)
        yield sql("insert into approval (request_id, approver_id, at) values ('none', 'U1', 1)")

    await database.run(defers)
    heard: list[str] = []
    database.on_scheduled(lambda key, *_: heard.append(key))
    answers = await together(database, partial(adds, "d1"), partial(fails_to_commit, "bad"), partial(adds, "d2"))
    assert [type(answer) for answer in answers] == [str, asyncpg.ForeignKeyViolationError, str]
    assert await database.read(names) == ["d1", "d2"]
    assert heard == ["plan:d1", "plan:d2"], "each once, though each was run twice"


async def test_arrivals_go_before_a_hundred_others(database: PostgresDatabase, said: list[str]) -> None:
    ended: list[str] = []
    async with held(database):
        tasks = [asyncio.create_task(database.run(adds, f"sweep-{number}")) for number in range(100)]
        tasks += [asyncio.create_task(database.run_first(adds, name)) for name in ("arrival-1", "arrival-2")]
        for task in tasks:
            task.add_done_callback(lambda done: ended.append(done.result()))
    await asyncio.gather(*tasks)
    assert ended[:3] == ["arrival-1", "arrival-2", "sweep-0"]
    assert (await database.read(names))[:3] == ["arrival-1", "arrival-2", "sweep-0"]


async def test_one_in_between_goes_behind_what_was_handed_over_before_and_ahead_of_the_rest(
    database: PostgresDatabase,
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


async def test_one_whose_caller_went_away_is_committed_with_the_others(database: PostgresDatabase) -> None:
    async with held(database):
        tasks = [asyncio.create_task(database.run(adds, f"d{number}")) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [str, asyncio.CancelledError, str]
    assert await database.read(names) == ["d0", "d1", "d2"]


async def test_who_only_reads_waits_for_none_who_write(database: PostgresDatabase) -> None:
    await database.run(adds, "d1")
    async with held(database), asyncio.timeout(10):
        assert await database.read(names) == ["d1"]


async def test_a_reading_that_would_write_is_refused(database: PostgresDatabase) -> None:
    with pytest.raises(StoreFailed, match="read-only"):
        await database.read(adds, "d1")
    assert await database.read(names) == []


async def test_a_reading_sees_one_moment(database: PostgresDatabase) -> None:
    between = asyncio.Event()

    def twice() -> Script[tuple[list[str], list[str]]]:
        before = yield from names()
        between.set()
        yield sql("select pg_sleep(0.3)")
        return before, (yield from names())

    await database.run(adds, "d1")
    task = asyncio.create_task(database.read(twice))
    await between.wait()
    await database.run(adds, "d2")
    assert not task.done()
    assert await task == (["d1"], ["d1"])
    assert await database.read(names) == ["d1", "d2"]


async def test_none_waits_for_what_is_run_behind_and_it_is_logged_where_it_fails(
    database: PostgresDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with held(database):
        database.run_behind(breaks, "bad")
        task = asyncio.create_task(database.run(adds, "d1"))
    assert await task == "d1"
    assert [record.message for record in caplog.records] == ["a transaction that nobody waited for failed"]


async def test_jobs_are_put_into_a_queue_by_the_transaction_that_calls_for_them(database: PostgresDatabase) -> None:
    async def enqueue(connection: Any, jobs: Sequence[ScheduledJob]) -> None:
        for job in jobs:
            if job.key == "plan:unfit":
                raise ZeroDivisionError
            await connection.execute("insert into chore (name, next_at) values ($1, 1)", job.key)

    def queued() -> Script[list[str]]:
        return [row["name"] for row in (yield sql("select name from chore order by name"))]

    database.on_committing(enqueue)
    answers = await together(database, *(partial(adds, name) for name in ("d1", "unfit", "d2")), partial(breaks, "bad"))
    assert [type(answer) for answer in answers] == [str, ZeroDivisionError, str, ZeroDivisionError]
    assert await database.read(queued) == ["plan:d1", "plan:d2"]
    assert await database.read(names) == ["d1", "d2"]


async def test_a_second_replica_sees_what_the_first_has_written(database: PostgresDatabase) -> None:
    other = PostgresDatabase(database._url, SystemClock())
    await other.open()

    def counts(name: str) -> Script[int]:
        rows = yield sql("select count(*) as number from delivery")
        yield sql("insert into delivery (id, received_at) values (:id, :at)", id=name, at=rows[0]["number"])
        return int(rows[0]["number"])

    tasks = [database.run(counts, f"a{number}") for number in range(20)]
    tasks += [other.run(counts, f"b{number}") for number in range(20)]
    assert sorted(await asyncio.gather(*tasks)) == list(range(40))
    await other.close()
