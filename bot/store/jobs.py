"""Every job that the rows call for."""

from __future__ import annotations

from datetime import datetime

from bot.store import deferred_replies, deletions, grants
from bot.store.database import Row, Script, from_ms, sql
from bot.store.reading import readable

_JOBS = """
select 'plan:' || id as key, 0 as at, coalesce(project, '') || '/' || actor_id as lane
    from request where state = 'received'
union all select 'report:' || reply_channel, 0, reply_channel from request where to_send = 1 group by reply_channel
union all select 'notify:' || request_id, 0, '' from notice where told = 0 group by request_id
union all select 'expire:' || id, waits_until, '' from request where state in ('planned', 'waiting')
union all select 'submit:' || item.id, coalesce(item.due_at, 0), item.project || '/' || request.actor_id
    from item join request on request.id = item.request_id
    where item.state in ('planned', 'submitting', 'uncertain') and item.joined_to is null
    and item.consistency_group_id is null and request.state = 'running'
union all select 'group:' || consistency_group.id, coalesce(consistency_group.due_at, 0),
    consistency_group.project || '/' || request.actor_id from consistency_group
    join request on request.id = consistency_group.request_id
    where consistency_group.state in ('planned', 'submitting', 'uncertain', 'made') and request.state = 'running'
union all select 'remind:' || id, remind_at, coalesce(project, '') from request
    where remind_at is not null and ended_at is not null
union all select 'app_home:' || user_id, 0, '' from app_home where shown_rev < rev
union all select 'watch:' || project, 0, project from item
    where state = 'creating' and joined_to is null group by project
"""


def every() -> Script[list[tuple[str, datetime, str]]]:
    """Every job the rows call for; an engine rebuilt from this has lost nothing."""
    rows = yield sql(
        f"{_JOBS} union all {deletions.JOBS} union all {grants.NEXT_EXPIRY} union all {deferred_replies.JOBS}"
    )
    return (yield from readable([row for row in rows if row["at"] is not None], _job, "job"))


def _job(row: Row) -> tuple[str, datetime, str]:
    at = from_ms(row["at"])
    assert at is not None
    return row["key"], at, row["lane"]
