"""Each message of the outbox as Slack takes it, by its kind. `text` alone tells all; blocks only arrange it. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.domain.projects import Project
from bot.ports.outbox import OutboxMessage
from bot.slack.views.approval import ask
from bot.slack.views.break_glass import break_glass
from bot.slack.views.failure import failure
from bot.slack.views.message import EDIT_CHARACTERS, POST_CHARACTERS, Message
from bot.slack.views.notices import accepted, moved
from bot.slack.views.post_mortem_view import post_mortem
from bot.slack.views.receipt import receipt
from bot.slack.views.refusal import refusal
from bot.slack.views.reminder import reminder
from bot.slack.views.status_message import status_message


def rendered(
    outgoing: OutboxMessage,
    command: str,
    team_url: str,
    now: datetime,
    project: Project | None,
    *,
    bot_user_id: str = "",
) -> Message:
    """What is said, ready to be sent. `command` is the slash command people type, `team_url` Slack's own address,
    `bot_user_id` whom they invite.

    `project` is the one of the request; None where it has none yet, or one that is no longer configured.
    """
    match outgoing.kind:
        case "status" | "edit":
            first = outgoing.kind == "status"
            told = (outgoing.request, outgoing.all_items, outgoing.leaders, outgoing.groups)
            return status_message(*told, command, team_url, now, first=first)
        case "ask" | "ask_edit" if outgoing.request.told_directly:
            return ask(outgoing.request, outgoing.all_items, command, team_url, among_others=False)
        case "ask" | "ask_edit" | "ask_directly":
            return ask(outgoing.request, outgoing.all_items, command, team_url, called=outgoing.called)
        case "accepted":
            return accepted(outgoing.items)
        case "failure":
            return failure(outgoing.items, command)
        case "receipt" | "receipt_edit":
            most = POST_CHARACTERS if outgoing.kind == "receipt" else EDIT_CHARACTERS
            return receipt(outgoing.request, outgoing.all_items, outgoing.groups, command, team_url, project, most)
        case "post_mortem":
            return post_mortem(outgoing.request, outgoing.all_items, outgoing.groups, project)
        case "refusal":
            return refusal(outgoing.request.explanation, outgoing.request.text, command, outgoing.request.id)
        case "moved":
            return moved(outgoing.request, outgoing.why, bot_user_id)
        case "reminder":
            return reminder(outgoing.request, outgoing.items, command, outgoing.held)
        case "break_glass":
            return break_glass(outgoing.request, outgoing.all_items, command, team_url)
