"""The pieces of Block Kit that messages and views are made of, within Slack's limits (Block Kit reference, blocks)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bot.domain.normalise import visible
from bot.slack.ids import AGREE, DELETE
from bot.slack.views.mrkdwn import cut, shortened

SECTION_CHARACTERS = 3_000
CONTEXT_CHARACTERS = 2_000
BUTTON_VALUE_CHARACTERS = 2_000
BUTTON_CHARACTERS = 75
BUTTON_LABEL_CHARACTERS = 30
"""What Slack shows of a label, at least on a phone (Block Kit, button)."""

CONFIRM_CHARACTERS = 300
CONFIRM_NAMED = 5
CONFIRM_NAME_CHARACTERS = 32
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


def button(
    action_id: str, label: str, value: str, style: str | None = None, *, spoken: str | None = None
) -> dict[str, Any]:
    """`spoken` is what a screen reader says in place of the label, where others beside it look alike."""
    made: dict[str, Any] = {"type": "button", "action_id": action_id, "text": plain(label), "value": value}
    if spoken:
        made["accessibility_label"] = shortened(spoken, BUTTON_CHARACTERS)
    return {**made, "style": style} if style else made


def link_button(action_id: str, label: str, url: str, spoken: str) -> dict[str, Any]:
    """Opens a page; `spoken` is what a screen reader says in place of the label."""
    return {
        "type": "button",
        "action_id": action_id,
        "text": plain(shortened(label, BUTTON_LABEL_CHARACTERS)),
        "accessibility_label": shortened(spoken, BUTTON_CHARACTERS),
        "url": url,
    }


def divider(block_id: str) -> dict[str, Any]:
    return {"type": "divider", "block_id": block_id}


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": visible(text)}


def delete_button(request_id: str, labels: Sequence[str], label: str = "Delete…") -> dict[str, Any]:
    """Asks before it lets restore points go, of the disks named."""
    more = f" and {len(labels) - CONFIRM_NAMED} more" if len(labels) > CONFIRM_NAMED else ""
    disks = ", ".join(shortened(one, CONFIRM_NAME_CHARACTERS) for one in labels[:CONFIRM_NAMED])
    snapshots = "the snapshot" if len(labels) == 1 else f"up to {len(labels)} snapshots"
    sentence = f"This deletes {snapshots} of {disks}{more} ({request_id}). What is deleted can't be brought back."
    pressed = button(DELETE, label, request_id, spoken=f"Delete the restore points of request {request_id}")
    return {**pressed, "confirm": _confirm("Delete restore points", sentence)}


def agree_button(request_id: str, asking: int) -> dict[str, Any]:
    """Agrees to what the message above it names."""
    value = json.dumps({"request": request_id, "asking": asking})
    sentence = "The snapshots named above the button will be deleted. What is deleted can't be brought back."
    return {**button(AGREE, "Agree…", value), "confirm": _confirm("Agree to the deletion", sentence)}


def _confirm(title: str, sentence: str) -> dict[str, Any]:
    return {
        "title": plain(title),
        "text": plain(shortened(sentence, CONFIRM_CHARACTERS)),
        "confirm": plain("Delete"),
        "deny": plain("Keep"),
        "style": "danger",
    }
