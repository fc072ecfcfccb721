"""The messages that are still to be sent about a request, in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import Deletion
from bot.domain.granting import Subject
from bot.domain.items import Item
from bot.domain.requests import Request


class Text(StrEnum):
    """Which text about a request; the value is the `part` that stands in the metadata of a message."""

    STATUS = "status"
    ASK = "ask"
    ASK_DIRECTLY = "ask_directly"
    ACCEPTED = "accepted"
    FAILURE = "failure"
    RECEIPT = "receipt"
    REMINDER = "reminder"
    REFUSAL = "refusal"
    MOVED = "moved"
    BREAK_GLASS = "break_glass"


@dataclass(frozen=True, slots=True)
class _Told:
    """`items` are those it is about, `all_items` the whole request.

    `leaders` are the requests that copy a joined disk, by the id of the item that was joined; `groups` those of a quick
    backup; `held` the ids of snapshots that another request still keeps; `called` those who may approve.
    """

    text: Text
    request: Request
    items: Sequence[Item]
    all_items: Sequence[Item]
    leaders: Mapping[str, Request] = field(default_factory=dict)
    groups: Sequence[ConsistencyGroup] = ()
    held: frozenset[str] = frozenset()
    called: Sequence[Subject] = ()


@dataclass(frozen=True, slots=True)
class NewMessage(_Told):
    """To be posted: the status message where the request is told, all others below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(_Told):
    """To stand in place of what the message `ts` says now."""

    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectMessage(_Told):
    """To be said to the person `to` alone. `why`: the reason of the CannotPost that moved the request's messages."""

    to: str
    why: str = ""


OutboxMessage = NewMessage | Edit | DirectMessage


@dataclass(frozen=True, slots=True)
class Notice:
    """A person, or everybody in a group, who is to be told of a request directly; decided at `since`.

    `asking`: they are asked to agree to that asking for a deletion; 0: it is about the request itself.
    """

    subject: Subject
    since: datetime
    asking: int = 0


class Outbox(Protocol):
    """The messages that are to be posted or edited, and those that stand.

    `to_send` answers the ids of the requests that have some for a channel, the oldest first; `changed` those that came
    to it since it was asked last, by memory alone. A request marked as sent says whether something is left.
    """

    async def to_send(self, reply_channel: str) -> list[str]: ...

    async def outbox(self, reply_channel: str, request_ids: Sequence[str]) -> list[tuple[Request, list[Item]]]: ...

    async def mark_sent(
        self, request: Request, was: Request, *, accepted: Sequence[str] = (), failures: Sequence[str] = ()
    ) -> bool:
        """`was`: as it was read before that. False: another replica sent it meanwhile, and its message counts."""
        ...

    async def move_reply_channel(self, request: Request, was: Request) -> None: ...

    async def mark_all_sent(self, requests: Sequence[Request]) -> None: ...

    async def tell_directly(self, request_id: str, subjects: Sequence[Subject]) -> None: ...

    async def untold(self, request_id: str) -> list[Notice]: ...

    async def told(
        self, request_id: str, notice: Notice, audit: Sequence[AuditEntry] = (), *, instead: Sequence[Subject] = ()
    ) -> None: ...

    async def deletion_announced(self, request_id: str, asking: int, notify: Sequence[Subject] = ()) -> None: ...

    async def deletions_told(self, rows: Sequence[Deletion]) -> None: ...
