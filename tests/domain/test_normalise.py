"""The normaliser of what people type."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.normalise import caseless, entered, length_of, letters_in, plain, unmarked_word, visible

ODD = (
    "a1 \n-–−－=＝：，【】`*_~•\u00a0\u00ad\u034f\u200b\u200d\u202e\u2068\u2069\ufeff\ufe0f\u0301\u0338\u20e3"
    "\u2620\U0001f469\U0001f3fd\U0001f3f4\U000e0067\U000e007f"
)
TEXT = st.text(max_size=60) | st.text(alphabet=ODD, max_size=30)


@given(TEXT)
def test_each_step_is_the_same_the_second_time(text: str) -> None:
    for step in (visible, plain, caseless, entered):
        assert step(step(text)) == step(text)


@given(TEXT)
def test_a_later_step_makes_no_difference_of_what_an_earlier_one_dropped(text: str) -> None:
    assert plain(visible(text)) == plain(text)
    assert caseless(plain(text)) == caseless(text)


@given(st.text(max_size=60))
def test_no_control_of_direction_or_of_a_terminal_is_left(text: str) -> None:
    left = visible(text)
    assert not [letter for letter in left if unicodedata.bidirectional(letter) in ("RLO", "LRO", "RLE", "LRI", "PDI")]
    assert not [letter for letter in left if unicodedata.category(letter) == "Cc" and letter not in "\n\t"]
    left.encode()


@pytest.mark.parametrize(
    "invisible",
    [
        *"\u00ad\u034f\u061c\u115f\u1160\u17b4\u180e\u200b\u200c\u200e\u202a\u202e\u2060\u2064\u2066\u2069\u3164",
        *"\ufe00\ufeff\uffa0\ufff9\ufffc\x00\x1b\x7f\x9b\ud800\U0001d173\U000e0001\U000e0041\U000e0100",
    ],
    ids=lambda letter: f"U+{ord(letter):04X}",
)
def test_what_cannot_be_seen_is_dropped(invisible: str) -> None:
    assert visible(f"da{invisible}ta{invisible}-01{invisible}") == "data-01"
    assert entered(invisible * 16) == ""


@pytest.mark.parametrize(
    "space", "\u00a0\u1680\u2000\u2009\u202f\u205f\u2800\u3000", ids=lambda one: f"U+{ord(one):04X}"
)
def test_every_space_is_a_plain_one(space: str) -> None:
    assert visible(f"nb{space}sp") == "nb sp"
    assert entered(space * 16) == ""


@pytest.mark.parametrize("emoji", ["👩‍👩‍👧", "🏴‍☠️", "👩🏽‍🚀", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪", "☎︎", "👍🏽"])
def test_an_emoji_keeps_what_holds_it_together(emoji: str) -> None:
    assert visible(f"disk full {emoji}, again\u200d") == f"disk full {emoji}, again"


def test_prose_keeps_its_signs_and_words_are_read_plain() -> None:
    reason = "磁盘已满（web－01）：重启前，先备份。"
    assert visible(reason) == reason
    assert plain("ｃｒｅａｔｅ　ｄａｔａ－02，ｋｅｅｐ＝７") == "create data-02,keep=7"
    assert plain("data–13 data−14 data－15 payments‑prod") == "data-13 data-14 data-15 payments-prod"


def test_names_are_compared_composed() -> None:
    assert visible("cafe\u0301-disk") == visible("café-disk") == "caf\u00e9-disk"
    assert caseless("STRASSE") == caseless("straße")


@pytest.mark.parametrize(
    "dressed", ["`a`", "*a*", "_a_", "~a~", "*_`a`_*", "【a】", "[a]", "<a>", "（a）", "•a", "`a", "a*"]
)
def test_formatting_and_brackets_around_a_word_are_taken_off(dressed: str) -> None:
    assert unmarked_word(dressed) == "a"


def test_a_word_of_formatting_alone_stays() -> None:
    assert unmarked_word("*") == "*"


@pytest.mark.parametrize("letters", ["Nguyễn", "ผู้ดูแลระบบ", "क्षत्रिय", "שָׁלוֹם", "ệ̣̂", "cafe\u0301"])
def test_a_letter_keeps_the_marks_that_its_script_writes(letters: str) -> None:
    assert visible(letters) == unicodedata.normalize("NFC", letters)


def test_a_tower_of_marks_is_cut_down() -> None:
    assert len(visible("x" + "\u0301" * 400 + "y")) == 6
    assert length_of(visible("x" + "\u0301" * 400 + " y ")) == 3
    assert letters_in("a-1 …·é 日 \u0301") == 4
