"""The messages of a request that are due: a comparison of what the rows say with what people were shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.items import Item
from bot.domain.orders import Quick
from bot.domain.requests import Request
from bot.domain.transitions import ItemState, RequestState
from bot.ports.outbox import DirectMessage, Edit, NewMessage, OutboxMessage, Text
from bot.ports.slack import Posted

ASK_DECIDED = -1
"""The revision of a message whose buttons were taken off; it is never edited again."""


def due_messages(request: Request, items: Sequence[Item]) -> list[OutboxMessage]:
    """The messages that are due about a request now, the most important first: where that has to wait, the next may go
    before it.

    Pure; the rows remember what was said. The receipt follows the last edit, and goes before it where edits have no
    room.
    """

    def edit(text: Text, ts: str | None, *, due: bool) -> list[OutboxMessage]:
        return [Edit(text, request, items, items, ts=ts)] if ts and due else []

    if request.refused and request.status_ts is None and not request.of_a_program:
        refusal = DirectMessage(Text.REFUSAL, request, (), items, to=request.actor_id)
        return [] if request.receipt_ts else [refusal]
    if request.state is RequestState.RECEIVED and not _has_placeholder(request):
        return []
    if request.status_ts is None:
        return [NewMessage(Text.STATUS, request, items, items)]
    status = edit(Text.STATUS, request.status_ts, due=request.shown_rev < request.rev)
    asked = edit(Text.ASK, request.ask_ts, due=_ask_is_stale(request))
    if request.state is RequestState.FINISHED or request.refused:
        gone = edit(Text.RECEIPT, request.receipt_ts, due=request.receipt_gone < gone_of(items))
        receipt = gone if request.receipt_ts else [NewMessage(Text.RECEIPT, request, items, items)]
        return [*status, *asked, *receipt]
    if request.state in (RequestState.RECEIVED, RequestState.PLANNED):
        return status
    if request.approvals_needed and request.ask_ts is None:
        return [NewMessage(Text.ASK, request, items, items)]
    if asked or request.state is RequestState.WAITING:
        return asked or status
    return _of_running(request, items) or status


def _of_running(request: Request, items: Sequence[Item]) -> list[OutboxMessage]:
    """The changes that deserve a notification while it runs."""
    accepted = [item for item in items if item.accepted and not item.accepted_told]
    sending = [item for item in items if item.state in (ItemState.PLANNED, ItemState.SUBMITTING) and not item.cause]
    if accepted and not sending:
        return [NewMessage(Text.ACCEPTED, request, accepted, items)]
    failures = [item for item in items if item.ended and item.state is not ItemState.AVAILABLE]
    untold = [item for item in failures if not item.failure_told]
    return [NewMessage(Text.FAILURE, request, untold, items)] if untold else []


def told(outgoing: OutboxMessage, posted: Posted | None, now: datetime) -> Request:
    """The request once a message was said, with whether something is left to be sent of it. Pure."""
    request = _told_request(outgoing, posted, now)
    about = {item.id for item in outgoing.items}
    items = outgoing.all_items
    if outgoing.text is Text.ACCEPTED:
        items = [replace(item, accepted_told=True) if item.id in about else item for item in items]
    elif outgoing.text is Text.FAILURE:
        items = [replace(item, failure_told=True) if item.id in about else item for item in items]
    return replace(request, to_send=bool(due_messages(request, items)))


def _told_request(outgoing: OutboxMessage, posted: Posted | None, now: datetime) -> Request:
    request = outgoing.request
    match outgoing:
        case Edit(text=Text.STATUS):
            return replace(request, shown_rev=request.rev, edited_at=now)
        case Edit(text=Text.ASK):
            return replace(request, ask_rev=request.rev if request.state is RequestState.WAITING else ASK_DECIDED)
        case Edit(text=Text.RECEIPT):
            return replace(request, receipt_gone=gone_of(outgoing.all_items))
        case NewMessage(text=Text.STATUS):
            assert posted is not None
            place = replace(request.place, thread_ts=None) if posted.astray else request.place
            shown = replace(request, status_channel=posted.channel, status_ts=posted.ts, place=place)
            return replace(shown, shown_rev=request.rev, edited_at=now)
        case NewMessage(text=Text.ASK):
            assert posted is not None
            return replace(request, ask_ts=posted.ts, ask_rev=request.rev)
        case NewMessage(text=Text.ACCEPTED | Text.FAILURE):
            return request
        case NewMessage(text=Text.RECEIPT) | DirectMessage(text=Text.REFUSAL):
            sent = replace(request, receipt_ts=posted.ts if posted else "told")
            return replace(sent, receipt_gone=gone_of(outgoing.all_items))
        case _:
            raise AssertionError("no message of the reporter's")


def gone_of(items: Sequence[Item]) -> int:
    return sum(item.gone for item in items)


def _has_placeholder(request: Request) -> bool:
    """A quick backup that its person may have shows its message before its plan is known, and everything that is kept
    waiting by the cloud.
    """
    return request.project is not None and (isinstance(request.order, Quick) or bool(request.explanation))


def _ask_is_stale(request: Request) -> bool:
    """Whether the message with the buttons shows an older count, or buttons that are not needed any more."""
    if request.ask_ts is None or request.ask_rev == ASK_DECIDED:
        return False
    return request.state is not RequestState.WAITING or request.ask_rev < request.rev


def rank(outgoing: OutboxMessage) -> int:
    """First what a person waits for: a refusal, a plan, a question to others. Then first messages, ends, and progress,
    each in the order they were asked.
    """
    request = outgoing.request
    if request.refused or request.not_yet_going or outgoing.text is Text.ASK:
        return 0
    match outgoing:
        case NewMessage(text=Text.STATUS):
            return 1
        case NewMessage(text=Text.FAILURE):
            return 2
        case NewMessage(text=Text.ACCEPTED):
            return 3
        case _:
            return 2 if request.state is RequestState.FINISHED else 4
