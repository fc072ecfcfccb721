"""Of what the bot made itself the match of rows and cloud finds nothing, and what others did to it is found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.evs.cloud import HttpCloud
from bot.settings import load_settings
from bot.workflow.jobs.match_audit import AuditMatch
from tests.e2e.conftest import World
from tests.e2e.test_quick import confirmed, ended
from tests.workflow.jobs.test_anchor_audit import Board

WEEK = timedelta(days=7)


@pytest.fixture
async def matching(world: World) -> AsyncIterator[AuditMatch]:
    """A match that is due as soon as it is called."""
    settings = load_settings(world.setting.environment())
    cloud = HttpCloud(settings.projects, settings.credentials, world.clock)
    assert world.bot is not None
    yield AuditMatch(world.bot.store, cloud, Board(), world.clock, WEEK, "C9")
    await cloud.aclose()


async def findings(world: World, matching: AuditMatch) -> list[tuple[str, str]]:
    assert world.bot is not None
    await world.bot.store.chore_done("match:payments-prod", world.clock.now())
    assert await matching("payments-prod") == WEEK.total_seconds()
    rows = await world.bot.store.last_matches()
    return [(row["rule"], row["subject"]) for row in rows if row["outcome"] == "failed"]


async def test_single_snapshots_groups_and_joined_ones_are_as_the_rows_say(world: World, matching: AuditMatch) -> None:
    first, second = await world.create("web-01-data"), await world.create("web-01-data")
    for request in (first, second):
        await world.finished(request)
    await ended(world, await confirmed(world, "server=web-01"))
    asked = len(world.cloud.calls())
    assert await findings(world, matching) == []
    assert len(world.cloud.calls()) - asked <= 3  # a listing, and what it takes to be let in


async def test_a_snapshot_that_a_person_deleted_in_the_console_is_found(world: World, matching: AuditMatch) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    world.cloud.world.snapshots.clear()
    assert await findings(world, matching) == [("snapshot-gone", f"{request}-1")]
    assert await findings(world, matching) == []
