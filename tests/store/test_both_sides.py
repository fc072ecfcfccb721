"""Facts that one side has and the other lacks, however many both have."""

from __future__ import annotations

import tracemalloc

import pytest

from bot.domain.errors import StoreFailed
from bot.store.upkeep.both_sides import MEMORY_KIB, BothSides, Side


def test_each_side_is_told_what_the_other_lacks() -> None:
    sides = BothSides()
    sides.add(Side.TABLES, [("approve", "U1", "r-2"), ("approve", "U1", "r-1"), ("review", "U2", "r-1")])
    sides.add(Side.TRAIL, [("approve", "U1", "r-1"), ("approve", "U1", "r-1"), ("approve", "U9", "r-1")])
    sides.add(Side.TRAIL, [("approve", "U1", "r-3"), ("review", "U2", "r-9")])
    sides.forget(["r-9", "r-2"])
    assert list(sides.only_in(Side.TABLES, "approve")) == [("approve", "U1", "r-2")]
    assert list(sides.only_in(Side.TRAIL, "approve")) == [("approve", "U1", "r-3"), ("approve", "U9", "r-1")]
    assert list(sides.only_in(Side.TABLES, "review")) == [("review", "U2", "r-1")]
    assert list(sides.only_in(Side.TRAIL, "review")) == []


def test_any_text_is_a_fact() -> None:
    odd = [("sent", "", "'); drop table fact; --"), ("sent", "\0", "ü€"), ("sent", "a" * 10_000, "")]
    sides = BothSides()
    sides.add(Side.TRAIL, odd)
    assert sorted(sides.only_in(Side.TRAIL, "sent")) == sorted(odd)


def test_many_facts_take_no_memory_of_the_process() -> None:
    sides, count = BothSides(), 50_000
    tracemalloc.start()
    for side in Side:
        for first in range(0, count, 1_000):
            sides.add(side, (("sent", "U0ALICE001", f"r-{number:08d}") for number in range(first, first + 1_000)))
    assert list(sides.only_in(Side.TABLES, "sent")) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEMORY_KIB * 1024 // 10


def test_a_temporary_folder_without_room_is_told_with_what_to_do() -> None:
    sides = BothSides()
    sides._facts.execute("pragma max_page_count = 10")
    with pytest.raises(StoreFailed, match="Make room in the temporary folder"):
        sides.add(Side.TRAIL, (("sent", "U1", f"r-{number:08d}") for number in range(10_000)))
