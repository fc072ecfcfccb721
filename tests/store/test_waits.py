"""What waits follows the machine's clock; what people read as a date does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlite_utils import Database

from bot.domain.attempts import no_answer, submitting, waiting
from bot.domain.items import taken
from bot.domain.transitions import ItemState
from bot.store.sqlite.schema import migrations
from bot.store.store import Store
from bot.store.waits import LONGEST_WAIT, WAITS
from tests.builders import NOON, FakeClock, an_item
from tests.store.test_store import running, the_item

HOUR = timedelta(hours=1)

DATES = {
    "request.created_at": "people read when it was asked for, and the daily limit counts by it",
    "request.ended_at": "people read when it ended",
    "request.waits_until": "its message says until when it is open, and nobody may act for longer",
    "request.kept_until": "people read until when its snapshots are kept",
    "request.remind_at": "counts back from a date that people read",
    "request.started_at": "how long it took is told once it has ended; nothing waits for that",
    "item.taken_at": "the cloud's own date",
    "item.asked_at": "request.created_at once more, for the order in which they are found",
    "named_disk.asked_at": "the same of the last one that named it",
    "item.ended_at": "people read when it ended",
    "item.gone_at": "people read when it was deleted",
    "restoration.disk_changed_at": "the cloud's own date, held against the cloud's",
    "restoration.proven_at": "people read when it was proven",
    "proof_state.due_since": "tells since when a proof has been due, which the calendar says",
    "restoration.ended_at": "people read when it ended",
    "approval.at": "orders who agreed",
    "deletion.agreed_at": "says when it was agreed to; nothing waits from there",
    "access_grant.expires_at": "people read when it ends, and nobody may act for longer",
    "expired_grant.expires_at": "names the end of a grant",
    "audit.at": "the trail is only ever added to",
    "slack_call.counts_until": "counted by replicas alone, which go by the clock of their database",
    "posted_head.posted_at": "says when it was posted",
}
"""Why each of them makes the bot wait for nothing, or has to be the date that it says."""

NUMBERS = {"ver", "rev", "shown_rev", "ask_rev", "revision", "asking", "seq", "tried_ms", "in_vain_ms", "number"}


def columns() -> set[str]:
    """Every column of the schema that can hold a date."""
    database = Database(memory=True)
    migrations.apply(database)
    return {
        f"{table.name}.{column.name}"
        for table in database.tables
        for column in table.columns
        if column.type.lower() == "bigint" and column.name not in NUMBERS
    }


def test_every_date_of_the_schema_follows_the_clock_or_says_why_it_does_not() -> None:
    waits = {f"{wait.table}.{column}" for wait in WAITS for column in (*wait.past, *wait.ahead)}
    assert waits.isdisjoint(DATES)
    assert {wait.where for wait in WAITS if wait.table == "chore"} == {"name = 'sweep'"}  # others go by the calendar
    assert waits | set(DATES) == columns()


@pytest.mark.parametrize("hours", [-1, 25])
async def test_who_read_a_row_before_the_clock_was_set_brings_no_old_date_back(store: Store, hours: int) -> None:
    by = timedelta(hours=hours)
    sent = replace(waiting(submitting(an_item(1), NOON), NOON, until=NOON, cause="busy"), state=ItemState.SUBMITTING)
    lost = no_answer(sent, NOON, look_for=HOUR, cause="no answer")
    await running(store, lost)
    read = await the_item(store, lost.id)
    await store.clock_set(by)
    assert await store.save(replace(read, cause="still no answer"))
    after = await the_item(store, lost.id)
    assert (after.submitted_at, after.waiting_since, after.look_until) == (NOON + by, NOON + by, NOON + HOUR + by)
    assert await store.save(taken(after, "snap-1", None))
    assert (await the_item(store, lost.id)).look_until is None


async def test_a_clock_that_was_followed_is_not_followed_once_more_at_the_next_start(
    store: Store, clock: FakeClock
) -> None:
    lost = no_answer(submitting(an_item(1), NOON), NOON, look_for=timedelta(minutes=1), cause="no answer")
    await running(store, lost)
    clock.step(hours=-1)
    assert await store.clock_set_meanwhile() == -HOUR
    for _ in range(2):
        assert await store.clock_set_meanwhile() == timedelta()
    assert (await the_item(store, lost.id)).look_until == NOON - HOUR + timedelta(minutes=1)
    clock.step(hours=-1)
    await store.clock_set(-HOUR)  # by a running bot
    assert await store.clock_set_meanwhile() == timedelta()
    assert (await the_item(store, lost.id)).look_until == NOON - 2 * HOUR + timedelta(minutes=1)


async def test_what_is_looked_for_is_looked_for_as_long_as_ever_by_a_date_that_goes_forward(store: Store) -> None:
    lost = no_answer(submitting(an_item(1), NOON), NOON, look_for=timedelta(minutes=1), cause="no answer")
    await running(store, lost, an_item(2))
    for _ in range(2):
        await store.look_longer(HOUR)
    assert (await the_item(store, lost.id)).look_until == NOON + HOUR + LONGEST_WAIT
    assert (await the_item(store, "r-one-2")).look_until is None


@pytest.mark.parametrize("running_on", [False, True])
async def test_a_clock_that_was_set_back_unnoticed_lets_nothing_wait_for_long(
    store: Store, clock: FakeClock, running_on: bool
) -> None:
    """Neither after a start, nor where a job wrote a date down that it had read before the clock was set back."""
    await running(store, an_item(1))
    later = NOON + timedelta(minutes=50)  # half an hour and more of looks, of which none is in the trail
    held = replace(
        an_item(1), due_at=later, waiting_since=later, submitted_at=later, ver=(await the_item(store, "r-one-1")).ver
    )
    assert await store.save(held)
    for chore in ("sweep", "prune jobs"):
        await store.chore_done(chore, later)
    if running_on:
        await store.bring_dates_back()
    else:
        assert await store.clock_set_meanwhile() == timedelta()
    after = await the_item(store, held.id)
    assert (after.due_at, after.waiting_since) == (NOON + LONGEST_WAIT, NOON)
    assert await store.chore_taken("sweep", later)
    assert not await store.chore_taken("prune jobs", later)
