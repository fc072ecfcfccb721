"""Two hundred requests by twenty people in ten channels at once, with Slack's rate limits on."""

from __future__ import annotations

import asyncio
import itertools
import statistics
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.simulator.cloud.default_world import PAYMENTS
from bot.simulator.cloud.resources import Disk
from bot.simulator.workspace import Message
from bot.simulator.workspace.world import Channel
from tests.e2e.conftest import World, part, request_id

PEOPLE, CHANNELS, REQUESTS = 20, 10, 200
EDITS_A_MINUTE = 50


@pytest.fixture
async def busy_world(quiet_world: World) -> World:
    """Ten channels, a disk for each request, and everybody an operator."""
    world, slack = quiet_world, quiet_world.slack.world
    members = [f"U0ENG{number:05d}" for number in range(1, PEOPLE + 1)]
    for number in range(CHANNELS):
        place = Channel(f"C0MANY{number:04d}", f"inc-{number}", members=[*members, slack.app.bot_user_id])
        slack.channels[place.id] = place
    for number in range(REQUESTS):
        disk = Disk(f"d15cffff-{number:04d}-4000-8000-{number:012d}", f"many-{number}", PAYMENTS, "ap-southeast-3a")
        world.cloud.world.disks[disk.id] = disk
    file = world.setting.directory / "bot.toml"
    file.write_text(
        file.read_text() + '\n[[grants]]\nsubject = "everyone"\nrole = "operator"\nproject = "payments-prod"\n'
    )
    await world.start_bot()
    return world


async def test_every_end_is_shown_within_slacks_budgets_and_none_is_lost(busy_world: World) -> None:
    world = busy_world
    shown_at: dict[str, datetime] = {}
    asked: dict[str, str] = {}

    def note(message: Message, kind: str) -> None:
        found = part(message)
        if found and kind in ("posted", "edited") and "finished" in message.text and found[1] == "status":
            shown_at.setdefault(found[0], world.clock.now())

    world.slack.on_change(note)

    async def ask(number: int) -> None:
        outcome = await world.say(
            f"create many-{number}", f"eng{number % PEOPLE + 1:02d}", f"C0MANY{number % CHANNELS:04d}"
        )
        assert outcome.error is None, outcome.error
        asked[request_id(outcome.text)] = f"C0MANY{number % CHANNELS:04d}"

    await asyncio.gather(*(ask(number) for number in range(REQUESTS)))
    await world.slack.until(lambda: all(world.replies(one, "receipt", place) for one, place in asked.items()), 90)
    await world.slack.until(lambda: set(shown_at) >= set(asked), 90)

    assert len(asked) == REQUESTS
    for request, channel in asked.items():
        root = world.root(request, channel)
        assert root is not None
        assert "all available" in root.text
        assert len(world.replies(request, "receipt", channel)) == 1
    assert len(world.cloud.world.snapshots) == REQUESTS

    edits = [entry for entry in world.slack.api_calls("chat.update") if entry["ok"]]
    assert _most_in_a_minute(edits) <= EDITS_A_MINUTE
    for channel in set(asked.values()):
        for message in world.slack.messages(channel):
            assert _closest_edits_s(message) >= 2.9
    assert world.slack_complaints() == []

    ended = _ends(world)
    late_s = sorted((shown_at[request] - ended[request]).total_seconds() for request in asked)
    refused = [entry for entry in world.slack.api_calls() if entry["error"] == "ratelimited"]
    assert [entry for entry in refused if entry["method"] == "chat.update"] == []
    print(
        f"\n{REQUESTS} requests: {len(edits) / REQUESTS:.2f} edits each; the cloud's end to the shown end "
        f"p50 {statistics.median(late_s):.0f} s, p99 {late_s[int(len(late_s) * 0.99)]:.0f} s; "
        f"{len(refused)} calls were asked to wait"
    )


async def test_who_asked_is_told_at_the_pace_of_posts_when_everything_ends_at_once(busy_world: World) -> None:
    """Ten channels take ten posts a second: two hundred receipts need twenty, however many edits wait for room."""
    world = busy_world
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 200.0
    told_at: dict[str, datetime] = {}

    def note(message: Message, kind: str) -> None:
        found = part(message)
        if found and kind == "posted" and found[1] == "receipt":
            told_at.setdefault(found[0], world.clock.now())

    world.slack.on_change(note)
    await asyncio.gather(*(_ask(world, number) for number in range(REQUESTS)))
    await world.slack.until(lambda: len(told_at) == REQUESTS, 90)
    ended = _ends(world)
    late_s = sorted((told_at[request] - ended[request]).total_seconds() for request in told_at)
    p50, p99 = statistics.median(late_s), late_s[int(len(late_s) * 0.99)]
    print(f"\n{REQUESTS} requests end together; the cloud's end to the receipt p50 {p50:.0f} s, p99 {p99:.0f} s")
    assert p50 <= 45.0
    assert p99 <= 60.0


async def _ask(world: World, number: int) -> str:
    place = f"C0MANY{number % CHANNELS:04d}"
    outcome = await world.say(f"create many-{number}", f"eng{number % PEOPLE + 1:02d}", place)
    assert outcome.error is None, outcome.error
    return request_id(outcome.text)


def _ends(world: World) -> dict[str, datetime]:
    """When the snapshot of each request was finished in the cloud."""
    ends: dict[str, datetime] = {}
    for snapshot in world.cloud.world.snapshots.values():
        item = snapshot.tags["snapshot-bot-request"]
        assert snapshot.ready_at is not None
        ends[item.rpartition("-")[0]] = snapshot.ready_at.astimezone(UTC)
    return ends


def _most_in_a_minute(calls: list[dict[str, Any]]) -> int:
    """The most calls within any 60 s."""
    times = [call["at"] for call in calls]
    return max(sum(1 for other in times if at <= other < at + 60) for at in times)


def _closest_edits_s(message: Message) -> float:
    """Seconds between the two closest edits of a message."""
    times = [at for at, *_ in message.history][1:]
    return min((later - earlier for earlier, later in itertools.pairwise(times)), default=60.0)
