"""Disks that come back from snapshots, in the store. Each method is one transaction: rows, audit and jobs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration


class Restorations(Protocol):
    """The state of each disk that comes back, as the cloud tells it."""

    async def restoration(self, restoration_id: str) -> tuple[Restoration, Request] | None: ...

    async def restorations_of(self, request_id: str) -> list[Restoration]: ...

    async def save_restorations(self, rows: Sequence[Restoration], audit: Sequence[AuditEntry] = ()) -> bool: ...

    async def start_roll_backs(self, rows: Sequence[Restoration], audit: Sequence[AuditEntry]) -> bool: ...

    async def may_be_tested(self, one: Restoration) -> bool:
        """Whether no other test disk of its project is there, or may be."""
        ...

    async def restorations_spent(self, rows: Sequence[Restoration]) -> None: ...

    async def proofs_of(self, snapshot_ids: Sequence[str]) -> Mapping[str, Restoration]: ...
