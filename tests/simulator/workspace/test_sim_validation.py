from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import WorkspaceSimulator
from bot.simulator.workspace.validation import check_message_blocks, check_options_answer, check_view


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(**fields: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain("Go"), "action_id": "go", **fields}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def select(count: int, **fields: Any) -> dict[str, Any]:
    options = [{"text": plain(f"{n}"), "value": f"{n}"} for n in range(count)]
    return {"type": "static_select", "action_id": "pick", "options": options, **fields}


def modal(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("T"), "blocks": list(blocks), **fields}


CONFIRM = {"title": plain("t" * 101), "text": plain("x" * 301), "confirm": plain("c" * 31), "deny": plain("d")}


@pytest.mark.parametrize(
    ("block", "errors"),
    [
        (
            section("x" * 3001),
            [
                "failed to match all allowed schemas [json-pointer:/blocks/0/text]",
                "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
            ],
        ),
        (
            section(""),
            [
                "failed to match all allowed schemas [json-pointer:/blocks/0/text]",
                "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
            ],
        ),
        ({"type": "sections"}, ["unsupported type: sections [json-pointer:/blocks/0/type]"]),
        ({"type": "section"}, ["must define either `text` or `fields` [json-pointer:/blocks/0/type]"]),
        ({"type": "divider", "text": "x"}, ["invalid additional property: text [json-pointer:/blocks/0]"]),
        ({"type": "header", "text": plain("x" * 150)}, []),
        (
            {"type": "header", "text": plain("x" * 151)},
            ["must be less than 151 characters [json-pointer:/blocks/0/text/text]"],
        ),
        (actions(*[button(action_id=f"a{n}") for n in range(25)]), []),
        (
            actions(*[button(action_id=f"a{n}") for n in range(26)]),
            ["no more than 25 items allowed [json-pointer:/blocks/0/elements]"],
        ),
        (actions(), ["must provide at least 1 items [json-pointer:/blocks/0/elements]"]),
        (
            actions(button(), button()),
            ["`action_id` go already exists in this block [json-pointer:/blocks/0/elements]"],
        ),
        (
            actions(button(text=plain("x" * 76), value="v" * 2001, style="blue")),
            [
                "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
                "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
                "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]",
            ],
        ),
        (
            actions(button(confirm=CONFIRM)),
            [
                "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
                "failed to match all allowed schemas [json-pointer:/blocks/0/elements/0/confirm/text]",
                "must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
                "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/confirm/text]",
            ],
        ),
        (actions(select(100)), []),
        (actions(select(101)), ["no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]"]),
        (
            actions({"type": "overflow", "action_id": "o", "options": select(6)["options"]}),
            ["no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]"],
        ),
        (
            {"type": "context", "elements": [plain("x")] * 11},
            ["no more than 10 items allowed [json-pointer:/blocks/0/elements]"],
        ),
        (
            {"type": "image", "image_url": "https://x.test/a.png"},
            ["missing required field: alt_text [json-pointer:/blocks/0]"],
        ),
        (
            actions({"type": "workflow_button", "text": plain("Go")}),
            ["missing required field: workflow [json-pointer:/blocks/0/elements/0]"],
        ),
        ("text", ["must be an object [json-pointer:/blocks/0]"]),
    ],
)
def test_each_rule_of_blocks_has_slacks_words(block: Any, errors: list[str]) -> None:
    assert check_message_blocks([block]) == errors


def test_a_message_holds_fifty_blocks_with_ids_of_their_own() -> None:
    assert check_message_blocks([{"type": "divider"}] * 50) == []
    assert check_message_blocks([{"type": "divider"}] * 51) == ["no more than 50 items allowed [json-pointer:/blocks]"]
    assert check_message_blocks([{"type": "divider", "block_id": "a"}] * 2) == [
        "`block_id` a already exists [json-pointer:/blocks]"
    ]


def test_characters_are_counted_not_bytes() -> None:
    assert check_message_blocks([{"type": "header", "text": plain("é" * 150)}]) == []


NAME = {
    "type": "input",
    "block_id": "name",
    "label": plain("Name"),
    "element": {"type": "plain_text_input", "action_id": "value", "max_length": 60},
}


@pytest.mark.parametrize(
    ("view", "errors"),
    [
        (modal(NAME, submit=plain("Create")), []),
        (
            modal(section("a"), NAME),
            ["must define `submit` to use an `input` block in modals [json-pointer:/view/blocks/1/input]"],
        ),
        ({"type": "modal", "blocks": []}, ["missing required field: title [json-pointer:/view]"]),
        (
            modal(title=plain("t" * 25), submit=plain("s" * 25)),
            [
                "must be less than 25 characters [json-pointer:/view/title/text]",
                "must be less than 25 characters [json-pointer:/view/submit/text]",
            ],
        ),
        (modal(*[section("a")] * 101), ["no more than 100 items allowed [json-pointer:/view/blocks]"]),
        (
            modal(private_metadata="x" * 3001),
            ["must be less than 3001 characters [json-pointer:/view/private_metadata]"],
        ),
        (modal(colour="red"), ["invalid additional property: colour [json-pointer:/view]"]),
        ({"type": "home", "blocks": []}, []),
    ],
)
def test_each_rule_of_views_has_slacks_words(view: Any, errors: list[str]) -> None:
    assert check_view(view) == errors


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ({"options": []}, 0),
        ({"options": select(101)["options"]}, 1),
        ({"options": [{"text": plain("x" * 76), "value": "v" * 151}]}, 3),
        ({"options": [], "option_groups": []}, 1),
        ({"option_groups": [{"label": plain("Prod"), "options": select(2)["options"]}]}, 0),
        (None, 1),
    ],
)
def test_an_options_answer_is_one_list_of_at_most_a_hundred(answer: Any, count: int) -> None:
    assert len(check_options_answer(answer)) == count


async def test_all_violations_come_in_one_answer_and_stand_in_the_journal(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    blocks: list[dict[str, Any]] = [{"type": "sections"}, {"type": "header", "text": plain("x" * 151)}]
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0OPS00001", text="x", blocks=blocks)
    errors = [
        "unsupported type: sections [json-pointer:/blocks/0/type]",
        "must be less than 151 characters [json-pointer:/blocks/1/text/text]",
    ]
    assert caught.value.response.data == {
        "ok": False,
        "error": "invalid_blocks",
        "errors": errors,
        "response_metadata": {"messages": [f"[ERROR] {line}" for line in errors]},
    }
    assert [entry["errors"] for entry in sim.journal if entry["entry"] == "validation"] == [errors]


async def test_blocks_can_be_checked_without_a_token(sim: WorkspaceSimulator) -> None:
    anonymous = AsyncWebClient(base_url=sim.api_url)
    assert (await anonymous.api_call("blocks.validate", json={"blocks": [{"type": "divider"}]}))["ok"]
    with pytest.raises(SlackApiError) as caught:
        await anonymous.api_call("blocks.validate", json={"blocks": [{}]})
    assert caught.value.response["errors"] == [
        {"code": "missing_field", "field": "type", "message": "missing required field: type", "pointer": "/0"}
    ]
