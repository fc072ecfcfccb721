"""Block Kit rules, in the words of Slack's own errors.

Every violation is reported, each with its JSON pointer. Lengths count Unicode code points.
Source: docs.slack.dev, reference/block-kit. Differences that stay: `call` and `auth_provider` are no blocks here, so a
message with one is refused; a video asks for no scope and no domain, a file input for no files:read. Attachments are
kept and given back as they came: blocks and buttons within one are not checked, drawn or pressed. Sources differ on
which blocks a container holds; here it is those of its page.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from bot.simulator.workspace.elements import check_element, check_option_list
from bot.simulator.workspace.layouts import KEYS, SURFACES, check_layout, check_tables
from bot.simulator.workspace.rules import (
    Problems,
    check_image,
    check_length,
    check_text,
    extra_keys,
    object_list,
    require,
)
from bot.simulator.workspace.values import each_block

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
VIEW_BYTES = 250_000
MARKDOWN_TOTAL = 12_000
BLOCK_KEYS: dict[str, tuple[str, ...]] = {
    "section": ("text", "fields", "accessory", "expand"),
    "header": ("text", "level"),
    "divider": (),
    "context": ("elements",),
    "actions": ("elements",),
    "image": ("image_url", "slack_file", "alt_text", "title"),
    "input": ("label", "element", "hint", "optional", "dispatch_action"),
    "markdown": ("text",),
    "video": (
        "alt_text",
        "author_name",
        "description",
        "provider_icon_url",
        "provider_name",
        "title",
        "title_url",
        "thumbnail_url",
        "video_url",
    ),
    "context_actions": ("elements",),
    "container": (
        "title",
        "rich_text_title",
        "subtitle",
        "child_blocks",
        "width",
        "icon",
        "is_collapsible",
        "default_collapsed",
        "has_header_divider",
    ),
    **KEYS,
}
ACTION_ELEMENTS = frozenset(
    {
        "button",
        "checkboxes",
        "datepicker",
        "datetimepicker",
        "overflow",
        "radio_buttons",
        "timepicker",
        "workflow_button",
    }
    | {f"{kind}_select" for kind in ("static", "external", "users", "conversations", "channels")}
    | {f"multi_{kind}_select" for kind in ("static", "external", "users", "conversations", "channels")}
)
CONTEXT_ACTIONS = frozenset({"feedback_buttons", "icon_button"})
IN_CONTAINERS = frozenset(
    {"actions", "context", "divider", "header", "image", "input", "rich_text", "section", "table", "video"}
)
WIDTHS = ("narrow", "standard", "wide", "full")
INPUT_ELEMENTS = (ACTION_ELEMENTS - {"button", "overflow", "workflow_button"}) | {
    "plain_text_input",
    "email_text_input",
    "url_text_input",
    "number_input",
    "rich_text_input",
    "file_input",
}


def check_message_blocks(blocks: Any) -> list[str]:
    """What Slack would say about a message's blocks; an empty list means nothing."""
    problems = Problems()
    items = object_list(blocks, "/blocks", problems, most=MESSAGE_BLOCKS)
    for index, block in items:
        _check_block(block, f"/blocks/{index}", problems, surface="message")
    _check_unique(each_block([block for _, block in items]), "/blocks", problems)
    check_tables([block for _, block in items], "/blocks", problems)
    markdown = sum(len(str(block.get("text", ""))) for _, block in items if block.get("type") == "markdown")
    if markdown > MARKDOWN_TOTAL:
        problems.add(f"must be less than {MARKDOWN_TOTAL + 1} characters", "/blocks")
    return problems.lines


def check_view(view: Any) -> list[str]:
    """What Slack would say about a modal or a Home tab."""
    problems = Problems()
    if not isinstance(view, dict):
        return ["must be an object [json-pointer:/view]"]
    kind = view.get("type")
    if kind is None:
        problems.add("missing required field: type", "/view")
    elif kind not in ("modal", "home"):
        problems.add(f"unsupported type: {kind}", "/view/type")
    if kind == "modal":
        require(view, ("title", "blocks"), "/view", problems)
        for key in ("title", "submit", "close"):
            if view.get(key) is not None:
                check_text(view[key], f"/view/{key}", problems, most=24, plain=True)
    else:
        require(view, ("blocks",), "/view", problems)
    extra_keys(view, _VIEW_KEYS, "/view", problems)
    for key, most in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if view.get(key):
            check_length(view[key], most, f"/view/{key}", problems)
    items = object_list(view["blocks"], "/view/blocks", problems, most=VIEW_BLOCKS) if "blocks" in view else []
    for index, block in items:
        where = f"/view/blocks/{index}"
        _check_block(block, where, problems, surface=str(kind))
        holds = any(one.get("type") == "input" for one in each_block([block]))
        if holds and kind == "modal" and not view.get("submit"):
            problems.add("must define `submit` to use an `input` block in modals", f"{where}/input")
    _check_unique(each_block([block for _, block in items]), "/view/blocks", problems)
    focused = json.dumps(view).count('"focus_on_load": true')
    if focused > 1:
        problems.add("only one element may have `focus_on_load`", "/view/blocks")
    return problems.lines


def view_is_too_large(view: Any) -> bool:
    return len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode()) > VIEW_BYTES


def check_options_answer(answer: Any) -> list[str]:
    """What is wrong with the answer to a block_suggestion: one of options or option_groups."""
    problems = Problems()
    if not isinstance(answer, dict) or ("options" in answer) == ("option_groups" in answer):
        return ["must define either `options` or `option_groups` [json-pointer:/]"]
    check_option_list(answer, "", problems, allow_empty=True)
    return problems.lines


_VIEW_KEYS = (
    "type",
    "title",
    "submit",
    "close",
    "blocks",
    "private_metadata",
    "callback_id",
    "external_id",
    "clear_on_close",
    "notify_on_close",
    "submit_disabled",
)


def _check_block(block: dict[str, Any], where: str, problems: Problems, surface: str) -> None:
    kind = block.get("type")
    if kind is None:
        problems.add("missing required field: type", where)
        return
    if not isinstance(kind, str) or kind not in BLOCK_KEYS or surface not in SURFACES.get(kind, (surface,)):
        problems.add(f"unsupported type: {kind}", f"{where}/type")
        return
    extra_keys(block, ("type", "block_id", *BLOCK_KEYS[kind]), where, problems)
    if block.get("block_id") is not None:
        check_length(block["block_id"], 255, f"{where}/block_id", problems)
    match kind:
        case "section":
            _check_section(block, where, problems)
        case "header":
            if require(block, ("text",), where, problems):
                check_text(block["text"], f"{where}/text", problems, most=150, plain=True)
        case "context":
            _check_context(block, where, problems)
        case "actions":
            _check_actions(block, where, problems, ACTION_ELEMENTS, most=25)
        case "image":
            check_image(block, where, problems)
            if block.get("title") is not None:
                check_text(block["title"], f"{where}/title", problems, most=2000, plain=True)
        case "input":
            _check_input(block, where, problems)
        case "markdown":
            if require(block, ("text",), where, problems):
                check_length(block["text"], MARKDOWN_TOTAL, f"{where}/text", problems, least=1)
        case "context_actions":
            _check_actions(block, where, problems, CONTEXT_ACTIONS, most=5)
        case "container":
            _check_container(block, where, problems, surface)
        case "video":
            _check_video(block, where, problems)
        case _ if kind in KEYS:
            check_layout(block, where, problems)
        case _:
            pass


def _check_section(block: dict[str, Any], where: str, problems: Problems) -> None:
    if block.get("text") is None and not block.get("fields"):
        problems.add("must define either `text` or `fields`", f"{where}/type")
    if block.get("text") is not None:
        check_text(block["text"], f"{where}/text", problems, most=3000)
    if block.get("fields") is not None:
        for index, text in object_list(block["fields"], f"{where}/fields", problems, least=1, most=10):
            check_text(text, f"{where}/fields/{index}", problems, most=2000)
    if block.get("accessory") is not None:
        check_element(block["accessory"], f"{where}/accessory", problems, ACTION_ELEMENTS | {"image"})


def _check_context(block: dict[str, Any], where: str, problems: Problems) -> None:
    if not require(block, ("elements",), where, problems):
        return
    for index, element in object_list(block["elements"], f"{where}/elements", problems, least=1, most=10):
        spot = f"{where}/elements/{index}"
        match element.get("type"):
            case "image":
                check_image(element, spot, problems)
            case "plain_text" | "mrkdwn":
                check_text(element, spot, problems, most=3000)
            case other:
                problems.add(f"unsupported type: {other}", f"{spot}/type")


def _check_actions(
    block: dict[str, Any], where: str, problems: Problems, allowed: Collection[str], *, most: int
) -> None:
    if not require(block, ("elements",), where, problems):
        return
    items = object_list(block["elements"], f"{where}/elements", problems, least=1, most=most)
    for index, element in items:
        check_element(element, f"{where}/elements/{index}", problems, allowed)
    names = Counter(element["action_id"] for _, element in items if element.get("action_id"))
    for name, count in names.items():
        if count > 1:
            problems.add(f"`action_id` {name} already exists in this block", f"{where}/elements")


def _check_container(block: dict[str, Any], where: str, problems: Problems, surface: str) -> None:
    if block.get("title") is None and block.get("rich_text_title") is None:
        problems.add("must define either `title` or `rich_text_title`", where)
    if block.get("title") is not None:
        check_text(block["title"], f"{where}/title", problems, most=150, plain=True)
    if block.get("subtitle") is not None:
        check_text(block["subtitle"], f"{where}/subtitle", problems, most=150)
    if isinstance(block.get("icon"), dict):
        check_image(block["icon"], f"{where}/icon", problems)
    if block.get("width", "standard") not in WIDTHS:
        problems.add(f"must be one of: {', '.join(WIDTHS)}", f"{where}/width")
    if not require(block, ("child_blocks",), where, problems):
        return
    for index, child in object_list(block["child_blocks"], f"{where}/child_blocks", problems, least=1, most=10):
        spot = f"{where}/child_blocks/{index}"
        if child.get("type") not in IN_CONTAINERS:
            problems.add(f"unsupported type: {child.get('type')}", f"{spot}/type")
        else:
            _check_block(child, spot, problems, surface)


def _check_video(block: dict[str, Any], where: str, problems: Problems) -> None:
    require(block, ("alt_text", "title", "thumbnail_url", "video_url"), where, problems)
    for key in ("title", "description"):
        if block.get(key) is not None:
            check_text(block[key], f"{where}/{key}", problems, most=199, plain=True)
    if block.get("author_name") is not None:
        check_length(block["author_name"], 49, f"{where}/author_name", problems)
    for key in ("video_url", "title_url"):
        if not str(block.get(key) or "https://").startswith("https://"):
            problems.add("must be an HTTPS URL", f"{where}/{key}")


def _check_input(block: dict[str, Any], where: str, problems: Problems) -> None:
    if not require(block, ("label", "element"), where, problems):
        return
    check_text(block["label"], f"{where}/label", problems, most=2000, plain=True)
    if block.get("hint") is not None:
        check_text(block["hint"], f"{where}/hint", problems, most=2000, plain=True)
    check_element(block["element"], f"{where}/element", problems, INPUT_ELEMENTS)


def _check_unique(blocks: Iterable[dict[str, Any]], where: str, problems: Problems) -> None:
    names = Counter(block["block_id"] for block in blocks if block.get("block_id"))
    for name, count in names.items():
        if count > 1:
            problems.add(f"`block_id` {name} already exists", where)
