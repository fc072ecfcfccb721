"""One word for one thing: what a word of the glossary replaced is no part of a name any more."""

from __future__ import annotations

import io
import keyword
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for path in (ROOT / "bot").rglob("*.py") if "simulator" not in path.parts)

RETIRED = {
    "arrival": "incoming",
    "doubt": "the question before a deletion",
    "doubting": "the question before a deletion",
    "duties": "jobs",
    "duty": "job",
    "errand": "deferred reply",
    "errands": "deferred replies, background tasks",
    "fault": "problem",
    "faults": "problems",
    "judge": "authorize",
    "judged": "authorized",
    "lapse": "expire",
    "lapsed": "expired, timed out",
    "mishap": "unexpected",
    "offer": "options of a form, channel card",
    "offered": "options of a form, available",
    "offers": "options of a form, discovery",
    "owed": "deferred",
    "patience": "retry policy",
    "press": "action",
    "pressed": "action",
    "seal": "row hash, anchor",
    "sealed": "chained hash",
    "settle": "decide",
    "settled": "decided",
    "standing": "account, kind",
    "survey": "discover",
    "unfit": "invalid",
    "unsaid": "to_send",
    "verdict": "explanation, authorization",
    "viewed": "read",
    "wake": "schedule",
    "want": "job",
}

MEANT = {
    "in_doubt": "of a POST without an answer: a doubt indeed",
    "offer_channels": "a key of bot.toml",
    "NotOffered": "the region does not offer it",
    "NOT_OFFERED": "the region does not offer it",
}


def names(source: str) -> Iterator[tuple[str, list[str]]]:
    """Each name with its words, in small letters."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
            yield token.string, [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", token.string)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_has_a_retired_word(path: Path) -> None:
    found = {
        name: RETIRED[word]
        for name, words in names(path.read_text(encoding="utf-8"))
        for word in words
        if word in RETIRED and name not in MEANT
    }
    assert found == {}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_home_is_app_home(path: Path) -> None:
    for name, words in names(path.read_text(encoding="utf-8")):
        assert all(before == "app" for before, word in zip(["", *words], words, strict=False) if word == "home"), name
