"""Whether Slack answers and takes the bot's token, by the calls that are made anyway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.outages import Outages
from bot.ports.clock import Clock
from bot.ports.meters import NO_ANSWER as NOT_ANSWERED
from bot.ports.meters import OK, Called, uncounted
from bot.slack.client.errors import NO_ANSWER, SlackFailure, failure_of

log = logging.getLogger(__name__)

TOKEN_REFUSED = frozenset(
    {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "not_allowed_token_type"}
)
"""Slack's codes for a token that is none, or none any more (Slack, auth.test, errors)."""

BELIEVED_S = 60.0
"""How long the last answer counts."""

ASKED_EVERY_S = 10.0
ANSWERS_WITHIN_S = 3.0


class SlackHealth:
    """The result of the last call: an outage and a token that is refused are each told once."""

    def __init__(self, host: str, clock: Clock, called: Called = uncounted) -> None:
        self._host = host
        self._clock = clock
        self._called = called
        self._why = "Slack has not answered yet"
        self._answered_at = self._asked_at = clock.monotonic()
        self.outages = Outages(log, "slack can't be reached", "slack answers again")
        self.refusals = Outages(log, "slack does not take the bot's token", "slack takes the bot's token again")

    @contextmanager
    def told(self, method: str) -> Iterator[None]:
        """Around a call: how it ends is told."""
        began, outcome = self._clock.monotonic(), NOT_ANSWERED
        try:
            yield
            outcome = OK
            self.answered()
        except SlackApiError as exc:
            failure = failure_of(exc)
            outcome = failure.error or str(failure.status or NOT_ANSWERED)
            self.failed(failure)
            raise
        except NO_ANSWER as exc:
            self.lost(type(exc).__name__)
            raise
        finally:
            self._called(method, outcome, self._clock.monotonic() - began)

    def answered(self) -> None:
        self._why, self._answered_at = "", self._clock.monotonic()
        self.outages.found(self._host)
        self.refusals.found(self._host)

    def lost(self, error: str) -> None:
        self._why = f"Slack can't be reached at {self._host} ({error})"
        self.outages.lost(self._host, error)

    def failed(self, failure: SlackFailure) -> None:
        """A call that Slack answered with an error, or with nothing that can be read."""
        if failure.error in TOKEN_REFUSED:
            self._why = f"Slack does not take the bot's token ({failure.error})"
            self.outages.found(self._host)
            self.refusals.lost(self._host, failure.error)
        elif failure.passes and not failure.asks_to_wait:
            self.lost(failure.error or f"HTTP {failure.status}")
        else:
            self.answered()

    async def trouble(self, ask: Callable[[], Awaitable[Any]] | None) -> str:
        """Why people can't be answered, "" while they can. Where the last answer is old, or was none, `ask` asks for
        another, so that it is noticed in a quiet hour, too.
        """
        now = self._clock.monotonic()
        old = bool(self._why) or now - self._answered_at > BELIEVED_S
        if ask is not None and old and now - self._asked_at >= ASKED_EVERY_S:
            self._asked_at = now
            try:
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    await ask()
            except TimeoutError:
                self.lost("no answer")
            except (SlackApiError, *NO_ANSWER):
                pass  # the call itself told
        return self._why


class WatchedClient(AsyncWebClient):
    """One that tells how each of its calls ended."""

    def __init__(self, health: SlackHealth, **options: Any) -> None:
        super().__init__(**options)
        self._health = health

    async def api_call(self, api_method: str, **options: Any) -> AsyncSlackResponse:
        with self._health.told(api_method):
            return await super().api_call(api_method, **options)
