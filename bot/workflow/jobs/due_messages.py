"""The messages of a request that are due: a comparison of what the rows say with what people were shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.items import Item
from bot.domain.orders import Quick, Restore
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.transitions import ItemState, RequestState, RestorationState
from bot.ports.messages import DirectMessage, Edit, NewMessage, OutboxMessage, Text
from bot.ports.slack import Posted

ASK_DECIDED = -1
"""The revision of a message whose buttons were taken off; it is never edited again."""


def due_messages(
    request: Request, items: Sequence[Item], restorations: Sequence[Restoration] = ()
) -> list[OutboxMessage]:
    """The messages that are due about a request now, the most important first: where that has to wait, the next may go
    before it.

    Pure; the rows remember what was said. The receipt follows the last edit, and goes before it where edits have no
    room.
    """

    def edit(text: Text, ts: str | None, *, due: bool) -> list[OutboxMessage]:
        return [Edit(text, request, items, items, restorations=restorations, ts=ts)] if ts and due else []

    def new(text: Text) -> list[OutboxMessage]:
        return [NewMessage(text, request, items, items, restorations=restorations)]

    if request.refused and request.status_ts is None and not request.of_a_program:
        refusal = DirectMessage(Text.REFUSAL, request, (), items, to=request.actor_id)
        return [] if request.receipt_ts else [refusal]
    if request.state is RequestState.RECEIVED and not _has_placeholder(request):
        return []
    if request.status_ts is None:
        return new(Text.STATUS)
    status = edit(Text.STATUS, request.status_ts, due=request.shown_rev < request.rev)
    asked = edit(Text.ASK, request.ask_ts, due=_ask_is_stale(request))
    if request.state is RequestState.FINISHED or request.refused:
        gone = edit(Text.RECEIPT, request.receipt_ts, due=request.receipt_gone < gone_of(items))
        receipt = gone if request.receipt_ts else new(Text.RECEIPT)
        return [*status, *asked, *receipt]
    if request.state in (RequestState.RECEIVED, RequestState.PLANNED):
        return status
    if request.approvals_needed and request.ask_ts is None:
        return new(Text.ASK)
    if asked or request.state is RequestState.WAITING:
        return asked or status
    return _of_running(request, items, restorations) or status


def _of_running(request: Request, items: Sequence[Item], restorations: Sequence[Restoration]) -> list[OutboxMessage]:
    """The changes that deserve a notification while it runs."""

    def about_items(text: Text, told: Sequence[Item]) -> list[OutboxMessage]:
        return [NewMessage(text, request, told, items, restorations=restorations)]

    def about_rows(text: Text, told: Sequence[Restoration]) -> list[OutboxMessage]:
        return [NewMessage(text, request, (), items, restorations=restorations, about=told)]

    accepted = [item for item in items if item.accepted and not item.accepted_told]
    sending = [item for item in items if item.state in (ItemState.PLANNED, ItemState.SUBMITTING) and not item.cause]
    if accepted and not sending:
        return about_items(Text.ACCEPTED, accepted)
    begun = [row for row in restorations if _begun(row) and not row.accepted_told]
    to_begin = [row for row in restorations if row.state in _TO_BEGIN and not row.cause]
    if begun and not to_begin:
        return about_rows(Text.ACCEPTED, begun)
    failures = [item for item in items if item.ended and item.state is not ItemState.AVAILABLE]
    if untold := [item for item in failures if not item.failure_told]:
        return about_items(Text.FAILURE, untold)
    short = [row for row in restorations if _falls_short(row) and not row.failure_told]
    return about_rows(Text.FAILURE, short) if short else []


_TO_BEGIN = (RestorationState.PLANNED, RestorationState.SUBMITTING)


def _begun(row: Restoration) -> bool:
    """That the cloud took it deserves a word, but for a test disk, which is no person's work."""
    return row.way != "verify" and row.state in (RestorationState.RESTORING, RestorationState.RESTORED)


def _falls_short(row: Restoration) -> bool:
    """Ended without what was asked for, or leaves a test disk behind that does not go."""
    if row.state is RestorationState.CLEARING:
        return bool(row.cause)
    return row.ended and row.state is not RestorationState.RESTORED


def told(outgoing: OutboxMessage, posted: Posted | None, now: datetime) -> Request:
    """The request once a message was said, with whether something is left to be sent of it. Pure."""
    request = _told_request(outgoing, posted, now)
    about = set(outgoing.ids)
    items, rows = outgoing.all_items, outgoing.restorations
    if outgoing.text is Text.ACCEPTED:
        items = [replace(item, accepted_told=True) if item.id in about else item for item in items]
        rows = [replace(row, accepted_told=True) if row.id in about else row for row in rows]
    elif outgoing.text is Text.FAILURE:
        items = [replace(item, failure_told=True) if item.id in about else item for item in items]
        rows = [replace(row, failure_told=True) if row.id in about else row for row in rows]
    return replace(request, to_send=bool(due_messages(request, items, rows)))


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
            asked = replace(request, ask_ts=posted.ts, ask_rev=request.rev)
            if request.told_directly:
                return asked
            return replace(asked, shown_rev=min(request.shown_rev, request.rev - 1))  # its link to the question is due
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
    """A quick backup that its person may have shows its message before its plan is known, so does a way back, and
    everything that is kept waiting by the cloud.
    """
    return request.project is not None and (isinstance(request.order, Quick | Restore) or bool(request.explanation))


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
