"""Who may do what where. Rows keep their source, so that each can be taken back where it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache

from bot.domain.actors import Actor, token_name
from bot.domain.audit import AuditEntry, grant_changed
from bot.domain.denials import MENTIONED_ADMINS
from bot.domain.granting import BOT_TOML, EVERY_PROJECT, Subject, import_plan, owned_by
from bot.domain.roles import Action, Grant, Role, roles_for
from bot.ports.grants import Revise, Revision, Rights
from bot.store import audit
from bot.store.columns import Column, Columns
from bot.store.reading import readable
from bot.store.script import Query, Row, ScheduledJob, Script, from_ms, insert, sql, to_ms
from bot.store.transactions import Transactions

_GRANT = Columns(
    same=("subject_kind", "subject_id", "project", "source"),
    moments=("expires_at",),
    others={"role": Column("role", str, Role)},
)
_COLUMNS = "subject_kind, subject_id, role, project, expires_at, source"
_RENEW = """
on conflict (subject_kind, subject_id, project, role, source)
do update set expires_at = excluded.expires_at, end_told = 0
"""
_BY_KEY = """
where subject_kind = :subject_kind and subject_id = :subject_id and project = :project and role = :role
and source = :source
"""
_ENDING = "from access_grant where expires_at is not null and end_told = 0"
NEXT_EXPIRY = f"select 'expire_grants:all' as key, min(expires_at) as at, '' as lane {_ENDING}"


def _first_admins(project: str, ends: str, direction: str) -> str:
    """The first few in the order of their index, one row for each who was given it in several ways."""
    order = ", ".join(f"{column} {direction}" for column in ("expires_at", "subject_kind", "subject_id"))
    return (
        f"select subject_kind, subject_id, 'admin' as role, {project} as project, expires_at, min(source) as source "
        f"from access_grant where role = 'admin' and project = {project} and expires_at {ends} "
        "and subject_kind <> 'everyone' group by expires_at, subject_kind, subject_id "
        f"order by {order} limit :most"
    )


_HELPERS = tuple(
    _first_admins(project, ends, direction)
    for project in (":alias", "'*'")
    for ends, direction in (("is null", "asc"), ("> :now", "desc"))
)
_IN_ORDER = "order by project, subject_kind, subject_id, role, source"
_APPROVING = ", ".join(f"'{role}'" for role in roles_for(Action.APPROVE))
"""Written out, for the index of those who approve is asked only where its own condition stands."""


def held_by(actor: Actor) -> Script[list[Grant]]:
    """Every grant that may name this actor: own, of their groups, for everyone; expired ones too, for `decide`."""
    groups = {f"group_{number}": group for number, group in enumerate(sorted(actor.user_groups))}
    token = token_name(actor.user_id)
    own = {"kind": "user", "id": actor.user_id} if token is None else {"kind": "token", "id": token}
    rows = yield Query(_held_with(len(groups)), {**own, **groups})
    return (yield from readable(rows, _grant, "access_grant"))


@cache
def _held_with(groups: int) -> str:
    names = ", ".join(f":group_{number}" for number in range(groups)) or "null"
    return (
        f"select {_COLUMNS} from access_grant where (subject_kind = :kind and subject_id = :id) "
        f"or (subject_kind = 'everyone' and subject_id = '') or (subject_kind = 'group' and subject_id in ({names}))"
    )


def add(grants: Iterable[Grant]) -> Script[None]:
    """A row that is there already gets the new expiry."""
    for grant in grants:
        yield insert("access_grant", _GRANT.row(grant), _RENEW)
        if grant.expires_at:
            yield ScheduledJob("expire_grants:all", grant.expires_at)


def remove(grants: Iterable[Grant]) -> Script[None]:
    for grant in grants:
        yield Query(f"delete from access_grant {_BY_KEY}", _GRANT.row(grant))


def expired(now: datetime) -> Script[list[Grant]]:
    """Grants whose end has passed, each end told once: a mark of its own outlives the row's being written anew."""
    rows = yield sql(f"select {_COLUMNS} {_ENDING} and expires_at <= :now {_IN_ORDER}", now=to_ms(now))
    fresh = []
    for grant in (yield from readable(rows, _grant, "access_grant")):
        end = _GRANT.row(grant)
        fresh += [grant] if (yield insert("expired_grant", end, "on conflict do nothing returning source")) else []
        yield Query(f"update access_grant set end_told = 1 {_BY_KEY}", end)
    return fresh


def next_end(now: datetime) -> Script[datetime | None]:
    """Of those that have ended one that can't be read is left: it waits for the next sweep."""
    rows = yield sql(f"select min(expires_at) as at {_ENDING} and expires_at > :now", now=to_ms(now))
    return from_ms(rows[0]["at"])


def of_subject(subject: Subject) -> Script[list[Grant]]:
    """Every row that names exactly this subject."""
    text = f"select {_COLUMNS} from access_grant where subject_kind = :kind and subject_id = :id"
    rows = yield sql(text, kind=subject.kind, id=subject.id)
    return (yield from readable(rows, _grant, "access_grant"))


def of_source(source: str) -> Script[list[Grant]]:
    rows = yield sql(f"select {_COLUMNS} from access_grant where source = :source {_IN_ORDER}", source=source)
    return (yield from readable(rows, _grant, "access_grant"))


def admins(alias: str) -> Script[list[Grant]]:
    """Every admin grant that counts in a project, expired ones too; for `*` those of all projects."""
    text = f"select {_COLUMNS} from access_grant where role = 'admin'"
    if alias == EVERY_PROJECT:
        rows = yield sql(f"{text} {_IN_ORDER}")
    else:
        rows = yield sql(f"{text} and project in (:alias, '*') {_IN_ORDER}", alias=alias)
    return (yield from readable(rows, _grant, "access_grant"))


def helpers(alias: str, now: datetime) -> Script[list[Grant]]:
    """Admins of a project to name: its own before those of `*`, those for good before those for a time.

    However many there are, no more are read than are named: of each of the four as few, and of the next none where
    those before it are enough.
    """
    found: dict[tuple[str, str], Grant] = {}
    for text in _HELPERS:
        rows = yield sql(text, alias=alias, now=to_ms(now), most=MENTIONED_ADMINS)
        for grant in (yield from readable(rows, _grant, "access_grant")):
            found.setdefault((grant.subject_kind, grant.subject_id), grant)
        if len(found) >= MENTIONED_ADMINS:
            break
    return list(found.values())


def approvers(alias: str, now: datetime) -> Script[list[Grant]]:
    """Every grant that lets its holder approve in a project now."""
    text = (
        f"select {_COLUMNS} from access_grant where role in ({_APPROVING}) "
        "and project in (:alias, '*') and (expires_at is null or expires_at > :now)"
    )
    rows = yield sql(text, alias=alias, now=to_ms(now))
    return (yield from readable(rows, _grant, "access_grant"))


def every() -> Script[Sequence[Grant]]:
    rows = yield sql(f"select {_COLUMNS} from access_grant {_IN_ORDER}")
    return (yield from readable(rows, _grant, "access_grant"))


def _grant(row: Row) -> Grant:
    return Grant(**_GRANT.fields(row))


class StoredGrants(Transactions):
    """Implements `bot.ports.grants.Grants`, and the same for bot.toml and the terminal."""

    async def grants_for(self, actor: Actor) -> list[Grant]:
        return await self._database.read(held_by, actor)

    async def approver_grants(self, project: str) -> list[Grant]:
        """Those in force."""
        return await self._database.read(approvers, project, self._clock.now())

    async def grants_of(self, subject: Subject) -> list[Grant]:
        return await self._database.read(of_subject, subject)

    async def helpers(self, project: str) -> list[Grant]:
        """A few admin grants in force there: whom to ask."""
        return await self._database.read(helpers, project, self._clock.now())

    async def grants_from(self, source: str) -> list[Grant]:
        return await self._database.read(of_source, source)

    async def admin_grants(self) -> list[Grant]:
        """Of all projects, expired ones too."""
        return await self._database.read(admins, EVERY_PROJECT)

    async def every_grant(self) -> Sequence[Grant]:
        return await self._database.read(every)

    async def revise_grants(self, actor: Actor | None, subject: Subject, project: str, revise: Revise) -> Revision:
        """Change the grants of a subject in a project as `revise` says, under the grants of this very moment.

        `revise` is pure and runs inside the transaction. With `actor` None (the terminal) no actor's grants are held.
        """
        return await self._revise(actor, lambda: of_subject(subject), project, revise)

    async def revise_source(self, source: str, revise: Revise) -> Revision:
        """The same for the rows of a source, which may be about any project."""
        return await self._revise(None, lambda: of_source(source), EVERY_PROJECT, revise)

    async def _revise(
        self, actor: Actor | None, theirs: Callable[[], Script[list[Grant]]], project: str, revise: Revise
    ) -> Revision:
        now = self._clock.now()

        def script() -> Script[Revision]:
            held = (yield from held_by(actor)) if actor else []
            rights = Rights(held, (yield from theirs()), (yield from admins(project)))
            revision = revise(rights)
            yield from remove(revision.removed)
            yield from add(revision.added)
            yield from audit.append(revision.audit, now)
            return revision

        return await self._database.run(script)

    async def configured_grants(self, configured: Sequence[Grant]) -> None:
        """Make the rows of `bot.toml` exactly what the file says; each that differs is a row of the trail."""
        now = self._clock.now()

        def script() -> Script[None]:
            kept = yield from of_source(BOT_TOML)
            plan = import_plan(kept, owned_by(configured, BOT_TOML))
            yield from remove(plan.removed)
            yield from add(plan.added)
            changed = [*(("revoke", row) for row in plan.removed), *(("grant", row) for row in plan.added)]
            entries = [grant_changed(BOT_TOML, action, row) for action, row in changed]
            yield from audit.append(entries, now)

        await self._database.run(script)

    async def expire_grants(self, told: Callable[[Grant], AuditEntry]) -> datetime | None:
        """Write down each grant that came to its end, once. Answers when the next one does."""
        now = self._clock.now()

        def script() -> Script[datetime | None]:
            ended = yield from expired(now)
            yield from audit.append([told(grant) for grant in ended], now)
            return (yield from next_end(now))

        return await self._database.run(script)
