"""Rules for rich text, tables, cards, alerts and plans.

Source: docs.slack.dev, reference/block-kit/blocks. Slack's words for these are unknown: lengths and counts are said as
for other blocks. Differences that stay: a data table may have 200 rows (sources name 100 too), and what a plan's texts
hold at most, which no page says, is not looked at.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from bot.simulator.workspace.elements import check_element
from bot.simulator.workspace.rules import Problems, check_image, check_text, extra_keys, object_list, require

KEYS: dict[str, tuple[str, ...]] = {
    "rich_text": ("elements",),
    "table": ("rows", "column_settings"),
    "data_table": ("caption", "rows", "page_size", "row_header_column_index"),
    "card": ("hero_image", "icon", "title", "subtitle", "body", "actions"),
    "carousel": ("elements",),
    "alert": ("text", "level"),
    "plan": ("title", "tasks"),
    "task_card": ("task_id", "title", "status", "details", "output", "sources", "hide_title", "icon"),
}
SURFACES: dict[str, frozenset[str]] = {
    "alert": frozenset({"modal"}),
    "carousel": frozenset({"message", "home"}),
    "container": frozenset({"message", "home"}),
    "context_actions": frozenset({"message"}),
    "data_table": frozenset({"message", "home"}),
    "markdown": frozenset({"message"}),
    "plan": frozenset({"message"}),
    "table": frozenset({"message", "home"}),
    "task_card": frozenset({"message"}),
}
_LEAVES = {
    "text": "text",
    "emoji": "name",
    "link": "url",
    "user": "user_id",
    "usergroup": "usergroup_id",
    "channel": "channel_id",
    "broadcast": "range",
    "team": "team_id",
    "color": "value",
    "date": "timestamp",
}
_ROWS = {"table": (1, 100, 10_000), "data_table": (2, 201, 20_000)}
_COLUMNS = 20
_STATUSES = ("pending", "in_progress", "complete", "error")
_LEVELS = ("default", "info", "warning", "error", "success")


def check_layout(block: dict[str, Any], where: str, problems: Problems) -> None:
    """One of these blocks, its keys looked at before."""
    match block["type"]:
        case "rich_text":
            _check_rich_text(block, where, problems)
        case "table" | "data_table":
            _check_table(block, where, problems)
        case "card":
            _check_card(block, where, problems)
        case "carousel":
            for index, card in object_list(block.get("elements"), f"{where}/elements", problems, least=1, most=10):
                _check_card(card, f"{where}/elements/{index}", problems)
        case "alert":
            if require(block, ("text",), where, problems):
                check_text(block["text"], f"{where}/text", problems, most=200)
            _one_of(block.get("level", "default"), _LEVELS, f"{where}/level", problems)
        case "plan":
            _check_plan(block, where, problems)
        case _:
            _check_task(block, where, problems)


def check_tables(blocks: list[dict[str, Any]], where: str, problems: Problems) -> None:
    """One table a message, and no plan beside loose task cards."""
    kinds = Counter(str(block.get("type")) for block in blocks)
    if kinds["table"] > 1:
        problems.add("only one table block is allowed", where)
    if kinds["plan"] and kinds["task_card"]:
        problems.add("a plan and task cards exclude each other", where)


def _check_rich_text(block: dict[str, Any], where: str, problems: Problems) -> None:
    if not require(block, ("elements",), where, problems):
        return
    for index, part in object_list(block["elements"], f"{where}/elements", problems):
        _check_part(part, f"{where}/elements/{index}", problems)


def _check_part(part: dict[str, Any], where: str, problems: Problems) -> None:
    kind = part.get("type")
    if kind not in ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"):
        problems.add(f"unsupported type: {kind}", f"{where}/type")
        return
    if not require(part, ("elements",), where, problems):
        return
    for index, element in object_list(part["elements"], f"{where}/elements", problems):
        spot = f"{where}/elements/{index}"
        if kind != "rich_text_list":
            _check_leaf(element, spot, problems)
        elif element.get("type") != "rich_text_section":
            problems.add(f"unsupported type: {element.get('type')}", f"{spot}/type")
        else:
            _check_part(element, spot, problems)
    if kind == "rich_text_list":
        _one_of(part.get("style"), ("bullet", "ordered"), f"{where}/style", problems)


def _check_leaf(leaf: dict[str, Any], where: str, problems: Problems) -> None:
    kind = leaf.get("type")
    if kind not in _LEAVES:
        problems.add(f"unsupported type: {kind}", f"{where}/type")
    elif require(leaf, (_LEAVES[kind],), where, problems) and leaf[_LEAVES[kind]] == "":
        problems.add("must be more than 0 characters", f"{where}/{_LEAVES[kind]}")


def _check_table(block: dict[str, Any], where: str, problems: Problems) -> None:
    kind = block["type"]
    least, most, characters = _ROWS[kind]
    if not require(block, ("caption", "rows") if kind == "data_table" else ("rows",), where, problems):
        return
    rows = block["rows"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        problems.add("must be an array of arrays", f"{where}/rows")
        return
    if len(rows) > most:
        problems.add(f"no more than {most} items allowed", f"{where}/rows")
    if len(rows) < least:
        problems.add(f"must provide at least {least} items", f"{where}/rows")
    if len({len(row) for row in rows}) > 1:
        problems.add("all rows must have the same number of cells", f"{where}/rows")
    for index, row in enumerate(rows):
        plain = kind == "data_table" and index == 0
        for place, cell in object_list(row, f"{where}/rows/{index}", problems, least=1, most=_COLUMNS):
            _check_cell(cell, f"{where}/rows/{index}/{place}", problems, plain=plain)
    if sum(_characters(cell) for row in rows for cell in row) > characters:
        problems.add(f"must be less than {characters + 1} characters", f"{where}/rows")


def _check_cell(cell: dict[str, Any], where: str, problems: Problems, *, plain: bool) -> None:
    match cell.get("type"):
        case "raw_text":
            require(cell, ("text",), where, problems)
        case "raw_number":
            if require(cell, ("value", "text"), where, problems) and cell["text"] == "":
                problems.add("must be more than 0 characters", f"{where}/text")
        case "rich_text" if not plain:
            _check_rich_text(cell, where, problems)
        case other:
            problems.add(f"unsupported type: {other}", f"{where}/type")


def _characters(value: Any) -> int:
    """How many characters of text a cell shows."""
    if isinstance(value, dict):
        return len(str(value.get("text") or "")) + _characters(value.get("elements"))
    return sum(_characters(item) for item in value) if isinstance(value, list) else 0


def _check_card(card: dict[str, Any], where: str, problems: Problems) -> None:
    extra_keys(card, ("type", "block_id", *KEYS["card"]), where, problems)
    if not any(card.get(key) for key in ("hero_image", "title", "actions", "body")):
        problems.add("must define one of `hero_image`, `title`, `actions` or `body`", where)
    for key, most in (("title", 150), ("subtitle", 150), ("body", 200)):
        if card.get(key) is not None:
            check_text(card[key], f"{where}/{key}", problems, most=most)
    for key in ("hero_image", "icon"):
        if isinstance(card.get(key), dict):
            check_image(card[key], f"{where}/{key}", problems)
    if card.get("actions") is not None:
        for index, button in object_list(card["actions"], f"{where}/actions", problems, most=3):
            check_element(button, f"{where}/actions/{index}", problems, {"button"})


def _check_plan(block: dict[str, Any], where: str, problems: Problems) -> None:
    require(block, ("title",), where, problems)
    tasks = object_list(block.get("tasks") or [], f"{where}/tasks", problems, most=50)
    for index, task in tasks:
        _check_task(task, f"{where}/tasks/{index}", problems)
    names = Counter(json.dumps(task.get("task_id")) for _, task in tasks)
    for name, count in names.items():
        if count > 1:
            problems.add(f"`task_id` {name} already exists in this plan", f"{where}/tasks")


def _check_task(task: dict[str, Any], where: str, problems: Problems) -> None:
    extra_keys(task, ("type", "block_id", *KEYS["task_card"]), where, problems)
    require(task, ("task_id", "title"), where, problems)
    _one_of(task.get("status"), _STATUSES, f"{where}/status", problems)
    for key in ("details", "output"):
        if isinstance(task.get(key), dict):
            _check_rich_text(task[key], f"{where}/{key}", problems)


def _one_of(value: Any, allowed: tuple[str, ...], where: str, problems: Problems) -> None:
    if value not in allowed:
        problems.add(f"must be one of: {', '.join(allowed)}", where)
