"""One line of the log for each thing that a person did and Slack delivered: who, where and what kind of it. Never what
was typed: a verb is told where it is one of the bot's own.
"""

from __future__ import annotations

import logging
import re

from bot.domain.parsing.commands import KNOWN
from bot.domain.parsing.words import verb_in
from bot.slack.listeners.deferred_replies import delivered
from bot.slack.payloads import Mention, SlashCommand, Used

log = logging.getLogger(__name__)

_NAME_CHARACTERS = 40
_REQUEST_ID = re.compile(r"r-[0-9a-z]{8}")

USED = {
    "block_actions": "button pressed",
    "view_submission": "form sent",
    "shortcut": "shortcut used",
    "message_action": "shortcut used",
}
"""The types of deliveries that stand for something a person did."""


def command_arrived(sent: SlashCommand) -> None:
    _arrived("command arrived", _verb(sent.text), f"command:{delivered(sent.trigger_id)}", sent.user_id, sent.channel)


def mention_arrived(mention: Mention, text: str) -> None:
    """`text` is what stands behind the bot's name."""
    delivery = f"mention:{mention.channel}:{mention.ts}"
    _arrived("mention arrived", _verb(text), delivery, mention.user_id or "", mention.channel)


def control_used(used: Used) -> None:
    name = used.name[:_NAME_CHARACTERS]
    request = used.value if _REQUEST_ID.fullmatch(used.value) else ""
    delivery = f"form:{used.form_id}" if used.type == "view_submission" else f"action:{delivered(used.trigger_id)}"
    _arrived(USED[used.type], name, delivery, used.user_id, used.channel, request)


def _verb(text: str) -> str:
    first = verb_in(text.lstrip()[:_NAME_CHARACTERS].partition(" ")[0])
    return first if first in KNOWN else ""


def _arrived(sentence: str, verb: str, delivery: str, actor: str, channel: str, request: str = "") -> None:
    facts = {"verb": verb, "delivery": delivery, "actor": actor, "channel": channel, "request": request}
    log.info(sentence, extra={name: fact for name, fact in facts.items() if fact})
