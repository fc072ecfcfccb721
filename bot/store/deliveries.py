"""Deliveries of Slack that were taken, so that each is acted on once."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.store.database import Script, sql, to_ms

REMEMBERED = timedelta(hours=25)
"""Slack may repeat an event for up to a day when delayed events are on (Events API, retries)."""


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
    """A message can be edited as long as it stands: that it was acted on is never forgotten."""
    yield sql("delete from delivery where received_at < :before and id not like 'mention:%'", before=to_ms(before))
