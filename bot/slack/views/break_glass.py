"""The message to those who could have been asked, about a request that runs without approval. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.items import Item
from bot.domain.requests import Request
from bot.slack.views import buttons
from bot.slack.views.approval import NAMED
from bot.slack.views.blocks import row
from bot.slack.views.disk_words import disk_names
from bot.slack.views.message import Message, arranged
from bot.slack.views.mrkdwn import code, escaped, permalink, person, reason_told


def break_glass(request: Request, items: Sequence[Item], command: str, team_url: str) -> Message:
    """To everybody who could have been asked: what runs without them, why, and what is left for them to do."""
    disks = disk_names([item.disk for item in items], NAMED)
    who, project = person(request.actor_id), escaped(request.project or "")
    head = f":rotating_light: {who} runs without approval in {project}: {disks}."
    lines = [f"Reason given: “{reason_told(request.order.reason or '', team_url)}”."]
    if request.status_channel and request.status_ts:
        lines.append(f"<{permalink(team_url, request.status_channel, request.status_ts)}|See how it stands>.")
    lines.append(
        f"One of those who may approve has to review it: press the button, or type "
        f"{code(f'{command} review {request.id}')} where the project may be used."
    )
    message = arranged([head, *lines])
    message["blocks"].append(row([buttons.mark_reviewed(request.id)], "review"))
    return message
