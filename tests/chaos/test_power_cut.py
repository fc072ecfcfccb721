"""A power cut at any moment loses nothing that was acknowledged."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from tests.builders import FakeClock, an_item
from tests.chaos import power, power_cuts
from tests.store.test_store import running

SEED = int(os.environ.get("CHAOS_SEED", "20261128"))


@pytest.mark.xdist_group("power cuts")
async def test_each_copy_of_a_hundred_opens_holds_what_was_acknowledged_and_is_gone_on_with() -> None:
    found = await power_cuts.run(SEED, cuts=100)
    assert found.problems == [], f"seed {SEED}"
    assert found.acknowledged > found.cuts


async def test_a_cut_into_what_was_synced_is_noticed(tmp_path: Path) -> None:
    """Else the hundred copies would prove nothing."""
    store = tmp_path / "store.db"
    database = SqliteDatabase(store)
    await database.open()
    for number in range(5):
        await running(Store(database, FakeClock()), an_item(number, request_id=f"r-{number}"), request_id=f"r-{number}")
    copy = power.copied(store, tmp_path / "copy")
    await database.close()
    said = {f"r-{number}": 2 for number in range(5)}
    assert await power_cuts.problems(power.copied(copy, tmp_path / "whole"), said) == []
    log = power.suffixed(copy, "-wal")
    log.write_bytes(log.read_bytes()[:-4096])
    assert await power_cuts.problems(copy, said) == [
        "r-4 was acknowledged at step 2 and is received",
        "the item of r-4 was acknowledged at step 2 and is None",
    ]


async def test_what_is_cut_lies_behind_what_counts(tmp_path: Path) -> None:
    """SQLite, asked itself, counts as many frames as are kept."""
    store = tmp_path / "store.db"
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode=wal")
        connection.execute("create table t (x)")
        connection.executemany("insert into t values (?)", [("x" * 3000,)] * 20)
        (_, frames, _) = connection.execute("pragma wal_checkpoint(noop)").fetchone()
        copy = power.copied(store, tmp_path / "copy")
        assert power.cut(copy, random.Random(SEED)).startswith(f"{frames} frames of 4096 bytes are synced")
