"""Slack's rate limits: a sliding minute per method, and about one message a second per channel.

Source: docs.slack.dev, apis/web-api/rate-limits. Burst sizes are unpublished; here a channel takes 5
messages at once and then one a second.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

TIER_2, TIER_3, TIER_4, SPECIAL = 20, 50, 100, 300
WINDOW_S = 60.0
CHANNEL_BURST = 5
PER_MINUTE = {
    "chat.postMessage": SPECIAL,
    "auth.test": SPECIAL,
    "chat.getPermalink": SPECIAL,
    "blocks.validate": SPECIAL,
    "response_url": SPECIAL,
    "views.open": TIER_4,
    "views.push": TIER_4,
    "views.update": TIER_4,
    "views.publish": TIER_4,
    "api.test": TIER_4,
    "files.getUploadURLExternal": TIER_4,
    "files.completeUploadExternal": TIER_4,
    "files.info": TIER_4,
    "users.info": TIER_4,
    "conversations.members": TIER_4,
    "chat.postEphemeral": TIER_4,
    "usergroups.list": TIER_2,
    "usergroups.users.list": TIER_2,
    "users.list": TIER_2,
    "users.conversations": TIER_2,
    "conversations.list": TIER_2,
}


@dataclass
class _Bucket:
    tokens: float
    at: float


class RateLimits:
    """Ask `wait_s` before each call; 0 lets it through and counts it. Refused calls are not counted."""

    def __init__(self, clock: Callable[[], float], *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}
        self._buckets: dict[str, _Bucket] = {}

    def wait_s(self, method: str, channel: str = "") -> int:
        """Whole seconds for Retry-After, or 0."""
        if not self.enabled:
            return 0
        now = self._clock()
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - WINDOW_S:
            calls.popleft()
        if len(calls) >= PER_MINUTE.get(method, TIER_3):
            return max(1, math.ceil(calls[0] + WINDOW_S - now))
        if method == "chat.postMessage" and channel and not self._take(channel, now):
            return 1
        calls.append(now)
        return 0

    def _take(self, channel: str, now: float) -> bool:
        bucket = self._buckets.setdefault(channel, _Bucket(CHANNEL_BURST, now))
        bucket.tokens = min(CHANNEL_BURST, bucket.tokens + max(0.0, now - bucket.at))
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
