"""How many calls Slack takes: of a method in a minute from the whole workspace, and of posts in each channel.

Source: Slack, Web API rate limits.
"""

from __future__ import annotations

from bot.ports.budgets import Room
from bot.ports.clock import Clock
from bot.workflow.call_budget import Budgets, CallBudget

EDITS_A_MINUTE = 50
"""chat.update is Tier 3: 50 and more."""

POSTS_A_MINUTE = 300
"""chat.postMessage: "several hundred", which is this at least, beside about one a second in each channel."""


POST_EVERY_S = 1.0
_CHANNELS_KEPT = 1_000


class ChannelPace:
    """A post a second in each channel, of reports and of the private words beside them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: dict[str, float] = {}

    async def turn(self, channel: str) -> None:
        """Returns when something may be posted there; each caller has a second of its own."""
        now = self._clock.monotonic()
        if len(self._next) >= _CHANNELS_KEPT:
            self._next = {one: at for one, at in self._next.items() if at > now}
        at = max(self._next.get(channel, now), now)
        self._next[channel] = at + POST_EVERY_S
        if at > now:
            await self._clock.sleep(at - now)


def budgets(edits: Room, posts: Room, clock: Clock) -> Budgets:
    """As much as Slack takes, counted in these rooms."""
    return Budgets(CallBudget(edits, clock, EDITS_A_MINUTE), CallBudget(posts, clock, POSTS_A_MINUTE))
