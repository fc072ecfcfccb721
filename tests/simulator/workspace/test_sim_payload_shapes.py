"""What the simulator sends and answers, held against recorded payloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import WorkspaceSimulator
from bot.simulator.workspace.delivery import Delivery

Recorded = Callable[[str], Any]


def shape(value: Any) -> Any:
    """Keys and kinds of values. Lists keep their items' shapes, and null fits anything."""
    if isinstance(value, Mapping):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


@pytest.fixture
def sent(sim: WorkspaceSimulator, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The payloads of all deliveries, unredacted and unsent."""
    payloads: list[Any] = []

    async def keep(self: object, kind: str, name: str, payload: Any, **options: Any) -> Delivery:
        payloads.append(payload)
        return Delivery(kind, name, outcome="acked")

    monkeypatch.setattr("bot.simulator.workspace.delivery.Deliverer._deliver", keep)
    return payloads


async def job_message(client: AsyncWebClient, recorded: Recorded, channel: str, **more: Any) -> str:
    blocks = recorded("block_actions.message")["message"]["blocks"]
    text = "Snapshot orders-before-migration is running (40%)"
    return str((await client.chat_postMessage(channel=channel, text=text, blocks=blocks, **more))["ts"])


async def test_a_slash_command(sim: WorkspaceSimulator, sent: list[Any], recorded: Recorded) -> None:
    await sim.command("alice", "#ops", "create orders-db --retain 7d")
    fields = recorded("slash_command.form")["fields"]
    differing = {key for key in fields if sent[0].get(key) != fields[key]}
    assert (shape(sent[0]), differing) == (shape(fields), {"response_url", "trigger_id"})


async def test_every_payload_names_the_organisation_of_the_workspace(
    sim: WorkspaceSimulator, client: AsyncWebClient, sent: list[Any], recorded: Recorded
) -> None:
    sim.world.enterprise_id, sim.world.enterprise_name = "E0GRIDORG1", "Harbor Group"
    await sim.command("alice", "#ops", "create orders-db --retain 7d")
    await sim.press("alice", "#ops", await job_message(client, recorded, "C0OPS00001"), "snapshot_cancel")
    await sim.shortcut("alice", "snapshot_create")
    await sim.mention("bob", "#ops", "status?")
    command, press, shortcut, mention = sent
    assert (command["enterprise_id"], command["enterprise_name"]) == ("E0GRIDORG1", "Harbor Group")
    assert press["enterprise"] == shortcut["enterprise"] == {"id": "E0GRIDORG1", "name": "Harbor Group"}
    assert mention["enterprise_id"] == mention["authorizations"][0]["enterprise_id"] == "E0GRIDORG1"


@pytest.mark.parametrize("name", ["message", "thread_message", "external_user"])
async def test_a_click_in_a_message(
    sim: WorkspaceSimulator, client: AsyncWebClient, sent: list[Any], recorded: Recorded, name: str
) -> None:
    channel, user = ("C0SHARED03", "eve") if name == "external_user" else ("C0OPS00001", "alice")
    more = {}
    if name == "thread_message":
        more["thread_ts"] = await job_message(client, recorded, channel)
    ts = await job_message(client, recorded, channel, **more)
    await sim.press(user, channel, ts, "snapshot_cancel")
    assert shape(sent[0]) == shape(recorded(f"block_actions.{name}"))


async def test_a_click_in_an_ephemeral_message(
    sim: WorkspaceSimulator, client: AsyncWebClient, sent: list[Any], recorded: Recorded
) -> None:
    blocks = recorded("block_actions.message")["message"]["blocks"]
    posted = await client.chat_postEphemeral(channel="C0OPS00001", user="U0ALICE001", text="Job", blocks=blocks)
    await sim.press("alice", "#ops", posted["message_ts"], "snapshot_cancel")
    assert shape(sent[0]) == shape(recorded("block_actions.ephemeral"))


async def test_a_modal_from_opening_to_closing(
    sim: WorkspaceSimulator, client: AsyncWebClient, sent: list[Any], recorded: Recorded
) -> None:
    trigger = sim.state.triggers.make("U0ALICE001", "C0OPS00001")
    opened = await client.views_open(trigger_id=trigger, view=recorded("view.modal.input")["view"])
    success = recorded("api/views.open")["success"]
    assert set(opened["view"]) == set(success["view"])
    option = {"text": {"type": "plain_text", "text": "orders-db (prod)", "emoji": True}, "value": "db:orders"}
    sim._offered["U0ALICE001", "target_select"] = [option]
    await sim.type_in_view("alice", "target", "target_select", "db:orders")
    await sim.submit(
        "alice", {"name": {"name_input": "orders-before-migration"}, "options": {"options_boxes": "notify"}}
    )
    trigger = sim.state.triggers.make("U0ALICE001", "C0OPS00001")
    await client.views_open(trigger_id=trigger, view=recorded("view.modal.input")["view"])
    await sim.close("alice")
    clicked, submitted, closed = sent
    for got, name in ((clicked, "block_actions.modal"), (submitted, "view_submission"), (closed, "view_closed")):
        assert set(got) == set(recorded(name))
        assert set(got["view"]) == set(recorded(name)["view"])
    assert submitted["view"]["state"] == recorded("view_submission")["view"]["state"]
    assert shape(submitted["response_urls"]) == shape(recorded("view_submission")["response_urls"])
    assert clicked["actions"][0].keys() == recorded("block_actions.modal")["actions"][0].keys()
    assert closed["view"]["state"] == {"values": {}}


async def test_an_options_request(
    sim: WorkspaceSimulator, client: AsyncWebClient, sent: list[Any], recorded: Recorded
) -> None:
    trigger = sim.state.triggers.make("U0ALICE001", "C0OPS00001")
    await client.views_open(trigger_id=trigger, view=recorded("view.modal.input")["view"])
    await sim.suggest("alice", "target", "target_select", "ord")
    wanted = recorded("block_suggestion.message")
    posted = await client.chat_postMessage(
        channel="C0OPS00001", text=wanted["message"]["text"], blocks=wanted["message"]["blocks"]
    )
    await sim.suggest("alice", "pick", "target_select", "", channel="#ops", ts=posted["ts"])
    assert set(sent[0]) == set(recorded("block_suggestion.modal"))
    assert shape(sent[1]) == shape(wanted)


async def test_a_click_in_home_and_its_opening(
    sim: WorkspaceSimulator, client: AsyncWebClient, sent: list[Any], recorded: Recorded
) -> None:
    wanted = recorded("block_actions.home")
    await sim.open_home("bob")
    view = {"type": "home", "callback_id": "home", "blocks": wanted["view"]["blocks"]}
    await client.views_publish(user_id="U0ALICE001", view=view)
    await sim.open_home("alice")
    await sim.press_in_view("alice", "home_new_snapshot", home=True)
    first, again, click = sent
    assert shape(first) == shape(recorded("event.app_home_opened.first_visit"))
    assert shape(again) == shape(recorded("event.app_home_opened"))
    assert shape(click) == shape(wanted)


async def test_shortcuts(sim: WorkspaceSimulator, sent: list[Any], recorded: Recorded) -> None:
    text = "can someone snapshot orders before the migration?"
    parent = (await sim.say("bob", "#ops", text)).message
    reply = (await sim.say("bob", "#ops", text, thread_ts=parent.ts)).message
    sent.clear()
    await sim.shortcut("alice", "snapshot_new_global")
    await sim.message_shortcut("alice", "#ops", reply.ts, "snapshot_from_message")
    assert shape(sent[0]) == shape(recorded("shortcut.global"))
    assert shape(sent[1]) == shape(recorded("shortcut.message_action.in_thread"))


async def test_events(sim: WorkspaceSimulator, client: AsyncWebClient, sent: list[Any], recorded: Recorded) -> None:
    parent = (await client.chat_postMessage(channel="C0OPS00001", text="parent"))["ts"]
    await sim.mention("bob", "#ops", "status of orders?")
    await sim.mention("bob", "#ops", "status of orders?", thread_ts=parent)
    await sim.mention("eve", "#shared", "status of orders?")
    await sim.set_group_members("db-admins", ["alice", "carol"])
    await sim.deactivate("gone")
    await sim.remove_bot("#db-oncall")
    await sim.revoke_token()
    named = {payload["event"]["type"]: payload for payload in sent}
    mentions = [payload for payload in sent if payload["event"]["type"] == "app_mention"]
    for got, name in zip(mentions, ("", ".in_thread", ".external_user"), strict=True):
        assert shape(got) == shape(recorded(f"event.app_mention{name}"))
    assert shape(named["subteam_members_changed"]) == shape(recorded("event.subteam_members_changed"))
    assert set(named["user_change"]["event"]["user"]) >= set(recorded("event.user_change.deactivated")["event"]["user"])
    assert shape(named["member_left_channel"]) == shape(recorded("event.member_left_channel"))
    assert shape(named["tokens_revoked"]) == shape(recorded("event.tokens_revoked"))


async def test_answers_of_the_web_api(sim: WorkspaceSimulator, client: AsyncWebClient, recorded: Recorded) -> None:
    answers = {
        "chat.getPermalink": await client.chat_getPermalink(
            channel="C0OPS00001", message_ts=await job_message(client, recorded, "C0OPS00001")
        ),
        "chat.postEphemeral": await client.chat_postEphemeral(channel="C0OPS00001", user="U0BOB00002", text="x"),
        "usergroups.users.list": await client.usergroups_users_list(usergroup="S0DBADMIN1"),
        "chat.delete": await client.chat_delete(
            channel="C0OPS00001", ts=await job_message(client, recorded, "C0OPS00001")
        ),
    }
    for method, answer in answers.items():
        assert shape(answer.data) == shape(recorded(f"api/{method}")["success"]), method
    assert shape((await client.auth_test()).data) == shape(recorded("api/auth.test")["bot"])
    for user, name in (("BOB00002", "member"), ("EXTUSER5", "external_shared_channel"), ("GONE0006", "deactivated")):
        answer = await client.users_info(user=f"U0{user}")
        assert shape(answer.data) == shape(recorded("api/users.info")[name])
    groups = (await client.usergroups_list(include_users=True)).data
    assert isinstance(groups, dict)
    assert set(groups["usergroups"][0]) == set(recorded("api/usergroups.list")["success"]["usergroups"][0])
    for channel, name in (("C0OPS00001", "public"), ("C0PRIVATE2", "private"), ("C0SHARED03", "externally_shared")):
        channel_info = await client.conversations_info(channel=channel)
        assert shape(channel_info.data) == shape(recorded("api/conversations.info")[name])


async def test_a_message_to_the_app_in_its_direct_message(sent: list[Any], recorded: Recorded) -> None:
    workspace = WorkspaceSimulator(scopes=["im:history"])
    await workspace.direct_message("alice", "list")
    assert shape(sent[0]) == shape(recorded("event.message.im"))


async def test_a_posted_and_an_updated_message(
    sim: WorkspaceSimulator, client: AsyncWebClient, recorded: Recorded
) -> None:
    blocks = recorded("block_actions.message")["message"]["blocks"]
    posted = await client.chat_postMessage(channel="C0OPS00001", text="running", blocks=blocks)
    updated = await client.chat_update(channel="C0OPS00001", ts=posted["ts"], text="finished", blocks=blocks)
    assert shape(posted.data) == shape(recorded("api/chat.postMessage")["success"])
    assert shape(updated.data) == shape(recorded("api/chat.update")["success"])
