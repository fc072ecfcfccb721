"""Generated orders of ways back, with faults, kills and replays: what must never happen does not.

`WAYS_BACK=1000` tries that many.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.run import simulate
from tests.simulation.way_back_bugs import BUGS
from tests.simulation.way_back_story import drawn_way_back
from tests.simulation.way_back_town import BackTown

ORDERS = int(os.environ.get("WAYS_BACK", "16"))
A_CHUNK = 8


@pytest.mark.parametrize("first", range(0, ORDERS, A_CHUNK))
def test_whatever_happens_a_way_back_keeps_its_order(first: int) -> None:
    for seed in range(first, min(first + A_CHUNK, ORDERS)):
        outcome = simulate(drawn_way_back(seed), BackTown)
        assert outcome.problems == [], "\n".join([f"seed {seed}", *map(str, outcome.story.acts), *outcome.said[-80:]])


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_of_a_way_back_put_in_on_purpose_is_found(name: str) -> None:
    bug = BUGS[name]
    assert simulate(bug.story, BackTown).problems == []
    with bug.put_in():
        assert any(bug.word in problem for problem in simulate(bug.story, BackTown).problems)
