"""The lines a record opens with, which can be read, and pasted, as they stand. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.requests import Request
from bot.slack.ids import is_direct
from bot.slack.views.approval import people
from bot.slack.views.message import Message, fitted
from bot.slack.views.mrkdwn import code, escaped, requester, sentence, shortened, typed, utc_in_words

POST_MORTEM_CHARACTERS = 39_900
"""Slack cuts a `text` at 40,000 characters, and a record that is cut is none."""

_LINES = 400
"""Characters that lines of disks have in any case; beyond these what stands in full goes before them."""

_CAUSE = 120
"""Characters of why a disk is not as it was asked for; all of it stands in full."""


def opening(request: Request, what: str, outcome: str) -> str:
    """`what` was asked for, and how it ended. Its times are UTC in words: a document in which they are pasted has no
    reader's zone.
    """
    channel = request.place.channel_id
    where = "in a direct message" if is_direct(channel) else f"in <#{channel}>"
    lines = [
        f":page_facing_up: The record of {code(request.id)}, for the post-mortem:",
        f"*Asked for:* {what}",
        f"*By:* {requester(request)} {where}, {utc_in_words(request.created_at)}",
        f"*Reason:* {typed(request.order.reason)}" if request.order.reason else "",
        f"*Approved by:* {people(request.approvers)}" if request.approvers else "",
        f"*Ended:* {utc_in_words(request.ended_at)}: {outcome}" if request.ended_at else f"*So far:* {outcome}",
    ]
    return "\n".join(filter(None, lines))


def room_in_full(head: str) -> int:
    """Characters, escaped, that what stands in full has."""
    return POST_MORTEM_CHARACTERS - len(head) - _LINES


def record(head: str, disks: Sequence[str], in_full: str) -> Message:
    """A line a disk, as many as there is room for, and below them all of it as JSON."""
    last = f"*In full*, as JSON:\n```{escaped(in_full.replace('```', 'ˋˋˋ'))}```"
    room = POST_MORTEM_CHARACTERS - len(f"{head}\n\n{last}")
    lines = fitted(disks, room, "; all of them stand below") if disks else []
    return {"text": "\n".join([head, *lines, last]), "blocks": []}


def disk_line(name: str, facts: Sequence[str], cause: str) -> str:
    """`cause`: why it is not as it was asked for, if so."""
    why = f" — {sentence(shortened(cause, _CAUSE))}" if cause else ""
    return f"• {name}: {', '.join(filter(None, facts))}{why}"
