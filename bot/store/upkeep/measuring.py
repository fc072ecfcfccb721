"""The figures of a store as a whole, read beside everything else. No statement reads more the more has ended."""

from __future__ import annotations

from bot.ports.figures import StoreFigures
from bot.store import audit, lookups
from bot.store.definitions import DELETION_ASKED, REQUEST_OPEN, TO_REVIEW
from bot.store.script import Script, from_ms, sql

ANCHOR = "anchor"
"""The chore of posting the head of the trail."""

COUNTED = ("request", "item")

TO_SEND_AT_MOST = 10_000

_RUNNING_SINCE = f"""
select min(coalesce(started_at, created_at)) as at from request where {REQUEST_OPEN} and state = 'running'
"""
_UNANSWERED_SINCE = "select min(created_at) as at from deferred_reply"
_NOTICE_SINCE = "select min(since) as at from notice where told = 0"


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
    )
