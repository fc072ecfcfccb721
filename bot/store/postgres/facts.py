"""The store on PostgreSQL as it stands, read in transactions that can't write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain.errors import BotError
from bot.domain.granting import EVERY_PROJECT
from bot.domain.store_urls import PostgresUrl
from bot.store.database import StoreFacts
from bot.store.grants import admins
from bot.store.postgres.connection import BEGINS_READING, ERRORS, as_ours, cannot_open, connect
from bot.store.postgres.schema import MIGRATIONS, refuse_older_server
from bot.store.postgres.scripts import run

_STANDBY = "this server only reads, as a standby does. Name the one that it follows"
_CLOSED = "the role may not write there. Make it the owner of the database"

_MAY_WRITE = """
select has_table_privilege('request', 'insert') and has_table_privilege('request', 'update')
and has_table_privilege('request', 'delete')
"""
_MAY_MAKE = "select coalesce(has_schema_privilege(current_schema(), 'create'), false)"


async def facts_of(store: PostgresUrl) -> StoreFacts:
    """Whatever takes too long is given up by the connection's own limits."""
    url = store.url.get_secret_value()
    try:
        connection = await connect(url)
    except (ValueError, *ERRORS) as exc:
        return StoreFacts(cannot_open(exc, url).sentence.rstrip("."))
    try:
        return await _looked_at(connection)
    except BotError as exc:
        return StoreFacts(exc.sentence.rstrip("."))
    except ERRORS as exc:
        return StoreFacts(str(as_ours(exc)).rstrip("."))
    finally:
        connection.terminate()


async def _looked_at(connection: Any) -> StoreFacts:
    refuse_older_server(connection.get_server_version())
    await connection.execute(BEGINS_READING)
    facts = StoreFacts(date=await connection.fetchval("select clock_timestamp()"))
    if await connection.fetchval("select pg_is_in_recovery()"):
        return replace(facts, problem=_STANDBY)
    is_there = await connection.fetchval("select to_regclass('migration') is not null")
    may = await connection.fetchval(_MAY_WRITE if is_there else _MAY_MAKE)
    facts = replace(facts, problem="" if may else _CLOSED, is_there=is_there)
    return await _with_tables(facts, connection) if is_there else facts


async def _with_tables(facts: StoreFacts, connection: Any) -> StoreFacts:
    applied = {row["name"]: row["needs"] for row in await connection.fetch("select name, needs from migration")}
    known = [migration.name for migration in MIGRATIONS]
    later = tuple(sorted(name for name, needs in applied.items() if name not in known and needs not in known))
    missing = tuple(name for name in known if name not in applied)
    if later or missing:
        return replace(facts, later=later, missing=missing)
    found, _ = await run(admins(EVERY_PROJECT), connection, lambda row: None)
    return replace(facts, admins=tuple(found))
