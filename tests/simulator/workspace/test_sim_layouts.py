"""Rich text, tables, cards, alerts and plans: what holds, and what is refused where."""

from __future__ import annotations

from typing import Any

import pytest

from bot.simulator.workspace.rich_text import blocks_of
from bot.simulator.workspace.validation import check_message_blocks, check_view

LEAF = {"type": "text", "text": "x"}


def rich(*leaves: Any, kind: str = "rich_text_section", **more: Any) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(leaves), **more}]}


def cell(text: str = "x") -> dict[str, Any]:
    return {"type": "raw_text", "text": text}


def table(*rows: list[Any], **more: Any) -> dict[str, Any]:
    return {"type": "table", "rows": list(rows), **more}


def data_table(*rows: list[Any]) -> dict[str, Any]:
    return {"type": "data_table", "caption": "Disks", "rows": list(rows)}


def task(name: str = "1", **more: Any) -> dict[str, Any]:
    return {"type": "task_card", "task_id": name, "title": "vol-1", "status": "pending", **more}


UNEVEN = "all rows must have the same number of cells [json-pointer:/blocks/0/rows]"
SECTION = {"type": "rich_text_section", "elements": [LEAF]}
PLAIN = {"type": "plain_text", "text": "x"}


@pytest.mark.parametrize(
    ("block", "error"),
    [
        (rich(LEAF, {"type": "user", "user_id": "U1"}), None),
        (rich({"type": "texts"}), "unsupported type: texts [json-pointer:/blocks/0/elements/0/elements/0/type]"),
        (rich({"type": "user"}), "missing required field: user_id [json-pointer:/blocks/0/elements/0/elements/0]"),
        (
            rich({"type": "text", "text": ""}),
            "must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]",
        ),
        (rich(LEAF, kind="section"), "unsupported type: section [json-pointer:/blocks/0/elements/0/type]"),
        (rich(SECTION, kind="rich_text_list", style="bullet"), None),
        (
            rich(SECTION, kind="rich_text_list"),
            "must be one of: bullet, ordered [json-pointer:/blocks/0/elements/0/style]",
        ),
        (table([cell(), rich(LEAF)]), None),
        (table(*[[cell()]] * 101), "no more than 100 items allowed [json-pointer:/blocks/0/rows]"),
        (table([cell()] * 21), "no more than 20 items allowed [json-pointer:/blocks/0/rows/0]"),
        (
            table([cell()], [cell(), cell()]),
            UNEVEN,
        ),
        (table([cell("x" * 10_001)]), "must be less than 10001 characters [json-pointer:/blocks/0/rows]"),
        (table([{"type": "text"}]), "unsupported type: text [json-pointer:/blocks/0/rows/0/0/type]"),
        (data_table([cell()], [{"type": "raw_number", "value": 5, "text": "5 GiB"}]), None),
        (data_table([cell()]), "must provide at least 2 items [json-pointer:/blocks/0/rows]"),
        (data_table([rich(LEAF)], [cell()]), "unsupported type: rich_text [json-pointer:/blocks/0/rows/0/0/type]"),
        ({"type": "card", "title": PLAIN}, None),
        (
            {"type": "card", "subtitle": PLAIN},
            "must define one of `hero_image`, `title`, `actions` or `body` [json-pointer:/blocks/0]",
        ),
        ({"type": "carousel", "elements": []}, "must provide at least 1 items [json-pointer:/blocks/0/elements]"),
        ({"type": "alert", "text": PLAIN}, "unsupported type: alert [json-pointer:/blocks/0/type]"),
        ({"type": "plan", "title": "Backup", "tasks": [task(), task("2", details=rich(LEAF))]}, None),
        (
            {"type": "plan", "title": "Backup", "tasks": [task(), task()]},
            '`task_id` "1" already exists in this plan [json-pointer:/blocks/0/tasks]',
        ),
        (
            task(status="completed"),
            "must be one of: pending, in_progress, complete, error [json-pointer:/blocks/0/status]",
        ),
    ],
)
def test_each_layout_is_taken_or_refused_by_its_rule(block: dict[str, Any], error: str | None) -> None:
    assert check_message_blocks([block]) == ([error] if error else [])


def test_a_message_has_one_table_and_no_plan_beside_loose_tasks() -> None:
    assert check_message_blocks([table([cell()])] * 2) == ["only one table block is allowed [json-pointer:/blocks]"]
    assert check_message_blocks([{"type": "plan", "title": "P"}, task()]) == [
        "a plan and task cards exclude each other [json-pointer:/blocks]"
    ]


@pytest.mark.parametrize(
    ("kind", "block", "taken"),
    [
        ("modal", {"type": "alert", "text": PLAIN, "level": "warning"}, True),
        ("home", {"type": "alert", "text": PLAIN}, False),
        ("home", data_table([cell()], [cell()]), True),
        ("modal", data_table([cell()], [cell()]), False),
        ("modal", task(), False),
        ("modal", {"type": "card", "title": PLAIN}, True),
    ],
)
def test_a_block_stands_only_where_slack_shows_it(kind: str, block: dict[str, Any], taken: bool) -> None:
    view = {"type": kind, "blocks": [block], **({"title": PLAIN} if kind == "modal" else {})}
    refused = [f"unsupported type: {block['type']} [json-pointer:/view/blocks/0/type]"]
    assert check_view(view) == ([] if taken else refused)


def test_what_is_made_of_text_is_valid_itself() -> None:
    text = "*a* <@U1> <#C1> <https://x.test|x> :tada: `c`\n> q\n```\ncode\n```"
    assert check_message_blocks(blocks_of(text)) == []
