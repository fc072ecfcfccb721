"""The audit trail in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.domain.audit import AuditEntry

ShippedRow = Mapping[str, Any]
"""A row as the export shows it."""


class Audit(Protocol):
    """The audit trail, and when its head was posted."""

    async def audit_head(self) -> tuple[int, str]: ...

    async def head_posted(self, seq: int, row_hash: str, chore: str, next_at: datetime) -> None: ...

    async def chore_due(self, name: str) -> datetime | None: ...

    async def chore_done(self, name: str, next_at: datetime) -> None: ...

    async def chore_taken(self, name: str, next_at: datetime) -> bool: ...

    async def audit(self, audit: Sequence[AuditEntry]) -> None: ...

    def note(self, audit: Sequence[AuditEntry]) -> None: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows in their order. `problem`: what is wrong between them and those before, in words."""

    rows: Sequence[ShippedRow]
    problem: str | None


class Shipping(Protocol):
    """How far the trail was handed to a receiver."""

    async def to_ship(self, receiver: str, limit: int) -> Batch: ...

    async def shipped(self, receiver: str, seq: int, row_hash: str) -> None: ...


class Receiver(Protocol):
    """The other end of the shipping."""

    async def take(self, rows: Sequence[ShippedRow]) -> None:
        """Returns when it has them. Raises ReceiverAway."""
        ...
