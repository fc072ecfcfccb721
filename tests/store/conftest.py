"""A real SQLite file for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.database import SqliteDatabase
from bot.store.store import SqliteStore
from tests.builders import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "store.db")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def store(database: SqliteDatabase, clock: FakeClock) -> SqliteStore:
    return SqliteStore(database, clock)
