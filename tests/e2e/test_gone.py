"""A snapshot that was deleted, by the bot or by hand, wherever it is named."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import World

OLD_S = 61
"""Seconds after which a snapshot that no listing shows may be gone, and not only be late."""


async def made(world: World, disks: str = "web-01-data") -> str:
    request = await world.create(disks)
    await world.finished(request)
    return request


async def answered(world: World, text: str) -> str:
    """What alice reads, at once or a moment later: who she is may have to be asked first."""
    before = len(world.private("alice"))
    said = str((await world.say(text)).text)
    if "One moment" not in said:
        return said
    await world.slack.until(lambda: len(world.private("alice")) > before + 1)
    return str(world.private("alice")[-1].text)


def receipt(world: World, request: str) -> str:
    return str(world.replies(request, "receipt")[0].text)


async def by_hand(world: World, which: int = 0) -> None:
    await world.clock.sleep(OLD_S)
    del world.cloud.world.snapshots[world.cloud.snapshots()[which]["id"]]


async def test_what_the_bot_deleted_is_named_as_deleted_everywhere(world: World) -> None:
    request = await made(world)
    await world.delete(request, "Deleting 1 snapshot")
    await world.slack.until(lambda: "deleted by" in receipt(world, request), 20)
    root = world.root(request)
    assert root is not None
    alice = world.slack.world.person("alice").id
    answers = [await answered(world, question) for question in (f"status {request}", "list", "status")]
    for text in [root.text, receipt(world, request), *answers]:
        assert f"deleted by <@{alice}> on " in text
        assert "all available" not in text
    assert "Receipt: 0 of 1 snapshot available, 1 deleted since" in receipt(world, request)
    assert "finished, 1 made, all of them deleted since" in root.text
    assert "To go back" not in receipt(world, request)
    assert "deleted already" in await answered(world, f"delete {request}")


@pytest.mark.parametrize("asked", ["status", "status ID", "list"])
async def test_what_was_deleted_by_hand_is_named_as_deleted_once_somebody_asks(world: World, asked: str) -> None:
    request = await made(world)
    await by_hand(world)
    assert "deleted outside of the bot, noticed on" in await answered(world, asked.replace("ID", request))
    await world.slack.until(lambda: "deleted outside of the bot" in receipt(world, request), 20)
    assert "deleted outside of the bot" in str(world.root(request))
    await world.say("restore-points")
    await world.told("alice", "There are no restore points of this channel")


async def test_of_several_only_the_one_that_is_gone_is_named_as_deleted(world: World) -> None:
    request = await made(world, "web-01-data web-01-logs")
    await by_hand(world, 1)
    shown = await answered(world, f"status {request}")
    assert "finished, 2 made, 1 deleted since" in shown
    assert shown.count("deleted outside of the bot") == 1
    await world.slack.until(lambda: "1 of 2 snapshots available, 1 deleted since" in receipt(world, request), 20)
    await world.say("restore-points")
    assert "1 of 2 snapshots still there" in (await world.told("alice", "Restore points of")).text


@pytest.mark.parametrize("fault", ["503", "hang"])
async def test_a_cloud_that_does_not_say_so_has_deleted_nothing(world: World, fault: str) -> None:
    request = await made(world)
    await world.clock.sleep(OLD_S)
    world.cloud.fault("list_snapshots", fault)
    world.cloud.fault("show_snapshot", "503")
    assert "all available" in await answered(world, f"status {request}")


async def test_whoever_joined_it_hears_that_it_is_gone_too(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 10.0
    first, second = await world.create("web-01-data"), await world.create("web-01-data", "bob")
    for request in (first, second):
        await world.finished(request)
    await by_hand(world)
    await answered(world, f"status {first}")
    await world.slack.until(lambda: "deleted outside of the bot" in receipt(world, second), 20)
