"""Rights and bindings in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from bot.domain.actors import Actor
from bot.domain.audit import AuditEntry
from bot.domain.bindings import Binding
from bot.domain.granting import Subject
from bot.domain.roles import Grant


@dataclass(frozen=True, slots=True)
class Rights:
    """Grants at one moment: `held` may name who asks, `theirs` are the rows in question (of a subject or a source),
    `admins` every grant of the role admin that counts in the project in question. Expired ones are among them.
    """

    held: Sequence[Grant]
    theirs: Sequence[Grant]
    admins: Sequence[Grant]


@dataclass(frozen=True, slots=True)
class Revision:
    """A change of grants: the sentence about it, its audit rows, and the rows to remove and then to add."""

    told: str
    audit: Sequence[AuditEntry] = ()
    added: Sequence[Grant] = ()
    removed: Sequence[Grant] = ()
    refused: bool = False


Revise = Callable[[Rights], Revision]
"""Decides about a change of grants, inside its transaction. Pure."""


Rebound = Literal["done", "kept-by-file", "settled-before"]
"""The outcome of a change of a channel's bindings: done; bot.toml has the say; or they were changed meanwhile."""


class Grants(Protocol):
    """Who may what."""

    async def grants_for(self, actor: Actor) -> list[Grant]: ...

    async def approver_grants(self, project: str) -> list[Grant]: ...

    async def revise_grants(self, actor: Actor, subject: Subject, project: str, revise: Revise) -> Revision: ...

    async def grants_of(self, subject: Subject) -> list[Grant]: ...

    async def expire_grants(self, told: Callable[[Grant], AuditEntry]) -> datetime | None: ...

    async def helpers(self, project: str) -> list[Grant]: ...


class Bindings(Protocol):
    """The meaning of `quick` in a channel."""

    async def bound_project(self, channel: str) -> str | None: ...

    async def bindings(self, channel: str) -> list[Binding]: ...

    async def bound_to(self, channel: str) -> list[tuple[str, int]]: ...

    async def bind(
        self, channel: str, bindings: Sequence[Binding], audit: Sequence[AuditEntry], *, over: Sequence[str]
    ) -> Rebound: ...
