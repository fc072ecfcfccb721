"""The question to other people whether disks may come back from snapshots: what they would agree to. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.orders import Restore
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.slack.views.message import fitted
from bot.slack.views.mrkdwn import escaped, person, plural, reason_told
from bot.slack.views.restoring.restoration_words import back_to, point, restored_disk

LINES_CHARACTERS = 1_000
"""Of disks: with the longest reason, once it is escaped, the text can be edited."""

_LOOK_AT = (
    "*Look at:* are these the right disks and the right snapshots, and does everybody know who works on them? I make a "
    "safety snapshot of each disk first, which keeps that, and the disks have to stay detached until the end."
)


def restoring_asks(request: Request, order: Restore, rows: Sequence[Restoration], team_url: str) -> str:
    """Who asks for what, and why."""
    reason = f" “{reason_told(order.reason, team_url)}”" if order.reason else ""
    who, project = person(request.actor_id), escaped(request.project or "")
    if order.way == "overwrite":
        return f":warning: {who} asks to *overwrite {plural(len(rows), 'disk')}* in {project}.{reason}"
    return f":hand: {who} asks for {plural(len(rows), 'new disk')} from snapshots in {project}.{reason}"


def restoring_facts(order: Restore, rows: Sequence[Restoration]) -> list[str]:
    """Each disk with what becomes of it, and what an approver has to look at."""
    elsewhere = ", all in the message of the request"
    if order.way == "overwrite":
        lines = [
            f"• {restored_disk(row)} goes back to {back_to(row)}: *what was written since is lost from it*"
            for row in rows
        ]
        return [*fitted(lines, LINES_CHARACTERS, elsewhere), _LOOK_AT]
    lines = [f"• {restored_disk(row)}, from {point(row)}" for row in rows]
    size = f"{sum(row.disk.size for row in rows):,} GiB"
    cost = (
        f"*Cost:* {plural(len(rows), 'new disk')}, {size}, charged from the moment they exist until they are deleted."
    )
    return [*fitted(lines, LINES_CHARACTERS, elsewhere), cost]
