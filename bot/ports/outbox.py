"""The messages that are still to be sent about a request, in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.audit import AuditEntry
from bot.domain.deletions import Deletion
from bot.domain.granting import Subject
from bot.domain.requests import Request
from bot.ports.messages import Whole


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

    async def outbox(self, reply_channel: str, request_ids: Sequence[str]) -> list[Whole]: ...

    async def mark_sent(
        self, request: Request, was: Request, *, accepted: Sequence[str] = (), failures: Sequence[str] = ()
    ) -> bool:
        """`was`: as it was read before that. `accepted` and `failures` are ids of items or restorations. False: another
        replica sent it meanwhile, and its message counts.
        """
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
