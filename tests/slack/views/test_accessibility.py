"""Whoever hears a message instead of seeing it, or sees no colours, misses nothing: read from the golden files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[2] / "golden"
ALL = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(GOLDEN.glob("*.json"))}
MESSAGES = {name: golden for name, golden in ALL.items() if "text" in golden}
EMOJI = re.compile(r":[a-z_]+:")
DATE = re.compile(r"<!date\^\d+\^[^|>]+\|[^>]+>")
PICTURE_TYPES = {"image", "video"}


def texts(part: Any) -> Iterator[str]:
    """Every text that is shown, buttons and questions aside."""
    if isinstance(part, list):
        for one in part:
            yield from texts(one)
    elif isinstance(part, dict):
        if part.get("type") in ("mrkdwn", "plain_text") and isinstance(part.get("text"), str):
            yield part["text"]
        elif part.get("type") != "actions":
            for one in part.values():
                yield from texts(one)


def elements(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, list):
        for one in part:
            yield from elements(one)
    elif isinstance(part, dict):
        if "type" in part:
            yield part
        for one in part.values():
            yield from elements(one)


def spoken(text: str) -> str:
    """Without emoji, bars and markup: what is left when a text is read aloud."""
    return " ".join(re.sub(r"[▰▱*`•]", " ", EMOJI.sub(" ", text)).split())


@pytest.mark.parametrize("name", MESSAGES)
def test_the_text_alone_tells_all_that_the_blocks_show(name: str) -> None:
    heard = spoken(MESSAGES[name]["text"])
    for text in texts(MESSAGES[name]["blocks"]):
        for line in text.splitlines():
            if not re.match("[▰▱]", line):  # a bar counts the states that stand below it, one by one
                assert spoken(line) in heard


@pytest.mark.parametrize("name", ALL)
def test_every_sign_has_words_beside_it(name: str) -> None:
    for text in texts(ALL[name]):
        for line in text.splitlines():
            if EMOJI.search(line) or "▰" in line or "▱" in line:
                assert re.search(r"[A-Za-z]{2,}", spoken(line)), line


@pytest.mark.parametrize("name", ALL)
def test_times_are_shown_in_the_readers_zone(name: str) -> None:
    for text in texts(ALL[name]):
        assert not re.search(r"\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d", DATE.sub("", text)), text


@pytest.mark.parametrize("name", ALL)
def test_no_picture_is_without_words_and_no_button_without_a_label(name: str) -> None:
    for element in elements(ALL[name]):
        if element["type"] in PICTURE_TYPES:
            assert element["alt_text"]
        if element["type"] == "button":
            assert re.search(r"[A-Za-z]{3,}", element["text"]["text"])


def test_there_are_messages_to_hold_to_this() -> None:
    assert len(MESSAGES) > 25
    assert any(DATE.search(text) for golden in MESSAGES.values() for text in texts(golden))


@pytest.mark.parametrize("name", ALL)
def test_buttons_that_look_alike_are_told_apart_by_what_is_spoken(name: str) -> None:
    buttons = [one for one in elements(ALL[name]) if one["type"] == "button"]
    heard = [one.get("accessibility_label") or one["text"]["text"] for one in buttons]
    assert len(heard) == len(set(heard))
    assert all(len(one) <= 75 for one in heard)
