"""Granting: who is meant and for how long, what an import would change, whom it would lock out, and how it is told.

Everything here is pure. Sentences are the same in Slack and in the terminal; they mention people by id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.domain import sentences
from bot.domain.access import Allowed, Decision, NeedsApproval, decide
from bot.domain.actors import AccountKind, Actor, UserGroupKind, token_id
from bot.domain.denials import CLOSED_RULES, RESTORE_OFF, Denied, account_refused, admins_of_all_only, who_can_help
from bot.domain.normalise import caseless, unmarked_word
from bot.domain.projects import Project
from bot.domain.roles import MAY, TOKEN_ROLES, Action, Grant, Role, SubjectKind
from bot.domain.sentences import quoted
from bot.domain.terminal_text import harmless

EVERY_PROJECT = "*"
BOT_TOML = "bot.toml"
GIVEN_BY_COMMAND = frozenset({"slack", "terminal"})
"""Sources that `revoke` may take back; every other source is a file, and that file has the say."""

_PERSON = re.compile(r"user:([UW][A-Z0-9]{1,30})")
_GROUP = re.compile(r"group:(S[A-Z0-9]{1,30})")
_TOKEN = re.compile(r"token:([a-z0-9][a-z0-9-]{0,39})")
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


# --- who, and for how long --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a grant names; `id` is a Slack id or a token's name, empty for everyone."""

    kind: SubjectKind
    id: str = ""

    def __str__(self) -> str:
        return "everyone" if self.kind == "everyone" else f"{self.kind}:{self.id}"

    @property
    def shown(self) -> str:
        """As a mention, for a sentence."""
        match self.kind:
            case "user":
                return sentences.person(self.id)
            case "group":
                return sentences.user_group(self.id)
            case "everyone":
                return "everyone"
            case "token":
                return sentences.person(token_id(self.id))

    def is_named_by(self, grant: Grant) -> bool:
        return (grant.subject_kind, grant.subject_id) == (self.kind, self.id)


def subject_of(text: str) -> Subject:
    """Read `user:U…`, `group:S…`, `token:NAME` or `everyone`, in any case. Raises ValueError with a sentence."""
    kind, colon, named = caseless(unmarked_word(text)).partition(":")
    read = f"{kind}{colon}{named.upper()}"
    if found := _PERSON.fullmatch(read):
        return Subject("user", found[1])
    if found := _GROUP.fullmatch(read):
        return Subject("group", found[1])
    if found := _TOKEN.fullmatch(read.lower()):
        return Subject("token", found[1])
    if read == "everyone":
        return Subject("everyone")
    raise ValueError(
        f"I can't tell who {quoted(text)} is. Pick a person or a group from the list Slack offers after @, "
        "or write user:U…, group:S…, token:NAME or everyone."
    )


def duration_of(text: str) -> timedelta:
    """Read `30m`, `8h` or `7d`. Raises ValueError with a sentence."""
    found = _DURATION.fullmatch(text.lower())
    if not found or int(found[1]) == 0:
        raise ValueError(f"A time is a number and s, m, h or d, such as 30m, 8h or 7d; {quoted(text)} is not that.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def until(now: datetime, lasting: timedelta | None) -> datetime | None:
    """When a grant of that length ends, in whole seconds, as it is shown and exported."""
    return None if lasting is None else (now + lasting).replace(microsecond=0)


def subject_named_in(grant: Grant) -> Subject:
    return Subject(grant.subject_kind, grant.subject_id)


def grant_facts(grant: Grant) -> dict[str, str | int | None]:
    """A grant in the trail."""
    return {
        "subject": str(subject_named_in(grant)),
        "role": str(grant.role),
        "expires_at": grant.expires_at.isoformat() if grant.expires_at else None,
        "source": grant.source,
    }


# --- who can be granted something -------------------------------------------------------------------------------------

_NEVER_COUNTS: Mapping[AccountKind | UserGroupKind | None, str] = {
    None: "is nobody Slack knows: pick them from the list it offers after @",
    AccountKind.DEACTIVATED: "is a deactivated account",
    AccountKind.BOT: "is a bot or a workflow, and a person has to ask for snapshots",
    AccountKind.GUEST: "is a guest of this workspace",
    AccountKind.SINGLE_CHANNEL_GUEST: "is a guest of this workspace",
    AccountKind.STRANGER: "is no member of this workspace",
    AccountKind.OTHER_TEAM: "is of another workspace",
    AccountKind.OTHER_WORKSPACE: "is of another workspace of the organisation",
    UserGroupKind.UNKNOWN: "is no user group of this workspace",
    UserGroupKind.DISABLED: "is a disabled user group, which has no members",
    UserGroupKind.EXTERNAL: "is a user group of another organisation",
}


def never_counts(subject: Subject, account: AccountKind | UserGroupKind | None) -> Denied | None:
    """Why a grant to them would give nothing to anybody, whatever it says; None where it can count."""
    why = _NEVER_COUNTS.get(account)
    if why is None:
        return None
    kind = "unknown" if account is None else str(account).replace(" ", "-")
    named = quoted(subject.id) if kind == "unknown" else subject.shown
    return Denied(f"subject-{kind}", f"{named} {why}. A grant to them would never count.")


def not_yet(account: AccountKind | UserGroupKind | None) -> str:
    """The sentence about a grant that counts later."""
    return " They have not signed in yet; it counts once they have." if account is AccountKind.INVITED else ""


def not_checked(subject: Subject) -> str:
    """Where Slack can't be asked."""
    if subject.kind in ("everyone", "token"):
        return ""
    what = "a full member" if subject.kind == "user" else "a user group"
    return f" Not checked, because Slack was not asked: whether {subject.shown} is {what} of the workspace."


# --- who may grant ----------------------------------------------------------------------------------------------------


def may_administer(
    actor: Actor, alias: str, project: Project | None, channel: str, grants: Sequence[Grant], now: datetime
) -> Decision:
    """`decide` for administering; on `*` only an admin grant on `*` counts, from any channel."""
    if alias != EVERY_PROJECT:
        return decide(actor, Action.ADMINISTER, alias, project, channel, grants, now)
    if refused := account_refused(actor):
        return refused
    for grant in grants:
        if grant.project == alias and grant.role is Role.ADMIN and grant.names(actor) and grant.in_force(now):
            return Allowed(grant)
    return admins_of_all_only()


def locked_out(before: Sequence[Grant], after: Sequence[Grant], aliases: Iterable[str], now: datetime) -> list[str]:
    """Projects that have an admin, now or at any later moment, with the grants of before, and none with those of after.

    Grants end and do not begin, so a project has an admin until the last of its admin grants has ended. `*` is looked
    at as well, but only for good: who is admin of every project for a time can be taken out early, as long as each
    project keeps an admin for itself.
    """
    out = [EVERY_PROJECT] if _administered_until(EVERY_PROJECT, before) == _FOR_GOOD else []
    return [
        alias
        for alias in (*out, *sorted(aliases))
        if (until := _administered_until(alias, before)) > now and _administered_until(alias, after) < until
    ]


def without_first_admin(
    admins: Sequence[Grant], added: Sequence[Grant], aliases: Iterable[str], at: datetime
) -> list[str]:
    """Projects that would get an admin for the first time. The first one stands in bot.toml, where trust begins."""
    return [
        alias for alias in sorted(aliases) if not _administered(alias, admins, at) and _administered(alias, added, at)
    ]


_FOR_GOOD = datetime.max.replace(tzinfo=UTC)
_NEVER = datetime.min.replace(tzinfo=UTC)


def _administered_until(alias: str, grants: Iterable[Grant]) -> datetime:
    ends = (grant.expires_at or _FOR_GOOD for grant in grants if grant.role is Role.ADMIN and grant.covers(alias))
    return max(ends, default=_NEVER)


def _administered(alias: str, grants: Iterable[Grant], at: datetime) -> bool:
    return any(grant.role is Role.ADMIN and grant.covers(alias) and grant.in_force(at) for grant in grants)


# --- importing and exporting ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The changes of an import among the rows of its own file. A row with another expiry is removed and added."""

    added: tuple[Grant, ...]
    removed: tuple[Grant, ...]
    unchanged: tuple[Grant, ...]


def file_source(name: str) -> str:
    """A file by its name alone, which stands in sentences and in comments: it is one line that hides nothing."""
    return f"file:{harmless(name)}"


def owned_by(grants: Iterable[Grant], source: str) -> list[Grant]:
    """Rows as a file owns them; a row said twice counts as said last."""
    rows = {}
    for grant in grants:
        expires_at = grant.expires_at.replace(microsecond=0) if grant.expires_at else None
        row = replace(grant, source=source, expires_at=expires_at)
        rows[(row.subject_kind, row.subject_id, row.role, row.project)] = row
    return list(rows.values())


def import_plan(owned: Sequence[Grant], wanted: Sequence[Grant]) -> ImportPlan:
    """Make the owned rows the wanted ones."""
    kept, asked = set(owned), set(wanted)
    return ImportPlan(
        added=tuple(grant for grant in wanted if grant not in kept),
        removed=tuple(grant for grant in owned if grant not in asked),
        unchanged=tuple(grant for grant in wanted if grant in kept),
    )


def as_configured(grants: Iterable[Grant], configured: Sequence[Grant]) -> list[Grant]:
    """Grants with the rows of bot.toml as the file says them now, which is what the bot reads when it starts."""
    return [*(grant for grant in grants if grant.source != BOT_TOML), *configured]


def exported(grants: Iterable[Grant], aliases: Iterable[str]) -> str:
    """TOML that an import reads back. Rows of projects that are not configured stand in comments."""
    known = {EVERY_PROJECT, *aliases}
    return "\n".join(_toml(grant, commented=grant.project not in known) for grant in grants)


def _toml(grant: Grant, *, commented: bool) -> str:
    lines = [
        f"[[grants]]  # from {grant.source}" + (", of a project that is not configured" if commented else ""),
        f"subject = {json.dumps(str(subject_named_in(grant)))}",
        f"role = {json.dumps(str(grant.role))}",
        f"project = {json.dumps(grant.project)}",
    ]
    if grant.expires_at:
        lines.append(f"expires = {grant.expires_at.astimezone(UTC).isoformat().replace('+00:00', 'Z')}")
    return "".join(f"{'# ' if commented else ''}{line}\n" for line in lines)


# --- sentences --------------------------------------------------------------------------------------------------------


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def place(alias: str) -> str:
    return "every project (*)" if alias == EVERY_PROJECT else alias


def origin(source: str) -> str:
    """Where a grant was given, in words."""
    match source:
        case "slack":
            return "granted in Slack"
        case "terminal":
            return "granted in the terminal"
        case _:
            return f"from {source.removeprefix('file:')}"


def lasting(grant: Grant) -> str:
    return f" until {moment(grant.expires_at)}" if grant.expires_at else ""


def told_grant(grant: Grant) -> str:
    """`@bob: operator in payments until …, granted in Slack.`"""
    who = subject_named_in(grant).shown
    return f"{who}: {grant.role} in {place(grant.project)}{lasting(grant)}, {origin(grant.source)}."


def told_granted(grant: Grant) -> str:
    may = listed(sorted(MAY[grant.role]))
    return f"{subject_named_in(grant).shown} is now {grant.role} in {place(grant.project)}{lasting(grant)}: {may}."


def told_token_role(subject: Subject) -> str:
    roles = " or ".join(TOKEN_ROLES)
    return f"A token may be {roles} and nothing more; {subject.shown} is one. Nothing was changed."


def told_locked_out(alias: str) -> str:
    return (
        f"{place(alias)} would be left without an admin, now or once other grants have ended. "
        "Make somebody else admin there for as long first. Nothing was changed."
    )


def told_first_admin(alias: str) -> str:
    return (
        f"{alias} has no admin yet, and its first one is named in bot.toml: add a [[grants]] table with "
        'role = "admin" there and restart the bot. Nothing was changed.'
    )


def told_kept_by_file(rows: Sequence[Grant], alias: str) -> str:
    """Why rows of a file are not taken back here, and where they are."""
    named = listed(dict.fromkeys(row.source.removeprefix("file:") for row in rows))
    roles = listed(sorted({str(row.role) for row in rows}))
    return f"The role {roles} in {place(alias)} stands in {named}. Take it out there."


def told_access(
    who: str,
    alias: str,
    project: Project | None,
    decisions: Mapping[Action, Decision],
    admins: Sequence[Grant],
    used_today: int = 0,
) -> str:
    """A person's rights in one project, why or why not, and whom to ask. `who` is `You`, or a mention.

    `used_today`: their disks of this UTC day, told where there is a limit.
    """
    allowed = {action: one for action, one in decisions.items() if not isinstance(one, Denied)}
    denied = {action: one for action, one in decisions.items() if isinstance(one, Denied) and one.rule != RESTORE_OFF}
    if not allowed or project is None:
        helped = who_can_help(next(iter(denied.values())), admins)
        return f"{alias}: {who} may do nothing here. {helped.explanation}"
    because = "; ".join(dict.fromkeys(_because(one) for one in allowed.values()))
    told = f"{alias}: {who} may {listed(sorted(allowed))} ({because}).{_narrowed(project, allowed, used_today)}"
    if denied:
        told += f" {who_can_help(Denied('action-not-granted', f'Not {listed(sorted(denied))}.'), admins).explanation}"
    return told


def _because(decision: Allowed | NeedsApproval) -> str:
    grant = decision.because
    through = "" if grant.subject_kind == "user" else f" through {subject_named_in(grant).shown}"
    everywhere = " in every project" if grant.project == EVERY_PROJECT else ""
    return f"{grant.role}{everywhere}{through}{lasting(grant)}, {origin(grant.source)}"


def _narrowed(project: Project, allowed: Mapping[Action, Decision], used_today: int) -> str:
    told = ""
    if project.channels:
        told += f" Only from {_channels(project)}."
    if Action.CREATE in allowed and project.daily_limit is not None:
        told += f" At most {project.daily_limit} disks a day (UTC); {used_today} used today."
    if isinstance(allowed.get(Action.CREATE), NeedsApproval):
        told += f" Creating needs the approval of {project.approvals} more."
    return told


def told_project(alias: str, project: Project, grants: Sequence[Grant]) -> str:
    """One project as its user sees it: role, until when, from where."""
    roles = "; ".join(dict.fromkeys(_because(Allowed(grant)) for grant in grants))
    return f"{alias}: {roles}. Usable from {_channels(project) if project.channels else 'any channel'}."


def _channels(project: Project) -> str:
    return " or ".join(sentences.channel(one) for one in project.channels)


def told_of_another(denied: Denied, alias: str) -> Denied:
    """Why another person may not, as an admin of the project reads it: `decide` speaks to the person."""
    match denied.rule:
        case "no-grant":
            return replace(denied, explanation=f"No grant names them in {alias}.")
        case "grant-expired":
            return replace(denied, explanation=f"What they were granted in {alias} has expired.")
        case _:
            return denied


def is_closed(decision: Decision) -> bool:
    return isinstance(decision, Denied) and decision.rule in CLOSED_RULES


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else str(last)
