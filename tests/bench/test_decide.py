"""What a million stored grants cost a decision, as a ratio to a thousand in the same run.

    python -m pytest tests/bench/test_decide.py -m bench -s

A decision stands for: the actor's grants looked up in a SQLite file, by person, three groups and everyone, and
`decide` over them. A denial is that and whom to ask, looked up among the admins of the project, and the sentence about
both. The grants of everybody else are spread over persons, groups, projects and roles: of ten one is an admin's, one an
approver's, some of them for every project, some for a time. The actor holds the same few in both stores. Both stores
are there at once and take turns, so that whatever slows the machine slows both.

Run as above, the ratios are held to the goal. In an ordinary run of the tests this only shows that they can be
measured; no machine is told how fast to be.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from bot.clock import SystemClock
from bot.domain.access import Allowed, decide
from bot.domain.actors import AccountKind
from bot.domain.denials import MENTIONED_ADMINS, Denied, who_can_help
from bot.domain.roles import Action
from bot.store.database import Script, SqliteDatabase, to_ms
from bot.store.store import SqliteStore
from tests.builders import NOON, a_grant, a_project, an_actor

T = TypeVar("T")

ACTOR = an_actor("U0000000", AccountKind.MEMBER, "S0000000", "S0000001", "S0000002")
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
_HELPERS = [a_grant(f"U900000{number}", "admin") for number in range(MENTIONED_ADMINS)]
"""Enough to name, also in the smallest store."""
_INSERT = """
insert into access_grant (subject_kind, subject_id, role, project, expires_at, source) values (?, ?, ?, ?, ?, 'file:x')
"""
_PROJECTS = ("payments", "*", *(f"p{number}" for number in range(95)))
_ROLES = ("admin", "approver", *["operator"] * 8)
_ENDS = (None, NOON - timedelta(days=1), NOON.replace(year=2099))


def _others(count: int) -> Iterator[tuple[str, str, str, str, int | None]]:
    """97 projects, 10 roles and 3 ends have no common divisor, so every mixture occurs alike."""
    for number in range(count):
        kind, letter = ("group", "S") if number % 4 == 0 else ("user", "U")
        subject = f"{letter}{1_000_000 + number // 4}"
        yield kind, subject, _ROLES[number % 10], _PROJECTS[number % 97], to_ms(_ENDS[number % 3])


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

    async def denied(self) -> float:
        """The same for a decision that refuses, and says who can change that."""
        held = await self.store.grants_for(ACTOR)
        took_s = self.database.took_s
        began = time.perf_counter()
        decision = decide(ACTOR, Action.ADMINISTER, "payments", a_project(), "C1", held, NOON)
        took_s += time.perf_counter() - began
        assert isinstance(decision, Denied)
        helpers = await self.store.helpers("payments")
        took_s += self.database.took_s
        began = time.perf_counter()
        told = who_can_help(decision, helpers)
        took_s += time.perf_counter() - began
        assert told.explanation.count(" or ") == MENTIONED_ADMINS - 1
        return took_s


@asynccontextmanager
async def _filled(count: int, path: Path) -> AsyncIterator[Filled]:
    database = TimedDatabase(path)
    await database.open()
    try:
        store = SqliteStore(database, SystemClock())
        await store.configured_grants([*_MINE, *_HELPERS])
        connection = sqlite3.connect(path)
        with connection:
            connection.executemany(_INSERT, _others(count - len(_MINE) - len(_HELPERS)))
        connection.execute("pragma wal_checkpoint(truncate)")
        connection.close()
        yield Filled(database, store)
    finally:
        await database.close()


@pytest.mark.bench
@pytest.mark.parametrize("kind", ["allowed", "denied"])
async def test_a_decision_costs_the_same_among_a_million_grants(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    measuring = "bench" in (request.config.getoption("-m") or "")
    sizes = (FEW, MANY) if measuring else SMALL
    decisions = DECISIONS if measuring else FEW_DECISIONS
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(_filled(size, tmp_path / f"{size}.db")) for size in sizes]
        taken: list[list[float]] = [[], []]
        for number in range(-min(WARM_UP, decisions), decisions):
            for store, times in zip(stores, taken, strict=True):
                took_s = await (store.decided() if kind == "allowed" else store.denied())
                if number >= 0:
                    times.append(took_s)
    medians = [statistics.median(times) for times in taken]
    ratio = medians[1] / medians[0]
    what = "An allowed decision" if kind == "allowed" else "A denial that says whom to ask,"
    print(f"\n{what} with its look-ups, {decisions} of each in turns, median in milliseconds")
    for size, median in zip(sizes, medians, strict=True):
        print(f"  among {size:>9,} grants {median * 1000:8.3f}")
    print(f"  ratio {ratio:24.3f}\n  goal  {GOAL:24.3f}")
    assert [len(times) for times in taken] == [decisions, decisions]
    assert ratio <= GOAL if measuring else ratio > 0
