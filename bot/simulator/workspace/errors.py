"""What the simulated Slack refuses, to an app and to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SlackRefusal(Exception):
    """A Web API answer with `ok: false`. `extra` joins the body beside `error`.

    Source: docs.slack.dev, apis/web-api (Evaluating responses).
    """

    def __init__(self, error: str, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        return {"ok": False, "error": self.error, **self.extra}


class NotAllowedInSlack(PermissionError):
    """The person could not even try this in Slack, so nothing reached the app. The text says why."""
