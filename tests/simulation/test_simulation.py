"""The whole bot on a loop whose time, order and troubles a seed draws: whatever happens, its promises hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.bugs import BUGS, WORDS
from tests.simulation.run import simulate
from tests.simulation.shrinking import shortest, told
from tests.simulation.story import NEWER, drawn

A_CHUNK = 8
FIRST = (*range(0, 144, A_CHUNK), *range(NEWER, NEWER + 56, A_CHUNK))


@pytest.mark.parametrize("first", FIRST)
def test_whatever_happens_the_promises_hold(first: int) -> None:
    for seed in range(first, first + A_CHUNK):
        outcome = simulate(drawn(seed))
        if outcome.problems:
            pytest.fail(told(shortest(outcome, simulate, most_runs=60), seed))


def test_the_same_seed_is_the_same_run() -> None:
    first, second = (simulate(drawn(7)) for _ in range(2))
    assert first.said == second.said
    assert first.trace == second.trace
    assert simulate(drawn(8)).trace != first.trace


@pytest.mark.parametrize("imported", ["", "import httpcore, anyio, tests.e2e.conftest", "import bot.cli_run"])
def test_in_another_process_as_well(imported: str) -> None:
    """With other addresses in memory, sets of text in another order, and modules that another test has imported."""
    program = f"{imported}\nfrom tests.simulation.run import *; from tests.simulation.story import *"
    traces = [
        subprocess.run(
            [sys.executable, "-c", f"{program}; print(simulate(drawn(7)).trace)"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    ]
    assert traces == [simulate(drawn(7)).trace] * 2


def test_whatever_a_run_imports_takes_its_time_from_the_loop() -> None:
    """A module that is imported amid a run would tell the machine's time, and only in the first run of a process."""
    program = """
from tests.simulation import seeded
from tests.simulation.run import simulate
from tests.simulation.story import drawn
simulate(drawn(7))
known = {(id(namespace), name) for namespace, name, _ in seeded._places()}
seeded._places.cache_clear()
print([namespace["__name__"] for namespace, name, _ in seeded._places() if (id(namespace), name) not in known])
"""
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


FOUND_IN = {
    "sent-again": range(15, 60),
    "answered-early": range(44, 100),
    "shown-early": range(44, 100),
    "marked-alone": range(65, 100),
    "taken-anyway": range(NEWER + 38, NEWER + 70),
}
"""By bug: seeds, of which the first few find it. How many it takes from 0 on stands in docs/reliability.md."""


@pytest.mark.parametrize("name", FOUND_IN)
def test_a_bug_put_in_on_purpose_is_found(name: str) -> None:
    with BUGS[name]():
        found = (str(simulate(drawn(seed)).problems) for seed in FOUND_IN[name])
        assert any(WORDS[name] in problems for problems in found)


def test_what_fails_is_told_with_its_shortest_story() -> None:
    with BUGS["sent-again"]():
        failed = next(outcome for seed in range(15, 60) if (outcome := simulate(drawn(seed))).problems)
        short = shortest(failed, simulate, most_runs=20)
        text = told(short, failed.story.seed)
    assert len(short.story.acts) < len(failed.story.acts)
    assert short.problems[0] in text
    assert f"--from {failed.story.seed}" in text
