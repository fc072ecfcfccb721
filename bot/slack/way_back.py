"""The way back from a finished snapshot to its disk: by hand in the console, or with a line for a shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from bot.domain.projects import Project
from bot.domain.requests import Item
from bot.slack.text import bold, code_block, link, plural, shortened

LINKED = 10
"""Disks with a link each; more would be a wall of blue, and the console finds the others by name."""

LABEL_CHARACTERS = 64

BY_HAND = (
    "*To go back:* make a new disk from the snapshot and look at it first; or, to overwrite the disk itself, detach it "
    "(it must be available) and roll the snapshot back. Both are in the console under EVS, Snapshots."
)


def way_back(project: Project | None, available: Sequence[Item]) -> list[str]:
    """`available`, at least one, can be gone back to; without its project only the way by hand is known."""
    if project is None:
        return [BY_HAND]
    first = available[0]
    label = bold(shortened(first.disk.label, LABEL_CHARACTERS))
    shell = f"To overwrite {label} from a shell, with a token of IAM in `$TOKEN`:\n"
    return [BY_HAND, *_pages(project, available), shell + code_block(_roll_back_line(project, first))]


def roll_back_url(project: Project, snapshot_id: str) -> str:
    """EVS API Reference, "Rolling Back Disk Data from a Snapshot" (RollbackSnapshotV5)."""
    return f"{project.evs_endpoint}/v5/{project.project_id}/snapshots/{snapshot_id}/rollback"


def _pages(project: Project, available: Sequence[Item]) -> list[str]:
    """The disks' own pages: no address of a snapshot's page is known."""
    shown = [(item.disk.label, project.console_page(item.disk.id)) for item in available[:LINKED]]
    links = [link(page, shortened(label, LABEL_CHARACTERS)) for label, page in shown if page]
    if not links:
        return []
    more = len(available) - len(links)
    others = f" and {plural(more, 'other')}" if more else ""
    return [f"Disks in the console: {', '.join(links)}{others}."]


def _roll_back_line(project: Project, item: Item) -> str:
    url = shlex.quote(roll_back_url(project, item.snapshot_id or ""))
    body = shlex.quote(json.dumps({"rollback": {"volume_id": item.disk.id}}))
    return f"curl -X POST {url} -H \"X-Auth-Token: $TOKEN\" -H 'Content-Type: application/json' -d {body}"
