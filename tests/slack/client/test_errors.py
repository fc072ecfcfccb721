"""What a failed Web API call says: what passes by itself is tried again, what Slack refused is not."""

from __future__ import annotations

import pytest

from bot.slack.client.errors import SlackFailure


@pytest.mark.parametrize(
    ("error", "status", "passes"),
    [
        ("ratelimited", 200, True),
        ("", 429, True),
        ("", None, True),
        ("internal_error", 200, True),
        ("surprise", 503, True),
        ("surprise", 200, False),
        ("channel_not_found", 404, False),
    ],
)
def test_what_passes_is_what_slack_did_not_answer(error: str, status: int | None, passes: bool) -> None:
    assert SlackFailure(error, status, None, ()).passes is passes
