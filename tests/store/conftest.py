"""The tests of the store run on each database that it may stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.database import Database
from bot.store.sqlite.database import SqliteDatabase
from tests.postgres import store_on


@pytest.fixture(params=["sqlite", "postgres"])
async def database(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    if request.param == "postgres":
        async with store_on(request.getfixturevalue("postgres_server")) as database:
            yield database
    else:
        file = SqliteDatabase(tmp_path / "store.db")
        await file.open()
        yield file
        await file.close()
