"""Every statement of the store runs on PostgreSQL, and none reads more rows the more has ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from bot.clock import SystemClock
from bot.store.postgres.database import PostgresDatabase
from bot.store.postgres.statements import asked
from bot.store.script import Query
from bot.store.store import Store
from tests.builders import FakeClock
from tests.ports import free_port
from tests.postgres import renamed
from tests.store.everything import everything
from tests.store.heard import Heard, Hearing, Statement
from tests.store.old_rows import DIFFERENT, OLD, multiplied_there, one_of_each
from tests.store.test_query_plans import WHOLE

READ_AT_MOST = 200
"""Rows that a statement may look at, of the tables in which very much has ended."""


class HeardDatabase(Hearing, PostgresDatabase):
    pass


@pytest.fixture(scope="module")
def life(postgres_server: str) -> Iterator[tuple[str, Heard]]:
    """A store with many rows of all that ends, of which everything was asked then."""
    name = f"snapshot_bot_plans_{free_port()}"

    async def lived(url: str) -> Heard:
        database, clock = HeardDatabase(url, SystemClock()), FakeClock()
        await database.open()
        await one_of_each(Store(database, clock))
        connection = await asyncpg.connect(url)
        await multiplied_there(connection)
        await connection.close()
        database.heard = Heard()
        await everything(Store(database, clock), clock)
        await database.close()
        return database.heard

    asyncio.run(told(postgres_server, f"create database {name}"))
    url = renamed(postgres_server, name)
    yield url, asyncio.run(lived(url))
    asyncio.run(told(postgres_server, f"drop database {name} with (force)"))


async def told(url: str, text: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(text)
    await connection.close()


async def plan_of(connection: asyncpg.Connection, statement: Statement) -> dict[str, Any] | None:
    """As it was run, which leaves nothing; None where it broke a rule of the tables, as its rows are there already."""
    text, values = asked(Query(statement.text, statement.params))
    transaction = connection.transaction()
    await transaction.start()
    try:
        found = await connection.fetchval(f"explain (analyze, format json) {text}", *values)
    except asyncpg.IntegrityConstraintViolationError:
        return None
    finally:
        await transaction.rollback()
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def looks(plan: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Of each look at a table in which much has ended: how, and how many rows were read."""
    for node in nodes(plan):
        if node.get("Relation Name") in DIFFERENT and node["Node Type"] != "ModifyTable":
            passed_over = (node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
            yield node["Node Type"], (node["Actual Rows"] + sum(passed_over)) * node["Actual Loops"]


async def test_no_statement_reads_more_the_more_has_ended(life: tuple[str, Heard]) -> None:
    url, heard = life
    connection = await asyncpg.connect(url)
    found = []
    for statement in heard.statements.values():
        plan = await plan_of(connection, statement)
        if plan is None or statement.asked_by in WHOLE:
            continue
        read = list(looks(plan))
        rows = sum(number for _, number in read)
        if rows > READ_AT_MOST or "Seq Scan" in {how for how, _ in read}:
            found.append(f"{statement.asked_by}: {rows:.0f} rows: {read}: {statement.text}")
    await connection.close()
    assert found == []
    assert len(heard.statements) > 150 and OLD > 50 * READ_AT_MOST
