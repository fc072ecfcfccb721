"""Requests and disks that are asked for; nothing is changed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bot.domain.items import Item
from bot.domain.requests import Request


@dataclass(frozen=True, slots=True)
class Filters:
    """Which requests are asked for. `projects` are those the reader may view; None means all of them.

    `under_way`: True for those that have not ended, False for those that have. `left_to`: a person to whom it is left
    to settle them; neither their own nor any that they agreed to already. `restorable_in`: those of that channel of
    which a restore point is left.
    """

    projects: Sequence[str] | None = None
    disk: str | None = None
    actor_id: str | None = None
    unreviewed: bool = False
    waiting: bool = False
    under_way: bool | None = None
    left_to: str | None = None
    restorable_in: str | None = None
    limit: int = 10
    offset: int = 0


class DiskName(NamedTuple):
    """A disk of a request, as it was called then."""

    id: str
    name: str


class Lookups(Protocol):
    """Requests, found by their ids or by what they are about."""

    async def item(self, item_id: str) -> tuple[Item, Request] | None: ...

    async def find(self, any_id: str) -> tuple[Request, list[Item]] | None: ...

    async def recent(self, filters: Filters) -> list[tuple[Request, list[Item]]]: ...

    async def disks_named(self, projects: Sequence[str]) -> list[DiskName]:
        """The disks that requests in these projects were about, by id and name, newest first."""
        ...

    async def of_delivery(self, delivery: str) -> Request | None: ...

    async def tries_of(self, request_id: str) -> list[Request]: ...

    async def copying(self, project: str) -> list[str]: ...
