"""Missing and wrong arguments, each by Slack's own name."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace.arguments import bound, decoded, encoded, micros


async def refused(client: AsyncWebClient, method: str, **args: Any) -> tuple[str, list[str]]:
    """The error and its lines."""
    with pytest.raises(SlackApiError) as caught:
        await client.api_call(method, json=args)
    body: Any = caught.value.response.data
    return body["error"], body.get("response_metadata", {}).get("messages", [])


@pytest.mark.parametrize(
    ("method", "args", "missing"),
    [
        ("chat.postMessage", {"text": "x"}, ["channel"]),
        ("chat.postMessage", {"text": "x", "channel": None}, ["channel"]),
        ("chat.postEphemeral", {"text": "x"}, ["user", "channel"]),
        ("chat.update", {"text": "x"}, ["channel", "ts"]),
        ("chat.delete", {"channel": "C0OPS00001"}, ["ts"]),
        ("chat.getPermalink", {}, ["channel", "message_ts"]),
        ("conversations.info", {}, ["channel"]),
        ("conversations.members", {}, ["channel"]),
        ("users.info", {}, ["user"]),
        ("usergroups.users.list", {}, ["usergroup"]),
        ("views.open", {"trigger_id": "1.2.3"}, ["view"]),
        ("views.publish", {}, ["user_id", "view"]),
    ],
)
async def test_what_is_missing_is_named_before_anything_is_looked_up(
    client: AsyncWebClient, method: str, args: dict[str, Any], missing: list[str]
) -> None:
    lines = [f"[ERROR] missing required field: {name}" for name in missing]
    assert await refused(client, method, **args) == ("invalid_arguments", lines)


@pytest.mark.parametrize(
    ("method", "args", "error"),
    [
        ("chat.postMessage", {"channel": "", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C0OPS00001", "text": ""}, "no_text"),
        ("chat.postMessage", {"channel": "C0OPS00001", "blocks": []}, "no_text"),
        ("chat.update", {"channel": "C0OPS00001", "ts": "", "text": "x"}, "message_not_found"),
        ("users.info", {"user": ""}, "user_not_found"),
        ("users.list", {"cursor": "bogus"}, "invalid_cursor"),
        ("users.list", {"limit": 1001}, "invalid_limit"),
    ],
)
async def test_what_is_there_and_names_nothing_is_another_error(
    client: AsyncWebClient, method: str, args: dict[str, Any], error: str
) -> None:
    assert await refused(client, method, **args) == (error, [])


@pytest.mark.parametrize("limit", ["ten", "", "1_0", "+5", "0x10", True])
async def test_a_limit_is_a_number(client: AsyncWebClient, limit: Any) -> None:
    lines = ["[ERROR] must provide a number [json-pointer:/limit]"]
    assert await refused(client, "conversations.members", channel="C0OPS00001", limit=limit) == (
        "invalid_arguments",
        lines,
    )


async def test_a_limit_of_zero_is_none_and_a_fraction_is_cut_off(client: AsyncWebClient) -> None:
    everyone = await client.api_call("conversations.members", params={"channel": "C0INCDEMO1", "limit": "0"})
    some = await client.api_call("conversations.members", params={"channel": "C0INCDEMO1", "limit": "2.9"})
    assert (len(everyone["members"]), len(some["members"])) == (26, 2)


@pytest.mark.parametrize(
    ("written", "read"),
    [("1767225600.000100", 1767225600000100), ("1e9", 19000000), (".5", 5), ("1.2.3", 1000002), ("abc", None)],
)
def test_timestamps_are_read_as_slack_reads_them(written: str, read: int | None) -> None:
    assert micros(written) == read


def test_a_bound_of_nothing_or_zero_is_none() -> None:
    assert [bound({"oldest": raw}, "oldest") for raw in ("", "0", "7")] == [None, None, 7_000_000]


def test_a_cursor_says_what_was_put_into_it() -> None:
    assert decoded({"cursor": encoded("next_ts:12")}, "next_ts:") == "12"
    assert decoded({}) == ""
