"""Who may do what where: a decision is a value with its reason, and the default is no."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from bot.domain import sentences
from bot.domain.projects import Project


class Action(StrEnum):
    VIEW = "view"
    CREATE = "create"
    CANCEL = "cancel"
    APPROVE = "approve"
    DELETE = "delete"
    ADMINISTER = "administer"


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


MAY: Mapping[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset({Action.VIEW}),
    Role.OPERATOR: frozenset({Action.VIEW, Action.CREATE, Action.CANCEL}),
    Role.APPROVER: frozenset({Action.VIEW, Action.APPROVE, Action.CANCEL}),
    Role.ADMIN: frozenset(Action),
}


class AccountKind(StrEnum):
    """What kind of account someone has, as `users.info` tells it (Slack, user object)."""

    MEMBER = "member"
    DEACTIVATED = "deactivated"
    BOT = "bot"
    GUEST = "guest"
    SINGLE_CHANNEL_GUEST = "single-channel guest"
    STRANGER = "stranger"
    OTHER_TEAM = "other team"
    OTHER_WORKSPACE = "other workspace"
    INVITED = "invited"


class UserGroupKind(StrEnum):
    """What becomes of a user group, as `usergroups.list` tells it (Slack, usergroup object)."""

    KNOWN = "known"
    DISABLED = "disabled"
    EXTERNAL = "external"
    UNKNOWN = "unknown"


_NO_GUESTS = "Guests of this workspace may not use the snapshot bot. Ask a full member to do it."

_REFUSED: Mapping[AccountKind, str] = {
    AccountKind.DEACTIVATED: "This Slack account is deactivated, so it may not do anything here.",
    AccountKind.BOT: "Bots and workflows may not ask for snapshots; a person has to.",
    AccountKind.GUEST: _NO_GUESTS,
    AccountKind.SINGLE_CHANNEL_GUEST: _NO_GUESTS,
    AccountKind.STRANGER: "Only members of this workspace may use the snapshot bot.",
    AccountKind.OTHER_TEAM: "Only members of this workspace may use the snapshot bot; your account is of another one.",
    AccountKind.OTHER_WORKSPACE: (
        "Only members of this workspace may use the snapshot bot; your account is of another one of the organisation."
    ),
    AccountKind.INVITED: "This Slack account has not signed in yet, so it may not do anything here.",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """A person as Slack knows them: ids only. `groups` are Slack user group ids."""

    user_id: str
    account: AccountKind
    groups: frozenset[str] = frozenset()


SubjectKind = Literal["user", "group", "everyone"]


@dataclass(frozen=True, slots=True)
class Grant:
    """`project` is an alias or `*`; `source` says where the row is kept: slack, terminal, bot.toml."""

    subject_kind: SubjectKind
    subject_id: str
    role: Role
    project: str
    expires_at: datetime | None = None
    source: str = "bot.toml"

    def names(self, actor: Actor) -> bool:
        match self.subject_kind:
            case "user":
                return self.subject_id == actor.user_id
            case "group":
                return self.subject_id in actor.groups
            case "everyone":
                return actor.account is AccountKind.MEMBER

    def covers(self, alias: str) -> bool:
        return self.project in (alias, "*")

    def in_force(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class Allowed:
    because: Grant
    rule: str = "granted"


@dataclass(frozen=True, slots=True)
class Denied:
    """`rule` is stable, for logs and tests; `explanation` is for the person. The rule may tell more than the person
    hears: a project that is closed to someone and one that does not exist answer alike.
    """

    rule: str
    explanation: str


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """Allowed once so many other people agree."""

    because: Grant
    approvals: int
    rule: str = "approval-needed"


CLOSED_RULES = frozenset({"no-grant", "grant-expired", "unknown-project"})
"""Rules of which the person hears only that there is no such project that they may use."""

DAILY_LIMIT = "daily-limit"

Decision = Allowed | NeedsApproval | Denied


@dataclass(frozen=True, slots=True)
class Usage:
    """Disks of one person in one project: how many this UTC day has seen already, and how many are asked for now.

    `today` is the day of the request they are asked for in.
    """

    today: int = 0
    wanted: int = 0


_SHOWN = 5


def no_such_project(alias: str, usable: Sequence[str] = ()) -> str:
    """The one answer for a project that is closed to someone and for one that does not exist. `usable` are those that
    they may use, which is what they meant.
    """
    none = f"There is no project {sentences.quoted(alias)} that you may use."
    if len(usable) == 1:
        return f"{none} Yours is {usable[0]}: say `project={usable[0]}`, or leave project= out."
    if usable:
        near = difflib.get_close_matches(alias, usable, n=1, cutoff=0.4) or usable[:1]
        return f"{none} You may use {', '.join(usable[:_SHOWN])}: say `project={near[0]}`."
    return (
        f"There is no project {sentences.quoted(alias)} that you may use. "
        "Check the alias, or ask the people who run the snapshot bot for access."
    )


def decide(
    actor: Actor,
    action: Action,
    alias: str,
    project: Project | None,
    channel: str,
    grants: Iterable[Grant],
    now: datetime,
    usage: Usage = Usage(),
) -> Decision:
    """Say whether an actor may do something in a project from a channel, and why. Pure and total; the default is no.

    `project` is None where no project of that alias is configured. Ceilings narrow what grants give, never widen it;
    the daily limit and approvals are about creating only.
    """
    if refused := account_refused(actor):
        return refused
    held = [grant for grant in grants if grant.names(actor) and grant.covers(alias)]
    valid = [grant for grant in held if grant.in_force(now)]
    if project is None or not valid:
        rule = "unknown-project" if project is None else "grant-expired" if held else "no-grant"
        return Denied(rule, no_such_project(alias))
    because = next((grant for grant in valid if action in MAY[grant.role]), None)
    if because is None:
        may = ", ".join(sorted({act for grant in valid for act in MAY[grant.role]}))
        return Denied("action-not-granted", f"In {alias} you may {may}, but not {action}.")
    if project.channels and channel not in project.channels:
        where = " or ".join(sentences.channel(one) for one in project.channels)
        return Denied("channel-not-allowed", f"{alias} can be used only from {where}. Say it again there.")
    if action is not Action.CREATE:
        return Allowed(because)
    if project.daily_limit is not None and usage.today + usage.wanted > project.daily_limit:
        return over_the_limit(alias, project.daily_limit, usage)
    return NeedsApproval(because, project.approvals) if project.approvals else Allowed(because)


def over_the_limit(alias: str, limit: int, usage: Usage, who: str = "You have") -> Denied:
    """`who` as a sentence begins with them: `You have`, or a mention and `has`."""
    return Denied(
        DAILY_LIMIT,
        f"In {alias} one person may snapshot {limit} disks a day (UTC). {who} had {usage.today} of them "
        f"and this asks for {usage.wanted} more.",
    )


def asking_helps(denied: Denied) -> bool:
    """Whether the project's admins could change this, and may be named: not those of a project that is closed."""
    return denied.rule in _ADMINS_CAN_CHANGE and denied.rule not in CLOSED_RULES


def who_can_help(denied: Denied, admins: Iterable[Grant]) -> Denied:
    """Add whom to ask. Of a project that is closed to the person nothing more is told, not even its admins."""
    names = [named for grant in admins if (named := _named(grant))]
    if not asking_helps(denied) or not names:
        return denied
    asked = " or ".join(list(dict.fromkeys(names))[:MENTIONED_ADMINS])
    return replace(denied, explanation=f"{denied.explanation} {asked} can change that.")


MENTIONED_ADMINS = 3
_ADMINS_CAN_CHANGE = frozenset({"action-not-granted", DAILY_LIMIT})


def _named(grant: Grant) -> str:
    match grant.subject_kind:
        case "user":
            return sentences.person(grant.subject_id)
        case "group":
            return sentences.group(grant.subject_id)
        case "everyone":
            return ""


def account_refused(actor: Actor) -> Denied | None:
    """The kinds of account that are refused whatever the grants say."""
    sentence = _REFUSED.get(actor.account)
    return Denied(f"standing-{actor.account.replace(' ', '-')}", sentence) if sentence else None


@dataclass(frozen=True, slots=True)
class Chosen:
    alias: str


@dataclass(frozen=True, slots=True)
class NotChosen:
    """No single project follows from what was said; `candidates` are those the person may use, perhaps none."""

    candidates: tuple[str, ...]


def choose_project(
    asked: str | None,
    bound: str | None,
    actor: Actor,
    action: Action,
    projects: Mapping[str, Project],
    channel: str,
    grants: Iterable[Grant],
    now: datetime,
) -> Chosen | NotChosen:
    """`project=`, else the channel's binding, else the only project in which the person may do this."""
    if named := asked or bound:
        return Chosen(named)
    held = tuple(grants)
    usable = tuple(
        alias
        for alias, project in sorted(projects.items())
        if not isinstance(decide(actor, action, alias, project, channel, held, now), Denied)
    )
    return Chosen(usable[0]) if len(usable) == 1 else NotChosen(usable)
