"""The error of a failed Web API call, whatever slack_sdk made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.slack.payloads import Failed, Unreadable, read

NO_ANSWER = (aiohttp.ClientError, TimeoutError, OSError, Unreadable)
"""Slack could not be reached, was too slow, or said nothing that can be read."""

_PASSING = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})


@dataclass(frozen=True, slots=True)
class SlackFailure:
    """`error` is Slack's code, empty without a readable answer; `retry_after` in seconds, None where not said."""

    error: str
    status: int | None
    retry_after: float | None
    messages: tuple[str, ...]

    @property
    def asks_to_wait(self) -> bool:
        return self.status == 429 or self.error == "ratelimited"

    @property
    def passes(self) -> bool:
        """Slack did not answer the question, and may do so the next time."""
        return self.asks_to_wait or not self.error or self.error in _PASSING or (self.status or 0) >= 500


def failure_of(exc: SlackApiError) -> SlackFailure:
    """Read a SlackApiError. For a body that is no JSON its `response` is aiohttp's own, without Slack's fields."""
    data: Any = getattr(exc.response, "data", None)
    failed = read(Failed, data if isinstance(data, dict) else {})
    status = getattr(exc.response, "status_code", None) or getattr(exc.response, "status", None)
    headers: Any = getattr(exc.response, "headers", None) or {}
    return SlackFailure(
        error=failed.error,
        status=status if isinstance(status, int) else None,
        retry_after=retry_seconds(headers.get("Retry-After")),
        messages=failed.messages,
    )


def retry_seconds(text: str | None) -> float | None:
    """A Retry-After header in seconds, kept between 1 and 300; None where it says nothing."""
    try:
        return None if text is None else min(max(float(text), 1.0), 300.0)
    except ValueError:
        return None
