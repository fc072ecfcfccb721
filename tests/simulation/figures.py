"""A seed as another process answers it: a few figures, and what was broken."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from tests.simulation.bugs import BUGS
from tests.simulation.run import simulate
from tests.simulation.story import drawn

COUNTED = ("lives", "accepted", "taken", "made")


def figures_of(seed: int, bug: str | None) -> tuple[int, dict[str, Any]]:
    with BUGS[bug]() if bug else nullcontext():
        outcome = simulate(drawn(seed))
    return seed, {name: getattr(outcome, name) for name in ("problems", *COUNTED)}
