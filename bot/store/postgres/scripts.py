"""A transaction's script on a connection to PostgreSQL, statement by statement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from bot.domain.errors import StoreFailed
from bot.store.postgres.connection import ERRORS, as_ours, is_closed, is_lost
from bot.store.postgres.statements import asked
from bot.store.script import Announced, Aside, Query, Rows, Script

T = TypeVar("T")


class ConnectionLost(StoreFailed):
    """The connection ended amid a transaction: the server rolled it back, unless it was just to commit it."""


async def answered(connection: Any, asking: Awaitable[T]) -> T:
    """The server's answer. Raises ConnectionLost, after which the connection is closed."""
    try:
        return await asking
    except ERRORS as exc:
        if not is_lost(exc, connection):
            raise
        if not is_closed(connection):
            connection.terminate()
        raise ConnectionLost(str(as_ours(exc))) from exc


async def execute(connection: Any, text: str, *, timeout: float | None = None) -> None:
    """Statements without parameters, in one round trip however many they are."""
    await answered(connection, connection.execute(text, timeout=timeout))


async def fetch(connection: Any, query: Query) -> Rows:
    text, values = asked(query)
    return [dict(record) for record in await answered(connection, connection.fetch(text, *values))]


async def run(script: Script[T], connection: Any, set_aside: Callable[[Aside], None]) -> tuple[T, list[Announced]]:
    announced: list[Announced] = []
    try:
        step = next(script)
        while True:
            if isinstance(step, Query):
                step = script.send(await fetch(connection, step))
            elif isinstance(step, Aside):
                set_aside(step)
                step = script.send(())
            else:
                announced.append(step)
                step = script.send(())
    except StopIteration as stop:
        return stop.value, announced
