"""The question before restore points were to go. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.deletions import deletable
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.slack.views import buttons
from bot.slack.views.approval import NAMED
from bot.slack.views.blocks import row
from bot.slack.views.disk_words import disk_names
from bot.slack.views.message import Message, arranged
from bot.slack.views.mrkdwn import code, day, person, plural


def reminder(request: Request, items: Sequence[Item], command: str, held: frozenset[str] = frozenset()) -> Message:
    """Before restore points were to go: the bot deletes none by itself, so a person has to say what shall be.

    What this request did not make, or another one still keeps (`held`), it cannot let go.
    """
    until = f" until {day(request.expires_at)}" if request.expires_at else ""
    named_disks = disk_names([item.disk for item in items], NAMED)
    days = request.order.keep_days or 0
    head = (
        f":alarm_clock: {person(request.actor_id)}, {plural(len(items), 'snapshot')} of {named_disks} to be "
        f"kept{until}: shall they stay, or go?"
    )
    own = [item.disk.label for item in deletable(items) if item.snapshot_id not in held]
    go = (
        f"to let them go: {code(f'{command} delete {request.id}')}"
        if own
        else "another request has them too, so this one cannot let them go"
    )
    typing = (
        f"Nothing deletes them by itself, and they are charged for as long as they exist. Request {code(request.id)}; "
        f"{go}."
    )
    message = arranged([head, typing])
    shown = [buttons.keep_longer(request.id, days)]
    if own:
        shown.append(buttons.let_go(request.id, own))
    message["blocks"].append(row(shown, "remind"))
    return message
