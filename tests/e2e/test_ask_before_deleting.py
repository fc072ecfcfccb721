"""`delete ID`, typed, asks once more: what would be lost is told to its person alone, and only their press deletes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.simulator.workspace import Message, payloads
from bot.slack.ids import DELETE_FOR_GOOD
from bot.workflow.actions import ask_before_deleting
from tests.e2e.conftest import CHANNEL, FastClock, World, press_when_asked
from tests.e2e.test_approvals import Start, buttons, start
from tests.e2e.test_granting import asked
from tests.e2e.test_restoring import controls, made_with_approval, said, there, trail

__all__ = ["start"]

ASKS = "Nothing is deleted until you press; the button works for 15 minutes."
LAST = "*the last restore point of this disk* that I know of"


@pytest.fixture(autouse=True)
def quick_snapshots(setting: tuple[Any, FastClock]) -> None:
    timing = setting[0].cloud.world.timing
    timing.min_seconds = timing.max_seconds = 1.5


async def card(world: World, any_id: str, person: str = "alice") -> Message:
    await asked(world, f"delete {any_id}", ASKS, person)
    return next(one for one in reversed(world.private(person)) if ASKS in one.text)


async def test_a_typed_deletion_asks_once_more_with_what_would_be_lost(either_world: World) -> None:
    world = either_world
    request = await world.create("web-01-data web-01-logs")
    await world.finished(request)
    public = len([one for one in world.slack.messages(CHANNEL) if one.ephemeral_to is None])
    question = await card(world, request)
    assert f"*Delete 2 snapshots of request `{request}`?* What is deleted can't be brought back." in question.text
    for name in ("web-01-data", "web-01-logs"):
        assert f"*{name}*" in question.text
    assert all(one in question.text for one in there(world))
    assert question.ephemeral_to == "U0ALICE001"
    (danger,) = [one for block in question.blocks for one in block.get("elements", []) if one.get("action_id")]
    assert (danger["action_id"], danger["style"]) == (DELETE_FOR_GOOD, "danger")
    assert request not in danger["value"]
    assert len([one for one in world.slack.messages(CHANNEL) if one.ephemeral_to is None]) == public
    assert world.cloud.calls("delete_snapshot") == [] and await trail(world) == []
    await world.slack.press("alice", CHANNEL, question.ts, DELETE_FOR_GOOD)
    await world.told("alice", "Deleting 2 snapshots (“web-01-data”, “web-01-logs”)")
    await said(world, "2 snapshots are deleted, as <@U0ALICE001> asked")
    assert there(world) == []
    assert world.slack_complaints() == []


async def test_it_says_when_it_is_the_last_restore_point_of_a_disk(world: World) -> None:
    first = await world.create("web-01-data web-01-logs")
    await world.finished(first)
    second = await world.create("web-01-data")
    await world.finished(second)
    lines = (await card(world, first)).text.splitlines()
    assert [("web-01-logs" in line, "web-01-data" in line) for line in lines if LAST in line] == [(True, False)]
    assert LAST in lines[1]  # the worst of it first
    assert LAST not in (await card(world, second)).text
    await world.delete(second, "Deleting 1 snapshot")
    await said(world, "1 snapshot is deleted")
    assert (await card(world, first)).text.count(LAST) == 2


async def test_what_somebody_deleted_by_hand_is_no_other_restore_point(world: World) -> None:
    first = await world.create("web-01-data")
    await world.finished(first)
    by_hand = there(world)
    second = await world.create("web-01-data")
    await world.finished(second)
    world.cloud.world.snapshots.pop(by_hand[0])
    assert LAST in (await card(world, second)).text


async def test_where_the_cloud_does_not_say_what_else_there_is_that_is_told(world: World) -> None:
    for _ in range(2):
        await world.finished(await world.create("web-01-data"))
    world.cloud.fault("list_snapshots", "503", times=9)
    question = await card(world, there(world)[0])
    assert "The cloud could not be asked which other restore points still exist." in question.text


async def test_pressed_twice_it_acts_once_and_says_so(either_world: World) -> None:
    world = either_world
    request = await world.create("web-01-data")
    await world.finished(request)
    question = await press_when_asked(world.slack, request, "alice", CHANNEL)
    await world.slack.press("alice", CHANNEL, question.ts, DELETE_FOR_GOOD)
    await world.told("alice", "You pressed this before, so it changed nothing now.")
    await said(world, "1 snapshot is deleted")
    assert len(world.cloud.calls("delete_snapshot")) == 1
    rules = [rule for actor, _, rule in await trail(world) if actor == "U0ALICE001"]
    assert rules.count("granted") == 1 and "form-replayed" in rules


async def test_the_time_to_answer_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_before_deleting, "ANSWER_WITHIN", timedelta(0))
    request = await world.create("web-01-data")
    await world.finished(request)
    await press_when_asked(world.slack, request, "alice", CHANNEL)
    await world.told("alice", "The time to answer this question is over. Nothing was deleted.")
    assert len(there(world)) == 1 and world.cloud.calls("delete_snapshot") == []
    assert (await trail(world))[-1] == ("U0ALICE001", "denied", "question-timeout")


@pytest.mark.parametrize("person", ["bob", "eng01", "carol", "gus"])
async def test_nobody_else_answers_it(start: Start, person: str) -> None:
    """Slack shows it to its person alone; whatever comes back from others all the same does nothing."""
    world = await start("")
    await world.say("grant @eng01 admin payments-prod")
    request = await world.create("web-01-data")
    await world.finished(request)
    question = await card(world, request)
    ((_, value),) = controls(question)
    slack = world.slack
    somebody, message = slack.world.person(person), (await slack.say("alice", CHANNEL, "a message")).message
    for forged in (value, request, there(world)[0], "", "f-00000000"):
        acted = {"type": "button", "action_id": DELETE_FOR_GOOD, "block_id": "b", "value": forged, "action_ts": "1.0"}
        pressed = payloads.message_actions(slack.state, somebody, slack.world.channel(CHANNEL), message, {}, acted)
        await slack.deliverer.interactive(pressed)
        await world.told(person, "This question can't be answered any more.")
    assert len(there(world)) == 1 and world.cloud.calls("delete_snapshot") == []
    await world.slack.press("alice", CHANNEL, question.ts, DELETE_FOR_GOOD)
    await world.told("alice", "Deleting 1 snapshot")


async def test_whoever_lost_the_right_meanwhile_deletes_nothing(world: World) -> None:
    await world.say("grant @bob admin payments-prod for=8h")
    await world.told("alice", "is now admin")
    request = await world.create("web-01-data")
    await world.finished(request)
    question = await card(world, request, "bob")
    await asked(world, "revoke @bob admin payments-prod", "is no longer admin")
    await world.slack.press("bob", CHANNEL, question.ts, DELETE_FOR_GOOD)
    await world.told("bob", "but not delete")
    assert world.cloud.calls("delete_snapshot") == []


async def test_no_more_goes_than_what_was_told(world: World) -> None:
    """A disk that was still being copied when it was asked about is not let go by a press that comes later."""
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 1.5
    request = await world.create("web-01-data")
    await world.finished(request)
    slow = await world.create("web-01-data web-01-logs")
    await world.finished(slow)
    first = there(world)
    question = await card(world, first[-1])
    await world.slack.press("alice", CHANNEL, question.ts, DELETE_FOR_GOOD)
    await said(world, "1 snapshot is deleted")
    assert there(world) == first[:-1]


async def test_by_a_mention_it_asks_in_the_thread(world: World) -> None:
    request = await world.create("web-01-data")
    root = await world.finished(request)
    await world.slack.mention("alice", CHANNEL, f"delete {request}", thread_ts=root.ts)
    question = await world.told("alice", ASKS)
    assert (buttons(question), question.thread_ts) == ([DELETE_FOR_GOOD], root.ts)
    assert world.cloud.calls("delete_snapshot") == []
    await world.slack.press("alice", CHANNEL, question.ts, DELETE_FOR_GOOD)
    await said(world, "1 snapshot is deleted")


async def test_a_question_outlives_a_restart(world: World) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    question = await card(world, request)
    await world.stop_bot()
    await world.start_bot()
    await world.slack.press("alice", CHANNEL, question.ts, DELETE_FOR_GOOD)
    await said(world, "1 snapshot is deleted")


async def test_where_others_have_to_agree_it_says_so_and_they_are_asked_once_more_too(start: Start) -> None:
    world = await start("approvals = 1")
    request = await made_with_approval(world)
    assert "Another person has to agree before it is done." in (await card(world, request)).text
    await world.delete(request, "has to agree within 60 minutes")
    question = await card(world, request, "eng02")
    assert f"*Delete 1 snapshot of request `{request}`, as <@U0ALICE001> asks?*" in question.text
    assert world.cloud.calls("delete_snapshot") == []
    await world.slack.press("eng02", CHANNEL, question.ts, DELETE_FOR_GOOD)
    await said(world, "1 snapshot is deleted, as <@U0ALICE001> asked and <@U0ENG00002> agreed")
