"""What hangs holds up its own project, channel or person, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.simulator.cloud.default_world import PAYMENTS, SHOP
from bot.simulator.cloud.resources import Disk
from tests.e2e.conftest import World, request_id

BACKLOG = 400


READ_WITHIN_S = 15.0
"""How long a call that hangs keeps its place: who waited behind one would wait that long."""


@pytest.fixture
def speed() -> float:
    """Slower than elsewhere, so that a busy machine is not taken for a call that hangs."""
    return 4.0


def disk_id(number: int) -> str:
    return f"d15cffff-{number:04d}-4000-8000-{number:012d}"


@pytest.fixture
async def crowded_world(quiet_world: World) -> World:
    """Alice asks for four hundred disks of one project, bob for one of another."""
    world = quiet_world
    for number in range(BACKLOG):
        disk = Disk(disk_id(number), f"many-{number}", PAYMENTS, "ap-southeast-3a")
        world.cloud.world.disks[disk.id] = disk
    file = world.setting.directory / "bot.toml"
    file.write_text(f"{file.read_text()}\n[limits]\nopen_requests = {BACKLOG}\n")
    await world.start_bot()
    return world


async def asked_by_alice(world: World) -> None:
    async def ask(number: int) -> None:
        assert (await world.say(f"create {disk_id(number)} project=payments-prod")).error is None

    await asyncio.gather(*(ask(number) for number in range(BACKLOG)))


async def seconds_to_the_post(world: World) -> float:
    """From the command of somebody with a healthy project to its POST, in the bot's time."""
    begun = world.clock.monotonic()
    outcome = await world.say("create shop-01-data project=shop", "bob", "#ops")
    assert outcome.error is None

    def posted() -> bool:
        return any(SHOP in call["path"] for call in world.cloud.calls("create_snapshot"))

    await world.until(posted, timeout=60)
    took_s = world.clock.monotonic() - begun
    print(f"\nthe healthy project's POST left after {took_s:.1f} s")
    assert request_id(outcome.text)
    return took_s


async def test_a_project_whose_calls_hang_holds_up_no_other(crowded_world: World) -> None:
    world = crowded_world
    for number in range(BACKLOG):
        world.cloud.fault("create_snapshot", "hang", times=20, volume_id=disk_id(number))
    await asked_by_alice(world)
    await world.until(lambda: len(world.cloud.calls("create_snapshot")) >= 4, timeout=30)
    assert await seconds_to_the_post(world) < READ_WITHIN_S * 2 / 3


async def test_people_of_whom_slack_says_nothing_hold_up_nobody_else(crowded_world: World) -> None:
    world = crowded_world
    await world.say("status", "bob", "#ops")
    await world.told("bob", "for no snapshot")
    world.slack.fault("latency", method="users.info", times=8, seconds=5.0)
    await asked_by_alice(world)
    assert await seconds_to_the_post(world) <= 5.0


async def test_a_channel_whose_posts_hang_holds_up_no_other(crowded_world: World) -> None:
    world: Any = crowded_world
    await world.create("many-0 many-1 many-2 project=payments-prod")
    await world.slack.until(lambda: bool(world.slack.messages("#inc-demo")))
    world.slack.fault("latency", method="chat.postMessage", times=1, seconds=8.0)
    await world.create("many-3 project=payments-prod")
    await asyncio.sleep(0.3)
    begun = world.clock.monotonic()
    request = await world.create("shop-01-data project=shop", "bob", "#ops")
    await world.slack.until(lambda: world.root(request, "#ops") is not None, 20)
    assert world.clock.monotonic() - begun <= 10.0
