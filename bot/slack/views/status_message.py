"""The one public message of a request, from its plan to its end. Pure; `text` alone tells what the blocks arrange."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import Item
from bot.domain.orders import Quick, Restore, named
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.transitions import ItemState, RequestState
from bot.slack.views import buttons
from bot.slack.views.approval import agreed, asked_where, others_agree
from bot.slack.views.blocks import CONTEXT_CHARACTERS, context, row, section
from bot.slack.views.disk_words import copied, counts_in_words
from bot.slack.views.message import EDIT_CHARACTERS, Message, fitted, parts
from bot.slack.views.mrkdwn import (
    code,
    cut,
    duration,
    escaped,
    finished,
    its_go,
    moment,
    person,
    plural,
    reason_told,
    requester,
    sentence,
    typed,
)
from bot.slack.views.plan_lines import cost, plans
from bot.slack.views.progress_lines import apart_lines, group_line, progress
from bot.slack.views.restoring.restoration_status import (
    restoring_buttons,
    restoring_headline,
    restoring_lines,
    restoring_notes,
    steps,
    under_restoring,
)

HEAD_CHARACTERS = 1_500
"""In `text`. With the 2,000 characters that the facts have at most, something is left for the disks."""

WARNING_CHARACTERS = 600
LOWER_COUNTS = "should this stand here twice, the lower one counts"
BAR = ("▰", "▱")


def status_message(
    request: Request,
    items: Sequence[Item],
    leaders: Mapping[str, Request],
    groups: Sequence[ConsistencyGroup],
    command: str,
    team_url: str,
    now: datetime,
    *,
    first: bool = False,
    restorations: Sequence[Restoration] = (),
) -> Message:
    """`leaders` are the requests that copy a joined disk, `groups` those of a quick backup, `restorations` the disks
    that come back.

    `first`: it is posted, not edited. When Slack's answer to that is lost it can't be edited ever again, and a second
    one follows below it: so it says which of the two counts.
    """
    order = request.order
    if isinstance(order, Restore):
        told = _of_restoring(request, order, items, restorations, team_url)
    else:
        told = _of_snapshots(request, items, leaders, groups, team_url)
    twice = f" · {LOWER_COUNTS}" if first and not request.ended_at else ""
    facts = cut(_facts(request, command, team_url, now), CONTEXT_CHARACTERS - len(twice)) + twice
    lines = next(told.ways)
    blocks = [section("\n".join(told.head), f"head.{request.rev}")]
    blocks += [section(text, f"disks.{request.rev}.{part}") for part, text in enumerate(parts(lines))]
    warnings = [f":warning: {sentence(warning)}" for warning in request.warnings]
    notes = [*fitted(warnings, WARNING_CHARACTERS), *told.notes]
    blocks += [section(text, f"notes.{request.rev}.{part}") for part, text in enumerate(parts(notes))]
    blocks.append(context(facts, f"facts.{request.rev}"))
    if told.buttons:
        blocks.append(row(told.buttons, f"do.{request.rev}"))
    heard = cut("\n".join(line for line in told.head if not line.startswith(BAR)), HEAD_CHARACTERS)
    return {"text": _whole_text(heard, lines, told.ways, [*notes, facts]), "blocks": blocks}


@dataclass(frozen=True, slots=True)
class _Told:
    """The parts of a message: `ways` are its disks, first as they are shown, then in ever fewer characters."""

    head: Sequence[str]
    ways: Iterator[list[str]]
    notes: Sequence[str]
    buttons: Sequence[dict[str, Any]]


def _of_snapshots(
    request: Request,
    items: Sequence[Item],
    leaders: Mapping[str, Request],
    groups: Sequence[ConsistencyGroup],
    team_url: str,
) -> _Told:
    head = [_headline(request, items), *_under(request, items, team_url)]
    charged = [cost(items)] if request.state is RequestState.PLANNED else []
    if request.not_yet_going or request.refused:
        ways = plans(request, items, groups)
    else:
        together = [line for group in groups if (line := group_line(group, items))]
        together += apart_lines(request, items, groups)
        ways = ([*lines, *together] for lines in progress(items, leaders, team_url))
    return _Told(head, ways, charged, _buttons(request, items))


def _of_restoring(
    request: Request, order: Restore, items: Sequence[Item], rows: Sequence[Restoration], team_url: str
) -> _Told:
    share, words = steps(items, rows, order.way)
    head = [
        restoring_headline(request, order, items, rows),
        *under_restoring(request, order, rows, _drawn(share, words), team_url),
    ]
    notes, shown = restoring_notes(request, order, rows), restoring_buttons(request, order, rows)
    return _Told(head, restoring_lines(request, items, rows), notes, shown)


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
        nothing = ", nothing was created" if request.nothing_came_of_it else ""
        return f":no_entry_sign: *{what}: {request.state}{nothing}*"
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
            sign = ":warning:" if out else ":white_check_mark:"
            return f"{sign} *{what}: {finished(request)}, all available{out}*"
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


def _under(request: Request, items: Sequence[Item], team_url: str) -> list[str]:
    """The lines that matter now: what it waits for, why it is over, or how far it is."""
    until = f" It is open until {moment(request.waits_until)}." if request.waits_until else ""
    if request.refused:
        return [sentence(request.explanation)]
    match request.state:
        case RequestState.RECEIVED:
            return [sentence(request.explanation) if request.explanation else _ASKING]
        case RequestState.PLANNED:
            then = f" Once confirmed, it runs when {others_agree(request)}." if request.approvals_needed else ""
            return [f"Nothing has been created yet.{then}{until}"]
        case RequestState.WAITING:
            return [
                f"Nothing is sent to the cloud before {others_agree(request)}. {asked_where(request, team_url)}{until}"
            ]
        case RequestState.RUNNING if request.explanation:
            return [_bar(items), sentence(request.explanation)]
        case _:
            return [_bar(items)]


def _bar(items: Sequence[Item]) -> str:
    """How far the disks are that are copied; those left out are counted apart, as in the headline."""
    asked = copied(items)
    done = sum(item.ended for item in asked)
    share = sum(1.0 if item.ended else (item.progress or 0) / 100 for item in asked) / max(len(asked), 1)
    left_out = f"{len(items) - len(asked)} left out" if len(items) > len(asked) else ""
    words = (f"{done} of {len(asked)} ended", counts_in_words(asked), left_out)
    return _drawn(share, " · ".join(filter(None, words)))


def _drawn(share: float, words: str) -> str:
    filled = min(int(share * 12), 12)
    return f"{BAR[0] * filled}{BAR[1] * (12 - filled)} {words}"


# --- who, why, and what can be done -----------------------------------------------------------------------------------


def _facts(request: Request, command: str, team_url: str, now: datetime) -> str:
    facts = [requester(request)]
    if request.order.reason:
        facts.append(f"“{reason_told(request.order.reason, team_url)}”")
    facts.append(f"asked {moment(request.created_at)}")
    if request.state in (RequestState.RECEIVED, RequestState.RUNNING):
        since = f"since the {word}" if request.started_at and (word := its_go(request)) else "so far"
        facts.append(f"{duration((now - request.counted_from).total_seconds())} {since}")
    if request.break_glass:
        reviewed = f"reviewed by {person(request.reviewed_by)}" if request.reviewed_by else "review due"
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
