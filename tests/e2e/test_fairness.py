"""One person's five hundred disks do not hold up another's one, in the same project or another, with a slow cloud."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from bot.simulator.cloud.default_world import PAYMENTS, SHOP
from bot.simulator.cloud.resources import Disk
from tests.e2e.conftest import World, request_id

HERS, IN_A_COMMAND = 500, 20
SLOW_S = 3.0
"""The cloud takes so long for each answer to a POST of hers: thirty seconds of the bot's time."""


def disk_id(number: int) -> str:
    return f"d15cffff-{number:04d}-4000-8000-{number:012d}"


@pytest.fixture
async def crowded_world(quiet_world: World) -> World:
    world = quiet_world
    for number in range(HERS):
        disk = Disk(disk_id(number), f"many-{number}", PAYMENTS, "ap-southeast-3a")
        world.cloud.world.disks[disk.id] = disk
        world.cloud.fault("create_snapshot", "slow", volume_id=disk.id, seconds=SLOW_S)
    his = Disk(disk_id(9000), "his-one", PAYMENTS, "ap-southeast-3a")
    world.cloud.world.disks[his.id] = his
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 60.0
    await world.start_bot()
    return world


async def asked_by_alice(world: World) -> list[str]:
    async def ask(first: int) -> str:
        disks = " ".join(disk_id(number) for number in range(first, first + IN_A_COMMAND))
        return await world.create(f"{disks} project=payments-prod")

    return list(await asyncio.gather(*(ask(first) for first in range(0, HERS, IN_A_COMMAND))))


async def seconds_of_bob(world: World, text: str, wanted: str) -> Mapping[str, float]:
    """From his command to the POST, and to his receipt, in the bot's time."""
    begun = world.clock.monotonic()
    outcome = await world.say(f"create {text}", "bob", "#ops")
    assert outcome.error is None
    request = request_id(outcome.text)
    await world.until(lambda: any(wanted in str(one) for one in world.cloud.calls("create_snapshot")), timeout=120)
    posted_s = world.clock.monotonic() - begun
    await world.finished(request, "#ops", timeout=120)
    told_s = world.clock.monotonic() - begun
    print(f"\n{text}: the POST left after {posted_s:.1f} s, the receipt came after {told_s:.1f} s")
    return {"posted": posted_s, "told": told_s}


@pytest.mark.parametrize(
    "text, wanted", [("his-one project=payments-prod", disk_id(9000)), ("shop-01-data project=shop", SHOP)]
)
async def test_five_hundred_disks_of_one_person_hold_up_no_other(crowded_world: World, text: str, wanted: str) -> None:
    world = crowded_world
    await asked_by_alice(world)
    await world.until(lambda: len(world.cloud.calls("create_snapshot")) >= 8, timeout=60)
    took = await seconds_of_bob(world, text, wanted)
    assert took["posted"] <= 15.0  # he waits for none of hers
    assert took["told"] <= 60.0 + 60.0
