"""What a message is: the same words as `text`, which tells all, and as blocks, which arrange them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from bot.slack.blocks import SECTION_CHARACTERS, section
from bot.slack.text import shortened

POST_CHARACTERS = 12_000
"""Slack cuts a posted `text` only at 40,000 characters; nobody reads that much."""


class Message(TypedDict):
    text: str
    blocks: list[dict[str, Any]]


def arranged(lines: Sequence[str]) -> Message:
    """Lines as a message: the same words as `text` and in as few sections as hold them."""
    return {
        "text": whole_text(lines, POST_CHARACTERS),
        "blocks": [section(part, f"part.{n}") for n, part in enumerate(parts(lines))],
    }


def parts(lines: Sequence[str]) -> list[str]:
    """Lines joined into as few sections as their 3,000 characters allow."""
    joined: list[str] = []
    for line in lines:
        line = shortened(line, SECTION_CHARACTERS)
        if joined and len(joined[-1]) + 1 + len(line) <= SECTION_CHARACTERS:
            joined[-1] += f"\n{line}"
        else:
            joined.append(line)
    return joined


def whole_text(lines: Sequence[str], most: int) -> str:
    return shortened("\n".join(lines), most)
