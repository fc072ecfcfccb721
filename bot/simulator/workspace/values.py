"""What the elements of blocks hold: nothing, what they begin with, or what a person entered.

Source: docs.slack.dev, reference/views (state.values), reference/interaction-payloads/block_actions-payload and
reference/block-kit/block-elements. In messages this is kept by the client of each person until it is sent (INFERRED: an
edit of the message keeps it where block_id, action_id and sort stay, as in views).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.simulator.workspace.messages import Blocks, Message

Values = dict[str, dict[str, dict[str, Any]]]
EMPTY_VALUE: dict[str, tuple[str, Any]] = {
    "plain_text_input": ("value", None),
    "email_text_input": ("value", None),
    "url_text_input": ("value", None),
    "number_input": ("value", None),
    "static_select": ("selected_option", None),
    "external_select": ("selected_option", None),
    "radio_buttons": ("selected_option", None),
    "multi_static_select": ("selected_options", []),
    "multi_external_select": ("selected_options", []),
    "checkboxes": ("selected_options", []),
    "users_select": ("selected_user", None),
    "multi_users_select": ("selected_users", []),
    "conversations_select": ("selected_conversation", None),
    "multi_conversations_select": ("selected_conversations", []),
    "channels_select": ("selected_channel", None),
    "multi_channels_select": ("selected_channels", []),
    "datepicker": ("selected_date", None),
    "timepicker": ("selected_time", None),
    "datetimepicker": ("selected_date_time", None),
    "rich_text_input": ("rich_text_value", None),
    "file_input": ("files", []),
}
INITIAL_KEYS = (
    "initial_value",
    "initial_option",
    "initial_options",
    "initial_user",
    "initial_users",
    "initial_conversation",
    "initial_conversations",
    "initial_channel",
    "initial_channels",
    "initial_date",
    "initial_time",
    "initial_date_time",
)


def each_block(blocks: Blocks) -> Iterator[dict[str, Any]]:
    """The blocks, and those that stand in them."""
    for block in blocks:
        yield block
        match block:
            case {"type": "container", "child_blocks": [*inner]} | {"type": "carousel", "elements": [*inner]}:
                yield from each_block([one for one in inner if isinstance(one, dict)])
            case _:
                pass


def elements_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The interactive elements of a block itself."""
    match block.get("type"):
        case "actions" | "context_actions":
            return list(block.get("elements", []))
        case "card":
            return list(block.get("actions") or [])
        case "section" if block.get("accessory"):
            return [block["accessory"]]
        case "input":
            return [block["element"]]
        case _:
            return []


def name_elements(block: dict[str, Any]) -> None:
    """Give an id to each element that came without one."""
    for number, element in enumerate(elements_of(block)):
        element.setdefault("action_id", f"{block['block_id']}.action{number or ''}")


def empty_value(element: dict[str, Any]) -> dict[str, Any]:
    """An element's state while nothing is chosen or typed."""
    key, empty = EMPTY_VALUE[element["type"]]
    zone = {"timezone": element["timezone"]} if element["type"] == "timepicker" and element.get("timezone") else {}
    return {"type": element["type"], key: copy.copy(empty), **zone}


def first_values(blocks: Blocks, channel: str) -> Values:
    """What all elements hold before anything is entered."""
    values: Values = {}
    for block in each_block(blocks):
        for element in elements_of(block):
            if element["type"] not in EMPTY_VALUE:
                continue
            value = empty_value(element)
            key = EMPTY_VALUE[element["type"]][0]
            for initial in INITIAL_KEYS:
                if initial in element:
                    value[key] = copy.deepcopy(element[initial])
            if element.get("default_to_current_conversation") and value[key] is None and channel:
                value[key] = channel
            values.setdefault(block["block_id"], {})[element["action_id"]] = value
    return values


def keep_entered(fresh: Values, before: Values) -> None:
    """Leave in `fresh` what was entered before, where block_id, action_id and sort are the same."""
    for block_id, actions in fresh.items():
        for action_id, value in actions.items():
            old = before.get(block_id, {}).get(action_id)
            if old is not None and old["type"] == value["type"]:
                actions[action_id] = old


class EnteredInMessages:
    """What each person has entered in the elements of messages."""

    def __init__(self) -> None:
        self._entered: dict[tuple[str, str, str], Values] = {}

    def of(self, user: str, message: Message, blocks: Blocks | None = None) -> Values:
        """What the elements hold for a person, in the message as it stands or in another rendering of it."""
        values = first_values(message.blocks if blocks is None else blocks, message.channel)
        keep_entered(values, self._entered.get((user, message.channel, message.ts), {}))
        return values

    def put(self, user: str, message: Message, block_id: str, action_id: str, value: dict[str, Any]) -> None:
        of_message = self._entered.setdefault((user, message.channel, message.ts), {})
        of_message.setdefault(block_id, {})[action_id] = value
