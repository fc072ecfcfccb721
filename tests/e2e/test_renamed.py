"""A project that is renamed in bot.toml, or taken out of it, while something of it runs."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import World, request_id
from tests.e2e.test_dead_threads import loose
from tests.e2e.test_gone import answered, receipt


async def restarted_with(world: World, was: str, now: str) -> None:
    file = world.setting.directory / "bot.toml"
    file.write_text(file.read_text().replace(was, now))
    await world.start_bot()


async def in_the_making(world: World) -> str:
    world.cloud.fault("create_snapshot", "stuck")
    request = await world.create("web-01-data")
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    await world.stop_bot()
    return request


async def in_doubt(world: World, fault: str) -> str:
    """Its POST is not answered, and no look neither."""
    world.cloud.fault("create_snapshot", fault)
    world.cloud.fault("list_snapshots", "503", times=1000)
    request = await world.create("web-01-data")
    await world.slack.until(lambda: "no clear answer" in str(world.root(request)))
    await world.stop_bot()
    world.cloud.clear_faults()
    return request


async def test_what_is_in_the_making_goes_on_under_the_new_name(world: World) -> None:
    request = await in_the_making(world)
    world.cloud.settle()
    await restarted_with(world, "payments-prod", "payments-eu")
    root = await world.finished(request)
    assert "all available" in root.text
    assert "bot.toml" not in root.text


async def test_what_is_in_doubt_is_looked_for_and_found_under_the_new_name(world: World) -> None:
    request = await in_doubt(world, "drop_after")
    await restarted_with(world, "payments-prod", "payments-eu")
    assert "all available" in (await world.finished(request)).text
    assert len(world.cloud.calls("create_snapshot")) == 1


async def test_what_was_never_made_is_told_as_that_after_a_look(world: World) -> None:
    request = await in_doubt(world, "drop_before")
    await restarted_with(world, "payments-prod", "payments-eu")
    root = await world.finished(request)
    assert "bot.toml has no project “payments-prod” any more, so I send nothing to it." in root.text
    assert "I looked, and the cloud holds no snapshot of it" in root.text
    assert "not sent" not in root.text
    assert world.cloud.snapshots() == []


async def test_an_alias_that_stands_for_another_project_is_not_looked_at_for_what_ran_before(world: World) -> None:
    request = await in_the_making(world)
    world.cloud.settle()
    payments, shop = "0123456789abcdef0123456789abcdef", "5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b"
    file = world.setting.directory / "bot.toml"
    file.write_text(file.read_text().replace(payments, "?").replace(shop, payments).replace("?", shop))
    await world.start_bot()
    assert "all available" in (await world.finished(request)).text


@pytest.mark.parametrize("also", ["under another alias", "nowhere"])
async def test_what_was_made_before_an_alias_stood_for_another_project_is_not_missed_there(
    world: World, also: str
) -> None:
    request = await world.create("web-01-data keep=1")
    await world.finished(request)
    await world.clock.sleep(61)
    await world.stop_bot()
    payments, shop = "0123456789abcdef0123456789abcdef", "5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b"
    file = world.setting.directory / "bot.toml"
    before = file.read_text().replace(shop, "?" if also == "nowhere" else payments, 1)
    file.write_text(before.replace(payments, shop, 1).replace("?", "1e9ac71e9ac71e9ac71e9ac71e9ac701"))
    await world.start_bot()
    await world.say(f"status {request}")
    await world.clock.sleep(15)
    root = world.root(request)
    assert root is not None
    for text in (await answered(world, f"status {request}"), root.text, receipt(world, request)):
        assert "available" in text
        assert "deleted" not in text
    world.clock.step(hours=13)
    await world.slack.until(lambda: bool(world.replies(request, "reminder")), 20)


@pytest.mark.parametrize("doubt", [True, False])
async def test_a_project_that_is_taken_out_is_told_and_goes_on_once_it_is_back(world: World, doubt: bool) -> None:
    request = await (in_doubt(world, "drop_after") if doubt else in_the_making(world))
    world.cloud.settle()
    gone, other = "0123456789abcdef0123456789abcdef", "99999999999999999999999999999999"
    file = world.setting.directory / "bot.toml"
    file.write_text(file.read_text().replace(gone, other))
    await restarted_with(world, "payments-prod", "elsewhere")
    await world.slack.until(lambda: "bot.toml has no project" in str(world.root(request)), 20)
    root = world.root(request)
    assert root is not None
    assert "Whoever runs the bot has to put it back" in root.text
    assert "not sent" not in root.text
    await world.stop_bot()
    await restarted_with(world, other, gone)
    assert "all available" in (await world.finished(request)).text


async def test_what_waits_its_turn_is_told_not_to_be_sent_and_whom_to_ask(world: World) -> None:
    world.cloud.fault("create_snapshot", "external_busy", seconds=3000)
    request = request_id((await world.say("create web-01-data")).text)
    await world.slack.until(lambda: "waiting its turn" in str(world.root(request)))
    await world.stop_bot()
    await restarted_with(world, "payments-prod", "payments-eu")
    root = await world.finished(request)
    assert "not sent" in root.text
    assert "bot.toml has no project “payments-prod” any more" in root.text
    assert "Whoever runs the bot can say under which name to ask again" in root.text
    assert loose(world) == [root]
