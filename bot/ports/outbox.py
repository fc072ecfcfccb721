"""What is still to be said of a request, in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from bot.domain.audit import AuditEntry
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import Deletion
from bot.domain.granting import Subject
from bot.domain.items import Item
from bot.domain.requests import Request


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands: Slack's `channel` and `ts`, together its identity. `astray`: it was to stand in a thread
    that is gone, and stands at the top level.
    """

    channel: str
    ts: str
    astray: bool = False


MessageKind = Literal[
    "status",
    "edit",
    "ask",
    "ask_directly",
    "ask_edit",
    "accepted",
    "failure",
    "receipt",
    "receipt_edit",
    "post_mortem",
    "reminder",
    "refusal",
    "moved",
    "break_glass",
]


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One message or edit about a request. `items` are those it is about, `all_items` the whole request.

    `leaders` are the requests that copy a joined disk, by the id of the item that was joined; `groups` those of a quick
    backup; `held` the ids of snapshots that another request still keeps. `why`: the reason of the CannotPost that moved
    it elsewhere.
    """

    kind: MessageKind
    request: Request
    items: Sequence[Item]
    all_items: Sequence[Item]
    leaders: Mapping[str, Request] = field(default_factory=dict)
    groups: Sequence[ConsistencyGroup] = ()
    held: frozenset[str] = frozenset()
    why: str = ""
    called: Sequence[Subject] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A person, or everybody in a group, who is to be told of a request directly; decided at `since`.

    `asking`: they are asked to agree to that asking for a deletion; 0: it is about the request itself.
    """

    subject: Subject
    since: datetime
    asking: int = 0


class Outbox(Protocol):
    """What is to be posted or edited, and what stands."""

    async def outbox(self, reply_channel: str) -> list[tuple[Request, list[Item]]]: ...

    async def mark_sent(
        self, request: Request, *, accepted: Sequence[str] = (), failures: Sequence[str] = ()
    ) -> None: ...

    async def move_reply_channel(self, request: Request) -> None: ...

    async def mark_all_sent(self, request: Request) -> None: ...

    async def tell_directly(self, request_id: str, subjects: Sequence[Subject]) -> None: ...

    async def untold(self, request_id: str) -> list[Notice]: ...

    async def told(
        self, request_id: str, notice: Notice, audit: Sequence[AuditEntry] = (), *, instead: Sequence[Subject] = ()
    ) -> None: ...

    async def deletion_announced(self, request_id: str, asking: int, notify: Sequence[Subject] = ()) -> None: ...

    async def deletions_told(self, rows: Sequence[Deletion]) -> None: ...
