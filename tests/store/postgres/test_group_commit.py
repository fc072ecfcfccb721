"""What of the commit for all who wait is PostgreSQL's own: a queue in the same transaction, other replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from bot.clock import SystemClock
from bot.store.postgres.database import PostgresDatabase
from bot.store.script import ScheduledJob, Script, sql
from tests.store.together import adds, breaks, names, together


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
