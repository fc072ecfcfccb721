"""Saying go to a plan: by who asked for it, or by somebody who could have. Another selection: only by who asked.

A plan runs in the name of its requester, for their reason and past the approval they may have done without; whoever
chose its disks for them could also agree to their own choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain import sentences
from bot.domain.access import (
    CLOSED_RULES,
    Action,
    Actor,
    Denied,
    NeedsApproval,
    Usage,
    decide,
    over_the_limit,
    standing_refused,
)
from bot.domain.orders import Quick, Selector
from bot.domain.projects import Project
from bot.domain.requests import Item, Request, RequestState
from bot.interfaces import AuditEntry, Clock, Store
from bot.workflow.approving import Told
from bot.workflow.arrival import Refused, with_helpers
from bot.workflow.notifying import who_may_approve
from bot.workflow.planning import set_going
from bot.workflow.viewing import unknown_id, viewed

NOT_YOUR_PLAN = "not-your-plan"
_TOO_LATE = Told("Somebody settled this plan a moment before you, or its time was over.", done=False)


@dataclass(frozen=True, slots=True)
class _Allowed:
    request: Request
    items: Sequence[Item]
    project: Project
    rule: str
    approvals: int


class Confirming:
    """Asked of the rows at the moment of the press; of two who press at once, one settles it."""

    def __init__(self, store: Store, projects: Mapping[str, Project], clock: Clock) -> None:
        self._store = store
        self._projects = projects
        self._clock = clock

    async def confirm(self, actor: Actor, channel: str | None, request_id: str) -> Told:
        """`channel` None: from where there is no place; the place of the request counts."""
        allowed = await self._allowed(actor, channel, request_id)
        if isinstance(allowed, Told):
            return allowed
        request = allowed.request
        after = set_going(request, allowed.approvals, request.break_glass, self._clock.now(), confirm=False)
        alerted = after.break_glass and after.state is RequestState.RUNNING
        notify = await who_may_approve(self._store, after) if alerted else ()
        entry = self._entry(actor, request, "allowed", allowed.rule)
        settled = await self._store.confirm(after, notify, [entry], room=allowed.project.daily_limit)
        if settled.how == "over":
            return await self._over_the_limit(actor, allowed, settled.used)
        if settled.how == "late":
            return _TOO_LATE
        if after.state is RequestState.WAITING:
            where = "them directly" if after.told_directly else "in the thread"
            return Told(f"Confirmed. Others have to agree before it runs; I am asking {where}.", done=True)
        return Told("Confirmed. It runs now.", done=True)

    async def change(self, actor: Actor, channel: str | None, request_id: str, selectors: tuple[Selector, ...]) -> Told:
        """Plan the same request anew, with another selection."""
        allowed = await self._theirs(actor, channel, request_id)
        if isinstance(allowed, Told):
            return allowed
        request = allowed.request
        assert isinstance(request.order, Quick), "only a quick backup is planned"
        order = replace(request.order, selectors=selectors, confirm=True)  # nobody has seen that plan yet
        again = replace(request, state=RequestState.RECEIVED, order=order, rev=request.rev + 1, waits_until=None)
        entry = self._entry(actor, request, "allowed", "plan-changed")
        if not await self._store.plan_again(again, [entry]):
            return _TOO_LATE
        return Told("I am planning it anew.", done=True)

    async def _over_the_limit(self, actor: Actor, allowed: _Allowed, used: int) -> Told:
        """Whose limit it is: who asked, not who said go. The plan stays, for when there is room or more is allowed."""
        request, project = allowed.request, allowed.project
        usage = Usage(used, sum(not item.ended for item in allowed.items))
        who = "You have" if request.actor_id == actor.user_id else f"{sentences.person(request.actor_id)} has"
        denied = over_the_limit(project.alias, project.daily_limit or 0, usage, who)
        await self._store.record([self._entry(actor, request, "denied", denied.rule)])
        refused = Refused(denied.explanation, denied.rule, project.alias)
        told = (await with_helpers(self._store, refused)).sentence
        return Told(f"{told} Nothing was started; the plan stays as it is.", done=False)

    async def may_change(
        self, actor: Actor, channel: str | None, request_id: str
    ) -> tuple[Request, Sequence[Item]] | Told:
        """Asked before the form for another selection opens, which shows the disks: a reading."""
        allowed = await self._theirs(actor, channel, request_id)
        if isinstance(allowed, Told):
            return allowed
        place = allowed.request.place.channel_id if channel is None else channel
        self._store.note([viewed(actor.user_id, "change-form", [allowed.project.alias], place, request_id)])
        return allowed.request, allowed.items

    async def _theirs(self, actor: Actor, channel: str | None, request_id: str) -> _Allowed | Told:
        """What they may confirm, if it is also their own."""
        allowed = await self._allowed(actor, channel, request_id)
        if isinstance(allowed, Told) or allowed.request.actor_id == actor.user_id:
            return allowed
        await self._store.record([self._entry(actor, allowed.request, "denied", NOT_YOUR_PLAN)])
        requester = sentences.person(allowed.request.actor_id)
        return Told(
            f"Only {requester}, in whose name it runs, can change this plan. You can confirm it as it is, press Drop, "
            "or make a plan of your own: `quick …`.",
            done=False,
        )

    async def _allowed(self, actor: Actor, channel: str | None, request_id: str) -> _Allowed | Told:
        unknown = Told(f"I know no plan {sentences.quoted(request_id)} that you may confirm.", done=False)
        if standing := standing_refused(actor):
            await self._store.record([AuditEntry(actor.user_id, Action.CREATE, "", "denied", standing.rule)])
            return Told(standing.explanation, done=False)
        found = await self._store.request(request_id)
        if found is None or found[0].project is None:
            await self._store.record([unknown_id(actor.user_id, Action.CREATE, found[0].id if found else "")])
            return unknown
        request, alias = found[0], found[0].project
        place = request.place.channel_id if channel is None else channel
        grants = await self._store.grants_for(actor)
        project, now = self._projects.get(alias), self._clock.now()
        decision = decide(actor, Action.CREATE, alias, project, place, grants, now)
        if isinstance(decision, Denied):
            await self._store.record([self._entry(actor, request, "denied", decision.rule)])
            if decision.rule in CLOSED_RULES:
                return unknown
            refused = Refused(decision.explanation, decision.rule, alias)
            return Told((await with_helpers(self._store, refused)).sentence, done=False)
        if request.state is not RequestState.PLANNED:
            return Told(f"This plan can't be confirmed any more: the request is {request.state}.", done=False)
        if request.time_over(now):
            return Told("The time to confirm this plan is over. Nothing was created. Ask again.", done=False)
        assert project is not None, "nobody is allowed anything in a project that is not configured"
        needed = decision.approvals if isinstance(decision, NeedsApproval) and not request.break_glass else 0
        return _Allowed(request, found[1], project, decision.rule, needed)

    @staticmethod
    def _entry(actor: Actor, request: Request, outcome: str, rule: str) -> AuditEntry:
        details = {"project": request.project, "requester": request.actor_id, "hop": "confirm"}
        allowed = outcome == "allowed"
        return AuditEntry(actor.user_id, Action.CREATE, request.id, "allowed" if allowed else "denied", rule, details)
