"""Slack is left alone for longer and longer, until it answers."""

from __future__ import annotations

from bot.slack.client.backoff import KEPT, LONGEST_SECONDS, Backoff


def test_waits_double_from_a_second_up_to_a_minute_and_begin_anew_after_an_answer() -> None:
    backoff = Backoff()
    assert [backoff.failed("C1") for _ in range(7)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_SECONDS]
    assert backoff.failed("C2") == 1.0
    backoff.answered("C1")
    assert backoff.failed("C1") == 1.0


def test_what_slack_asks_for_is_what_is_waited() -> None:
    assert Backoff().failed("C1", retry_after=7.0) == 7.0


def test_no_more_is_remembered_than_a_number() -> None:
    backoff = Backoff()
    for number in range(KEPT + 1):
        backoff.failed(f"C{number}")
    assert [backoff.failed(f"C{KEPT}"), backoff.failed("C0")] == [2.0, 1.0]
