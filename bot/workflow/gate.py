"""The one way from an action on a request to `decide`: may this actor do this to it, from this place?

An id that leads nowhere and a request that is closed to the actor are answered alike, to the byte, and what kind of
account asks is looked at before the id is. Each answer that is no leaves its row in the trail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain import sentences
from bot.domain.access import NeedsApproval, decide
from bot.domain.actors import Actor
from bot.domain.audit import denied, of_request, unknown_id
from bot.domain.denials import CLOSED_RULES, Denied, account_refused, who_can_help
from bot.domain.items import Item
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.results import Told
from bot.domain.roles import Action, Grant
from bot.domain.transitions import RequestState
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.grants import Grants
from bot.ports.requests import Requests

OWN_REQUEST = "own-request"


@dataclass(frozen=True, slots=True)
class Wait:
    """The state in which a request waits for a word, and the rule and sentence where it no longer does: `ended`, with
    its state for `{}`, and `over`, when its time is.
    """

    state: RequestState
    ended: tuple[str, str]
    over: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Verb:
    """An action on a request. `action` is what grants allow, `name` how the trail calls it.

    `unknown`: the answer where there is nothing that this actor may do it to, with the id for `{}`. `own`: what of it
    is its person's own whatever the grants say. `reads`: it changes nothing, so no denial tells that there is one.
    `of`: it needs a request that waits for it.
    """

    action: Action
    name: str
    unknown: str
    own: Callable[[Request], bool] = lambda request: False
    reads: bool = False
    of: Wait | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """They may, by `rule`. `place` is the channel that counted, `approvals` how many others have to agree first."""

    verb: Verb
    request: Request
    items: Sequence[Item]
    place: str
    rule: str
    approvals: int = 0
    grant: Grant | None = None
    """The one that allows it; None: it is their own."""

    @property
    def project(self) -> str:
        """The alias of the project it is about; "" where none is decided yet."""
        return self.request.project or ""


class Rows(Audit, Grants, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Gate:
    """`channel` None: from where there is no place; then the place of the request counts."""

    store: Rows
    projects: Mapping[str, Project]
    clock: Clock

    async def admits(
        self,
        actor: Actor,
        channel: str | None,
        any_id: str,
        verb: Verb,
        *,
        action_of: Callable[[Request], Awaitable[Action]] | None = None,
    ) -> Admitted | Told:
        """`any_id`: of the request, an item, a job or a snapshot. `action_of`: which action it comes to, where that
        depends on how the rows of the request stand.
        """
        if refused := account_refused(actor):
            await self.store.audit([denied(actor.user_id, verb.name, "", refused.rule)])
            return Told(refused.explanation, done=False)
        unknown = Told(verb.unknown.format(sentences.quoted(any_id)), done=False)
        grants, now = await self.store.grants_for(actor), self.clock.now()
        found = await self.store.find(any_id)
        if found and found[0].actor_id == actor.user_id and verb.own(found[0]):
            return Admitted(verb, *found, _place(channel, found[0]), OWN_REQUEST)
        if found is None or found[0].project is None:
            await self.store.audit([unknown_id(actor.user_id, verb.name, found[0].id if found else "")])
            return unknown
        request, alias = found[0], found[0].project
        place, project = _place(channel, request), self.projects.get(alias)
        decision = decide(actor, verb.action, alias, project, place, grants, now)
        if action_of and not (isinstance(decision, Denied) and decision.rule in CLOSED_RULES):  # whatever the action
            decision = decide(actor, await action_of(request), alias, project, place, grants, now)
        if isinstance(decision, Denied):
            await self.store.audit([of_request(actor, verb.name, request, "denied", decision.rule, channel=place)])
            if verb.reads or decision.rule in CLOSED_RULES:
                return unknown
            return Told(who_can_help(decision, await self.store.helpers(alias)).explanation, done=False)
        approvals = decision.approvals if isinstance(decision, NeedsApproval) else 0
        return await self._waiting(actor, Admitted(verb, *found, place, decision.rule, approvals, decision.because))

    async def refuse(self, actor: Actor, admitted: Admitted, rule: str, sentence: str) -> Told:
        """They might, and it does not come to it as the request stands: that is an answer with a row as well."""
        await self.store.audit([of_request(actor, admitted.verb.name, admitted.request, "denied", rule)])
        return Told(sentence, done=False)

    async def _waiting(self, actor: Actor, admitted: Admitted) -> Admitted | Told:
        wait, request = admitted.verb.of, admitted.request
        if wait and request.state is not wait.state:
            rule, sentence = wait.ended
            return await self.refuse(actor, admitted, rule, sentence.format(request.state))
        if wait and request.time_over(self.clock.now()):
            return await self.refuse(actor, admitted, *wait.over)
        return admitted


def _place(channel: str | None, request: Request) -> str:
    return request.place.channel_id if channel is None else channel
