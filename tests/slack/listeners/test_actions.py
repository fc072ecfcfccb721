"""Where what somebody pressed or sent is judged."""

from __future__ import annotations

import pytest

from bot.slack.listeners.actions import UserAction


@pytest.mark.parametrize(
    ("channel", "form_id", "decided_at"),
    [
        ("C1", "", "C1"),
        ("", "", None),
        ("D1", "", None),
        ("C1", "f-1", None),
    ],
    ids=["a button in a channel", "App Home", "a direct message", "a form, opened from a channel"],
)
def test_only_a_button_in_a_channel_is_judged_there(channel: str, form_id: str, decided_at: str | None) -> None:
    assert UserAction("deny", "U1", "r-one", channel, form_id=form_id).decided_at == decided_at
