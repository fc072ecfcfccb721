"""The shortest story that still fails: acts are left out as long as what is left breaks a promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.run import Outcome
from tests.simulation.story import Story

MOST_RUNS = 150


def shortest(failed: Outcome, simulate: Callable[[Story], Outcome], *, most_runs: int = MOST_RUNS) -> Outcome:
    """Halves first, then quarters, down to single acts (delta debugging); any broken promise counts as failing."""
    left, size = most_runs, max(len(failed.story.acts) // 2, 1)
    while left > 0:
        acts = failed.story.acts
        for begin in range(0, len(acts), size):
            left -= 1
            without = replace(failed.story, acts=[*acts[:begin], *acts[begin + size :]])
            if left >= 0 and (outcome := simulate(without)).problems:
                failed = outcome
                break
        else:
            if size == 1:
                return failed
            size = max(size // 2, 1)
            continue
        size = min(size, max(len(failed.story.acts) // 2, 1))
    return failed


def told(outcome: Outcome, seed: int) -> str:
    """For a person: what was drawn, what happened, what is broken, and how to see it again."""
    lines = [
        f"seed {seed} breaks a promise:",
        *(f"  {problem}" for problem in outcome.problems),
        f"its shortest story ({_setting(outcome.story)}):",
        *(f"  {act}" for act in outcome.story.acts),
        "what happened:",
        *(f"  {line}" for line in outcome.said),
        f"again: python -m tests.simulation --from {seed} --seeds 1",
    ]
    return "\n".join(lines)


def _setting(story: Story) -> str:
    way = "Socket Mode" if story.socket_mode else "HTTP"
    return f"{way}, {story.approvals} approvals, a snapshot takes {story.making_s[0]:g} to {story.making_s[1]:g} s"
