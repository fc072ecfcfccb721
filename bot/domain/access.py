"""Who may do what where: a decision is a value with its reason, and the default is no."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain import denials
from bot.domain.actors import SCHEDULE, AccountKind, Actor
from bot.domain.daily_limit import NO_USAGE, Usage
from bot.domain.normalise import length_of, letters_in
from bot.domain.orders import Order, Restore, overwrites
from bot.domain.projects import Project
from bot.domain.roles import MAY, TOKEN_ACTIONS, Action, Grant, Role

BREAK_GLASS_REASON_CHARACTERS = 15
BREAK_GLASS_REASON_LETTERS = 3


@dataclass(frozen=True, slots=True)
class Allowed:
    because: Grant
    rule: str = "granted"


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """Allowed once so many other people agree."""

    because: Grant
    approvals: int
    rule: str = "approval-needed"


Decision = Allowed | NeedsApproval | denials.Denied

_ASKED_FOR = frozenset({Action.CREATE, Action.RESTORE})


def action_of(order: Order) -> Action:
    """Which action an order needs, at every hop."""
    return Action.RESTORE if isinstance(order, Restore) else Action.CREATE


def approvals_for(order: Order, project: Project) -> int:
    """How many others have to agree to an order. Where a disk is overwritten there is always one; a test disk touches
    nothing.
    """
    match order:
        case Restore(way="overwrite"):
            return max(1, project.approvals)
        case Restore(way="verify"):
            return 0
        case _:
            return project.approvals


def approvals_to_delete(order: Order, project: Project | None) -> int:
    """How many others have to agree before what an order made is deleted. A safety snapshot is the only way back from
    its roll-back, so of those there is always one.
    """
    agreed = project.approvals if project else 1
    return max(1, agreed) if overwrites(order) else agreed


def decide(
    actor: Actor,
    action: Action,
    alias: str,
    project: Project | None,
    channel: str,
    grants: Iterable[Grant],
    now: datetime,
    usage: Usage = NO_USAGE,
) -> Decision:
    """Say whether an actor may do something in a project from a channel, and why. Pure and total; the default is no.

    `project` is None where no project of that alias is configured. Ceilings narrow what grants give, never widen it;
    the daily limit is about creating only, approvals about restoring as well: how many, `approvals_for` says.
    """
    if refused := denials.account_refused(actor):
        return refused
    if actor.account is AccountKind.SCHEDULE:
        return _scheduled(action, alias, project, channel)
    held = [grant for grant in grants if grant.names(actor) and grant.covers(alias)]
    valid = [grant for grant in held if grant.in_force(now)]
    if project is None or not valid:
        rule = denials.UNKNOWN_PROJECT if project is None else "grant-expired" if held else "no-grant"
        return denials.Denied(rule, denials.no_such_project(alias))
    if actor.account is AccountKind.TOKEN and action not in TOKEN_ACTIONS:
        return denials.not_for_tokens(action)
    if action is Action.RESTORE and not project.restore:
        return denials.restore_off(alias)
    because = next((grant for grant in valid if action in MAY[grant.role]), None)
    if because is None:
        closed = frozenset() if project.restore else {Action.RESTORE}
        return denials.not_granted(alias, {act for grant in valid for act in MAY[grant.role]} - closed, action)
    if project.channels and channel not in project.channels:
        return denials.not_from_here(alias, project.channels)
    if action not in _ASKED_FOR:
        return Allowed(because)
    if project.daily_limit is not None and not usage.fits(project.daily_limit):
        return denials.over_the_limit(alias, project.daily_limit, usage.today, usage.wanted)
    return NeedsApproval(because, project.approvals) if project.approvals else Allowed(because)


def _scheduled(action: Action, alias: str, project: Project | None, channel: str) -> Decision:
    """For the schedule `verify_days` of bot.toml is the only right, and no grant gives it another."""
    if project is None:
        return denials.Denied(denials.UNKNOWN_PROJECT, denials.no_such_project(alias))
    if not project.restore:
        return denials.restore_off(alias)
    if action is not Action.RESTORE or project.verify_days is None:
        return denials.not_scheduled(alias)
    if project.channels and channel not in project.channels:
        return denials.not_from_here(alias, project.channels)
    return Allowed(Grant("user", SCHEDULE, Role.OPERATOR, alias))


def glass_stays(project: Project, order: Order) -> denials.Denied | None:
    """Why this may not run without approval; None where it may: allowed there, confirmed by name, and with a reason."""
    if not project.break_glass:
        return denials.no_break_glass(project.alias)
    if order.break_glass != project.alias:
        return denials.break_glass_unconfirmed(project.alias)
    reason = order.reason or ""
    if length_of(reason) < BREAK_GLASS_REASON_CHARACTERS or letters_in(reason) < BREAK_GLASS_REASON_LETTERS:
        return denials.break_glass_reason(BREAK_GLASS_REASON_CHARACTERS)
    return None


@dataclass(frozen=True, slots=True)
class Chosen:
    alias: str


@dataclass(frozen=True, slots=True)
class NotChosen:
    """No single project follows from what was said; `candidates` are those the person may use, perhaps none."""

    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """The projects in which a person may do something, from one place and at one moment."""

    actor: Actor
    action: Action
    projects: Mapping[str, Project]
    channel: str
    grants: Sequence[Grant]
    now: datetime

    def usable(self) -> tuple[str, ...]:
        """By alphabet."""
        return tuple(
            alias
            for alias, project in sorted(self.projects.items())
            if not isinstance(
                decide(self.actor, self.action, alias, project, self.channel, self.grants, self.now), denials.Denied
            )
        )

    def chosen(self, asked: str | None, bound: str | None) -> Chosen | NotChosen:
        """`project=`, else the channel's binding, else the only project in which the person may do this."""
        if named := asked or bound:
            return Chosen(named)
        usable = self.usable()
        return Chosen(usable[0]) if len(usable) == 1 else NotChosen(usable)
