"""Dates that only measure how long something waits, or how old it is: they follow the machine's clock when it is set.

What people read as a date stays as it is: when something was asked for, until when a plan stands, when a grant ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.audit import AuditEntry
from bot.store import audit
from bot.store.definitions import GROUP_OPEN, ITEM_OPEN, REQUEST_OPEN, RESTORATION_OPEN
from bot.store.deliveries import FORGETTABLE
from bot.store.script import Query, Script, from_ms, sql, to_ms

LONGEST_WAIT = timedelta(seconds=60)
"""No row waits longer for its next turn, but a test disk that does not go: to look at that one early does no harm."""


WAITS_SET = """
    due_at = :due_at,
    submitted_at = case when :state = 'submitting' or cast(:submitted_at as bigint) is null then :submitted_at
        else submitted_at end,
    look_until = case when state <> :state or cast(:look_until as bigint) is null then :look_until else look_until end,
    waiting_since = case when cast(:waiting_since as bigint) is null then null
        else coalesce(waiting_since, :waiting_since) end
"""
"""Each is written when it is set, and stays: who read the row before the clock was set does not bring the old one back.
When it is due is set with every step.
"""


@dataclass(frozen=True, slots=True)
class Wait:
    """Columns of a table: `past` are written with a date that is not ahead, `ahead` with one that is to come. `where`:
    of which rows something waits; those of the others are read by nothing any more.
    """

    table: str
    past: tuple[str, ...]
    where: str
    ahead: tuple[str, ...] = ()


_SENT, _NEXT = ("submitted_at", "waiting_since"), ("due_at", "look_until")

WAITS = (
    Wait("item", _SENT, ITEM_OPEN, _NEXT),
    Wait("consistency_group", _SENT, GROUP_OPEN, _NEXT),
    Wait("restoration", _SENT, RESTORATION_OPEN, _NEXT),
    Wait("request", ("edited_at",), REQUEST_OPEN),
    Wait("request", ("edited_at",), f"to_send = 1 and not {REQUEST_OPEN}"),
    Wait("deferred_reply", ("created_at",), "true"),
    Wait("notice", ("since",), "told = 0"),
    Wait("deletion", ("asked_at",), "told = 0 and state = 'asked'"),
    Wait("delivery", ("received_at",), FORGETTABLE),
    Wait("form", ("opened_at",), "true"),
    Wait("chore", ("next_at",), "name = 'sweep'"),  # early does no harm; the other chores go by the calendar
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
    yield from brought_back(now)  # since the trail's last row it may have been set back unnoticed
    return by


def brought_back(now: datetime) -> Script[None]:
    """No date lies further ahead than any wait is long. One that does is from before the clock was set back."""
    for wait in WAITS:
        for column in wait.past:
            yield _not_after(wait, column, now)
        if wait.ahead:
            yield _not_after(wait, "due_at", now + LONGEST_WAIT)


def looked_for_longer(now: datetime) -> Script[None]:
    """For replicas, each of which hears by itself that the date is another one: run again, it changes little more."""
    for wait in WAITS:
        if "look_until" in wait.ahead:
            text = f"update {wait.table} set look_until = :until where {wait.where} and look_until < :until"
            yield sql(text, until=to_ms(now + LONGEST_WAIT))


def _not_after(wait: Wait, column: str, latest: datetime) -> Query:
    text = f"update {wait.table} set {column} = :latest where {wait.where} and {column} > :latest"
    return sql(text, latest=to_ms(latest))
