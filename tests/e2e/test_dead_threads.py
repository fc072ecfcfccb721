"""A thread whose first message was deleted takes nothing more, and Slack says so only by what its answer lacks: the
rest is told in the channel as one message, and never in a loop.
"""

from __future__ import annotations

import asyncio

import pytest

from bot.simulator.workspace import Message
from bot.slack.ids import BACKUP_FOR_MESSAGE, CANCEL, CONFIRM
from bot.slack.views.status_message import LOWER_COUNTS
from tests.e2e.conftest import CHANNEL, World, part, request_id
from tests.e2e.test_forms import choose_disks, open_form


async def thread(world: World) -> Message:
    """A message of somebody's, to ask below."""
    said: Message = (await world.slack.say("bob", CHANNEL, "web-01 is slow")).message
    return said


def refused_posts(world: World) -> list[str]:
    return [one["error"] for one in world.slack.api_calls("chat.postMessage") if not one["ok"]]


def loose(world: World) -> list[Message]:
    """What the bot said to everybody at the top level of the channel."""
    return [one for one in world.slack.messages(CHANNEL) if one.from_app and one.thread_ts is None]


async def written_down(world: World, request_id: str, message: Message) -> None:
    """Until the row knows which message is the request's: a person is not as quick as a test."""
    assert world.bot is not None
    async with asyncio.timeout(20):
        while (found := await world.bot.store.request(request_id)) is None or found[0].status_ts != message.ts:
            await asyncio.sleep(0.01)


async def test_a_parent_deleted_before_the_first_message_leaves_the_request_to_the_channel(world: World) -> None:
    parent = await thread(world)
    await world.slack.message_shortcut("alice", CHANNEL, parent.ts, BACKUP_FOR_MESSAGE)
    await open_form(world, "alice")
    await choose_disks(world, "alice", "web-01-data")
    world.slack.state.messages.delete(parent)
    await world.slack.submit("alice", {})
    await world.slack.until(lambda: any("Receipt: 1 of 1" in one.text for one in world.slack.messages(CHANNEL)), 20)
    (root,) = loose(world)
    assert "all available" in root.text
    receipt = next(one for one in world.slack.messages(CHANNEL) if "Receipt: 1 of 1" in one.text)
    assert receipt.thread_ts == root.ts
    assert refused_posts(world) == []


async def test_a_parent_deleted_with_its_replies_leaves_the_end_to_the_channel_as_one_message(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 10.0
    parent = await thread(world)
    await world.slack.mention("alice", CHANNEL, "create web-01-data", thread_ts=parent.ts)
    request = request_id((await world.told("alice", "web-01-data")).text)
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    for one in world.slack.thread(CHANNEL, parent.ts):
        world.slack.state.messages.delete(one)
    root = await world.finished(request)
    assert "all available" in root.text
    assert loose(world) == [root]
    assert [one.thread_ts for one in world.replies(request, "receipt")] == [root.ts]


async def test_a_parent_deleted_before_the_receipt_keeps_its_thread(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 10.0
    parent = await thread(world)
    await world.slack.mention("alice", CHANNEL, "create web-01-data", thread_ts=parent.ts)
    request = request_id((await world.told("alice", "web-01-data")).text)
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    world.slack.state.messages.delete(parent)
    await world.slack.until(lambda: bool(world.replies(request, "receipt")), 20)
    assert [one.thread_ts for one in world.replies(request, "receipt")] == [parent.ts]
    assert loose(world) == []


@pytest.mark.parametrize("disks", ["web-01-data", "web-01-data web-01-logs"])
async def test_a_first_message_that_is_gone_without_replies_is_told_anew_as_one(world: World, disks: str) -> None:
    world.cloud.fault("create_snapshot", "slow", seconds=5)
    request = await world.create(disks)
    await world.slack.until(lambda: world.root(request) is not None)
    first = world.root(request)
    assert first is not None
    world.slack.state.messages.delete(first)
    root = await world.finished(request)
    assert "all available" in root.text
    assert loose(world) == [root]
    replies = [one for one in world.slack.messages(CHANNEL) if one.thread_ts == root.ts]
    assert [part(one) for one in replies][-1] == (request, "receipt")
    assert world.slack.direct_messages("alice") == []


async def test_a_parent_deleted_before_a_refusal_leaves_the_word_to_its_person(world: World) -> None:
    parent = await thread(world)
    world.cloud.fault("list_volumes", "drop_before")
    await world.slack.mention("alice", CHANNEL, "create nope-data", thread_ts=parent.ts)
    await world.until(lambda: bool(world.cloud.calls("list_volumes")))
    world.slack.state.messages.delete(parent)
    await world.told("alice", "No disk named “nope-data”")
    assert world.slack.direct_messages("alice") == []


# --- an answer of Slack that was lost ---------------------------------------------------------------------------------


async def test_a_first_message_whose_answer_was_lost_says_that_the_one_below_counts(world: World) -> None:
    world.slack.fault("reset_after", method="chat.postMessage")
    request = await world.create("web-01-data")
    await world.slack.until(lambda: len(loose(world)) == 2 and LOWER_COUNTS not in loose(world)[1].text, 20)
    left_over, root = loose(world)
    assert LOWER_COUNTS in left_over.text
    assert LOWER_COUNTS in str(left_over.blocks)
    assert part(left_over) == part(root) == (request, "status")
    assert left_over.ts < root.ts


@pytest.mark.parametrize("button", [CONFIRM, CANCEL])
async def test_a_press_on_a_plan_that_was_left_over_counts_and_turns_it_into_a_link(world: World, button: str) -> None:
    world.slack.fault("reset_after", method="chat.postMessage")
    request = request_id((await world.say("quick server=web-01")).text)
    await world.slack.until(lambda: len(loose(world)) == 2 and CONFIRM in str(loose(world)[1].blocks), 20)
    left_over, root = loose(world)
    assert LOWER_COUNTS in left_over.text
    await written_down(world, request, root)
    await world.slack.press("alice", CHANNEL, left_over.ts, button)
    await world.slack.until(lambda: "is the one that counts" in loose(world)[0].text, 20)
    assert root.ts.replace(".", "") in left_over.text
    assert CONFIRM not in str(left_over.blocks)
    if button == CONFIRM:
        assert "all available" in (await world.finished(request)).text
    else:
        await world.slack.until(lambda: "dropped" in root.text, 20)


@pytest.mark.parametrize("error", ["cannot_reply_to_message", "restricted_action_some_new_rule"])
async def test_where_slack_lets_the_bot_post_nothing_the_end_is_told_directly(world: World, error: str) -> None:
    world.slack.fault("error", method="chat.postMessage", error=error)
    await world.say("create web-01-data")
    await world.slack.until(lambda: any("Receipt: 1 of 1" in one.text for one in world.slack.direct_messages("alice")))
    assert len(refused_posts(world)) == 1


async def test_a_token_that_slack_takes_no_more_loses_nothing(world: World) -> None:
    """Whoever runs the bot mends it; until then what is to be told waits, and nobody's message is moved elsewhere."""
    world.slack.fault("error", method="chat.postMessage", error="token_revoked")
    request = await world.create("web-01-data")
    assert "all available" in (await world.finished(request, timeout=30)).text
    assert world.slack.direct_messages("alice") == []
