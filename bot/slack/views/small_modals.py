"""The forms that ask for one thing: why not, what a channel means, another selection of a plan. Each carries its id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.domain.items import Item
from bot.domain.options import REASON_CHARACTERS as ORDER_REASON_CHARACTERS
from bot.domain.quick import LEFT_OUT
from bot.slack.ids import FROM_APP_HOME
from bot.slack.views.blocks import OPTIONS, option, plain
from bot.slack.views.create_modal import VALUE, disk_option
from bot.slack.views.mrkdwn import shortened
from bot.workflow.actions.approve import REASON_CHARACTERS

DENY_FORM = "deny_reason"
BIND_FORM = "bind_form"
CHANGE_FORM = "change_plan_form"

REASON = "reason"
DISKS, OTHERS = "disks", "others"

_TEXT_CHARACTERS = 500
_SERVERS = "Names or ids, with commas between them: web-01, web-02. Where two servers share a name, their ids"
_TAGS = "key:value, with commas between them: tier:prod, app:orders"


def deny_form(form_id: str, *, from_app_home: bool) -> dict[str, Any]:
    """Why not?"""
    reason = {**text_field(REASON, REASON_CHARACTERS), "multiline": True}
    why = {
        "type": "input",
        "block_id": REASON,
        "label": plain("Why not? The person who asked reads this."),
        "element": reason,
    }
    return small_modal(DENY_FORM + (FROM_APP_HOME if from_app_home else ""), form_id, "Deny snapshot", "Deny", [why])


def bind_form(form_id: str, projects: Sequence[str]) -> dict[str, Any]:
    options = [option(alias, alias) for alias in projects[:OPTIONS]]
    project: dict[str, Any] = {"type": "static_select", "action_id": VALUE, "options": options}
    if len(options) == 1:
        project["initial_option"] = options[0]
    at_once = option("Run at once, without showing the plan first", "at_once")
    checkbox = {"type": "checkboxes", "action_id": VALUE, "options": [at_once]}
    blocks = [
        field("project", "Project", project, optional=False),
        field("server", "Every disk of these servers", text_field(), _SERVERS),
        field("tag", "Every disk with one of these tags", text_field(), _TAGS),
        field("disks", "These disks", text_field(), "Names or ids, with commas between them"),
        field("keep", "Keep for days", text_field(), "Left empty: until somebody deletes them"),
        field("reason", "Reason, where none is typed", text_field(VALUE, ORDER_REASON_CHARACTERS)),
        field("options", "Plan", checkbox),
    ]
    return small_modal(BIND_FORM, form_id, "Bind this channel", "Bind", blocks)


def removable(items: Sequence[Item]) -> list[Item]:
    """The disks of a plan that can be taken out by choosing: none where they are too many for one list."""
    return [item for item in items if item.code != LEFT_OUT] if len(items) <= OPTIONS else []


def change_form(form_id: str, items: Sequence[Item]) -> dict[str, Any]:
    """The disks of the plan to take out, and words for others; either may be left as it is."""
    blocks: list[dict[str, Any]] = []
    if options := [_planned_disk(item) for item in removable(items)]:
        element = {
            "type": "multi_static_select",
            "action_id": DISKS,
            "options": options,
            "initial_options": options,
            "placeholder": plain("Choose disks"),
        }
        blocks.append(field(DISKS, "Disks of the plan", element, "Take out what shall not be backed up."))
    hint = "In place of the disks above: server=web-01 tag=tier:prod disks=orders-db,orders-db-wal"
    blocks.append(field(OTHERS, "Or something else", text_field(OTHERS), hint))
    return small_modal(CHANGE_FORM, form_id, "Change selection", "Plan Again", blocks)


def _planned_disk(item: Item) -> dict[str, Any]:
    disk = item.disk
    where = f"on {shortened(disk.server, 40)}" if disk.server else "not attached"
    return disk_option(disk.label, disk.size, disk.volume_type, f"{where} · {disk.availability_zone}", disk.id)


def small_modal(
    callback_id: str, form_id: str, title: str, submit: str, blocks: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": form_id,
        "title": plain(title),
        "submit": plain(submit),
        "close": plain("Back"),
        "blocks": blocks,
    }


def field(
    block_id: str, label: str, element: dict[str, Any], hint: str = "", *, optional: bool = True
) -> dict[str, Any]:
    block = {"type": "input", "block_id": block_id, "label": plain(label), "element": element, "optional": optional}
    return {**block, "hint": plain(hint)} if hint else block


def text_field(action_id: str = VALUE, most: int = _TEXT_CHARACTERS) -> dict[str, Any]:
    return {"type": "plain_text_input", "action_id": action_id, "max_length": most}
