from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import WorkspaceSimulator


@pytest.fixture
async def http(sim: WorkspaceSimulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url=f"{sim.url}/_control/") as session:
        yield session


async def ask(http: aiohttp.ClientSession, path: str, **body: Any) -> tuple[int, Any]:
    async with http.post(path, json=body) as answer:
        return answer.status, await answer.json()


async def test_a_command_can_be_typed_from_another_process(
    sim: WorkspaceSimulator, bot: AsyncApp, http: aiohttp.ClientSession
) -> None:
    @bot.command("/snapshot")
    async def listener(ack: AsyncAck) -> None:
        await ack("fine")

    status, body = await ask(http, "command", user="alice", channel="#ops", text="list")
    assert (status, body["ok"], body["text"], body["delivery"]["to"]) == (200, True, "fine", "socket:1")


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("command", {"user": "eve", "channel": "#shared", "text": "x"}, 403, "another organisation"),
        ("command", {"user": "nobody", "channel": "#ops", "text": "x"}, 404, "nobody in this workspace"),
        ("command", {"user": "alice"}, 400, "missing"),
        ("fault", {"kind": "earthquake"}, 400, "unknown fault"),
        ("submit", {"user": "alice"}, 403, "no modal open"),
        ("channels", {"channel": "#ops", "action": "paint"}, 400, "action must be"),
    ],
)
async def test_what_cannot_be_done_is_answered_with_the_reason(
    http: aiohttp.ClientSession, path: str, body: dict[str, Any], status: int, error: str
) -> None:
    got, answer = await ask(http, path, **body)
    assert (got, answer["ok"]) == (status, False)
    assert error in answer["error"]


async def test_messages_and_pictures_can_be_fetched(
    sim: WorkspaceSimulator, client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    await client.chat_postEphemeral(channel="C0OPS00001", user="U0BOB00002", text="for bob")
    async with http.get("messages", params={"channel": "#ops", "viewer": "bob"}) as answer:
        found = (await answer.json())["messages"]
    assert [(message["text"], message["ephemeral_to"]) for message in found] == [("for bob", "U0BOB00002")]
    async with http.get("render", params={"channel": "#ops", "viewer": "bob"}) as answer:
        assert "Only visible to you" in await answer.text()
    async with http.get("messages", params={"channel": "#nowhere"}) as answer:
        assert answer.status == 404


async def test_the_journal_can_be_narrowed_and_does_not_hold_control_calls(
    client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    await client.auth_test()
    await ask(http, "advance", seconds=5)
    async with http.get("journal", params={"entry": "api", "method": "auth.test"}) as answer:
        assert [entry["ok"] for entry in (await answer.json())["journal"]] == [True]
    async with http.get("journal") as answer:
        assert len((await answer.json())["journal"]) == 1


async def test_the_world_can_be_changed_and_looked_at(sim: WorkspaceSimulator, http: aiohttp.ClientSession) -> None:
    await ask(http, "users", user="carol", deleted=True)
    await ask(http, "groups", group="@oncall", users=["carol"])
    await ask(http, "channels", channel="#random", action="join", user="gus")
    await ask(http, "channels", channel="#random", action="archive")
    await ask(http, "fault", kind="status", method="users.info", status=500)
    async with http.get("state") as answer:
        state = await answer.json()
    people = {person["name"]: person["deleted"] for person in state["people"]}
    groups = {group["handle"]: group["users"] for group in state["groups"]}
    channels = {channel["name"]: channel for channel in state["channels"]}
    assert (people["carol"], groups["oncall"]) == (True, ["U0CAROL009"])
    assert channels["random"]["is_archived"]
    assert "U0GUEST003" in channels["random"]["members"]
    assert [(fault["kind"], fault["method"]) for fault in state["faults"]] == [("status", "users.info")]
    assert sim.bot_token not in str(state)
