"""What a quick backup costs: its plan and its first POST, against the cloud's own answers.

From the command to the plan card stands against the four questions that a plan needs, asked at once by the bot's own
client and nobody else in between; from the press to the first POST against one listing.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from bot.clock import SystemClock
from bot.evs.cloud import HttpCloud
from bot.ports.cloud import Evs
from bot.settings import load_settings
from bot.slack.ids import CANCEL, CONFIRM
from tests.bench.figures import Figure, figures_of
from tests.bench.processes import Child, running
from tests.bench.sizes import SOCKET
from tests.bench.stage import Stage, bot_environment, ready, simulators

CODE = "tests/bench/rows/plan.py"
PLAN, FOUR, POST, ONE = "from the command to the plan card", "four answers", "from the press to the POST", "one listing"
TYPED, PLANNED = "quick server=fifty", "planned, waiting for your go"
REST_S = 2.2
"""What is told of the last plan is posted within a second, and the channel's pause is another: neither is measured."""


async def measure(stage: Stage) -> list[Figure]:
    times: dict[str, list[float]] = {PLAN: [], FOUR: [], POST: [], ONE: []}
    async with AsyncExitStack() as stack:
        sims = await stack.enter_async_context(simulators(stage.folder()))
        environment = bot_environment(sims, SOCKET, None)
        await stack.enter_async_context(running("bot", "run", environment=environment, speaks=False))
        await ready(int(environment["ADMIN_PORT"]))
        settings = load_settings(environment)
        cloud = HttpCloud(settings.projects, settings.credentials, SystemClock())
        stack.push_async_callback(cloud.aclose)
        evs = cloud.project("payments-prod")
        for turn in range(-1, stage.sizes.plans):
            await asyncio.sleep(REST_S if turn >= 0 else 0)
            taken = await _turn(sims, evs, CONFIRM if turn % 3 == 0 else CANCEL)
            for what, took_s in taken.items():
                if turn >= 0:
                    times[what].append(took_s)
    case = "a quick backup of 50 disks"
    return [
        *figures_of("plan", f"{case}: {PLAN}", {PLAN: times[PLAN], FOUR: times[FOUR]}, PLAN, CODE, (50, 95)),
        *figures_of("plan", f"{case}: {POST}", {POST: times[POST], ONE: times[ONE]}, POST, CODE, (50, 95)),
    ]


async def _turn(sims: Child, evs: Evs, button: str) -> dict[str, float]:
    planned = await sims.ask("command", text=TYPED, words=PLANNED)
    taken = {PLAN: planned["took_s"]}
    began = time.perf_counter()
    await asyncio.gather(
        evs.list_disks(), evs.list_snapshots(), evs.check_snapshot_groups(), evs.list_servers(name="fifty")
    )
    taken[FOUR] = time.perf_counter() - began
    began = time.perf_counter()
    await evs.list_snapshot_groups()
    taken[ONE] = time.perf_counter() - began
    words = "finished" if button == CONFIRM else "dropped"
    pressed = await sims.ask("press", request=planned["request"], button=button, words=words, operation="create_group")
    if button == CONFIRM:
        taken[POST] = pressed["took_s"]
    return taken
