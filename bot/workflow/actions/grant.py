"""Granting, revoking and explaining rights. A change, its decision and its audit row are one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from bot.domain import audit, granting
from bot.domain.access import Decision, decide
from bot.domain.actors import AccountKind, Actor, UserGroupKind
from bot.domain.denials import Denied, account_refused, admins_only, who_can_help
from bot.domain.errors import LookupFailed
from bot.domain.parsing.commands import GrantAccess, RevokeAccess, ShowAccess
from bot.domain.projects import Project
from bot.domain.results import Told
from bot.domain.roles import TOKEN_ROLES, Action, Grant, Role
from bot.domain.sentences import AT_TERMINAL
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.grants import Grants, Revision, Rights
from bot.ports.requests import Requests
from bot.ports.slack import Accounts


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes grants, as the trail names them, and the source their rows get."""

    name: str
    source: str


TERMINAL = Author(AT_TERMINAL, AT_TERMINAL)
"""An operator, who could write bot.toml as well."""


Asked = TypeVar("Asked", GrantAccess, RevokeAccess)
Change = Callable[[Author, Asked, Rights, Collection[str], datetime], Revision]


class Rows(Audit, Grants, Requests, Protocol):
    """The roles of the store that this asks for."""


class Granting:
    """The commands `grant`, `revoke`, `access` and `projects` in Slack. Answers sentences; makes no cloud call."""

    def __init__(self, store: Rows, people: Accounts, projects: Mapping[str, Project], clock: Clock) -> None:
        self._store = store
        self._people = people
        self._projects = projects
        self._clock = clock

    async def grant(self, actor: Actor, channel: str, asked: GrantAccess) -> Told:
        """Only to whom it can count: Slack is asked who that is, after whether the person may grant at all."""
        if refused := await self._not_administered(actor, channel, asked.project):
            return refused
        subject = asked.subject
        try:
            account = await self._account_of(subject)
        except LookupFailed:
            why = f"Slack could not tell me who {subject.shown} is just now. Try again in a minute."
            return await self._in_vain(actor, channel, asked.project, Denied("lookup-failed", why))
        if never := granting.never_counts(subject, account):
            return await self._in_vain(actor, channel, asked.project, never)
        told = await self._change(actor, channel, asked, granted)
        return replace(told, sentence=f"{told.sentence}{granting.not_yet(account)}") if told.done else told

    async def _account_of(self, subject: granting.Subject) -> AccountKind | UserGroupKind | None:
        match subject.kind:
            case "user":
                return await self._people.account(subject.id)
            case "group":
                return await self._people.user_group(subject.id)
            case "everyone":
                return UserGroupKind.KNOWN
            case "token":
                return AccountKind.TOKEN

    async def _in_vain(self, actor: Actor, channel: str, alias: str, why: Denied) -> Told:
        denied = _denied(actor, channel, alias, why)
        await self._store.audit(denied.audit)
        return Told(denied.told, done=False)

    async def revoke(self, actor: Actor, channel: str, asked: RevokeAccess) -> Told:
        return await self._change(actor, channel, asked, revoked)

    async def _change(self, actor: Actor, channel: str, asked: Asked, change: Change[Asked]) -> Told:
        """Who may not is told so before anything is looked up for the change, and asked again within it."""
        now, alias = self._clock.now(), asked.project

        def decided(held: Sequence[Grant]) -> Decision:
            return granting.may_administer(actor, alias, self._projects.get(alias), channel, held, now)

        def revise(rights: Rights) -> Revision:
            decision = decided(rights.held)
            if isinstance(decision, Denied):
                return _denied(actor, channel, alias, decision)
            return change(Author(actor.user_id, "slack"), asked, rights, self._projects, now)

        if refused := await self._not_administered(actor, channel, alias):
            return refused
        revision = await self._store.revise_grants(actor, asked.subject, alias, revise)
        return Told(revision.told, done=not revision.refused)

    async def _not_administered(self, actor: Actor, channel: str, alias: str) -> Told | None:
        held = await self._store.grants_for(actor)
        decision = granting.may_administer(actor, alias, self._projects.get(alias), channel, held, self._clock.now())
        if not isinstance(decision, Denied):
            return None
        return await self._in_vain(actor, channel, alias, who_can_help(decision, await self._store.helpers(alias)))

    # --- explaining ---------------------------------------------------------------------------------------------------

    async def projects(self, actor: Actor, channel: str) -> Sequence[str]:
        if refused := account_refused(actor):
            return [await self._refuse(actor, Action.VIEW, "", refused)]
        now = self._clock.now()
        held = [grant for grant in await self._store.grants_for(actor) if grant.names(actor) and grant.in_force(now)]
        lines = {
            alias: granting.told_project(alias, project, own)
            for alias, project in sorted(self._projects.items())
            if (own := [grant for grant in held if grant.covers(alias)])
        }
        self._store.note([audit.read_entry(actor.user_id, "projects", lines, channel)])
        return list(lines.values()) or [_NO_PROJECT]

    async def access(self, actor: Actor, channel: str, asked: ShowAccess) -> Sequence[str]:
        """Of oneself every project one may use; of others those one administers."""
        if refused := account_refused(actor):
            return [await self._refuse(actor, Action.VIEW, "", refused)]
        if asked.subject is None or asked.subject == granting.Subject("user", actor.user_id):
            return await self._own_access(actor, channel, asked.project)
        now = self._clock.now()
        held = await self._store.grants_for(actor)
        aliases = [asked.project] if asked.project is not None else sorted(self._projects)
        decisions = {
            alias: granting.may_administer(actor, alias, self._projects.get(alias), channel, held, now)
            for alias in aliases
        }
        readable = [alias for alias, decision in decisions.items() if not isinstance(decision, Denied)]
        if not readable:
            decision = decisions.get(asked.project or "")
            denied = decision if isinstance(decision, Denied) else admins_only()
            helped = who_can_help(denied, await self._store.helpers(asked.project or ""))
            return [await self._refuse(actor, Action.ADMINISTER, asked.project or "", helped)]
        self._store.note([audit.read_entry(actor.user_id, "access", readable, channel, str(asked.subject))])
        return await self._access_of(asked.subject, readable, channel)

    async def _own_access(self, actor: Actor, channel: str, named: str | None) -> Sequence[str]:
        grants = await self._store.grants_for(actor)
        lines = {}
        for alias in [named] if named is not None else sorted(self._projects):
            decisions = self._decisions(actor, alias, channel, grants)
            closed = decisions[Action.VIEW]
            if not granting.is_closed(closed):
                helpers = await self._store.helpers(alias)
                used = await self._used(actor, alias)
                lines[alias] = granting.told_access("You", alias, self._projects.get(alias), decisions, helpers, used)
            elif named is not None and isinstance(closed, Denied):
                return [await self._refuse(actor, Action.VIEW, alias, closed)]
        self._store.note([audit.read_entry(actor.user_id, "access", lines, channel)])
        return list(lines.values()) or [_NO_PROJECT]

    async def _access_of(self, subject: granting.Subject, aliases: Sequence[str], channel: str) -> Sequence[str]:
        now = self._clock.now()
        if subject.kind != "user":
            rows = [grant for grant in await self._store.grants_of(subject) if any(map(grant.covers, aliases))]
            current = [granting.told_grant(grant) for grant in rows if grant.in_force(now)]
            return current or [f"{subject.shown} has no grant in {', '.join(aliases)}."]
        try:
            other = await self._people.look_up(subject.id)
        except LookupFailed:
            return [f"Slack could not tell me who {subject.shown} is just now. Try again in a minute."]
        grants = await self._store.grants_for(other)
        lines = []
        for alias in aliases:
            decisions = {
                action: granting.told_of_another(one, alias) if isinstance(one, Denied) else one
                for action, one in self._decisions(other, alias, channel, grants).items()
            }
            helpers = await self._store.helpers(alias)
            used = await self._used(other, alias)
            lines.append(
                granting.told_access(subject.shown, alias, self._projects.get(alias), decisions, helpers, used)
            )
        return lines

    async def _used(self, actor: Actor, alias: str) -> int:
        """Disks of today, where there is a limit to hold them against."""
        project = self._projects.get(alias)
        limited = project is not None and project.daily_limit is not None
        return await self._store.used_today(actor.user_id, alias) if limited else 0

    def _decisions(self, actor: Actor, alias: str, channel: str, grants: Sequence[Grant]) -> dict[Action, Decision]:
        project, now = self._projects.get(alias), self._clock.now()
        return {action: decide(actor, action, alias, project, channel, grants, now) for action in Action}

    async def _refuse(self, actor: Actor, action: Action, alias: str, denied: Denied) -> str:
        await self._store.audit([audit.denied(actor.user_id, action, alias, denied.rule)])
        return denied.explanation


_NO_PROJECT = "You may use no project. Ask the people who run the snapshot bot for access."


# --- changes, pure ----------------------------------------------------------------------------------------------------


def granted(author: Author, asked: GrantAccess, rights: Rights, aliases: Collection[str], now: datetime) -> Revision:
    """Give the role; the same role given again by the same way gets the new end."""
    expires_at = granting.until(now, asked.lasting)
    subject = asked.subject
    if subject.kind == "token" and asked.role not in TOKEN_ROLES:
        return _refused(author, asked.project, "token-role", granting.told_token_role(subject))
    grant = Grant(subject.kind, subject.id, asked.role, asked.project, expires_at, author.source)
    if first := granting.without_first_admin(rights.admins, [grant], aliases, now):
        return _refused(author, first[0], "first-admin", granting.told_first_admin(first[0]))
    replaced = [row for row in rights.theirs if _key(row) == _key(grant)]
    # Giving a lasting admin an end is a revocation that comes later.
    if out := granting.locked_out(rights.admins, _after(rights.admins, replaced, [grant]), aliases, now):
        return _refused(author, out[0], "last-admin", granting.told_locked_out(out[0]))
    return Revision(granting.told_granted(grant), [audit.grant_changed(author.name, "grant", grant)], added=[grant])


def revoked(author: Author, asked: RevokeAccess, rights: Rights, aliases: Collection[str], now: datetime) -> Revision:
    """Take back what was granted by command; what stands in a file is refused with the file's name."""
    rows = [
        row for row in rights.theirs if row.project == asked.project and (asked.role is None or row.role is asked.role)
    ]
    if not rows:
        return _refused(author, asked.project, "nothing-to-revoke", _nothing_to_revoke(asked, rights))
    taken = [row for row in rows if row.source in granting.GIVEN_BY_COMMAND]
    kept = [row for row in rows if row.source not in granting.GIVEN_BY_COMMAND]
    if not taken:
        told = f"{granting.told_kept_by_file(kept, asked.project)} Nothing was changed."
        return _refused(author, asked.project, "kept-by-file", told)
    if out := granting.locked_out(rights.admins, _after(rights.admins, taken, []), aliases, now):
        return _refused(author, out[0], "last-admin", granting.told_locked_out(out[0]))
    roles = ", ".join(dict.fromkeys(str(row.role) for row in taken))
    told = f"{asked.subject.shown} is no longer {roles} in {granting.place(asked.project)}."
    if kept:
        told += f" {granting.told_kept_by_file(kept, asked.project)}"
    return Revision(told, [audit.grant_changed(author.name, "revoke", row) for row in taken], removed=taken)


def imported(
    author: Author, file: str, wanted: Sequence[Grant], rights: Rights, aliases: Collection[str], now: datetime
) -> Revision:
    """Make the rows of a file what it says. `rights.theirs` are the rows it owns; `told` is the plan, line by line."""
    plan = granting.import_plan(rights.theirs, granting.owned_by(wanted, granting.file_source(file)))
    lines = [
        *(f"+ {granting.told_grant(grant)}" for grant in plan.added),
        *(f"- {granting.told_grant(grant)}" for grant in plan.removed),
        *(f"= {granting.told_grant(grant)}" for grant in plan.unchanged),
        f"{len(plan.added)} added, {len(plan.removed)} removed, {len(plan.unchanged)} unchanged.",
    ]
    after = _after(rights.admins, plan.removed, plan.added)
    if first := granting.without_first_admin(rights.admins, plan.added, aliases, now):
        lines.append(granting.told_first_admin(first[0]))
        return _refused(author, first[0], "first-admin", "\n".join(lines), file)
    if out := granting.locked_out(rights.admins, after, aliases, now):
        lines.append(granting.told_locked_out(out[0]))
        return _refused(author, out[0], "last-admin", "\n".join(lines), file)
    entries = [audit.grant_changed(author.name, "revoke", grant) for grant in plan.removed]
    entries += [audit.grant_changed(author.name, "grant", grant) for grant in plan.added]
    return Revision("\n".join(lines), entries, added=plan.added, removed=plan.removed)


def _denied(actor: Actor, channel: str, alias: str, denied: Denied) -> Revision:
    entry = audit.denied(actor.user_id, Action.ADMINISTER, alias, denied.rule, channel=channel)
    return Revision(f"{denied.explanation} Nothing was changed.", [entry], refused=True)


def _refused(author: Author, alias: str, rule: str, told: str, file: str | None = None) -> Revision:
    facts = {"source": granting.file_source(file)} if file else {}
    entry = audit.denied(author.name, Action.ADMINISTER, alias, rule, **facts)
    return Revision(told, [entry], refused=True)


def _after(admins: Sequence[Grant], removed: Sequence[Grant], added: Sequence[Grant]) -> list[Grant]:
    gone = {_key(grant) for grant in removed}
    kept = [grant for grant in admins if _key(grant) not in gone]
    return [*kept, *(grant for grant in added if grant.role is Role.ADMIN)]


def _key(grant: Grant) -> tuple[str, str, str, str, str]:
    """The key of a row: as in the table's primary key."""
    return (grant.subject_kind, grant.subject_id, grant.project, grant.role, grant.source)


def _nothing_to_revoke(asked: RevokeAccess, rights: Rights) -> str:
    role = f"the role {asked.role}" if asked.role else "no role"
    told = f"{asked.subject.shown} does not have {role}" if asked.role else f"{asked.subject.shown} has {role}"
    told = f"{told} in {granting.place(asked.project)}. Nothing was changed."
    if asked.project != granting.EVERY_PROJECT and any(row.project == granting.EVERY_PROJECT for row in rights.theirs):
        return f"{told} What they have is in every project: `revoke` it with `*` in place of the project."
    return told
