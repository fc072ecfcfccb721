"""Requests from the command to the receipt: what each costs the bot in CPU, bytes, calls to Slack and to the cloud.

All of them come at once, each for a disk of its own, spread over many channels. Time runs faster than outside for the
bot and its simulators alike, and seconds are those of their time. Against it stands what one writes first with Bolt and
the official SDK: a post, a create in a thread, a question every two seconds until it is done, another post. That one
authorizes, records and repeats nothing, and Slack takes as much of it as comes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tests.bench import world
from tests.bench.apps.sdk import has_sdk
from tests.bench.drivers import socket_line
from tests.bench.figures import Figure, Goal
from tests.bench.processes import Child, running
from tests.bench.sizes import SOCKET
from tests.bench.stage import App, Stage, a_bot, added, simulators

CODE = "tests/bench/rows/end_to_end.py, apps/bare.py:follow"
CHANNELS = 200
SNAPSHOT_S = 5.0
STILL_S = 2.0
WITHIN_S = 1_200.0
GOALS = {"CPU each": [Goal(plus=15.0)]}


@dataclass(frozen=True)
class Cost:
    """Of all requests together."""

    cpu_s: float
    network_bytes: int
    disk_bytes: int
    slack_calls: int
    cloud_calls: int
    took_s: float

    def each(self, count: int) -> list[tuple[str, float, str]]:
        return [
            ("CPU each", self.cpu_s / count * 1000, "ms"),
            ("over the network each", self.network_bytes / count / 1024, "KiB"),
            ("written to the disk each", self.disk_bytes / count / 1024, "KiB"),
            ("Slack calls each", self.slack_calls / count, ""),
            ("cloud calls each", self.cloud_calls / count, ""),
            ("until the last receipt", self.took_s, "s"),
        ]


async def measure(stage: Stage) -> list[Figure]:
    found: list[Figure] = []
    for count in stage.sizes.ends:
        bot = await _cost(stage, count, naive=False)
        naive = (await _cost(stage, count, naive=True)).each(count) if has_sdk() else []
        for number, (what, value, unit) in enumerate(bot.each(count)):
            against = {"Bolt and SDK": naive[number][1]} if naive else {}
            found.append(
                Figure("end-to-end", f"{count:,} requests", what, value, unit, against, CODE, GOALS.get(what, []))
            )
    return found


async def _cost(stage: Stage, count: int, *, naive: bool) -> Cost:
    speed = 1.0 if naive else stage.sizes.speed  # the SDK signs with the machine's own time
    pace = ("--speed", str(speed), "--origin", str(time.monotonic()))
    options = ("--disks", str(count), "--channels", str(CHANNELS), "--seconds", str(SNAPSHOT_S))
    async with AsyncExitStack() as stack:
        limits = ["--no-limits"] if naive else []  # it would repeat its posts for a quarter of an hour
        sims = await stack.enter_async_context(simulators(stage.folder(), *options, *pace, *limits))
        make = _naive(sims) if naive else a_bot(sims, SOCKET, *pace)
        app = await stack.enter_async_context(make)
        await asyncio.sleep(0.5)
        before, cpu_s, disk, began = await _counts(sims), app.child.cpu_s(), app.child.disk_bytes(), time.perf_counter()
        typed = {n: f"create {world.payments_name(n)} keep=7" for n in range(count)}
        acks = [app.line.deliver(text, _channel(n), world.person_id(n)) for n, text in typed.items()]
        await asyncio.gather(*acks)
        await _told(sims, count)
        took_s = (time.perf_counter() - began) * speed
        after = await _still(sims)
        return Cost(
            app.child.cpu_s() - cpu_s,
            added(after["bytes"], before["bytes"]),
            app.child.disk_bytes() - disk,
            added(after["slack"], before["slack"]),
            added(after["cloud"], before["cloud"]),
            took_s,
        )


def _channel(number: int) -> str:
    return world.channel_id(number % CHANNELS)


async def _counts(sims: Child) -> dict[str, dict[str, int]]:
    return await sims.ask("counts")


async def _told(sims: Child, count: int) -> None:
    """Until every request has its receipt."""
    async with asyncio.timeout(WITHIN_S):
        while (await sims.ask("counts"))["receipts"] < count:
            await asyncio.sleep(0.1)


async def _still(sims: Child) -> dict[str, dict[str, int]]:
    """Until nothing is told any more: the last edits come after the receipts."""
    after = await _counts(sims)
    while True:
        await asyncio.sleep(STILL_S)
        before, after = after, await _counts(sims)
        if added(after["slack"], before["slack"]) == 0:
            return after


@asynccontextmanager
async def _naive(sims: Child) -> AsyncIterator[App]:
    words = ("follow", SOCKET, f"{sims.said['slack']}/api/", sims.said["cloud"])
    async with socket_line() as line:
        await sims.ask("lead_to", link=line.link)
        environment = {"BENCH_BOT_TOKEN": sims.said["environment"]["SLACK_BOT_TOKEN"]}
        environment["BENCH_APP_TOKEN"] = sims.said["environment"]["SLACK_APP_TOKEN"]
        async with running("tests.bench.apps.bare", *words, environment=environment) as child:
            await line.connected()
            yield App(child, line)
