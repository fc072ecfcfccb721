"""Messages of the outbox by short names: `status`, and `edit` for what takes its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.domain.items import Item
from bot.domain.requests import Request
from bot.ports.messages import DirectMessage, Edit, NewMessage, OutboxMessage, Text

EDITS = {"edit": Text.STATUS, "ask_edit": Text.ASK, "receipt_edit": Text.RECEIPT}
DIRECT = frozenset({Text.ASK_DIRECTLY, Text.BREAK_GLASS, Text.REFUSAL, Text.MOVED})


def outgoing(kind: str, request: Request, items: Sequence[Item], *, why: str = "", **fields: Any) -> OutboxMessage:
    told = (request, items, items)
    if kind in EDITS:
        return Edit(EDITS[kind], *told, ts="1.0", **fields)
    if Text(kind) in DIRECT:
        return DirectMessage(Text(kind), *told, to=request.actor_id, why=why, **fields)
    return NewMessage(Text(kind), *told, **fields)


def kind_of(message: OutboxMessage) -> str:
    if not isinstance(message, Edit):
        return str(message.text)
    return next(kind for kind, text in EDITS.items() if text is message.text)
