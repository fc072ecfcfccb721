"""Which restore points are proven, and whether a test disk was left behind, in the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.bindings import Binding
from bot.domain.items import Item
from bot.domain.restoring.restorations import Restoration


@dataclass(frozen=True, slots=True)
class ProofState:
    """Of a project, as it was found last: how many points were due to be proven, since when the oldest of them was, and
    how many test disks were left behind.
    """

    due: int = 0
    due_since: datetime | None = None
    left_behind: int = 0


class Proofs(Protocol):
    """`proofs_seen` writes down how a project stands, and when that is looked at next."""

    async def chore_due(self, name: str) -> datetime | None: ...

    async def chore_done(self, name: str, next_at: datetime) -> None: ...

    async def bindings_in(self, project: str) -> list[Binding]: ...

    async def newest_points(self, disk_ids: Sequence[str]) -> list[Item]:
        """Of each disk that has one, the newest restore point."""
        ...

    async def proofs_of_disks(self, disk_ids: Sequence[str]) -> Mapping[str, Restoration]:
        """Of each disk that was ever made anew of a snapshot, the last time it was."""
        ...

    async def being_proven(self, project: str, since: datetime) -> frozenset[str]:
        """The snapshots of a project of which a test disk is made or waited for, or was ordered since then."""
        ...

    async def tested_since(self, project: str, since: datetime) -> bool:
        """Whether a test disk was ordered in a project since then."""
        ...

    async def tests(self, restoration_ids: Collection[str]) -> list[Restoration]:
        """Those of these restorations that prove something."""
        ...

    async def audit(self, entries: Sequence[AuditEntry]) -> None: ...

    async def proofs_seen(self, project: str, state: ProofState, chore: str, next_at: datetime) -> None: ...
