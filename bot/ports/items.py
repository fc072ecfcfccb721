"""Disks and consistency groups of requests, in the store.

Each method is one transaction: rows, audit and jobs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import Deletion
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.turns import Claim


class Items(Protocol):
    """The state of each disk and of each consistency group, as the cloud tells it."""

    async def start(
        self, item: Item, audit: Sequence[AuditEntry], *, claim: Claim | None = None, alone: bool = False
    ) -> Item | None: ...

    async def save(self, item: Item, audit: Sequence[AuditEntry] = ()) -> bool: ...

    async def save_found(self, item: Item) -> bool: ...

    async def watched(self, items: Sequence[Item]) -> None: ...

    async def follow_on(self, leader_id: str, after: str) -> None: ...

    async def creating(self, project: str) -> list[Item]: ...

    async def due(self, project: str, now: datetime, until: datetime, most: int, together: int) -> list[Item]: ...

    async def next_look(self, project: str, after: datetime) -> datetime | None: ...

    async def gone(self, snapshot_id: str, by: str | None, audit: Sequence[AuditEntry]) -> bool: ...

    async def spent(self, rows: Sequence[Request | Item | ConsistencyGroup | Deletion]) -> None: ...

    async def group(self, consistency_group_id: str) -> tuple[ConsistencyGroup, list[Item], Request] | None: ...

    async def groups_of(self, request_id: str) -> list[ConsistencyGroup]: ...

    async def start_group(
        self, group: ConsistencyGroup, audit: Sequence[AuditEntry], *, claim: Claim | None = None
    ) -> tuple[ConsistencyGroup, list[Item]] | None: ...

    async def save_group(
        self, group: ConsistencyGroup, items: Sequence[Item], audit: Sequence[AuditEntry] = ()
    ) -> bool: ...

    async def points_of(self, items: Sequence[Item]) -> list[Item]: ...
