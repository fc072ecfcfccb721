"""Confirming a plan: by its requester, or by a person who could have asked for it. Another selection, and what is typed
to overwrite disks: only by its requester.

A plan runs in the name of its requester, for their reason and past the approval they may have done without; a person
who chose its disks for them, or typed their names, could also agree to what they did themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain import sentences
from bot.domain.access import action_of, approvals_for
from bot.domain.actors import Actor
from bot.domain.audit import by_grant, of_request, read_entry
from bot.domain.daily_limit import wanted
from bot.domain.denials import over_the_limit
from bot.domain.items import Item
from bot.domain.normalise import entered
from bot.domain.orders import Quick, Restore, Selector, overwrites
from bot.domain.projects import Project
from bot.domain.requests import Request, planned_anew
from bot.domain.restoring.restorations import Restoration, is_typed, to_be_typed
from bot.domain.results import Refused, Told
from bot.domain.roles import Action
from bot.domain.sentences import quoted
from bot.domain.transitions import RequestState
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.grants import Grants
from bot.ports.requests import Requests
from bot.ports.restorations import Restorations
from bot.workflow.gate import Admitted, Gate, Verb, Wait
from bot.workflow.intake import with_helpers
from bot.workflow.jobs.notify import who_may_approve
from bot.workflow.jobs.plan import set_going

NOT_YOUR_PLAN = "not-your-plan"
NOT_TYPED = "not-typed"

_CONFIRM = Verb(
    Action.CREATE,
    "create",
    "I know no plan {} that you may confirm.",
    of=Wait(
        RequestState.PLANNED,
        ("no-plan-any-more", "This plan can't be confirmed any more: the request is {}."),
        ("plan-timeout", "The time to confirm this plan is over. Nothing was created. Ask again."),
    ),
)


class Rows(Audit, Grants, Requests, Restorations, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Overwriting:
    """The disks that a plan would overwrite, and what has to be typed for that."""

    rows: Sequence[Restoration]
    to_type: str


@dataclass(frozen=True, slots=True)
class Confirming:
    """Asked of the rows at the moment of the press; of two who press at once, one settles it."""

    store: Rows
    gate: Gate
    projects: Mapping[str, Project]
    clock: Clock

    async def confirm(self, actor: Actor, channel: str | None, request_id: str, *, typed: str = "") -> Told:
        """`channel` None: from where there is no place; the place of the request counts. `typed` is what a person wrote
        for disks to be overwritten: without it nothing is, whatever was pressed.
        """
        allowed = await self._admitted(actor, channel, request_id)
        if isinstance(allowed, Told):
            return allowed
        request, project = allowed.request, self.projects[allowed.project]
        if overwrites(request.order) and actor.user_id != request.actor_id:
            return await self._not_typed_by(actor, allowed)
        if problem := await self.typed_otherwise(request.id, typed):
            return await self.gate.refuse(actor, allowed, NOT_TYPED, problem)
        needed = 0 if request.break_glass else approvals_for(request.order, project)
        after = set_going(request, needed, request.break_glass, self.clock.now(), confirm=False)
        alerted = after.break_glass and after.state is RequestState.RUNNING
        notify = await who_may_approve(self.store, after) if alerted else ()
        entry = of_request(actor, _CONFIRM.name, request, "allowed", allowed.rule, hop="confirm")
        entry = by_grant(entry, allowed.grant)
        room = None if isinstance(request.order, Restore) else project.daily_limit
        decided = await self.store.confirm(after, notify, [entry], room=room)
        if decided.how == "over":
            return await self._over_the_limit(actor, allowed, decided.used)
        if decided.how == "late":
            return await self._too_late(actor, allowed)
        if after.state is RequestState.WAITING:
            where = "directly" if after.told_directly else "in the thread"
            return Told(f"You confirmed {request.id}. It runs once others agree, who are asked {where}.", True)
        return Told(f"You confirmed {request.id}, and it began. Its message says how far it is.", done=True)

    async def change(self, actor: Actor, channel: str | None, request_id: str, selectors: tuple[Selector, ...]) -> Told:
        """Plan the same request anew, with another selection."""
        allowed = await self._theirs(actor, channel, request_id)
        if isinstance(allowed, Told):
            return allowed
        request = allowed.request
        assert isinstance(request.order, Quick), "only a quick backup is planned"
        order = replace(request.order, selectors=selectors, confirm=True)  # that plan is still unseen
        entry = of_request(actor, _CONFIRM.name, request, "allowed", "plan-changed", hop="confirm")
        entry = by_grant(entry, allowed.grant)
        if not await self.store.plan_again(planned_anew(request, order), [entry]):
            return await self._too_late(actor, allowed)
        return Told("I am planning it anew.", done=True)

    async def _over_the_limit(self, actor: Actor, allowed: Admitted, used: int) -> Told:
        """Whose limit it is: who asked, not who said go. The plan stays, for when there is room or more is allowed."""
        request, project = allowed.request, self.projects[allowed.project]
        who = "You have" if request.actor_id == actor.user_id else f"{sentences.person(request.actor_id)} has"
        denied = over_the_limit(project.alias, project.daily_limit or 0, used, wanted(allowed.items), who)
        await self.store.audit([of_request(actor, _CONFIRM.name, request, "denied", denied.rule, hop="confirm")])
        refused = Refused(denied.explanation, denied.rule, project.alias)
        told = (await with_helpers(self.store, refused)).sentence
        return Told(f"{told} Nothing was started; the plan stays as it is.", done=False)

    async def may_change(
        self, actor: Actor, channel: str | None, request_id: str
    ) -> tuple[Request, Sequence[Item]] | Told:
        """Asked before the form for another selection opens, which shows the disks: a reading."""
        allowed = await self._theirs(actor, channel, request_id)
        if isinstance(allowed, Told):
            return allowed
        self.store.note([read_entry(actor.user_id, "change-form", [allowed.project], allowed.place, request_id)])
        return allowed.request, allowed.items

    async def may_overwrite(self, actor: Actor, channel: str | None, request_id: str) -> Overwriting | Told:
        """Asked before the form opens in which a person types what is overwritten: a reading."""
        allowed = await self._admitted(actor, channel, request_id)
        if isinstance(allowed, Told):
            return allowed
        rows = await self.store.restorations_of(request_id)
        if not overwrites(allowed.request.order):
            sentence = "This plan overwrites nothing. Press its button to confirm it."
            return await self.gate.refuse(actor, allowed, NOT_TYPED, sentence)
        if actor.user_id != allowed.request.actor_id:
            return await self._not_typed_by(actor, allowed)
        self.store.note([read_entry(actor.user_id, "overwrite-form", [allowed.project], allowed.place, request_id)])
        return Overwriting(rows, to_be_typed(rows))

    async def typed_otherwise(self, request_id: str, typed: str) -> str:
        """The sentence for who typed something else than what is overwritten; "" where it fits, or nothing is."""
        found = await self.store.request(request_id)
        if found is None or not overwrites(found[0].order):
            return ""
        rows = await self.store.restorations_of(request_id)
        if is_typed(rows, entered(typed)):
            return ""
        return f"Type exactly {quoted(to_be_typed(rows))} to overwrite. So far nothing is touched."

    async def _admitted(self, actor: Actor, channel: str | None, request_id: str) -> Admitted | Told:
        async def action(request: Request) -> Action:
            return action_of(request.order)

        return await self.gate.admits(actor, channel, request_id, _CONFIRM, action_of=action)

    async def _theirs(self, actor: Actor, channel: str | None, request_id: str) -> Admitted | Told:
        """The plan that they may confirm, if it is also their own."""
        allowed = await self._admitted(actor, channel, request_id)
        if isinstance(allowed, Told) or allowed.request.actor_id == actor.user_id:
            return allowed
        requester = sentences.person(allowed.request.actor_id)
        sentence = (
            f"Only {requester}, in whose name it runs, can change this plan. You can confirm it as it is, "
            "press Cancel Plan, or make a plan of your own: `quick …`."
        )
        return await self.gate.refuse(actor, allowed, NOT_YOUR_PLAN, sentence)

    async def _not_typed_by(self, actor: Actor, admitted: Admitted) -> Told:
        """So that the other person who agrees is another one than who typed."""
        requester = sentences.person(admitted.request.actor_id)
        sentence = f"Only {requester}, who asked for it, can type what is overwritten. Somebody else agrees after that."
        return await self.gate.refuse(actor, admitted, NOT_YOUR_PLAN, sentence)

    async def _too_late(self, actor: Actor, admitted: Admitted) -> Told:
        sentence = "Somebody settled this plan a moment before you, or its time was over."
        return await self.gate.refuse(actor, admitted, "settled-before", sentence)
