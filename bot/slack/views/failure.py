"""Which disks have no snapshot and why, and how to try again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.domain.items import Item
from bot.domain.orders import DISKS_PER_CREATE
from bot.domain.quick import LEFT_OUT, to_try_again
from bot.domain.transitions import ItemState
from bot.slack.views import buttons
from bot.slack.views.blocks import row, section
from bot.slack.views.disk_words import disk_name
from bot.slack.views.message import Message, arranged, sections
from bot.slack.views.mrkdwn import code, plural, sentence, shortened

CAUSES = 30
"""Disks that a list tells one by one; with long names and causes more would not fit into Slack's 50 blocks."""


def failure(items: Sequence[Item], command: str) -> Message:
    head = f":x: *{plural(len(items), 'disk')} without a snapshot*"
    lines, left = [head, *causes(items)], to_try_again(items)
    message = arranged([*lines, *again(left, command)])
    return {**message, "blocks": [*sections(lines), *again_blocks(left)]}


def causes(items: Sequence[Item], elsewhere: str = "") -> list[str]:
    lines = [f"• {_cause_in_words(item)}" for item in items[:CAUSES]]
    if len(items) > CAUSES:
        lines.append(f"… and {len(items) - CAUSES} more without a snapshot{elsewhere}.")
    return lines


def _cause_in_words(item: Item) -> str:
    word = {ItemState.CANCELLED: "not sent", ItemState.UNKNOWN: "unknown"}.get(item.state, "failed")
    word = "left out" if item.code == LEFT_OUT else word
    cause = sentence(shortened(item.cause or "the cloud gave no reason", 400))
    known = f" (snapshot {code(item.snapshot_id)})" if item.snapshot_id else ""
    return f"{disk_name(item)}: {word}{known} — {cause}"


def again(items: Sequence[Item], command: str) -> list[str]:
    """The next step after a failure, of every disk that failed; typing it is for who has no buttons."""
    if not items:
        return []
    told = _again_told(items)
    if len(items) <= DISKS_PER_CREATE:
        typed_out = f"{command} create {' '.join(item.disk.id for item in items)} project={items[0].project}"
        told += f" Without buttons, outside of threads: {code(typed_out)}"
    return [told]


def _again_told(items: Sequence[Item]) -> str:
    what = "it" if len(items) == 1 else f"these {len(items)}"
    return f"*Try Again* asks for {what} once more, in the name of whoever presses it."


def again_blocks(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Right below what failed, before anything else is read."""
    if not items:
        return []
    shown = buttons.try_again(items[0].request_id, primary=True)
    return [section(_again_told(items), "again"), row([shown], "try")]
