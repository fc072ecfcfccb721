"""Other people agree, or not: approve, deny, and expire:{request} for when nobody does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.domain import sentences
from bot.domain.access import CLOSED_RULES, Action, Actor, Denied, decide
from bot.domain.projects import Project
from bot.domain.requests import Item, Request, RequestState
from bot.interfaces import AuditEntry, Clock, Store
from bot.workflow.arrival import Refused, with_helpers
from bot.workflow.viewing import unknown_id, viewed

REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to the one who pressed or typed; `done` says whether anything changed."""

    sentence: str
    done: bool


class Approvals:
    """Each decision is asked of the rows at its own moment; of two at once the first one settles it.

    `channel` is where somebody pressed or typed; None in App Home and in a form, where the place of the request counts.
    """

    def __init__(self, store: Store, projects: Mapping[str, Project], clock: Clock) -> None:
        self._store = store
        self._projects = projects
        self._clock = clock

    async def approve(self, actor: Actor, channel: str | None, request_id: str) -> Told:
        found = await self._store.request(request_id)
        if refused := await self._refusal(actor, channel, request_id, found):
            return refused
        assert found is not None
        entry = self._entry(actor, found[0], "allowed", "granted")
        after = await self._store.approve(request_id, actor.user_id, [entry])
        if after is None:
            return Told("Somebody settled this request a moment before you.", done=False)
        missing = after.approvals_needed - len(after.approvers)
        return Told(
            "You approved it; it runs now." if missing <= 0 else f"You approved it; {missing} more needed.", True
        )

    async def may_deny(self, actor: Actor, channel: str | None, request_id: str) -> Told | None:
        """Asked before the form for the reason opens; that it opens is written in the trail. None: they may."""
        found = await self._store.request(request_id)
        if refused := await self._refusal(actor, channel, request_id, found):
            return refused
        assert found is not None
        place = found[0].place.channel_id if channel is None else channel
        self._store.note([viewed(actor.user_id, "deny-form", filter(None, [found[0].project]), place, request_id)])
        return None

    async def deny(self, actor: Actor, channel: str | None, request_id: str, reason: str) -> Told:
        found = await self._store.request(request_id)
        if refused := await self._refusal(actor, channel, request_id, found):
            return refused
        if not reason.strip():
            return Told("Say why, so that the person knows what to change: deny ID reason=…", done=False)
        assert found is not None
        who = sentences.person(actor.user_id)
        verdict = f"{who} denied it: {sentences.quoted(reason, REASON_CHARACTERS)}. Nothing was created."
        entry = self._entry(actor, found[0], "denied", "denied-by-approver")
        done = await self._store.refuse_waiting(request_id, RequestState.DENIED, "denied-by-approver", verdict, [entry])
        if not done:
            return Told("Somebody settled this request a moment before you.", done=False)
        return Told("You denied it; the person who asked is told your reason.", done=True)

    async def review(self, actor: Actor, channel: str | None, request_id: str) -> Told:
        """Close the review that a request without approval asks for."""
        found = await self._store.request(request_id)
        if refused := await self._refusal(actor, channel, request_id, found, waits=False):
            return refused
        assert found is not None
        if not found[0].break_glass:
            return Told("This request did not run without approval, so there is nothing to review.", done=False)
        entry = replace(self._entry(actor, found[0], "allowed", "reviewed"), action="review")
        if not await self._store.review(request_id, actor.user_id, [entry]):
            return Told("Somebody reviewed this request already.", done=False)
        return Told("Reviewed. The request's message says so.", done=True)

    async def expire(self, request_id: str) -> float | None:
        """The duty: end a request which nobody confirmed, or to which nobody agreed, in time."""
        found = await self._store.request(request_id)
        if found is None:
            return None
        request, until, now = found[0], found[0].waits_until, self._clock.now()
        if not request.not_yet_going or until is None:
            return None
        if now < until:
            return (until - now).total_seconds()
        if request.state is RequestState.PLANNED:
            verdict = "Nobody confirmed the plan in time, so it was dropped. Nothing was created. Ask again."
            entry = AuditEntry("snapshot-bot", Action.CREATE, request.id, "denied", "plan-timeout")
            await self._store.refuse_waiting(request.id, RequestState.DROPPED, "plan-timeout", verdict, [entry])
            return None
        minutes = round((now - request.created_at).total_seconds() / 60)
        verdict = f"Nobody settled it within {minutes} minutes, so it was dropped. Nothing was created. Ask again."
        entry = AuditEntry("snapshot-bot", Action.APPROVE, request.id, "denied", "approval-timeout")
        await self._store.refuse_waiting(request.id, RequestState.DROPPED, "approval-timeout", verdict, [entry])
        return None

    async def _refusal(
        self,
        actor: Actor,
        channel: str | None,
        request_id: str,
        found: tuple[Request, list[Item]] | None,
        *,
        waits: bool = True,
    ) -> Told | None:
        unknown = f"I know no request {sentences.quoted(request_id)} that waits for you."
        if found is None or found[0].project is None:
            await self._store.record([unknown_id(actor.user_id, Action.APPROVE, found[0].id if found else "")])
            return Told(unknown, done=False)
        request, alias = found[0], found[0].project
        assert alias is not None
        grants = await self._store.grants_for(actor)
        project = self._projects.get(alias)
        place = request.place.channel_id if channel is None else channel
        decision = decide(actor, Action.APPROVE, alias, project, place, grants, self._clock.now())
        if isinstance(decision, Denied):
            await self._store.record([self._entry(actor, request, "denied", decision.rule)])
            if decision.rule in CLOSED_RULES:
                return Told(unknown, done=False)
            refused = Refused(decision.explanation, decision.rule, alias)
            return Told((await with_helpers(self._store, refused)).sentence, done=False)
        if request.actor_id == actor.user_id:
            await self._store.record([self._entry(actor, request, "denied", "own-request")])
            return Told("You asked for this yourself; somebody else has to look at it.", done=False)
        if waits and request.state is not RequestState.WAITING:
            return Told(f"This request no longer waits: it is {request.state}.", done=False)
        if waits and request.time_over(self._clock.now()):
            return Told("This request no longer waits: the time to settle it is over. Nothing was created.", done=False)
        return None

    @staticmethod
    def _entry(actor: Actor, request: Request, outcome: str, rule: str) -> AuditEntry:
        allowed = outcome == "allowed"
        details = {"project": request.project, "requester": request.actor_id}
        return AuditEntry(actor.user_id, Action.APPROVE, request.id, "allowed" if allowed else "denied", rule, details)
