"""A response URL is called where it is Slack's, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import SystemClock
from bot.simulator.workspace import payloads
from bot.slack.client.channels import SlackChannels
from bot.slack.client.hosts import is_slacks
from bot.slack.client.limits import budgets
from bot.slack.client.poster import ResponseUrls, SlackReplies
from bot.slack.views.responses import told
from bot.workflow.call_budget import OwnRoom
from tests.e2e.conftest import CHANNEL, World, quiet_world, setting, speed, world

__all__ = ["quiet_world", "setting", "speed", "world"]

SLACK, LOCAL = "https://slack.com/api/", "http://127.0.0.1:8089/api/"


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://hooks.slack.com/commands/T1/2/3", SLACK),
        ("https://hooks.slack.com:443/actions/T1/2/3", LOCAL),
        ("https://HOOKS.Slack.com/x", SLACK),
        ("https://slack.com/x", SLACK),
        ("https://hooks.slack-gov.com/commands/T1/2/3", SLACK),
        ("http://127.0.0.1:8089/response/1", LOCAL),
        ("https://slack.proxy.example:8443/x", "https://slack.proxy.example:8443/api/"),
    ],
)
def test_slacks_own_addresses_and_the_configured_one_are_called(url: str, api: str) -> None:
    assert is_slacks(url, api)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://hooks.slack.com/commands/T1/2/3",
        "https://hooks.slack.com:8443/x",
        "https://hooks.slack.com.evil.example/x",
        "https://evil-slack.com/x",
        "https://hooks-slack.com/x",
        "https://hooks.slack.com@evil.example/x",
        "https://evil.example@hooks.slack.com/x",
        "https://evil.example\\@hooks.slack.com/x",
        "https://evil.example/hooks.slack.com",
        "https://evil.example#hooks.slack.com",
        "https://evil.example?.slack.com",
        "https://hooks.slack.com\u3002evil.example/x",
        "https://hooks.slack.com\uff0fevil.example/x",
        "https://hooks.slack.com\t.evil.example/x",
        " https://hooks.slack.com/x",
        "https://hooks.slack.com/x\r\nX: y",
        "https://hooks.slack.com:port/x",
        "https://[::1/x",
        "//hooks.slack.com/x",
        "ftp://hooks.slack.com/x",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:9000/metrics",
        "http://localhost:8089/x",
        "https://127.0.0.1:8089/x",
        "http://[::1]:8089/x",
        "http://127.0.0.1:8089@evil.example/x",
        "http://0x7f000001:8089/x",
    ],
)
def test_no_other_address_is_called(url: str) -> None:
    assert not is_slacks(url, LOCAL)
    assert not is_slacks(url, SLACK)


@pytest.fixture
async def trap() -> AsyncIterator[tuple[str, list[str]]]:
    """A server somewhere else, and what it was asked."""
    asked: list[str] = []

    async def remember(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="ok")

    server = web.Application()
    server.router.add_route("*", "/{path:.*}", remember)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    await runner.cleanup()


async def test_a_command_that_names_another_address_is_answered_another_way(
    world: World, trap: tuple[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    url, asked = trap
    slack = world.slack
    alice, place = slack.world.person("alice"), slack.world.channel(CHANNEL)
    command = payloads.slash_command(slack.state, alice, place, "/snapshot", "projects")
    await slack.deliverer.command({**command, "response_url": f"{url}/commands/T1/2/3"})
    await world.told("alice", "payments-prod:")
    slack.join("alice", CHANNEL)
    create = payloads.slash_command(slack.state, alice, place, "/snapshot", "create nope-such-disk")
    await slack.deliverer.command({**create, "response_url": f"{url}/commands/T1/2/4"})
    await world.refused("alice", "No disk named")
    assert asked == []
    assert "a response url that is not slack's was not called" in caplog.messages
    assert url not in caplog.text


async def test_a_response_url_that_leads_elsewhere_is_not_followed(trap: tuple[str, list[str]]) -> None:
    elsewhere, asked = trap
    called: list[str] = []

    async def moved(request: web.Request) -> web.Response:
        called.append(request.path)
        return web.Response(status=307, headers={"Location": f"{elsewhere}/stolen"})

    server = web.Application()
    server.router.add_post("/{path:.*}", moved)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as http:
        client, clock = AsyncWebClient(base_url=f"{api}/api/", session=http), SystemClock()
        client.proxy = None
        replies = SlackReplies(
            client,
            http,
            ResponseUrls(clock),
            channels=SlackChannels(client, clock),
            projects={},
            command="/snapshot",
            team_url="",
            bot_user_id="U1",
            clock=clock,
            budgets=budgets(OwnRoom(clock), OwnRoom(clock), clock),
        )
        assert not await replies.respond(f"{api}/response/1", told("words"))
    await runner.cleanup()
    assert (called, asked) == (["/response/1"], [])
