"""Deletions in the store.

Each method is one transaction: rows, audit and jobs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.deletions import Deletion
from bot.domain.items import Item
from bot.domain.requests import Request


class Deletions(Protocol):
    """The snapshots to be deleted, who asked and who agreed."""

    async def ask_deletion(self, rows: Sequence[Deletion], audit: Sequence[AuditEntry]) -> Sequence[Deletion]: ...

    async def agree_to_deletion(
        self, rows: Sequence[Deletion], person: str, needed: int, audit: Sequence[AuditEntry]
    ) -> Sequence[Deletion]: ...

    async def let_go(self, request_id: str, item_ids: Sequence[str], audit: Sequence[AuditEntry]) -> Sequence[Item]: ...

    async def deletions(self, request_id: str) -> list[Deletion]: ...

    async def save_deletions(self, rows: Sequence[Deletion], audit: Sequence[AuditEntry] = ()) -> bool: ...

    async def deletions_sent(self, rows: Sequence[Deletion]) -> Sequence[Deletion]: ...

    async def sharing(self, request_id: str) -> list[tuple[Item, Request]]: ...
