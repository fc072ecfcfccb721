"""Short notices about a request: what the cloud took, where its rest is told, which of two copies counts. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain import errors
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.slack.views.disk_words import disk_name
from bot.slack.views.failure import CAUSES
from bot.slack.views.message import Message, arranged
from bot.slack.views.mrkdwn import code, plural


def accepted(items: Sequence[Item], thing: str = "snapshot") -> Message:
    """The cloud took it: job and snapshot ids, as a notification."""
    head = f":inbox_tray: *The cloud is creating {plural(len(items), thing)}*"
    lines = [
        f"• {disk_name(item)}: snapshot {code(item.snapshot_id or '')}{_how_taken(item)}" for item in items[:CAUSES]
    ]
    if len(items) > CAUSES:
        lines.append(f"… and {len(items) - CAUSES} more; the receipt names them all.")
    return arranged([head, *lines])


def _how_taken(item: Item) -> str:
    if item.joined_to:
        return ", joined: made for another request"
    return f", job {code(item.job_id)}" if item.job_id else ", found by its tag after a lost answer"


def left_over(request: Request, counts: str) -> Message:
    """In place of a message of which Slack's answer was lost. `counts` is the address of the one that goes on."""
    told = f":leftwards_arrow_with_hook: This stood here twice. <{counts}|The other message> of request"
    return arranged([f"{told} {code(request.id)} is the one that counts."])


def moved(request: Request, why: str, bot_user_id: str) -> Message:
    """Why the rest is told elsewhere, and what would change that, if anything would."""
    cause, remedy = _why_not_here(request, why, bot_user_id)
    told = f"Request {code(request.id)} is carried out all the same, and I tell you how it ends in a direct message."
    return arranged([" ".join(filter(None, (f":mailbox: I can't report here: {cause}.", told, remedy)))])


def _why_not_here(request: Request, why: str, bot_user_id: str) -> tuple[str, str]:
    """Cause and remedy. Source: Slack, chat.postMessage, errors."""
    elsewhere = "To follow it among others next time, ask in a channel that I am in."
    if why.startswith("restricted_action"):
        return "who may post in this channel is restricted", elsewhere
    match why:
        case errors.SHARED:
            return (
                "people of another organisation may read along",
                "To follow it among others next time, ask in a channel of our own.",
            )
        case "not_in_channel" | "channel_not_found" if request.place.direct:
            return "these are direct messages that I am no part of", elsewhere
        case "not_in_channel" | "channel_not_found":
            invited = f"/invite <@{bot_user_id}>" if bot_user_id else "invite me"
            return "I was not invited to this channel", f"To follow it here next time: {invited}"
        case "is_archived":
            return "this channel is archived", elsewhere
        case "cannot_reply_to_message":
            return "this thread takes no more replies", ""
        case errors.GONE_AGAIN:
            return "my messages here were deleted", ""
        case _:
            return "Slack does not take my message", ""
