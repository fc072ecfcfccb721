"""The refusal of a command, for the requester only. Pure."""

from __future__ import annotations

from bot.domain.normalise import caseless
from bot.slack.views import buttons
from bot.slack.views.blocks import row
from bot.slack.views.message import Message, arranged
from bot.slack.views.mrkdwn import code, code_block, sentence


def refusal(told: str, said: str, command: str, reference: str | None = None, *, form: bool = True) -> Message:
    """Cause and fix, and what was typed, ready to be copied and mended. `form`: there is one to mend it in."""
    lines = [f":no_entry_sign: {sentence(told)}"]
    if "Nothing was" not in told and (reference or _makes_something(said)):
        lines.append("Nothing was created.")
    if said.strip():
        lines.append(f"You typed: {code_block(f'{command} {said}')}")
    if reference:
        lines.append(f"Reference: {code(reference)}")
    message = arranged(lines)
    if reference and form:
        message["blocks"].append(row([buttons.change_and_ask_again(reference)], "again"))
    return message


def _makes_something(said: str) -> bool:
    """Whether what was typed could have; a question that is refused says nothing of it."""
    return caseless(said).partition(" ")[0] in ("create", "quick")
