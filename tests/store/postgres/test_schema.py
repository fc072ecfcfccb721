"""The tables in PostgreSQL: made once, kept on their edges, and understood by the versions that may meet there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from bot.clock import SystemClock
from bot.domain.errors import StoreFailed, StoreMissing, StoreTooNew
from bot.domain.transitions import Machine
from bot.store.definitions import FIRST, MACHINES
from bot.store.postgres.database import PostgresDatabase
from bot.store.postgres.schema import MIGRATIONS, TRIGGERS, for_postgres, refuse_older_server
from bot.store.script import Script, sql
from bot.store.sqlite.schema import TRIGGERS as IN_SQLITE
from tests.postgres import database_of
from tests.store.test_counts import counted
from tests.store.together import adds, names

FIRST_NAME = MIGRATIONS[0].name


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def opened(url: str) -> None:
    database = PostgresDatabase(url, SystemClock())
    await database.open()
    await database.close()


async def applied(connection: asyncpg.Connection) -> list[str]:
    return [row["name"] for row in await connection.fetch("select name from migration order by name")]


async def test_replicas_that_start_together_make_the_tables_once(
    postgres_url: str, connection: asyncpg.Connection
) -> None:
    await asyncio.gather(*(opened(postgres_url) for _ in range(5)))
    await opened(postgres_url)
    assert await applied(connection) == [one.name for one in MIGRATIONS]


async def test_a_start_with_nothing_to_do_waits_for_none_who_write(
    postgres_url: str, connection: asyncpg.Connection
) -> None:
    await opened(postgres_url)
    async with connection.transaction(), asyncio.timeout(20):
        await connection.execute("lock table request, item, migration in share mode")
        await opened(postgres_url)


async def test_a_migration_that_fails_leaves_nothing(
    postgres_url: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await connection.execute("create table posted_head (of_another integer)")
    with pytest.raises(StoreFailed):
        await opened(postgres_url)
    tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    assert [row["tablename"] for row in tables] == ["posted_head"]


async def test_a_store_that_is_not_there_is_made_only_by_who_may(
    postgres_url: str, connection: asyncpg.Connection
) -> None:
    with pytest.raises(StoreMissing, match="no store in the database"):
        await PostgresDatabase(postgres_url, SystemClock()).open(made=False)
    assert not await connection.fetch("select tablename from pg_tables where schemaname = 'public'")


@pytest.mark.parametrize(
    ("later", "refused"),
    [
        ([("0002-wider", FIRST_NAME)], None),
        ([("0002-wider", FIRST_NAME), ("0003-narrower", "0002-wider")], "0003-narrower"),
        ([("0002-other", "0002-other")], "0002-other"),
    ],
)
async def test_a_version_goes_on_beside_the_next_one_and_refuses_what_comes_after_that(
    postgres_url: str, connection: asyncpg.Connection, later: list[tuple[str, str]], refused: str | None
) -> None:
    await opened(postgres_url)
    await connection.executemany("insert into migration (name, needs, applied_at) values ($1, $2, 0)", later)
    if refused is None:
        await opened(postgres_url)
    else:
        with pytest.raises(StoreTooNew, match=f"later version of the bot .*{refused}"):
            await opened(postgres_url)


def test_each_migration_names_what_a_bot_must_know_to_go_on() -> None:
    names = [one.name for one in MIGRATIONS]
    assert names == sorted(set(names))
    for number, migration in enumerate(MIGRATIONS):
        assert migration.needs in names[max(number - 1, 0) : number + 1]


def test_a_server_that_is_too_old_is_refused() -> None:
    with pytest.raises(StoreFailed, match=r"PostgreSQL 13 is too old .* takes 14 or later"):
        refuse_older_server((13, 9))
    refuse_older_server((14, 0))


def test_the_texts_of_the_tables_are_the_same_but_for_their_types() -> None:
    text = for_postgres("create table one (\n    text text not null,\n    size integer,\n    id text\n) without rowid")
    expected = 'create table one (\n    text text collate "C" not null,\n    size bigint,\n    id text collate "C"\n)'
    assert text == expected
    assert for_postgres(FIRST).count("collate") == FIRST.count(" text") - 1  # a column is called so


async def test_text_is_in_the_order_of_its_bytes(database: PostgresDatabase) -> None:
    ids = ["again:1", "again;", "Again:1", "_", "é", "z", "-a", "ab", "a-b", "\U0001f600"]

    def written() -> Script[list[str]]:
        for one in random.sample(ids, len(ids)):
            yield sql("insert into delivery (id, received_at) values (:id, 1)", id=one)
        return [row["id"] for row in (yield sql("select id from delivery order by id"))]

    assert await database.run(written) == sorted(ids, key=str.encode)


# --- triggers ---------------------------------------------------------------------------------------------------------


def test_what_guards_rows_in_one_database_guards_them_in_the_other() -> None:
    assert TRIGGERS.guards.keys() - IN_SQLITE.guards.keys() == {"audit_is_never_emptied"}
    assert IN_SQLITE.guards.keys() <= TRIGGERS.guards.keys()
    assert TRIGGERS.others.keys() == IN_SQLITE.others.keys()


async def test_the_triggers_are_shown_as_they_are_known(database: PostgresDatabase) -> None:
    def shown() -> Script[dict[str, str]]:
        return {row["name"]: row["text"] for row in (yield sql(TRIGGERS.select))}

    def words(texts: dict[str, str]) -> dict[str, list[str]]:
        return {name: text.split() for name, text in texts.items()}

    assert words(await database.read(shown)) == words({**TRIGGERS.guards, **TRIGGERS.others})


@pytest.mark.parametrize("text", ["update audit set actor = 'x'", "delete from audit", "truncate audit"])
async def test_audit_rows_cannot_be_changed_even_by_sql(database: PostgresDatabase, text: str) -> None:
    def spoil() -> Script[None]:
        yield sql(
            "insert into audit (seq, at, actor, action, subject, outcome, rule, details_json, previous_hash, hash) "
            "values (1, 0, 'a', 'b', 'c', 'done', '', '{}', '', '')"
        )
        yield sql(text)

    with pytest.raises(asyncpg.CheckViolationError, match="append-only"):
        await database.run(spoil)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
async def test_a_row_moves_along_the_edges_of_its_machine_and_no_others(postgres_server: str, machine: object) -> None:

    assert isinstance(machine, Machine)
    edges = {(before, after) for before, _, after in machine.edges}
    async with database_of(postgres_server) as url:
        connection = await asyncpg.connect(url)
        guard = next(one for one in TRIGGERS.guards if one == f"{machine.name}_moves")
        statements = [one for one in MIGRATIONS[0].statements if guard in one]
        await connection.execute(f"create table {machine.name} (state text)")
        for statement in statements:
            await connection.execute(statement)
        for before in machine.states:
            for after in machine.states:
                await connection.execute(f"delete from {machine.name}")
                await connection.execute(f"insert into {machine.name} values ($1)", before)
                moving = connection.execute(f"update {machine.name} set state = $1", after)
                if before == after or (before, after) in edges:
                    await moving
                else:
                    with pytest.raises(asyncpg.CheckViolationError, match="no edge"):
                        await moving
        await connection.close()


async def test_marks_of_replicas_that_are_gone_are_forgotten(postgres_url: str, connection: asyncpg.Connection) -> None:
    await opened(postgres_url)
    await connection.execute("insert into commit_mark values ('gone', 7, 0)")
    database = PostgresDatabase(postgres_url, SystemClock())
    await database.open()
    await database.run(adds, "d1")
    await database.read(names)
    assert await connection.fetchval("select array_agg(number) from commit_mark") == [1]
    assert await database.read(counted) == {}
    await database.close()
