"""Keeping restore points for as long again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain import sentences
from bot.domain.actors import Actor
from bot.domain.audit import by_grant, extended
from bot.domain.deletions import Deletion, named, still_there
from bot.domain.requests import remind_time
from bot.domain.results import Told
from bot.domain.roles import Action
from bot.domain.transitions import DeletionState
from bot.ports.clock import Clock
from bot.ports.deletions import Deletions
from bot.ports.requests import Requests
from bot.workflow.gate import Gate, Verb

_EXTEND = Verb(Action.CREATE, "keep", "I know no restore points {} that you may keep.")
_EXTENDED_BEFORE = ("kept-before", "Somebody kept these a moment before you.")


class Rows(Deletions, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Extending:
    """Keeps restore points for as long again; by a person who could have asked for them, and of two at once by one."""

    store: Rows
    gate: Gate
    clock: Clock

    async def extend(self, actor: Actor, channel: str | None, request_id: str) -> Told:
        admitted = await self.gate.admits(actor, channel, request_id, _EXTEND)
        if isinstance(admitted, Told):
            return admitted
        request, now = admitted.request, self.clock.now()
        until, days = request.expires_at, request.order.keep_days
        if until is None or days is None:
            sentence = "These are kept until somebody deletes them anyway."
            return await self.gate.refuse(actor, admitted, "kept-for-good", sentence)
        deletions = await self.store.deletions(request.id)
        if not still_there(admitted.items, deletions):
            sentence = "Nothing of these is left to keep: they are deleted, or about to be."
            return await self.gate.refuse(actor, admitted, "nothing-to-keep", sentence)
        if request.remind_at is not None and request.remind_at > now:
            return await self.gate.refuse(actor, admitted, *_EXTENDED_BEFORE)
        kept = replace(request, kept_until=max(until, now) + request.keep_for)
        kept = replace(kept, remind_at=remind_time(kept, now))
        entry = by_grant(extended(actor, _EXTEND.name, request, admitted.rule, days), admitted.grant)
        if not await self.store.extend(request, kept, [entry]):
            return await self.gate.refuse(actor, admitted, *_EXTENDED_BEFORE)
        told = f"Kept for {days} more days; I ask again before they are over."
        return Told(f"{told}{_still_asked(deletions)}", done=True)


def _still_asked(deletions: Sequence[Deletion]) -> str:
    """Keeping calls off nothing that another person asked for."""
    asked = [one for one in deletions if one.state is DeletionState.ASKED]
    if not asked:
        return ""
    who = " and ".join(dict.fromkeys(sentences.person(one.asked_by) for one in asked))
    return f" {who} asked to delete {named([one.label for one in asked])}, though: where others agree to that, it goes."
