"""How far the trail was handed to a receiver, and the rows behind that."""

from __future__ import annotations

from bot.ports.audit import Batch
from bot.store import audit
from bot.store.script import Script, insert, sql
from bot.store.trail.search import EVERY_ROW, exported, page
from bot.store.transactions import Transactions


class StoredShipping(Transactions):
    """Implements `Shipping`."""

    async def to_ship(self, receiver: str, limit: int) -> Batch:
        return await self._database.read(batch, receiver, limit)

    async def shipped(self, receiver: str, seq: int, row_hash: str) -> None:
        await self._database.run(_shipped, receiver, seq, row_hash)


def batch(receiver: str, limit: int) -> Script[Batch]:
    """The next rows, and what is wrong between them and those before: a row that is missing, or was altered."""
    known = yield sql("select seq, hash from shipped where receiver = :receiver", receiver=receiver)
    seq, previous = (known[0]["seq"], known[0]["hash"]) if known else (0, audit.GENESIS)
    rows = yield from page(EVERY_ROW, seq if known else None, limit)
    return Batch([exported(row, {}) for row in rows], audit.first_broken(rows, previous, seq))


def _shipped(receiver: str, seq: int, row_hash: str) -> Script[None]:
    row = {"receiver": receiver, "seq": seq, "hash": row_hash}
    yield insert("shipped", row, "on conflict (receiver) do update set seq = excluded.seq, hash = excluded.hash")
