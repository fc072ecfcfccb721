"""The database that a store is configured to stand on."""

from __future__ import annotations

from pathlib import Path

from bot.domain.errors import StoreFailed
from bot.domain.store_urls import StoreUrl
from bot.ports.clock import Clock
from bot.store.database import Database
from bot.store.sqlite.database import SqliteDatabase


def database_at(store: StoreUrl, clock: Clock) -> Database:
    """Not opened yet. `clock` is the machine's. Raises StoreFailed where a part that it needs is not installed."""
    if isinstance(store, Path):
        return SqliteDatabase(store)
    try:
        from bot.store.postgres.database import PostgresDatabase  # here, as it is an extra
    except ImportError as exc:
        needs = "needs the extra postgres. Install it with: pip install 'snapshot-bot[postgres]'."
        raise StoreFailed(f"A store on PostgreSQL {needs}") from exc
    return PostgresDatabase(store.url.get_secret_value(), clock)
