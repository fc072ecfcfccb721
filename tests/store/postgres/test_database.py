"""A store that replicas share, beside its transactions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.store.postgres.database import PostgresDatabase


async def test_its_date_is_the_servers(database: PostgresDatabase) -> None:
    before = datetime.now(UTC)
    date = await database.date()
    assert before - timedelta(seconds=1) < date < datetime.now(UTC) + timedelta(seconds=1)
    assert date.utcoffset() == timedelta()
