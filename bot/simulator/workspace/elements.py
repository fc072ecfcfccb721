"""Rules for interactive elements: buttons, selects, inputs, options and confirm dialogs.

Source: docs.slack.dev, reference/block-kit/block-elements and reference/block-kit/composition-objects.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bot.simulator.workspace.rules import (
    Problems,
    check_image,
    check_length,
    check_text,
    extra_keys,
    object_list,
    require,
)

_COMMON = ("type", "action_id", "focus_on_load", "placeholder", "confirm")
ELEMENT_KEYS: dict[str, tuple[str, ...]] = {
    "button": ("text", "value", "url", "style", "accessibility_label"),
    "workflow_button": ("text", "workflow", "style", "accessibility_label"),
    "overflow": ("options",),
    "static_select": ("options", "option_groups", "initial_option"),
    "multi_static_select": ("options", "option_groups", "initial_options", "max_selected_items"),
    "external_select": ("min_query_length", "initial_option"),
    "multi_external_select": ("min_query_length", "initial_options", "max_selected_items"),
    "users_select": ("initial_user",),
    "multi_users_select": ("initial_users", "max_selected_items"),
    "conversations_select": (
        "initial_conversation",
        "default_to_current_conversation",
        "response_url_enabled",
        "filter",
    ),
    "multi_conversations_select": (
        "initial_conversations",
        "default_to_current_conversation",
        "filter",
        "max_selected_items",
    ),
    "channels_select": ("initial_channel", "response_url_enabled"),
    "multi_channels_select": ("initial_channels", "max_selected_items"),
    "checkboxes": ("options", "initial_options"),
    "radio_buttons": ("options", "initial_option"),
    "datepicker": ("initial_date",),
    "timepicker": ("initial_time", "timezone"),
    "datetimepicker": ("initial_date_time",),
    "plain_text_input": ("initial_value", "multiline", "min_length", "max_length", "dispatch_action_config"),
    "email_text_input": ("initial_value", "dispatch_action_config"),
    "url_text_input": ("initial_value", "dispatch_action_config"),
    "number_input": ("initial_value", "is_decimal_allowed", "min_value", "max_value", "dispatch_action_config"),
    "rich_text_input": ("initial_value", "dispatch_action_config"),
    "file_input": ("filetypes", "max_files"),
    "image": ("image_url", "slack_file", "alt_text"),
    "feedback_buttons": ("positive_button", "negative_button"),
    "icon_button": ("icon", "text", "value", "accessibility_label", "visible_to_user_ids"),
}
_OPTION_LIMIT = {"overflow": 5, "checkboxes": 10, "radio_buttons": 10}


def check_element(element: Any, where: str, problems: Problems, allowed: Collection[str]) -> None:
    """One interactive element or accessory image."""
    if not isinstance(element, dict):
        problems.add("must be an object", where)
        return
    kind = element.get("type")
    if kind is None:
        problems.add("missing required field: type", where)
        return
    if not isinstance(kind, str) or kind not in allowed:
        problems.add(f"unsupported type: {kind}", f"{where}/type")
        return
    extra_keys(element, (*_COMMON, *ELEMENT_KEYS[kind]), where, problems)
    if element.get("action_id") is not None:
        check_length(element["action_id"], 255, f"{where}/action_id", problems)
    if element.get("placeholder") is not None:
        check_text(element["placeholder"], f"{where}/placeholder", problems, most=150, plain=True)
    if element.get("confirm") is not None:
        check_confirm(element["confirm"], f"{where}/confirm", problems)
    match kind:
        case "button" | "icon_button" | "workflow_button":
            _check_button(element, where, problems)
        case "feedback_buttons":
            if require(element, ("positive_button", "negative_button"), where, problems):
                for name in ("positive_button", "negative_button"):
                    _check_feedback(element[name], f"{where}/{name}", problems)
        case "image":
            check_image(element, where, problems)
        case "overflow" | "checkboxes" | "radio_buttons":
            if require(element, ("options",), where, problems):
                check_option_list(element, where, problems, most=_OPTION_LIMIT[kind])
        case "static_select" | "multi_static_select":
            if element.get("options") is None and element.get("option_groups") is None:
                problems.add("missing required field: options", where)
            else:
                check_option_list(element, where, problems)
        case "plain_text_input":
            _check_lengths(element, where, problems)
        case "number_input":
            require(element, ("is_decimal_allowed",), where, problems)
        case "file_input":
            most = element.get("max_files", 1)
            if not isinstance(most, int) or not 1 <= most <= 10:
                problems.add("must be between 1 and 10", f"{where}/max_files")
        case _:
            pass


def check_confirm(confirm: Any, where: str, problems: Problems) -> None:
    """A confirm dialog: title 100, text 300, confirm and deny 30 each."""
    if not isinstance(confirm, dict):
        problems.add("must be an object", where)
        return
    extra_keys(confirm, ("title", "text", "confirm", "deny", "style"), where, problems)
    require(confirm, ("title", "text", "confirm", "deny"), where, problems)
    for key, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        if confirm.get(key) is not None:
            check_text(confirm[key], f"{where}/{key}", problems, most=most, plain=key != "text")
    _check_style(confirm, where, problems)


def check_option_list(
    holder: dict[str, Any], where: str, problems: Problems, *, most: int = 100, allow_empty: bool = False
) -> None:
    """`options` or `option_groups` of a select, a checkbox list or an options answer."""
    least = 0 if allow_empty else 1
    if holder.get("option_groups") is not None:
        for index, group in object_list(
            holder["option_groups"], f"{where}/option_groups", problems, least=least, most=100
        ):
            spot = f"{where}/option_groups/{index}"
            if require(group, ("label", "options"), spot, problems):
                check_text(group["label"], f"{spot}/label", problems, most=75, plain=True)
                _check_options(group["options"], f"{spot}/options", problems, least, most)
        return
    _check_options(holder.get("options"), f"{where}/options", problems, least, most)


def _check_options(options: Any, where: str, problems: Problems, least: int, most: int) -> None:
    items = object_list(options, where, problems, least=least, most=most)
    for index, option in items:
        spot = f"{where}/{index}"
        extra_keys(option, ("text", "value", "description", "url"), spot, problems)
        if not require(option, ("text", "value"), spot, problems):
            continue
        check_text(option["text"], f"{spot}/text", problems, most=75)
        check_length(option["value"], 150, f"{spot}/value", problems)
        if option.get("description") is not None:
            check_text(option["description"], f"{spot}/description", problems, most=75)


_BUTTONS_NEED = {"button": ("text",), "icon_button": ("text", "icon"), "workflow_button": ("text", "workflow")}


def _check_button(element: dict[str, Any], where: str, problems: Problems) -> None:
    require(element, _BUTTONS_NEED[element["type"]], where, problems)
    if element.get("text") is not None:
        check_text(element["text"], f"{where}/text", problems, most=75, plain=True)
    for key, most in (("value", 2000), ("url", 3000), ("accessibility_label", 75)):
        if element.get(key) is not None:
            check_length(element[key], most, f"{where}/{key}", problems)
    seen_by = element.get("visible_to_user_ids")
    if isinstance(seen_by, list) and len(seen_by) > 10:
        problems.add("no more than 10 items allowed", f"{where}/visible_to_user_ids")
    _check_style(element, where, problems)


def _check_feedback(button: Any, where: str, problems: Problems) -> None:
    if not isinstance(button, dict):
        problems.add("must be an object", where)
        return
    extra_keys(button, ("text", "value", "accessibility_label"), where, problems)
    if require(button, ("text", "value"), where, problems):
        check_text(button["text"], f"{where}/text", problems, most=75, plain=True)
        check_length(button["value"], 2000, f"{where}/value", problems)


def _check_style(source: dict[str, Any], where: str, problems: Problems) -> None:
    if source.get("style") not in (None, "primary", "danger"):
        problems.add("must be one of: primary, danger", f"{where}/style")


def _check_lengths(element: dict[str, Any], where: str, problems: Problems) -> None:
    for key, low in (("min_length", 0), ("max_length", 1)):
        value = element.get(key)
        if value is not None and (not isinstance(value, int) or not low <= value <= 3000):
            problems.add(f"must be between {low} and 3000", f"{where}/{key}")
