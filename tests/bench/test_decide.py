"""What a million stored grants cost a decision, as a ratio to a thousand in the same run.

    python -m pytest tests/bench/test_decide.py -m bench -s

A decision stands for: the actor's grants looked up in a SQLite file, by person, three groups and everyone, and
`decide` over them. The grants of everybody else are spread over persons, groups and projects; the actor holds the same
few in both stores. Both stores are there at once and take turns, so that whatever slows the machine slows both.

In an ordinary run of the tests this only shows that it can be measured; no machine is told how fast to be.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from bot.clock import SystemClock
from bot.domain.access import Action, Allowed, Standing, decide
from bot.store.database import Script, SqliteDatabase
from bot.store.store import SqliteStore
from tests.builders import NOON, a_grant, a_project, an_actor

T = TypeVar("T")

ACTOR = an_actor("U0000000", Standing.MEMBER, "S0000000", "S0000001", "S0000002")
FEW, MANY = 1_000, 1_000_000
SMALL = (100, 1_000)
DECISIONS, FEW_DECISIONS = 3_000, 20
WARM_UP = 200
GOAL = 2.0

_MINE = [
    a_grant(ACTOR.user_id, "viewer"),
    a_grant("S0000001", "operator", kind="group"),
    a_grant("S0000002", "approver", "shop", kind="group"),
    a_grant("", "viewer", "shop", kind="everyone"),
]
_INSERT = "insert into access_grant (subject_kind, subject_id, role, project, source) values (?, ?, ?, ?, 'file:x')"


def _others(count: int) -> Iterator[tuple[str, str, str, str]]:
    for number in range(count):
        kind, letter = ("group", "S") if number % 5 == 0 else ("user", "U")
        yield kind, f"{letter}{1_000_000 + number // 4}", "operator", f"p{number % 97}"


class TimedDatabase(SqliteDatabase):
    """Knows how long its last transaction took, on the store's own thread."""

    took_s = 0.0

    def _transaction(self, script: Script[T]) -> T:
        began = time.perf_counter()
        try:
            return super()._transaction(script)
        finally:
            self.took_s = time.perf_counter() - began


@dataclass
class Filled:
    """A store with its grants in it."""

    database: TimedDatabase
    store: SqliteStore

    async def decided(self) -> float:
        """Seconds that one decision took with its look-ups.

        The way to the store's thread and back is left out: it is the same whatever is stored, and three times as long
        where the system puts the two threads on different cores.
        """
        held = await self.store.grants_for(ACTOR)
        began = time.perf_counter()
        decision = decide(ACTOR, Action.CREATE, "payments", a_project(), "C1", held, NOON)
        took_s = self.database.took_s + time.perf_counter() - began
        assert isinstance(decision, Allowed)
        assert len(held) == len(_MINE)
        return took_s


@asynccontextmanager
async def _filled(count: int, path: Path) -> AsyncIterator[Filled]:
    database = TimedDatabase(path)
    await database.open()
    try:
        store = SqliteStore(database, SystemClock())
        await store.configured_grants(_MINE)
        connection = sqlite3.connect(path)
        with connection:
            connection.executemany(_INSERT, _others(count - len(_MINE)))
        connection.execute("pragma wal_checkpoint(truncate)")
        connection.close()
        yield Filled(database, store)
    finally:
        await database.close()


@pytest.mark.bench
async def test_a_decision_costs_the_same_among_a_million_grants(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    measuring = "bench" in (request.config.getoption("-m") or "")
    sizes = (FEW, MANY) if measuring else SMALL
    decisions = DECISIONS if measuring else FEW_DECISIONS
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(_filled(size, tmp_path / f"{size}.db")) for size in sizes]
        taken: list[list[float]] = [[], []]
        for number in range(-min(WARM_UP, decisions), decisions):
            for store, times in zip(stores, taken, strict=True):
                took_s = await store.decided()
                if number >= 0:
                    times.append(took_s)
    medians = [statistics.median(times) for times in taken]
    ratio = medians[1] / medians[0]
    print(f"\nA decision with its look-ups, {decisions} of each in turns, median in milliseconds")
    for size, median in zip(sizes, medians, strict=True):
        print(f"  among {size:>9,} grants {median * 1000:8.3f}")
    print(f"  ratio {ratio:24.3f}\n  goal  {GOAL:24.3f}")
    assert [len(times) for times in taken] == [decisions, decisions]
    assert ratio > 0
