"""How much one person may have open at a time: a command that is too much is refused, and nothing typed is lost."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import World


@pytest.fixture
async def small_world(quiet_world: World) -> World:
    """One request of a person at a time."""
    world = quiet_world
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 30.0
    file = world.setting.directory / "bot.toml"
    file.write_text(f"{file.read_text()}\n[limits]\nopen_requests = 1\n")
    await world.start_bot()
    return world


async def test_a_command_too_many_is_answered_with_the_command_and_taken_when_the_other_has_ended(
    small_world: World,
) -> None:
    world = small_world
    first = await world.create("web-01-data reason=before")
    outcome = await world.say('create web-01-logs reason="after the deploy"')
    assert outcome.error is None
    assert "You have 1 request open" in outcome.text
    assert '/snapshot create web-01-logs reason="after the deploy"' in outcome.text
    await world.finished(first)
    await world.finished(await world.create('web-01-logs reason="after the deploy"'))
    assert len(world.cloud.world.snapshots) == 2
