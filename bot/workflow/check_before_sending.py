"""The last question before a POST: whether the person who asked may still do this here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.access import Decision, NeedsApproval, action_of, approvals_for, decide, glass_stays
from bot.domain.actors import Actor
from bot.domain.denials import Denied, approval_missing, no_longer_configured
from bot.domain.errors import LookupFailed
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.roles import Action, Grant
from bot.domain.turns import Claim
from bot.ports.clock import Clock
from bot.ports.grants import Grants
from bot.ports.slack import People
from bot.workflow.look_up import look_up


@dataclass(frozen=True, slots=True)
class SendCheck:
    """Asks Slack and the grants anew each time; an approval is worth no more than its approver's right."""

    store: Grants
    people: People
    projects: Mapping[str, Project]
    clock: Clock

    async def decided(self, request: Request, alias: str) -> Grant | Denied:
        """By which grant of its requester this may be sent to this project now, or why not."""
        if alias not in self.projects:
            return no_longer_configured(alias)
        try:
            actor = await look_up(self.people, self.clock, request.actor_id)
        except LookupFailed as exc:
            return Denied("lookup-failed", exc.sentence)
        decision = await self._decide(actor, action_of(request.order), request, alias)
        if isinstance(decision, Denied):
            return decision
        project = self.projects[alias]
        if isinstance(decision, NeedsApproval) and request.break_glass:
            return glass_stays(project, request.order) or decision.because
        needed = approvals_for(request.order, project)
        return (await self._approval_missing(request, alias, needed) if needed else None) or decision.because

    def claim(self, request: Request, alias: str) -> Claim:
        """Of its requester, to a place in a project that is configured."""
        return Claim(request.actor_id, self.projects[alias].places)

    async def _decide(self, actor: Actor, action: Action, request: Request, alias: str) -> Decision:
        project, channel = self.projects.get(alias), request.place.channel_id
        grants = await self.store.grants_for(actor)
        return decide(actor, action, alias, project, channel, grants, self.clock.now())

    async def _approval_missing(self, request: Request, alias: str, needed: int) -> Denied | None:
        """Those who agreed must still be people who may."""
        counted = 0
        for user_id in request.approvers:
            try:
                approver = await look_up(self.people, self.clock, user_id)
            except LookupFailed as exc:
                return Denied("lookup-failed", exc.sentence)
            decision = await self._decide(approver, Action.APPROVE, request, alias)
            counted += user_id != request.actor_id and not isinstance(decision, Denied)
        if counted >= needed:
            return None
        return approval_missing(alias, needed, counted)
