"""Several bots on one PostgreSQL: whichever of them is asked acts, once; and what one leaves the others go on with."""

from __future__ import annotations

import asyncio
import random
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import asyncpg
import httpx
import pytest

from tests.e2e.conftest import World, request_id
from tests.e2e.replicas import QUICK_LEASE, Replicas, some_replicas
from tests.e2e.street import BotProcess
from tests.e2e.test_forms import choose_disks, open_form
from tests.e2e.test_frozen import FREEZES, ONE_DISK, is_frozen
from tests.postgres import Cluster

DISKS = ("web-01-data", "web-01-logs", "web-01-system", "orders-db-data", "orders-db-wal")
QUICK = ("-c", QUICK_LEASE)


@pytest.fixture(params=["http", "socket"])
async def three(tmp_path: Path, postgres_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Replicas]:
    async with some_replicas(tmp_path, postgres_url, 3, http=request.param == "http") as replicas:
        await replicas.start()
        yield replicas


async def ask(replicas: Replicas, disk: str, channel: str = "#inc-demo") -> str:
    outcome = await replicas.slack.command("alice", channel, f"create {disk}")
    assert outcome.error is None, outcome.error
    return request_id(outcome.text)


async def all_is_well(replicas: Replicas, accepted: list[str], timeout: float = 60) -> None:
    found = await replicas.until_all_is_said(timeout)
    assert {request.id for request, _ in found} >= set(accepted)
    assert await replicas.broken_promises(accepted) == {}
    assert replicas.slack_complaints() == []


# --- whichever replica answers ----------------------------------------------------------------------------------------


async def test_what_one_replica_was_told_the_others_act_on(three: Replicas) -> None:
    """A command, a plan and its button, a form from its door to its end, and App Home."""
    accepted = [await ask(three, disk) for disk in DISKS[3:]]
    outcome = await three.slack.command("alice", "#inc-demo", "quick")
    accepted.append(request_id(outcome.text))
    await three.confirm(accepted[-1])
    await three.slack.command("alice", "#inc-demo", "")
    world = cast(World, three)
    await open_form(world, "alice")
    await choose_disks(world, "alice", "scratch")
    before = {request.id for request, _ in await three.requests()}
    assert (await three.slack.submit("alice", {})).errors == {}
    async with asyncio.timeout(10):
        while not (new := {request.id for request, _ in await three.requests()} - before):
            await asyncio.sleep(0.05)
    accepted += new
    assert (await three.slack.open_home("alice")).ok
    await three.slack.until(lambda: accepted[0] in three.slack.render_view("alice", home=True), 20)
    await all_is_well(three, accepted)
    if three.balancer is not None:
        assert len(three.balancer.sent) == 3
        assert three.balancer.failed == []


async def test_a_delivery_that_comes_to_two_replicas_at_once_is_acted_on_once(
    tmp_path: Path, postgres_url: str
) -> None:
    async with some_replicas(tmp_path, postgres_url, 2) as two:
        await two.start()
        assert two.balancer is not None
        two.balancer.twice = True
        accepted = [await ask(two, disk) for disk in DISKS[3:]]
        accepted.append(request_id((await two.slack.command("alice", "#inc-demo", "quick")).text))
        await two.confirm(accepted[-1])
        await all_is_well(two, accepted)
        assert {request.id for request, _ in await two.requests()} == set(accepted)
        assert min(two.balancer.sent.values()) >= 4


# --- replicas that end ------------------------------------------------------------------------------------------------


async def test_the_work_of_a_replica_that_is_killed_is_taken_over(tmp_path: Path, postgres_url: str) -> None:
    rng = random.Random(11)
    async with some_replicas(tmp_path, postgres_url, 3, programs=dict.fromkeys(range(3), QUICK)) as three:
        three.slack.ack_seconds = 20.0
        await three.start()
        accepted: list[str] = []
        for dying in three.bots:
            accepted += [await three.say_until_taken(f"create {disk}", "#inc-demo", rng) for disk in DISKS]
            await asyncio.sleep(rng.uniform(0.0, 0.4))
            await dying.signal(signal.SIGKILL)
            accepted += [await three.say_until_taken(f"create {disk}", "#inc-demo", rng) for disk in DISKS[:2]]
            await dying.start()
        await all_is_well(three, accepted, timeout=120)


async def test_a_replica_that_is_stopped_leaves_no_gap(tmp_path: Path, postgres_url: str) -> None:
    """With the lease as it is: what a stop gives back waits for no lease."""
    async with some_replicas(tmp_path, postgres_url, 2) as two:
        await two.start()
        assert two.balancer is not None
        loop, accepted = asyncio.get_running_loop(), list[str]()
        for stopping in two.bots:
            accepted += [await ask(two, disk) for disk in DISKS[:3]]
            began = loop.time()
            ending = asyncio.create_task(stopping.signal(signal.SIGTERM))
            accepted += await asked_until_it_ended(two, ending, stopping)
            assert await ending == 0
            assert loop.time() - began < 10
            await all_is_well(two, accepted, timeout=25)
            await stopping.start()
            async with asyncio.timeout(20):
                while len(two.balancer.ready) < 2:
                    await asyncio.sleep(0.05)
        assert two.balancer.failed == []


async def asked_until_it_ended(two: Replicas, ending: asyncio.Task[int], stopping: BotProcess) -> list[str]:
    """Commands go on all the while, and the balancer hears that the replica is not ready before it stops listening."""
    assert two.balancer is not None
    accepted, seen = list[str](), asyncio.create_task(until_unready(stopping))  # beside: a busy machine answers late
    while not ending.done():
        accepted.append(await ask(two, random.choice(DISKS)))
        await asyncio.sleep(0.5)
    assert seen.done()
    return accepted


async def until_unready(bot: BotProcess) -> None:
    while not await is_unready(bot):
        await asyncio.sleep(0.1)


async def is_unready(bot: BotProcess) -> bool:
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            answer = await http.get(f"http://127.0.0.1:{bot.environment['ADMIN_PORT']}/readyz")
        except httpx.TransportError:
            return False
    return (answer.status_code, answer.text) == (503, "not ready: the bot stops\n")


async def test_a_replica_that_was_frozen_past_its_lease_sends_nothing_once_it_is_woken(
    tmp_path: Path, postgres_url: str
) -> None:
    zombie = ("-c", FREEZES.format(**ONE_DISK))
    shorter = QUICK_LEASE.replace(
        "from bot.__main__", "import bot.app_jobs as jobs\njobs.LATEST_S = -17.0\nfrom bot.__main__"
    )
    async with some_replicas(tmp_path, postgres_url, 2, programs={0: zombie, 1: ("-c", shorter)}) as two:
        two.slack.ack_seconds = 20.0
        await two.start()
        accepted = list[str]()
        while not is_frozen(two.bots[0]):
            accepted.append(await two.say_until_taken(f"create {random.choice(DISKS)}", "#inc-demo", random.Random(5)))
            await asyncio.sleep(0.3)
        await two.until_all_is_said(60)
        before, known = len(two.cloud.calls("create_snapshot")), [request.id for request, _ in await two.requests()]
        assert two.bots[0].process is not None
        two.bots[0].process.send_signal(signal.SIGCONT)
        await asyncio.sleep(3.0)
        # A command that came to it while it was frozen is read now, and is another request.
        later = [str(one["body"]) for one in two.cloud.calls("create_snapshot")[before:]]
        assert not [(request, body) for body in later for request in known if request in body]
        await all_is_well(two, accepted)


# --- a database that is away ------------------------------------------------------------------------------------------


async def test_replicas_outlive_a_database_that_is_away(tmp_path: Path, postgres_cluster: Cluster) -> None:
    postgres_cluster.start()
    making = await asyncpg.connect(postgres_cluster.url())
    await making.execute("create database bot")
    await making.close()
    async with some_replicas(tmp_path, postgres_cluster.url("bot"), 2) as two:
        two.slack.ack_seconds = 20.0
        await two.start()
        accepted = [await ask(two, disk) for disk in DISKS]
        await asyncio.to_thread(postgres_cluster.stop, signal.SIGQUIT)
        refused: Any = await two.slack.command("alice", "#inc-demo", "create web-01-data")
        assert refused.error is not None or re.search("was not recorded", refused.text)
        await asyncio.sleep(26)  # longer than any wait of a connection, a job or a look at the store
        assert [one.process.returncode for one in two.bots if one.process] == [None, None]
        await asyncio.to_thread(postgres_cluster.start)
        accepted.append(await two.say_until_taken("create web-01-data", "#inc-demo", random.Random(3)))
        await all_is_well(two, accepted)
