"""A decision with its look-ups among very many grants, against the same among a thousand.

The actor's grants are looked up in a SQLite file, by person, three groups and everyone, and `decide` is asked. A denial
is that and whom to ask, looked up among the admins of the project. The grants of everybody else are spread over
persons, groups, projects and roles: of ten one is an admin's, one an approver's, some of them for every project, some
for a time. The actor holds the same few in both stores, which take turns.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

from bot.clock import SystemClock
from bot.domain.access import Allowed, decide
from bot.domain.actors import AccountKind
from bot.domain.denials import MENTIONED_ADMINS, Denied, who_can_help
from bot.domain.roles import Action
from bot.store.script import to_ms
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from tests.bench.figures import Figure, Goal, figures_of
from tests.bench.stage import Stage
from tests.builders import NOON, a_grant, a_project, an_actor

ACTOR = an_actor("U0000000", AccountKind.MEMBER, "S0000000", "S0000001", "S0000002")
FEW = 1_000
CODE = "tests/bench/rows/decide.py"

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


async def measure(stage: Stage) -> list[Figure]:
    sizes = {f"{size:,} grants": size for size in (min(FEW, stage.sizes.grants // 10), stage.sizes.grants)}
    measured = list(sizes)[-1]
    allowed: dict[str, list[float]] = defaultdict(list)
    denied: dict[str, list[float]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        stack.enter_context(_on_one_processor())
        directory = stage.folder()
        stores = {
            name: await stack.enter_async_context(_filled(size, directory / f"{size}.db"))
            for name, size in sizes.items()
        }
        for turn in range(-stage.sizes.decisions // 10, stage.sizes.decisions):
            for name, store in stores.items():
                took_allowed_s, took_denied_s = await _allowed(store), await _denied(store)
                if turn >= 0:
                    allowed[name].append(took_allowed_s)
                    denied[name].append(took_denied_s)
    goals, percents = {50: Goal(next(iter(sizes)), times=1.2)}, (50, 95)
    return [
        *figures_of("decide", f"allowed among {measured}", allowed, measured, CODE, percents, goals),
        *figures_of("decide", f"denied among {measured}, with whom to ask", denied, measured, CODE, percents, goals),
    ]


@contextmanager
def _on_one_processor() -> Iterator[None]:
    """Each store has threads of its own. Where the kernel puts those of one beside the loop and those of the other away
    from it, the way there is what is measured.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(every)})  # threads that are started from here on stay there as well
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


async def _allowed(store: Store) -> float:
    began = time.perf_counter()
    held = await store.grants_for(ACTOR)
    decision = decide(ACTOR, Action.CREATE, "payments", a_project(), "C1", held, NOON)
    took_s = time.perf_counter() - began
    assert isinstance(decision, Allowed) and len(held) == len(_MINE)
    return took_s


async def _denied(store: Store) -> float:
    began = time.perf_counter()
    held = await store.grants_for(ACTOR)
    decision = decide(ACTOR, Action.ADMINISTER, "payments", a_project(), "C1", held, NOON)
    assert isinstance(decision, Denied)
    told = who_can_help(decision, await store.helpers("payments"))
    took_s = time.perf_counter() - began
    assert told.explanation.count(" or ") == MENTIONED_ADMINS - 1
    return took_s


def _others(count: int) -> Iterator[tuple[str, str, str, str, int | None]]:
    """97 projects, 10 roles and 3 ends have no common divisor, so every mixture occurs alike."""
    for number in range(count):
        kind, letter = ("group", "S") if number % 4 == 0 else ("user", "U")
        subject = f"{letter}{1_000_000 + number // 4}"
        yield kind, subject, _ROLES[number % 10], _PROJECTS[number % 97], to_ms(_ENDS[number % 3])


@asynccontextmanager
async def _filled(count: int, path: Path) -> AsyncIterator[Store]:
    database = SqliteDatabase(path)
    await database.open()
    try:
        store = Store(database, SystemClock())
        await store.configured_grants([*_MINE, *_HELPERS])
        connection = sqlite3.connect(path)
        connection.execute("pragma synchronous=off")
        with connection:
            connection.executemany(_INSERT, _others(count - len(_MINE) - len(_HELPERS)))
        connection.execute("pragma wal_checkpoint(truncate)")
        connection.close()
        yield store
    finally:
        await database.close()
