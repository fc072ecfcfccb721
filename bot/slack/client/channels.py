"""What a channel is called, who is in it, and whether people of other organisations read along."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import LookupFailed, SlackBusy
from bot.domain.requests import is_direct
from bot.ports.clock import Clock
from bot.slack.client.backoff import Backoff
from bot.slack.client.errors import failure_of

log = logging.getLogger(__name__)

MAX_AGE = timedelta(minutes=5)
SHARED_MAX_AGE = timedelta(minutes=1)
"""A channel can become shared at any time, and Slack sends no event for it that the bot is subscribed to."""

_CANNOT_TELL = "Slack could not tell me who is in that channel just now. Try again in a minute."


class SlackChannels:
    """Believes `conversations.info` for a minute about who reads along, for five minutes about the rest."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._backoff = Backoff()
        self._facts: dict[str, tuple[dict[str, Any], float]] = {}

    async def has_member(self, channel: str, user_id: str) -> bool:
        """Implements `bot.ports.slack.Channels`. Source: Slack, conversations.members (cursor pages of 200)."""
        cursor = ""
        try:
            while True:
                answer = await self._client.conversations_members(channel=channel, cursor=cursor, limit=200)
                if user_id in (answer.get("members") or ()):
                    return True
                cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
                if not cursor:
                    return False
        except SlackApiError as exc:
            failure = failure_of(exc)
            if failure.error in ("channel_not_found", "not_in_channel"):
                return False
            raise LookupFailed(_CANNOT_TELL, retry_after=failure.retry_after) from None
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise LookupFailed(_CANNOT_TELL) from None

    async def shared(self, channel: str) -> bool:
        """Shared with another organisation, or about to be; where the bot may not ask, it is taken for it: then less is
        said. Raises SlackBusy while Slack gives no answer, and none of the last five minutes is at hand. Source: Slack,
        conversations.info; conversation object.
        """
        if is_direct(channel):
            return False
        try:
            return _shared(await self._known(channel, SHARED_MAX_AGE))
        except SlackApiError as exc:
            failure = failure_of(exc)
            if failure.error == "channel_not_found":
                return False  # nothing can be posted there, and the attempt says so in the right words
            if kept := self._kept(channel, MAX_AGE):
                return _shared(kept)
            if failure.passes:
                wait = self._backoff.failed(channel, failure.retry_after)
                raise SlackBusy("Slack did not answer.", retry_after=wait) from None
            log.warning("slack could not say who reads a channel", extra={"channel": channel, "error": failure.error})
            return True
        except (aiohttp.ClientError, TimeoutError, OSError):
            if kept := self._kept(channel, MAX_AGE):
                return _shared(kept)
            log.warning("slack could not be asked who reads a channel", extra={"channel": channel})
            raise SlackBusy("Slack did not answer.", retry_after=self._backoff.failed(channel)) from None

    async def name(self, channel: str) -> str:
        """Implements `bot.ports.slack.Channels`; a name is an ornament, so nothing fails for the lack of one."""
        if is_direct(channel):
            return ""
        try:
            return str((await self._known(channel, MAX_AGE)).get("name") or "")
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError):
            return ""

    def forget(self, channel: str) -> None:
        """It changed: ask again."""
        self._facts.pop(channel, None)

    def forget_everything(self) -> None:
        """Any of them may have changed."""
        self._facts.clear()

    async def _known(self, channel: str, max_age: timedelta) -> dict[str, Any]:
        if kept := self._kept(channel, max_age):
            return kept
        asked_at = self._clock.monotonic()
        answer = await self._client.conversations_info(channel=channel)
        facts = answer.get("channel") or {}
        self._facts[channel] = (facts, asked_at)
        self._backoff.answered(channel)
        return facts

    def _kept(self, channel: str, max_age: timedelta) -> dict[str, Any] | None:
        facts, asked_at = self._facts.get(channel, (None, 0.0))
        return facts if self._clock.monotonic() - asked_at < max_age.total_seconds() else None


def _shared(facts: Mapping[str, Any]) -> bool:
    return bool(facts.get("is_ext_shared") or facts.get("is_pending_ext_shared"))
