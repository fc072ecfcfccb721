"""The pieces of Block Kit that messages and views are made of, within Slack's limits (Block Kit reference, blocks)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.domain.normalise import visible
from bot.slack.views.mrkdwn import cut, shortened

SECTION_CHARACTERS = 3_000
CONTEXT_CHARACTERS = 2_000
BUTTON_VALUE_CHARACTERS = 2_000
BUTTON_CHARACTERS = 75
OPTION_CHARACTERS = 75
OPTIONS = 100
"""Slack takes 100 options in a static select (Block Kit, multi_static_select)."""


def section(text: str, block_id: str) -> dict[str, Any]:
    """`verbatim`: a word that looks like a name or a channel is not made a link."""
    return {
        "type": "section",
        "block_id": block_id,
        "text": {"type": "mrkdwn", "text": cut(text, SECTION_CHARACTERS), "verbatim": True},
    }


def context(text: str, block_id: str) -> dict[str, Any]:
    return {
        "type": "context",
        "block_id": block_id,
        "elements": [{"type": "mrkdwn", "text": cut(text, CONTEXT_CHARACTERS), "verbatim": True}],
    }


def row(elements: Sequence[dict[str, Any]], block_id: str) -> dict[str, Any]:
    """Buttons beside each other."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(action_id: str, label: str, value: str, style: str | None = None, *, spoken: str = "") -> dict[str, Any]:
    """`spoken` is what a screen reader says in place of the label, where others beside it look alike."""
    made: dict[str, Any] = {"type": "button", "action_id": action_id, "text": plain(label), "value": value}
    if spoken:
        made["accessibility_label"] = shortened(spoken, BUTTON_CHARACTERS)
    return {**made, "style": style} if style else made


def option(text: str, value: str, description: str = "") -> dict[str, Any]:
    """A line to choose. Slack takes 150 characters of a value (Block Kit, option object)."""
    made: dict[str, Any] = {"text": plain(shortened(text, OPTION_CHARACTERS)), "value": value}
    return {**made, "description": plain(shortened(description, OPTION_CHARACTERS))} if description else made


def divider(block_id: str) -> dict[str, Any]:
    return {"type": "divider", "block_id": block_id}


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": visible(text)}
