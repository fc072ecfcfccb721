"""Many steps of pipelines against a cloud that fails in all its ways, and a bot that is stopped and started between.

Each exit code is the cloud's truth, and a key acts once. `PIPELINE_CALLS=1000` makes a longer run of it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from bot.__main__ import _parser
from bot.api.programs import delivery_id
from bot.cli_pipeline import Asking, NotReached, Refusal, body_of
from bot.domain.actors import AccountKind, Actor, token_id
from bot.domain.snapshots import REQUEST_TAG
from bot.simulator.setting import Setting
from tests.e2e.conftest import FastClock, World
from tests.e2e.test_programs import CHANNEL_ID, CONFIG, DEPLOY, opened
from tests.ports import free_port

CALLS = int(os.environ.get("PIPELINE_CALLS", "60"))
AT_ONCE = 12
DISKS = ("web-01-data", "web-01-logs", "web-01-data", "web-01-logs", "no-such-disk")
FAULTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("create_snapshot", "job_fail", {"error_code": "EVS.2040", "fail_reason": "The key is not enabled"}),
    ("create_snapshot", "drop_after", {}),
    ("create_snapshot", "drop_before", {}),
    ("create_snapshot", "504_after", {}),
    ("create_snapshot", "429", {"retry_after": 1}),
    ("create_snapshot", "external_busy", {"seconds": 5}),
    ("any", "503", {"retry_after": 1}),
    ("any", "token_expired", {}),
    ("any", "html", {}),
    ("create_snapshot", "tag_late", {"seconds": 3}),
)


@pytest.fixture
async def world(setting: tuple[Setting, FastClock]) -> AsyncIterator[World]:
    """Its entry for programs is at one port, however often the bot is started."""
    config = CONFIG.replace("127.0.0.1:0", f"127.0.0.1:{free_port()}")
    async with opened(setting, f"{config}\n[limits]\nopen_requests = 10000\n") as world:
        yield world


async def step(world: World, url: str, key: str, disks: tuple[str, ...]) -> int:
    """`snapshot-bot request create … --wait`, in this process; answers its exit code."""
    words = ["request", "create", *disks, "--channel", CHANNEL_ID, "--key", key, "--wait", "--timeout", "2h"]
    options: argparse.Namespace = _parser().parse_args(words)
    headers = {"Authorization": f"Bearer {DEPLOY}", "Idempotency-Key": key}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as bot:
        asking = Asking(bot, options, world.clock, world.clock.monotonic() + 7200.0)
        try:
            return await asking.carried_out(body_of(options, {}))
        except Refusal as refusal:
            return refusal.code
        except NotReached:
            return 4


def _delivery(key: str) -> str:
    return delivery_id(Actor(token_id("deploy"), AccountKind.TOKEN), key)


async def test_each_exit_code_is_the_clouds_truth_and_a_key_acts_once(world: World) -> None:
    rng = random.Random(17)
    assert world.bot is not None and world.bot.api is not None
    url = f"http://127.0.0.1:{world.bot.api.port}"
    gate, codes = asyncio.Semaphore(AT_ONCE), Counter[int]()
    ended: dict[str, list[int]] = {}

    async def one(number: int) -> None:
        key = f"run-{number if rng.random() < 0.8 else rng.randrange(number + 1)}"
        disks = tuple(random.Random(key).sample(DISKS, random.Random(key).choice((1, 1, 2))))
        async with gate:
            ended.setdefault(key, []).append(await step(world, url, key, disks))

    async def trouble() -> None:
        while True:
            await asyncio.sleep(0.6)
            operation, kind, options = rng.choice(FAULTS)
            world.cloud.fault(operation, kind, **options)
            if rng.random() < 0.1:
                await world.stop_bot()
                await world.start_bot()

    troubling = asyncio.create_task(trouble())
    try:
        async with asyncio.timeout(60 + CALLS * 1.5):
            await asyncio.gather(*map(one, range(CALLS)))
    finally:
        troubling.cancel()
        with suppress(asyncio.CancelledError):
            await troubling
    assert world.bot is not None
    await world.clock.sleep(5)  # tags that come late are there by then
    there = [one for one in world.cloud.snapshots() if one["status"] == "available" and REQUEST_TAG in one["tags"]]
    made = {one["id"] for one in there}
    for key, answers in ended.items():
        assert len(set(answers)) == 1, (key, answers)
        code = answers[0]
        codes[code] += len(answers)
        request = await world.bot.store.of_delivery(_delivery(key))
        found = await world.bot.store.request(request.id) if request else None
        assert found is not None, key
        whole = bool(found[1]) and all(item.snapshot_id in made for item in found[1])
        assert code == (0 if whole else 1), (key, found)
    assert sum(codes.values()) == CALLS
    assert codes[0] > CALLS // 4 and codes[1] > 0
    assert len({one["tags"][REQUEST_TAG] for one in there}) == len(there)
    print(f"{CALLS} calls of {len(ended)} keys: {dict(codes)}")
