"""The Web API's client, and who the bot is there."""

from __future__ import annotations

import logging
from itertools import repeat
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import BotError, SlackBusy
from bot.domain.hosts import is_loopback
from bot.ports.clock import Clock
from bot.retry import Tries
from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.client.health import SlackHealth, WatchedClient
from bot.slack.payloads import BotAccount, Identity, read

log = logging.getLogger(__name__)

ASK_AGAIN_SECONDS = 3.0
UNTIL_ANSWERED = Tries(repeat(ASK_AGAIN_SECONDS), SlackBusy)


class SlackRefusedToken(BotError):
    """Slack does not accept the bot's token: bad configuration."""


def web_client(
    api_url: str, http: aiohttp.ClientSession, token: str | None, health: SlackHealth | None = None
) -> AsyncWebClient:
    """One client with one session. It repeats nothing by itself: a repeated chat.postMessage could post twice.

    `health` hears how each call ended.
    """
    options: dict[str, Any] = {"token": token, "base_url": api_url, "session": http, "retry_handlers": []}
    client = WatchedClient(health, **options) if health else AsyncWebClient(**options)
    if is_simulated(api_url):
        client.proxy = None  # slack_sdk takes a proxy from the environment for every host and knows no NO_PROXY
    return client


def is_simulated(api_url: str) -> bool:
    return is_loopback(urlsplit(api_url).hostname or "")


async def identity_of(client: AsyncWebClient, clock: Clock) -> Identity:
    """Who the bot is in Slack. Waits for Slack as long as it takes. Raises SlackRefusedToken."""
    return await UNTIL_ANSWERED.run(clock, lambda: _identity(client))


async def _identity(client: AsyncWebClient) -> Identity:
    try:
        identity = read(Identity, (await client.auth_test()).data)
    except SlackApiError as exc:
        failure = failure_of(exc)
        if failure.status == 200 and failure.error and not failure.asks_to_wait:
            raise SlackRefusedToken(
                f"Slack does not accept SLACK_BOT_TOKEN ({failure.error}). "
                "Install the app again and copy its bot token."
            ) from None
    except NO_ANSWER:
        pass  # the client's health was told
    else:
        return identity.model_copy(update={"app_id": await _app_id(client, identity.bot_id)})
    raise SlackBusy("Slack did not answer.", retry_after=ASK_AGAIN_SECONDS)


async def _app_id(client: AsyncWebClient, bot_id: str) -> str | None:
    """Which app the token is of, which auth.test does not say; None: deliveries are not compared with it."""
    try:
        return read(BotAccount, (await client.bots_info(bot=bot_id)).data).app_id
    except (SlackApiError, *NO_ANSWER) as exc:
        log.warning("slack did not say which app this is", extra={"error": type(exc).__name__})
        return None
