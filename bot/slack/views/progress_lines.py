"""How each disk stands while it is copied and after, in the status message. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from bot.domain.attempts import NOT_THERE
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import Item, counted
from bot.domain.one_set import Apart, servers_apart
from bot.domain.quick import LEFT_OUT
from bot.domain.requests import Request
from bot.domain.transitions import GroupState, ItemState
from bot.slack.views.disk_words import (
    CAUSE_CHARACTERS,
    LISTED,
    NAME_CHARACTERS,
    UNDER,
    WORST_FIRST,
    copied,
    counts_in_words,
    disk_name,
    gone_in_words,
    next_try,
    worst_first,
)
from bot.slack.views.mrkdwn import bold, code, permalink, person, plural, sentence, shortened, time_of_day, typed

_BRIEFER = ((LISTED, 100), (LISTED, 40), (8, 40), (4, 40))
"""How `text` tells of disks where they do not fit: so many one by one, their causes of so many characters."""

_SIGNS: Mapping[ItemState, str] = {
    ItemState.PLANNED: ":white_circle:",
    ItemState.SUBMITTING: ":hourglass_flowing_sand:",
    ItemState.UNCERTAIN: ":mag:",
    ItemState.CREATING: ":hourglass_flowing_sand:",
    ItemState.AVAILABLE: ":white_check_mark:",
    ItemState.FAILED: ":x:",
    ItemState.CANCELLED: ":no_entry_sign:",
    ItemState.UNKNOWN: ":grey_question:",
}


def progress(items: Sequence[Item], leaders: Mapping[str, Request], team_url: str) -> Iterator[list[str]]:
    """How each disk stands, first as it is shown, then in ever fewer characters."""

    def line(item: Item, cause: int = CAUSE_CHARACTERS) -> str:
        return _disk_line(item, leaders.get(item.joined_to or ""), team_url, cause)

    if len(items) <= LISTED:
        yield [line(item) for item in items]
    troubled = sorted(filter(_needs_an_eye, items), key=worst_first)
    rest = list(_by_server([item for item in items if not _needs_an_eye(item)]))
    for listed, cause in ((LISTED, CAUSE_CHARACTERS), *_BRIEFER):
        more = len(troubled) - listed
        others = [f"… and {more} more like these"] if more > 0 else []
        yield [*(line(item, cause) for item in troubled[:listed]), *others, *rest]


def _needs_an_eye(item: Item) -> bool:
    """Ended badly, waits, or is in doubt."""
    fine = item.state in (ItemState.AVAILABLE, ItemState.CREATING, ItemState.SUBMITTING)
    return not fine and not (item.state is ItemState.PLANNED and not item.cause)


def _by_server(items: Sequence[Item]) -> Iterator[str]:
    def place(item: Item) -> tuple[str, str]:
        return item.disk.server, item.disk.availability_zone

    for (server, zone), found in groupby(sorted(items, key=place), key=place):
        members = list(found)
        name = bold(shortened(server, NAME_CHARACTERS)) if server else "*not attached*"
        states = counted(members)
        state = next(one for one in WORST_FIRST if states[one])
        yield f"{_SIGNS[state]} {name} · {typed(zone)} · {plural(len(members), 'disk')}: {counts_in_words(members)}"


def _disk_line(item: Item, leader: Request | None, team_url: str, cause: int) -> str:
    sign = ":wastebasket:" if item.gone else _SIGNS[item.state]
    line = f"{sign} {disk_name(item)} — {gone_in_words(item) if item.gone else _state_in_words(item)}"
    why = sentence(shortened(item.cause, cause))
    if item.code == LEFT_OUT:
        return f"{line} — {why}"
    if item.joined_to and not item.ended:
        line += f", joined: {_leader_in_words(leader, team_url)}"
    if item.snapshot_id:
        line += f" · {code(item.snapshot_id)}"
    return f"{line}{UNDER}{why}" if why and item.state is not ItemState.AVAILABLE else line


def _state_in_words(item: Item) -> str:
    match item.state:
        case ItemState.PLANNED if item.waiting_since and item.in_doubt and item.code in (NOT_THERE, ""):
            return _not_found(item)
        case ItemState.PLANNED if item.waiting_since:
            return f"waiting its turn{next_try(item)}"
        case ItemState.PLANNED:
            return "waiting" if item.cause else "next"
        case ItemState.SUBMITTING:
            return "asking the cloud"
        case ItemState.UNCERTAIN:
            return _LOOKING
        case ItemState.CREATING if item.progress is not None:
            return f"creating, {item.progress} %"
        case ItemState.UNKNOWN:
            return "unknown"
        case ItemState.CANCELLED:
            return "left out" if item.code == LEFT_OUT else "not sent"
        case _:
            return str(item.state)


_LOOKING = "no clear answer from the cloud, looking whether it was made"


def _not_found(item: Item) -> str:
    """An answer was lost, and the look for what may have come of it was answered: there is nothing of it."""
    if item.in_vain:
        return _LOOKING
    return f"not found in the cloud, asking again{f' at {time_of_day(item.due_at)}' if item.due_at else ''}"


def _leader_in_words(leader: Request | None, team_url: str) -> str:
    if leader is None:
        return "it is being copied for another request already"
    whose = f"being copied already for {person(leader.actor_id)}'s request {code(leader.id)}"
    if leader.status_channel and leader.status_ts:
        return f"{whose} (<{permalink(team_url, leader.status_channel, leader.status_ts)}|see there>)"
    return whose


def group_line(group: ConsistencyGroup, items: Sequence[Item]) -> str:
    """How the disks of a server were taken: together, or why not."""
    disks = plural(sum(item.consistency_group_id == group.id for item in items), "disk")
    where = f"{bold(shortened(group.server, NAME_CHARACTERS))} in {typed(group.zone)}"
    match group.state:
        case GroupState.MADE | GroupState.DONE if group.cloud_id:
            return f":link: {where}: {disks} at one moment, consistency group {code(group.cloud_id)}"
        case GroupState.SPLIT:
            return f":link: {where}: single snapshots, *not one consistent set* — {sentence(group.cause)}"
        case _:
            return ""


SERVERS_APART = 5
"""Servers that are told one by one."""


def apart_lines(request: Request, items: Sequence[Item], groups: Sequence[ConsistencyGroup]) -> list[str]:
    """Where the disks of a server are not one consistent set, for they could be taken for one."""
    made = [item for item in copied(items) if not item.ended or item.state is ItemState.AVAILABLE]
    apart = servers_apart(made, groups, request.order)
    lines = [_apart_line(one) for one in apart[:SERVERS_APART]]
    if more := len(apart) - len(lines):
        lines.append(f":warning: Nor are those of {plural(more, 'more server')}.")
    return lines


def _apart_line(one: Apart) -> str:
    server, disks = bold(shortened(one.server, NAME_CHARACTERS)), plural(one.disks, "disk")
    if one.all_joined:
        return f":link: {server}: its {disks} joined other requests; whether they are one set stands in their receipts"
    return f":warning: {server}: its {disks} are *not one consistent set* — {sentence(one.why)}"
