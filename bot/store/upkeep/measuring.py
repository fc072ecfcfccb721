"""The figures of a store as a whole, read beside everything else. No statement reads more the more has ended."""

from __future__ import annotations

from typing import get_args

from bot.domain.orders import Way
from bot.domain.transitions import RESTORATION
from bot.ports.figures import RestoredFigures, StoreFigures
from bot.store import audit, lookups
from bot.store.definitions import DELETION_ASKED, PROVING, REQUEST_OPEN, RESTORATION_OPEN, TO_REVIEW
from bot.store.script import Script, from_ms, sql

ANCHOR = "anchor"
"""The chore of posting the head of the trail."""

COUNTED = ("request", "item")

TO_SEND_AT_MOST = 10_000

_RUNNING_SINCE = f"""
select min(coalesce(started_at, created_at)) as at from request where {REQUEST_OPEN} and state = 'running'
"""
_WAYS = ", ".join(f"'{RESTORATION.name}:{way}'" for way in get_args(Way))
_RESTORED = f"""
select way, state, count(*) as number from restoration where {RESTORATION_OPEN} group by way, state
union all select substr(kind, {len(RESTORATION.name) + 2}), state, number from ended_count
    where kind in ({_WAYS}) and number > 0
"""
_CLEARING = f"""
select count(*) as number, min(submitted_at) as since from restoration where {PROVING} and state = 'clearing'
"""
_UNANSWERED_SINCE = "select min(created_at) as at from deferred_reply"
_NOTICE_SINCE = "select min(since) as at from notice where told = 0"


def restored() -> Script[RestoredFigures]:
    rows = yield sql(_RESTORED)
    (clearing,) = yield sql(_CLEARING)
    (proofs,) = yield sql(
        "select coalesce(sum(due), 0) as due, min(due_since) as since, coalesce(sum(left_behind), 0) as left_behind "
        "from proof_state"
    )
    return RestoredFigures(
        {(row["way"], row["state"]): row["number"] for row in rows},
        clearing["number"] + proofs["left_behind"],
        from_ms(clearing["since"]),
        proofs["due"],
        from_ms(proofs["since"]),
    )


def figures() -> Script[StoreFigures]:
    counts = yield from lookups.counts(COUNTED)
    running = yield sql(_RUNNING_SINCE)
    replies = yield sql(_UNANSWERED_SINCE)
    notices = yield sql(_NOTICE_SINCE)
    to_send = yield sql("select id, shown_rev from request where to_send = 1 limit :most", most=TO_SEND_AT_MOST)
    deletions = yield sql(f"select count(*) as number from deletion where {DELETION_ASKED}")
    reviews = yield sql(f"select count(*) as number from request where {TO_REVIEW}")
    head, _ = yield from audit.head()
    posted = yield sql("select seq, posted_at from posted_head order by seq desc limit 1")
    due = yield sql("select next_at from chore where name = :name", name=ANCHOR)
    return StoreFigures(
        counts=counts,
        running_since=from_ms(running[0]["at"]),
        unanswered_since=from_ms(
            min((row["at"] for row in (*replies, *notices) if row["at"] is not None), default=None)
        ),
        to_send=frozenset((row["id"], row["shown_rev"]) for row in to_send),
        deletions_waiting=deletions[0]["number"],
        reviews_waiting=reviews[0]["number"],
        head=head,
        posted=posted[0]["seq"] if posted else 0,
        posted_at=from_ms(posted[0]["posted_at"]) if posted else None,
        post_due=from_ms(due[0]["next_at"]) if due else None,
        restorations=(yield from restored()),
    )
