"""The messages about a request: which text it is, and whether it is new, an edit, or for one person alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.granting import Subject
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration


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
    restorations: Sequence[Restoration] = ()
    """All the disks of the request that come back; `about` are those that it is about."""
    about: Sequence[Restoration] = ()

    @property
    def ids(self) -> list[str]:
        """Of the rows that it is about."""
        return [*(item.id for item in self.items), *(row.id for row in self.about)]


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
Whole = tuple[Request, Sequence[Item], Sequence[Restoration]]
"""A request with its disks: those that are copied, and those that come back."""
