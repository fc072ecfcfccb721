"""What a person can enter in an element, and what the Slack client refuses before anything is sent.

Source: docs.slack.dev, reference/views (state.values) and reference/block-kit/block-elements (limits).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

from bot.simulator.workspace.errors import NotAllowedInSlack
from bot.simulator.workspace.file_store import extension
from bot.simulator.workspace.values import EMPTY_VALUE, empty_value
from bot.simulator.workspace.views import View
from bot.simulator.workspace.world import WorkspaceWorld

Options = Sequence[dict[str, Any]]
MOST_FILES, MOST_FILE_BYTES = 10, 10 * 1024 * 1024
REQUIRED = "Please complete this required field."


def entered(element: dict[str, Any], value: Any, world: WorkspaceWorld, offered: Options = ()) -> dict[str, Any]:
    """The element's state after the person entered `value`: text, an option's value or label, a name, a date.

    Raises:
        NotAllowedInSlack: the element offers no such option.
    """
    kind = str(element["type"])
    key = "selected_option" if kind == "overflow" else EMPTY_VALUE[kind][0]
    if value is None:
        return {"type": kind} if kind == "overflow" else empty_value(element)
    many = value if isinstance(value, list | tuple) else [value]
    options = [*offered, *all_options(element)]
    chosen: Any
    match key:
        case "selected_option":
            chosen = _option(options, value)
        case "selected_options":
            chosen = [_option(options, item) for item in many]
        case "selected_user":
            chosen = world.person(value).id
        case "selected_users":
            chosen = [world.person(item).id for item in many]
        case "selected_conversation" | "selected_channel":
            chosen = world.channel(value).id
        case "selected_conversations" | "selected_channels":
            chosen = [world.channel(item).id for item in many]
        case "selected_date_time":
            chosen = int(value)
        case "value":
            chosen = str(value) or None
        case _:
            chosen = value
    return {"type": kind} | ({} if kind == "overflow" else empty_value(element)) | {key: chosen}


def all_options(holder: dict[str, Any]) -> list[dict[str, Any]]:
    """The options of an element or of an options answer, groups unfolded."""
    found = list(holder.get("options") or [])
    for group in holder.get("option_groups") or []:
        found += group.get("options") or []
    return found


def refuse_files(element: dict[str, Any], picked: Sequence[tuple[str, bytes]]) -> None:
    """Raises NotAllowedInSlack for files that a person cannot pick there.

    Source: docs.slack.dev, reference/block-kit/block-elements/file-input-element.
    """
    most, kinds = element.get("max_files", MOST_FILES), element.get("filetypes") or []
    if len(picked) > most:
        raise NotAllowedInSlack(f"at most {most} files can be picked here")
    for name, content in picked:
        if kinds and extension(name) not in kinds:
            raise NotAllowedInSlack(f"{name} is none of {', '.join(kinds)}")
        if len(content) > MOST_FILE_BYTES:
            raise NotAllowedInSlack(f"{name} has more than 10 MB")


def complaints(view: View) -> dict[str, str]:
    """What the client writes under each input that keeps a modal from being submitted, by block_id."""
    found = {}
    for block, element in view.inputs():
        state = view.values[block["block_id"]][element["action_id"]]
        value = state[EMPTY_VALUE[element["type"]][0]]
        if value in (None, "", []):
            if not block.get("optional"):
                found[block["block_id"]] = REQUIRED
        elif complaint := _complaint(element, value):
            found[block["block_id"]] = complaint
    return found


def _complaint(element: dict[str, Any], value: Any) -> str:
    match element["type"]:
        case "plain_text_input":
            least, most = element.get("min_length") or 0, element.get("max_length") or 3000
            if len(value) < least:
                return f"Must be at least {least} characters."
            if len(value) > most:
                return f"Must be at most {most} characters."
        case "number_input":
            return _number_complaint(element, value)
        case "email_text_input" if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
            return "Please enter a valid email address."
        case "url_text_input" if not re.match(r"https?://\S+$", value):
            return "Please enter a valid URL."
    return ""


def _number_complaint(element: dict[str, Any], value: str) -> str:
    pattern = r"-?\d+(\.\d+)?" if element.get("is_decimal_allowed") else r"-?\d+"
    if not re.fullmatch(pattern, value):
        return "Please enter a valid number."
    low, high = element.get("min_value"), element.get("max_value")
    if low is not None and float(value) < float(low):
        return f"Must be at least {low}."
    if high is not None and float(value) > float(high):
        return f"Must be at most {high}."
    return ""


def _option(options: Options, wanted: Any) -> dict[str, Any]:
    for option in options:
        if wanted in (option.get("value"), option["text"]["text"]):
            return copy.deepcopy(option)
    labels = ", ".join(option["text"]["text"] for option in options) or "none"
    raise NotAllowedInSlack(f"there is no option {wanted}; offered: {labels}")
