"""The receipt: what there is to go back to, disk by disk, and how. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import Item, cloud_deletes, spread_seconds
from bot.domain.one_set import one_set
from bot.domain.orders import Restore
from bot.domain.projects import Project
from bot.domain.quick import to_try_again
from bot.domain.requests import Request
from bot.domain.transitions import GroupState, ItemState
from bot.slack.views import buttons
from bot.slack.views.blocks import context, divider, row, section
from bot.slack.views.disk_words import LISTED, NAME_CHARACTERS, copied, disk_name, gone_in_words, worst_first
from bot.slack.views.failure import again, again_blocks, causes
from bot.slack.views.message import POST_CHARACTERS, Message, arranged, fitted, sections
from bot.slack.views.mrkdwn import (
    bold,
    code,
    day,
    disk_kind,
    moment,
    person,
    plural,
    reason_told,
    requester,
    sentence,
    shortened,
    time_of_day,
)
from bot.slack.views.progress_lines import apart_lines
from bot.slack.views.restore_help import by_command, by_hand, linked, named_pages, pages, shell_lines

ONE_MOMENT_S = 60.0
"""Of disks taken closer together than that, the first moment and the spread tell all that anybody looks for."""


def receipt(
    request: Request,
    items: Sequence[Item],
    groups: Sequence[ConsistencyGroup],
    command: str,
    team_url: str,
    project: Project | None,
    most: int = POST_CHARACTERS,
) -> Message:
    """The restore points, disk by disk, worst first, and how to restore; or the word of the person who refused it.
    `most`: the characters of its `text`.
    """
    if request.refused:
        return _refused_receipt(request, command)
    available = [item for item in items if item.state is ItemState.AVAILABLE and not item.gone]
    deleted = [item for item in items if item.state is ItemState.AVAILABLE and item.gone]
    others = sorted((item for item in items if item.state is not ItemState.AVAILABLE), key=worst_first)
    apart = _far_apart(available)
    where = "; the record has them all"
    line = _brief_receipt_line if len(items) > LISTED else _receipt_line
    gone = [f"• {disk_name(item)}: {gone_in_words(item)}, snapshot {code(item.snapshot_id or '')}" for item in deleted]
    disks = [*causes(others, where), *(line(item, alone=apart) for item in available), *gone]
    together = [*apart_lines(request, available, groups), *filter(None, (_how_together(one, items) for one in groups))]
    head = list(filter(None, [_receipt_headline(items, available), _taken(available)]))
    reason = f": {reason_told(request.order.reason, team_url)}" if request.order.reason else "."
    facts = [f"Asked by {requester(request)}{reason}", *([_kept_until(request, available)] if available else [])]
    from_here = project is not None and project.restore and bool(available)
    how = by_command(command, request.id) if from_here else by_hand(project)
    back, back_blocks = _way_back(project, available, how) if available else ([], [])
    last = [*facts, *again(to_try_again(items), command), *back]
    groups_told = fitted(together, most // 4, where)
    room = max(most - len("\n".join([*head, *groups_told, *last])) - 1, most // 4)
    text = "\n".join([*head, *fitted(disks, room, where), *groups_told, *last])
    blocks = [section("\n".join(head), "head"), *sections([*disks, *together]), context("\n".join(facts), "facts")]
    blocks += [*again_blocks(to_try_again(items)), *back_blocks]
    shown = [buttons.post_mortem(request.id), *([buttons.restore(request.id)] if from_here else [])]
    return {"text": text, "blocks": [*blocks, row(shown, "next")]}


def _refused_receipt(request: Request, command: str) -> Message:
    again = f"What was asked: {code(f'{command} {shortened(request.text, 500)}')}"
    message = arranged([f":no_entry_sign: {person(request.actor_id)}, {sentence(request.explanation)}", again])
    if request.timed_out and not isinstance(request.order, Restore):
        message["blocks"].append(row([buttons.try_again(request.id)], "again"))
    return message


def _receipt_headline(items: Sequence[Item], available: Sequence[Item]) -> str:
    asked = copied(items)
    since = sum(item.state is ItemState.AVAILABLE and item.gone for item in items)
    sign = ":white_check_mark:" if len(available) == len(items) else ":warning:" if available else ":x:"
    sign = ":wastebasket:" if since else sign
    out = f", {len(items) - len(asked)} left out" if len(items) > len(asked) else ""
    deleted = f", {since} deleted since" if since else ""
    return f"{sign} *Receipt: {len(available)} of {plural(len(asked), 'snapshot')} available{deleted}{out}*"


def _far_apart(available: Sequence[Item]) -> bool:
    """Whether one moment does not tell of all: then each disk's line has its own time of day."""
    return (spread_seconds(available) or 0.0) >= ONE_MOMENT_S


def _taken(available: Sequence[Item]) -> str:
    """When, said once."""
    moments = sorted(item.taken_at for item in available if item.taken_at)
    if not moments:
        return ""
    spread = spread_seconds(available)
    if spread is None:
        return f"Taken {moment(moments[0])}."
    if one_set(available):
        return f"Taken within {spread:.1f} s of each other. First: {moment(moments[0])}."
    return f"First taken: {moment(moments[0])}, the last {spread:.1f} s later."


def _way_back(project: Project | None, available: Sequence[Item], how: str) -> tuple[list[str], list[dict[str, Any]]]:
    """`how` to go back, as lines, and below a divider with a button for each page."""
    known, from_here = pages(project, available), project is not None and project.restore
    shell = "" if from_here else shell_lines(project, available)
    if project is not None and not shell and not from_here:
        shell = "The record has what rolls back each disk from a shell."
    lines = [how, *filter(None, (linked(known, available), shell))]
    there = f"\n{named_pages(known, available)}:" if known else ""
    blocks = [divider("line"), section(f"{how}{there}", "back")]
    if known:
        links = [buttons.console_page(number, label, page) for number, (label, page) in enumerate(known)]
        blocks.append(row(links, "pages"))
    return lines, [*blocks, section(shell, "shell")] if shell else blocks


def _receipt_line(item: Item, *, alone: bool) -> str:
    """`alone`: at a moment that the disks do not share."""
    kind = {True: "incremental", False: "full", None: ""}[item.incremental]
    facts = [
        disk_kind(item.disk),
        kind,
        time_of_day(item.taken_at) if alone and item.taken_at else "",
        f"name {code(item.snapshot.name or '')}" if _named_by_us(item) else "",
        "joined" if item.joined_to else "",
    ]
    told = " · ".join(fact for fact in facts if fact)
    return f"• {disk_name(item)}: available, snapshot {code(item.snapshot_id or '')}{f' · {told}' if told else ''}"


def _brief_receipt_line(item: Item, *, alone: bool) -> str:
    created = f" · {time_of_day(item.taken_at)}" if alone and item.taken_at else ""
    size = f" · {item.disk.size} GiB" if item.disk.size else ""
    return f"• {disk_name(item)}: available, {code(item.snapshot_id or '')}{size}{created}"


def _named_by_us(item: Item) -> bool:
    """A joined snapshot has the name that another request gave it, a member of a group the one the cloud chose."""
    return item.joined_to is None and item.consistency_group_id is None


def _how_together(group: ConsistencyGroup, items: Sequence[Item]) -> str:
    """Whether the disks of a server were taken at one moment; the service promises crash consistency at most."""
    server = bold(shortened(group.server, NAME_CHARACTERS))
    members = sum(item.consistency_group_id == group.id and item.state is ItemState.AVAILABLE for item in items)
    if group.state is GroupState.SPLIT:
        return f"{server}: single snapshots, *not one consistent set* — {sentence(group.cause)}"
    if group.cloud_id is None:
        return ""  # its disks were joined, or never sent; their own lines say so
    together = f"{plural(members, 'disk')} at one moment (crash-consistent)"
    return f"{server}: {together}, consistency group {code(group.cloud_id)}."


def _kept_until(request: Request, available: Sequence[Item]) -> str:
    if request.expires_at is None:
        return "Kept until someone deletes them; standard snapshots are charged for as long as they exist."
    if cloud_deletes(available):
        return f"The cloud deletes them on {day(request.expires_at)}."
    return f"To be kept until {day(request.expires_at)}. Nothing deletes them by itself; I ask before that day."
