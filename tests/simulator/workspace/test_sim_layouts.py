"""Rich text, tables, cards, alerts and plans: what holds, and what is refused where."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.models.blocks import block_elements as sdk_elements
from slack_sdk.models.blocks import blocks as sdk_blocks
from slack_sdk.models.blocks.block_elements import BlockElement
from slack_sdk.models.blocks.blocks import Block

from bot.simulator.workspace.elements import ELEMENT_KEYS
from bot.simulator.workspace.rich_text import blocks_of
from bot.simulator.workspace.validation import BLOCK_KEYS, INPUT_ELEMENTS, check_message_blocks, check_view
from bot.simulator.workspace.values import EMPTY_VALUE

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


def container(*inner: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "container", "title": PLAIN, "child_blocks": list(inner), **more}


def below(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "context_actions", "elements": list(elements)}


UNEVEN = "all rows must have the same number of cells [json-pointer:/blocks/0/rows]"
SECTION = {"type": "rich_text_section", "elements": [LEAF]}
PLAIN = {"type": "plain_text", "text": "x"}
SECTION_BLOCK = {"type": "section", "text": PLAIN}
FEEDBACK = {
    "type": "feedback_buttons",
    "positive_button": {"text": PLAIN, "value": "1"},
    "negative_button": {"text": PLAIN, "value": "0"},
}
ICON = {"type": "icon_button", "icon": "trash", "text": PLAIN}
VIDEO = {
    "type": "video",
    "title": PLAIN,
    "alt_text": "x",
    "thumbnail_url": "https://x.test/a.png",
    "video_url": "https://x.test/a",
}


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
        (container(SECTION_BLOCK, subtitle={"type": "mrkdwn", "text": "*x*"}, width="full", is_collapsible=True), None),
        (container(rich(LEAF), title=None, rich_text_title=rich(LEAF)), None),
        (
            container(SECTION_BLOCK, title=None),
            "must define either `title` or `rich_text_title` [json-pointer:/blocks/0]",
        ),
        (container(), "must provide at least 1 items [json-pointer:/blocks/0/child_blocks]"),
        (
            container(*[SECTION_BLOCK] * 11),
            "no more than 10 items allowed [json-pointer:/blocks/0/child_blocks]",
        ),
        (
            container({"type": "card", "title": PLAIN}),
            "unsupported type: card [json-pointer:/blocks/0/child_blocks/0/type]",
        ),
        (
            container({"type": "section"}),
            "must define either `text` or `fields` [json-pointer:/blocks/0/child_blocks/0/type]",
        ),
        (
            container(SECTION_BLOCK, width="huge"),
            "must be one of: narrow, standard, wide, full [json-pointer:/blocks/0/width]",
        ),
        (
            container({**SECTION_BLOCK, "block_id": "a"}, block_id="a"),
            "`block_id` a already exists [json-pointer:/blocks]",
        ),
        (VIDEO, None),
        ({**VIDEO, "video_url": None}, "missing required field: video_url [json-pointer:/blocks/0]"),
        ({**VIDEO, "title_url": "http://x.test"}, "must be an HTTPS URL [json-pointer:/blocks/0/title_url]"),
        (
            {"type": "file", "external_id": "F1", "source": "remote"},
            "unsupported type: file [json-pointer:/blocks/0/type]",
        ),
        (below(FEEDBACK, ICON), None),
        (below(*[ICON] * 6), "no more than 5 items allowed [json-pointer:/blocks/0/elements]"),
        (below({"type": "button"}), "unsupported type: button [json-pointer:/blocks/0/elements/0/type]"),
        (below({**ICON, "icon": None}), "missing required field: icon [json-pointer:/blocks/0/elements/0]"),
        (
            below({**FEEDBACK, "negative_button": {"text": PLAIN}}),
            "missing required field: value [json-pointer:/blocks/0/elements/0/negative_button]",
        ),
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


def sdk_types(base: type, module: Any) -> set[str]:
    """The types of all models of the SDK under a base."""
    kinds = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, base)]
    return {kind for one in kinds if isinstance(kind := getattr(one, "type", None), str)}


def test_every_block_and_element_of_the_sdk_is_known_but_those_that_are_named() -> None:
    text = {"rich_text_list", "rich_text_preformatted", "rich_text_quote", "rich_text_section", "url"}
    assert sdk_types(Block, sdk_blocks) - BLOCK_KEYS.keys() == {"call", "auth_provider", "file"}
    assert sdk_types(BlockElement, sdk_elements) - ELEMENT_KEYS.keys() == text


@pytest.mark.parametrize("kind", sorted(EMPTY_VALUE))
def test_each_element_that_holds_something_is_known_as_an_input(kind: str) -> None:
    assert kind in INPUT_ELEMENTS


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
        ("modal", container(SECTION_BLOCK), False),
        ("home", container(SECTION_BLOCK), True),
        ("modal", below(FEEDBACK), False),
        ("modal", VIDEO, True),
    ],
)
def test_a_block_stands_only_where_slack_shows_it(kind: str, block: dict[str, Any], taken: bool) -> None:
    view = {"type": kind, "blocks": [block], **({"title": PLAIN} if kind == "modal" else {})}
    refused = [f"unsupported type: {block['type']} [json-pointer:/view/blocks/0/type]"]
    assert check_view(view) == ([] if taken else refused)


def test_what_is_made_of_text_is_valid_itself() -> None:
    text = "*a* <@U1> <#C1> <https://x.test|x> :tada: `c`\n> q\n```\ncode\n```"
    assert check_message_blocks(blocks_of(text)) == []
