"""The base that the roles of the store share: one database, one clock, and decisions that go with their audit rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from bot.domain.audit import AuditEntry
from bot.ports.clock import Clock
from bot.store import audit
from bot.store.database import Database
from bot.store.script import Script

T = TypeVar("T")


class Transactions:
    """Each method of a role is one transaction: rows, audit and jobs together."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def _audited(
        self,
        step: Callable[[datetime], Script[T]],
        entries: Sequence[AuditEntry],
        *,
        done: Callable[[T], bool] = bool,
        first: bool = False,
    ) -> T:
        """Run a step as of now, and write down what was decided if it was done. `first`: with a button, which is
        acknowledged then.
        """
        run = self._database.run_first if first else self._database.run
        return await run(_with_entries, step, entries, self._clock.now(), done)


def _with_entries(
    step: Callable[[datetime], Script[T]], entries: Sequence[AuditEntry], now: datetime, done: Callable[[T], bool]
) -> Script[T]:
    outcome = yield from step(now)
    if done(outcome):
        yield from audit.append(entries, now)
    return outcome
