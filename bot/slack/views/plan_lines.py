"""The lines of a plan about its disks, in the status message. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import Item
from bot.domain.quick import LEFT_OUT
from bot.domain.requests import Request
from bot.domain.transitions import GroupState, ItemState, RequestState
from bot.slack.views.blocks import OPTIONS
from bot.slack.views.disk_words import CAUSE_CHARACTERS, LISTED, NAME_CHARACTERS, UNDER, copied, disk_name
from bot.slack.views.mrkdwn import bold, disk_kind, plural, sentence, shortened, typed
from bot.slack.views.progress_lines import apart_lines, group_line

NAMES_IN_A_LINE = 1_500
EVERY_NAME = 200_000
"""Characters: more than the names of all disks that a request takes."""

_FEWER_NAMES = (1_500, 800, 400, 200, 100, 50)
"""How many characters of names `text` gives the disks of each group where all do not fit."""


def plans(request: Request, items: Sequence[Item], groups: Sequence[ConsistencyGroup]) -> Iterator[list[str]]:
    """The plan, first as it is shown, then in ever fewer characters."""
    elsewhere, apart = "", apart_lines(request, items, groups)
    if request.state is RequestState.PLANNED:
        elsewhere = f"; {'all of them' if len(items) <= OPTIONS else 'fewer at once'}: Change Selection…"
    if len(items) <= LISTED:
        yield list(_planned_lines(items, groups, apart, None, elsewhere))
    for names in (EVERY_NAME, *_FEWER_NAMES):
        yield list(_planned_lines(items, groups, apart, names, elsewhere))


def _planned_lines(
    items: Sequence[Item], groups: Sequence[ConsistencyGroup], apart: list[str], names: int | None, elsewhere: str
) -> Iterator[str]:
    """The servers `apart`, each group with its disks, then those that go alone, then those left out. With so many
    characters of `names` for the disks of each, only those about which there is something to say have a line;
    `elsewhere` are the others.
    """
    yield from apart
    wanted = copied(items)
    together = [group for group in groups if group.state is not GroupState.SPLIT]
    for group in together:
        members = [item for item in wanted if item.consistency_group_id == group.id]
        name = bold(shortened(group.server, NAME_CHARACTERS))
        yield f"{name} · {typed(group.zone)} · {_sum(members)}, one consistent set"
        if names is None:
            yield from (f"      • {_planned_disk(item, brief=True)}" for item in members)
        else:
            yield from _names(members, names, elsewhere)
    alone = [item for item in wanted if item.consistency_group_id is None]
    yield from (group_line(group, items) for group in groups if group not in together)
    if together and alone:
        yield f"*One by one* · {_sum(alone)}"
    shown = alone if names is None else [item for item in alone if item.cause][:LISTED]
    yield from (f"• {_planned_disk(item, brief=False)}" for item in shown)
    if rest := [item for item in alone if item not in shown]:
        if shown or not together:
            yield f"• {_sum(rest)}, at once"
        yield from _names(rest, names or EVERY_NAME, elsewhere)
    out = [item for item in items if item.code == LEFT_OUT]
    if out:
        yield f":warning: *Left out* · {plural(len(out), 'disk')}, of which nothing is made"
    yield from (f"• {disk_name(item)} — {sentence(shortened(item.cause, CAUSE_CHARACTERS))}" for item in out[:LISTED])
    if more := out[LISTED:]:
        yield f"• and {len(more)} more"
        yield from _names(more, names or EVERY_NAME, elsewhere)


def _names(items: Sequence[Item], room: int, elsewhere: str) -> Iterator[str]:
    """Which disks: their names in as many characters as there is room for, in lines that a section can hold."""
    names = [typed(shortened(item.disk.label, NAME_CHARACTERS)) for item in items]
    while names:
        line = "      "
        while names and len(line) < min(NAMES_IN_A_LINE, room):
            line += f"{names.pop(0)}{', ' if names else ''}"
        room -= len(line)
        if names and room <= 0:
            yield f"{line.rstrip(', ')} … and {len(names)} more{elsewhere}"
            return
        yield line.rstrip()


def _planned_disk(item: Item, *, brief: bool) -> str:
    disk = item.disk
    server = f"on {typed(shortened(disk.server, NAME_CHARACTERS))}" if disk.server else ""
    where = [] if brief else [server, typed(disk.availability_zone)]
    facts = " · ".join(fact for fact in (disk_kind(disk), *where, typed(disk.status)) if fact)
    noted = item.cause and item.state is ItemState.PLANNED
    why = f"{UNDER}{sentence(shortened(item.cause, CAUSE_CHARACTERS))}" if noted else ""
    return f"{disk_name(item)}{f' · {facts}' if facts else ''}{why}"


def _sum(items: Sequence[Item]) -> str:
    return f"{plural(len(items), 'disk')}, {_gib(items)} GiB"


def _gib(items: Sequence[Item]) -> str:
    return f"{sum(item.disk.size for item in items):,}"


def cost(items: Sequence[Item]) -> str:
    """A full copy is told of where no earlier one is known."""
    wanted = copied(items)
    first = [item for item in wanted if not item.disk.copied_before]
    if not first:
        what = "each of these disks has an earlier one, so only what has changed since is copied"
    elif len(first) < len(wanted):
        what = f"{plural(len(first), 'disk')} without an earlier one may be copied whole (up to {_gib(first)} GiB), of "
        what += "the others what has changed"
    else:
        what = f"the first of a disk copies all of it (here up to {_gib(first)} GiB), later ones what has changed"
    return (
        f"Standard snapshots are charged for as long as they exist: {what}. Disks may be slower while they are copied."
    )
