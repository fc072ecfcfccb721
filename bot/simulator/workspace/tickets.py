"""Short-lived rights that Slack hands out with a payload: trigger ids and response URLs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bot.simulator.workspace.errors import SlackRefusal

TRIGGER_LIFE_S = 3.0
RESPONSE_LIFE_S = 1800.0
RESPONSE_USES = 5


@dataclass
class Trigger:
    """The right to open one modal for one person. `view_id` is set when it was made inside a modal."""

    id: str
    user: str
    made_at: float
    channel: str = ""
    view_id: str = ""
    used: bool = False


class Triggers:
    """Trigger ids live 3 s and work once. Source: docs.slack.dev, surfaces/modals."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._made: dict[str, Trigger] = {}
        self._serial = 8801234567890

    def make(self, user: str, channel: str = "", view_id: str = "") -> str:
        self._serial += 1
        trigger_id = f"{self._serial}.1200045678.{secrets.token_hex(16)}"
        self._made[trigger_id] = Trigger(trigger_id, user, self._clock(), channel, view_id)
        return trigger_id

    def use(self, trigger_id: str) -> Trigger:
        """Raises SlackRefusal: invalid_trigger_id, exchanged_trigger_id or expired_trigger_id."""
        trigger = self._made.get(trigger_id)
        if trigger is None:
            raise SlackRefusal("invalid_trigger_id")
        if trigger.used:
            raise SlackRefusal("exchanged_trigger_id")
        if self._clock() - trigger.made_at > TRIGGER_LIFE_S:
            raise SlackRefusal("expired_trigger_id")
        trigger.used = True
        return trigger


@dataclass
class ResponseUrl:
    """A reply path for one action of one person; `source_ts` is the message that carried the button."""

    key: str
    user: str
    channel: str
    made_at: float
    source_ts: str = ""
    uses: int = 0


class ResponseUrls:
    """Response URLs live 30 minutes and take 5 posts.

    Source: docs.slack.dev, interactivity/handling-user-interaction.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._made: dict[str, ResponseUrl] = {}

    def make(self, user: str, channel: str, source_ts: str = "") -> str:
        key = secrets.token_urlsafe(24)
        self._made[key] = ResponseUrl(key, user, channel, self._clock(), source_ts)
        return f"/response/{key}"

    def use(self, key: str) -> ResponseUrl:
        """Raises SlackRefusal: expired_url or used_url."""
        found = self._made.get(key)
        if found is None or self._clock() - found.made_at > RESPONSE_LIFE_S:
            raise SlackRefusal("expired_url")
        if found.uses >= RESPONSE_USES:
            raise SlackRefusal("used_url")
        found.uses += 1
        return found
