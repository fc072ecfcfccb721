"""What a channel is, asked of Slack over a real socket and believed for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.domain.errors import SlackBusy
from bot.simulator.workspace import WorkspaceSimulator
from bot.slack.client.channels import SlackChannels
from bot.slack.client.identity import web_client
from tests.builders import FakeClock


@pytest.fixture
async def channels(slack: WorkspaceSimulator, clock: FakeClock) -> AsyncIterator[SlackChannels]:
    async with aiohttp.ClientSession() as http:
        yield SlackChannels(web_client(slack.api_url, http, slack.bot_token), clock)


@pytest.fixture
def channel(slack: WorkspaceSimulator) -> str:
    """One that the bot is in, and nobody else's."""
    world = slack.world
    return next(one.id for one in world.channels.values() if world.bot_is_in(one) and not one.is_ext_shared)


async def test_who_reads_along_is_believed_for_a_minute_and_a_name_for_five(
    channels: SlackChannels, slack: WorkspaceSimulator, clock: FakeClock, channel: str
) -> None:
    assert await channels.name(channel) == slack.world.channel(channel).name
    clock.pass_(seconds=59)
    assert not await channels.shared(channel)
    assert len(slack.api_calls()) == 1
    clock.pass_(seconds=1)
    slack.world.channel(channel).is_ext_shared = True
    assert await channels.shared(channel)
    clock.pass_(seconds=299)
    await channels.name(channel)
    assert len(slack.api_calls()) == 2


async def test_many_who_ask_at_once_cost_one_question(
    channels: SlackChannels, slack: WorkspaceSimulator, channel: str
) -> None:
    assert await asyncio.gather(*(channels.shared(channel) for _ in range(5))) == [False] * 5
    assert len(slack.api_calls()) == 1


async def test_a_channel_that_changed_is_asked_about_again(
    channels: SlackChannels, slack: WorkspaceSimulator, channel: str
) -> None:
    await channels.shared(channel)
    slack.world.channel(channel).is_ext_shared = True
    channels.forget(channel)
    assert await channels.shared(channel)


async def test_while_slack_does_not_answer_the_last_five_minutes_count_and_then_nothing_is_said(
    channels: SlackChannels, slack: WorkspaceSimulator, clock: FakeClock, channel: str
) -> None:
    await channels.shared(channel)
    slack.fault("status", method="conversations.info", times=3, status=503)
    clock.pass_(seconds=299)
    assert not await channels.shared(channel)
    clock.pass_(seconds=1)
    for wait_s in (1.0, 2.0):
        with pytest.raises(SlackBusy) as caught:
            await channels.shared(channel)
        assert caught.value.retry_after == wait_s
    assert not await channels.shared(channel)


async def test_what_slack_will_not_say_is_taken_for_shared(
    channels: SlackChannels, slack: WorkspaceSimulator, channel: str
) -> None:
    slack.fault("error", method="conversations.info", error="missing_scope")
    assert await channels.shared(channel)
