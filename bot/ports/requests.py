"""Requests, their disks and deletions in the store. Each method is one transaction: rows, audit and jobs together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.domain.actors import Actor
from bot.domain.audit import AuditEntry
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.granting import Subject
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.roles import Grant
from bot.domain.transitions import RequestEvent
from bot.ports.lookups import Lookups


@dataclass(frozen=True, slots=True)
class Incoming:
    """The outcome of a delivery: a request to keep (or none), and the decisions that led there."""

    request: Request | None
    audit: Sequence[AuditEntry] = ()


Authorize = Callable[[Sequence[Grant], str | None], Incoming]
"""Grants that may name the actor, and the project the channel is bound to, become what is to be recorded. Pure."""


@dataclass(frozen=True, slots=True)
class OpenLimit:
    """How many requests of one person may be open at a time, and the outcome for one more."""

    most: int
    over: Callable[[Request], Incoming]


@dataclass(frozen=True, slots=True)
class Decided:
    """`done`; `late`: another was faster; `over`: the daily limit has no room, `used` disks are taken already."""

    how: Literal["done", "late", "over"]
    used: int = 0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The extent of a cancel: `cancelled` disks, while `sent` ones go on; `dropped`: all of it, nothing was sent.
    `called_off` disks do not come back.
    """

    cancelled: int
    sent: int
    dropped: bool
    called_off: int = 0


class Requests(Lookups, Protocol):
    """The requests of people, and the decisions about them."""

    async def take_in(
        self,
        delivery: str,
        channel: str,
        actor: Actor | None,
        authorize: Authorize,
        *,
        mendable: bool = False,
        limit: OpenLimit | None = None,
    ) -> Request | None: ...

    async def request(self, request_id: str) -> tuple[Request, list[Item]] | None: ...

    async def planning_waits(self, after: Request) -> bool: ...

    async def decide_plan(
        self,
        request: Request,
        items: Sequence[Item],
        audit: Sequence[AuditEntry],
        *,
        groups: Sequence[ConsistencyGroup] = (),
        room: int | None = None,
        notify: Sequence[Subject] = (),
        restorations: Sequence[Restoration] = (),
    ) -> Decided: ...

    async def confirm(
        self, after: Request, notify: Sequence[Subject], audit: Sequence[AuditEntry], *, room: int | None
    ) -> Decided: ...

    async def plan_again(self, after: Request, audit: Sequence[AuditEntry]) -> bool: ...

    async def approve(self, request_id: str, approver_id: str, audit: Sequence[AuditEntry]) -> Request | None: ...

    async def refuse_waiting(
        self, request_id: str, event: RequestEvent, rule: str, explanation: str, audit: Sequence[AuditEntry]
    ) -> bool: ...

    async def review(self, request_id: str, reviewer_id: str, audit: Sequence[AuditEntry]) -> bool: ...

    async def cancel(
        self, request_id: str, *, explanation: str, cause: str, entries: Sequence[AuditEntry]
    ) -> Cancelled | None: ...

    async def extend(self, read: Request, after: Request, audit: Sequence[AuditEntry] = ()) -> bool: ...

    async def used_today(self, actor_id: str, project: str) -> int: ...
