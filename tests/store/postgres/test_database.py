"""A store that replicas share, beside its transactions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.clock import SystemClock
from bot.store.postgres.database import PostgresDatabase
from bot.store.script import Script, sql
from tests.store.together import adds, names


async def test_its_date_is_the_servers(database: PostgresDatabase) -> None:
    before = datetime.now(UTC)
    date = await database.date()
    assert before - timedelta(seconds=1) < date < datetime.now(UTC) + timedelta(seconds=1)
    assert date.utcoffset() == timedelta()


async def test_a_commit_is_on_the_disk_when_it_is_answered_also_where_the_server_would_not_wait(
    database: PostgresDatabase,
) -> None:
    def set_so(value: str) -> Script[None]:
        yield sql(f"alter database {database.url.rpartition('/')[2]} set synchronous_commit = {value}")

    def shown() -> Script[str]:
        value: str = (yield sql("show synchronous_commit"))[0]["synchronous_commit"]
        return value

    for value, kept in (("off", "on"), ("local", "local")):
        await database.run(set_so, value)
        replica = PostgresDatabase(database.url, SystemClock())
        await replica.open()
        assert await replica.run(shown) == kept
        await replica.close()


async def test_text_that_people_type_is_kept_whatever_letters_it_has(database: PostgresDatabase) -> None:
    for name in ("\U0001f600 “é”", "a\x00b", "'; drop table item; --"):
        await database.run(adds, name)
    assert await database.read(names) == ["\U0001f600 “é”", "a\ufffdb", "'; drop table item; --"]


async def test_a_store_that_was_never_opened_says_so() -> None:
    database = PostgresDatabase("postgresql://127.0.0.1:1/none", SystemClock())
    for asked in (database.run, database.read):
        try:
            await asked(names)
        except RuntimeError as exc:
            assert "not open" in str(exc)
    await database.close()
