"""App Home in Slack: shown anew whenever it is opened, and whenever something in it changes.

Source: Slack, App Home; app_home_opened; views.publish.
"""

from __future__ import annotations

import logging
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import SlackBusy, ViewRefused, ViewStale
from bot.ports.forms import AppHomes
from bot.slack.client.backoff import Backoff
from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.listeners.reading import reads
from bot.slack.payloads import AppHomeOpened, PublishedView, read
from bot.slack.views.app_home_view import app_home_view
from bot.workflow.jobs.publish_app_home import AppHomeContent

log = logging.getLogger(__name__)


class AppHomeListeners:
    """The event is acknowledged when the listener returns; what it calls for is in the store by then."""

    def __init__(self, store: AppHomes) -> None:
        self._store = store

    def register(self, app: AsyncApp) -> None:
        app.event("app_home_opened")(reads(AppHomeOpened, self.on_opened))

    async def on_opened(self, ack: AsyncAck, opened: AppHomeOpened) -> None:
        if opened.tab == "home":
            await self._store.app_home_opened(opened.user_id, opened.view_hash)


class SlackAppHomes:
    """Implements `bot.workflow.jobs.publish_app_home.AppHomeViews`."""

    def __init__(self, client: AsyncWebClient, command: str, team_url: str) -> None:
        self._client = client
        self._command = command
        self._backoff = Backoff()
        self._team_url = team_url

    async def publish(self, user_id: str, content: AppHomeContent, rev: int, view_hash: str | None) -> str | None:
        """With the hash of the view that is thought to stand there: a slow answer never overwrites a newer one."""
        view = app_home_view(content, rev, self._command, self._team_url)
        arguments: dict[str, Any] = {"user_id": user_id, "view": view}
        if view_hash:
            arguments["hash"] = view_hash
        try:
            answer = read(PublishedView, (await self._client.api_call("views.publish", json=arguments)).data)
        except SlackApiError as exc:
            failure = failure_of(exc)
            if failure.error == "hash_conflict":
                raise ViewStale("A newer view stands there.") from None
            if failure.asks_to_wait:
                raise SlackBusy(
                    "Slack asks to wait.", retry_after=self._backoff.failed(user_id, failure.retry_after)
                ) from None
            if failure.status is not None and (failure.status >= 500 or not failure.error):
                wait = self._backoff.failed(user_id, failure.retry_after)
                raise SlackBusy("Slack did not answer.", retry_after=wait) from None
            facts = {"user": user_id, "error": failure.error, "why": "; ".join(failure.messages)[:500]}
            log.error("slack refused an app home", extra=facts)
            raise ViewRefused(f"Slack refused the view ({failure.error}).") from None
        except NO_ANSWER:
            raise SlackBusy("Slack did not answer.", retry_after=self._backoff.failed(user_id)) from None
        self._backoff.answered(user_id)
        return answer.hash
