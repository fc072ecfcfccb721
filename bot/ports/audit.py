"""The audit trail in the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.audit import AuditEntry


class Audit(Protocol):
    """The audit trail, and when its head was posted."""

    async def audit_head(self) -> tuple[int, str]: ...

    async def head_posted(self, seq: int, row_hash: str, chore: str, next_at: datetime) -> None: ...

    async def chore_due(self, name: str) -> datetime | None: ...

    async def chore_done(self, name: str, next_at: datetime) -> None: ...

    async def chore_taken(self, name: str, next_at: datetime) -> bool: ...

    async def audit(self, audit: Sequence[AuditEntry]) -> None: ...

    def note(self, audit: Sequence[AuditEntry]) -> None: ...
