"""How long to leave Slack alone after it did not answer: a second, then twice as long each time, until it answers."""

from __future__ import annotations

from collections import OrderedDict

from bot.retry import doubling

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0

KEPT = 1_000
"""Whatever fails more than this many others ago begins anew."""


class Backoff:
    """Counts failures by what was asked of whom; forgets them with the first answer."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, int] = OrderedDict()

    def failed(self, what: str, retry_after: float | None = None) -> float:
        """Seconds to wait now: what Slack asks for, where it does."""
        times = self._failed[what] = self._failed.pop(what, 0) + 1
        if len(self._failed) > KEPT:
            self._failed.popitem(last=False)
        return retry_after or doubling(FIRST_SECONDS, LONGEST_SECONDS, times)

    def answered(self, what: str) -> None:
        self._failed.pop(what, None)
