"""Who may do what where. Rows keep their source, so that each can be taken back where it was given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.access import Actor, Grant, Role
from bot.store.database import Row, Script, from_ms, sql, to_ms

_HELD = """
select subject_kind, subject_id, role, project, expires_at, source from access_grant
where subject_kind = :kind and subject_id = :id
"""
_ADD = """
insert into access_grant (subject_kind, subject_id, role, project, expires_at, source)
values (:subject_kind, :subject_id, :role, :project, :expires_at, :source)
on conflict (subject_kind, subject_id, project, role, source) do update set expires_at = excluded.expires_at
"""


def held_by(actor: Actor) -> Script[list[Grant]]:
    """Every grant that may name this actor: own, of their groups, for everyone; expired ones too, for `decide`."""
    subjects = [("user", actor.user_id), ("everyone", ""), *(("group", group) for group in sorted(actor.groups))]
    held: list[Grant] = []
    for kind, subject in subjects:
        rows = yield sql(_HELD, kind=kind, id=subject)
        held += map(_grant, rows)
    return held


def replace_source(source: str, grants: Iterable[Grant]) -> Script[None]:
    """Make the rows of one source exactly these."""
    yield sql("delete from access_grant where source = :source", source=source)
    for grant in grants:
        yield sql(
            _ADD,
            subject_kind=grant.subject_kind,
            subject_id=grant.subject_id,
            role=str(grant.role),
            project=grant.project,
            expires_at=to_ms(grant.expires_at),
            source=source,
        )


def every() -> Script[Sequence[Grant]]:
    rows = yield sql(
        "select subject_kind, subject_id, role, project, expires_at, source from access_grant "
        "order by project, subject_kind, subject_id, role"
    )
    return [_grant(row) for row in rows]


def _grant(row: Row) -> Grant:
    return Grant(
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        role=Role(row["role"]),
        project=row["project"],
        expires_at=from_ms(row["expires_at"]),
        source=row["source"],
    )
