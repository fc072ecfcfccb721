"""The rows of a backup once they are the store's again: what has happened since stands in the cloud and in Slack alone.

Whatever was under way when the backup was made may have been sent, split and made since. So it is looked for before it
is sent, as after a lost answer. What was still to be decided ends: whether it was, no row says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.attempts import FROM_A_BACKUP
from bot.domain.audit import AuditEntry
from bot.domain.requests import refused
from bot.domain.snapshots import REQUEST_TAG
from bot.domain.transitions import RequestEvent
from bot.store import audit
from bot.store.definitions import GROUP_OPEN, ITEM_OPEN, REQUEST_OPEN, RESTORATION_OPEN
from bot.store.reading import readable
from bot.store.rows import request_from
from bot.store.script import Script, from_ms, sql, to_ms
from bot.store.whole_requests import follow, move

QUIET_AFTER = timedelta(seconds=60)
"""After that nothing is on its way any more that the bot sent before it was stopped: the tag of a snapshot may appear
later than the snapshot.
"""

LOOKS_FIRST = "The store was restored from a backup. I look for what was made since before I ask for it again."
NOT_ROLLED_BACK = (
    "The store was restored from a backup; whether this came back since is not known. I do nothing more of it: look at "
    "the disk, and ask anew."
)
NOT_KNOWN = "The store was restored from a backup; whether it was made since is not known."

_RUNS = "request_id in (select id from request where state = 'running')"


@dataclass(frozen=True, slots=True)
class Followed:
    """How many requests go on, and how many were ended as they had not been decided."""

    running: int
    undecided: int


def restored(entries: Sequence[AuditEntry], chores: Sequence[str], now: datetime) -> Script[Followed]:
    """`chores` are due again: what they did last is not what the rows say."""
    undecided = yield from _end_undecided(now)
    running = yield sql(
        f"update request set rev = rev + 1, to_send = 1, ver = ver + 1 where {REQUEST_OPEN} and state = 'running' "
        "returning id"
    )
    yield from _look_first(now)
    yield sql("update app_home set rev = rev + 1")
    yield sql("delete from deferred_reply")  # they were answered since, or ask again
    for chore in chores:
        yield sql("delete from chore where name = :name", name=chore)
    yield from audit.append(entries, now)
    return Followed(len(running), undecided)


def _end_undecided(now: datetime) -> Script[int]:
    last = yield sql("select at from audit order by seq desc limit 1")
    made = from_ms(last[0]["at"]) if last else None
    when = f" made at {made:%Y-%m-%d %H:%M} UTC" if made else ""
    rows = yield sql(f"select * from request where {REQUEST_OPEN} and state <> 'running' order by created_at, id")
    requests = yield from readable(rows, request_from, "request")
    for request in requests:
        explanation = (
            f"The bot's store was restored from a backup{when}, before this was decided. Nothing was kept of what came "
            f"after: it may have run, and snapshots that it made carry the tag {REQUEST_TAG}={request.id}-… Look for "
            "them in the console, and ask again for what is missing."
        )
        yield sql(
            "update item set state = 'unknown', cause = :cause, code = :code, ended_at = :now, ver = ver + 1 "
            "where request_id = :id and state = 'planned'",
            id=request.id,
            cause=NOT_KNOWN,
            code=FROM_A_BACKUP,
            now=to_ms(now),
        )
        yield sql(
            "update consistency_group set state = 'done', ver = ver + 1 where request_id = :id and state = 'planned'",
            id=request.id,
        )
        yield from _not_known("request_id = :id and state = 'planned'", now, id=request.id)
        yield from move(refused(request, RequestEvent.DROP, FROM_A_BACKUP, explanation, now), now)
    return len(requests)


def _not_known(which: str, now: datetime, **values: str) -> Script[list[str]]:
    """Answers the requests of the disks of which it is not known whether they came back."""
    rows = yield sql(
        "update restoration set state = 'unknown', cause = :cause, code = :code, ended_at = :now, ver = ver + 1 "
        f"where {which} returning request_id",
        cause=NOT_ROLLED_BACK,
        code=FROM_A_BACKUP,
        now=to_ms(now),
        **values,
    )
    return sorted({row["request_id"] for row in rows})


def _look_first(now: datetime) -> Script[None]:
    """Of groups their members are looked for as well: a group may have been split since. A disk that was to be rolled
    back may have been, and written to since: that is done once more by a new request alone.
    """
    turn = {"due_at": to_ms(now + QUIET_AFTER), "cause": LOOKS_FIRST, "code": FROM_A_BACKUP}
    in_doubt = "in_doubt = 1, due_at = :due_at, look_until = null, cause = :cause, code = :code, ver = ver + 1"
    groups = yield sql(
        f"update consistency_group set state = 'planned', {in_doubt} "
        f"where {GROUP_OPEN} and state in ('planned', 'submitting', 'uncertain') and {_RUNS} returning id",
        **turn,
    )
    for group in groups:
        yield sql(
            f"update item set state = 'planned', {in_doubt} "
            "where consistency_group_id = :id and state in ('planned', 'submitting', 'uncertain')",
            id=group["id"],
            **turn,
        )
    yield sql(
        f"update item set {in_doubt} "
        f"where {ITEM_OPEN} and state = 'planned' and consistency_group_id is null and {_RUNS}",
        **turn,
    )
    begun = f"{RESTORATION_OPEN} and state in ('planned', 'submitting', 'uncertain') and {_RUNS}"
    for request_id in (yield from _not_known(f"{begun} and way = 'overwrite'", now)):
        yield from follow(request_id, now)
    yield sql(f"update restoration set state = 'planned', {in_doubt} where {begun} and way <> 'overwrite'", **turn)
