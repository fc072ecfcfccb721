"""The way back from a finished snapshot to its disk: by hand in the console, or with a line for a shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from bot.domain.items import Item
from bot.domain.projects import Project
from bot.slack.views.mrkdwn import code, code_block, escaped, link, shortened

LINKED = 10
"""Disks with a link each; more would be a wall of blue, and the console finds the others by name."""

LABEL_CHARACTERS = 64

BY_HAND = (
    "*To go back:* make a new disk from the snapshot and look at it first; or, to overwrite the disk itself, detach it "
    "(it must be available) and roll the snapshot back. Both are in the console under EVS, Snapshots."
)


def by_hand(project: Project | None) -> str:
    """The same, with the reason why the bot does not do it."""
    if project is None or project.restore:
        return BY_HAND
    return f"I bring nothing back in {escaped(project.alias)}: bot.toml does not allow it there.\n{BY_HAND}"


def by_command(command: str, request_id: str) -> str:
    """The same where the bot does it."""
    back = f"{command} restore {request_id}"
    return (
        f"*To go back:* press *Restore…*, or type {code(back)} for new disks beside these, and "
        f"{code(f'{back} overwrite')} to roll these back to then: detach them first; another person has to agree."
    )


SHELL_DISKS = 3
"""With more, their commands would be a wall; the record of the request has what each is made of."""


def pages(project: Project | None, available: Sequence[Item]) -> list[tuple[str, str]]:
    """Name and address of the disks' own pages: no address of a snapshot's page is known."""
    if project is None:
        return []
    shown = [(shortened(item.disk.label, LABEL_CHARACTERS), item.disk.id) for item in available[:LINKED]]
    return [(label, page) for label, disk_id in shown if (page := project.console_page(disk_id))]


def named_pages(found: Sequence[tuple[str, str]], available: Sequence[Item]) -> str:
    """The pages that the links lead to, and of how many disks."""
    of = f", {len(found)} of {len(available)}" if len(available) > len(found) else ""
    return f"The disks in the console{of}"


def linked(found: Sequence[tuple[str, str]], available: Sequence[Item]) -> str:
    """The same with the links in a sentence; "" where no page is known."""
    links = ", ".join(link(page, label) for label, page in found)
    return f"{named_pages(found, available)}: {links}." if found else ""


def shell_lines(project: Project | None, available: Sequence[Item]) -> str:
    """Commands that roll back every disk, each a whole line that a shell takes as it stands; or "" for none of them."""
    if project is None or len(available) > SHELL_DISKS:
        return ""
    commands = "\n".join(_roll_back_line(project, item) for item in available)
    block = code_block(commands)
    if block != f"```{escaped(commands)}```":
        return ""
    which = {1: "it", 2: "both, a line each,"}.get(len(available), f"all {len(available)}, a line each,")
    return f"To overwrite {which} from a shell, with a token of IAM in `$TOKEN`:\n{block}"


def roll_back_url(project: Project, snapshot_id: str) -> str:
    """EVS API Reference, "Rolling Back Disk Data from a Snapshot" (RollbackSnapshotV5)."""
    return f"{project.evs_endpoint}/v5/{project.project_id}/snapshots/{snapshot_id}/rollback"


def _roll_back_line(project: Project, item: Item) -> str:
    url = shlex.quote(roll_back_url(project, item.snapshot_id or ""))
    body = shlex.quote(json.dumps({"rollback": {"volume_id": item.disk.id}}))
    return f"curl -X POST {url} -H \"X-Auth-Token: $TOKEN\" -H 'Content-Type: application/json' -d {body}"
