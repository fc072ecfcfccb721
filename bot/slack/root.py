"""The one public message of a request, from its plan to its end. Pure; `text` alone tells what the blocks arrange."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from bot.domain.groups import Group, GroupState
from bot.domain.orders import Quick, named
from bot.domain.quick import LEFT_OUT
from bot.domain.requests import DiskRef, Item, ItemState, Request, RequestState, counted
from bot.slack.blocks import button, buttons, context, plain, section
from bot.slack.controls import CANCEL, CHANGE, CONFIRM
from bot.slack.message import Message, parts, whole_text
from bot.slack.text import (
    bold,
    code,
    disk_kind,
    duration,
    escaped,
    moment,
    permalink,
    plural,
    sentence,
    shortened,
    typed,
)

EDIT_CHARACTERS = 3_900
"""chat.update refuses a `text` over 4,000 characters."""

LISTED = 15
"""More disks than this are summarised by server; those that need somebody's eye keep a line of their own."""

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
    groups: Sequence[Group],
    command: str,
    team_url: str,
    now: datetime,
) -> Message:
    """`leaders` are the requests that copy a joined disk, `groups` those of a quick backup."""
    head = [_headline(request, items), *_under(request, items)]
    if request.not_yet_going or request.refused:
        lines = list(_planned_lines(items, groups))
    else:
        lines = _disk_lines(items, leaders, team_url)
        lines += [line for group in groups if (line := _group_line(group, items))]
    facts = _facts(request, command, now)
    blocks = [section("\n".join(head), f"head.{request.rev}")]
    blocks += [section(text, f"disks.{request.rev}.{part}") for part, text in enumerate(parts(lines))]
    if request.state is RequestState.PLANNED:
        lines.append(_cost(items))
        blocks.append(section(_cost(items), f"cost.{request.rev}"))
    blocks.append(context(facts, f"facts.{request.rev}"))
    if pressed := _buttons(request, items):
        blocks.append(buttons(pressed, f"do.{request.rev}"))
    told = [line for line in head if not line.startswith(BAR)]
    return {"text": whole_text([*told, *lines, facts], EDIT_CHARACTERS), "blocks": blocks}


# --- the headline and what stands below it ----------------------------------------------------------------------------


def _headline(request: Request, items: Sequence[Item]) -> str:
    project = escaped(request.project or "")
    quick = isinstance(request.order, Quick)
    counts = counted(items)
    if quick and not items:
        what = f"Backup of {_what_was_named(request)} in {project}"
    else:
        left_out = 0 if request.state is RequestState.FINISHED else sum(item.code == LEFT_OUT for item in items)
        what = f"{'Backup' if quick else 'Snapshot'} of {plural(len(items) - left_out, 'disk')} in {project}"
    if request.refused:
        return f":no_entry_sign: *{what}: {request.state}, nothing was created*"
    match request.state:
        case RequestState.RECEIVED:
            return f":mag: *{what}: looking at the disks*"
        case RequestState.PLANNED:
            return f":clipboard: *{what}: planned, waiting for your go*"
        case RequestState.WAITING:
            return f":hand: *{what}: waiting for approval, {agreed(request)}*"
        case RequestState.FINISHED if counts[ItemState.AVAILABLE] == len(items):
            took = (
                f" in {duration((request.ended_at - request.created_at).total_seconds())}" if request.ended_at else ""
            )
            return f":white_check_mark: *{what}: finished{took}, all available*"
        case RequestState.FINISHED if counts[ItemState.AVAILABLE]:
            left = len(items) - counts[ItemState.AVAILABLE]
            return f":warning: *{what}: ended, {counts[ItemState.AVAILABLE]} available, {left} not*"
        case RequestState.FINISHED:
            return f":x: *{what}: ended, none available*"
        case _:
            return f":camera_with_flash: *{what}: in progress*"


def _what_was_named(request: Request) -> str:
    words = named(request.order)
    more = f" and {len(words) - 3} more" if len(words) > 3 else ""
    return f"{typed(', '.join(words[:3]))}{more}" if words else "what this channel is bound to"


def _under(request: Request, items: Sequence[Item]) -> list[str]:
    """What matters now: what it waits for, why it is over, or how far it is."""
    until = f" It is open until {moment(request.waits_until)}." if request.waits_until else ""
    if request.refused:
        return [sentence(request.verdict)]
    match request.state:
        case RequestState.RECEIVED:
            return ["I am asking the cloud which disks there are and what stands in the way."]
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
    done = sum(item.ended for item in items)
    share = sum(1.0 if item.ended else (item.progress or 0) / 100 for item in items) / len(items)
    filled = min(int(share * 12), 12)
    return f"{BAR[0] * filled}{BAR[1] * (12 - filled)} {done} of {len(items)} ended · {_counts_in_words(items)}"


def _counts_in_words(items: Sequence[Item]) -> str:
    return ", ".join(f"{count} {_COUNTED_AS.get(state, state)}" for state, count in counted(items).items() if count)


_COUNTED_AS: Mapping[ItemState, str] = {
    ItemState.PLANNED: "to come",
    ItemState.SUBMITTING: "being asked for",
    ItemState.UNCERTAIN: "being looked for",
    ItemState.CANCELLED: "not sent",
}


# --- the plan ---------------------------------------------------------------------------------------------------------


def _planned_lines(items: Sequence[Item], groups: Sequence[Group]) -> Iterator[str]:
    """Each group with its disks, then those that go alone, then those left out. With many disks only the groups' sums,
    and the disks about which there is something to say.
    """
    brief = len(items) > LISTED
    copied = [item for item in items if item.code != LEFT_OUT]
    together = [group for group in groups if group.state is not GroupState.SPLIT]
    for group in together:
        members = [item for item in copied if item.group_id == group.id]
        yield f"{bold(shortened(group.server, 64))} · {escaped(group.zone)} · {_sum(members)}, one consistent set"
        yield from (f"      • {_planned_disk(item, brief=True)}" for item in members if not brief)
    alone = [item for item in copied if item.group_id is None]
    yield from (_group_line(group, items) for group in groups if group not in together)
    if together and alone:
        yield f"*One by one* · {_sum(alone)}"
    shown = [item for item in alone if item.cause][:LISTED] if brief else alone
    yield from (f"• {_planned_disk(item, brief=False)}" for item in shown)
    if rest := [item for item in alone if item not in shown]:
        yield f"• {_sum(rest)}, at once"
    out = [item for item in items if item.code == LEFT_OUT]
    if out:
        yield f":warning: *Left out* · {plural(len(out), 'disk')}, of which nothing is made"
    yield from (f"• {bold(shortened(item.disk.label, 64))} — {sentence(item.cause)}" for item in out[:LISTED])
    if len(out) > LISTED:
        yield f"• and {len(out) - LISTED} more"


def _planned_disk(item: Item, *, brief: bool) -> str:
    disk = item.disk
    where = [] if brief else [f"on {escaped(disk.server)}" if disk.server else "", escaped(disk.availability_zone)]
    facts = " · ".join(fact for fact in (disk_kind(disk), *where, escaped(disk.status)) if fact)
    noted = item.cause and item.state is ItemState.PLANNED
    why = f"\n      {sentence(shortened(item.cause, 300))}" if noted else ""
    return f"{bold(shortened(disk.label, 64))}{f' · {facts}' if facts else ''}{why}"


def _sum(items: Sequence[Item]) -> str:
    return f"{plural(len(items), 'disk')}, {_gib(items)} GiB"


def _gib(items: Sequence[Item]) -> str:
    return f"{sum(item.disk.size for item in items):,}"


def _cost(items: Sequence[Item]) -> str:
    copied = [item for item in items if item.code != LEFT_OUT]
    return (
        f"Standard snapshots are charged for as long as they exist: the first of a disk copies all of it (here up to "
        f"{_gib(copied)} GiB), later ones what has changed. Disks may be slower while they are copied."
    )


# --- how it goes ------------------------------------------------------------------------------------------------------


def _disk_lines(items: Sequence[Item], leaders: Mapping[str, Request], team_url: str) -> list[str]:
    def line(item: Item) -> str:
        return _disk_line(item, leaders.get(item.joined_to or ""), team_url)

    if len(items) <= LISTED:
        return [line(item) for item in items]
    order = sorted(items, key=lambda item: (_WORST_FIRST.index(item.state), not item.cause, item.position))
    troubled = [item for item in order if _needs_an_eye(item)]
    lines = [line(item) for item in troubled[:LISTED]]
    if len(troubled) > LISTED:
        lines.append(f"… and {len(troubled) - LISTED} more like these")
    rest = [item for item in items if not _needs_an_eye(item)]
    return lines + list(_by_server(rest))


def _needs_an_eye(item: Item) -> bool:
    """Ended badly, waits, or is in doubt."""
    fine = item.state in (ItemState.AVAILABLE, ItemState.CREATING, ItemState.SUBMITTING)
    return not fine and not (item.state is ItemState.PLANNED and not item.cause)


def _by_server(items: Sequence[Item]) -> Iterator[str]:
    def place(item: Item) -> tuple[str, str]:
        return item.disk.server, item.disk.availability_zone

    for (server, zone), found in groupby(sorted(items, key=place), key=place):
        members = list(found)
        name = bold(shortened(server, 64)) if server else "*not attached*"
        states = counted(members)
        state = next(one for one in _WORST_FIRST if states[one])
        yield f"{_SIGNS[state]} {name} · {escaped(zone)} · {plural(len(members), 'disk')}: {_counts_in_words(members)}"


def _disk_line(item: Item, leader: Request | None, team_url: str) -> str:
    line = f"{_SIGNS[item.state]} {bold(shortened(item.disk.label, 64))} — {_state_in_words(item)}"
    if item.joined_to and not item.ended:
        line += f", joined: {_leader_in_words(leader, team_url)}"
    if item.snapshot_id:
        line += f" · {code(item.snapshot_id)}"
    if item.cause and item.state is not ItemState.AVAILABLE:
        line += f"\n      {sentence(shortened(item.cause, 300))}"
    return line


def _state_in_words(item: Item) -> str:
    match item.state:
        case ItemState.PLANNED if item.waiting_since:
            return "waiting its turn"
        case ItemState.PLANNED:
            return "next"
        case ItemState.SUBMITTING:
            return "asking the cloud"
        case ItemState.UNCERTAIN:
            return "no clear answer from the cloud, looking whether it was made"
        case ItemState.CREATING if item.progress is not None:
            return f"creating, {item.progress} %"
        case ItemState.UNKNOWN:
            return "unknown, still not finished in the cloud"
        case ItemState.CANCELLED:
            return "not sent"
        case _:
            return str(item.state)


def _leader_in_words(leader: Request | None, team_url: str) -> str:
    if leader is None:
        return "it is being copied for another request already"
    whose = f"being copied already for <@{leader.actor_id}>'s request {code(leader.id)}"
    if leader.root_channel and leader.root_ts:
        return f"{whose} (<{permalink(team_url, leader.root_channel, leader.root_ts)}|see there>)"
    return whose


def _group_line(group: Group, items: Sequence[Item]) -> str:
    """How the disks of a server were taken: together, or why not."""
    disks = plural(sum(item.group_id == group.id for item in items), "disk")
    where = f"{bold(shortened(group.server, 64))} in {escaped(group.zone)}"
    match group.state:
        case GroupState.MADE | GroupState.DONE if group.cloud_id:
            return f":link: {where}: {disks} at one moment, consistency group {code(group.cloud_id)}"
        case GroupState.SPLIT:
            return f":link: {where}: single snapshots started together instead of a group — {sentence(group.cause)}"
        case _:
            return ""


# --- who, why, and what can be done -----------------------------------------------------------------------------------


def _facts(request: Request, command: str, now: datetime) -> str:
    facts = [f"<@{request.actor_id}>"]
    if request.order.reason:
        facts.append(f"“{typed(request.order.reason)}”")
    facts.append(f"asked {moment(request.created_at)}")
    if not request.ended_at:
        facts.append(f"{duration((now - request.created_at).total_seconds())} so far")
    if request.break_glass:
        reviewed = f"reviewed by <@{request.reviewed_by}>" if request.reviewed_by else "review due"
        facts.append(f":rotating_light: without approval (break-glass), {reviewed}")
    if request.ended_at:
        facts.append(f"ended {moment(request.ended_at)}, receipt in the thread")
    facts.append(f"request {code(request.id)}")
    if not request.ended_at:
        facts.append(f"for the latest: {code(f'{command} status {request.id}')}")
    return " · ".join(facts)


def _buttons(request: Request, items: Sequence[Item]) -> list[dict[str, Any]]:
    """While something waits: for a go, for other people, or for its turn. What is about to be sent has none."""
    if request.state is RequestState.PLANNED:
        disks = plural(sum(item.unsent for item in items), "disk")
        return [
            button(CONFIRM, f"Back up {disks}", request.id, style="primary"),
            button(CHANGE, "Change Selection…", request.id),
            button(CANCEL, "Drop", request.id),
        ]
    waits = any(item.unsent and item.waiting_since for item in items)
    if request.state is RequestState.WAITING or (request.state is RequestState.RUNNING and waits):
        return [_cancel_button(request, items)]
    return []


def _cancel_button(request: Request, items: Sequence[Item]) -> dict[str, Any]:
    unsent = plural(sum(item.unsent for item in items), "disk")
    sent = "" if all(item.unsent for item in items) else " What was sent to the cloud already goes on to its end."
    confirm = {
        "title": plain("Cancel"),
        "text": plain(f"{unsent} not sent yet will not be snapshotted.{sent}"),
        "confirm": plain("Cancel Snapshots"),
        "deny": plain("Keep Waiting"),
        "style": "danger",
    }
    return {**button(CANCEL, "Cancel", request.id), "confirm": confirm}


def disk_names(disks: Sequence[DiskRef], most: int) -> str:
    """The first few in bold, and how many more."""
    shown = ", ".join(bold(shortened(disk.label, 64)) for disk in disks[:most])
    return shown if len(disks) <= most else f"{shown} and {len(disks) - most} more"
