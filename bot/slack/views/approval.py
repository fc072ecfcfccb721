"""The message that asks other people to agree: what they would agree to, and who could. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bot.domain.granting import Subject
from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.transitions import RequestState
from bot.slack.views import buttons
from bot.slack.views.blocks import SECTION_CHARACTERS, row
from bot.slack.views.disk_words import copied, disk_names
from bot.slack.views.message import EDIT_CHARACTERS, Message, arranged
from bot.slack.views.mrkdwn import (
    code,
    cut,
    day,
    escaped,
    link,
    moment,
    person,
    plural,
    reason_told,
    sentence,
    shortened,
    thread_address,
    typed,
)
from bot.slack.views.restoring.restoration_ask import restoring_asks, restoring_facts

NAMED = 10
"""Disks that the sentence names; the message of the request names more."""

NAMES_CHARACTERS = 900
"""Of names: with the longest reason, once it is escaped, the text can be edited."""

MENTIONED = 10
"""People and groups that are called; the others read it all the same."""

PLACES_TOLD = 4
PLACE_CHARACTERS = 32


def ask(
    request: Request,
    items: Sequence[Item],
    command: str,
    team_url: str,
    *,
    among_others: bool = True,
    called: Sequence[Subject] | None = (),
    restorations: Sequence[Restoration] = (),
) -> Message:
    """Once it is settled, the buttons give way to the record of it. `called` are mentioned while it waits; None:
    an approver reads it alone.

    Not `among_others`: only who asked reads it, so there is nothing to press.
    """
    asks, facts, agree_to = _asked(request, items, restorations, team_url)
    head = cut(asks, SECTION_CHARACTERS)  # so that what it waits for is never cut off below
    if request.state is not RequestState.WAITING:
        outcome = sentence(request.explanation) if request.refused else f"Approved by {people(request.approvers)}."
        return arranged([head, outcome], EDIT_CHARACTERS)
    until = f"; open until {moment(request.waits_until)}" if request.waits_until else ""
    one = request.approvals_needed == 1
    others, agree = ("1 other person", "agrees") if one else (f"{request.approvals_needed} other people", "agree")
    needed = f"It runs once {others} {agree}: {agreed(request)} so far{until}."
    typing = (
        f"Without buttons: {code(f'{command} approve {request.id}')} or {code(f'{command} deny {request.id} reason=…')}"
    )
    if not among_others:
        asked = "Everybody who may approve, by name or through a group, is asked in a direct message."
        return arranged([head, *facts, needed, asked, typing], EDIT_CHARACTERS)
    calls = [] if called is None else [_called(called)]
    message = arranged([head, *facts, needed, *calls, typing], EDIT_CHARACTERS)
    message["blocks"].append(row([agree_to, buttons.deny(request.id)], f"approval.{request.rev}"))
    return message


def _asked(
    request: Request, items: Sequence[Item], rows: Sequence[Restoration], team_url: str
) -> tuple[str, list[str], dict[str, Any]]:
    """Who asks for what, the facts about it, and the button that agrees to it."""
    order = request.order
    if not isinstance(order, Restore):
        return _asks(request, items, team_url), asked_facts(request, items), buttons.approve(request.id)
    agree_to = buttons.approve_back(request.id, order.way, rows)
    return restoring_asks(request, order, rows, team_url), restoring_facts(order, rows), agree_to


def _asks(request: Request, items: Sequence[Item], team_url: str) -> str:
    disks = disk_names([item.disk for item in items], NAMED, NAMES_CHARACTERS)
    reason = f" “{reason_told(request.order.reason, team_url)}”" if request.order.reason else ""
    who, project = person(request.actor_id), escaped(request.project or "")
    return f":hand: {who} asks for snapshots of {disks} in {project}.{reason}"


def agreed(request: Request) -> str:
    said = f"{len(request.approvers)} of {request.approvals_needed} agreed"
    return f"{said} ({people(request.approvers)})" if request.approvers else said


def people(user_ids: Sequence[str]) -> str:
    return " and ".join(f"{person(user_id)}" for user_id in user_ids)


def asked_facts(request: Request, items: Sequence[Item]) -> list[str]:
    """How much, where, and what it costs: no price is known, only what it is charged by."""
    wanted = copied(items)
    size = f"{sum(item.disk.size for item in wanted):,} GiB"
    kinds, zones = (
        _some(item.disk.volume_type for item in wanted),
        _some(item.disk.availability_zone for item in wanted),
    )
    where = " · ".join(
        filter(None, (f"*Size:* {plural(len(wanted), 'disk')}, {size}", kinds, zones and f"zone {zones}"))
    )
    end = f"to be kept until {day(request.expires_at)}" if request.expires_at else "kept until somebody deletes them"
    cost = f"*Cost:* charged by what is stored, here up to {size}; {_copies(wanted)}; {end}."
    return [where, cost]


def _copies(items: Sequence[Item]) -> str:
    full = [item for item in items if item.snapshot.incremental is False]
    if items and len(full) == len(items):
        return "full copies, as asked for"
    return "the first copy of a disk is a full one, later ones hold what has changed"


def _some(words: Iterable[str]) -> str:
    """Each once, the first few of them."""
    found = sorted(set(filter(None, words)))
    more = [f"{len(found) - PLACES_TOLD} more"] if len(found) > PLACES_TOLD else []
    return ", ".join([*(typed(shortened(one, PLACE_CHARACTERS)) for one in found[:PLACES_TOLD]), *more])


def _called(subjects: Sequence[Subject]) -> str:
    if not subjects:
        return "I mention nobody here: tell somebody who may approve."
    more = len(subjects) - MENTIONED
    others = f" and {more} more" if more > 0 else ""
    return f"May approve: {', '.join(sentence(one.shown) for one in subjects[:MENTIONED])}{others}."


def others_agree(request: Request) -> str:
    """`another person agrees`, of as many as are needed."""
    needed = max(request.approvals_needed, 1)
    return "another person agrees" if needed == 1 else f"{needed} other people agree"


def asked_where(request: Request, team_url: str) -> str:
    """Where those who may agree find the buttons, in the message of what waits for them."""
    if request.told_directly:
        return "Those who may are asked directly."
    address = thread_address(request, team_url, request.ask_ts)
    return f"*Approve* and *Deny…* stand {link(address, 'in the thread') if address else 'in the thread'}."
