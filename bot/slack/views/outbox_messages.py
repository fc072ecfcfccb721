"""Each message of the outbox as Slack takes it, by its text. `text` alone tells all; blocks only arrange it. Pure."""

from __future__ import annotations

from datetime import datetime

from bot.domain.denials import other_words_help
from bot.domain.orders import Restore
from bot.domain.projects import Project
from bot.ports.messages import DirectMessage, Edit, NewMessage, OutboxMessage, Text
from bot.slack.views.approval import ask
from bot.slack.views.break_glass import break_glass
from bot.slack.views.failure import failure
from bot.slack.views.message import EDIT_CHARACTERS, POST_CHARACTERS, Message
from bot.slack.views.notices import accepted, moved
from bot.slack.views.receipt import receipt
from bot.slack.views.refusal import refusal
from bot.slack.views.reminder import reminder
from bot.slack.views.restoring.restoration_notices import restoring_accepted, restoring_failure
from bot.slack.views.restoring.restoration_receipt import restoring_receipt
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
            first = isinstance(outgoing, NewMessage)
            return status_message(*told, command, team_url, now, first=first, restorations=outgoing.restorations)
        case Text.ASK | Text.ASK_DIRECTLY:
            return _asked(outgoing, command, team_url)
        case Text.ACCEPTED:
            return _accepted(outgoing)
        case Text.FAILURE:
            return _failure(outgoing, command)
        case Text.RECEIPT:
            return _receipt(outgoing, command, team_url, project)
        case Text.REFUSAL:
            form = not isinstance(request.order, Restore) and other_words_help(request.rule, request.explanation)
            return refusal(request.explanation, request.text, command, request.id, form=form)
        case Text.MOVED:
            why = outgoing.why if isinstance(outgoing, DirectMessage) else ""
            return moved(request, why, bot_user_id)
        case Text.REMINDER:
            return reminder(request, outgoing.items, command, outgoing.held)
        case Text.BREAK_GLASS:
            return break_glass(request, outgoing.all_items, command, team_url)


def _asked(outgoing: OutboxMessage, command: str, team_url: str) -> Message:
    """In a conversation with who asked, there is nothing for others to press."""
    alone = outgoing.text is Text.ASK and outgoing.request.told_directly
    return ask(
        outgoing.request,
        outgoing.all_items,
        command,
        team_url,
        among_others=not alone,
        called=None if outgoing.text is Text.ASK_DIRECTLY else outgoing.called,
        restorations=outgoing.restorations,
    )


def _accepted(outgoing: OutboxMessage) -> Message:
    order = outgoing.request.order
    if not isinstance(order, Restore):
        return accepted(outgoing.items)
    return restoring_accepted(order, outgoing.about) if outgoing.about else accepted(outgoing.items, "safety snapshot")


def _failure(outgoing: OutboxMessage, command: str) -> Message:
    request, order = outgoing.request, outgoing.request.order
    if isinstance(order, Restore):
        return restoring_failure(request, order, outgoing.items, outgoing.about, command)
    return failure(outgoing.items, command)


def _receipt(outgoing: OutboxMessage, command: str, team_url: str, project: Project | None) -> Message:
    request, order = outgoing.request, outgoing.request.order
    most = EDIT_CHARACTERS if isinstance(outgoing, Edit) else POST_CHARACTERS
    if isinstance(order, Restore) and not request.refused:
        rows = outgoing.restorations
        return restoring_receipt(request, order, outgoing.all_items, rows, command, team_url, project, most)
    return receipt(request, outgoing.all_items, outgoing.groups, command, team_url, project, most)
