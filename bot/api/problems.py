"""Refusals as programs read them: `application/problem+json` (RFC 9457) with a `rule` that stays the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bot.domain.denials import DAILY_LIMIT, NO_PROJECT_CHOSEN, OPEN_LIMIT
from bot.domain.results import Refused
from bot.domain.sentences import as_words

UNREADABLE = "unreadable"
INVALID = "invalid"
NO_KEY = "no-idempotency-key"
KEY_USED = "idempotency-key-used"
NO_CHANNEL = "no-channel"
UNKNOWN_TOKEN = "unknown-token"
UNKNOWN_ID = "unknown-id"

_STATUS: Mapping[str, HTTPStatus] = {
    OPEN_LIMIT: HTTPStatus.TOO_MANY_REQUESTS,
    DAILY_LIMIT: HTTPStatus.TOO_MANY_REQUESTS,
    NO_PROJECT_CHOSEN: HTTPStatus.UNPROCESSABLE_ENTITY,
    "nothing-bound": HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""Of the rules of a denial; each other one is 403."""


@dataclass(slots=True)
class Problem(Exception):
    """`detail` is a sentence: cause and fix. `errors`: what is wrong with which field, where fields are."""

    status: HTTPStatus
    rule: str
    detail: str
    errors: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        told = {
            "type": f"urn:snapshot-bot:rule:{self.rule}",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": as_words(self.detail),
            "rule": self.rule,
        }
        if self.errors:
            told["errors"] = [{"field": name, "detail": as_words(why)} for name, why in self.errors.items()]
        return told

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            text=json.dumps(self.body(), ensure_ascii=False),
            content_type="application/problem+json",
            headers=dict(self.headers),
        )


def denied(refused: Refused) -> Problem:
    """A denial of the intake, under its own rule."""
    return Problem(_STATUS.get(refused.rule, HTTPStatus.FORBIDDEN), refused.rule or "denied", refused.sentence)
