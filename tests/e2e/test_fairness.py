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


async def test_who_waits_for_their_turn_reads_their_place_and_comes_before_what_another_has_in_line(
    quiet_world: World,
) -> None:
    """Four disks at once, two of a person: alice asks for twenty, and then again; bob for one."""
    world = quiet_world
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 20.0
    for number in range(HERS):
        disk = Disk(disk_id(number), f"many-{number}", PAYMENTS, "ap-southeast-3a")
        world.cloud.world.disks[disk.id] = disk
    file = world.setting.directory / "bot.toml"
    places = "[projects.payments-prod]\nat_once = 4\nat_once_each = 2\n"
    file.write_text(file.read_text().replace("[projects.payments-prod]\n", places))
    await world.start_bot()
    first, later = [
        await world.create(" ".join(disk_id(number) for number in range(begin, begin + 12))) for begin in (0, 12)
    ]
    shown: list[str] = []

    def placed() -> bool:
        root = world.root(later)
        shown[:] = [root.text] if root else []
        return "Waits for its turn:" in str(shown)

    await world.slack.until(placed, 60)
    assert "10 disks before them" in shown[0]
    begun = world.clock.monotonic()
    his = await world.create("many-100 project=payments-prod", "bob", "#ops")
    await world.finished(his, "#ops", timeout=60)
    assert world.clock.monotonic() - begun <= 60.0
    for request in (first, later):
        root = await world.finished(request, timeout=120)
        assert "all available" in root.text
        assert "turn" not in root.text
    assert _most_at_once(world) <= 3
    assert world.slack_complaints() == []


def _most_at_once(world: World) -> int:
    """The most disks that were in the making together; two of alice's, and bob's."""
    made = [(one.created_at, one.ready_at) for one in world.cloud.world.snapshots.values() if one.ready_at]
    together: list[int] = [sum(begun <= moment < ready for begun, ready in made) for moment, _ in made]
    return max(together)
