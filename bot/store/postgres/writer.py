"""The one connection of a replica that writes.

Transactions of all replicas are one after the other, by a lock that each takes with its `begin`: a script sees what it
would see on SQLite. Those that wait in one replica are committed together, each in a savepoint, so that it fails alone.

A connection that is lost before the commit is made anew and the scripts are run once more. Where the answer to a commit
is lost, it is looked for first: each commit leaves its number in a row of its replica.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from uuid import uuid4

import asyncpg

from bot.domain.errors import StoreFailed
from bot.ports.clock import Clock
from bot.store.postgres.connection import ERRORS, IDLE_MS, LOCKED_MS, cannot_open, connect
from bot.store.postgres.line import Transaction
from bot.store.postgres.schema import LOCK
from bot.store.postgres.scripts import ConnectionLost, answered, execute, fetch, run
from bot.store.script import Aside, ScheduledJob, sql

Enqueue = Callable[[Any, Sequence[ScheduledJob]], Awaitable[None]]
"""Puts jobs into a queue, on the connection of the transaction that calls for them and before its commit."""

STILL_LOCKED_MS = 50
"""How long a transaction waits for the lock, after one waited LOCKED_MS in vain and until one does not: those behind it
would wait one after the other.
"""

BOUND_SECONDS = 2.5
"""How long the first and the last statement of a transaction may take."""

RECONNECTS_WITHIN_SECONDS = 1.5
"""How long a server is tried that was there a moment ago: it may have been started anew."""

PAUSE_SECONDS = 0.05
AWAY_SECONDS = 0.5
"""How long one that is away is not asked again: who writes meanwhile hears so at once."""

_BEGIN = f"begin; set local lock_timeout = {{wait_ms}}; select pg_advisory_xact_lock({LOCK})"
_COMMIT = """
insert into commit_mark (id, number, at) select '{id}', {number}, extract(epoch from now()) * 1000
where pg_current_xact_id_if_assigned() is not null
on conflict (id) do update set number = excluded.number, at = excluded.at; commit
"""


class Writer:
    def __init__(self, url: str, clock: Clock, set_aside: Callable[[Aside], None]) -> None:
        self._url = url
        self._clock = clock
        self._set_aside = set_aside
        self._id = uuid4().hex
        self._number = 0
        """Of the commit that was tried last."""
        self._connection: Any = None
        self._wait_ms = LOCKED_MS
        self._away_until = 0.0
        self.enqueue: Enqueue | None = None

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    def terminate(self) -> None:
        if self._connection is not None:
            self._connection.terminate()

    async def commit_together(
        self, transactions: Iterable[Transaction], batch: list[Transaction], *, again: bool = True
    ) -> None:
        """Run transactions and commit them; `batch` becomes what was run. Where all of it came to nothing, each is run
        once more alone; where the connection was lost, all of them are, if it is `again` to be tried.
        """
        before = self._number
        try:
            await self._attempt(transactions, batch)
            return
        except ConnectionLost as lost:
            failure: Exception = lost
            repeated = [list(batch)] if again else []
            if self._number > before:
                try:
                    if await self._is_committed():
                        return
                except (StoreFailed, *ERRORS) as exc:  # it may be or not: nothing is repeated
                    failure, repeated = exc, []
            again = False
        except (StoreFailed, *ERRORS) as exc:  # it is raised where each answer is waited for
            failure = exc
            await self._roll_back()
            repeated = [[one] for one in batch] if len(batch) > 1 else []
        for transaction in batch:
            transaction.fail(failure)
        for some in repeated:
            await self.commit_together(some, [], again=again)

    async def _attempt(self, transactions: Iterable[Transaction], batch: list[Transaction]) -> None:
        for transaction in transactions:
            batch.append(transaction)
            await self._run(transaction)
        if self._in_transaction:
            self._number += 1
            text = _COMMIT.format(id=self._id, number=self._number)
            await execute(self._connection, text, timeout=BOUND_SECONDS)

    @property
    def _in_transaction(self) -> bool:
        connection = self._connection
        return connection is not None and not connection.is_closed() and bool(connection.is_in_transaction())

    async def _run(self, transaction: Transaction) -> None:
        """In the transaction that has begun, in a savepoint; else in a new one."""
        joins = self._in_transaction
        if joins:
            await execute(self._connection, "savepoint one")
        else:
            await self._begin()
        try:
            result, announced = await run(transaction.work(), self._connection, self._set_aside)
            scheduled = [one for one in announced if isinstance(one, ScheduledJob)]
            if scheduled and self.enqueue is not None:
                await answered(self._connection, self.enqueue(self._connection, scheduled))
        except ConnectionLost:
            raise
        except Exception as exc:  # whatever breaks a script leaves nothing of it in the rows
            transaction.fail(exc)
            await execute(self._connection, "rollback to one" if joins else "rollback")
        else:
            transaction.done(result, announced)

    async def _begin(self) -> None:
        self._connection = await self._connected()
        try:
            await execute(self._connection, _BEGIN.format(wait_ms=self._wait_ms), timeout=BOUND_SECONDS)
        except asyncpg.LockNotAvailableError:
            self._wait_ms = STILL_LOCKED_MS
            raise
        self._wait_ms = LOCKED_MS

    async def _roll_back(self) -> None:
        if self._in_transaction:
            with contextlib.suppress(ConnectionLost):  # which rolls back as well
                await execute(self._connection, "rollback", timeout=BOUND_SECONDS)

    async def _connected(self) -> Any:
        """The connection, made anew where it was lost. Raises StoreFailed."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._clock.monotonic() < self._away_until:
            raise StoreFailed("The bot's store is away: PostgreSQL can't be reached.")
        until = self._clock.monotonic() + (RECONNECTS_WITHIN_SECONDS if self._connection is not None else 0.0)
        self._connection = None
        while True:
            try:
                return await _connect_to_write(self._url)
            except ERRORS as exc:
                if self._clock.monotonic() >= until:
                    self._away_until = self._clock.monotonic() + AWAY_SECONDS
                    raise cannot_open(exc, self._url) from exc
            await self._clock.sleep(PAUSE_SECONDS)

    async def _is_committed(self) -> bool:
        """Whether the commit whose answer was lost took place. Behind the lock, so that it is not still to come."""
        connection = self._connection = await self._connected()
        await execute(connection, _BEGIN.format(wait_ms=IDLE_MS + 500))
        marks = await fetch(connection, sql("select number from commit_mark where id = :id", id=self._id))
        await execute(connection, "rollback")
        return bool(marks) and bool(marks[0]["number"] >= self._number)


async def _connect_to_write(url: str) -> Any:
    """Accepted means never lost: a commit is answered when it is on the disk, even where the server does it later."""
    connection = await connect(url)
    try:
        if await connection.fetchval("show synchronous_commit") == "off":
            await connection.execute("set synchronous_commit = on")
    except ERRORS:
        connection.terminate()
        raise
    return connection
