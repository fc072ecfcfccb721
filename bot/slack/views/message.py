"""The shape of a message: the same words as `text`, which tells all, and as blocks, which arrange them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from bot.slack.views.blocks import SECTION_CHARACTERS, section
from bot.slack.views.mrkdwn import cut

POST_CHARACTERS = 12_000
"""Slack cuts a posted `text` only at 40,000 characters; no person reads that much."""

EDIT_CHARACTERS = 3_900
"""chat.update refuses a `text` over 4,000 characters."""


class Message(TypedDict):
    text: str
    blocks: list[dict[str, Any]]


def arranged(lines: Sequence[str], most: int = POST_CHARACTERS) -> Message:
    """Lines as a message: the same words as `text`, up to `most` characters, and in as few sections as hold them."""
    return {"text": whole_text(lines, most), "blocks": sections(lines)}


def sections(lines: Sequence[str]) -> list[dict[str, Any]]:
    return [section(part, f"part.{n}") for n, part in enumerate(parts(lines))]


def parts(lines: Sequence[str]) -> list[str]:
    """Lines joined into as few sections as their 3,000 characters allow."""
    joined: list[str] = []
    for line in lines:
        line = cut(line, SECTION_CHARACTERS)
        if joined and len(joined[-1]) + 1 + len(line) <= SECTION_CHARACTERS:
            joined[-1] += f"\n{line}"
        else:
            joined.append(line)
    return joined


def whole_text(lines: Sequence[str], most: int) -> str:
    return "\n".join(fitted(lines, most))


def fitted(lines: Sequence[str], room: int, elsewhere: str = "") -> list[str]:
    """As many whole lines as `room` characters hold; the last one says how many more there are, and `elsewhere` where.

    A first line that is too long by itself is cut, so that something is said.
    """
    if len("\n".join(lines)) <= room:
        return list(lines)
    left = room - len(f"… and {len(lines)} more{elsewhere}")
    kept = 0
    while len(lines[kept]) < left:
        left -= len(lines[kept]) + 1
        kept += 1
    shown = list(lines[:kept]) or [cut(lines[0], max(left - 1, 1))]
    more = len(lines) - len(shown)
    return [*shown, f"… and {more} more{elsewhere}"] if more else shown
