"""Opening a form: with the trigger of what was pressed or typed, which lives for three seconds."""

from __future__ import annotations

import logging
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.payloads import ShownView, read

log = logging.getLogger(__name__)


async def open_view(client: AsyncWebClient, trigger_id: str, view: dict[str, Any]) -> ShownView | None:
    """The view as Slack opened it. None: Slack refused it, most often as too late, or was not to be reached."""
    try:
        return read(ShownView, (await client.views_open(trigger_id=trigger_id, view=view)).data)
    except (SlackApiError, *NO_ANSWER) as exc:
        error = failure_of(exc).error if isinstance(exc, SlackApiError) else type(exc).__name__
        log.info("the form could not be opened", extra={"error": error})
        return None
