"""The weekly match, as it asks the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.matching import Finding, Point, Tagged


class Matching(Protocol):
    """Rows by project. `matched` writes the findings down and says when the next match is due."""

    async def chore_due(self, name: str) -> datetime | None: ...

    async def chore_done(self, name: str, next_at: datetime) -> None: ...

    async def asked_since(self, project: str, since: datetime) -> bool: ...

    async def restore_points(self, project: str, after: str) -> tuple[list[Point], str | None]: ...

    async def without_row(self, points: Sequence[Point]) -> list[Finding]: ...

    async def tagged(self, tags: Collection[str]) -> dict[str, Tagged]: ...

    async def rows_without(self, project: str, since: datetime) -> list[Finding]: ...

    async def vanished(self, snapshot_id: str) -> bool: ...

    async def matched(self, entries: Sequence[AuditEntry], chore: str, next_at: datetime) -> None: ...
