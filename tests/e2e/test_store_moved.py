"""A store that moves from its file to PostgreSQL and back, each time with requests in flight: the bot goes on there.

Real processes against both simulators; the judge looks from outside.
"""

from __future__ import annotations

import random
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.items import Item
from bot.domain.transitions import ItemState
from tests.e2e.street import BotProcess, Street, a_street
from tests.judge import gathered, judged


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with a_street(tmp_path) as street:
        street.slack.ack_seconds = 20.0  # a busy machine is no impatient Slack
        yield street


async def move(street: Street, to: str) -> str:
    """Stop the bot, move its store, and start it there."""
    assert await street.bot.signal(signal.SIGTERM) == 0
    terminal = BotProcess(street.bot.environment, street.setting.directory / "terminal.log")
    code, said = await terminal.run("store", "copy", "--to", to)
    assert code == 0, said
    street.bot = replace(street.bot, environment={**street.bot.environment, "BOT_STORE": to})
    await street.start()
    return said


async def in_flight(street: Street, rng: random.Random, disks: str, server: str) -> list[str]:
    """One in the making, one that waits for its turn, and a plan that waits for its button."""
    street.cloud.fault("create_snapshot", "429", times=6, retry_after=1)
    making, waiting = disks.split()
    moments: dict[str, Callable[[Item], bool]] = {
        f"create {waiting}": lambda item: item.state is ItemState.PLANNED and bool(item.cause),
        f"quick server={server}": lambda item: item.state is ItemState.PLANNED,
    }
    accepted: list[str] = []
    for text, moment in moments.items():
        accepted.append(await street.say_until_taken(text, "#inc-demo", rng))
        await street.until_items(accepted[-1], moment)
    street.cloud.clear_faults()
    accepted.append(await street.say_until_taken(f"create {making}", "#inc-demo", rng))
    await street.until_items(accepted[-1], lambda item: item.state is ItemState.CREATING)
    return accepted


async def test_there_and_back_with_requests_in_flight(street: Street, postgres_url: str) -> None:
    rng, file = random.Random(3), street.bot.environment["BOT_STORE"]
    street.cloud.world.timing.min_seconds = street.cloud.world.timing.max_seconds = 8.0
    await street.start()
    accepted = await in_flight(street, rng, "web-01-data web-01-logs", "web-01")
    said = await move(street, postgres_url)
    assert "3 requests (3 of them under way)" in said
    await street.confirm(accepted[1])
    accepted += await in_flight(street, rng, "orders-db orders-db-wal", "db-01")
    said = await move(street, file.replace("snapshot-bot.db", "back.db"))
    assert f"{len(accepted)} requests" in said
    street.cloud.world.timing.min_seconds = street.cloud.world.timing.max_seconds = 1.0
    await street.confirm(accepted[4])
    found = await street.until_all_is_said(timeout=90)
    assert {request.id for request, _ in found} == set(accepted)
    async with street.database() as database:
        evidence = await gathered(street.setting, database, accepted, [])
    assert {name: why for name, why in judged(evidence).items() if why} == {}
    assert await street.bot.signal(signal.SIGTERM) == 0
