"""Mentions are made by the bot, never by what somebody typed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import sentences
from bot.domain.parsing.words import plain_text
from bot.slack.views.mrkdwn import moment, sentence, shortened, time_of_day
from tests.builders import NOON


def test_a_mention_in_a_sentence_becomes_slacks_own() -> None:
    told = f"Ask {sentences.person('U1')} or {sentences.user_group('S1')} in {sentences.channel('C1')} about <x>."
    assert sentence(told) == "Ask <@U1> or <!subteam^S1> in <#C1> about &lt;x&gt;."
    assert sentences.as_words(told) == "Ask U1 or S1 in C1 about <x>."


@given(st.text(alphabet="\ue000\ue001@#!U1<>|&;lgt", max_size=60))
def test_nobody_can_type_a_mention(typed: str) -> None:
    assert "<" not in sentence(plain_text(typed))


def test_a_time_is_the_readers_own_in_slack_and_utc_in_a_terminal() -> None:
    told = f"Until {sentences.time_of_day(NOON)}."
    assert sentence(told) == f"Until {time_of_day(NOON)}." and "<!date^" in sentence(told)
    assert sentences.as_words(told) == "Until 2026-11-23T12:00:00Z."
    with_its_day = f"Until {sentences.moment(NOON)}."
    assert sentence(with_its_day) == f"Until {moment(NOON)}." and "{date_short_pretty}" in sentence(with_its_day)
    assert sentences.as_words(with_its_day) == "Until 2026-11-23T12:00:00Z."


def test_a_sentence_is_never_cut_within_a_mention() -> None:
    told = f"Ask {sentences.person('U1')} until {sentences.moment(NOON)}, then go on."
    for most in range(1, len(told) + 1):
        shown = sentence(shortened(told, most))
        assert not {"\ue000", "\ue001"} & set(shown)
        assert len(shortened(told, most)) <= most
    assert shortened(told, len(told) - 1).endswith("then go o…")
