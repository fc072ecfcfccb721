"""PostgreSQL's own: connections that are lost, a lock that others hold, and its schema."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.store.postgres.database import PostgresDatabase
from tests.postgres import store_on


@pytest.fixture
async def database(postgres_server: str) -> AsyncIterator[PostgresDatabase]:
    async with store_on(postgres_server) as database:
        yield database
