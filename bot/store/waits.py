"""Dates that only measure how long something waits, or how old it is: they follow the machine's clock when it is set.

What people read as a date stays as it is: when something was asked for, until when a plan stands, when a grant ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.audit import AuditEntry
from bot.store import audit
from bot.store.database import Script, from_ms, sql, to_ms

LONGEST_WAIT = timedelta(seconds=60)
"""No row waits longer for its next turn."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Columns of a table: `past` are written with a date that is not ahead, `ahead` with one that is to come."""

    table: str
    past: tuple[str, ...]
    where: str
    ahead: tuple[str, ...] = ()


_SENT, _NEXT = ("submitted_at", "waiting_since"), ("due_at", "look_until")

WAITS = (
    Wait("item", _SENT, "ended_at is null", _NEXT),
    Wait("consistency_group", _SENT, "state in ('planned', 'submitting', 'uncertain', 'made')", _NEXT),
    Wait("request", ("edited_at",), "to_send = 1 or state in ('received', 'planned', 'waiting', 'running')"),
    Wait("deferred_reply", ("created_at",), "true"),
    Wait("notice", ("since",), "told = 0"),
    Wait("deletion", ("asked_at",), "state = 'asked'"),
    Wait("delivery", ("received_at",), "true"),
    Wait("form", ("opened_at",), "true"),
)


def moved(by: timedelta, now: datetime) -> Script[None]:
    """Without `ver`: a job that read a row before and writes it back loses nothing that the cloud told. Of these dates
    it writes only those that it has set itself. The trail says why its dates jump.
    """
    for wait in WAITS:
        steps = ", ".join(f"{column} = {column} + :by" for column in (*wait.past, *wait.ahead))
        yield sql(f"update {wait.table} set {steps} where {wait.where}", by=round(by.total_seconds() * 1000))
    seconds = round(by.total_seconds())
    yield from audit.append([AuditEntry("snapshot-bot", "clock", "clock", "done", details={"seconds": seconds})], now)


def set_back_meanwhile(now: datetime) -> Script[timedelta]:
    """For a start: what was written last may not lie ahead. Answers by how much the clock was set back, at least."""
    rows = yield sql("select at from audit order by seq desc limit 1")
    last = from_ms(rows[0]["at"]) if rows else None
    by = min(now - last, timedelta()) if last else timedelta()
    if by:
        yield from moved(by, now)
    for wait in WAITS:  # since the trail's last row it may have been set back unnoticed
        for column in wait.past:
            yield from _not_after(wait.table, column, now)
        if wait.ahead:
            yield from _not_after(wait.table, "due_at", now + LONGEST_WAIT)
    return by


def _not_after(table: str, column: str, latest: datetime) -> Script[None]:
    yield sql(f"update {table} set {column} = :latest where {column} > :latest", latest=to_ms(latest))
