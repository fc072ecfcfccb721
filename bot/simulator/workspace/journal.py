"""The record of a run: deliveries, API calls, refusals. It holds no token and no response_url."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

SECRET_KEYS = frozenset({"token", "response_url", "response_urls", "trigger_id", "authorization"})
KEPT = 50_000


def without_secrets(value: Any) -> Any:
    """A deep copy in which tokens, trigger ids and response URLs are blanked."""
    if isinstance(value, Mapping):
        return {key: "…" if key in SECRET_KEYS else without_secrets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    return value


class Journal:
    """Entries are dicts with `at` (unix s) and `entry`: delivery, api, response_url, validation, rate_limit, socket."""

    def __init__(self, clock: Callable[[], float], wake: Callable[[], None]) -> None:
        self.entries: list[dict[str, Any]] = []
        self._clock = clock
        self._wake = wake

    def add(self, entry: str, **facts: Any) -> dict[str, Any]:
        record = {"entry": entry, "at": self._clock(), **without_secrets(facts)}
        self.entries.append(record)
        if len(self.entries) > KEPT:
            del self.entries[: KEPT // 10]
        self._wake()
        return record

    def api_calls(self, method: str | None = None) -> list[dict[str, Any]]:
        return [
            record
            for record in self.entries
            if record["entry"] == "api" and (method is None or record["method"] == method)
        ]
