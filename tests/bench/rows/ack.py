"""How soon a `create` is acknowledged that was authorized and recorded before, 1, 8 and 32 at once.

The bot's acknowledgement stands for: the signature checked (HTTP), the command read, its person known and allowed, the
request, its delivery and the audit row committed with `synchronous=FULL`, and the answer in words. What it stands
against commits nothing; the commit alone is there as well. Each is a process of its own and all take turns, so that
whatever slows the machine slows all of them. `resting`: with an engine that takes jobs and does none; `at work`:
`snapshot-bot run` as it is, which plans, posts, sends and watches meanwhile, beside an app that uses the SDK.
"""

from __future__ import annotations

import asyncio
import gc
import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack

from tests.bench.apps.sdk import has_sdk
from tests.bench.figures import Figure, Goal, figures_of
from tests.bench.stage import App, Stage, a_bare_app, a_bot, at_once, commits, known, simulators

TYPED = 'create web-01-data keep=7 reason="kernel upgrade"'
BOT, COMMIT = "snapshot-bot", "raw commit"
CODE = "tests/bench/rows/ack.py, apps/bare.py, stage.py:commits"
PERCENTS = (50, 95, 99)
BARE = "bare Bolt"
GOALS = {
    1: {50: Goal(COMMIT, plus=1.0), 99: Goal(COMMIT, plus=5.0)},
    8: {50: Goal(BARE, times=0.3), 99: Goal(BARE, times=0.6)},
}
"""By how many ask at once."""
CPU_GOAL = Goal(BARE, times=2.0)
"""Of an acknowledgement alone: with an engine that rests."""


async def measure(stage: Stage) -> list[Figure]:
    found: list[Figure] = []
    for transport, resting in stage.sizes.ack_ways:
        found += await _measured(stage, transport, resting=resting)
    return found


async def _measured(stage: Stage, transport: str, *, resting: bool) -> list[Figure]:
    directory = stage.folder()
    async with AsyncExitStack() as stack:
        sims = await stack.enter_async_context(simulators(directory))
        cloud = sims.said["cloud"]
        kinds = {BARE: "default", "Bolt before response": "before-response"}
        if not resting and has_sdk():
            kinds = {BARE: "default", "Bolt and SDK": "sdk"}
        apps = {
            name: await stack.enter_async_context(a_bare_app(kind, transport, cloud)) for name, kind in kinds.items()
        }
        apps[BOT] = await stack.enter_async_context(a_bot(sims, transport, *(["--rest"] if resting else [])))
        found: list[Figure] = []
        for count, turns in stage.sizes.acks:
            case = f"{transport}, {count} at once, {'resting' if resting else 'at work'}"
            found += await _in_turns(case, apps, commits(directory / "commits.db"), count, turns)
        assert not (resting and (await sims.ask("counts"))["cloud"]), "the engine did not rest"
        return found


async def _in_turns(
    case: str, apps: dict[str, App], commit: Callable[[], float], count: int, turns: int
) -> list[Figure]:
    times: dict[str, list[float]] = defaultdict(list)
    before: dict[str, float] = {}
    unchecked = 0
    gc.collect()
    await known(apps[BOT])
    for turn in range(-max(1, turns // 10), turns):
        if turn == 0:
            await known(apps[BOT])
            times.clear()
            before = {name: app.child.cpu_s() for name, app in apps.items()}
            unchecked = 0
        times[COMMIT].append(commit())
        for name, app in apps.items():
            for took_s, said in await at_once(app, count, TYPED):
                times[name].append(took_s)
                if name == BOT:
                    assert re.search(r"`r-[0-9a-z]{8}`", said), said
                    unchecked += "checking your rights" in said
            await asyncio.sleep(0.004)  # what the one leaves behind should not count for the other
    acks = count * turns
    cpu_ms = {name: (app.child.cpu_s() - before[name]) / acks * 1000 for name, app in apps.items()}
    cpu_goals = [CPU_GOAL] if count == 8 and "resting" in case else []
    return [
        *figures_of("ack", case, times, BOT, CODE, PERCENTS, GOALS.get(count)),
        Figure("ack", case, "CPU, with all it did meanwhile", cpu_ms.pop(BOT), "ms each", cpu_ms, CODE, cpu_goals),
        Figure("ack", case, "acknowledged before authorized", unchecked / acks, "of all", {}, CODE),
    ]
