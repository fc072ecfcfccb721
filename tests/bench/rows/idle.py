"""At rest and at the start: `snapshot-bot run` against a bare Bolt app that has the official SDK loaded.

Both are connected over Socket Mode to a Slack that delivers nothing. A wake-up is a thread that gave the processor away
by itself. A start lasts from the process's beginning to its first connection.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from tests.bench.apps.sdk import has_sdk
from tests.bench.drivers import socket_line
from tests.bench.figures import Figure, Goal, percentile
from tests.bench.processes import Child, running
from tests.bench.stage import Stage, bot_environment, simulators

CODE = "tests/bench/rows/idle.py, apps/bare.py"
BOT = "snapshot-bot run"
SETTLES_S = 3.0


async def measure(stage: Stage) -> list[Figure]:
    bare = "Bolt and SDK" if has_sdk() else "bare Bolt"
    starts: dict[str, list[float]] = {bare: [], BOT: []}
    found: list[Figure] = []
    async with AsyncExitStack() as stack:
        sims = await stack.enter_async_context(simulators(stage.folder()))
        for number in range(stage.sizes.starts):
            async with AsyncExitStack() as started:
                children = {bare: await _bare(started, starts[bare], sims), BOT: await _bot(started, starts[BOT], sims)}
                if number == stage.sizes.starts - 1:
                    found = await _at_rest(children, stage.sizes.idle_s)
    times = {name: percentile(values, 50) for name, values in starts.items()}
    return [Figure("idle", "start", "p50", times.pop(BOT), "s", times, CODE), *found]


async def _bare(stack: AsyncExitStack, times: list[float], sims: Child) -> Child:
    slack = await stack.enter_async_context(socket_line())
    kind = "sdk" if has_sdk() else "default"
    words = (kind, "socket", slack.api_url, sims.said["cloud"])
    child = await stack.enter_async_context(running("tests.bench.apps.bare", *words))
    times.append(await slack.connected() - child.began)
    return child


async def _bot(stack: AsyncExitStack, times: list[float], sims: Child) -> Child:
    slack = await stack.enter_async_context(socket_line())
    await sims.ask("lead_to", link=slack.link)
    environment = bot_environment(sims, "socket", None)
    child = await stack.enter_async_context(running("bot", "run", environment=environment, speaks=False))
    times.append(await slack.connected() - child.began)
    return child


async def _at_rest(children: dict[str, Child], seconds: float) -> list[Figure]:
    await asyncio.sleep(min(SETTLES_S, seconds))
    before = {name: (child.switches(), child.cpu_s()) for name, child in children.items()}
    await asyncio.sleep(seconds)
    woken = {name: (child.switches() - before[name][0]) / seconds for name, child in children.items()}
    cpu_ms = {name: (child.cpu_s() - before[name][1]) / seconds * 1000 for name, child in children.items()}
    rss_mb = {name: child.rss_mb() for name, child in children.items()}
    return [
        Figure("idle", f"{seconds:g} s at rest", what, values.pop(BOT), unit, values, CODE, goals)
        for what, unit, values, goals in (
            ("wake-ups", "1/s", woken, []),
            ("CPU", "ms/s", cpu_ms, []),
            ("memory (RSS)", "MiB", rss_mb, [Goal(bare, times=1.2) for bare in children if bare != BOT]),
        )
    ]
