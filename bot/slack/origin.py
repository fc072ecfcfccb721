"""Whose a delivery is. One for another app or workspace may be signed well: it is refused and counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from bot.connections import Tally
from bot.slack.payloads import Identity, is_ours


class Origin:
    """Asked of whatever Slack delivers, before anything else is done about it."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._strangers = Tally("deliveries for another app or workspace were refused")

    def register(self, app: AsyncApp) -> None:
        app.middleware(self.on_delivery)

    async def on_delivery(
        self, body: dict[str, Any], next_: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse | None:
        return self.refusal(body) or await next_()

    def refusal(self, body: dict[str, Any]) -> BoltResponse | None:
        """None: it is for this app in this workspace."""
        if is_ours(body, self.identity):
            return None
        self._strangers.count()
        return BoltResponse(status=401, body={"error": "not for this workspace"})
