"""`snapshot-bot run` as a process of its own, killed and stopped at moments that chance seldom finds: around a delete,
a group, a refusal after a lost answer. Every other moment: `tests/chaos/`.

Real time, real signals, a real SQLite file. What was recorded ends truthfully and is in the cloud exactly once.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.snapshots import REQUEST_TAG
from bot.domain.transitions import ItemState, RequestState
from bot.simulator.cloud.default_world import PAYMENTS
from bot.simulator.workspace import Channel, Message
from bot.slack.bolt import SOCKETS
from tests.e2e.conftest import press_when_asked, request_id
from tests.e2e.street import BotProcess, Street, a_street

SEED = int(os.environ.get("CRASH_SEED", "20261123"))
"""Fixed, so that a failure can be had again; CRASH_SEED tries other moments."""

LIFE_SECONDS = 2.7
"""From when the bot has reached Slack, however long a busy machine takes to start it."""


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with a_street(tmp_path) as street:
        street.slack.ack_seconds = 20.0  # a busy machine is no impatient Slack; whoever tests its patience says less
        yield street


# --- deletions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [None, "drop_after"])
async def test_killed_around_a_delete_it_is_deleted_and_told_once(street: Street, fault: str | None) -> None:
    await street.start()
    outcome = await street.slack.command("alice", "#inc-demo", "create web-01-data web-01-logs keep=7")
    request = request_id(outcome.text)
    await street.until_all_is_said(timeout=60)
    if fault:
        street.cloud.fault("delete_snapshot", fault)
    await press_when_asked(street.slack, request, "alice", "#inc-demo")
    async with asyncio.timeout(60):
        while not street.cloud.calls("delete_snapshot"):
            await asyncio.sleep(0.001)
    assert await street.bot.signal(signal.SIGKILL) == -signal.SIGKILL
    street.cloud.settle()
    await street.start()

    def ends() -> list[Message]:
        return [one for one in street.slack.messages("#inc-demo") if "2 snapshots are deleted" in one.text]

    await street.slack.until(lambda: bool(ends()), 60)
    assert [one for one in street.cloud.snapshots() if one["status"] != "deleting"] == []
    assert await street.bot.signal(signal.SIGTERM) == 0
    assert len(ends()) == 1
    assert (await street.bot.run("audit", "verify"))[0] == 0


def _assert_once_in_the_cloud(street: Street, found: list[tuple[Request, list[Item]]]) -> None:
    items = {item.id: item for _, items in found for item in items}
    made = street.cloud.snapshots()
    by_tag = Counter(snapshot["tags"].get(REQUEST_TAG) for snapshot in made)
    own = {item.id for item in items.values() if item.joined_to is None}
    assert by_tag == dict.fromkeys(own, 1), "one snapshot for each item, and none without one"
    ids = {snapshot["tags"][REQUEST_TAG]: snapshot["id"] for snapshot in made}
    for item in items.values():
        assert item.state is ItemState.AVAILABLE, f"{item.id} ended {item.state}: {item.cause}"
        assert item.snapshot_id == ids[item.joined_to or item.id]
    assert {snapshot["status"] for snapshot in made} == {"available"}


def _assert_told_the_truth(street: Street, request: Request, items: list[Item]) -> None:
    assert request.state is RequestState.FINISHED
    assert items
    roots = street.messages(request, "status")
    receipts = street.messages(request, "receipt")
    assert roots and receipts, f"{request.id} has {len(roots)} messages and {len(receipts)} receipts"
    for text in (roots[-1].text, *(receipt.text for receipt in receipts)):
        for item in items:
            (line,) = [line for line in text.splitlines() if item.disk.name in line and str(item.snapshot_id) in line]
            assert "available" in line
    assert "all available" in roots[-1].text


# --- a second one -----------------------------------------------------------------------------------------------------


async def test_a_second_bot_on_the_same_store_is_refused_and_names_the_first(street: Street) -> None:
    await street.start()
    first = street.bot.process
    assert first is not None
    second = BotProcess(street.bot.environment, street.setting.directory / "second.log")
    code, said = await second.run("run")
    assert code == 2
    assert f"process {first.pid}" in said
    assert "Traceback" not in said
    assert street.slack.connections == SOCKETS, "those of the first"
    assert await street.bot.signal(signal.SIGTERM) == 0


async def test_the_next_bot_may_start_as_soon_as_the_first_was_killed(street: Street) -> None:
    await street.start()
    await street.bot.signal(signal.SIGKILL)
    await street.start()
    assert await street.bot.signal(signal.SIGTERM) == 0


# --- groups -----------------------------------------------------------------------------------------------------------

BACKUPS = 6
GROUP_KILLS = 8


async def _comes(street: Street, moment: Awaitable[None]) -> bool:
    """Whether what is waited for happens in this life of the bot."""
    waiting, up = asyncio.ensure_future(moment), asyncio.ensure_future(street.slack.wait_for_bot(timeout=60))
    await asyncio.wait({waiting, up}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({waiting}, timeout=LIFE_SECONDS)
    came = waiting.done()
    for one in (waiting, up):
        one.cancel()
    await asyncio.gather(waiting, up, return_exceptions=True)
    return came


async def test_killed_while_consistency_groups_are_made_each_is_made_once(street: Street) -> None:
    """Killed around the POST of a group, its answer, its members, and the words about them."""
    rng = random.Random(SEED)
    disks = {backup: _put_server(street, f"grp-{backup}", 500 + backup * 10) for backup in range(BACKUPS)}
    alice, robot = street.slack.world.person("alice").id, street.slack.world.app.bot_user_id
    orders = []
    for backup in range(BACKUPS):
        channel = Channel(f"C0GROUP{backup:03d}", f"grp-{backup}", members=[alice, robot])
        street.slack.world.channels[channel.id] = channel
        orders.append((f"#grp-{backup}", f"quick server=grp-{backup} confirm=no"))
    faults = [None, "drop_after", "drop_before", "slow"] * (GROUP_KILLS // 4)
    rng.shuffle(faults)
    street.slack.ack_seconds = 1.0
    typing: list[asyncio.Task[str]] = []
    for fault in faults:
        street.slack.advance(3.0)
        if fault:
            street.cloud.fault("create_group", fault, **({"seconds": 0.4} if fault == "slow" else {}))
        await street.bot.start()
        if orders:
            channel_name, text = orders.pop()
            typing.append(asyncio.create_task(street.say_until_taken(text, channel_name, rng)))
        await _comes(street, street.posts_grow_beyond(len(street.cloud.calls("create_group")), "create_group"))
        await asyncio.sleep(rng.choice([0.0, 0.002, 0.01, 0.05, 0.3, 0.8]))
        assert await street.bot.signal(signal.SIGKILL) == -signal.SIGKILL
    street.cloud.clear_faults()
    await street.start()
    await asyncio.gather(*typing)
    found = await street.until_all_is_said(timeout=60)
    world = street.cloud.world
    made = Counter(snapshot.volume_id for snapshot in world.snapshots.values())
    wanted = [disk for members in disks.values() for disk in members]
    assert {disk: made[disk] for disk in wanted} == dict.fromkeys(wanted, 1), f"seed {SEED}"
    assert len(world.groups) == BACKUPS
    of_cloud = {snapshot.id: snapshot.volume_id for snapshot in world.snapshots.values()}
    # Whoever heard no acknowledgement typed again: what they asked for twice was joined, never made twice.
    assert {item.snapshot_id for _, items in found for item in items} == set(of_cloud)
    assert all(of_cloud[item.snapshot_id or ""] == item.disk.id for _, items in found for item in items)
    for request, _ in found:
        assert "finished" in street.messages(request, "status")[-1].text
        assert "3 of 3 snapshots available" in street.messages(request, "receipt")[-1].text
    assert [entry for entry in street.slack.journal if entry["entry"] == "validation"] == []
    assert (await street.bot.signal(signal.SIGTERM)) == 0


async def test_killed_after_an_uncertain_group_was_refused_each_disk_is_copied_once_and_alone(street: Street) -> None:
    """Killed while it looks for the group, when the group is refused, and while the single snapshots are sent."""
    rng = random.Random(SEED)
    disks = _put_server(street, "grp-refused", 500)
    street.cloud.fault("create_group", "drop_before")
    street.cloud.fault("create_group", "error", times=9, status=400, code="EVS.2068", message="volume be locked")
    await street.start()
    taken = await street.say_until_taken("quick server=grp-refused confirm=no", "#inc-demo", rng)
    for operation, count in (("create_group", 1), ("create_group", 2), ("create_snapshot", 1)):
        async with asyncio.timeout(60):
            while len(street.cloud.calls(operation)) < count:
                await asyncio.sleep(0.001)
        await asyncio.sleep(rng.choice([0.0, 0.002, 0.01, 0.05]))
        assert await street.bot.signal(signal.SIGKILL) == -signal.SIGKILL
        await street.start()
    ((request, items),) = await street.until_all_is_said(timeout=60)
    assert request.id == taken
    assert street.cloud.world.groups == {}
    assert sorted(one.volume_id for one in street.cloud.world.snapshots.values()) == disks
    _assert_once_in_the_cloud(street, [(request, items)])
    _assert_told_the_truth(street, request, items)
    assert "single snapshots, *not one consistent set*" in street.messages(request, "receipt")[-1].text
    assert await street.bot.signal(signal.SIGTERM) == 0


async def test_killed_while_a_joined_group_loses_its_leader_its_disks_are_copied_after_all(street: Street) -> None:
    """Two plans of the same disks, one confirmed after the other. Killed once the second joined, and once what it had
    joined failed.
    """
    rng = random.Random(SEED)
    disks = _put_server(street, "grp-joined", 500)
    timing = street.cloud.world.timing
    timing.min_seconds = timing.max_seconds = 6.0
    street.cloud.fault("create_group", "job_fail", fail_reason="storage pool full", error_code="EVS.9")
    await street.start()
    first, second = [await street.say_until_taken("quick server=grp-joined", "#inc-demo", rng) for _ in range(2)]
    for request in (first, second):
        await street.until_items(request, lambda item: item.consistency_group_id is not None)
    await street.confirm(first)
    await street.until_items(first, lambda item: item.state is ItemState.CREATING)
    await street.confirm(second)
    await street.until_items(second, lambda item: item.joined_to is not None)
    timing.min_seconds = timing.max_seconds = 1.0
    for moment in (lambda item: item.accepted, lambda item: item.state is ItemState.FAILED):
        await street.until_items(first, moment)
        await asyncio.sleep(rng.choice([0.0, 0.002, 0.01, 0.05]))
        assert await street.bot.signal(signal.SIGKILL) == -signal.SIGKILL
        await street.start()
    found = {request.id: (request, items) for request, items in await street.until_all_is_said(timeout=60)}
    (_, failed), (second_request, items) = found[first], found[second]
    assert {(item.state, item.cause) for item in failed} == {
        (ItemState.FAILED, "The cloud could not create it: storage pool full (EVS.9).")
    }
    _assert_told_the_truth(street, second_request, items)
    made = {one.id: one.volume_id for one in street.cloud.world.snapshots.values() if one.outcome == "available"}
    assert {item.snapshot_id: item.disk.id for item in items} == made
    assert sorted(made.values()) == disks
    assert len(street.cloud.calls("create_group")) == 1
    assert await street.bot.signal(signal.SIGTERM) == 0


def _put_server(street: Street, name: str, first: int) -> list[str]:
    """A server with three disks in one zone; answers their ids."""
    ids = [f"d15cc4a5-{number:04d}-4000-8000-{number:012d}" for number in range(first, first + 3)]
    server_id = f"77777777-{first:04d}-4000-8000-{first:012d}"
    street.cloud.world.put_server({"id": server_id, "name": name, "project_id": PAYMENTS})
    for number, disk_id in enumerate(ids):
        street.cloud.world.put_disk(
            {
                "id": disk_id,
                "name": f"{name}-{number}",
                "project_id": PAYMENTS,
                "availability_zone": "ap-southeast-3a",
                "attachments": [{"server_id": server_id, "device": f"/dev/vd{number}"}],
            }
        )
    return ids


# --- SIGTERM ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_an_idle_bot_well(street: Street, number: signal.Signals) -> None:
    await street.start()
    assert await street.bot.signal(number, within=5) == 0
    assert street.slack.connections == 0
    assert "Traceback" not in street.bot.text()
    assert f"the bot stops  why={number.name}\n" in street.bot.text()


async def test_a_signal_ends_a_bot_that_still_waits_for_slack(tmp_path: Path) -> None:
    async with a_street(tmp_path, SLACK_API_URL="http://127.0.0.1:9/api/") as street:
        await street.bot.start()
        async with asyncio.timeout(60):
            while "slack can't be reached" not in street.bot.text():
                await asyncio.sleep(0.05)
        assert await street.bot.signal(signal.SIGTERM, within=5) == 0
        assert "Traceback" not in street.bot.text()


@pytest.mark.parametrize("fault", ["", "slow", "hang"])
async def test_a_stop_in_the_middle_of_a_request_takes_ten_seconds_at_most_and_the_next_start_ends_it(
    street: Street, fault: str
) -> None:
    """While the cloud makes the snapshot; while it is slow to answer the POST; while it never will."""
    if fault:
        street.cloud.fault("create_snapshot", fault)
    await street.start()
    taken = await street.say_until_taken("create web-01-data", "#inc-demo", random.Random(SEED))
    await street.posts_grow_beyond(0)
    assert await street.bot.signal(signal.SIGTERM, within=10) == 0
    assert "Traceback" not in street.bot.text()
    await street.start()
    (found,) = await street.until_all_is_said(timeout=60)
    assert found[0].id == taken
    _assert_once_in_the_cloud(street, [found])
    _assert_told_the_truth(street, *found)
    assert len(street.messages(found[0], "status")) == 1
    assert len(street.messages(found[0], "receipt")) == 1
    assert await street.bot.signal(signal.SIGTERM) == 0


# --- bad configuration ------------------------------------------------------------------------------------------------


async def test_bad_configuration_ends_it_with_every_fault_at_once(tmp_path: Path) -> None:
    async with a_street(tmp_path, ADMIN_PORT="ninety", SIM_SECRET_KEY="", LOG_FORMAT="xml") as street:
        file = tmp_path / "bot.toml"
        text = file.read_text(encoding="utf-8").replace('region = "eu-west-0"', "regoin = 7", 1)
        file.write_text(text.replace('role = "admin"', 'role = "chief"', 1), encoding="utf-8")
        code, said = await street.bot.run("run")
        assert code == 2
        assert re.search(r"\b[5-9] faults", said), said
        for place in ("ADMIN_PORT", "LOG_FORMAT", "secret_key", "regoin", "region", "role"):
            assert place in said
        assert "Traceback" not in said
        assert not (tmp_path / "snapshot-bot.db").exists()


async def test_a_token_that_slack_refuses_is_bad_configuration(tmp_path: Path) -> None:
    async with a_street(tmp_path, SLACK_BOT_TOKEN="xoxb-of-another-workspace") as street:
        code, said = await street.bot.run("run")
        assert code == 2
        assert "SLACK_BOT_TOKEN" in said
        assert "Traceback" not in said
