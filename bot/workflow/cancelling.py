"""Calling back what was not sent yet. What the cloud was asked for goes on to its truthful end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain import sentences
from bot.domain.access import CLOSED_RULES, Action, Actor, Denied, decide, standing_refused
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.interfaces import AuditEntry, Clock, Store
from bot.workflow.approving import Told
from bot.workflow.arrival import Refused, with_helpers
from bot.workflow.viewing import unknown_id


@dataclass(frozen=True, slots=True)
class _Allowed:
    request: Request
    rule: str


class Cancelling:
    """Each decision is asked of the rows at its own moment, and takes effect in the same transaction as its record."""

    def __init__(self, store: Store, projects: Mapping[str, Project], clock: Clock) -> None:
        self._store = store
        self._projects = projects
        self._clock = clock

    async def cancel(self, actor: Actor, channel: str | None, any_id: str) -> Told:
        """`channel` None: from App Home, which is no place; the place of the request counts."""
        allowed = await self._allowed(actor, channel, any_id)
        if isinstance(allowed, Told):
            return allowed
        request = allowed.request
        who = sentences.person(actor.user_id)
        entry = self._entry(actor, request, "allowed", allowed.rule)
        done = await self._store.cancel(
            request.id,
            verdict=f"{who} cancelled it. Nothing was created.",
            cause=f"{who} cancelled it before it was sent.",
            entries=[entry],
        )
        if done is None:
            return Told("This request has ended; nothing is left to cancel.", done=False)
        if done.dropped:
            return Told("Cancelled. Nothing was created.", done=True)
        if not done.cancelled:
            return Told(f"Too late: {_went_on(done.sent)}", done=False)
        return Told(
            f"{_disks(done.cancelled, 'was', 'were')} not sent yet and cancelled. {_went_on(done.sent)}", done=True
        )

    async def _allowed(self, actor: Actor, channel: str | None, any_id: str) -> _Allowed | Told:
        unknown = Told(f"I know no request {sentences.quoted(any_id)} that you may cancel.", done=False)
        if standing := standing_refused(actor):
            await self._store.record([AuditEntry(actor.user_id, Action.CANCEL, "", "denied", standing.rule)])
            return Told(standing.explanation, done=False)
        found = await self._store.find(any_id)
        if found is not None and found[0].project is None and found[0].actor_id == actor.user_id:
            # Nobody has decided yet in which project it would run; it is nothing but its own person's word.
            return _Allowed(found[0], "own-request")
        if found is None or found[0].project is None:
            await self._store.record([unknown_id(actor.user_id, Action.CANCEL, found[0].id if found else "")])
            return unknown
        request, alias = found[0], found[0].project
        place = request.place.channel_id if channel is None else channel
        grants = await self._store.grants_for(actor)
        project = self._projects.get(alias)
        decision = decide(actor, Action.CANCEL, alias, project, place, grants, self._clock.now())
        if not isinstance(decision, Denied):
            return _Allowed(request, decision.rule)
        await self._store.record([self._entry(actor, request, "denied", decision.rule)])
        if decision.rule in CLOSED_RULES:
            return unknown
        refused = Refused(decision.explanation, decision.rule, alias)
        return Told((await with_helpers(self._store, refused)).sentence, done=False)

    @staticmethod
    def _entry(actor: Actor, request: Request, outcome: str, rule: str) -> AuditEntry:
        details = {"project": request.project, "requester": request.actor_id}
        allowed = outcome == "allowed"
        return AuditEntry(actor.user_id, Action.CANCEL, request.id, "allowed" if allowed else "denied", rule, details)


def _went_on(sent: int) -> str:
    if not sent:
        return "The others have ended already."
    follow = "it to its end" if sent == 1 else "them to their end"
    return f"{_disks(sent, 'was', 'were')} sent to the cloud already and can't be called back; I follow {follow}."


def _disks(count: int, one: str, many: str) -> str:
    return f"1 disk {one}" if count == 1 else f"{count} disks {many}"
