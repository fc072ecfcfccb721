"""Every job that the rows call for."""

from __future__ import annotations

from datetime import datetime

from bot.store import app_homes, deferred_replies, deletions, grants
from bot.store.definitions import FOLLOWED, GROUP_OPEN, ITEM_OPEN, QUEUED, REQUEST_OPEN, RESTORATION_OPEN, TO_REMIND
from bot.store.reading import readable
from bot.store.script import Row, Script, from_ms, sql, to_ms
from bot.store.whole_requests import REMINDED_AHEAD

_JOBS = f"""
select 'plan:' || id as key, 0 as at, coalesce(project, '') || '/' || actor_id as lane
    from request where {REQUEST_OPEN} and state = 'received'
union all select 'report:' || reply_channel, 0, reply_channel from request where to_send = 1 group by reply_channel
union all select 'notify:' || request_id, 0, '' from notice where told = 0 group by request_id
union all select 'expire:' || id, waits_until, '' from request where {REQUEST_OPEN} and state in ('planned', 'waiting')
union all select 'submit:' || one.id, coalesce(one.due_at, 0), one.project || '/' || request.actor_id
    from (select * from item where {ITEM_OPEN} and state <> 'creating' and joined_to is null
        and consistency_group_id is null and not ({QUEUED})) as one
    join request on request.id = one.request_id where request.state = 'running'
union all select 'group:' || one.id, coalesce(one.due_at, 0), one.project || '/' || request.actor_id
    from (select * from consistency_group where {GROUP_OPEN}) as one
    join request on request.id = one.request_id where request.state = 'running'
    and not (one.state = 'planned' and exists (
        select 1 from item where {QUEUED} and request_id = one.request_id and consistency_group_id = one.id))
union all select 'new_disk:' || one.id, coalesce(one.due_at, 0), one.project || '/' || request.actor_id
    from (select * from restoration where {RESTORATION_OPEN} and way <> 'overwrite') as one
    join request on request.id = one.request_id where request.state = 'running'
union all select 'roll_back:' || request.id, min(coalesce(one.due_at, 0)), request.project || '/' || request.actor_id
    from (select * from restoration where {RESTORATION_OPEN} and way = 'overwrite') as one
    join request on request.id = one.request_id where request.state = 'running'
    group by request.id, request.project, request.actor_id
union all select 'follow:' || leader.id || ':', 0, leader.project
    from (select distinct joined_to as id from item where {ITEM_OPEN} and joined_to is not null) as one
    join item as leader on leader.id = one.id where leader.ended_at is not null
union all select 'turns:' || project, 0, project from item where {QUEUED} group by project
union all select 'remind:' || id, remind_at, coalesce(project, '') from request
    where {TO_REMIND} and remind_at < :soon
union all select 'watch:' || project, min(coalesce(due_at, 0)), project from item where {FOLLOWED} group by project
union all {app_homes.JOBS} union all {deletions.JOBS} union all {grants.NEXT_EXPIRY} union all {deferred_replies.JOBS}
"""


def every(now: datetime) -> Script[list[tuple[str, datetime, str]]]:
    """Every job the rows call for, but for reminders of a later time: an engine rebuilt from this has lost nothing, and
    what has ended is not read. A sweep comes round to the later ones before they are due.
    """
    rows = yield sql(_JOBS, soon=to_ms(now + REMINDED_AHEAD))
    return (yield from readable([row for row in rows if row["at"] is not None], _job, "job"))


def _job(row: Row) -> tuple[str, datetime, str]:
    at = from_ms(row["at"])
    assert at is not None
    return row["key"], at, row["lane"]
