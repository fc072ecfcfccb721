"""`snapshot-bot run` as a process of its own, killed and stopped at every sort of moment, against both simulators.

Real time, real signals, a real SQLite file. What was recorded ends truthfully and is in the cloud exactly once.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
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

PARTS = 3
"""Independent of each other, so that several workers share them; together 30 kills over 21 requests."""
KILLS = 10
REQUESTS = 7
DISKS = 15
CHANNELS = 3
"""Several, because Slack takes about one message a second in each."""

LIFE_SECONDS = 2.7
"""From when the bot has reached Slack, however long a busy machine takes to start it."""


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with a_street(tmp_path) as street:
        street.slack.ack_seconds = 20.0  # a busy machine is no impatient Slack; whoever tests its patience says less
        yield street


# --- kill -9 ----------------------------------------------------------------------------------------------------------


async def _any_moment(street: Street, rng: random.Random) -> None:
    """From the first line of its start to well after it."""
    await asyncio.sleep(rng.uniform(0.1, 2.2))


async def _a_post_arrived(street: Street, rng: random.Random) -> None:
    """Around the answer to a POST and the commit that writes it down."""
    await street.posts_grow_beyond(len(street.cloud.calls("create_snapshot")))
    await asyncio.sleep(rng.choice([0.0, 0.002, 0.005, 0.01, 0.02, 0.05]))


async def _a_post_waits(street: Street, rng: random.Random) -> None:
    """The cloud did it and is slow to say so."""
    street.cloud.fault("create_snapshot", "slow", seconds=0.4)
    await street.posts_grow_beyond(len(street.cloud.calls("create_snapshot")))
    await asyncio.sleep(rng.uniform(0.0, 0.4))


async def _an_answer_was_lost(street: Street, rng: random.Random) -> None:
    """The connection broke, before the cloud did it or after: the bot is looking for it, or about to."""
    street.cloud.fault("create_snapshot", rng.choice(["drop_before", "drop_after"]))
    await street.posts_grow_beyond(len(street.cloud.calls("create_snapshot")))
    await asyncio.sleep(rng.uniform(0.0, 0.6))


async def _the_bot_speaks(street: Street, rng: random.Random) -> None:
    """Slack shows a message, or its edit, of which the bot has yet to write down that it was shown."""
    spoken = asyncio.Event()
    street.slack.on_change(lambda message, kind: spoken.set() if message.from_app else None)
    await spoken.wait()
    await asyncio.sleep(rng.choice([0.0, 0.001, 0.003, 0.01]))


async def _a_row_was_just_written(street: Street, rng: random.Random) -> None:
    """Within a millisecond or two of a commit, such as the one before an acknowledgement."""
    await street.slack.wait_for_bot(timeout=60)
    await asyncio.sleep(rng.uniform(0.0, 0.4))
    wal = street.setting.directory / "snapshot-bot.db-wal"
    before = wal.stat().st_mtime_ns
    while wal.stat().st_mtime_ns == before:
        await asyncio.sleep(0.0005)


async def _an_acknowledgement_was_lost(street: Street, rng: random.Random) -> None:
    """The next command is recorded and its person never hears of it, so they type it again."""
    street.slack.fault("lose_ack", method="/snapshot")
    await street.slack.wait_for_bot(timeout=60)
    await asyncio.sleep(rng.uniform(0.0, 1.4))


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


Moment = Callable[[Street, random.Random], Awaitable[None]]
MOMENTS: list[Moment] = [
    *[_any_moment] * 5,
    *[_a_post_arrived] * 6,
    *[_a_post_waits] * 5,
    *[_an_answer_was_lost] * 4,
    *[_the_bot_speaks] * 4,
    *[_a_row_was_just_written] * 4,
    *[_an_acknowledgement_was_lost] * 2,
]


def _orders(street: Street, rng: random.Random) -> list[tuple[str, str]]:
    """What is typed, each with its channel: every third request has two disks, and no two share one."""
    names = [f"crash-{number:02d}" for number in range(1, DISKS + 1)]
    for number, name in enumerate(names, 1):
        street.cloud.world.put_disk(
            {
                "id": f"d15cc4a5-{number:04d}-4000-8000-{number:012d}",
                "name": name,
                "project_id": PAYMENTS,
                "availability_zone": "ap-southeast-3a",
            }
        )
    alice, robot = street.slack.world.person("alice").id, street.slack.world.app.bot_user_id
    for number in range(1, CHANNELS + 1):
        channel = Channel(f"C0CRASH{number:03d}", f"inc-{number}", members=[alice, robot])
        street.slack.world.channels[channel.id] = channel
    rng.shuffle(names)
    orders = []
    for number in range(REQUESTS):
        disks = [names.pop() for _ in range(2 if number % 3 == 0 else 1)]
        orders.append((f"#inc-{number % CHANNELS + 1}", f"create {' '.join(disks)} keep=7 reason=drill-{number}"))
    return orders


@pytest.mark.parametrize("number", range(PARTS))
async def test_killed_again_and_again_over_many_requests_nothing_is_lost_done_twice_or_told_wrongly(
    street: Street, number: int
) -> None:
    seed = f"{SEED}/{number}"
    rng = random.Random(seed)
    orders = _orders(street, rng)
    moments = MOMENTS[number::PARTS]
    assert len(moments) == KILLS
    rng.shuffle(moments)
    street.slack.ack_seconds = 1.0
    typing: list[asyncio.Task[str]] = []
    left_at_work: list[Counter[str]] = []
    missed = 0
    for life, moment in enumerate(moments):
        # Each new life asks Slack again who people are. No operator restarts a bot ten times in twenty seconds, so for
        # Slack's budgets (usergroups.list: 20 a minute) more time passes.
        street.slack.advance(3.0)
        await street.bot.start()
        while orders and REQUESTS - len(orders) < REQUESTS * (life + 1) // KILLS:
            channel, text = orders.pop()
            typing.append(asyncio.create_task(street.say_until_taken(text, channel, rng)))
        missed += not await _comes(street, moment(street, rng))  # it ends all the same
        assert await street.bot.signal(signal.SIGKILL) == -signal.SIGKILL, f"seed {seed}, life {life}"
        left_at_work.append(street.left_at_work(await street.requests()))
    street.cloud.clear_faults()
    await street.start()
    try:
        taken = await asyncio.gather(*typing)
        found = await street.until_all_is_said(timeout=60)
        print(
            f"\nseed {seed}: {REQUESTS} requests taken, {len(found)} recorded, {missed} moments missed, "
            f"{len(street.cloud.calls('create_snapshot'))} POSTs for {sum(len(items) for _, items in found)} disks, "
            f"left by the killed: {dict(sum(left_at_work, Counter()))}"
        )
        assert sum(1 for left in left_at_work if left) >= KILLS / 2, "the kills should strike bots at work"
        assert len(taken) == REQUESTS
        assert set(taken) <= {request.id for request, _ in found}, "what was acknowledged was recorded"
        _assert_once_in_the_cloud(street, found)
        for request, items in found:
            _assert_told_the_truth(street, request, items)
        assert [entry for entry in street.slack.journal if entry["entry"] == "validation"] == []
        assert await street.bot.signal(signal.SIGTERM) == 0
        code, listed = await street.bot.run("requests", "list")
        assert code == 0
        assert all(request.id in listed for request, _ in found)
        assert (await street.bot.run("audit", "verify"))[0] == 0
    except AssertionError as failed:
        raise AssertionError(
            f"{failed}\n\nWith the seed {seed}; its log ends:\n{street.bot.text()[-3000:]}"
        ) from failed


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
    assert "single snapshots started together" in street.messages(request, "receipt")[-1].text
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
