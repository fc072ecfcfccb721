"""Methods beside the messages: the token's, people's, files and the check of blocks, by the official client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import WorkspaceSimulator

SCOPES = [
    "chat:write",
    "reactions:write",
    "channels:read",
    "users:read",
    "users:read.email",
    "files:write",
    "files:read",
    "im:write",
]
DIVIDER = {"type": "divider"}


@pytest.fixture
async def sim() -> AsyncIterator[WorkspaceSimulator]:
    workspace = WorkspaceSimulator(scopes=SCOPES)
    await workspace.start()
    yield workspace
    await workspace.stop()


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_the_connection_is_tried_without_a_token(sim: WorkspaceSimulator) -> None:
    anonymous = AsyncWebClient(base_url=sim.api_url)
    assert (await anonymous.api_test(foo="bar"))["args"] == {"foo": "bar"}
    assert await error_of(anonymous.api_test(error="my_error")) == "my_error"


async def test_a_token_revokes_itself(client: AsyncWebClient) -> None:
    assert (await client.auth_revoke(test=True))["revoked"] is False
    assert (await client.auth_revoke())["revoked"] is True
    assert await error_of(client.auth_test()) == "token_revoked"


async def test_people_are_found_by_their_address(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    sim.world.people["U0BOB00002"].email = "bob@example.com"
    found = (await client.users_lookupByEmail(email="Bob@example.com"))["user"]
    assert (found["id"], found["profile"]["email"]) == ("U0BOB00002", "bob@example.com")
    for email in ("eve@example.com", ""):
        assert await error_of(client.users_lookupByEmail(email=email)) == "users_not_found"


async def test_slackbot_is_an_account_that_does_not_call_itself_a_bot(client: AsyncWebClient) -> None:
    assert (await client.users_info(user="USLACKBOT"))["user"]["is_bot"] is False
    assert "USLACKBOT" in [member["id"] for member in (await client.users_list())["members"]]
    for bot in ("USLACKBOT", "U0OTHRBOT8"):
        assert await error_of(client.conversations_open(users=bot)) == "cannot_dm_bot"


async def test_a_channel_is_named_to_post_in_and_in_no_other_way(client: AsyncWebClient) -> None:
    for name in ("#ops", "ops"):
        posted = await client.chat_postMessage(channel=name, text="x")
        assert posted["channel"] == "C0OPS00001"
    assert await error_of(client.chat_update(channel="#ops", ts=posted["ts"], text="y")) == "channel_not_found"


async def test_an_ephemeral_message_may_be_empty_and_names_its_reader_by_id(client: AsyncWebClient) -> None:
    empty = {"channel": "C0OPS00001", "user": "U0BOB00002", "blocks": []}
    assert (await client.api_call("chat.postEphemeral", json=empty))["ok"]
    call = client.chat_postEphemeral(channel="nowhere", user="bob", text="x")
    assert await error_of(call) == "invalid_arguments"


@pytest.mark.parametrize(("attachment", "speaks"), [({"pretext": ""}, True), ({"color": "#fff"}, False), ({}, False)])
async def test_an_attachment_is_a_message_by_its_words(
    client: AsyncWebClient, attachment: dict[str, Any], speaks: bool
) -> None:
    call = client.api_call("chat.postMessage", json={"channel": "C0OPS00001", "attachments": [attachment]})
    if speaks:
        assert (await call)["ok"]
    else:
        assert await error_of(call) == "no_text"


async def test_a_file_is_uploaded_shared_looked_at_and_deleted(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    answer = await client.files_upload_v2(
        content="a,b", filename="report.csv", title="Report", channel="C0OPS00001", initial_comment="see"
    )
    file = answer["files"][0]
    (message,) = sim.messages("#ops")
    assert (message.text, [shared["title"] for shared in message.files]) == ("see", ["Report"])
    info = (await client.files_info(file=file["id"]))["file"]
    assert (info["name"], info["filetype"], info["size"], info["channels"]) == ("report.csv", "csv", 3, ["C0OPS00001"])
    assert (await client.files_delete(file=file["id"]))["ok"]
    assert await error_of(client.files_info(file=file["id"])) == "file_deleted"


async def test_a_file_that_never_came_cannot_be_shared(client: AsyncWebClient) -> None:
    asked = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    call = client.files_completeUploadExternal(files=[{"id": asked["file_id"], "title": "A"}])
    assert await error_of(call) == "file_not_found"
    assert await error_of(client.files_info(file="F0NOWHERE")) == "file_not_found"
    assert await error_of(client.files_getUploadURLExternal(filename="a.txt", length=0)) == "invalid_arguments"


@pytest.mark.parametrize(
    ("given", "error", "pointers"),
    [
        ({"blocks": [DIVIDER]}, None, []),
        ({"message": {"text": "x", "blocks": [DIVIDER]}}, None, []),
        ({"view": {"type": "home", "blocks": [DIVIDER]}}, None, []),
        ({}, "invalid_arguments", []),
        ({"blocks": [DIVIDER], "view": {"type": "home", "blocks": []}}, "invalid_arguments", []),
        ({"blocks": [{"type": "sections"}]}, "invalid_blocks", ["/0/type"]),
        ({"message": {"blocks": [{"type": "sections"}]}}, "invalid_message", ["/blocks/0/type"]),
        ({"message": "text"}, "invalid_message", ["/"]),
        ({"view": {"type": "modal", "blocks": [DIVIDER]}}, "invalid_view", ["/"]),
    ],
)
async def test_one_thing_is_validated_by_what_it_is_for(
    sim: WorkspaceSimulator, given: dict[str, Any], error: str | None, pointers: list[str]
) -> None:
    anonymous = AsyncWebClient(base_url=sim.api_url)
    call = anonymous.api_call("blocks.validate", json=given)
    if error is None:
        assert (await call)["ok"]
        return
    with pytest.raises(SlackApiError) as caught:
        await call
    body: Any = caught.value.response.data
    assert (body["error"], [item["pointer"] for item in body.get("errors", [])]) == (error, pointers)


async def test_a_reaction_is_given_once_and_taken_back_once(client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0OPS00001", text="x"))["ts"]
    here: dict[str, Any] = {"channel": "C0OPS00001", "timestamp": ts}
    assert (await client.reactions_add(name="eyes", **here))["ok"]
    assert await error_of(client.reactions_add(name="eyes", **here)) == "already_reacted"
    assert await error_of(client.reactions_add(name="no such", **here)) == "invalid_name"
    shown = (await client.chat_update(channel="C0OPS00001", ts=ts, text="y"))["message"]["reactions"]
    assert shown == [{"name": "eyes", "users": ["U0SNAPBOT1"], "count": 1}]
    assert (await client.reactions_remove(name="eyes", **here))["ok"]
    assert await error_of(client.reactions_remove(name="eyes", **here)) == "no_reaction"
    assert await error_of(client.reactions_remove(name="eyes")) == "no_item_specified"


async def test_a_request_is_read_in_the_form_that_its_method_takes(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    ts = (await client.chat_postMessage(channel="C0OPS00001", text="x"))["ts"]
    here = {"channel": "C0OPS00001", "message_ts": ts}
    assert (await client.api_call("chat.getPermalink", params=here))["ok"]
    assert await error_of(client.api_call("chat.getPermalink", json=here)) == "invalid_arguments"
    assert await error_of(client.api_call("blocks.validate", http_verb="GET")) == "unsupported_http_method"
    assert await error_of(client.conversations_list(types="public_channel,dm")) == "invalid_types"


async def test_a_body_without_its_charset_is_taken_with_a_warning(sim: WorkspaceSimulator) -> None:
    headers = {"Authorization": f"Bearer {sim.bot_token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        body = {"channel": "C0OPS00001", "text": "x"}
        async with http.post(f"{sim.api_url}chat.postMessage", json=body) as answer:
            warned = await answer.json()
    assert (warned["ok"], warned["warning"]) == (True, "missing_charset")
    assert warned["response_metadata"] == {"warnings": ["missing_charset"]}
