"""Slack's health is told once, with its cause, and the last answer counts for a minute."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import WorkspaceSimulator
from bot.slack.client import health as slack_health
from bot.slack.client.errors import NO_ANSWER
from bot.slack.client.health import ASKED_EVERY_S, BELIEVED_S, SlackHealth
from bot.slack.client.identity import web_client
from tests.builders import FakeClock
from tests.ports import free_port


@pytest.fixture
def health(clock: FakeClock) -> SlackHealth:
    return SlackHealth("slack.example", clock)


@pytest.fixture
async def client(slack: WorkspaceSimulator, health: SlackHealth) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as http:
        yield web_client(slack.api_url, http, slack.bot_token, health)


async def called(client: AsyncWebClient, times: int = 1) -> None:
    for _ in range(times):
        try:
            await client.auth_test()
        except (SlackApiError, *NO_ANSWER):
            pass


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, Any]]:
    return [
        (one.levelname, one.getMessage(), one.__dict__.get("error"))
        for one in caplog.records
        if one.name == slack_health.__name__
    ]


async def test_before_the_first_answer_slack_is_not_there(health: SlackHealth) -> None:
    assert await health.trouble(None) == "Slack has not answered yet"


@pytest.mark.parametrize(
    ("kind", "options", "cause"),
    [
        ("status", {"status": 503}, "service_unavailable"),
        ("malformed", {}, "HTTP 200"),
        ("reset_after", {}, "ServerDisconnectedError"),
        ("error", {"error": "internal_error"}, "internal_error"),
    ],
)
async def test_an_outage_is_one_warning_with_its_cause_and_its_end_one_line(
    slack: WorkspaceSimulator,
    client: AsyncWebClient,
    health: SlackHealth,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    options: dict[str, Any],
    cause: str,
) -> None:
    caplog.set_level(logging.INFO)
    slack.fault(kind, times=5, **options)
    await called(client, 5)
    assert lines(caplog) == [("WARNING", "slack can't be reached", cause)]
    assert await health.trouble(None) == f"Slack can't be reached at slack.example ({cause})"
    assert health.outages.counts == {cause: 5}
    await called(client)
    assert lines(caplog)[1:] == [("INFO", "slack answers again", None)]
    assert await health.trouble(None) == ""


async def test_a_token_that_was_revoked_is_one_warning_and_what_was_refused_otherwise_is_an_answer(
    slack: WorkspaceSimulator, client: AsyncWebClient, health: SlackHealth, caplog: pytest.LogCaptureFixture
) -> None:
    await called(client)
    slack.fault("error", error="channel_not_found", times=1)
    slack.fault("ratelimited", times=1)
    await called(client, 2)
    assert (lines(caplog), await health.trouble(None)) == ([], "")
    slack.state.token_revoked = True
    await called(client, 3)
    assert lines(caplog) == [("WARNING", "slack does not take the bot's token", "token_revoked")]
    assert await health.trouble(None) == "Slack does not take the bot's token (token_revoked)"
    assert health.refusals.counts == {"token_revoked": 3}


async def test_where_nothing_is_asked_for_a_minute_the_question_itself_asks(
    slack: WorkspaceSimulator, client: AsyncWebClient, health: SlackHealth, clock: FakeClock
) -> None:
    await called(client)
    slack.state.token_revoked = True
    clock.pass_(seconds=BELIEVED_S - 1)
    assert await health.trouble(client.auth_test) == ""
    clock.pass_(seconds=2)
    assert await health.trouble(client.auth_test) == "Slack does not take the bot's token (token_revoked)"
    before = len(slack.api_calls())
    clock.pass_(seconds=ASKED_EVERY_S - 1)
    await health.trouble(client.auth_test)
    assert len(slack.api_calls()) == before
    clock.pass_(seconds=1)
    await health.trouble(client.auth_test)
    assert len(slack.api_calls()) == before + 1


async def test_a_slack_that_hangs_is_not_waited_for(
    slack: WorkspaceSimulator,
    client: AsyncWebClient,
    health: SlackHealth,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slack_health, "ANSWERS_WITHIN_S", 0.05)
    await called(client)
    slack.fault("latency", seconds=5)
    clock.pass_(seconds=BELIEVED_S + 1)
    assert await health.trouble(client.auth_test) == "Slack can't be reached at slack.example (no answer)"


async def test_a_slack_that_is_not_there_is_named(clock: FakeClock, health: SlackHealth) -> None:
    async with aiohttp.ClientSession() as http:
        await called(web_client(f"http://127.0.0.1:{free_port()}/api/", http, "xoxb-1234", health))
    assert await health.trouble(None) == "Slack can't be reached at slack.example (ClientConnectorError)"


async def test_each_call_is_told_with_its_method_and_how_it_ended(slack: WorkspaceSimulator, clock: FakeClock) -> None:
    told: list[tuple[str, str]] = []
    health = SlackHealth("slack.example", clock, lambda method, error, _: told.append((method, error)))
    async with aiohttp.ClientSession() as http:
        client = web_client(slack.api_url, http, slack.bot_token, health)
        await called(client)
        slack.fault("status", times=1, status=503)
        await called(client)
        slack.fault("reset_after", times=1)
        await called(client)
    assert told == [("auth.test", "ok"), ("auth.test", "service_unavailable"), ("auth.test", "no-answer")]
