"""Connections to PostgreSQL: how each is set up, and what its errors mean."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import asyncpg

from bot.domain.errors import StoreAway, StoreFailed

CONNECTS_WITHIN_SECONDS = 2.0
ANSWERS_WITHIN_SECONDS = 10.0
"""How long one statement may take, but for the first and the last of a transaction that writes."""

LOCKED_MS = 1_500
"""How long a transaction waits for another replica that writes. The requester hears "not recorded" while Slack still
listens, which is 3 s.
"""

IDLE_MS = 2_000
"""A replica that is frozen amid a transaction holds up the others no longer: PostgreSQL ends it."""

STATEMENTS_KEPT = 512
"""More than there are in `bot/store/`: none is planned twice on one connection."""

OLDEST = 14

ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""Whatever comes of asking a server."""

_SETTINGS = {
    "application_name": "snapshot-bot",
    "lock_timeout": str(LOCKED_MS),
    "idle_in_transaction_session_timeout": str(IDLE_MS),
    "default_transaction_isolation": "read committed",
    "jit": "off",
}
BEGINS_READING = "begin isolation level repeatable read, read only"
"""Said with each, and no setting of the connection: where the URL wants a server that takes writes
(`target_session_attrs`), one that says of itself that it only reads counts as none.
"""

_OF_THE_PLACE = (
    "08",
    "25006",
    "25P03",
    "28",
    "3D",
    "40001",
    "40P01",
    "42P01",
    "42501",
    "42703",
    "53",
    "55P03",
    "57",
    "58",
    "XX",
)
"""Beginnings of the codes of errors that are not the statement's own: the connection, the disk, another's lock, a
server that stops or only reads, a table or a column that is gone (PostgreSQL, Appendix A).
"""
_OF_THE_CONNECTION = ("08", "25P03", "57P0", "25006")
"""Those after which the connection is worth nothing more. One that only reads has become a standby's."""

_OF_OLD_PLANS = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)
"""The tables were changed by a later version: what this connection knows of them is out of date."""


async def connect(url: str) -> Any:
    """Raises what asyncpg does. What the URL leaves out, such as the password, is taken where libpq takes it from."""
    return await asyncpg.connect(url, **options())


def options() -> dict[str, Any]:
    """The arguments of asyncpg for each connection."""
    return {
        "timeout": CONNECTS_WITHIN_SECONDS,
        "command_timeout": ANSWERS_WITHIN_SECONDS,
        "statement_cache_size": STATEMENTS_KEPT,
        "max_cached_statement_lifetime": 0,
        "server_settings": _SETTINGS,
    }


def is_lost(exc: BaseException, connection: Any) -> bool:
    """Whether that was the end of the connection."""
    of_the_statement = isinstance(exc, asyncpg.PostgresError) and not isinstance(exc, _OF_OLD_PLANS)
    code = getattr(exc, "sqlstate", None) or ""
    return not of_the_statement or code.startswith(_OF_THE_CONNECTION) or is_closed(connection)


def is_closed(connection: Any) -> bool:
    """Also of one that its pool has taken back, as it was lost."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


def as_ours(exc: BaseException) -> BaseException:
    """A server that is away, full or locked leaves as StoreFailed. asyncpg's text of it holds no password."""
    code = getattr(exc, "sqlstate", None)
    of_the_place = code is not None and code.startswith(_OF_THE_PLACE)
    if not of_the_place and not isinstance(exc, OSError | TimeoutError | asyncpg.InterfaceError):
        return exc
    ours = StoreFailed(f"The bot's store could not be read or written ({_told(exc)}).")
    ours.__cause__ = exc
    return ours


def cannot_open(exc: BaseException, url: str) -> StoreFailed:
    """Why a database can't be opened, and what to do."""
    parts = urlsplit(url)
    database = parts.path.lstrip("/") or parts.username or "the role's own"
    place = f"PostgreSQL at {_host(url)}"
    match getattr(exc, "sqlstate", None):
        case "28P01" | "28000":
            sentence = f"{place} refused the role {parts.username or 'of this user'} or its password."
        case "3D000":
            sentence = f"{place} has no database {database}. Make it with: createdb {database}."
        case "42501":
            owner = f"Make it the owner of the database {database}."
            sentence = f"{place} lets the role {parts.username} make no tables there. {owner}"
        case "53300":
            return StoreAway(f"{place} takes no more connections. Raise its max_connections.")
        case str(code):
            sentence = f"{place} can't be used ({code}: {exc})."
        case _ if isinstance(exc, asyncpg.InterfaceError | ValueError):
            sentence = f"{place} can't be asked: its URL can't be read."
        case _:
            return StoreAway(f"{place} can't be reached.")
    return StoreFailed(sentence)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2] or "the local socket"


def _told(exc: BaseException) -> str:
    return str(exc) or type(exc).__name__
