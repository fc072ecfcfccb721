"""`restore ID`: snapshots become new disks, each exactly once, whatever goes wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest

from bot.simulator.cloud.resources import Disk
from bot.simulator.workspace import Message
from bot.slack.ids import APPROVE, CONFIRM
from tests.e2e.conftest import CHANNEL, World, request_id
from tests.e2e.test_approvals import APPROVERS

Start = Callable[..., Awaitable[World]]
TAG = "snapshot-bot-request"


@pytest.fixture
def start(quiet_world: World) -> Start:
    """Starts a bot whose payments-prod restores, with these lines beside it."""

    async def start(lines: str = "restore = true") -> World:
        file = quiet_world.setting.directory / "bot.toml"
        text = file.read_text().replace("[projects.payments-prod]", f"[projects.payments-prod]\n{lines}", 1)
        file.write_text(text + APPROVERS)
        await quiet_world.start_bot()
        return quiet_world

    return start


async def backed_up(world: World, disks: str = "spare-disk", person: str = "alice") -> str:
    """A request whose snapshots are there."""
    request = await world.create(disks, person)
    await world.finished(request)
    return request


def asked(text: str) -> str:
    """The id of the request that was recorded; that of its source stands before it."""
    return str(re.findall(r"r-[0-9a-z]{8}", text)[-1])


async def planned(world: World, text: str, person: str = "alice", says: str = ": planned") -> tuple[str, Message]:
    outcome = await world.say(text, person)
    assert outcome.error is None, outcome.error
    request = asked(outcome.text)
    await world.slack.until(lambda: says in getattr(world.root(request), "text", ""), 20)
    root = world.root(request)
    assert root is not None
    return request, root


async def confirmed(world: World, text: str, person: str = "alice") -> str:
    request, root = await planned(world, text, person)
    await world.slack.press(person, CHANNEL, root.ts, CONFIRM)
    return request


async def receipt(world: World, request: str, timeout: float = 30) -> Message:
    await world.slack.until(lambda: bool(world.replies(request, "receipt")), timeout)
    return world.replies(request, "receipt")[0]


def made(world: World, request: str) -> list[Disk]:
    """The disks in the cloud that carry the request's tag."""
    return [disk for disk in world.cloud.world.disks.values() if disk.tags.get(TAG, "").startswith(request)]


async def test_one_snapshot_becomes_one_disk_beside_the_old_one(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    request = await confirmed(world, f"restore {source} reason=drill")
    told = await receipt(world, request)
    (disk,) = made(world, request)
    (snapshot,) = world.cloud.world.snapshots.values()
    assert (disk.snapshot_id, disk.size_gb, disk.attachments) == (snapshot.id, snapshot.size_gb, [])
    assert disk.tags[TAG] == f"{request}-r1"
    assert disk.name.startswith("spare-disk-restored-")
    assert disk.id in told.text
    assert world.slack_complaints() == []


async def test_every_disk_of_a_request_comes_back(start: Start) -> None:
    world = await start()
    source = await backed_up(world, "spare-disk orders-db web-01-data")
    request = await confirmed(world, f"restore {source}")
    told = await receipt(world, request)
    disks = made(world, request)
    assert sorted(disk.tags[TAG] for disk in disks) == [f"{request}-r{number}" for number in (1, 2, 3)]
    assert all(disk.id in told.text for disk in disks)


async def test_every_disk_of_a_consistency_group_comes_back(start: Start) -> None:
    world = await start()
    outcome = await world.say("quick server=web-01 confirm=no")
    source = request_id(outcome.text)
    await receipt(world, source)
    request = await confirmed(world, f"restore {source}")
    await receipt(world, request)
    copied = {one.id for one in world.cloud.world.snapshots.values()}
    assert {disk.snapshot_id for disk in made(world, request)} == copied
    assert len(copied) > 1


async def test_one_snapshot_of_several_is_meant_by_its_id(start: Start) -> None:
    world = await start()
    await backed_up(world, "spare-disk orders-db")
    snapshot = next(one for one in world.cloud.world.snapshots.values() if one.name.startswith("orders-db"))
    request = await confirmed(world, f"restore {snapshot.id}")
    await receipt(world, request)
    assert [disk.snapshot_id for disk in made(world, request)] == [snapshot.id]


async def test_it_waits_for_as_many_others_as_the_project_says(start: Start) -> None:
    world = await start("restore = true\napprovals = 1")
    source = request_id((await world.say("create spare-disk")).text)
    await world.slack.until(lambda: bool(world.replies(source, "ask")))
    await world.slack.press("eng01", CHANNEL, world.replies(source, "ask")[0].ts, APPROVE)
    await world.finished(source)
    request = await confirmed(world, f"restore {source}")
    await world.slack.until(lambda: bool(world.replies(request, "ask")))
    assert made(world, request) == []
    await world.slack.press("eng01", CHANNEL, world.replies(request, "ask")[0].ts, APPROVE)
    await receipt(world, request)
    assert len(made(world, request)) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "502_after", "500_before", "hang", "html", "429", "503"])
async def test_an_order_whose_answer_is_lost_makes_one_disk(start: Start, kind: str) -> None:
    world = await start()
    source = await backed_up(world)
    world.cloud.fault("create_volume", kind)
    request = await confirmed(world, f"restore {source}")
    await receipt(world, request, 60)
    assert len(made(world, request)) == 1


async def test_a_bot_that_dies_after_its_order_finds_the_disk(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    world.cloud.fault("create_volume", "hang")
    request = await confirmed(world, f"restore {source}")
    await world.until(lambda: bool(world.cloud.calls("create_volume")))
    await world.stop_bot()
    await world.start_bot()
    await receipt(world, request, 60)
    assert len(made(world, request)) == 1


async def test_a_disk_that_the_cloud_fails_to_make_is_told_with_its_cause(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    world.cloud.fault("create_volume", "job_fail")
    request = await confirmed(world, f"restore {source}")
    told = await receipt(world, request, 60)
    # The disk may show its error a moment before the job tells the cause.
    assert "could not create it" in told.text or "ended in an error" in told.text


async def test_what_has_no_room_is_refused_before_anything_is_made(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    for project in world.cloud.world.projects:
        project.quotas.volumes = 1
    await world.say(f"restore {source}")
    await world.refused("alice", "its quota leaves room for 0")
    assert world.cloud.calls("create_volume") == []


async def test_where_the_project_does_not_restore_nothing_does(start: Start) -> None:
    world = await start("")
    source = await backed_up(world)
    await world.say(f"restore {source}")
    await world.refused("alice", "no snapshot becomes a disk again")
    assert world.cloud.calls("create_volume") == []


async def test_a_snapshot_that_is_gone_is_said_to_be_gone(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    world.cloud.world.snapshots.clear()
    await world.say(f"restore {source}")
    await world.refused("alice", "The cloud no longer has its snapshot")
    assert world.cloud.calls("create_volume") == []
