"""Restorations: what becomes of each disk that comes back from a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.requests import Request
from bot.domain.restorations import Restoration
from bot.store.definitions import PROVES
from bot.store.reading import first, readable
from bot.store.rows import restoration_from
from bot.store.script import Script, sql
from bot.store.transactions import Transactions
from bot.store.whole_requests import one

_PROOF = f"select * from restoration where {PROVES} and snapshot_id = :id order by proven_at desc, id limit 1"


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

    async def restorations_of(self, request_id: str) -> list[Restoration]:
        return await self._database.read(of_request, request_id)

    async def proofs_of(self, snapshot_ids: Sequence[str]) -> Mapping[str, Restoration]:
        """By snapshot, the last time that a test disk was made of it."""
        return await self._database.read(proofs_of, snapshot_ids)
