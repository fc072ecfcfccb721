"""Thousands of commands at one instant: how fast they are acknowledged, and how many after Slack's three seconds."""

from __future__ import annotations

import re
import time
from contextlib import AsyncExitStack

from tests.bench.drivers import HttpLine
from tests.bench.figures import Figure, Goal, percentile
from tests.bench.rows.ack import TYPED
from tests.bench.sizes import HTTP, SOCKET
from tests.bench.stage import App, Stage, a_bare_app, a_bot, at_once, known, simulators

LATE_S = 3.0
BOT, BARE = "snapshot-bot", "bare Bolt"
CODE = "tests/bench/rows/burst.py, apps/bare.py"


async def measure(stage: Stage) -> list[Figure]:
    found: list[Figure] = []
    for transport in (SOCKET, HTTP):
        found += await _measured(stage, transport)
    return found


async def _measured(stage: Stage, transport: str) -> list[Figure]:
    count, case = stage.sizes.burst, f"{stage.sizes.burst:,} at once, {transport}"
    async with AsyncExitStack() as stack:
        sims = await stack.enter_async_context(simulators(stage.folder()))
        bare = await stack.enter_async_context(a_bare_app("default", transport))
        bot = await stack.enter_async_context(a_bot(sims, transport))
        bare_took_s, bare_s = await _burst(bare, count)
        await known(bot)
        bot_took_s, bot_s = await _burst(bot, count)

    def figure(what: str, value: float, unit: str, base: float, *goals: Goal) -> Figure:
        return Figure("burst", case, what, value, unit, {BARE: base}, CODE, goals)

    return [
        figure("acknowledged a second", count / bot_took_s, "1/s", count / bare_took_s),
        figure("p50", percentile(bot_s, 50) * 1000, "ms", percentile(bare_s, 50) * 1000, Goal(plus=300.0)),
        figure("max", max(bot_s) * 1000, "ms", max(bare_s) * 1000),
        figure("later than 3 s", _late(bot_s), "acks", _late(bare_s), Goal()),
    ]


async def _burst(app: App, count: int) -> tuple[float, list[float]]:
    if isinstance(app.line, HttpLine):
        await app.line.connect(count)
    began = time.perf_counter()
    acks = await at_once(app, count, TYPED)
    took_s = time.perf_counter() - began
    assert all(re.search(r"`r-[0-9a-z]{8}`", said) or said in ("", "{}") for _, said in acks)
    return took_s, [took for took, _ in acks]


def _late(times_s: list[float]) -> int:
    return sum(took > LATE_S for took in times_s)
