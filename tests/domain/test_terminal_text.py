"""Text that others wrote, in a terminal: nothing acts, nothing hides, and what can be seen stays as it is."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.terminal_text import harmless, json_line

ACTS = {
    "\x1b[2J\x1b[31mred": "\\x1b[2J\\x1b[31mred",
    "\x1b]0;title\x07": "\\x1b]0;title\\x07",
    "\x9b31m": "\\x9b31m",
    "a\nb\r\nc\x0bd\x0ce\x85f\u2028g\u2029h": "a\\nb\\r\\nc\\x0bd\\x0ce\\x85f\\u2028g\\u2029h",
    "\u202edeteled\u202c \u2066x\u2069": "\\u202edeteled\\u202c \\u2066x\\u2069",
    "a\u200bb\ufeffc\u00add\u2060e": "a\\u200bb\\ufeffc\\xadd\\u2060e",
    "a\u00a0b\u3000c": "a\\xa0b\\u3000c",
    "\u3164\u115f\u2800\u034f\ufe0f": "\\u3164\\u115f\\u2800\\u034f\\ufe0f",
    "\U000e0041\U0001d173": "\\U000e0041\\U0001d173",
    "\ud83d \udc4d": "\\ud83d \\udc4d",
    "\ue000@U1\ue001": "\\ue000@U1\\ue001",
    "tab\tbell\x07del\x7fnul\0": "tab\\tbell\\x07del\\x7fnul\\x00",
}


@pytest.mark.parametrize(("text", "shown"), ACTS.items(), ids=range(len(ACTS)))
def test_what_acts_or_hides_is_made_visible(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert json.loads(json_line({"text": text})) == {"text": text}


@pytest.mark.parametrize("text", ["", "web-01-data", "größe · 日本語 «x»", "a\\nb", "👍 1 GiB – 2 €"])
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text
    assert json_line(text) == json.dumps(text, ensure_ascii=False)


@given(st.text(st.characters(codec=None)))
def test_no_text_leaves_anything_but_one_line_of_what_shows(text: str) -> None:
    for shown in (harmless(text), json_line(text)):
        assert {unicodedata.category(char)[0] for char in shown} <= set("LMNPSZ")
        assert shown.isprintable()
        shown.encode("utf-8")
    assert json.loads(json_line(text)) == text
    assert harmless(harmless(text)) == harmless(text)
