"""What Slack tells the bot unasked, and whatever else it delivers."""

from __future__ import annotations

import logging
import re
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.slack.people import SlackPeople

log = logging.getLogger(__name__)


class ChangeListeners:
    """Slack's word that people or groups changed: what was cached about them is dropped at once."""

    def __init__(self, people: SlackPeople) -> None:
        self._people = people

    def register(self, app: AsyncApp) -> None:
        app.event("user_change")(self.on_user_change)
        app.event("subteam_members_changed")(self.on_groups_change)
        app.event("subteam_updated")(self.on_groups_change)

    async def on_user_change(self, event: dict[str, Any]) -> None:
        user = event.get("user")
        if isinstance(user, dict) and isinstance(user.get("id"), str):
            self._people.forget_user(user["id"])

    async def on_groups_change(self) -> None:
        self._people.forget_groups()


class LastListeners:
    """Registered last: whatever else Slack delivers is acknowledged, so that nobody sees an error for a leftover."""

    def register(self, app: AsyncApp) -> None:
        anything = re.compile(".*", re.DOTALL)
        app.action(anything)(self.on_old_control)
        app.shortcut(anything)(self.on_old_control)
        app.view(anything)(self.on_old_control)
        app.view_closed(anything)(self.on_old_control)
        app.options(anything)(self.on_old_options)
        app.event(anything)(self.on_other_event)

    async def on_old_control(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        log.info("a control without a use was pressed", extra={"kind": str(body.get("type"))})
        await ack()

    async def on_old_options(self, ack: AsyncAck) -> None:
        await ack(options=[])

    async def on_other_event(self, body: dict[str, Any]) -> None:
        event = body.get("event")
        log.info("an event without a use arrived", extra={"kind": str(event.get("type") if event else "")})
