"""Calling back what was not sent; what was sent goes on to its truthful end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.slack.ids import CANCEL
from tests.e2e.conftest import CHANNEL, World

DATA = "d15c0000-0002-4000-8000-000000000002"


@pytest.fixture
async def waiting_world(quiet_world: World) -> AsyncIterator[World]:
    """In payments-prod somebody else has to agree; a busy disk is asked again every 2 s."""
    file = quiet_world.setting.directory / "bot.toml"
    text = file.read_text().replace("busy_retry_seconds = 10", "busy_retry_seconds = 2")
    file.write_text(text.replace("[projects.payments-prod]", "[projects.payments-prod]\napprovals = 1"))
    await quiet_world.start_bot()
    yield quiet_world


async def trail(world: World) -> list[tuple[str, str, str]]:
    assert world.bot is not None
    rows = await world.bot.store.audit_page(0)
    return [(row["actor"], row["outcome"], row["rule"]) for row in rows if row["action"] == "cancel"]


async def button(world: World, request: str, channel: str = CHANNEL) -> bool:
    root = world.root(request, channel)
    assert root is not None
    return CANCEL in str(root.blocks)


async def test_a_request_that_waits_for_approval_is_called_back_whole(waiting_world: World) -> None:
    world = waiting_world
    request = await world.create("web-01-data spare-disk", person="bob")
    await world.slack.until(lambda: world.root(request) is not None)
    root = world.root(request)
    assert root is not None
    outcome = await world.slack.press("bob", CHANNEL, root.ts, CANCEL)
    assert outcome.confirm["text"]["text"] == "2 disks not sent yet will not be snapshotted."
    await world.told("bob", "Cancelled. Nothing was created.")
    root = await world.finished(request)
    assert "dropped, nothing was created" in root.text
    assert CANCEL not in str(root.blocks)
    receipt = world.replies(request, "receipt")[0]
    assert "<@U0BOB00002> cancelled it. Nothing was created." in receipt.text
    assert world.cloud.calls("create_snapshot") == []
    assert await trail(world) == [("U0BOB00002", "allowed", "granted")]
    again = await world.say(f"cancel {request}", "bob")
    assert "has ended; nothing is left to cancel" in again.text
    assert world.slack_complaints() == []


async def test_a_disk_that_waits_its_turn_is_called_back_by_another_operator(either_world: World) -> None:
    world = either_world
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 20.0
    world.cloud.fault("create_snapshot", "external_busy", seconds=600, volume_id=DATA)
    request = await world.create("web-01-data spare-disk")
    await world.slack.until(lambda: "waiting its turn" in getattr(world.root(request), "text", ""))
    assert await button(world, request)
    root = world.root(request)
    assert root is not None
    outcome = await world.slack.press("bob", CHANNEL, root.ts, CANCEL)
    assert "1 disk not sent yet will not be snapshotted. What was sent" in outcome.confirm["text"]["text"]
    told = await world.told("bob", "1 disk was not sent yet and cancelled")
    assert "1 disk was sent to the cloud already and can't be called back; I follow it to its end." in told.text
    root = await world.finished(request)
    assert "ended, 1 available, 1 not" in root.text
    assert "<@U0BOB00002> cancelled it before it was sent." in root.text
    assert CANCEL not in str(root.blocks)
    assert "spare-disk*: available" in world.replies(request, "receipt")[0].text


async def test_what_was_sent_cannot_be_called_back_and_the_answer_says_so(world: World) -> None:
    request = await world.create("spare-disk")
    await world.until(lambda: bool(world.cloud.calls("create_snapshot")))
    told = await world.say(f"cancel {request}")
    assert "Too late: 1 disk was sent to the cloud already and can't be called back" in told.text
    assert world.bot is not None
    rows = [row for row in await world.bot.store.audit_page(0) if row["action"] == "cancel"]
    assert [(row["subject"], row["outcome"], row["rule"]) for row in rows] == [(request, "denied", "sent-before")]
    assert "all available" in (await world.finished(request)).text


async def test_a_request_that_is_still_looked_up_can_be_called_back(either_world: World) -> None:
    world = either_world
    await world.say("help")
    await world.told("alice", "You may use")
    world.cloud.fault("list_volumes", "slow", seconds=20)
    request = await world.create("spare-disk")
    assert "Cancelled. Nothing was created." in (await world.say(f"cancel {request}")).text
    told = await world.told("alice", "cancelled it. Nothing was created.")
    assert request in told.text
    await asyncio.sleep(2.2)  # the slow listing comes in, and its plan too late
    assert world.cloud.calls("create_snapshot") == []
    assert world.root(request) is None


@pytest.mark.parametrize("person", ["carol", "gus"])
async def test_who_may_not_is_told_nothing_of_the_request(waiting_world: World, person: str) -> None:
    world = waiting_world
    request = await world.create("web-01-data", person="bob")
    await world.slack.until(lambda: world.root(request) is not None)
    root = world.root(request)
    assert root is not None
    await world.slack.press(person, CHANNEL, root.ts, CANCEL)
    words = "Guests of this workspace" if person == "gus" else f"I know no request “{request}” that you may cancel."
    await world.told(person, words)
    unknown = await world.say("cancel r-00000000", person)
    if person == "carol":
        assert unknown.text == "I know no request “r-00000000” that you may cancel."
    assert "waiting for approval" in getattr(world.root(request), "text", "")
    assert [row[1] for row in await trail(world)][:1] == ["denied"]


async def test_cancelling_at_the_very_moment_of_the_posts_ends_truthfully(world: World) -> None:
    """Whoever comes first: each disk has its snapshot, or was never sent; the words say which."""
    await world.say("help")
    await world.told("alice", "You may use")
    requests = [await world.create(disk) for disk in ("spare-disk", "orders-db", "web-01-data")]
    answers = await asyncio.gather(*(world.say(f"cancel {request}") for request in requests))
    for request, answer in zip(requests, answers, strict=True):
        made = [
            snapshot
            for snapshot in world.cloud.world.snapshots.values()
            if snapshot.tags["snapshot-bot-request"].startswith(request)
        ]
        if "Nothing was created" in answer.text:
            await world.told("alice", "cancelled it. Nothing was created.")
            assert made == []
        else:
            assert "all available" in (await world.finished(request)).text
