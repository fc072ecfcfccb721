"""Slack's mrkdwn: what may be cut, what may become a link, and that nothing else does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.views.message import fitted
from bot.slack.views.mrkdwn import bold, code, cut, moment, reason_told, typed
from tests.builders import NOON

TEAM = "https://harbor-eng.slack.com/"
HERE = "https://harbor-eng.slack.com/archives/C1/p1767225610000200"


def broken(text: str) -> str | None:
    """The first entity or angle bracket without its end."""
    found = re.search(r"&(?!amp;|lt;|gt;)|<[^<>]*(?:<|$)", text)
    return found and found[0]


@given(st.text(alphabet="a&<> ;", max_size=40), st.integers(min_value=1, max_value=250))
def test_no_cut_goes_through_an_entity_a_mention_or_a_time(text: str, most: int) -> None:
    markup = f"{typed(text)} <@U1> {moment(NOON)} {typed(text)}"
    shown = cut(markup, most)
    assert len(shown) <= most
    assert broken(shown) is None


@given(st.lists(st.text(alphabet="a& ", max_size=30), max_size=12), st.integers(min_value=40, max_value=200))
def test_lines_that_do_not_fit_are_left_out_whole_and_counted(lines: list[str], room: int) -> None:
    escaped_lines = [typed(line) for line in lines]
    shown = fitted(escaped_lines, room, "; see below")
    assert len("\n".join(shown)) <= room
    if shown != escaped_lines:
        kept, last = shown[:-1], shown[-1]
        assert last == f"… and {len(lines) - len(kept)} more; see below" or len(lines) == 1
        assert kept == escaped_lines[: len(kept)] or len(kept) == 1


def test_a_backtick_in_a_name_pairs_with_no_other() -> None:
    line = f"{bold('a`b')} — creating · {code('id')}"
    assert line == "*aˋb* — creating · `id`"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (HERE, f"<{HERE}|the message>"),
        (f"see {HERE}, please", f"see <{HERE}|the message>, please"),
        (f"({HERE})", f"(<{HERE}|the message>)"),
        (f"{HERE}?thread_ts=1.2&cid=C1", f"<{HERE}?thread_ts=1.2&amp;cid=C1|the message>"),
        ("https://harbor-eng.slack.com/archives/C1", "<https://harbor-eng.slack.com/archives/C1>"),
    ],
)
def test_a_reason_that_is_a_message_of_this_workspace_leads_to_it(reason: str, shown: str) -> None:
    assert reason_told(reason, TEAM) == shown


@pytest.mark.parametrize(
    "reason",
    [
        "https://evil.example/archives/C1/p1",
        "https://harbor-eng.slack.com.evil.example/archives/C1/p1",
        "https://harbor-engXslack.com/archives/C1/p1",
        f"https://evil.example/?to={HERE}",
        f"{HERE}|click",
        f"{HERE}@evil.example",
        f"{HERE}/../../../x",
        f"<{HERE}|click>",
        "https://harbor-eng.slack.com/files/x",
        "http://harbor-eng.slack.com/archives/C1/p1",
        "javascript:alert(1)",
    ],
)
def test_no_other_address_becomes_a_link(reason: str) -> None:
    assert reason_told(reason, TEAM) == typed(reason)


@given(st.text(max_size=60), st.sampled_from([HERE, ""]))
def test_whatever_is_typed_around_it_only_that_address_is_one(text: str, address: str) -> None:
    shown = reason_told(f"{text}{address}{text}", TEAM)
    assert all(found.startswith(HERE) for found in re.findall("<([^>]*)", shown))
    assert reason_told(text, "") == typed(text)
