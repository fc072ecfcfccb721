"""The next version comes with requests in flight: it changes the tables at its start, and all ends truthfully.

There is one schema until now, so the next version is this one with a migration more, on both stores. Real processes.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.store.database import Database
from bot.store.script import Rows, Script, sql
from bot.store.sqlite import connection
from tests.e2e.replicas import Replicas, some_replicas
from tests.e2e.street import BotProcess, Street, a_street
from tests.e2e.test_replicas import DISKS, all_is_well
from tests.e2e.test_store_moved import in_flight
from tests.judge import gathered, judged

NEXT = """
import os, signal, sys
from bot.store.postgres import schema as server
from bot.store.sqlite import schema as file

STATEMENTS = (
    "alter table item add column note text not null default 'of the next version'",
    "update item set note = 'of the version before'",
    "create index item_note on item (note)",
)

def power_cut():
    if "POWER_CUT" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)

@file.migrations(name="0002-note")
def note(db):
    for statement in STATEMENTS:
        db.execute(statement)
    power_cut()

async def applied(connection, migration, apply=server._apply):
    await apply(connection, migration)
    power_cut()

server._apply = applied
server.MIGRATIONS += (server.Migration("0002-note", server.MIGRATIONS[-1].name, STATEMENTS),)

from bot.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(params=["file", "server"])
def there(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where the store is; the file is where the street has it."""
    return {"BOT_STORE": request.getfixturevalue("postgres_url")} if request.param == "server" else {}


@pytest.fixture
async def street(tmp_path: Path, there: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Street]:
    monkeypatch.setattr(connection, "refuse_newer", lambda *_: None)  # the test itself looks into what comes after
    async with a_street(tmp_path, **there) as street:
        street.slack.ack_seconds = 20.0  # a busy machine is no impatient Slack
        yield street


def notes() -> Script[Rows]:
    return (yield sql("select note, count(*) as number from item group by note order by note"))


async def noted(database: Database) -> dict[str, int]:
    return {row["note"]: row["number"] for row in await database.read(notes)}


async def terminal(street: Street, *arguments: str) -> str:
    code, said = await replace(street.bot, output=street.setting.directory / "terminal.log").run(*arguments)
    assert code == 0, said
    return said


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_requests_in_flight_end_truthfully_in_the_next_version(street: Street, end: signal.Signals) -> None:
    rng, before = random.Random(5), street.bot
    street.cloud.world.timing.min_seconds = street.cloud.world.timing.max_seconds = 8.0
    await street.start()
    accepted = await in_flight(street, rng, "web-01-data web-01-logs", "web-01")
    assert await street.bot.signal(end) == (0 if end is signal.SIGTERM else -end)

    cut = replace(before, program=("-c", NEXT), environment={**before.environment, "POWER_CUT": "1"})
    await cut.start()
    assert await cut.ended(within=20) == -signal.SIGKILL
    assert accepted[0] in await terminal(street, "requests", "list"), "the version before finds its tables as they were"

    street.bot = replace(before, program=("-c", NEXT))
    await street.start()
    async with street.database() as database:
        upgraded = (await noted(database))["of the version before"]
    assert upgraded >= len(accepted)
    street.cloud.world.timing.min_seconds = street.cloud.world.timing.max_seconds = 1.0
    await street.confirm(accepted[1])
    accepted.append(await street.say_until_taken("create orders-db-wal", "#inc-demo", rng))
    assert {request.id for request, _ in await street.until_all_is_said(timeout=90)} == set(accepted)
    async with street.database() as database:
        assert await noted(database) == {"of the next version": 1, "of the version before": upgraded}
        evidence = await gathered(street.setting, database, accepted, [])
    assert {name: why for name, why in judged(evidence).items() if why} == {}
    assert "The audit trail holds" in await terminal(street, "audit", "verify")
    assert await street.bot.signal(signal.SIGTERM) == 0


async def test_the_version_before_refuses_a_file_that_the_next_one_has_changed(tmp_path: Path) -> None:
    async with a_street(tmp_path) as street:
        before, street.bot = street.bot, replace(street.bot, program=("-c", NEXT))
        await street.start()
        assert await street.bot.signal(signal.SIGTERM) == 0
        code, said = await before.run("run")
    assert code == 2
    assert "was last used by a later version of the bot (its schema has 0002-note" in said
    assert "Traceback" not in said


async def upgraded(two: Replicas, replica: BotProcess) -> None:
    """Stopped, and started as the next version."""
    assert two.balancer is not None
    assert await replica.signal(signal.SIGTERM) == 0
    replica.program = ("-c", NEXT)
    await replica.start()
    async with asyncio.timeout(60):
        while replica.text().count("the bot is up") < 2 or len(two.balancer.ready) < 2:
            await asyncio.sleep(0.05)


async def test_replicas_are_upgraded_one_after_the_other_while_commands_go_on(
    tmp_path: Path, postgres_url: str
) -> None:
    """The migration is made while the other replica, of the version before, takes commands."""
    rng = random.Random(7)
    async with some_replicas(tmp_path, postgres_url, 2) as two:
        await two.start()
        assert two.balancer is not None
        accepted = []
        for replica in two.bots:
            change = asyncio.create_task(upgraded(two, replica))
            while not change.done():
                accepted.append(await two.say_until_taken(f"create {rng.choice(DISKS)}", "#inc-demo", rng))
                await asyncio.sleep(0.5)
            await change
        await all_is_well(two, accepted, timeout=120)
        # On a busy machine a replica that works may be thought unready; none that was asked has failed to answer.
        assert {*two.balancer.failed} <= {"[]"}
        async with two.database() as database:
            assert (await noted(database)).keys() == {"of the next version", "of the version before"}
