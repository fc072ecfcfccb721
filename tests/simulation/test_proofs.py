"""Generated orders of proofs, with faults and kills: no test disk is left, and there is one at a time.

`PROOFS=1000` tries that many.
"""

from __future__ import annotations

import os

import pytest

from bot.domain.snapshots import Disk
from tests.simulation.proof_story import ASKED_AT, ProofTown, drawn_proof
from tests.simulation.run import simulate
from tests.simulation.story import Act, Story
from tests.simulation.way_back_story import SOURCES

ORDERS = int(os.environ.get("PROOFS", "3"))
A_CHUNK = 3


@pytest.mark.parametrize("first", range(0, ORDERS, A_CHUNK))
def test_whatever_happens_no_test_disk_is_left(first: int) -> None:
    for seed in range(first, min(first + A_CHUNK, ORDERS)):
        outcome = simulate(drawn_proof(seed), ProofTown)
        assert outcome.problems == [], "\n".join([f"seed {seed}", *map(str, outcome.story.acts), *outcome.said[-80:]])


def test_a_bug_put_in_on_purpose_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk is taken for gone as soon as it was made."""
    story = Story(1, [Act(1.0, "backs_up", {"text": SOURCES[1]}), Act(ASKED_AT, "proves")])
    assert simulate(story, ProofTown).problems == []

    async def nothing(*_: object) -> list[Disk]:
        return []

    monkeypatch.setattr("bot.workflow.jobs.clear_test_disk.Clearer._found", nothing)
    problems = simulate(story, ProofTown).problems
    assert any("is left" in problem for problem in problems)
    assert any("beside each other" in problem for problem in problems)
