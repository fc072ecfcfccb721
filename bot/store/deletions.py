"""Snapshots that are to be let go, until that is done and told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.audit import AuditEntry
from bot.domain.deletions import Deletion, agreeing, asked_anew, claims
from bot.domain.items import Item
from bot.domain.log_lines import delete_sent_line, deletion_line
from bot.domain.requests import Request
from bot.domain.transitions import DeletionState
from bot.store import app_homes, whole_requests
from bot.store.columns import Column, Columns, words
from bot.store.reading import readable
from bot.store.rows import item_from
from bot.store.script import Query, Row, ScheduledJob, Script, insert, span_ms, sql, to_ms
from bot.store.transactions import Transactions

_ASK_ANEW = """
on conflict (item_id) do update set state = excluded.state, asked_by = excluded.asked_by,
    channel_id = excluded.channel_id, asked_at = excluded.asked_at, asking = excluded.asking,
    agreed_json = excluded.agreed_json, agreed_at = excluded.agreed_at, announced = excluded.announced,
    cause = excluded.cause, told = excluded.told, tried_ms = excluded.tried_ms, sent = excluded.sent,
    ver = deletion.ver + 1
where deletion.state = 'kept'
"""
_MOVE = """
update deletion set state = :state, agreed_json = :agreed_json, agreed_at = :agreed_at, cause = :cause, sent = :sent,
    ver = ver + 1
where item_id = :item_id and ver = :ver
"""
_BEING_DELETED = "select 1 from deletion where snapshot_id = :id and state = 'deleting'"
_SHARING = """
select distinct other.* from item as own join item as other
    on other.snapshot_id = own.snapshot_id and other.request_id <> own.request_id
where own.request_id = :id and other.state = 'available' and other.gone_at is null order by other.id
"""
_COLUMNS = Columns(
    same=(
        *("item_id", "request_id", "project", "snapshot_id", "disk_id", "label", "asked_by", "channel_id", "asking"),
        *("cause", "ver"),
    ),
    flags=("announced", "told", "sent"),
    began=("asked_at",),
    moments=("agreed_at",),
    spans=("tried",),
    others={"state": Column("state", str, DeletionState), "agreed_by": words("agreed_json")},
)
JOBS = (
    "select 'delete:' || request_id as key, 0 as at, min(project) as lane "
    "from deletion where told = 0 group by request_id"
)


def ask(deletions: Sequence[Deletion], now: datetime) -> Script[list[Deletion]]:
    """Ask for snapshots that were not asked for yet, or were kept then; answers those, as one more asking."""
    rows = yield from of_request(deletions[0].request_id)
    before = {one.item_id: one for one in rows}
    open_or_gone = {one.item_id for one in rows if one.state is not DeletionState.KEPT}
    asking = max((one.asking for one in rows), default=0) + 1
    fresh = [asked_anew(before.get(one.item_id), one, asking) for one in deletions if one.item_id not in open_or_gone]
    for deletion in fresh:
        yield insert("deletion", _COLUMNS.row(deletion), _ASK_ANEW)
        yield from _tell(deletion)
    if fresh:
        yield ScheduledJob(f"delete:{fresh[0].request_id}", now, fresh[0].project)
    return fresh


def agree(read: Sequence[Deletion], person: str, needed: int, now: datetime) -> Script[list[Deletion]]:
    """One more person agrees to what was `read`, as its rows stand in this very transaction; answers what that moved.

    Of two at the same instant both count. What was settled, or asked anew, since it was read is left alone.
    """
    meant = {(one.item_id, one.asking) for one in read}
    rows = yield from of_request(read[0].request_id)
    moved = []
    for row in rows:
        after = agreeing(row, person, needed, now)
        if after is not None and (row.item_id, row.asking) in meant:
            yield Query(_MOVE, _COLUMNS.row(after))
            yield from _tell(after)
            moved.append(after)
    if moved:
        yield ScheduledJob(f"delete:{moved[0].request_id}", now, moved[0].project)
    return moved


def save(deletions: Sequence[Deletion], now: datetime) -> Script[bool]:
    """Write rows whose `ver` is still the one that was read, all or none. False: one was moved meanwhile."""
    if not deletions:
        return False
    rows = yield from of_request(deletions[0].request_id)
    versions = {row.item_id: row.ver for row in rows}
    yield ScheduledJob(f"delete:{deletions[0].request_id}", now, deletions[0].project)
    if any(versions[one.item_id] != one.ver for one in deletions):
        return False
    for deletion in deletions:
        yield Query(_MOVE, _COLUMNS.row(deletion))
        yield from _tell(deletion)
    return True


def spent(deletions: Sequence[Deletion]) -> Script[None]:
    """Write down how much patience was spent on each, where the row is as it was read."""
    for one in deletions:
        yield sql(
            "update deletion set tried_ms = :tried_ms where item_id = :id and ver = :ver",
            tried_ms=span_ms(one.tried),
            id=one.item_id,
            ver=one.ver,
        )


def sent(deletions: Sequence[Deletion]) -> Script[list[Deletion]]:
    """Before each DELETE leaves: from here on the snapshot may be gone, whatever becomes of who asked for it. Answers
    those that nothing moved since they were read.
    """
    marked: list[Deletion] = []
    for one in deletions:
        text = "update deletion set sent = 1 where item_id = :id and ver = :ver returning item_id"
        if (yield sql(text, id=one.item_id, ver=one.ver)):
            marked.append(one)
            yield delete_sent_line(one)
    return marked


def _tell(deletion: Deletion) -> Script[None]:
    if line := deletion_line(deletion):
        yield line


def announced(request_id: str, asking: int) -> Script[None]:
    """The thread asked others to agree to this asking. No state: it needs no `ver`."""
    yield sql(
        "update deletion set announced = 1 where request_id = :id and asking = :asking", id=request_id, asking=asking
    )


def told(deletions: Sequence[Deletion]) -> Script[None]:
    """The thread heard how these ended. One that was asked anew since is another asking, and is not over yet."""
    for one in deletions:
        yield sql(
            "update deletion set told = 1 where item_id = :id and asking = :asking", id=one.item_id, asking=one.asking
        )


def of_request(request_id: str) -> Script[list[Deletion]]:
    rows = yield sql("select * from deletion where request_id = :id order by item_id", id=request_id)
    return (yield from readable(rows, _deletion, "deletion"))


def let_go(request_id: str, item_ids: Sequence[str]) -> Script[list[Item]]:
    """The request keeps no more what it joined; answers what of that it kept until now."""
    _, items = yield from whole_requests.whole(request_id)
    fresh = [item for item in claims(items) if item.id in item_ids]
    for item in fresh:
        yield sql("update item set let_go = 1 where id = :id", id=item.id)
    if fresh:
        restorable = whole_requests.RESTORABLE
        yield sql(f"update request set restorable = {restorable} where id = :id", id=request_id)
    return fresh


def sharing(request_id: str) -> Script[list[tuple[Item, Request]]]:
    """Items of other requests whose restore point is a snapshot of this one, each with its request."""
    rows = yield sql(_SHARING, id=request_id)
    found: list[tuple[Item, Request]] = []
    for other in (yield from readable(rows, item_from, "item")):
        its = yield from whole_requests.one(other.request_id)
        found += [(other, its[0])] if its else []
    return found


def gone(snapshot_id: str, by: str | None, now: datetime) -> Script[bool]:
    """A snapshot was deleted: whatever names it says so, in every request that has it. False: that was known.

    `by` None: outside of the bot. That is never said of one that the bot is deleting; its job says by whom.
    """
    if by is None and (yield sql(_BEING_DELETED, id=snapshot_id)):
        return False
    rows = yield sql(
        "update item set gone_at = :at, gone_by = :by where snapshot_id = :id and gone_at is null "
        "and state in ('available', 'failed', 'unknown') returning request_id",
        at=to_ms(now),
        by=by,
        id=snapshot_id,
    )
    for request_id in sorted({row["request_id"] for row in rows}):
        moved = yield sql(
            f"update request set rev = rev + 1, to_send = 1, restorable = {whole_requests.RESTORABLE}, ver = ver + 1 "
            "where id = :id "
            "returning reply_channel, actor_id",
            id=request_id,
        )
        yield whole_requests.report_due(request_id, moved[0]["reply_channel"], now)
        yield from app_homes.changed(moved[0]["actor_id"], now)
    return bool(rows)


def _deletion(row: Row) -> Deletion:
    return Deletion(**_COLUMNS.fields(row))


class StoredDeletions(Transactions):
    """Implements `bot.ports.deletions.Deletions`."""

    async def ask_deletion(self, rows: Sequence[Deletion], entries: Sequence[AuditEntry]) -> Sequence[Deletion]:
        """The rows that were not asked for yet, or were kept then."""
        return await self._audited(lambda now: ask(rows, now), entries, first=True)

    async def agree_to_deletion(
        self, rows: Sequence[Deletion], person: str, needed: int, entries: Sequence[AuditEntry]
    ) -> Sequence[Deletion]:
        """The rows that this agreement moved; none where it was settled before."""
        return await self._audited(lambda now: agree(rows, person, needed, now), entries, first=True)

    async def let_go(self, request_id: str, item_ids: Sequence[str], entries: Sequence[AuditEntry]) -> Sequence[Item]:
        """The items that the request kept until now."""
        return await self._audited(lambda _: let_go(request_id, item_ids), entries, first=True)

    async def deletions(self, request_id: str) -> list[Deletion]:
        return await self._database.read(of_request, request_id)

    async def save_deletions(self, rows: Sequence[Deletion], entries: Sequence[AuditEntry] = ()) -> bool:
        """False, and nothing is written: one of them was moved since it was read. What is deleted is gone."""

        def script(now: datetime) -> Script[bool]:
            saved = yield from save(rows, now)
            for row in rows if saved else ():
                if row.state is DeletionState.DELETED:
                    yield from gone(row.snapshot_id, row.asked_by, now)
            return saved

        return await self._audited(script, entries)

    async def deletions_sent(self, rows: Sequence[Deletion]) -> list[Deletion]:
        """Their DELETE is about to leave; answers those of which it may."""
        return await self._database.run(sent, rows) if rows else []

    async def sharing(self, request_id: str) -> list[tuple[Item, Request]]:
        """Who else has a snapshot of this request as a restore point."""
        return await self._database.read(sharing, request_id)
