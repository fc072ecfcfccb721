"""Each message of the outbox as Slack takes it, by its text. `text` alone tells all; blocks only arrange it. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.domain.projects import Project
from bot.ports.outbox import DirectMessage, Edit, NewMessage, OutboxMessage, Text
from bot.slack.views.approval import ask
from bot.slack.views.break_glass import break_glass
from bot.slack.views.failure import failure
from bot.slack.views.message import EDIT_CHARACTERS, POST_CHARACTERS, Message
from bot.slack.views.notices import accepted, moved
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
    """The message, ready to be sent. `command` is the slash command people type, `team_url` Slack's own address,
    `bot_user_id` whom they invite.

    `project` is the one of the request; None where it has none yet, or one that is no longer configured.
    """
    request = outgoing.request
    match outgoing.text:
        case Text.STATUS:
            told = (request, outgoing.all_items, outgoing.leaders, outgoing.groups)
            return status_message(*told, command, team_url, now, first=isinstance(outgoing, NewMessage))
        case Text.ASK if request.told_directly:
            return ask(request, outgoing.all_items, command, team_url, among_others=False)
        case Text.ASK | Text.ASK_DIRECTLY:
            return ask(request, outgoing.all_items, command, team_url, called=outgoing.called)
        case Text.ACCEPTED:
            return accepted(outgoing.items)
        case Text.FAILURE:
            return failure(outgoing.items, command)
        case Text.RECEIPT:
            most = EDIT_CHARACTERS if isinstance(outgoing, Edit) else POST_CHARACTERS
            return receipt(request, outgoing.all_items, outgoing.groups, command, team_url, project, most)
        case Text.REFUSAL:
            return refusal(request.explanation, request.text, command, request.id)
        case Text.MOVED:
            why = outgoing.why if isinstance(outgoing, DirectMessage) else ""
            return moved(request, why, bot_user_id)
        case Text.REMINDER:
            return reminder(request, outgoing.items, command, outgoing.held)
        case Text.BREAK_GLASS:
            return break_glass(request, outgoing.all_items, command, team_url)
