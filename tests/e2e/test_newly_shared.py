"""A channel that becomes shared with another organisation hears nothing more of what the bot does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.simulator.workspace import Message
from tests.e2e.conftest import CHANNEL, World, part, press_when_asked
from tests.e2e.test_approvals import Start, asked, start

__all__ = ["start"]


@pytest.fixture(autouse=True)
def asked_at_each_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long an answer is believed is not the point here."""
    monkeypatch.setattr("bot.slack.client.channels.SHARED_MAX_AGE", timedelta(0))


def share(world: World, channel: str = CHANNEL) -> int:
    """Another organisation is invited; answers how many messages and edits the channel had seen by then."""
    world.slack.world.channel(channel).is_ext_shared = True
    return said_in(world, channel)


def said_in(world: World, channel: str = CHANNEL) -> int:
    return sum(len(one.history) for one in world.slack.messages(channel))


async def told_directly(world: World, person: str, words: str) -> None:
    await world.slack.until(lambda: any(words in one.text for one in world.slack.direct_messages(person)), 20)


async def test_no_edit_and_no_receipt_once_strangers_read_along(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 10.0
    request = await world.create("web-01-data")
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    before = share(world)
    await told_directly(world, "alice", "Receipt: 1 of 1")
    assert said_in(world) == before
    await world.told("alice", "people of another organisation may read along")


async def test_no_receipt_where_only_the_receipt_was_left(world: World) -> None:
    request = await world.create("web-01-data")

    def shared_at_the_end(message: Message, kind: str) -> None:
        if (part(message) or ("", ""))[1] == "status" and "all available" in message.text:
            world.slack.world.channel(CHANNEL).is_ext_shared = True

    world.slack.on_change(shared_at_the_end)
    await told_directly(world, "alice", "Receipt: 1 of 1")
    assert world.replies(request, "receipt") == []


async def test_nobody_is_asked_to_approve_in_the_sight_of_strangers(start: Start) -> None:
    world = await start("approvals = 1")

    def shared_after_the_root(message: Message, kind: str) -> None:
        if (part(message) or ("", ""))[1] == "status":
            world.slack.world.channel(CHANNEL).is_ext_shared = True

    world.slack.on_change(shared_after_the_root)
    outcome = await world.say("create web-01-data reason=kernel", "bob")
    assert outcome.error is None
    await told_directly(world, "bob", "asks for snapshots of *web-01-data*")
    assert [(part(one) or ("", ""))[1] for one in world.slack.messages(CHANNEL)] == ["status"]


async def test_the_buttons_of_an_ask_are_not_shown_anew_to_strangers(start: Start) -> None:
    world = await start("approvals = 2")
    request = await world.create("web-01-data", "bob")
    ask = await asked(world, request)
    before = share(world)
    await world.slack.press("eng01", CHANNEL, ask.ts, "approve_request")
    await told_directly(world, "bob", "1 of 2 agreed")
    assert said_in(world) == before


async def test_a_reminder_is_told_directly(world: World) -> None:
    request = await world.create("web-01-data keep=1")
    await world.finished(request)
    before = share(world)
    await remind_now(world, request)
    await told_directly(world, "alice", "shall they stay, or go?")
    assert said_in(world) == before


async def test_what_was_deleted_is_told_directly(world: World) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    before = share(world)
    await press_when_asked(world.slack, request, "alice", CHANNEL)
    await told_directly(world, "alice", "1 snapshot is deleted")
    assert said_in(world) == before


async def test_an_answer_of_a_minute_ago_is_believed_while_slack_cannot_tell(world: World) -> None:
    """A hiccup of Slack's moves no request into somebody's direct messages."""
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 5.0
    request = await world.create("web-01-data")
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    world.slack.fault("status", method="conversations.info", times=50)
    assert "all available" in (await world.finished(request)).text
    assert world.slack.direct_messages("alice") == []


async def remind_now(world: World, request: str) -> None:
    """As if the end of what is kept had come near."""
    assert world.bot is not None
    found = await world.bot.store.request(request)
    assert found is not None
    await world.bot.store.extend(found[0], replace(found[0], remind_at=world.clock.now()))


async def test_who_may_agree_to_a_deletion_is_asked_directly(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    ask = await asked(world, request)
    await world.slack.press("eng01", CHANNEL, ask.ts, "approve_request")
    await world.finished(request)
    before = share(world)
    await press_when_asked(world.slack, request, "alice", CHANNEL)
    await told_directly(world, "eng02", "asks to delete 1 snapshot")
    question = world.slack.direct_messages("eng02")[-1]
    await told_directly(world, "bob", "asks to delete 1 snapshot")
    assert "agree_to_deletion" not in str(world.slack.direct_messages("bob")[-1].blocks)
    await world.slack.press("eng02", question.channel, question.ts, "agree_to_deletion")
    await told_directly(world, "bob", "1 snapshot is deleted, as <@U0ALICE001> asked and <@U0ENG00002> agreed")
    assert said_in(world) == before
