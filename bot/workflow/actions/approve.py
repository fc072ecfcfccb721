"""Other people agree, or not: approve, deny, and expire:{request} for when none of them decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain import sentences
from bot.domain.actors import Actor
from bot.domain.audit import BOT, by_grant, denied, of_request, read_entry
from bot.domain.normalise import letters_in
from bot.domain.results import Told
from bot.domain.roles import Action
from bot.domain.transitions import RequestEvent, RequestState
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.requests import Requests
from bot.workflow.gate import Admitted, Gate, Verb, Wait

REASON_CHARACTERS = 300
DECIDED_BEFORE = "settled-before"

_REVIEW = Verb(Action.APPROVE, "approve", "I know no request {} that waits for you.")
_APPROVE = replace(
    _REVIEW,
    of=Wait(
        RequestState.WAITING,
        (DECIDED_BEFORE, "This request does not wait for approval: it is {}."),
        ("approval-timeout", "This request no longer waits: the time to settle it is over. Nothing was created."),
    ),
)


class Rows(Audit, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """Each decision is asked of the rows at its own moment; of two at once the first one settles it.

    `channel` is where they pressed or typed; None in App Home and in a form, where the place of the request counts.
    """

    store: Rows
    gate: Gate
    clock: Clock

    async def approve(self, actor: Actor, channel: str | None, request_id: str) -> Told:
        admitted = await self._waiting(actor, channel, request_id)
        if isinstance(admitted, Told):
            return admitted
        request = admitted.request
        if actor.user_id in request.approvers:
            sentence = f"You approved it before; {request.approvals_needed - len(request.approvers)} more needed."
            return await self.gate.refuse(actor, admitted, "agreed-before", sentence)
        entry = by_grant(of_request(actor, _APPROVE.name, request, "allowed", "granted"), admitted.grant)
        after = await self.store.approve(request.id, actor.user_id, [entry])
        if after is None:
            return await self._too_late(actor, admitted)
        missing = after.approvals_needed - len(after.approvers)
        if missing > 0:
            return Told(f"You approved it; {missing} more needed.", done=True)
        return Told(f"You approved {request.id}, and it began. Its message says how far it is.", done=True)

    async def may_deny(self, actor: Actor, channel: str | None, request_id: str) -> Told | None:
        """Asked before the form for the reason opens; that it opens is written in the trail. None: they may."""
        admitted = await self._waiting(actor, channel, request_id)
        if isinstance(admitted, Told):
            return admitted
        self.store.note([read_entry(actor.user_id, "deny-form", [admitted.project], admitted.place, request_id)])
        return None

    async def deny(self, actor: Actor, channel: str | None, request_id: str, reason: str) -> Told:
        admitted = await self._waiting(actor, channel, request_id)
        if isinstance(admitted, Told):
            return admitted
        if not letters_in(reason):
            sentence = "Say why, so that the person knows what to change: deny ID reason=…"
            return await self.gate.refuse(actor, admitted, "reason-missing", sentence)
        request, rule = admitted.request, "denied-by-approver"
        who = sentences.person(actor.user_id)
        explanation = f"{who} denied it: {sentences.quoted(reason, REASON_CHARACTERS)}. Nothing was created."
        entry = by_grant(of_request(actor, _APPROVE.name, request, "denied", rule), admitted.grant)
        if not await self.store.refuse_waiting(request.id, RequestEvent.DENY, rule, explanation, [entry]):
            return await self._too_late(actor, admitted)
        return Told("You denied it; the person who asked is told your reason.", done=True)

    async def review(self, actor: Actor, channel: str | None, request_id: str) -> Told:
        """Close the review that a request without approval asks for."""
        admitted = await self.gate.admits(actor, channel, request_id, _REVIEW)
        if isinstance(admitted, Told):
            return admitted
        request = admitted.request
        if not request.break_glass:
            sentence = "This request did not run without approval, so there is nothing to review."
            return await self.gate.refuse(actor, admitted, "nothing-to-review", sentence)
        if request.review_due and request.actor_id == actor.user_id:
            return await self._own(actor, admitted)
        entry = by_grant(of_request(actor, "review", request, "allowed", "reviewed"), admitted.grant)
        if not await self.store.review(request.id, actor.user_id, [entry]):
            return await self.gate.refuse(actor, admitted, DECIDED_BEFORE, "Somebody reviewed this request already.")
        return Told("Reviewed. The request's message says so.", done=True)

    async def expire(self, request_id: str) -> float | None:
        """The job: end a request that was not confirmed in time, or not agreed to."""
        found = await self.store.request(request_id)
        if found is None:
            return None
        request, until, now = found[0], found[0].waits_until, self.clock.now()
        if not request.not_yet_going or until is None:
            return None
        if now < until:
            return (until - now).total_seconds()
        if request.state is RequestState.PLANNED:
            explanation = "Nobody confirmed the plan in time, so it was dropped. Nothing was created. Ask again."
            entry = denied(BOT, Action.CREATE, request.id, "plan-timeout")
            await self.store.refuse_waiting(request.id, RequestEvent.DROP, "plan-timeout", explanation, [entry])
            return None
        minutes = round((now - request.created_at).total_seconds() / 60)
        explanation = f"Nobody settled it within {minutes} minutes, so it was dropped. Nothing was created. Ask again."
        entry = denied(BOT, Action.APPROVE, request.id, "approval-timeout")
        await self.store.refuse_waiting(request.id, RequestEvent.DROP, "approval-timeout", explanation, [entry])
        return None

    async def _waiting(self, actor: Actor, channel: str | None, request_id: str) -> Admitted | Told:
        """Another person's request that still waits to be settled."""
        admitted = await self.gate.admits(actor, channel, request_id, _APPROVE)
        if isinstance(admitted, Told) or admitted.request.actor_id != actor.user_id:
            return admitted
        return await self._own(actor, admitted)

    async def _own(self, actor: Actor, admitted: Admitted) -> Told:
        sentence = "You asked for this yourself; somebody else has to look at it."
        return await self.gate.refuse(actor, admitted, "own-request", sentence)

    async def _too_late(self, actor: Actor, admitted: Admitted) -> Told:
        sentence = "Somebody settled this request a moment before you."
        return await self.gate.refuse(actor, admitted, DECIDED_BEFORE, sentence)
