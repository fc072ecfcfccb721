"""Ten thousand snapshots in the making: who asks meanwhile, what the cloud is asked, how soon a restart has them back.

The bot starts on a store in which all of them were accepted by the cloud, which makes them for an hour. For a while it
is only watched; then commands come to it and to a bare app in turns. Then it is killed and started again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.drivers import socket_line
from tests.bench.figures import Figure, Goal, figures_of
from tests.bench.processes import Child, running
from tests.bench.rows.ack import TYPED
from tests.bench.sizes import SOCKET
from tests.bench.stage import App, Stage, a_bare_app, a_bot, added, at_once, bot_environment, simulators
from tests.bench.stores import in_the_making

CODE = "tests/bench/rows/in_flight.py, stores.py"
BOT, BARE = "snapshot-bot", "bare Bolt"
LISTED_AT_ONCE = 60
EVERY_S = 0.25
LASTS_S = 3_600.0


async def measure(stage: Stage) -> list[Figure]:
    count, folder = stage.sizes.in_flight, stage.folder()
    case = f"{count:,} in flight"
    store = await in_the_making(folder / "store.db", count)
    async with AsyncExitStack() as stack:
        sims = await stack.enter_async_context(simulators(folder, "--channels", "50", "--disks", str(count)))
        await sims.ask("in_the_making", first=0, count=count, seconds=LASTS_S)
        bare = await stack.enter_async_context(a_bare_app("default", SOCKET))
        fresh_s = await _start(sims, folder / "fresh.db", 0)
        async with a_bot(sims, SOCKET, store=store) as bot:
            apps, seconds = {BARE: bare, BOT: bot}, stage.sizes.in_flight_s
            meanwhile = await _watched(case, count, seconds, sims, apps)
            meanwhile += await _acknowledged(case, seconds, apps)
            await bot.child.kill()
        resumed_s = await _start(sims, store, -(-count // LISTED_AT_ONCE))
    return [
        *meanwhile,
        Figure("in-flight", case, "restart to connected", resumed_s[0], "s", {"empty store": fresh_s[0]}, CODE),
        Figure("in-flight", case, "restart to all looked at", resumed_s[1], "s", {"empty store": fresh_s[0]}, CODE),
    ]


async def _watched(case: str, count: int, seconds: float, sims: Child, apps: Mapping[str, App]) -> list[Figure]:
    """While nobody asks for anything."""
    bot = apps[BOT].child
    before, cpu_s, began = await sims.ask("counts"), bot.cpu_s(), time.perf_counter()
    await asyncio.sleep(seconds)
    passed_s, after = time.perf_counter() - began, await sims.ask("counts")
    calls = added(after["cloud"], before["cloud"]) / passed_s * 60
    slack = added(after["slack"], before["slack"]) / passed_s * 60
    cpu = (bot.cpu_s() - cpu_s) / passed_s
    one_each = {"one call a snapshot each 30 s": count * 2.0}
    return [
        Figure("in-flight", case, "cloud calls a minute", calls, "1/min", one_each, CODE),
        Figure("in-flight", case, "Slack calls a minute", slack, "1/min", {}, CODE),
        Figure("in-flight", case, "CPU", cpu, "of a core", {}, CODE),
        Figure("in-flight", case, "memory (RSS)", bot.rss_mb(), "MiB", {BARE: apps[BARE].child.rss_mb()}, CODE),
    ]


async def _acknowledged(case: str, seconds: float, apps: Mapping[str, App]) -> list[Figure]:
    times = {name: list[float]() for name in apps}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for name, app in apps.items():
            [(took_s, _)] = await at_once(app, 1, TYPED)
            times[name].append(took_s)
        await asyncio.sleep(EVERY_S)
    longest = {name: max(values) * 1000 for name, values in times.items()}
    return [
        *figures_of("in-flight", case, times, BOT, CODE, (50, 95, 99)),
        Figure("in-flight", case, "max", longest.pop(BOT), "ms", longest, CODE, [Goal(plus=1_000.0)]),
    ]


async def _start(sims: Child, store: Path, listings: int) -> tuple[float, float]:
    """Seconds from the process's beginning to its first connection, and to as many listings of snapshots."""
    before = (await sims.ask("counts"))["cloud"].get("list_snapshots", 0)
    async with socket_line() as slack:
        await sims.ask("lead_to", link=slack.link)
        environment = bot_environment(sims, SOCKET, store)
        async with running("bot", "run", environment=environment, speaks=False) as child:
            connected_s = await slack.connected() - child.began
            async with asyncio.timeout(300):
                while (await sims.ask("counts"))["cloud"].get("list_snapshots", 0) - before < listings:
                    await asyncio.sleep(0.01)
            return connected_s, time.perf_counter() - child.began
