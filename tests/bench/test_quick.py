"""What a quick backup costs: its plan and its first POST against the cloud's own answers, and how often it asks.

    python -m pytest tests/bench/test_quick.py -m bench -s

Everything is there at once: the bot, both simulators, real sockets, real time. From the command to the plan card stands
against the four questions that a plan needs, asked at once by the bot's own client and nobody else in between; from the
press to the first POST against one listing.

In an ordinary run of the tests this only shows that it can be measured; how often the cloud is asked is held always.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot import app
from bot.clock import SystemClock
from bot.evs.cloud import HttpCloud
from bot.ports.clock import Clock
from bot.settings import load_settings
from bot.simulator.cloud.resources import Attachment, Disk, Server
from bot.simulator.setting import Setting
from bot.slack.client.scopes import SCOPES
from bot.slack.ids import CANCEL, CONFIRM
from tests.e2e.conftest import CHANNEL, FastClock, request_id

DISKS = 50
CALLS, CALLS_A_GROUP = 12, 1
MANY, FEW = 30, 1
SERVER = "77777777-0900-4000-8000-000000000001"


class Bench:
    def __init__(self, setting: Setting, evs_cloud: HttpCloud) -> None:
        self.setting = setting
        self.evs = evs_cloud.project("payments-prod")

    def root(self, request: str) -> str:
        found = [
            one.text
            for one in self.setting.workspace.messages(CHANNEL)
            if request in one.text and one.thread_ts is None and one.ephemeral_to is None
        ]
        return found[-1] if found else ""

    async def until(self, request: str, words: str) -> None:
        await self.setting.workspace.until(lambda: words in self.root(request), 60)

    def quickly(self) -> None:
        """How long the cloud takes for a snapshot is not the point."""
        timing = self.setting.cloud.world.timing
        timing.min_seconds = timing.max_seconds = 0.2

    async def finished(self, request: str) -> None:
        await self.until(request, "finished")

    async def planned(self) -> tuple[str, float]:
        began = time.perf_counter()
        outcome = await self.setting.workspace.command("alice", CHANNEL, "quick server=fifty")
        request = request_id(outcome.text)
        await self.until(request, "planned, waiting for your go")
        return request, time.perf_counter() - began

    async def press(self, request: str, action: str) -> None:
        slack = self.setting.workspace
        (message,) = [
            one for one in slack.messages(CHANNEL) if request in one.text and not one.thread_ts and not one.ephemeral_to
        ]
        await slack.press("alice", CHANNEL, message.ts, action)

    async def listings(self) -> float:
        began = time.perf_counter()
        await asyncio.gather(
            self.evs.list_disks(),
            self.evs.list_snapshots(),
            self.evs.check_snapshot_groups(),
            self.evs.list_servers(name="fifty"),
        )
        return time.perf_counter() - began

    async def listing(self) -> float:
        began = time.perf_counter()
        await self.evs.list_snapshot_groups()
        return time.perf_counter() - began


@asynccontextmanager
async def a_bench(directory: Path, clock: Clock) -> AsyncIterator[Bench]:
    setting = Setting(directory, scopes=SCOPES, now=clock.now)
    setting.workspace.state.limits.enabled = False
    await setting.start()
    setting.cloud.world.servers[SERVER] = Server(SERVER, "fifty", "0123456789abcdef0123456789abcdef")
    for number in range(900, 900 + DISKS):
        disk_id = f"d15c0000-{number:04d}-4000-8000-{number:012d}"
        setting.cloud.world.disks[disk_id] = Disk(
            id=disk_id,
            name=f"fifty-{number}",
            project_id="0123456789abcdef0123456789abcdef",
            availability_zone="ap-southeast-3a",
            attachments=[Attachment(SERVER, f"/dev/vd{number}")],
        )
    settings = load_settings({**setting.environment(), "ADMIN_PORT": "0"})
    bot = await app.start(settings, clock)
    await setting.workspace.wait_for_bot()
    elsewhere = HttpCloud(settings.projects, settings.credentials, clock)
    yield Bench(setting, elsewhere)
    await elsewhere.aclose()
    await bot.stop()
    await setting.stop()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with a_bench(tmp_path, SystemClock()) as bench:
        yield bench


@pytest.fixture
async def fast_bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Ten times as fast as outside: to count calls, not to time them."""
    async with a_bench(tmp_path, FastClock()) as bench:
        yield bench


@pytest.mark.bench
async def test_a_plan_and_its_first_post_are_as_quick_as_the_cloud_lets_them_be(
    bench: Bench, request: pytest.FixtureRequest
) -> None:
    samples = MANY if "bench" in (request.config.getoption("-m") or "") else FEW
    plans: list[float] = []
    reads: list[float] = []
    posts: list[float] = []
    bench.quickly()
    singles: list[float] = []
    for number in range(-1, samples):
        planned, took_s = await bench.planned()
        read_s, single_s = await bench.listings(), await bench.listing()
        if number >= 0:
            plans.append(took_s)
            reads.append(read_s)
            singles.append(single_s)
        await bench.press(planned, CANCEL)
        await bench.until(planned, "dropped")
        # The receipt of what was called back is posted within a second, and the channel's pause is another: neither is
        # what is measured.
        await asyncio.sleep(2.2 if samples == MANY else 0.1)
    for _ in range(1 if samples == FEW else 6):
        planned, _ = await bench.planned()
        before = len(bench.setting.cloud.calls("create_group"))
        began = time.perf_counter()
        pressed = asyncio.create_task(bench.press(planned, CONFIRM))
        while len(bench.setting.cloud.calls("create_group")) == before:  # nobody announces a call
            await asyncio.sleep(0.0005)
        posts.append(time.perf_counter() - began)
        await pressed
        await bench.finished(planned)
    print(
        f"\nA quick backup of {DISKS} disks, {samples} plans, median in milliseconds\n"
        f"  the cloud's four answers, asked at once     {statistics.median(reads) * 1000:8.2f}\n"
        f"  from the command to the plan card           {statistics.median(plans) * 1000:8.2f}"
        f"   ratio {statistics.median(plans) / statistics.median(reads):6.2f}\n"
        f"  one listing                                 {statistics.median(singles) * 1000:8.2f}\n"
        f"  from the press to the first POST            {statistics.median(posts) * 1000:8.2f}"
        f"   ratio {statistics.median(posts) / statistics.median(singles):6.2f}"
    )


@pytest.mark.bench
@pytest.mark.parametrize("seconds", [5.0, 60.0])
async def test_fifty_disks_cost_a_dozen_calls_and_one_a_group(fast_bench: Bench, seconds: float) -> None:
    bench = fast_bench
    timing = bench.setting.cloud.world.timing
    timing.min_seconds = timing.max_seconds = seconds
    planned, _ = await bench.planned()
    await bench.press(planned, CONFIRM)
    await bench.finished(planned)
    calls = Counter(call["operation"] for call in bench.setting.cloud.calls())
    asked = sum(calls.values()) - calls["create_token"]
    groups = calls["create_group"]
    print(
        f"\n{DISKS} disks, copied in {seconds:g} s, command to receipt: {asked} calls to EVS, "
        f"{groups} of them a group: {dict(calls)}"
    )
    assert groups == 1
    assert asked <= CALLS + CALLS_A_GROUP * groups
