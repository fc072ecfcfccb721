"""Transactions that wait at the same time, and a database whose writing is held up until they do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from bot.store.database import Database
from bot.store.postgres.database import PostgresDatabase
from bot.store.postgres.schema import LOCK
from bot.store.script import ScheduledJob, Script, sql
from tests.builders import NOON


def adds(name: str) -> Script[str]:
    yield sql("insert into delivery (id, received_at) select :id, count(*) from delivery", id=name)
    yield ScheduledJob(f"plan:{name}", NOON)
    return name


def breaks(name: str) -> Script[Any]:
    yield from adds(name)
    raise ZeroDivisionError(name)


def names() -> Script[list[str]]:
    rows = yield sql("select id from delivery order by received_at")
    return [row["id"] for row in rows]


@asynccontextmanager
async def held(database: Database) -> AsyncIterator[None]:
    """Whoever writes is busy: what is handed over meanwhile waits until the end of this, which is committed with it."""
    holding = _by_another_replica if isinstance(database, PostgresDatabase) else _on_its_thread
    async with holding(database):
        yield
        await asyncio.sleep(0)  # for tasks to hand over


@asynccontextmanager
async def _on_its_thread(database: Any) -> AsyncIterator[None]:
    begun, released = threading.Event(), threading.Event()

    def busy() -> Script[None]:
        begun.set()
        released.wait(30)
        yield sql("select 1")

    task = asyncio.create_task(database.run(busy))
    await asyncio.to_thread(begun.wait, 30)
    try:
        yield
    finally:
        released.set()
        await task


@asynccontextmanager
async def _by_another_replica(database: Any) -> AsyncIterator[None]:
    database._writer._wait_ms = 30_000
    other = await asyncpg.connect(database._url)
    try:
        async with other.transaction():
            await other.execute(f"select pg_advisory_xact_lock({LOCK})")
            task = asyncio.create_task(database.run(_nothing))
            while not await other.fetchval("select count(*) from pg_locks where locktype = 'advisory' and not granted"):
                await asyncio.sleep(0.01)
            yield
    finally:
        await other.close()
    await task


def _nothing() -> Script[None]:
    yield sql("select 1")


async def together(database: Database, *scripts: Callable[[], Script[Any]]) -> list[object]:
    """What came of several that waited at the same time, in their order."""
    async with held(database):
        tasks = [asyncio.create_task(database.run(script)) for script in scripts]
    return list(await asyncio.gather(*tasks, return_exceptions=True))
