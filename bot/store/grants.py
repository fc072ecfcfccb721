"""Who may do what where. Rows keep their source, so that each can be taken back where it was given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.access import Actor, Grant, Role
from bot.store.database import Query, Row, Script, from_ms, sql, to_ms

_COLUMNS = "subject_kind, subject_id, role, project, expires_at, source"
_ADD = """
insert into access_grant (subject_kind, subject_id, role, project, expires_at, source)
values (:subject_kind, :subject_id, :role, :project, :expires_at, :source)
on conflict (subject_kind, subject_id, project, role, source) do update set expires_at = excluded.expires_at
"""


def held_by(actor: Actor) -> Script[list[Grant]]:
    """Every grant that may name this actor: own, of their groups, for everyone; expired ones too, for `decide`."""
    groups = {f"group_{number}": group for number, group in enumerate(sorted(actor.groups))}
    names = ", ".join(f":{name}" for name in groups) or "null"
    text = (
        f"select {_COLUMNS} from access_grant where (subject_kind = 'user' and subject_id = :user_id) "
        f"or (subject_kind = 'everyone' and subject_id = '') or (subject_kind = 'group' and subject_id in ({names}))"
    )
    rows = yield Query(text, {"user_id": actor.user_id, **groups})
    return [_grant(row) for row in rows]


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
    rows = yield sql(f"select {_COLUMNS} from access_grant order by project, subject_kind, subject_id, role")
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
