"""The card in a channel that is made or renamed for an incident."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.simulator.workspace import Message
from bot.slack.ids import BIND
from tests.e2e.conftest import World

NEW = "C0INC00042"


@pytest.fixture
async def offering(quiet_world: World) -> AsyncIterator[World]:
    file = quiet_world.setting.directory / "bot.toml"
    text = file.read_text()
    assert "[slack]" not in text
    file.write_text(f'[slack]\noffer_channels = "inc-*"\n{text}')
    await quiet_world.start_bot()
    yield quiet_world


def cards(world: World, channel: str = NEW) -> list[Message]:
    return [one for one in world.slack.messages(channel) if one.from_app and one.ephemeral_to is None]


async def test_a_new_incident_channel_gets_one_card_that_leads_to_a_binding(offering: World) -> None:
    world = offering
    await world.slack.create_channel("alice", "inc-42-payments", NEW)
    await world.slack.until(lambda: bool(cards(world)))
    (card,) = cards(world)
    assert "*An incident?* `/snapshot quick` snapshots every disk it touches, plan first." in card.text
    assert "Nothing is bound here yet" in card.text
    assert "payments-prod" not in str(card.blocks)
    await world.slack.press("alice", NEW, card.ts, BIND)
    await world.slack.until(lambda: world.slack.view("alice") is not None)
    assert (await world.slack.submit("alice", {"server": {"value": "web-01"}})).ok
    await world.told("alice", "means server “web-01” in payments-prod")
    await world.slack.rename_channel(NEW, "inc-42-payments-down")
    await world.stop_bot()
    await world.start_bot()
    await world.slack.rename_channel(NEW, "inc-42-solved")
    await asyncio.sleep(0.3)
    assert len(cards(world)) == 1
    assert world.slack_complaints() == []


async def test_a_channel_that_is_made_and_renamed_at_the_same_moment_gets_one_card(offering: World) -> None:
    world = offering
    await asyncio.gather(
        world.slack.create_channel("alice", "inc-43", NEW),
        *(world.slack.rename_channel(NEW, f"inc-43-{word}") for word in ("web", "db", "db-web")),
    )
    await world.slack.until(lambda: bool(cards(world)))
    await asyncio.sleep(0.3)
    assert len(cards(world)) == 1


async def test_a_channel_renamed_to_an_incident_gets_it_too(offering: World) -> None:
    world = offering
    await world.slack.create_channel("alice", "payments-talk", NEW)
    await world.slack.rename_channel(NEW, "inc-43")
    await world.slack.until(lambda: bool(cards(world)))


async def test_a_bound_channel_is_told_what_it_means(offering: World) -> None:
    world = offering
    await world.slack.rename_channel("#inc-demo", "inc-44")
    await world.slack.until(lambda: bool(cards(world, "C0INCDEMO1")))
    card = cards(world, "C0INCDEMO1")[0].text
    assert "Here it means server “web-01” in payments-prod" in card
    assert card.endswith("it shows its plan first: nothing more has to be typed.")


async def test_a_channel_shared_with_others_gets_none(offering: World) -> None:
    world = offering
    await world.slack.create_channel("alice", "talk", NEW)
    world.slack.world.channels[NEW].is_ext_shared = True
    await world.slack.rename_channel(NEW, "inc-45")
    await asyncio.sleep(0.3)
    assert cards(world) == []
    assert not world.slack.world.bot_is_in(world.slack.world.channels[NEW])


async def test_without_the_pattern_nothing_is_joined_and_nothing_said(world: World) -> None:
    await world.slack.create_channel("alice", "inc-46", NEW)
    await asyncio.sleep(0.3)
    assert cards(world) == []
    assert not world.slack.world.bot_is_in(world.slack.world.channels[NEW])


async def test_where_the_bot_may_not_join_nothing_happens(offering: World) -> None:
    world = offering
    world.slack.fault("error", method="conversations.join", error="missing_scope")
    await world.slack.create_channel("alice", "inc-47", NEW)
    await world.slack.until(lambda: bool(world.slack.api_calls("conversations.join")))
    await asyncio.sleep(0.7)
    assert cards(world) == []
    assert len(world.slack.api_calls("conversations.join")) == 1


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("ratelimited", "conversations.info"),
        ("ratelimited", "conversations.join"),
        ("ratelimited", "chat.postMessage"),
        ("status", "conversations.info"),
        ("status", "conversations.join"),
        ("reset_after", "conversations.join"),
    ],
)
async def test_a_slack_that_is_busy_for_a_moment_costs_no_card(offering: World, kind: str, method: str) -> None:
    world = offering
    world.slack.fault(kind, method=method)
    await world.slack.create_channel("alice", "inc-48", NEW)
    await world.slack.until(lambda: bool(cards(world)))
    await asyncio.sleep(0.3)
    assert len(cards(world)) == 1


async def test_a_stop_before_the_next_attempt_leaves_a_mark_that_ends(offering: World) -> None:
    world = offering
    world.slack.fault("ratelimited", method="conversations.join")
    await world.slack.create_channel("alice", "inc-49", NEW)
    await world.slack.until(lambda: bool(world.slack.api_calls("conversations.join")))
    await asyncio.sleep(0.1)
    await world.stop_bot()
    await asyncio.sleep(1.0)
    assert cards(world) == []
    await world.start_bot()
    await world.slack.rename_channel(NEW, "inc-49-payments")
    await world.slack.until(lambda: bool(cards(world)))
