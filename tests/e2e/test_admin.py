"""What operators ask of a running bot."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import httpx
import pytest

from bot.connections import Limits
from bot.slack.http.request_url import HttpEntry
from tests.e2e.conftest import World
from tests.ports import free_port


async def ask(world: World, path: str) -> tuple[int, str]:
    assert world.bot is not None
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"http://127.0.0.1:{world.bot.admin.port}{path}")
    return answer.status_code, answer.text


async def test_a_bot_that_is_connected_and_can_write_is_healthy_and_ready(either_world: World) -> None:
    assert await ask(either_world, "/healthz") == (200, "ok\n")
    assert await ask(either_world, "/readyz") == (200, "ready\n")


async def test_a_bot_that_slack_does_not_reach_is_not_ready(world: World) -> None:
    assert world.bot is not None
    await world.bot.entry.stop()
    status, text = await ask(world, "/readyz")
    assert (status, text) == (503, "not ready: Slack is not connected over Socket Mode\n")
    assert (await ask(world, "/healthz"))[0] == 200


async def test_operators_are_answered_before_slack_is_and_a_start_says_what_starts(
    quiet_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    port, nowhere = free_port(), free_port()
    quiet_world.environment = {"SLACK_API_URL": f"http://127.0.0.1:{nowhere}/api/", "ADMIN_PORT": str(port)}
    starting = asyncio.create_task(quiet_world.start_bot())
    reason = "not ready: Slack can't be reached at 127.0.0.1 (ClientConnectorError)\n"
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(20):
        while (answer := await asked(http, port, "/readyz")) is None or answer.text != reason:
            await asyncio.sleep(0.05)
        assert answer.status_code == 503
        healthy = await asked(http, port, "/healthz")
        assert healthy is not None
        assert (healthy.status_code, healthy.text) == (200, "ok\n")
        counted = await asked(http, port, "/metrics")
        assert counted is not None
        failures = 'snapshot_bot_failures_total{cause="ClientConnectorError",part="slack"}'
        assert failures in counted.text
        while f"{failures} 1.0\n" in counted.text:  # it is tried again, and not told again
            await asyncio.sleep(0.05)
            counted = await asked(http, port, "/metrics")
            assert counted is not None
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    told = [one for one in caplog.records if one.name.startswith(("bot.app", "bot.slack"))]
    assert [one.getMessage() for one in told] == ["the bot starts", "slack can't be reached"]
    assert told[0].__dict__["mode"] == "Socket Mode"
    assert told[0].__dict__["projects"] == "payments-prod, shop, legacy"
    assert told[0].__dict__["store"].endswith("snapshot-bot.db")
    assert told[1].__dict__["host"] == "127.0.0.1"


async def asked(http: httpx.AsyncClient, port: int, path: str) -> httpx.Response | None:
    try:
        return await http.get(f"http://127.0.0.1:{port}{path}")
    except httpx.ConnectError:
        return None


async def test_a_token_that_is_revoked_is_noticed_while_nobody_does_anything(either_world: World) -> None:
    assert await ask(either_world, "/readyz") == (200, "ready\n")
    either_world.slack.state.token_revoked = True
    async with asyncio.timeout(20):
        while (answer := await ask(either_world, "/readyz"))[0] == 200:
            await asyncio.sleep(0.1)
    assert answer == (503, "not ready: Slack does not take the bot's token (token_revoked)\n")
    either_world.slack.state.token_revoked = False
    async with asyncio.timeout(20):
        while (await ask(either_world, "/readyz"))[0] != 200:
            await asyncio.sleep(0.1)


async def test_an_app_token_that_is_refused_is_told_once_and_nobody_is_served(
    quiet_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    quiet_world.environment = {"SLACK_APP_TOKEN": "xapp-not-ours", "ADMIN_PORT": str(port)}
    starting = asyncio.create_task(quiet_world.start_bot())
    try:
        async with asyncio.timeout(20):
            while len(quiet_world.slack.api_calls("apps.connections.open")) < 6:
                await asyncio.sleep(0.05)
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await asked(http, port, "/readyz")
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
    assert answer is not None
    assert answer.text == "not ready: Slack is not connected over Socket Mode (invalid_auth)\n"
    told = [one for one in caplog.records if one.getMessage() == "slack could not be reached over Socket Mode"]
    assert [one.__dict__["error"] for one in told] == ["invalid_auth"]


async def test_at_rest_and_at_the_start_the_bot_makes_no_cloud_call(world: World) -> None:
    await ask(world, "/readyz")
    assert world.cloud.calls() == []


async def test_both_servers_listen_where_they_are_told_to(quiet_world: World) -> None:
    quiet_world.socket_mode = False
    quiet_world.environment = {"HOST": "127.0.0.2", "ADMIN_HOST": "127.0.0.3"}
    bot = await quiet_world.start_bot()
    assert isinstance(bot.entry, HttpEntry)
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"http://127.0.0.3:{bot.admin.port}/healthz")).status_code == 200
        assert (await http.get(f"http://127.0.0.2:{bot.entry.port}/slack/events")).status_code == 405
        for closed in (f"http://127.0.0.1:{bot.admin.port}/healthz", f"http://127.0.0.1:{bot.entry.port}/"):
            with pytest.raises(httpx.ConnectError):
                await http.get(closed)


async def with_bounds(world: World, limits: Limits) -> int:
    """The address for operators of this bot, opened once more with other bounds; answers its port."""
    assert world.bot is not None
    await world.bot.admin.stop()
    world.bot.admin.limits = limits
    await world.bot.admin.start()
    return world.bot.admin.port


@pytest.mark.parametrize("sent", [b"", b"GET /metr"], ids=["nothing", "half a head"])
async def test_a_connection_to_it_that_does_not_get_on_is_closed(world: World, sent: bytes) -> None:
    port = await with_bounds(world, Limits(head=0.3, idle=0.3))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    with contextlib.suppress(ConnectionResetError):
        await writer.wait_closed()


async def test_those_who_hold_every_connection_keep_no_operator_out(world: World) -> None:
    port = await with_bounds(world, Limits(most=5))
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
    assert await ask(world, "/healthz") == (200, "ok\n")
    assert (await ask(world, "/metrics"))[0] == 200
    for _, writer in held:
        writer.close()
        with contextlib.suppress(ConnectionResetError):
            await writer.wait_closed()


async def test_what_is_no_http_is_told_once_and_answered_without_a_word_of_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert world.bot is not None
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", world.bot.admin.port)
        writer.write(b"GET / HTTP/1.1\nHost: bot\nX-Secret: a-secret\n\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.startswith(b"HTTP/1.0 400 ") and b"a-secret" not in answer
        writer.close()
    told = [one.message for one in caplog.records if one.levelno >= logging.WARNING]
    assert told == ["connections to the address for operators that spoke no HTTP were closed"]
