"""The audit trail: only ever added to, each row sealed with the hash of the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.domain.audit import AuditEntry
from bot.store.columns import as_json
from bot.store.script import Row, Script, insert, sql, to_ms

GENESIS = "0" * 64
"""The hash that the first row follows."""

LOWEST = -(2**63)
"""The least number a row can have: rows of the bot count from 1, and one below that was not written by it."""

_as_sorted_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode

_LAST = "select seq, hash from audit order by seq desc limit 1"
_HASHED = ("seq", "at", "actor", "action", "subject", "outcome", "rule", "details_json")


def append(entries: Sequence[AuditEntry], now: datetime) -> Script[None]:
    if not entries:
        return
    seq, previous = yield from head()
    for entry in entries:
        seq += 1
        row = {
            "seq": seq,
            "at": to_ms(now),
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "outcome": entry.outcome,
            "rule": entry.rule,
            "details_json": _as_sorted_json(dict(entry.details)),
        }
        row_hash = chained_hash(row, previous)
        disk = entry.details.get("disk")
        yield insert("audit", {**row, "previous_hash": previous, "hash": row_hash, "disk": disk})
        yield entry
        previous = row_hash


def chained_hash(row: Row, previous: str) -> str:
    """SHA-256 over the previous hash and the row's own facts, as canonical JSON."""
    facts: list[Any] = [row[name] for name in _HASHED]
    return hashlib.sha256(as_json([previous, *facts]).encode()).hexdigest()


def head() -> Script[tuple[int, str]]:
    """The last row's number and hash; 0 and the first seal for an empty trail."""
    last = yield sql(_LAST)
    return (last[0]["seq"], last[0]["hash"]) if last else (0, GENESIS)


def first_broken(rows: Sequence[Row], previous: str, seq: int) -> str | None:
    """The first problem of rows that should follow `seq` and `previous`, in words; None when the chain holds."""
    for row in rows:
        seq += 1
        if row["seq"] != seq:
            return f"row {seq} is missing: row {row['seq']} stands in its place"
        if row["previous_hash"] != previous:
            return f"row {seq} does not follow the row before it"
        if not _fits_hash(row, previous):
            return f"row {seq} was altered"
        previous = row["hash"]
    return None


def _fits_hash(row: Row, previous: str) -> bool:
    """The column by which rows are found stands for what is sealed, too."""
    try:
        disk = json.loads(row["details_json"]).get("disk") if '"disk"' in row["details_json"] else None
        return bool(row["hash"] == chained_hash(row, previous) and row["disk"] == disk)
    except (TypeError, ValueError, AttributeError, RecursionError):
        return False  # a kind of value that the bot never writes


def posted(seq: int, row_hash: str, now: datetime) -> Script[None]:
    """That head stands where it can't be taken back, so it must stand in the trail for ever."""
    yield insert("posted_head", {"seq": seq, "hash": row_hash, "posted_at": to_ms(now)}, "on conflict (seq) do nothing")
