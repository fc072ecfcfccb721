"""The steps before the acknowledgement: judge with what is at hand, and record. It never waits for Slack or EVS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from bot.domain.access import (
    NeedsApproval,
    NotChosen,
    Reach,
    action_of,
    approvals_for,
    decide,
    glass_stays,
)
from bot.domain.actors import AccountKind, Actor
from bot.domain.audit import AuditEntry, Decided, asked_for, by_grant
from bot.domain.denials import (
    CLOSED_RULES,
    NO_PROJECT_CHOSEN,
    Denied,
    account_refused,
    asking_helps,
    no_such_project,
    not_scheduled,
    too_many_open,
    which_project,
    who_can_help,
)
from bot.domain.orders import Order, Quick, Restore, proves
from bot.domain.projects import Project
from bot.domain.requests import Place, Request
from bot.domain.results import Accepted, Answer, Refused
from bot.domain.roles import Grant
from bot.domain.transitions import REQUEST, RequestEvent, RequestState
from bot.ports.clock import Clock
from bot.ports.grants import Bindings, Grants
from bot.ports.requests import Incoming, OpenLimit, Requests
from bot.ports.slack import People

BREAK_GLASS = "break-glass"
NOTHING_BOUND = "nothing-bound"
ANSWERED = "answered-before"
_WHAT_TO_NAME = (
    "This channel is not bound to anything yet, so I don't know what to back up. Name it: `quick server=web-01`, "
    "`quick tag=tier:prod` or `quick disks=web-01-data,web-01-logs`."
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One command as Slack or a program delivered it. `id` is unique per delivery and the same when it is repeated.

    `reply_channel` is where it is told, if not in `place`; `run_url` the page of the run that asks.
    """

    id: str
    user_id: str
    place: Place
    text: str
    reply_channel: str = ""
    run_url: str = ""


class Rows(Bindings, Grants, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Intake:
    store: Rows
    people: People
    projects: Mapping[str, Project]
    clock: Clock
    new_id: Callable[[], str]
    open_requests: int
    """Of one person at a time."""

    async def depends_on_who_asks(self, order: Order, channel: str) -> bool:
        """Whether the project is whichever this person may use: neither the order nor the channel says one."""
        named = order.project is not None or (isinstance(order, Quick) and not order.selectors)
        return not named and len(self.projects) > 1 and await self.store.bound_project(channel) is None

    async def create(
        self, delivery: Delivery, order: Order, *, mendable: bool = False, authorization: Authorization | None = None
    ) -> Answer:
        """Record an order and answer. With the person known, the answer already says whether they may.

        What is `mendable` may be delivered again after it was refused. `authorization`: decided a moment ago, and not
        decided once more.
        """
        actor = self.people.known(delivery.user_id)
        reached: list[Authorization | None] = []  # of these the last one counts: a transaction may have to be run again

        def decided(actor: Actor, grants: Sequence[Grant], bound: str | None) -> Authorization:
            return authorized(actor, order, delivery.place, self.projects, grants, bound, self.clock)

        def authorized_by(grants: Sequence[Grant], bound: str | None) -> Incoming:
            one = authorization or (decided(actor, grants, bound) if actor else None)
            reached.append(one)
            if one is None:
                return Incoming(self._received(delivery, order, None))
            if isinstance(one.outcome, Refused):
                return Incoming(None, [one.audit])
            return Incoming(self._received(delivery, order, one.outcome), [one.audit])

        request = await self.store.take_in(
            delivery.id,
            delivery.place.channel_id,
            actor,
            authorized_by,
            mendable=mendable,
            limit=OpenLimit(self.open_requests, lambda request: self._one_too_many(request, reached)),
        )
        counts = reached[-1] if reached else None
        if counts and isinstance(counts.outcome, Refused):
            return await with_helpers(self.store, counts.outcome)
        if request is None:
            return Refused("I have answered this command already. Type it again if you still want it.", ANSWERED)
        if not reached:
            return _accepted_before(request)
        return Accepted(request, counts is not None, counts.approvals if counts else 0)

    def _one_too_many(self, request: Request, reached: list[Authorization | None]) -> Incoming:
        denied, alias = too_many_open(self.open_requests), request.project or request.order.project or ""
        action = action_of(request.order)
        entry = asked_for(request.actor_id, alias, request.place.channel_id, "denied", denied.rule, action)
        reached.append(Authorization(Refused(denied.explanation, denied.rule, alias), entry))
        return Incoming(None, [entry])

    def _received(self, delivery: Delivery, order: Order, alias: str | None) -> Request:
        """A requester who may have a quick backup, or go back, sees its message at once: a placeholder for the plan."""
        return Request(
            id=self.new_id(),
            state=REQUEST.after(None, RequestEvent.RECEIVE),
            moved_by=RequestEvent.RECEIVE,
            actor_id=delivery.user_id,
            place=delivery.place,
            text=delivery.text,
            order=order,
            created_at=self.clock.now(),
            to_send=isinstance(order, Quick | Restore) and alias is not None,
            project=alias,
            reply_channel=delivery.reply_channel or delivery.place.channel_id,
            run_url=delivery.run_url,
        )


def _accepted_before(request: Request) -> Accepted:
    """As it stands by now; nothing was judged this time."""
    waiting = request.state is RequestState.WAITING
    decided_since = request.state is not RequestState.RECEIVED
    return Accepted(request, decided_since, request.approvals_needed if waiting else 0, repeated=True)


async def with_helpers(store: Grants, refused: Refused) -> Refused:
    """Say whom to ask, where asking helps: the project's admins, never those of one that is closed to the person."""
    denied = Denied(refused.rule, refused.sentence)
    if not asking_helps(denied):
        return refused
    return replace(refused, sentence=who_can_help(denied, await store.helpers(refused.alias)).explanation)


@dataclass(frozen=True, slots=True)
class Authorization:
    """`outcome` is the alias of the project it may run in, or why it may not."""

    outcome: str | Refused
    audit: AuditEntry
    approvals: int = 0
    break_glass: bool = False

    @property
    def rule(self) -> str:
        return self.audit.rule


def authorized(
    actor: Actor,
    order: Order,
    place: Place,
    projects: Mapping[str, Project],
    grants: Sequence[Grant],
    bound: str | None,
    clock: Clock,
) -> Authorization:
    """Which project this runs in and whether the actor may, asked at every hop in the same words."""
    return _Asking(actor, order, place, projects, grants, bound, clock.now()).authorized()


@dataclass(frozen=True, slots=True)
class _Asking:
    """An order at one moment: who asks for what and from where, under which grants and which binding."""

    actor: Actor
    order: Order
    place: Place
    projects: Mapping[str, Project]
    grants: Sequence[Grant]
    bound: str | None
    now: datetime

    def authorized(self) -> Authorization:
        if refused := account_refused(self.actor):
            return self._denied(refused.rule, refused.explanation, self.order.project or "")
        if self.actor.account is AccountKind.SCHEDULE and not proves(self.order):
            refused = not_scheduled(self.order.project or "")
            return self._denied(refused.rule, refused.explanation, self.order.project or "")
        if self._by_binding and self.bound is None:
            # A person who may use no project here sees no difference to a channel that is bound to a closed one.
            if self._nowhere():
                return self._denied(NOTHING_BOUND, which_project(()).explanation, "", shown=NO_PROJECT_CHOSEN)
            return self._asked_back(NOTHING_BOUND, _WHAT_TO_NAME)
        choice = self._reach.chosen(self.order.project, self.bound)
        if isinstance(choice, NotChosen):
            if not choice.candidates:
                return self._denied(NO_PROJECT_CHOSEN, which_project(()).explanation, "")
            question = which_project(choice.candidates)
            return self._asked_back(question.rule, question.explanation, choice.candidates)
        return self._authorized_in(choice.alias)

    def _authorized_in(self, alias: str) -> Authorization:
        project, channel = self.projects.get(alias), self.place.channel_id
        decision = decide(self.actor, action_of(self.order), alias, project, channel, self.grants, self.now)
        if isinstance(decision, Denied):
            return self._kept_out(decision, alias)
        if isinstance(decision, NeedsApproval) and self.order.break_glass is not None:
            if refused := glass_stays(self.projects[alias], self.order):
                return self._denied(refused.rule, refused.explanation, alias)
            return Authorization(alias, self._entry(alias, "allowed", BREAK_GLASS, decision.because), break_glass=True)
        approvals = approvals_for(self.order, self.projects[alias])
        rule = "approval-needed" if approvals else "granted"
        return Authorization(alias, self._entry(alias, "allowed", rule, decision.because), approvals)

    def _kept_out(self, denied: Denied, alias: str) -> Authorization:
        """Who did not name the project does not hear its name: a binding tells nothing about a closed one."""
        told = denied.explanation
        if denied.rule in CLOSED_RULES:
            if self.order.project is not None:
                told = no_such_project(self.order.project, self._usable())
            elif self._by_binding and not self._nowhere():
                return self._denied(denied.rule, _WHAT_TO_NAME, alias, shown=NOTHING_BOUND)
            else:
                told = which_project(()).explanation
        return self._denied(denied.rule, told, alias)

    @property
    def _by_binding(self) -> bool:
        return isinstance(self.order, Quick) and not self.order.selectors

    def _nowhere(self) -> bool:
        return self.order.project is None and not self._usable()

    def _usable(self) -> tuple[str, ...]:
        return self._reach.usable()

    @property
    def _reach(self) -> Reach:
        action, channel = action_of(self.order), self.place.channel_id
        return Reach(self.actor, action, self.projects, channel, self.grants, self.now)

    def _denied(self, rule: str, sentence: str, alias: str, *, shown: str = "") -> Authorization:
        return Authorization(Refused(sentence, shown or rule, alias), self._entry(alias, "denied", rule))

    def _asked_back(self, rule: str, question: str, candidates: tuple[str, ...] = ()) -> Authorization:
        """They may do this, once they say what it is for: nothing is denied."""
        return Authorization(Refused(question, rule, candidates=candidates), self._entry("", "asked", rule))

    def _entry(self, alias: str, outcome: Decided, rule: str, grant: Grant | None = None) -> AuditEntry:
        who, where = self.actor.user_id, self.place.channel_id
        return by_grant(asked_for(who, alias, where, outcome, rule, action_of(self.order)), grant)
