"""Restorations: what becomes of each disk that comes back from a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.audit import AuditEntry
from bot.domain.items import Item
from bot.domain.log_lines import restoration_line
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration, over_with
from bot.domain.transitions import AttemptEvent, ItemState, RestorationState
from bot.store.definitions import PROVES, ROLLS_BACK, TEST_DISK
from bot.store.reading import first, readable
from bot.store.rows import restoration_from, restoration_row
from bot.store.script import Query, ScheduledJob, Script, insert, sql
from bot.store.transactions import Transactions
from bot.store.waits import WAITS_SET
from bot.store.whole_requests import follow, lane, one

_PROOF = f"select * from restoration where {PROVES} and snapshot_id = :id order by proven_at desc, id limit 1"


_MOVE = f"""
update restoration set state = :state, attempts = :attempts, in_doubt = :in_doubt, {WAITS_SET}, tried_ms = :tried_ms,
    in_vain_ms = :in_vain_ms, cause = :cause, code = :code, job_id = :job_id, made_id = :made_id,
    disk_changed_at = :disk_changed_at, proven_at = :proven_at, ended_at = :ended_at, ver = ver + 1
where id = :id and ver = :ver returning id
"""
_LET_GO = "select 1 from deletion where request_id = :id and state in ('deleting', 'deleted') limit 1"
_ROLLED_BACK_BY_ANOTHER = f"select 1 from restoration where disk_id = :disk_id and {ROLLS_BACK} and request_id <> :id"


def add(rows: Sequence[Restoration]) -> Script[None]:
    for restoration in rows:
        yield insert("restoration", restoration_row(restoration))


def schedule(rows: Sequence[Restoration], request: Request, now: datetime) -> Script[None]:
    """The jobs of a request that runs."""
    for row in rows:
        if row.way != "overwrite" and not row.ended:
            yield ScheduledJob(f"new_disk:{row.id}", row.due_at or now, lane(request))
    if any(row.way == "overwrite" and not row.ended for row in rows):
        due = [row.due_at or now for row in rows if not row.ended]
        yield ScheduledJob(f"roll_back:{request.id}", min(due), lane(request))


def save(rows: Sequence[Restoration], now: datetime) -> Script[bool]:
    """Write rows of one request whose `ver` is still the one that was read, all or none; the request follows."""
    if not rows or not (yield from _as_read(rows)):
        return False
    if rows[0].moved_by is AttemptEvent.SEND and not (yield from may_be_tested(rows[0])):
        return False
    for row in rows:
        yield Query(_MOVE, restoration_row(row))
        if line := restoration_line(row):
            yield line
    request = yield from follow(rows[0].request_id, now)
    if request:
        yield from schedule(rows, request, now)
    return True


def may_be_tested(one: Restoration) -> Script[bool]:
    """Whether no other test disk is there, or may be: a project has one at a time."""
    if one.way != "verify":
        return True
    text = f"select 1 from restoration where {TEST_DISK} and project = :project and id <> :id"
    return not (yield sql(text, project=one.project, id=one.id))


def end(rows: Sequence[Restoration]) -> Script[None]:
    """Write rows that were never sent as ended, where the caller follows their request."""
    for row in rows:
        yield Query(_MOVE, restoration_row(row))
        if line := restoration_line(row):
            yield line


def drop(request_id: str, cause: str, code: str, now: datetime) -> Script[None]:
    """The same for all of a request that is over before anything of it was sent."""
    rows = [row for row in (yield from of_request(request_id)) if not row.ended]
    yield from end([over_with(row, RestorationState.CANCELLED, now, cause=cause, code=code) for row in rows])


def _as_read(rows: Sequence[Restoration]) -> Script[bool]:
    versions = {row.id: row.ver for row in (yield from of_request(rows[0].request_id))}
    return all(versions.get(row.id) == row.ver for row in rows)


def start_roll_backs(rows: Sequence[Restoration], now: datetime) -> Script[bool]:
    """Mark roll-backs as being sent, all or none. False: one was moved meanwhile, a safety snapshot is not there, no
    other person agreed, or another request rolls one of the disks back.
    """
    found = yield from one(rows[0].request_id)
    if found is None or not _is_safe(rows, *found) or (yield sql(_LET_GO, id=rows[0].request_id)):
        return False
    for row in rows:
        if (yield sql(_ROLLED_BACK_BY_ANOTHER, disk_id=row.disk.id, id=row.request_id)):
            return False
    return (yield from save(rows, now))


def _is_safe(rows: Sequence[Restoration], request: Request, items: Sequence[Item]) -> bool:
    """Each disk has its safety snapshot, made for this very request, and another person has agreed."""
    safe = {item.id for item in items if item.state is ItemState.AVAILABLE and not item.gone and not item.joined_to}
    return all(row.safety_item_id in safe for row in rows) and bool(set(request.approvers) - {request.actor_id})


def spent(rows: Sequence[Restoration]) -> Script[None]:
    """Write down how much patience was spent on each and when its next turn is, where it is as it was read."""
    for row in rows:
        yield Query(
            "update restoration set tried_ms = :tried_ms, in_vain_ms = :in_vain_ms, due_at = :due_at "
            "where id = :id and ver = :ver",
            restoration_row(row),
        )


def of_request(request_id: str) -> Script[list[Restoration]]:
    rows = yield sql("select * from restoration where request_id = :id order by position", id=request_id)
    return (yield from readable(rows, restoration_from, "restoration"))


def read(restoration_id: str) -> Script[tuple[Restoration, Request] | None]:
    rows = yield sql("select * from restoration where id = :id", id=restoration_id)
    restoration = yield from first(rows, restoration_from, "restoration")
    found = (yield from one(restoration.request_id)) if restoration else None
    return (restoration, found[0]) if restoration and found else None


def proofs_of(snapshot_ids: Sequence[str]) -> Script[dict[str, Restoration]]:
    """Of each snapshot that was ever proven, the last time it was."""
    found: dict[str, Restoration] = {}
    for snapshot_id in dict.fromkeys(snapshot_ids):
        rows = yield sql(_PROOF, id=snapshot_id)
        proof = yield from first(rows, restoration_from, "restoration")
        found |= {snapshot_id: proof} if proof else {}
    return found


class StoredRestorations(Transactions):
    """Implements `bot.ports.restorations.Restorations`."""

    async def restoration(self, restoration_id: str) -> tuple[Restoration, Request] | None:
        return await self._database.read(read, restoration_id)

    async def save_restorations(self, rows: Sequence[Restoration], entries: Sequence[AuditEntry] = ()) -> bool:
        """Rows of one request. False, and nothing is written: one of them was moved since it was read."""
        return await self._audited(lambda now: save(rows, now), entries)

    async def start_roll_backs(self, rows: Sequence[Restoration], entries: Sequence[AuditEntry]) -> bool:
        """All of a request that are to be sent now, marked so. False, and nothing is written: it may not begin."""
        return await self._audited(lambda now: start_roll_backs(rows, now), entries)

    async def may_be_tested(self, one: Restoration) -> bool:
        return await self._database.read(may_be_tested, one)

    async def restorations_spent(self, rows: Sequence[Restoration]) -> None:
        if rows:
            await self._database.run(spent, rows)

    async def restorations_of(self, request_id: str) -> list[Restoration]:
        return await self._database.read(of_request, request_id)

    async def proofs_of(self, snapshot_ids: Sequence[str]) -> Mapping[str, Restoration]:
        """By snapshot, the last time that a test disk was made of it."""
        return await self._database.read(proofs_of, snapshot_ids)
