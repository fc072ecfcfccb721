"""`snapshot-bot grants …`: the authorization table without Slack.

Rows of bot.toml count as the file says them now, which is what the bot reads when it starts; they are not written here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from bot.cli import complain, opened_store, say
from bot.clock import SystemClock
from bot.domain import granting
from bot.domain.access import Decision, NeedsApproval, decide
from bot.domain.actors import AccountKind, Actor, token_id
from bot.domain.denials import Denied
from bot.domain.errors import CommandError
from bot.domain.parsing.commands import GrantAccess, RevokeAccess
from bot.domain.projects import Project
from bot.domain.roles import Action, Grant, Role
from bot.domain.sentences import as_words, quoted
from bot.domain.terminal_text import harmless
from bot.ports.grants import Revision, Rights
from bot.settings import StoreSettings, load_grants
from bot.workflow.actions.grant import TERMINAL, granted, imported, revoked

DONE, REFUSED = 0, 1
T = TypeVar("T")


async def list_grants(settings: StoreSettings, options: argparse.Namespace) -> int:
    now = SystemClock().now()
    for grant in await _every(settings):
        if options.project is None or grant.covers(options.project):
            expired = "" if grant.in_force(now) else " Expired."
            say(f"{harmless(as_words(granting.told_grant(grant)))}{expired}")
    return DONE


async def export_grants(settings: StoreSettings, _: argparse.Namespace) -> int:
    say(granting.exported(await _every(settings), settings.projects).removesuffix("\n"))
    return DONE


async def add_grant(settings: StoreSettings, options: argparse.Namespace) -> int:
    subject = _read(granting.subject_of, options.subject)
    if options.project != granting.EVERY_PROJECT and options.project not in settings.projects:
        known = ", ".join(sorted(settings.projects)) or "none"
        raise CommandError(f"There is no project {quoted(options.project)}. Configured: {known}.")
    time = None if options.lasting is None else _read(granting.duration_of, options.lasting)
    asked = GrantAccess(subject, Role(options.role), options.project, time)
    now = SystemClock().now()

    def revise(rights: Rights) -> Revision:
        revision = granted(TERMINAL, asked, _with_file(rights, settings, subject), settings.projects, now)
        return (
            revision if revision.refused else replace(revision, told=f"{revision.told}{granting.not_checked(subject)}")
        )

    async with opened_store(settings, made=True) as store:
        return _told(await store.revise_grants(None, subject, asked.project, revise))


async def remove_grant(settings: StoreSettings, options: argparse.Namespace) -> int:
    subject = _read(granting.subject_of, options.subject)
    asked = RevokeAccess(subject, Role(options.role) if options.role else None, options.project)
    now = SystemClock().now()

    def revise(rights: Rights) -> Revision:
        return revoked(TERMINAL, asked, _with_file(rights, settings, subject), settings.projects, now)

    async with opened_store(settings, made=True) as store:
        return _told(await store.revise_grants(None, subject, asked.project, revise))


async def explain_grant(settings: StoreSettings, options: argparse.Namespace) -> int:
    """The decision of `decide`, with what only Slack knows taken as the options say."""
    subject = _read(granting.subject_of, options.subject)
    user_groups = frozenset(
        _read(granting.subject_of, f"group:{one.removeprefix('group:')}").id for one in options.group
    )
    actor = _assumed(subject, user_groups)
    action, alias = Action(options.action), options.project
    project = settings.projects.get(alias)
    decision = await decided(settings, actor, action, alias, options.channel)
    say(f"rule: {decision.rule}")
    say(explained(decision, str(subject), action, alias))
    say(_assumptions(subject, user_groups, project, options.channel))
    return REFUSED if isinstance(decision, Denied) else DONE


async def decided(settings: StoreSettings, actor: Actor, action: Action, alias: str, channel: str) -> Decision:
    """The decision as it would be made now."""
    project = settings.projects.get(alias)
    return decide(actor, action, alias, project, channel, await _every(settings), SystemClock().now())


def explained(decision: Decision, who: str, action: Action, alias: str) -> str:
    """Why, with the grant that decides."""
    match decision:
        case Denied(_, explanation):
            return as_words(explanation)
        case NeedsApproval(because, approvals):
            return f"{who} may {action} in {alias} once {approvals} more agree. {_because(because)}"
        case _:
            return f"{who} may {action} in {alias}. {_because(decision.because)}"


async def import_grants(settings: StoreSettings, options: argparse.Namespace) -> int:
    file = options.file.name
    wanted = load_grants(options.file, settings.projects)
    source, now = granting.file_source(file), SystemClock().now()

    def revise(rights: Rights) -> Revision:
        return imported(TERMINAL, file, wanted, _with_file(rights, settings), settings.projects, now)

    async with opened_store(settings, made=True) as store:
        if options.apply:
            return _told(await store.revise_source(source, revise))
        planned = revise(Rights((), await store.grants_from(source), await store.admin_grants()))
    code = _told(planned)
    if not planned.refused:
        say("Nothing was changed yet. Repeat it with --apply to do this.")
    return code


async def _every(settings: StoreSettings) -> Sequence[Grant]:
    async with opened_store(settings, made=True) as store:
        stored = await store.every_grant()
    rows = granting.as_configured(stored, settings.grants)
    return sorted(rows, key=lambda row: (row.project, row.subject_kind, row.subject_id, row.role, row.source))


def _with_file(rights: Rights, settings: StoreSettings, subject: granting.Subject | None = None) -> Rights:
    """Rights with bot.toml as it stands now."""
    admins = granting.as_configured(rights.admins, [row for row in settings.grants if row.role is Role.ADMIN])
    if subject is None:
        return Rights(rights.held, rights.theirs, admins)
    theirs = granting.as_configured(rights.theirs, [row for row in settings.grants if subject.is_named_by(row)])
    return Rights(rights.held, theirs, admins)


def _assumed(subject: granting.Subject, user_groups: frozenset[str]) -> Actor:
    match subject.kind:
        case "user":
            return Actor(subject.id, AccountKind.MEMBER, user_groups)
        case "group":
            return Actor("", AccountKind.MEMBER, user_groups | {subject.id})
        case "everyone":
            return Actor("", AccountKind.MEMBER, user_groups)
        case "token":
            return Actor(token_id(subject.id), AccountKind.TOKEN)


def _assumptions(subject: granting.Subject, user_groups: frozenset[str], project: Project | None, channel: str) -> str:
    if subject.kind == "token":
        return "Assumed: bot.toml has a token of that name."
    told = "Assumed, because Slack was not asked: a full member"
    if user_groups:
        told += f", in {', '.join(sorted(user_groups))} and no other group"
    elif subject.kind == "user":
        told += ", in no user group (name them with --group S…)"
    if project is not None and project.channels and not channel:
        told += ", in no channel (name it with --channel C…)"
    return f"{told}."


def _because(grant: Grant) -> str:
    return f"Because of: {as_words(granting.told_grant(grant))}"


def _told(revision: Revision) -> int:
    (complain if revision.refused else say)(as_words(revision.told))
    return REFUSED if revision.refused else DONE


def _read(read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as problem:
        raise CommandError(str(problem)) from None
