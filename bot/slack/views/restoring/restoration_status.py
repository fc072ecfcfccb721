"""The status message of a request whose disks come back from snapshots: what differs from one that makes them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bot.domain.items import Item
from bot.domain.orders import Restore, Way
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.transitions import ItemState, RequestState, RestorationState
from bot.slack.views import buttons
from bot.slack.views.approval import agreed, asked_where, others_agree
from bot.slack.views.mrkdwn import finished, moment, plural, sentence, typed
from bot.slack.views.restoring.restoration_lines import planned_lines, state_lines
from bot.slack.views.restoring.restoration_words import done_word, restorations_counted, safety_is_there, title

_ASKING = "I am asking the cloud about the snapshots and their disks, and what stands in the way."


def restoring_headline(request: Request, order: Restore, items: Sequence[Item], rows: Sequence[Restoration]) -> str:
    what = title(order.way, request.project or "", len(rows), typed(order.of))
    if request.refused:
        nothing = "nothing was overwritten" if order.way == "overwrite" else "nothing was created"
        return f":no_entry_sign: *{what}: {request.state}, {nothing}*"
    match request.state:
        case RequestState.RECEIVED:
            return f":mag: *{what}: looking at the snapshots*"
        case RequestState.PLANNED if order.way == "overwrite":
            return f":warning: *{what}: planned, nothing is overwritten yet*"
        case RequestState.PLANNED:
            return f":clipboard: *{what}: planned, waiting for your go*"
        case RequestState.WAITING:
            return f":hand: *{what}: waiting for approval, {agreed(request)}*"
        case RequestState.FINISHED:
            return _ended(request, order.way, what, rows)
        case _:
            return _under_way(order.way, what, items, rows)


def _under_way(way: Way, what: str, items: Sequence[Item], rows: Sequence[Restoration]) -> str:
    if way != "overwrite":
        return f":hourglass_flowing_sand: *{what}: in progress*"
    if all(row.state is RestorationState.PLANNED for row in rows) and not safety_is_there(items):
        return f":camera_with_flash: *{what}: step 1 of 2, safety snapshots first*"
    waits = all(row.state is RestorationState.PLANNED for row in rows) and any(row.code or row.tried for row in rows)
    return f":rewind: *{what}: step 2 of 2, {'waiting to roll back' if waits else 'rolling back'}*"


def _ended(request: Request, way: Way, what: str, rows: Sequence[Restoration]) -> str:
    done = sum(row.state is RestorationState.RESTORED for row in rows)
    if done and done == len(rows):
        return f":white_check_mark: *{what}: {finished(request)}, {'all ' if done > 1 else ''}{done_word(way)}*"
    if done:
        return f":warning: *{what}: ended, {done} {done_word(way)}, {len(rows) - done} not*"
    if way == "overwrite" and all(row.state is RestorationState.CANCELLED for row in rows):
        return f":x: *{what}: ended, nothing was overwritten*"
    return f":x: *{what}: ended, none {done_word(way)}*"


def under_restoring(
    request: Request, order: Restore, rows: Sequence[Restoration], bar: str, team_url: str
) -> list[str]:
    """The lines that matter now. `bar` shows how far it is."""
    until = f" It is open until {moment(request.waits_until)}." if request.waits_until else ""
    if request.refused:
        return [sentence(request.explanation)]
    match request.state:
        case RequestState.RECEIVED:
            return [sentence(request.explanation) if request.explanation else _ASKING]
        case RequestState.PLANNED if order.way == "overwrite":
            return [_what_it_takes(request, rows), f"Nothing has been touched so far.{until}"]
        case RequestState.PLANNED:
            then = f" Once confirmed, it runs when {others_agree(request)}." if request.approvals_needed else ""
            return [f"Nothing has been created yet.{then}{until}"]
        case RequestState.WAITING:
            untouched = "No disk is touched" if order.way == "overwrite" else "Nothing is sent to the cloud"
            return [f"{untouched} before {others_agree(request)}. {asked_where(request, team_url)}{until}"]
        case RequestState.RUNNING if request.explanation:
            return [bar, sentence(request.explanation)]
        case _:
            return [bar]


def _what_it_takes(request: Request, rows: Sequence[Restoration]) -> str:
    one = len(rows) == 1
    typed = "the name of the disk" if one else "how many disks there are and their server"
    of = "it" if one else "each disk"
    return (
        f"*Four steps:* you type {typed}; {others_agree(request)}; I make a safety snapshot of {of}; once "
        f"{'that is' if one else 'all of them are'} there, I roll back."
    )


def steps(items: Sequence[Item], rows: Sequence[Restoration], way: Way) -> tuple[float, str]:
    """Which part is done, and how all stand in words; a disk that is overwritten takes two steps."""
    done = sum(item.ended for item in items) + sum(row.ended for row in rows)
    part = sum((item.progress or 0) / 100 for item in items if not item.ended)
    share = (done + part) / max(len(items) + len(rows), 1)
    if way != "overwrite":
        return share, restorations_counted(rows, way)
    safe = sum(item.state is ItemState.AVAILABLE for item in items)
    return share, f"{safe} of {plural(len(items), 'safety snapshot')} there · {restorations_counted(rows, way)}"


def restoring_lines(request: Request, items: Sequence[Item], rows: Sequence[Restoration]) -> Iterator[list[str]]:
    if request.not_yet_going or request.refused:
        return planned_lines(request, rows, items)
    return state_lines(rows, items)


def restoring_notes(request: Request, order: Restore, rows: Sequence[Restoration]) -> list[str]:
    """The cost, and what is left to do by hand."""
    if request.state is not RequestState.PLANNED:
        return []
    size = f"{sum(row.disk.size for row in rows):,} GiB"
    if order.way == "new_disks":
        return [
            f"New disks are charged from the moment they exist, here {size}. I attach them to nothing and delete none."
        ]
    return ["Safety snapshots are charged for as long as they exist; nothing deletes them by itself."]


def restoring_buttons(request: Request, order: Restore, rows: Sequence[Restoration]) -> list[dict[str, Any]]:
    """While it waits for a go or for other people."""
    if request.state is RequestState.PLANNED and order.way == "overwrite":
        return [buttons.type_to_overwrite(request.id), buttons.cancel_plan(request.id)]
    if request.state is RequestState.PLANNED:
        return [buttons.make_new_disks(request.id, len(rows)), buttons.cancel_plan(request.id)]
    if request.state is RequestState.WAITING:
        return [buttons.cancel_restoring(request.id)]
    return []
