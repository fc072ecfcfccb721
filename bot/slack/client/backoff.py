"""How long to leave Slack alone after it did not answer: a second, then twice as long each time, until it answers."""

from __future__ import annotations

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0


class Backoff:
    """Counts failures by what was asked of whom; forgets them with the first answer."""

    def __init__(self) -> None:
        self._failed: dict[str, int] = {}

    def failed(self, what: str, retry_after: float | None = None) -> float:
        """Seconds to wait now: what Slack asks for, where it does."""
        times = self._failed[what] = self._failed.get(what, 0) + 1
        return retry_after or min(FIRST_SECONDS * 2 ** min(times - 1, 10), LONGEST_SECONDS)

    def answered(self, what: str) -> None:
        self._failed.pop(what, None)
