"""The messages that are to be posted or edited, those that stand, and who is to be told directly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.audit import AuditEntry
from bot.domain.deletions import Deletion
from bot.domain.granting import Subject
from bot.domain.orders import Restore
from bot.domain.requests import Request
from bot.ports.messages import Whole
from bot.ports.outbox import Notice
from bot.store import audit, deletions, restorations
from bot.store.reading import readable
from bot.store.rows import request_row
from bot.store.script import Query, Row, ScheduledJob, Script, from_ms, insert, sql, to_ms
from bot.store.transactions import Transactions
from bot.store.whole_requests import report_due, wholes

_MARK_SENT = """
update request set shown_rev = :shown_rev, reply_channel = :reply_channel, thread_ts = :thread_ts,
    status_channel = :status_channel, status_ts = :status_ts, edited_at = :edited_at, receipt_ts = :receipt_ts,
    ask_ts = :ask_ts, ask_rev = :ask_rev, receipt_gone = :receipt_gone,
    to_send = case when rev = :rev then :to_send else to_send end
where id = :id and coalesce(status_ts, '') = :was_status_ts and coalesce(ask_ts, '') = :was_ask_ts
    and coalesce(receipt_ts, '') = :was_receipt_ts and shown_rev = :was_shown_rev and ask_rev = :was_ask_rev
    and receipt_gone = :was_receipt_gone
returning id
"""
_MESSAGES = ("status_ts", "ask_ts", "receipt_ts")
_SHOW_ANEW = """
update request set shown_rev = 0, ask_rev = case when ask_ts is null then ask_rev else 0 end, receipt_gone = 0,
    to_send = 1
where id = :id returning reply_channel, status_ts, ask_ts, receipt_ts
"""


def to_send(reply_channel: str) -> Script[list[str]]:
    rows = yield sql(
        "select id from request where reply_channel = :reply_channel and to_send = 1 order by created_at",
        reply_channel=reply_channel,
    )
    return [row["id"] for row in rows]


def outbox(reply_channel: str, request_ids: Sequence[str]) -> Script[list[Whole]]:
    found: list[Whole] = []
    for request_id in request_ids:
        rows = yield sql(
            "select * from request where id = :id and reply_channel = :reply_channel and to_send = 1",
            id=request_id,
            reply_channel=reply_channel,
        )
        for request, items in (yield from wholes(rows)):
            restores = isinstance(request.order, Restore)
            found.append((request, items, (yield from restorations.of_request(request.id)) if restores else []))
    return found


def mark_sent(
    request: Request, was: Request, accepted: Sequence[str], failures: Sequence[str], now: datetime
) -> Script[bool]:
    """Keep what the reporter did of a request that `was` so when it began. These columns are the reporter's alone, so
    they need no `ver`; where a newer revision is to be sent, that stays so.

    Where another replica spoke meanwhile, whatever stands is shown anew: the last word may have been an old one. False:
    the row names other messages.
    """
    before = {f"was_{name}": getattr(was, name) or "" for name in _MESSAGES}
    before |= {f"was_{name}": getattr(was, name) for name in ("shown_rev", "ask_rev", "receipt_gone")}
    if not (yield Query(_MARK_SENT, {**request_row(request), **before})):
        rows = yield sql(_SHOW_ANEW, id=request.id)
        yield report_due(request.id, rows[0]["reply_channel"], now)
        if [rows[0][name] for name in _MESSAGES] != [getattr(request, name) for name in _MESSAGES]:
            return False
    back = isinstance(request.order, Restore)
    for one in accepted:
        yield sql("update item set accepted_told = 1 where id = :id", id=one)
        if back:
            yield sql("update restoration set accepted_told = 1 where id = :id", id=one)
    for one in failures:
        yield sql("update item set failure_told = 1 where id = :id", id=one)
        if back:
            yield sql("update restoration set failure_told = 1 where id = :id", id=one)
    return True


def move_reply_channel(request: Request, was: Request, now: datetime) -> Script[None]:
    """Messages still to be sent go to `request.reply_channel` and its thread from now on, with a message of its own."""
    moved = replace(request, status_channel=None, status_ts=None, shown_rev=0, ask_ts=None, ask_rev=0)
    if (yield from mark_sent(moved, was, (), (), now)):
        yield report_due(request.id, request.reply_channel, now)


def mark_all_sent(requests: Sequence[Request]) -> Script[None]:
    """Nothing is left to tell of these revisions; a newer one keeps its mark."""
    for request in requests:
        yield sql("update request set to_send = 0 where id = :id and rev = :rev", id=request.id, rev=request.rev)


def tell_directly(request_id: str, subjects: Sequence[Subject], now: datetime, asking: int = 0) -> Script[None]:
    """Tell people, and those in groups, of a request, or of an `asking` for a deletion: each once, however often it is
    asked for.
    """
    for subject in subjects:
        notice = {
            "request_id": request_id,
            "subject_kind": subject.kind,
            "subject_id": subject.id,
            "since": to_ms(now),
            "asking": asking,
        }
        yield insert("notice", notice, "on conflict (request_id, subject_kind, subject_id, asking) do nothing")
    if subjects:
        yield ScheduledJob(f"notify:{request_id}", now)


def untold(request_id: str) -> Script[list[Notice]]:
    """People before groups, so that a group that can't be read keeps no person waiting."""
    rows = yield sql(
        "select * from notice where request_id = :id and told = 0 order by subject_kind desc, subject_id, asking",
        id=request_id,
    )
    return (yield from readable(rows, _notice, "notice"))


def _notice(row: Row) -> Notice:
    since = from_ms(row["since"])
    assert since is not None
    return Notice(Subject(row["subject_kind"], row["subject_id"]), since, row["asking"])


def told(request_id: str, notice: Notice) -> Script[None]:
    yield sql(
        "update notice set told = 1 where request_id = :request_id and subject_kind = :kind and subject_id = :id "
        "and asking = :asking",
        request_id=request_id,
        kind=notice.subject.kind,
        id=notice.subject.id,
        asking=notice.asking,
    )


class StoredOutbox(Transactions):
    """Implements `bot.ports.outbox.Outbox`."""

    async def to_send(self, reply_channel: str) -> list[str]:
        return await self._database.read(to_send, reply_channel)

    async def outbox(self, reply_channel: str, request_ids: Sequence[str]) -> list[Whole]:
        return await self._database.read(outbox, reply_channel, request_ids)

    async def mark_sent(
        self, request: Request, was: Request, *, accepted: Sequence[str] = (), failures: Sequence[str] = ()
    ) -> bool:
        return await self._database.run(mark_sent, request, was, accepted, failures, self._clock.now())

    async def move_reply_channel(self, request: Request, was: Request) -> None:
        await self._database.run(move_reply_channel, request, was, self._clock.now())

    async def mark_all_sent(self, requests: Sequence[Request]) -> None:
        await self._database.run(mark_all_sent, requests)

    async def tell_directly(self, request_id: str, subjects: Sequence[Subject]) -> None:
        await self._database.run(tell_directly, request_id, subjects, self._clock.now())

    async def untold(self, request_id: str) -> list[Notice]:
        return await self._database.read(untold, request_id)

    async def told(
        self, request_id: str, notice: Notice, entries: Sequence[AuditEntry] = (), *, instead: Sequence[Subject] = ()
    ) -> None:
        """`instead`: who is to be told in its place, such as the people of a group."""
        now = self._clock.now()

        def script() -> Script[None]:
            yield from told(request_id, notice)
            yield from tell_directly(request_id, instead, now, notice.asking)
            yield from audit.append(entries, now)

        await self._database.run(script)

    async def deletion_announced(self, request_id: str, asking: int, notify: Sequence[Subject] = ()) -> None:
        """`notify`: who is to be asked directly, as they do not read where it was announced."""
        now = self._clock.now()

        def script() -> Script[None]:
            yield from deletions.announced(request_id, asking)
            yield from tell_directly(request_id, notify, now, asking)

        await self._database.run(script)

    async def deletions_told(self, rows: Sequence[Deletion]) -> None:
        await self._database.run(deletions.told, rows)
