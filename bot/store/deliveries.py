"""Deliveries of Slack that were taken, so that each is acted on once."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.store.script import Script, sql, to_ms

REMEMBERED = timedelta(hours=25)
"""Slack may repeat an event for up to a day when delayed events are on (Events API, retries)."""


FORGETTABLE = "(id < 'mention:' or id >= 'mention;')"
"""A message can be edited as long as it stands: that it was acted on is never forgotten. Two ranges of the key, so that
what is kept for ever is not read.
"""


def first(delivery: str, now: datetime) -> Script[bool]:
    """Mark a delivery as taken. False: it was here before."""
    rows = yield sql(
        "insert into delivery (id, received_at) values (:id, :at) on conflict (id) do nothing returning id",
        id=delivery,
        at=to_ms(now),
    )
    return bool(rows)


def take_back(delivery: str) -> Script[None]:
    """It counts as not delivered."""
    yield sql("delete from delivery where id = :id", id=delivery)


def forget(before: datetime) -> Script[None]:
    yield sql(f"delete from delivery where {FORGETTABLE} and received_at < :before", before=to_ms(before))
