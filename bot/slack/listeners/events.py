"""Events that Slack tells the bot unasked, and whatever else it delivers."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from bot.slack.changes import Changes
from bot.slack.ids import CONSOLE
from bot.slack.listeners.arrivals import USED, control_used
from bot.slack.listeners.reading import reads
from bot.slack.payloads import Delivery, Used, UserChange, read

log = logging.getLogger(__name__)


class ChangeListeners:
    """Slack's word that people or groups changed: what was cached about them is dropped at once."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def register(self, app: AsyncApp) -> None:
        app.event("user_change")(reads(UserChange, self.on_user_change))
        app.event("subteam_members_changed")(self.on_user_groups_change)
        app.event("subteam_updated")(self.on_user_groups_change)

    async def on_user_change(self, ack: AsyncAck, change: UserChange) -> None:
        if change.user_id:
            self._changes.of_user(change.user_id)

    async def on_user_groups_change(self) -> None:
        self._changes.of_user_groups()


_ROUTED = frozenset(
    {
        "event_callback",
        "block_actions",
        "interactive_message",
        "message_action",
        "shortcut",
        "view_submission",
        "view_closed",
        "block_suggestion",
        "dialog_submission",
        "dialog_cancellation",
        "dialog_suggestion",
    }
)
"""The types of deliveries for which Bolt 1.30 has listeners; a command has none."""


class Unrouted:
    """Deliveries to the app itself, which are no events: taken before Bolt, which would answer it with 404."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._minute: Any = None

    def register(self, app: AsyncApp) -> None:
        app.middleware(self.on_delivery)

    async def on_delivery(
        self, body: dict[str, Any], next_: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse | None:
        delivery = read(Delivery, body)
        if delivery.type in USED:
            control_used(read(Used, body))
        if delivery.type is None or delivery.type in _ROUTED:
            return await next_()
        if delivery.type == "app_rate_limited":
            self._on_rate_limited(delivery.minute_rate_limited)
        else:
            log.info("a delivery without a use arrived", extra={"kind": delivery.type[:40]})
        return BoltResponse(status=200)

    def _on_rate_limited(self, minute: Any) -> None:
        """For a while events were not delivered. Changes of people, groups and channels among them are asked for anew;
        mentions are lost, since the bot may not read messages. Source: Slack, Events API, rate limiting.
        """
        self._changes.of_anything()
        if minute != self._minute:
            self._minute = minute
            log.warning("slack held events back because there were too many", extra={"minute": _minute(minute)})


def _minute(seconds: Any) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%MZ}"
    except (TypeError, ValueError, OverflowError, OSError):
        return "unknown"


class LastListeners:
    """Registered last: whatever else Slack delivers is acknowledged, so that no person sees an error for a leftover."""

    def register(self, app: AsyncApp) -> None:
        anything = re.compile(".*", re.DOTALL)
        app.action(re.compile(rf"{CONSOLE}\."))(self.on_link)
        for route in (app.action, app.shortcut, app.view, app.view_closed):
            route(anything)(reads(Delivery, self.on_old_action))
        app.options(anything)(self.on_old_options)
        app.event(anything)(reads(Delivery, self.on_other_event))

    async def on_link(self, ack: AsyncAck) -> None:
        """Slack tells of buttons that open a page as well (Block Kit, button)."""
        await ack()

    async def on_old_action(self, ack: AsyncAck, delivery: Delivery) -> None:
        log.info("a control without a use was pressed", extra={"kind": delivery.type})
        await ack()

    async def on_old_options(self, ack: AsyncAck) -> None:
        await ack(options=[])

    async def on_other_event(self, ack: AsyncAck, delivery: Delivery) -> None:
        log.info("an event without a use arrived", extra={"kind": delivery.event_type})
