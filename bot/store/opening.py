"""The database that a store is configured to stand on: opened, or only looked at."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.domain.errors import StoreFailed
from bot.domain.store_urls import StoreUrl
from bot.ports.clock import Clock
from bot.store.database import Database, StoreFacts
from bot.store.sqlite.database import SqliteDatabase
from bot.store.sqlite.facts import facts_of as of_file

_EXTRA = "A store on PostgreSQL needs the extra postgres. Install it with: pip install 'snapshot-bot[postgres]'."


def database_at(store: StoreUrl, clock: Clock) -> Database:
    """Not opened yet. `clock` is the machine's. Raises StoreFailed where a part that it needs is not installed."""
    if isinstance(store, Path):
        return SqliteDatabase(store)
    try:
        from bot.store.postgres.database import PostgresDatabase  # here, as it is an extra
    except ImportError as exc:
        raise StoreFailed(_EXTRA) from exc
    return PostgresDatabase(store.url.get_secret_value(), clock)


async def facts_at(store: StoreUrl) -> StoreFacts:
    """All there is to know of it without changing anything. A disk that hangs is waited for."""
    if isinstance(store, Path):
        return await asyncio.to_thread(of_file, store)
    try:
        from bot.store.postgres.facts import facts_of as of_server  # here, as it is an extra
    except ImportError:
        return StoreFacts(_EXTRA)
    return await of_server(store)
