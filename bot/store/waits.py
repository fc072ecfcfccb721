"""Dates that only measure how long something waits: they move along when somebody sets the machine's clock.

What people read as a date stays as it is: when something was asked for, until when a plan stands, when a grant ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.store.database import Script, from_ms, sql

_ITEMS = """
update item set due_at = due_at + :by, submitted_at = submitted_at + :by, look_until = look_until + :by,
    waiting_since = waiting_since + :by where ended_at is null
"""
_GROUPS = """
update consistency_group set due_at = due_at + :by, submitted_at = submitted_at + :by, look_until = look_until + :by,
    waiting_since = waiting_since + :by where state in ('planned', 'submitting', 'uncertain', 'made')
"""
_PLANS = "update request set received_at = coalesce(received_at, created_at) + :by where state = 'received'"
_EDITS = "update request set edited_at = edited_at + :by where to_send = 1"
_ANSWERS = "update deferred_reply set created_at = created_at + :by"
_NOTICES = "update notice set since = since + :by where told = 0"

_MOVES = (_ITEMS, _GROUPS, _PLANS, _EDITS, _ANSWERS, _NOTICES)
"""Without `ver`: whoever has read a row and writes it back loses a wait at most, and never what the cloud told. When it
was sent is not written back at all.
"""


def moved(by: timedelta) -> Script[None]:
    for text in _MOVES:
        yield sql(text, by=round(by.total_seconds() * 1000))


def set_back_meanwhile(now: datetime) -> Script[timedelta]:
    """For a start: what was written last may not lie ahead. Answers by how much the clock was set back, at least."""
    rows = yield sql("select at from audit order by seq desc limit 1")
    last = from_ms(rows[0]["at"]) if rows else None
    by = min(now - last, timedelta()) if last else timedelta()
    if by:
        yield from moved(by)
    return by
