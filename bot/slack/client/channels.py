"""A channel's name, who is in it, and whether people of other organisations read along."""

from __future__ import annotations

import logging
from datetime import timedelta

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.cache import Cache
from bot.domain.errors import LookupFailed, SlackBusy
from bot.ports.clock import Clock
from bot.slack.client.backoff import Backoff
from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.ids import is_direct
from bot.slack.payloads import Channel, Members, read

log = logging.getLogger(__name__)

MAX_AGE = timedelta(minutes=5)
SHARED_MAX_AGE = timedelta(minutes=1)
"""A channel can become shared at any time, and Slack sends no event for it that the bot is subscribed to."""

_CANNOT_TELL = "Slack could not tell me who is in that channel just now. Try again in a minute."


class SlackChannels:
    """Believes `conversations.info` for a minute about who reads along, for five minutes about the rest."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client = client
        self._backoff = Backoff()
        self._facts: Cache[str, Channel] = Cache(clock, MAX_AGE)

    async def has_member(self, channel: str, user_id: str) -> bool:
        """Implements `bot.ports.slack.Channels`. Source: Slack, conversations.members (cursor pages of 200)."""
        cursor = ""
        try:
            while True:
                answer = await self._client.conversations_members(channel=channel, cursor=cursor, limit=200)
                page = read(Members, answer.data)
                if user_id in page.members:
                    return True
                if not page.next_cursor:
                    return False
                cursor = page.next_cursor
        except SlackApiError as exc:
            failure = failure_of(exc)
            if failure.error in ("channel_not_found", "not_in_channel"):
                return False
            raise LookupFailed(_CANNOT_TELL, retry_after=failure.retry_after) from None
        except NO_ANSWER:
            raise LookupFailed(_CANNOT_TELL) from None

    async def shared(self, channel: str) -> bool:
        """Shared with another organisation, or about to be; where the bot may not ask, it is taken for it: then less is
        said. Raises SlackBusy while Slack gives no answer, and none of the last five minutes is at hand. Source: Slack,
        conversations.info; conversation object.
        """
        if is_direct(channel):
            return False
        try:
            return (await self._facts.ask(channel, lambda: self._ask(channel), SHARED_MAX_AGE)).shared
        except SlackApiError as exc:
            failure = failure_of(exc)
            if failure.error == "channel_not_found":
                return False  # nothing can be posted there, and the attempt says so in the right words
            if kept := self._facts.at_hand(channel):
                return kept.shared
            if failure.passes:
                wait = self._backoff.failed(channel, failure.retry_after)
                raise SlackBusy("Slack did not answer.", retry_after=wait) from None
            log.warning("slack could not say who reads a channel", extra={"channel": channel, "error": failure.error})
            return True
        except NO_ANSWER:
            if kept := self._facts.at_hand(channel):
                return kept.shared
            log.warning("slack could not be asked who reads a channel", extra={"channel": channel})
            raise SlackBusy("Slack did not answer.", retry_after=self._backoff.failed(channel)) from None

    async def name(self, channel: str) -> str:
        """Implements `bot.ports.slack.Channels`; a name is an ornament, so nothing fails for the lack of one."""
        if is_direct(channel):
            return ""
        try:
            return (await self._facts.ask(channel, lambda: self._ask(channel))).name
        except (SlackApiError, *NO_ANSWER):
            return ""

    def forget(self, channel: str) -> None:
        """It changed: ask again."""
        self._facts.forget(channel)

    def forget_everything(self) -> None:
        """Any of them may have changed."""
        self._facts.forget_everything()

    async def _ask(self, channel: str) -> Channel:
        facts = read(Channel, (await self._client.conversations_info(channel=channel)).data)
        self._backoff.answered(channel)
        return facts
