"""Messages and views held against Slack's limits twice: by slack_sdk's models, and by the limits of the reference.

The second check is the simulated Slack's own, written from Slack's pages and sharing nothing with the bot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.simulator.workspace.validation import check_message_blocks, check_options_answer, check_view

EDITED = ("status", "edit", "ask", "ask_edit")
"""Sayings whose message is edited later: chat.update takes 4,000 characters of `text`."""

BROKEN = re.compile(r"&(?!amp;|lt;|gt;)|<[^<>]*(?:<|$)")
"""An entity or an angle bracket without its end."""

Sent = TypeVar("Sent", bound=Mapping[str, Any])


def checked_message(message: Sent, *, edited: bool = False) -> Sent:
    """50 blocks, unique ids, every length, and a `text` that tells it without them, of 4,000 characters if edited."""
    assert 0 < len(message["text"]) <= (4_000 if edited else 40_000)
    assert not BROKEN.search(message["text"])
    assert not [text for text in _markup(message["blocks"]) if BROKEN.search(text)]
    assert check_message_blocks(message["blocks"]) == []
    _known_to_the_sdk(message["blocks"])
    return message


def checked_view(view: dict[str, Any]) -> dict[str, Any]:
    """A modal or App Home: 100 blocks, titles of 24 characters, a submit button where there are inputs."""
    assert check_view(view) == []
    _known_to_the_sdk(view["blocks"])
    assert View(**view).to_dict()["type"] == view["type"]
    return view


def checked_options(options: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a picker is given: 1 to 100 options, 75 characters each."""
    assert check_options_answer({"options": options}) == []
    return options


def _markup(part: Any) -> list[str]:
    if isinstance(part, list):
        return [text for one in part for text in _markup(one)]
    if isinstance(part, dict):
        own = [part["text"]] if part.get("type") == "mrkdwn" else []
        return own + [text for one in part.values() for text in _markup(one)]
    return []


def _known_to_the_sdk(blocks: list[dict[str, Any]]) -> None:
    for block, model in zip(blocks, Block.parse_all(blocks), strict=True):
        assert model.to_dict()["block_id"] == block["block_id"]
