"""The one public message of a request, from its plan to its end. Pure; `text` alone tells what the blocks arrange."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.orders import Quick, named
from bot.domain.quick import LEFT_OUT
from bot.domain.requests import DiskRef, Item, Request, counted
from bot.domain.transitions import GroupState, ItemState, RequestState
from bot.slack.views import buttons
from bot.slack.views.blocks import CONTEXT_CHARACTERS, OPTIONS, context, row, section
from bot.slack.views.message import EDIT_CHARACTERS, Message, fitted, parts
from bot.slack.views.mrkdwn import (
    bold,
    code,
    cut,
    disk_kind,
    duration,
    escaped,
    moment,
    permalink,
    plural,
    reason_told,
    sentence,
    shortened,
    typed,
)

LISTED = 15
"""More disks than this are summarised by server; those that need somebody's eye keep a line of their own."""

CAUSE_CHARACTERS = 300
NAME_CHARACTERS = 64
HEAD_CHARACTERS = 1_500
"""In `text`. With the 2,000 characters that the facts have at most, something is left for the disks."""

WARNING_CHARACTERS = 600

UNDER = "\n      ↳ "
"""Begins what belongs to the disk of the line above."""

LOWER_COUNTS = "should this stand here twice, the lower one counts"
NAMES_IN_A_LINE = 1_500
EVERY_NAME = 200_000
"""Characters: more than the names of all disks that a request takes."""

_BRIEFER = ((LISTED, 100), (LISTED, 40), (8, 40), (4, 40))
"""How `text` tells of disks where they do not fit: so many one by one, their causes of so many characters."""

_FEWER_NAMES = (1_500, 800, 400, 200, 100, 50)
"""How many characters of names `text` gives the disks of each group where all do not fit."""

BAR = ("▰", "▱")

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

_WORST_FIRST = (
    ItemState.FAILED,
    ItemState.UNKNOWN,
    ItemState.CANCELLED,
    ItemState.UNCERTAIN,
    ItemState.PLANNED,
    ItemState.SUBMITTING,
    ItemState.CREATING,
    ItemState.AVAILABLE,
)


def root(
    request: Request,
    items: Sequence[Item],
    leaders: Mapping[str, Request],
    groups: Sequence[ConsistencyGroup],
    command: str,
    team_url: str,
    now: datetime,
    *,
    first: bool = False,
) -> Message:
    """`leaders` are the requests that copy a joined disk, `groups` those of a quick backup.

    `first`: it is posted, not edited. When Slack's answer to that is lost nobody can edit it ever again, and a second
    one follows below it: so it says which of the two counts.
    """
    head = [_headline(request, items), *_under(request, items)]
    twice = f" · {LOWER_COUNTS}" if first and not request.ended_at else ""
    facts = cut(_facts(request, command, team_url, now), CONTEXT_CHARACTERS - len(twice)) + twice
    warnings = [f":warning: {sentence(warning)}" for warning in request.warnings]
    cost = [_cost(items)] if request.state is RequestState.PLANNED else []
    if request.not_yet_going or request.refused:
        ways = _plans(request, items, groups)
    else:
        together = [line for group in groups if (line := _group_line(group, items))]
        ways = ([*lines, *together] for lines in _progress(items, leaders, team_url))
    lines = next(ways)
    blocks = [section("\n".join(head), f"head.{request.rev}")]
    blocks += [section(text, f"disks.{request.rev}.{part}") for part, text in enumerate(parts(lines))]
    notes = [*fitted(warnings, WARNING_CHARACTERS), *cost]
    blocks += [section(text, f"notes.{request.rev}.{part}") for part, text in enumerate(parts(notes))]
    blocks.append(context(facts, f"facts.{request.rev}"))
    if pressed := _buttons(request, items):
        blocks.append(row(pressed, f"do.{request.rev}"))
    heard = cut("\n".join(line for line in head if not line.startswith(BAR)), HEAD_CHARACTERS)
    return {"text": _whole_text(heard, lines, ways, [*notes, facts]), "blocks": blocks}


def _whole_text(head: str, lines: list[str], briefer: Iterable[list[str]], last: Sequence[str]) -> str:
    """The head and what stands last in full, between them the disks in the fullest way that there is room for."""
    room = EDIT_CHARACTERS - len("\n".join([head, *last])) - 1
    for shorter in briefer:
        if len("\n".join(lines)) <= room:
            break
        lines = shorter
    return "\n".join([head, *(fitted(lines, room) if lines else []), *last])


# --- the headline and what stands below it ----------------------------------------------------------------------------


def _headline(request: Request, items: Sequence[Item]) -> str:
    project = escaped(request.project or "")
    quick = isinstance(request.order, Quick)
    asked = copied(items)
    available = sum(item.state is ItemState.AVAILABLE for item in asked)
    out = f", {len(items) - len(asked)} left out" if len(items) > len(asked) else ""
    if not items:
        what = f"{'Backup' if quick else 'Snapshot'} of {what_was_named(request)} in {project}"
    else:
        what = f"{'Backup' if quick else 'Snapshot'} of {plural(len(asked), 'disk')} in {project}"
    if request.refused:
        return f":no_entry_sign: *{what}: {request.state}, nothing was created*"
    match request.state:
        case RequestState.RECEIVED:
            return f":mag: *{what}: looking at the disks*"
        case RequestState.PLANNED:
            return f":clipboard: *{what}: planned, waiting for your go*"
        case RequestState.WAITING:
            return f":hand: *{what}: waiting for approval, {agreed(request)}*"
        case RequestState.FINISHED if gone := sum(item.gone for item in asked if item.state is ItemState.AVAILABLE):
            since = "all of them" if gone == available else str(gone)
            return f":wastebasket: *{what}: finished, {available} made, {since} deleted since{out}*"
        case RequestState.FINISHED if available and available == len(asked):
            took = (
                f" in {duration((request.ended_at - request.counted_from).total_seconds())}" if request.ended_at else ""
            )
            return f"{':warning:' if out else ':white_check_mark:'} *{what}: finished{took}, all available{out}*"
        case RequestState.FINISHED if available:
            return f":warning: *{what}: ended, {available} available, {len(asked) - available} not{out}*"
        case RequestState.FINISHED:
            return f":x: *{what}: ended, none available{out}*"
        case _:
            return f":camera_with_flash: *{what}: in progress*"


def what_was_named(request: Request) -> str:
    words = named(request.order)
    more = f" and {len(words) - 3} more" if len(words) > 3 else ""
    return f"{typed(', '.join(words[:3]))}{more}" if words else "what this channel is bound to"


_ASKING = "I am asking the cloud which disks there are and what stands in the way."


def _under(request: Request, items: Sequence[Item]) -> list[str]:
    """What matters now: what it waits for, why it is over, or how far it is."""
    until = f" It is open until {moment(request.waits_until)}." if request.waits_until else ""
    if request.refused:
        return [sentence(request.explanation)]
    match request.state:
        case RequestState.RECEIVED:
            return [sentence(request.explanation) if request.explanation else _ASKING]
        case RequestState.PLANNED:
            others = (
                "another person agrees"
                if request.approvals_needed == 1
                else (f"{request.approvals_needed} other people agree")
            )
            then = f" Once confirmed, it runs when {others}." if request.approvals_needed else ""
            return [f"Nothing has been created yet.{then}{until}"]
        case RequestState.WAITING:
            return [f"Nothing is sent to the cloud before they agree.{until}"]
        case _:
            return [_bar(items)]


def agreed(request: Request) -> str:
    said = f"{len(request.approvers)} of {request.approvals_needed} agreed"
    return f"{said} ({people(request.approvers)})" if request.approvers else said


def people(user_ids: Sequence[str]) -> str:
    return " and ".join(f"<@{user_id}>" for user_id in user_ids)


def _bar(items: Sequence[Item]) -> str:
    """How far the disks are that are copied; those left out are counted apart, as in the headline."""
    asked = copied(items)
    done = sum(item.ended for item in asked)
    share = sum(1.0 if item.ended else (item.progress or 0) / 100 for item in asked) / max(len(asked), 1)
    filled = min(int(share * 12), 12)
    left_out = f"{len(items) - len(asked)} left out" if len(items) > len(asked) else ""
    words = (f"{done} of {len(asked)} ended", counts_in_words(asked), left_out)
    return f"{BAR[0] * filled}{BAR[1] * (12 - filled)} {' · '.join(filter(None, words))}"


def copied(items: Sequence[Item]) -> list[Item]:
    """Without the disks of which nothing was to be made."""
    return [item for item in items if item.code != LEFT_OUT]


def counts_in_words(items: Sequence[Item]) -> str:
    asked = copied(items)
    there, gone = [item for item in asked if not item.gone], sum(item.gone for item in asked)
    words = [f"{count} {_COUNTED_AS.get(state, state)}" for state, count in counted(there).items() if count]
    words += [f"{gone} deleted since"] if gone else []
    return ", ".join([*words, *([f"{len(items) - len(asked)} left out"] if len(items) > len(asked) else [])])


_COUNTED_AS: Mapping[ItemState, str] = {
    ItemState.PLANNED: "to come",
    ItemState.SUBMITTING: "being asked for",
    ItemState.UNCERTAIN: "being looked for",
    ItemState.CANCELLED: "not sent",
}


# --- the plan ---------------------------------------------------------------------------------------------------------


def _plans(request: Request, items: Sequence[Item], groups: Sequence[ConsistencyGroup]) -> Iterator[list[str]]:
    """The plan, first as it is shown, then in ever fewer characters."""
    elsewhere = ""
    if request.state is RequestState.PLANNED:
        elsewhere = f"; {'all of them' if len(items) <= OPTIONS else 'fewer at once'}: Change Selection…"
    if len(items) <= LISTED:
        yield list(_planned_lines(items, groups, None, elsewhere))
    for names in (EVERY_NAME, *_FEWER_NAMES):
        yield list(_planned_lines(items, groups, names, elsewhere))


def _planned_lines(
    items: Sequence[Item], groups: Sequence[ConsistencyGroup], names: int | None, elsewhere: str
) -> Iterator[str]:
    """Each group with its disks, then those that go alone, then those left out. With so many characters of `names`
    for the disks of each, only those about which there is something to say have a line; `elsewhere` are the others.
    """
    wanted = copied(items)
    together = [group for group in groups if group.state is not GroupState.SPLIT]
    for group in together:
        members = [item for item in wanted if item.group_id == group.id]
        name = bold(shortened(group.server, NAME_CHARACTERS))
        yield f"{name} · {typed(group.zone)} · {_sum(members)}, one consistent set"
        if names is None:
            yield from (f"      • {_planned_disk(item, brief=True)}" for item in members)
        else:
            yield from _names(members, names, elsewhere)
    alone = [item for item in wanted if item.group_id is None]
    yield from (_group_line(group, items) for group in groups if group not in together)
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
    yield from (f"• {_disk_name(item)} — {sentence(shortened(item.cause, CAUSE_CHARACTERS))}" for item in out[:LISTED])
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
    return f"{_disk_name(item)}{f' · {facts}' if facts else ''}{why}"


def _disk_name(item: Item) -> str:
    return bold(shortened(item.disk.label, NAME_CHARACTERS))


def _sum(items: Sequence[Item]) -> str:
    return f"{plural(len(items), 'disk')}, {_gib(items)} GiB"


def _gib(items: Sequence[Item]) -> str:
    return f"{sum(item.disk.size for item in items):,}"


def _cost(items: Sequence[Item]) -> str:
    return (
        f"Standard snapshots are charged for as long as they exist: the first of a disk copies all of it (here up to "
        f"{_gib(copied(items))} GiB), later ones what has changed. Disks may be slower while they are copied."
    )


# --- how it goes ------------------------------------------------------------------------------------------------------


def _progress(items: Sequence[Item], leaders: Mapping[str, Request], team_url: str) -> Iterator[list[str]]:
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


def worst_first(item: Item) -> tuple[int, bool, int]:
    """A key to sort by; of two that stand alike, the one with a cause comes first."""
    return _WORST_FIRST.index(item.state), not item.cause, item.position


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
        state = next(one for one in _WORST_FIRST if states[one])
        yield f"{_SIGNS[state]} {name} · {typed(zone)} · {plural(len(members), 'disk')}: {counts_in_words(members)}"


def _disk_line(item: Item, leader: Request | None, team_url: str, cause: int) -> str:
    sign = ":wastebasket:" if item.gone else _SIGNS[item.state]
    line = f"{sign} {_disk_name(item)} — {gone_in_words(item) if item.gone else _state_in_words(item)}"
    why = sentence(shortened(item.cause, cause))
    if item.code == LEFT_OUT:
        return f"{line} — {why}"
    if item.joined_to and not item.ended:
        line += f", joined: {_leader_in_words(leader, team_url)}"
    if item.snapshot_id:
        line += f" · {code(item.snapshot_id)}"
    return f"{line}{UNDER}{why}" if why and item.state is not ItemState.AVAILABLE else line


def gone_in_words(item: Item) -> str:
    """Who deleted its snapshot, and when."""
    when = f" on {moment(item.gone_at)}" if item.gone_at else ""
    return f"deleted by <@{item.gone_by}>{when}" if item.gone_by else f"deleted outside of the bot, noticed{when}"


def _state_in_words(item: Item) -> str:
    match item.state:
        case ItemState.PLANNED if item.waiting_since:
            return "waiting its turn"
        case ItemState.PLANNED:
            return "waiting" if item.cause else "next"
        case ItemState.SUBMITTING:
            return "asking the cloud"
        case ItemState.UNCERTAIN:
            return "no clear answer from the cloud, looking whether it was made"
        case ItemState.CREATING if item.progress is not None:
            return f"creating, {item.progress} %"
        case ItemState.UNKNOWN:
            return "unknown"
        case ItemState.CANCELLED:
            return "left out" if item.code == LEFT_OUT else "not sent"
        case _:
            return str(item.state)


def _leader_in_words(leader: Request | None, team_url: str) -> str:
    if leader is None:
        return "it is being copied for another request already"
    whose = f"being copied already for <@{leader.actor_id}>'s request {code(leader.id)}"
    if leader.status_channel and leader.status_ts:
        return f"{whose} (<{permalink(team_url, leader.status_channel, leader.status_ts)}|see there>)"
    return whose


def _group_line(group: ConsistencyGroup, items: Sequence[Item]) -> str:
    """How the disks of a server were taken: together, or why not."""
    disks = plural(sum(item.group_id == group.id for item in items), "disk")
    where = f"{bold(shortened(group.server, NAME_CHARACTERS))} in {typed(group.zone)}"
    match group.state:
        case GroupState.MADE | GroupState.DONE if group.cloud_id:
            return f":link: {where}: {disks} at one moment, consistency group {code(group.cloud_id)}"
        case GroupState.SPLIT:
            return f":link: {where}: single snapshots started together instead of a group — {sentence(group.cause)}"
        case _:
            return ""


# --- who, why, and what can be done -----------------------------------------------------------------------------------


def _facts(request: Request, command: str, team_url: str, now: datetime) -> str:
    facts = [f"<@{request.actor_id}>"]
    if request.order.reason:
        facts.append(f"“{reason_told(request.order.reason, team_url)}”")
    facts.append(f"asked {moment(request.created_at)}")
    if request.state in (RequestState.RECEIVED, RequestState.RUNNING):
        facts.append(f"{duration((now - request.counted_from).total_seconds())} so far")
    if request.break_glass:
        reviewed = f"reviewed by <@{request.reviewed_by}>" if request.reviewed_by else "review due"
        facts.append(f":rotating_light: without approval (break-glass), {reviewed}")
    if request.order.again_of:
        facts.append(f"another try of {code(request.order.again_of)}")
    if request.ended_at:
        facts.append(f"ended {moment(request.ended_at)}{'' if request.refused else ', receipt in the thread'}")
    elif request.state is RequestState.RUNNING:
        facts.append("receipt follows in the thread")
    facts.append(f"request {code(request.id)}")
    if not request.ended_at:
        facts.append(f"for the latest: {code(f'{command} status {request.id}')}")
    return " · ".join(facts)


def _buttons(request: Request, items: Sequence[Item]) -> list[dict[str, Any]]:
    """While something waits: for a go, for other people, or for its turn. What is about to be sent has none."""
    if request.state is RequestState.PLANNED:
        disks = sum(item.unsent for item in items)
        changes = [buttons.change_selection(request.id), buttons.cancel_plan(request.id)]
        return [buttons.back_up(request.id, disks), *changes]
    waits = any(item.unsent and item.waiting_since for item in items)
    if request.state is RequestState.WAITING or (request.state is RequestState.RUNNING and waits):
        unsent = sum(item.unsent for item in items)
        return [buttons.cancel(request.id, unsent, sent=unsent < len(items))]
    return []


def disk_names(disks: Sequence[DiskRef], most: int, room: int = 2_000) -> str:
    """The first few in bold, as many as `room` characters hold, and how many more."""
    shown: list[str] = []
    for disk in disks[:most]:
        name = bold(shortened(disk.label, NAME_CHARACTERS))
        if shown and len(", ".join([*shown, name])) > room:
            break
        shown.append(name)
    more = f" and {len(disks) - len(shown)} more" if len(disks) > len(shown) else ""
    return f"{', '.join(shown)}{more}"
