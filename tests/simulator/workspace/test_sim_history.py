"""Reading back what was said, by the official client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import WorkspaceSimulator

OPS = "C0OPS00001"


@pytest.fixture
async def sim() -> AsyncIterator[WorkspaceSimulator]:
    workspace = WorkspaceSimulator(scopes=["chat:write", "channels:history", "reactions:write"], rate_limits=False)
    await workspace.start()
    yield workspace
    await workspace.stop()


async def said(client: AsyncWebClient, count: int, **more: Any) -> list[str]:
    return [str((await client.chat_postMessage(channel=OPS, text=f"m{n}", **more))["ts"]) for n in range(count)]


def texts(answer: Any) -> list[str]:
    return [message["text"] for message in answer["messages"]]


async def test_history_comes_newest_first_in_pages_that_new_messages_do_not_move(client: AsyncWebClient) -> None:
    await said(client, 5)
    first = await client.conversations_history(channel=OPS, limit=2)
    assert (texts(first), first["has_more"]) == (["m4", "m3"], True)
    await client.chat_postMessage(channel=OPS, text="late")
    second = await client.conversations_history(channel=OPS, limit=2, cursor=first["response_metadata"]["next_cursor"])
    assert texts(second) == ["m2", "m1"]
    last = await client.conversations_history(channel=OPS, limit=2, cursor=second["response_metadata"]["next_cursor"])
    assert (texts(last), last["has_more"], last.get("response_metadata")) == (["m0"], False, None)


async def test_the_client_follows_the_cursors_to_the_end(client: AsyncWebClient) -> None:
    await said(client, 7)
    pages = [texts(page) async for page in await client.conversations_history(channel=OPS, limit=3)]
    assert pages == [["m6", "m5", "m4"], ["m3", "m2", "m1"], ["m0"]]


async def test_bounds_leave_themselves_out_unless_inclusive(client: AsyncWebClient) -> None:
    stamps = await said(client, 5)
    between: dict[str, Any] = {"channel": OPS, "oldest": stamps[1], "latest": stamps[3]}
    assert texts(await client.conversations_history(**between)) == ["m2"]
    assert texts(await client.conversations_history(**between, inclusive=True)) == ["m3", "m2", "m1"]
    answer = await client.conversations_history(**between)
    assert (answer["oldest"], answer["latest"]) == (stamps[1], stamps[3])
    assert {"oldest", "latest"}.isdisjoint((await client.conversations_history(channel=OPS)).data)
    one = await client.conversations_history(channel=OPS, oldest=stamps[1], latest=stamps[1], inclusive=True)
    assert texts(one) == ["m1"]


async def test_with_a_lower_bound_alone_the_pages_go_forward(client: AsyncWebClient) -> None:
    stamps = await said(client, 6)
    pages = [texts(page) async for page in await client.conversations_history(channel=OPS, oldest=stamps[0], limit=2)]
    assert pages == [["m2", "m1"], ["m4", "m3"], ["m5"]]


async def test_a_thread_is_read_from_any_of_its_messages_and_its_root_tells_of_it(client: AsyncWebClient) -> None:
    (root,) = await said(client, 1)
    replies = await said(client, 3, thread_ts=root)
    for named in (root, replies[1]):
        answer = await client.conversations_replies(channel=OPS, ts=named)
        assert [message["ts"] for message in answer["messages"]] == [root, *replies]
    told = (await client.conversations_history(channel=OPS))["messages"][0]
    assert (told["reply_count"], told["latest_reply"], told["reply_users"]) == (3, replies[-1], ["U0SNAPBOT1"])
    pages = [texts(page) async for page in await client.conversations_replies(channel=OPS, ts=root, limit=3)]
    assert pages == [["m0", "m0", "m1"], ["m2"]]


async def test_a_deleted_root_stays_as_a_tombstone_until_its_last_reply_goes(client: AsyncWebClient) -> None:
    (root,) = await said(client, 1)
    (reply,) = await said(client, 1, thread_ts=root)
    await client.chat_delete(channel=OPS, ts=root)
    tombstone = (await client.conversations_replies(channel=OPS, ts=root))["messages"][0]
    assert {key: tombstone[key] for key in ("subtype", "text", "user", "hidden", "reply_count")} == {
        "subtype": "tombstone",
        "text": "This message was deleted.",
        "user": "USLACKBOT",
        "hidden": True,
        "reply_count": 1,
    }
    assert "bot_id" not in tombstone
    for change in (client.chat_update(channel=OPS, ts=root, text="x"), client.chat_delete(channel=OPS, ts=root)):
        with pytest.raises(SlackApiError, match="message_not_found"):
            await change
    assert (await client.chat_getPermalink(channel=OPS, message_ts=root))["ok"]
    await client.chat_delete(channel=OPS, ts=reply)
    assert (await client.conversations_history(channel=OPS))["messages"] == []
    with pytest.raises(SlackApiError, match="thread_not_found"):
        await client.conversations_replies(channel=OPS, ts=root)


async def test_ephemeral_messages_are_in_no_history(client: AsyncWebClient) -> None:
    await client.chat_postEphemeral(channel=OPS, user="U0BOB00002", text="psst")
    assert (await client.conversations_history(channel=OPS))["messages"] == []


@pytest.mark.parametrize(
    ("method", "args", "error"),
    [
        ("history", {"channel": OPS, "latest": "abc", "oldest": "abc"}, "invalid_ts_latest"),
        ("history", {"channel": OPS, "oldest": "abc"}, "invalid_ts_oldest"),
        ("history", {"channel": OPS, "cursor": "nonsense"}, "invalid_cursor"),
        ("history", {"channel": "C0RANDOM04"}, "not_in_channel"),
        ("history", {"channel": "C0SECRET05"}, "channel_not_found"),
        ("replies", {"channel": "C0SECRET05", "ts": "1.0"}, "channel_not_found"),
        ("replies", {"channel": OPS, "ts": "1.0"}, "thread_not_found"),
        ("replies", {"channel": OPS, "ts": ""}, "thread_not_found"),
    ],
)
async def test_each_refusal_has_its_name(client: AsyncWebClient, method: str, args: dict[str, Any], error: str) -> None:
    with pytest.raises(SlackApiError) as caught:
        await client.api_call(f"conversations.{method}", http_verb="GET", params=args)
    assert caught.value.response["error"] == error
