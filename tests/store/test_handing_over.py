"""How far the trail was handed over, on both stores, and the gaps that show on the way."""

from __future__ import annotations

from bot.domain.audit import AuditEntry
from bot.store.database import Database
from bot.store.store import Store
from tests.builders import FakeClock

ENTRY = AuditEntry("U1", "view", "payments", "allowed")


async def test_the_rows_behind_the_position_come_next(database: Database) -> None:
    store = Store(database, FakeClock())
    await store.audit([ENTRY] * 5)
    first = await store.to_ship("file:/x", 3)
    assert ([row["seq"] for row in first.rows], first.problem) == ([1, 2, 3], None)
    assert (await store.to_ship("file:/x", 3)).rows == first.rows
    await store.shipped("file:/x", 3, first.rows[-1]["hash"])
    second = await store.to_ship("file:/x", 3)
    assert ([row["seq"] for row in second.rows], second.problem) == ([4, 5], None)
    await store.shipped("file:/x", 5, second.rows[-1]["hash"])
    assert (await store.to_ship("file:/x", 3)).rows == []


async def test_a_row_that_does_not_follow_the_position_is_a_gap(database: Database) -> None:
    store = Store(database, FakeClock())
    await store.audit([ENTRY] * 3)
    await store.shipped("file:/x", 1, "0" * 64)
    assert (await store.to_ship("file:/x", 3)).problem == "row 2 does not follow the row before it"
