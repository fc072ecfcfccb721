"""The form that asks which way back is meant, and the one in which a person types what they would overwrite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from bot.domain.items import Item
from bot.domain.options import REASON_CHARACTERS
from bot.domain.orders import Way
from bot.domain.restoring.restorations import Restoration
from bot.slack.views.blocks import OPTIONS, option, section
from bot.slack.views.create_modal import VALUE
from bot.slack.views.disk_words import disk_name
from bot.slack.views.message import parts
from bot.slack.views.mrkdwn import code, moment, plural
from bot.slack.views.restoring.restoration_words import back_to, restored_disk
from bot.slack.views.small_modals import field, small_modal, text_field

RESTORE_FORM = "restore_form"
OVERWRITE_FORM = "overwrite_form"

WAY, WHICH, REASON = "way", "which", "reason"
TYPED = "typed"
ALL = "all"

_WAYS: Mapping[Way, tuple[str, str]] = {
    "new_disks": ("New disks beside the old ones", "Nothing is overwritten: attach them, look, copy what you need."),
    "overwrite": (
        "Overwrite the disks themselves",
        "What was written since is lost from them. Another person has to agree.",
    ),
    "verify": ("Only prove that it can be done", "Begins at once, one by one: {made}, deleted again."),
}
_NAMED = 20
"""Disks that a form names."""


def restore_form(form_id: str, request_id: str, items: Sequence[Item]) -> dict[str, Any]:
    """`items` are the restore points of the request that exist."""
    ways = [_way(way, _test_disks(items)) for way in get_args(Way)]
    radio = {"type": "radio_buttons", "action_id": VALUE, "options": ways, "initial_option": ways[0]}
    everything = option(f"All {plural(len(items), 'disk')}" if len(items) > 1 else "The disk", ALL)
    there = [option(item.disk.label, item.snapshot_id) for item in items if item.snapshot_id]
    each = there[: OPTIONS - 1] if len(items) > 1 else []
    which = {
        "type": "static_select",
        "action_id": VALUE,
        "options": [everything, *each],
        "initial_option": everything,
    }
    head = f"Back to {'this snapshot' if len(items) == 1 else 'these snapshots'} of request {code(request_id)}:"
    blocks = [
        *_sections("of", [head, *_named([_of_when(item) for item in items], "all in the receipt")]),
        field(WAY, "Which way?", radio, optional=False),
        field(WHICH, "Of what?", which, optional=False),
        field(REASON, "Reason", text_field(VALUE, REASON_CHARACTERS), "Shown to everybody, and to who has to agree"),
    ]
    return small_modal(RESTORE_FORM, form_id, "Restore", "Plan It or Prove It", blocks)


def _way(way: Way, made: str) -> dict[str, Any]:
    name, becomes = _WAYS[way]
    return option(name, way, becomes.format(made=made))


def _test_disks(items: Sequence[Item]) -> str:
    """Made for a proof of all of them."""
    size = sum(item.disk.size for item in items)
    return f"{plural(len(items), 'test disk')}{f', {size:,} GiB' if size else ''}"


def _of_when(item: Item) -> str:
    taken = f", as it was {moment(item.taken_at)}" if item.taken_at else f", snapshot {code(item.snapshot_id or '')}"
    return f"• {disk_name(item)}{taken}"


def _named(lines: Sequence[str], elsewhere: str) -> list[str]:
    more = len(lines) - _NAMED
    return [*lines[:_NAMED], *([f"… and {more} more, {elsewhere}"] if more > 0 else [])]


def _sections(block_id: str, lines: Sequence[str]) -> list[dict[str, Any]]:
    return [section(text, f"{block_id}.{number}") for number, text in enumerate(parts(lines))]


def overwrite_form(form_id: str, rows: Sequence[Restoration], wanted: str) -> dict[str, Any]:
    """`wanted` is what has to be typed, to the letter."""
    them = "it" if len(rows) == 1 else "them"
    head = f":warning: *{plural(len(rows), 'disk')} will be overwritten. What was written since is lost from {them}:*"
    lines = _named([f"• {restored_disk(row)} goes back to {back_to(row)}" for row in rows], "all in the plan")
    after = "Before that, another person has to agree, and a safety snapshot of each is made, which keeps it."
    label = "Type the name of the disk" if len(rows) == 1 else "Type the number of disks and the server"
    asked = field(TYPED, label, text_field(VALUE), f"To go on, type exactly: {wanted}", optional=False)
    return small_modal(
        OVERWRITE_FORM, form_id, "Overwrite", "Ask to Overwrite", [*_sections("lost", [head, *lines, after]), asked]
    )
