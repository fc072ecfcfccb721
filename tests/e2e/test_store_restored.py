"""A store put back from a backup that was made with requests in flight, by a bot that went on and ended them since.

Real processes against both simulators. What was made since is found and not made again, and no message is left untrue.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.snapshots import REQUEST_TAG
from bot.domain.transitions import ItemState, RequestState
from bot.simulator.cloud.default_world import PAYMENTS
from tests.e2e.street import BotProcess, Street, a_street

_QUIET_AT_ONCE = """
import sys
from datetime import timedelta
from bot.__main__ import main
from bot.store.upkeep import restoring
restoring.QUIET_AFTER = timedelta(0)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with a_street(tmp_path) as street:
        street.slack.ack_seconds = 20.0  # a busy machine is no impatient Slack
        yield street


async def store(street: Street, *arguments: str) -> str:
    """A command of the terminal, which must do what it is asked for; beside the bot, if that runs."""
    terminal = BotProcess(
        street.bot.environment, street.setting.directory / "terminal.log", program=("-c", _QUIET_AT_ONCE)
    )
    code, said = await terminal.run("store", *arguments)
    assert code == 0, said
    return said


def posts(street: Street) -> int:
    return len(street.cloud.calls("create_snapshot")) + len(street.cloud.calls("create_group"))


async def lives_again(street: Street, file: str) -> str:
    """Stop the bot that has ended everything, put the backup back, and let a bot end what it holds."""
    assert await street.bot.signal(signal.SIGTERM) == 0
    said = await store(street, "restore", file)
    await street.start()
    await street.until_all_is_said(timeout=60)
    assert await street.bot.signal(signal.SIGTERM) == 0
    return said


async def test_what_was_in_flight_is_found_and_what_was_not_decided_says_so(street: Street) -> None:
    file, rng = str(street.setting.directory / "copy.db"), random.Random(1)
    _put_server(street)
    street.cloud.world.timing.min_seconds = street.cloud.world.timing.max_seconds = 3.0
    street.cloud.fault("create_snapshot", "429", times=40, retry_after=2, volume_id=None)
    await street.start()
    running = await street.say_until_taken("create kept-0 kept-1 keep=7", "#inc-demo", rng)
    await street.until_items(running, lambda item: item.snapshot_id is None and bool(item.cause))
    undecided = await street.say_until_taken("quick server=web-01", "#inc-demo", rng)
    await street.until_items(undecided, lambda item: item.state is ItemState.PLANNED)
    held = await store(street, "backup", file)
    assert "2 of them under way" in held
    street.cloud.clear_faults()
    await street.confirm(undecided)
    await street.until_all_is_said(timeout=60)
    made, sent = {one["id"] for one in street.cloud.snapshots()}, posts(street)
    assert made

    said = await lives_again(street, file)

    assert "1 requests go on" in said
    assert "1 had not been decided" in said
    assert posts(street) == sent
    assert {one["id"] for one in street.cloud.snapshots()} == made
    found = {request.id: (request, items) for request, items in await street.requests()}
    request, items = found[running]
    assert request.state is RequestState.FINISHED
    assert {item.state for item in items} == {ItemState.AVAILABLE}
    assert {item.snapshot_id for item in items} <= made
    assert "all available" in street.messages(request, "status")[-1].text
    request, _ = found[undecided]
    assert request.state is RequestState.DROPPED
    told = street.messages(request, "status")[-1].text
    assert f"{REQUEST_TAG}={undecided}-…" in told
    assert "nothing was created" not in told.lower()
    assert [entry for entry in street.slack.journal if entry["entry"] == "validation"] == []


@pytest.mark.parametrize("since", ["made", "split"])
async def test_a_group_is_found_whether_it_was_made_since_or_its_disks_were_sent_alone(
    street: Street, since: str
) -> None:
    file = str(street.setting.directory / "copy.db")
    disks = _put_server(street)
    street.cloud.fault("create_group", "429", times=40, retry_after=1)
    await street.start()
    taken = await street.say_until_taken("quick server=grp-kept confirm=no", "#inc-demo", random.Random(1))
    await street.until_items(taken, lambda item: item.consistency_group_id is not None and bool(item.cause))
    await store(street, "backup", file)
    street.cloud.clear_faults()
    if since == "split":
        street.cloud.fault("create_group", "error", times=9, status=400, code="EVS.2068", message="volume be locked")
    await street.until_all_is_said(timeout=60)
    made, sent = sorted(one.volume_id for one in street.cloud.world.snapshots.values()), posts(street)
    assert made == disks
    assert bool(street.cloud.world.groups) == (since == "made")
    street.cloud.clear_faults()

    await lives_again(street, file)

    assert posts(street) == sent
    assert sorted(one.volume_id for one in street.cloud.world.snapshots.values()) == disks
    ((request, items),) = await street.requests()
    assert request.state is RequestState.FINISHED
    assert {item.snapshot_id for item in items} == set(street.cloud.world.snapshots)
    assert "all available" in street.messages(request, "status")[-1].text


def _put_server(street: Street) -> list[str]:
    """A server with two disks in one zone; answers their ids."""
    ids = [f"d15cc4a5-{number:04d}-4000-8000-{number:012d}" for number in (700, 701)]
    server_id = "77777777-0700-4000-8000-000000000700"
    street.cloud.world.put_server({"id": server_id, "name": "grp-kept", "project_id": PAYMENTS})
    for disk_id in ids:
        attached = [{"server_id": server_id, "device": f"/dev/vd{disk_id[-1]}"}]
        disk = {"id": disk_id, "name": f"kept-{disk_id[-1]}", "project_id": PAYMENTS, "attachments": attached}
        street.cloud.world.put_disk({**disk, "availability_zone": "ap-southeast-3a"})
    return ids


async def test_it_is_refused_while_the_bot_runs_and_says_which(street: Street) -> None:
    file = str(street.setting.directory / "copy.db")
    await street.start()
    assert street.bot.process is not None
    await store(street, "backup", file)
    terminal = BotProcess(street.bot.environment, street.setting.directory / "second.log")
    code, said = await asyncio.wait_for(terminal.run("store", "restore", file), 30)
    assert code == 1
    assert f"process {street.bot.process.pid}" in said
    assert await street.bot.signal(signal.SIGTERM) == 0
