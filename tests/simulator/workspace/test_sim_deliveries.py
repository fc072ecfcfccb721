from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import NotAllowedInSlack, WorkspaceSimulator
from bot.simulator.workspace.delivery import sign


class Endpoint:
    """An app's request URL that answers as told and remembers what came."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.received: list[tuple[dict[str, str], str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.text()))
        return web.Response(status=self.status, headers=self.headers)

    def retries(self) -> list[tuple[str | None, str | None]]:
        names = ("X-Slack-Retry-Num", "X-Slack-Retry-Reason")
        return [(headers.get(names[0]), headers.get(names[1])) for headers, _ in self.received]


@pytest.fixture
async def endpoint(sim: WorkspaceSimulator) -> AsyncIterator[Endpoint]:
    place = Endpoint()
    app = web.Application()
    app.router.add_post("/slack/events", place.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sim.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    sim.retry_factor = 0
    yield place
    await runner.cleanup()


def deliveries(sim: WorkspaceSimulator) -> list[dict[str, Any]]:
    return [entry for entry in sim.journal if entry["entry"] == "delivery"]


def test_signatures_match_the_recorded_vector(recorded: Callable[[str], Any]) -> None:
    vector = recorded("request_signing.vector")
    stamp = vector["headers"]["X-Slack-Request-Timestamp"]
    signed = sign(vector["signing_secret"], stamp, vector["raw_body"].encode())
    assert signed["X-Slack-Signature"] == vector["headers"]["X-Slack-Signature"]


async def test_every_http_delivery_is_signed_for_now(sim: WorkspaceSimulator, endpoint: Endpoint) -> None:
    await sim.command("alice", "#ops", "a payload & more")
    await sim.shortcut("alice", "new")
    await sim.set_user("bob", is_admin=True)
    verifier = SignatureVerifier(sim.signing_secret)
    assert [verifier.is_valid_request(body, headers) for headers, body in endpoint.received] == [True] * 3
    kinds = [headers["Content-Type"] for headers, _ in endpoint.received]
    assert kinds == ["application/x-www-form-urlencoded"] * 2 + ["application/json"]


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_a_command_answered_with_another_status_fails_and_is_not_repeated(
    sim: WorkspaceSimulator, endpoint: Endpoint, status: int
) -> None:
    endpoint.status = status
    outcome = await sim.command("alice", "#ops", "list")
    assert outcome.error == '/snapshot failed with the error "dispatch_failed"'
    assert len(endpoint.received) == 1


async def test_an_event_that_fails_comes_again_three_times_with_the_same_id(
    sim: WorkspaceSimulator, endpoint: Endpoint
) -> None:
    endpoint.status = 500
    await sim.deactivate("carol")
    await sim.until(lambda: len(deliveries(sim)) == 4)
    assert endpoint.retries() == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
    assert len({json.loads(body)["event_id"] for _, body in endpoint.received}) == 1


async def test_an_app_can_decline_further_tries(sim: WorkspaceSimulator, endpoint: Endpoint) -> None:
    endpoint.status, endpoint.headers = 500, {"X-Slack-No-Retry": "1"}
    await sim.deactivate("carol")
    assert len(endpoint.received) == 1


async def test_an_event_lost_on_a_socket_comes_again_as_a_retry(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    heard: list[str] = []

    @bot.event("user_change")
    async def listener(body: dict[str, Any]) -> None:
        heard.append(body["event_id"])

    sim.ack_seconds, sim.retry_factor = 0.2, 0
    sim.fault("lose_ack", method="user_change")
    await sim.deactivate("carol")
    await sim.until(lambda: len(deliveries(sim)) == 2)
    assert [(entry["retry"], entry["outcome"]) for entry in deliveries(sim)] == [
        (0, "operation_timeout"),
        (1, "acked"),
    ]
    assert heard == [heard[0], heard[0]]


async def test_group_changes_name_who_came_and_who_went(sim: WorkspaceSimulator, endpoint: Endpoint) -> None:
    await sim.set_group_members("@db-admins", ["bob", "carol"])
    events = [json.loads(body)["event"] for _, body in endpoint.received]
    assert [event["type"] for event in events] == ["subteam_members_changed", "subteam_updated"]
    assert (events[0]["added_users"], events[0]["removed_users"]) == (["U0CAROL009"], ["U0ALICE001"])
    assert sim.world.group("db-admins").users == ["U0BOB00002", "U0CAROL009"]


async def test_events_need_a_subscription_and_a_scope() -> None:
    manifest = {
        "oauth_config": {"scopes": {"bot": ["users:read"]}},
        "settings": {"event_subscriptions": {"bot_events": ["user_change", "subteam_members_changed"]}},
    }
    sim = WorkspaceSimulator(manifest=manifest)
    assert await sim.set_group_members("oncall", ["alice"]) is None
    assert await sim.invite_bot("#random") is None
    delivery = await sim.deactivate("bob")
    assert delivery is not None
    await sim.stop()


async def test_a_mention_is_heard_where_the_app_is_a_member(sim: WorkspaceSimulator, endpoint: Endpoint) -> None:
    await sim.mention("bob", "#random", "status?")
    heard = await sim.mention("bob", "#ops", "status?")
    assert len(endpoint.received) == 1
    event = json.loads(endpoint.received[0][1])["event"]
    assert (event["type"], event["channel"], event["text"]) == ("app_mention", "C0OPS00001", "<@U0SNAPBOT1> status?")
    assert sim.messages("#ops") == [heard.message]


async def test_an_edited_mention_is_heard_again_as_the_same_message(
    sim: WorkspaceSimulator, endpoint: Endpoint
) -> None:
    said = (await sim.mention("bob", "#ops", "statsu?")).message
    await sim.edit("bob", "#ops", said.ts, "<@U0SNAPBOT1> status?")
    first, again = (json.loads(body) for _, body in endpoint.received)
    assert "edited" not in first["event"]
    assert (again["event"]["type"], again["event"]["text"]) == ("app_mention", "<@U0SNAPBOT1> status?")
    assert again["event"]["ts"] == first["event"]["ts"]
    assert again["event"]["edited"]["user"] == again["event"]["user"]
    assert again["event_id"] != first["event_id"]
    assert sim.message("#ops", said.ts).text == "<@U0SNAPBOT1> status?"


async def test_an_edit_without_the_mention_is_not_heard_and_nobody_edits_for_others(
    sim: WorkspaceSimulator, endpoint: Endpoint
) -> None:
    said = (await sim.mention("bob", "#ops", "status?")).message
    assert (await sim.edit("bob", "#ops", said.ts, "never mind")).delivery is None
    assert len(endpoint.received) == 1
    with pytest.raises(NotAllowedInSlack):
        await sim.edit("alice", "#ops", said.ts, "<@U0SNAPBOT1> list")


async def test_coming_and_going_decides_where_the_app_may_write(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    await sim.invite_bot("#random")
    await client.chat_postMessage(channel="C0RANDOM04", text="hello")
    await sim.remove_bot("#random")
    assert sim.world.channel("random").members.count("U0SNAPBOT1") == 0
    await sim.archive("#ops")
    answer = await client.api_call("conversations.info", params={"channel": "C0OPS00001"})
    assert answer["channel"]["is_archived"]


async def test_a_ticket_opens_one_connection_which_says_hello(
    sim: WorkspaceSimulator, recorded: Callable[[str], Any]
) -> None:
    opener = AsyncWebClient(token=sim.app_token, base_url=sim.api_url)
    url = (await opener.apps_connections_open(app_token=sim.app_token))["url"]
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        assert await socket.receive_json() == recorded("socket.hello")
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(url)


async def test_the_eleventh_connection_is_sent_away(sim: WorkspaceSimulator) -> None:
    opener = AsyncWebClient(token=sim.app_token, base_url=sim.api_url)
    async with aiohttp.ClientSession() as http:
        kept = []
        for number in range(10):
            url = (await opener.apps_connections_open(app_token=sim.app_token))["url"]
            kept.append(await http.ws_connect(url))
            assert (await kept[-1].receive_json())["num_connections"] == number + 1
        url = (await opener.apps_connections_open(app_token=sim.app_token))["url"]
        extra = await http.ws_connect(url)
        assert (await extra.receive_json())["reason"] == "too_many_websockets"


async def test_envelopes_spread_over_all_connections(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    @bot.event("user_change")
    async def listener() -> None:
        pass

    second = AsyncSocketModeHandler(bot, sim.app_token)
    await second.connect_async()  # type: ignore[no-untyped-call]  # so in slack_bolt
    await sim.until(lambda: sim.connections == 2)
    await asyncio.gather(*(sim.deactivate("carol") for _ in range(20)))
    await second.close_async()  # type: ignore[no-untyped-call]  # so in slack_bolt
    assert {entry["to"] for entry in deliveries(sim)} == {"socket:1", "socket:2"}


async def test_after_a_refresh_the_app_is_back_on_a_new_connection(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    await sim.disconnect_sockets("refresh_requested")
    await sim.until(lambda: sim.connections == 1)
    opened = [entry["number"] for entry in sim.journal if entry["entry"] == "socket" and entry["what"] == "opened"]
    assert opened == [1, 2]


async def test_a_connection_that_closes_before_the_acknowledgement_fails_the_command(sim: WorkspaceSimulator) -> None:
    opener = AsyncWebClient(token=sim.app_token, base_url=sim.api_url)
    url = (await opener.apps_connections_open(app_token=sim.app_token))["url"]
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.receive_json()
        typing = asyncio.ensure_future(sim.command("alice", "#ops", "list"))
        envelope = await socket.receive_json()
        await socket.close()
        outcome = await typing
    assert envelope["accepts_response_payload"] is True
    assert outcome.error == '/snapshot failed with the error "dispatch_failed"'


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "link_disabled"])
async def test_a_goodbye_names_its_reason_and_only_a_warning_leaves_the_line_open(
    sim: WorkspaceSimulator, recorded: Callable[[str], Any], reason: str
) -> None:
    opener = AsyncWebClient(token=sim.app_token, base_url=sim.api_url)
    url = (await opener.apps_connections_open(app_token=sim.app_token))["url"]
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.receive_json()
        await sim.disconnect_sockets(reason)
        assert await socket.receive_json() == recorded("socket.disconnect")[reason]
        assert sim.connections == (1 if reason == "warning" else 0)


async def test_envelopes_look_as_recorded(sim: WorkspaceSimulator, recorded: Callable[[str], Any]) -> None:
    opener = AsyncWebClient(token=sim.app_token, base_url=sim.api_url)
    url = (await opener.apps_connections_open(app_token=sim.app_token))["url"]
    sim.ack_seconds, sim.retry_factor = 0.05, 0
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.receive_json()
        await asyncio.gather(sim.command("alice", "#ops", "list"), sim.mention("bob", "#ops", "status?"))
        command, event, again = [await socket.receive_json() for _ in range(3)]
    wanted = [recorded(f"socket.envelope.{name}") for name in ("slash_commands", "events_api", "events_api.retry")]
    for got, example in zip((command, event, again), wanted, strict=True):
        assert got.keys() == example.keys()
        assert got["accepts_response_payload"] == example["accepts_response_payload"]
        assert got["payload"].keys() == example["payload"].keys()
    assert (again["retry_attempt"], again["retry_reason"]) == (1, "timeout")
    assert again["payload"]["event_id"] == event["payload"]["event_id"]
