"""A thread whose first message was deleted takes nothing more: the rest is told in the channel, and never in a loop."""

from __future__ import annotations

import pytest

from bot.simulator.workspace import Message
from bot.slack.controls import BACKUP_FOR_MESSAGE
from tests.e2e.conftest import CHANNEL, World, request_id
from tests.e2e.test_forms import choose_disks, open_form


async def thread(world: World) -> Message:
    """A message of somebody's, to ask below."""
    said: Message = (await world.slack.say("bob", CHANNEL, "web-01 is slow")).message
    return said


def refused_posts(world: World) -> list[str]:
    return [one["error"] for one in world.slack.api_calls("chat.postMessage") if not one["ok"]]


async def test_a_parent_deleted_before_the_first_message_leaves_the_request_to_the_channel(world: World) -> None:
    parent = await thread(world)
    await world.slack.message_shortcut("alice", CHANNEL, parent.ts, BACKUP_FOR_MESSAGE)
    await open_form(world, "alice")
    await choose_disks(world, "alice", "web-01-data")
    world.slack.state.messages.delete(parent)
    await world.slack.submit("alice", {})
    await world.slack.until(lambda: any("Receipt: 1 of 1" in one.text for one in world.slack.messages(CHANNEL)), 20)
    roots = [one for one in world.slack.messages(CHANNEL) if "all available" in one.text]
    assert [one.thread_ts for one in roots] == [None]
    receipt = next(one for one in world.slack.messages(CHANNEL) if "Receipt: 1 of 1" in one.text)
    assert receipt.thread_ts == roots[0].ts
    assert refused_posts(world) == ["thread_not_found"]


async def test_a_parent_deleted_before_the_receipt_leaves_the_end_to_the_channel(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 10.0
    parent = await thread(world)
    await world.slack.mention("alice", CHANNEL, "create web-01-data", thread_ts=parent.ts)
    request = request_id((await world.told("alice", "web-01-data")).text)
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    world.slack.state.messages.delete(parent)
    root = await world.finished(request)
    assert "all available" in root.text
    assert [one.thread_ts for one in world.replies(request, "receipt")] == [root.ts]
    assert refused_posts(world) == ["thread_not_found"]


async def test_a_parent_deleted_before_a_refusal_leaves_the_word_to_a_direct_message(world: World) -> None:
    parent = await thread(world)
    world.cloud.fault("list_volumes", "drop_before")
    await world.slack.mention("alice", CHANNEL, "create nope-data", thread_ts=parent.ts)
    await world.until(lambda: bool(world.cloud.calls("list_volumes")))
    world.slack.state.messages.delete(parent)
    await world.slack.until(
        lambda: any("No disk named “nope-data”" in one.text for one in world.slack.direct_messages("alice"))
    )
    assert len(world.slack.direct_messages("alice")) == 1
    assert [one["error"] for one in world.slack.api_calls("chat.postEphemeral") if not one["ok"]] == [
        "thread_not_found"
    ]


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
