"""A database in memory that answers at once: for tests that decide themselves what happens in which order."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, ParamSpec, TypeVar

import sqlite_utils

from bot.ports.meters import StoreMeter
from bot.store.database import Schedule
from bot.store.script import Aside, Query, Row, Script
from bot.store.sqlite.schema import TRIGGERS, migrations

T = TypeVar("T")
P = ParamSpec("P")


@cache
def _empty() -> sqlite3.Connection:
    """The tables, made once: a copy takes a tenth of the time."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.apply(sqlite_utils.Database(connection))
    return connection


class MemoryDatabase:
    """Implements `bot.store.database.Database`. A transaction is begun and ended within one step of the loop."""

    triggers = TRIGGERS

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        _empty().backup(self._connection)
        self._connection.execute("pragma foreign_keys=on")

    @property
    def changes(self) -> int:
        """How many rows were written so far."""
        return self._connection.total_changes

    def on_moves(self, tables: Iterable[str], moved: Callable[[str, str, str], None]) -> None:
        """Hear of each row that gets another state: its table, the state before and the one after."""
        self._connection.create_function("moved", 3, moved)
        for table in tables:
            self._connection.execute(
                f"create temp trigger {table}_moved after update of state on main.{table} when old.state <> new.state "
                f"begin select moved('{table}', old.state, new.state); end"
            )

    def rows(self, text: str, **params: Any) -> list[Row]:
        return self._connection.execute(text, params).fetchall()

    def on_scheduled(self, schedule: Schedule) -> None:
        """No engine hears of jobs here."""

    def on_measured(self, meter: StoreMeter) -> None:
        """No transaction takes any time here."""

    async def size(self) -> int:
        return 0

    async def broken(self) -> None:
        await asyncio.Event().wait()

    async def open(self, *, made: bool = True) -> None:
        """It is open."""

    async def close(self) -> None:
        self._connection.close()

    async def run(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        self._connection.execute("begin")
        try:
            result = self._ended(script(*args, **named))
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")
        return result

    run_first = run_between = read = run

    def run_behind(self, script: Callable[P, Script[None]], *args: P.args, **named: P.kwargs) -> None:
        self._ended(script(*args, **named))

    def take_changed(self, key: str) -> set[str]:
        return set()

    def _ended(self, script: Script[T]) -> T:
        try:
            step = next(script)
            while True:
                if isinstance(step, Query):
                    step = script.send(self._connection.execute(step.sql, step.params).fetchall())
                else:
                    assert not isinstance(step, Aside), f"{step} can't be read"
                    step = script.send(())
        except StopIteration as stop:
            result: T = stop.value
            return result
