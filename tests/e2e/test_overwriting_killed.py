"""`restore ID overwrite` on replicas: the one at work is killed right before the first roll-back leaves, and the other
finishes, once.

Real processes on one PostgreSQL, real signals; judged by the simulated cloud, and told by the pack for an auditor.
"""

from __future__ import annotations

import asyncio
import signal
import zipfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from bot.clock import SystemClock
from bot.evidence.pack import written
from bot.simulator.workspace import Message
from bot.slack.ids import TYPE_TO_CONFIRM
from bot.store.store import Store
from tests.e2e.conftest import CHANNEL, FastClock, World
from tests.e2e.replicas import QUICK_LEASE, Replicas, some_replicas
from tests.e2e.test_approvals import APPROVERS
from tests.e2e.test_new_disks import backed_up, receipt
from tests.e2e.test_overwriting import agreed, detached, disk, roll_backs, snapshots_of
from tests.evidence.test_pack import table

DISKS = ("web-01-data", "web-01-logs")

DIES = """
import os, signal
from bot import app_jobs
from bot.evs.client import EvsClient
app_jobs.LATEST_S = -17.0
sends = EvsClient.roll_back
async def dies(*args, **options):
    try:
        os.write(os.open({mark!r}, os.O_CREAT | os.O_EXCL | os.O_WRONLY), str(os.getpid()).encode())
    except FileExistsError:
        return await sends(*args, **options)
    os.kill(os.getpid(), signal.SIGKILL)
EvsClient.roll_back = dies
"""
"""Whichever replica is the first to send a roll-back: all is written down, and nothing of it leaves."""


async def going(two: Replicas, world: World, source: str, words: str) -> str:
    """A roll-back that is confirmed and agreed to. Which replica is asked may not know alice yet, and name it later."""
    await world.say(f"restore {source} overwrite")
    requests: list[str] = []
    async with asyncio.timeout(20):
        while not (requests := [one.id for one, _ in await two.requests() if one.id != source]):
            await asyncio.sleep(0.05)
    await world.slack.until(lambda: "nothing is overwritten yet" in getattr(world.root(requests[0]), "text", ""), 20)
    root = world.root(requests[0])
    assert root is not None
    await typed(world, root, words)
    await agreed(world, requests[0])
    return requests[0]


async def typed(world: World, root: Message, words: str) -> None:
    """The replica that is pressed opens the form: it alone holds the trigger."""
    await world.slack.press("alice", CHANNEL, root.ts, TYPE_TO_CONFIRM)
    await world.slack.until(lambda: world.slack.view("alice") is not None, 10)
    ((block, element),) = world.slack.view("alice").inputs()
    await world.slack.type_in_view("alice", block["block_id"], element["action_id"], words)
    assert (await world.slack.submit("alice")).errors == {}


async def killed(replicas: Replicas, mark: Path) -> int:
    """The number of the replica that died of it."""
    processes = [one.process for one in replicas.bots]
    await replicas.slack.until(lambda: written_in(mark) in [str(one.pid) for one in processes if one], 60)
    died = [str(one.pid) for one in processes if one].index(written_in(mark))
    assert await replicas.bots[died].ended() == -signal.SIGKILL
    return died


def written_in(file: Path) -> str:
    return file.read_text() if file.exists() else ""


async def test_killed_between_the_safety_snapshots_and_the_roll_backs_the_other_replica_sends_each_once(
    tmp_path: Path, postgres_url: str
) -> None:
    mark = tmp_path / "died"
    program = ("-c", QUICK_LEASE.replace("from bot.__main__", f"{DIES.format(mark=str(mark))}\nfrom bot.__main__"))
    async with some_replicas(tmp_path, postgres_url, 2, programs=dict.fromkeys(range(2), program)) as two:
        file = two.setting.directory / "bot.toml"
        head = "[projects.payments-prod]\n"
        file.write_text(file.read_text().replace(head, f"{head}restore = true\n", 1) + APPROVERS)
        two.slack.ack_seconds = 20.0
        await two.start()
        world = World(two.setting, FastClock(1.0))
        source = await backed_up(world, " ".join(DISKS))
        detached(world, DISKS)
        request = await going(two, world, source, "2 web-01")
        died = await killed(two, mark)
        safety = {name: snapshots_of(world, name)[1] for name in DISKS}
        assert world.cloud.calls("rollback_snapshot") == []
        assert {one.status_at(SystemClock().now()) for one in safety.values()} == {"available"}
        told = await receipt(world, request, 60)
        sent = Counter(one["path"] for one in world.cloud.calls("rollback_snapshot"))
        assert (set(sent.values()), len(roll_backs(world))) == ({1}, 2)
        for name, kept in safety.items():
            old, after = snapshots_of(world, name)
            assert (disk(world, name).rolled_back_to, after.id) == (old.id, kept.id)
            assert kept.id in told.text
        await two.until_all_is_said(20)
        assert await two.broken_promises([source, request]) == {}
        assert await two.bots[1 - died].signal(signal.SIGTERM) == 0, "the other one was at work all the while"
        await told_to_an_auditor(two, world, request, tmp_path)


async def told_to_an_auditor(two: Replicas, world: World, request: str, folder: Path) -> None:
    """A row a disk, from the trail that both replicas wrote."""
    async with two.database() as database:
        now = SystemClock().now()
        days = (now - timedelta(days=1), now + timedelta(days=1))
        await written(Store(database, SystemClock()), *days, ("yesterday", "today"), folder / "pack.zip")
    found = zipfile.ZipFile(folder / "pack.zip")
    rows = [one for one in table(found, "restorations.csv") if one["request"] == request]
    people = {(one["way"], one["requester"], one["confirmed_by"], one["agreed_by"], one["rule"]) for one in rows}
    alice, eng01 = (world.slack.world.person(name).id for name in ("alice", "eng01"))
    assert people == {("overwrite", alice, alice, eng01, "restored")}
    went_back = {one["disk_id"]: (one["snapshot"], one["safety_snapshot"]) for one in rows}
    assert went_back == {disk(world, name).id: tuple(one.id for one in snapshots_of(world, name)) for name in DISKS}
    for one in rows:
        assert one["confirmed_at"] < one["safety_made_at"] < one["begun_at"] < one["at"]
