"""The pieces of Block Kit that messages and views are made of, within Slack's limits (Block Kit reference, blocks)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.slack.controls import DELETE
from bot.slack.text import cut

SECTION_CHARACTERS = 3_000
CONTEXT_CHARACTERS = 2_000
BUTTON_VALUE_CHARACTERS = 2_000
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


def buttons(elements: Sequence[dict[str, Any]], block_id: str) -> dict[str, Any]:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(action_id: str, label: str, value: str, style: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "button", "action_id": action_id, "text": plain(label), "value": value}
    return {**made, "style": style} if style else made


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def delete_button(request_id: str, count: int, label: str = "Delete…") -> dict[str, Any]:
    """Asks before it lets restore points go."""
    snapshots = "1 snapshot" if count == 1 else f"{count} snapshots"
    confirm = {
        "title": plain("Delete restore points"),
        "text": plain(f"Up to {snapshots} of {request_id} will be deleted. Nobody can bring them back."),
        "confirm": plain("Delete"),
        "deny": plain("Keep"),
        "style": "danger",
    }
    return {**button(DELETE, label, request_id), "confirm": confirm}
