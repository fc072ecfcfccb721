"""How often a quick backup of fifty disks asks the cloud, from the command to the receipt."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.simulator.cloud.resources import Attachment, Disk, Server
from bot.slack.ids import CONFIRM
from tests.e2e.conftest import CHANNEL, World, request_id

DISKS = 50
CALLS, CALLS_A_GROUP = 12, 1
PROJECT_ID = "0123456789abcdef0123456789abcdef"
SERVER = "77777777-0900-4000-8000-000000000001"


def furnish(world: World, seconds: float) -> None:
    """A server with fifty disks, each of which takes that long to copy."""
    cloud = world.setting.cloud.world
    cloud.timing.min_seconds = cloud.timing.max_seconds = seconds
    cloud.servers[SERVER] = Server(SERVER, "fifty", PROJECT_ID)
    for number in range(900, 900 + DISKS):
        disk_id = f"d15c0000-{number:04d}-4000-8000-{number:012d}"
        attachments = [Attachment(SERVER, f"/dev/vd{number}")]
        cloud.disks[disk_id] = Disk(disk_id, f"fifty-{number}", PROJECT_ID, "ap-southeast-3a", attachments=attachments)


@pytest.mark.parametrize("seconds", [5.0, 60.0])
async def test_fifty_disks_cost_a_dozen_calls_and_one_a_group(quiet_world: World, seconds: float) -> None:
    world = quiet_world
    world.slack.state.limits.enabled = False
    furnish(world, seconds)
    await world.start_bot()
    request = request_id((await world.say("quick server=fifty")).text)
    await world.slack.until(lambda: (root := world.root(request)) is not None and "waiting for your go" in root.text)
    root = world.root(request)
    assert root is not None
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    await world.finished(request, timeout=60)
    calls = Counter(call["operation"] for call in world.cloud.calls())
    assert calls["create_group"] == 1
    assert sum(calls.values()) - calls["create_token"] <= CALLS + CALLS_A_GROUP
