from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import Person, WorkspaceSimulator

HEADER = {"type": "header", "text": {"type": "plain_text", "text": "Snapshots"}}


async def refused(call: Any) -> Any:
    """The body of a call that Slack refuses."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response.data


async def test_the_token_answers_for_the_app_and_names_its_scopes(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    answer = await client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0HARBOR01", "U0SNAPBOT1", "B0SNAPBOT1")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")
    assert answer.headers["Date"] == "Thu, 01 Jan 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("token", "error"), [("", "not_authed"), ("xoxb-other", "invalid_auth"), (None, "not_allowed_token_type")]
)
async def test_other_tokens_are_refused(sim: WorkspaceSimulator, token: str | None, error: str) -> None:
    other = AsyncWebClient(token=sim.app_token if token is None else token, base_url=sim.api_url)
    assert (await refused(other.auth_test()))["error"] == error


async def test_a_socket_is_only_for_the_app_token(client: AsyncWebClient) -> None:
    assert (await refused(client.apps_connections_open(app_token=client.token or "")))["error"] == (
        "not_allowed_token_type"
    )


async def test_an_app_token_needs_its_scope_and_names_its_app(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    assert sim.app_token.startswith(f"xapp-1-{sim.world.app.id}-")
    assert (await client.apps_connections_open(app_token=sim.app_token))["url"].startswith("ws://")
    sim.state.app_token_scopes = ()
    answer = await refused(client.apps_connections_open(app_token=sim.app_token))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "connections:write")


async def test_a_revoked_token_is_refused_from_then_on(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    await sim.revoke_token()
    assert (await refused(client.auth_test()))["error"] == "token_revoked"


async def test_a_call_for_another_team_is_refused(client: AsyncWebClient) -> None:
    answer = await refused(client.users_info(user="U0BOB00002", team_id="T0PARTNER9"))
    assert answer["error"] == "team_access_not_granted"


async def test_a_method_without_its_scope_says_what_is_needed() -> None:
    workspace = WorkspaceSimulator(scopes=["commands", "chat:write"])
    await workspace.start()
    client = AsyncWebClient(token=workspace.bot_token, base_url=workspace.api_url)
    answer = await refused(client.usergroups_list())
    await workspace.stop()
    assert answer == {
        "ok": False,
        "error": "missing_scope",
        "needed": "usergroups:read",
        "provided": "commands,chat:write",
    }


async def test_an_unknown_method_is_refused_and_logged(
    client: AsyncWebClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await refused(client.api_call("snapshots.create")))["error"] == "unknown_method"
    assert "unknown Slack method snapshots.create" in caplog.text


async def test_history_needs_a_scope_the_app_does_not_ask_for(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    assert (await refused(client.conversations_history(channel="C0OPS00001")))["error"] == "missing_scope"


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0RANDOM04", "not_in_channel"),
        ("C0SECRET05", "channel_not_found"),
        ("C0NOWHERE", "channel_not_found"),
        ("C0ARCHIVE6", "is_archived"),
        ("U0GONE0006", "channel_not_found"),
        ("U0OTHRBOT8", "cannot_dm_bot"),
        ("USLACKBOT", "cannot_dm_bot"),
        ("#random", "not_in_channel"),
        ("leads", "channel_not_found"),
        ("@bob", "channel_not_found"),
    ],
)
async def test_the_app_cannot_write_where_it_does_not_belong(client: AsyncWebClient, channel: str, error: str) -> None:
    assert (await refused(client.chat_postMessage(channel=channel, text="hello")))["error"] == error


async def test_a_message_to_a_person_opens_their_direct_message(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    answer = await client.chat_postMessage(channel="U0ALICE001", text="psst")
    assert answer["channel"] == "D0ALICE001"
    assert [message.text for message in sim.direct_messages("alice")] == ["psst"]


async def test_timestamps_rise_even_while_the_clock_stands_still(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    stamps = [(await client.chat_postMessage(channel="C0OPS00001", text=str(n)))["ts"] for n in range(3)]
    assert stamps == ["1767225600.000000", "1767225600.000001", "1767225600.000002"]


async def test_a_reply_lands_below_the_root_also_when_a_reply_is_named(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    parent = await client.chat_postMessage(channel="C0OPS00001", text="parent")
    reply = await client.chat_postMessage(channel="C0OPS00001", text="reply", thread_ts=parent["ts"])
    await client.chat_postMessage(channel="C0OPS00001", text="another", thread_ts=reply["ts"])
    assert [message.text for message in sim.thread("#ops", parent["ts"])] == ["parent", "reply", "another"]


async def test_a_thread_that_is_gone_is_no_error_and_the_message_stands_at_the_top(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    parent = await client.chat_postMessage(channel="C0OPS00001", text="parent")
    await client.chat_delete(channel="C0OPS00001", ts=parent["ts"])
    for thread_ts in (parent["ts"], "1700000000.000001"):
        posted = await client.chat_postMessage(channel="C0OPS00001", text="loose", thread_ts=thread_ts)
        assert posted["ok"]
        assert "thread_ts" not in posted["message"]
        assert sim.message("#ops", posted["ts"]).thread_ts is None


async def test_a_deleted_root_with_replies_keeps_its_thread(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    parent = await client.chat_postMessage(channel="C0OPS00001", text="parent")
    await client.chat_postMessage(channel="C0OPS00001", text="reply", thread_ts=parent["ts"])
    await client.chat_delete(channel="C0OPS00001", ts=parent["ts"])
    posted = await client.chat_postMessage(channel="C0OPS00001", text="goes on", thread_ts=parent["ts"])
    assert posted["message"]["thread_ts"] == parent["ts"]


@pytest.mark.parametrize(
    ("thread_ts", "micros"),
    [("0", 0), ("1.000001", 1_000_001), ("99999999999.000000", 99_999_999_999_000_000), ("never", 0)],
)
async def test_a_thread_outside_of_all_times_is_refused(client: AsyncWebClient, thread_ts: str, micros: int) -> None:
    answer = await refused(client.chat_postMessage(channel="C0OPS00001", text="x", thread_ts=thread_ts))
    assert answer["error"] == "invalid_thread_ts"
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {micros} is not a valid thread_ts"]


async def test_text_alone_takes_the_blocks_away_and_keeps_metadata(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    metadata = {"event_type": "snapshot", "event_payload": {"id": 1}}
    posted = await client.chat_postMessage(channel="C0OPS00001", text="a", blocks=[HEADER], metadata=metadata)
    await client.chat_update(channel="C0OPS00001", ts=posted["ts"], text="b")
    message = sim.message("#ops", posted["ts"])
    assert (message.text, message.blocks, message.metadata, message.edits) == ("b", [], metadata, 1)
    assert [(text, len(blocks)) for _, text, blocks in message.history] == [("a", 1), ("b", 0)]


async def test_metadata_alone_is_no_update(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0OPS00001", text="a", blocks=[HEADER])
    call = client.api_call("chat.update", json={"channel": "C0OPS00001", "ts": posted["ts"], "metadata": {}})
    assert (await refused(call))["error"] == "no_text"
    message = sim.message("#ops", posted["ts"])
    assert (message.text, message.blocks[0]["type"], message.metadata) == ("a", "header", None)


async def test_an_update_holds_four_thousand_characters(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0OPS00001", text="x" * 4001)
    call = client.chat_update(channel="C0OPS00001", ts=posted["ts"], text="x" * 4001)
    assert (await refused(call))["error"] == "msg_too_long"


async def test_only_the_apps_own_messages_can_be_changed(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    written = (await sim.say("bob", "#ops", "mine")).message
    call = client.chat_update(channel="C0OPS00001", ts=written.ts, text="yours")
    assert (await refused(call))["error"] == "cant_update_message"
    assert (await refused(client.chat_delete(channel="C0OPS00001", ts=written.ts)))["error"] == "cant_delete_message"
    assert (await refused(client.chat_update(channel="C0OPS00001", ts="1.0", text="x")))["error"] == "message_not_found"


async def test_a_deleted_message_is_gone_from_the_channel(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0OPS00001", text="oops")
    await client.chat_delete(channel="C0OPS00001", ts=posted["ts"])
    assert sim.messages("#ops") == []
    assert sim.message("#ops", posted["ts"]).deleted


async def test_an_ephemeral_message_is_for_one_person_cannot_change_and_goes_with_a_reload(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    answer = await client.chat_postEphemeral(channel="C0OPS00001", user="U0BOB00002", text="for bob")
    seen = {user: len(sim.messages("#ops", viewer=user)) for user in ("bob", "alice")}
    assert seen == {"bob": 1, "alice": 0}
    call = client.chat_update(channel="C0OPS00001", ts=answer["message_ts"], text="changed")
    assert (await refused(call))["error"] == "message_not_found"
    sim.reload("bob")
    assert sim.messages("#ops", viewer="bob") == []


async def test_an_ephemeral_message_needs_its_reader_in_the_channel(client: AsyncWebClient) -> None:
    call = client.chat_postEphemeral(channel="C0OPS00001", user="U0EXTUSER5", text="psst")
    assert (await refused(call))["error"] == "user_not_in_channel"


@pytest.mark.parametrize(
    ("user", "flags"),
    [
        ("U0BOB00002", {"deleted": False, "is_restricted": False, "team_id": "T0HARBOR01"}),
        ("U0GUEST003", {"is_restricted": True, "is_ultra_restricted": False}),
        ("U0SCG00004", {"is_restricted": True, "is_ultra_restricted": True}),
        ("U0EXTUSER5", {"is_stranger": False, "team_id": "T0PARTNER9"}),
        ("U0GONE0006", {"deleted": True}),
        ("U0STRANGE7", {"is_stranger": True}),
        ("U0OTHRBOT8", {"is_bot": True}),
        ("U0ALICE001", {"is_admin": True}),
    ],
)
async def test_the_flags_tell_the_classes_of_people_apart(
    client: AsyncWebClient, user: str, flags: dict[str, Any]
) -> None:
    found = (await client.users_info(user=user))["user"]
    assert {key: found.get(key) for key in flags} == flags


async def test_groups_name_their_users_only_when_asked(client: AsyncWebClient) -> None:
    plain = (await client.usergroups_list())["usergroups"]
    full = (await client.usergroups_list(include_users=True))["usergroups"]
    assert ["users" in group for group in plain] == [False, False]
    assert full[0]["users"] == ["U0ALICE001", "U0BOB00002"]
    assert (await client.usergroups_users_list(usergroup="S0ONCALL02"))["users"] == ["U0BOB00002"]


async def test_channel_members_come_in_pages(client: AsyncWebClient) -> None:
    members: list[str] = []
    async for page in await client.conversations_members(channel="C0INCDEMO1", limit=10):
        assert len(page["members"]) <= 10
        members += page["members"]
    assert (len(members), len(set(members))) == (26, 26)


async def test_channels_are_found_as_far_as_the_app_may_look(client: AsyncWebClient) -> None:
    found = (await client.conversations_list(types="public_channel,private_channel"))["channels"]
    names = {channel["name"] for channel in found}
    assert "db-oncall" in names
    assert "leads" not in names
    info = await client.conversations_info(channel="C0RANDOM04")
    assert info["channel"]["is_member"] is False


async def test_forms_and_blocks_as_json_text_are_understood(sim: WorkspaceSimulator) -> None:
    fields = {"channel": "C0OPS00001", "text": "x", "blocks": '[{"type": "divider"}]', "token": sim.bot_token}
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{sim.api_url}chat.postMessage", data=fields) as answer:
            assert (await answer.json())["ok"]
        bad = {**fields, "blocks": "[nonsense"}
        async with http.post(f"{sim.api_url}chat.postMessage", data=bad) as answer:
            assert (await answer.json())["error"] == "invalid_blocks_format"
        async with http.post(f"{sim.api_url}chat.postMessage", json=["no object"]) as answer:
            assert (await answer.json())["error"] == "json_not_object"
    assert [message.blocks[0]["type"] for message in sim.messages("#ops")] == ["divider"]


async def test_changes_are_told_as_they_happen(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    told: list[tuple[str, str]] = []
    sim.on_change(lambda message, kind: told.append((kind, message.text)))
    posted = await client.chat_postMessage(channel="C0OPS00001", text="a")
    await client.chat_update(channel="C0OPS00001", ts=posted["ts"], text="b")
    await client.chat_postEphemeral(channel="C0OPS00001", user="U0BOB00002", text="c")
    await client.chat_delete(channel="C0OPS00001", ts=posted["ts"])
    assert told == [("posted", "a"), ("edited", "b"), ("ephemeral", "c"), ("deleted", "b")]


async def test_waiting_in_vain_tells_what_happened_instead(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0OPS00001", text="something else")
    with pytest.raises(TimeoutError, match="did not come to what was awaited") as caught:
        await sim.until(lambda: False, timeout=0.01)
    assert "method=chat.postMessage ok=True" in str(caught.value)
    assert "something else" in str(caught.value)


async def test_a_tier_two_method_takes_twenty_calls_a_minute(
    sim: WorkspaceSimulator, client: AsyncWebClient, wind: Callable[[float], None]
) -> None:
    for _ in range(20):
        await client.usergroups_list()
    with pytest.raises(SlackApiError) as caught:
        await client.usergroups_list()
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "60")
    wind(60)
    assert (await client.usergroups_list())["ok"]
    assert [entry["method"] for entry in sim.journal if entry["entry"] == "rate_limit"] == ["usergroups.list"]


async def test_a_channel_takes_five_messages_at_once_and_then_one_a_second(
    client: AsyncWebClient, wind: Callable[[float], None]
) -> None:
    for number in range(5):
        await client.chat_postMessage(channel="C0OPS00001", text=str(number))
    assert (await refused(client.chat_postMessage(channel="C0OPS00001", text="sixth")))["error"] == "ratelimited"
    assert (await client.chat_postMessage(channel="C0INCDEMO1", text="elsewhere"))["ok"]
    wind(1)
    assert (await client.chat_postMessage(channel="C0OPS00001", text="sixth"))["ok"]


async def test_limits_can_be_switched_off() -> None:
    workspace = WorkspaceSimulator(rate_limits=False)
    await workspace.start()
    client = AsyncWebClient(token=workspace.bot_token, base_url=workspace.api_url)
    for number in range(30):
        await client.chat_postMessage(channel="C0OPS00001", text=str(number))
    await workspace.stop()
    assert len(workspace.messages("#ops")) == 30


async def test_a_connection_dropped_after_the_post_leads_a_retrying_client_to_post_twice(
    sim: WorkspaceSimulator,
) -> None:
    retrying = AsyncWebClient(token=sim.bot_token, base_url=sim.api_url)
    sim.fault("reset_after", method="chat.postMessage")
    await retrying.chat_postMessage(channel="C0OPS00001", text="once")
    assert [message.text for message in sim.messages("#ops")] == ["once", "once"]


async def test_faults_strike_as_often_as_ordered_and_only_their_method(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    sim.fault("status", method="users.info", times=2, status=500)
    sim.fault("ratelimited", method="users.list", retry_after=7)
    sim.fault("error", method="auth.test", error="fatal_error")
    for _ in range(2):
        assert (await refused(client.users_info(user="U0BOB00002")))["error"] == "internal_error"
    with pytest.raises(SlackApiError) as caught:
        await client.users_list()
    assert caught.value.response.headers["Retry-After"] == "7"
    assert (await refused(client.auth_test()))["error"] == "fatal_error"
    assert (await client.users_info(user="U0BOB00002"))["ok"]


async def test_a_malformed_answer_comes_after_the_call_was_carried_out(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    sim.fault("malformed", method="chat.postMessage")
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel="C0OPS00001", text="said")
    assert [message.text for message in sim.messages("#ops")] == ["said"]


@pytest.mark.parametrize(("kind", "options"), [("earthquake", {}), ("status", {"seconds": 3})])
def test_a_fault_there_is_not_is_an_error(kind: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=kind):
        WorkspaceSimulator().fault(kind, **options)


async def test_an_account_of_an_organisation_says_of_which_workspaces_it_is(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    assert "enterprise_id" not in (await client.auth_test()).data
    sim.world.enterprise_id = "E1"
    sim.world.people["U0ELSE"] = Person("U0ELSE", "else", "T2", enterprise_id="E1", enterprise_teams=["T2", "T3"])
    assert (await client.auth_test())["enterprise_id"] == "E1"
    user = (await client.users_info(user="U0ELSE"))["user"]
    assert (user["team_id"], user["enterprise_user"]["teams"]) == ("T2", ["T2", "T3"])
