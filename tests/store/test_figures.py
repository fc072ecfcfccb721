"""The figures of a store, and what its meter hears of transactions, on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.domain.audit import AuditEntry
from bot.ports.forms import DeferredReply
from bot.store import audit
from bot.store.database import Database
from bot.store.script import Script, sql
from bot.store.store import Store
from tests.builders import NOON, FakeClock, an_item
from tests.store.test_store import ALLOWED, running

HOUR = timedelta(hours=1)


@dataclass
class Heard:
    """Implements `bot.ports.meters.StoreMeter`."""

    kinds: list[tuple[str, bool]] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)

    def transacted(self, kind: str, seconds: float, *, failed: bool) -> None:
        assert 0 <= seconds < 60
        self.kinds.append((kind, failed))

    def audited(self, entry: AuditEntry) -> None:
        self.entries.append(entry)


@pytest.fixture
async def heard(database: Database) -> AsyncIterator[Heard]:
    heard = Heard()
    database.on_measured(heard)
    yield heard


async def test_an_empty_store_has_nothing_that_is_old(store: Store) -> None:
    found = await store.figures()
    assert (found.counts, found.to_send) == ({}, frozenset())
    assert (found.running_since, found.unanswered_since, found.posted_at, found.post_due) == (None, None, None, None)
    assert (found.deletions_waiting, found.reviews_waiting, found.head, found.posted) == (0, 0, 0, 0)
    assert await store.size() > 10_000


async def test_what_runs_waits_and_is_owed_is_found(store: Store, clock: FakeClock) -> None:
    await running(store, an_item(1, request_id="r-one"), request_id="r-one")
    clock.pass_(hours=1)
    glass = await running(store, an_item(2, request_id="r-two"), request_id="r-two", break_glass=True)
    reply = DeferredReply("d4", "command", "U1", "C1", None, {}, clock.now())
    await store.take_deferred_reply(reply)
    seq, row_hash = await store.audit_head()
    await store.head_posted(seq, row_hash, "anchor", NOON + 9 * HOUR)
    await store.audit([ALLOWED])
    found = await store.figures()
    assert found.counts[("request", "running")] == 2
    assert found.running_since == NOON
    assert found.unanswered_since == NOON + HOUR
    assert {one for one, _ in found.to_send} == {"r-one", glass.id}
    assert found.reviews_waiting == 1
    assert (found.posted, found.head) == (seq, seq + 1)
    assert (found.posted_at, found.post_due) == (NOON + HOUR, NOON + 9 * HOUR)


async def test_a_message_that_was_edited_is_another_one_that_is_unsaid(store: Store) -> None:
    request = await running(store, an_item(1))
    before = (await store.figures()).to_send
    assert before == {(request.id, request.shown_rev)}
    await store.mark_sent(replace(request, shown_rev=request.rev, to_send=True), request)
    assert (await store.figures()).to_send == {(request.id, request.rev)}
    await store.mark_all_sent([request])
    assert (await store.figures()).to_send == frozenset()


def adds(entry: AuditEntry, *, breaks: bool = False) -> Script[None]:
    yield from audit.append([entry], NOON)
    if breaks:
        raise ZeroDivisionError


def asks() -> Script[None]:
    yield sql("select 1 as one")


async def test_each_transaction_is_told_with_its_kind_and_its_audit_rows_after_the_commit(
    database: Database, heard: Heard
) -> None:
    with pytest.raises(ZeroDivisionError):
        await database.run(adds, ALLOWED, breaks=True)
    assert (heard.kinds, heard.entries) == ([("write", True)], [])
    await database.run_first(adds, ALLOWED)
    await database.read(asks)
    await database.run_between(asks)
    assert heard.kinds[1:] == [("acknowledgement", False), ("read", False), ("write", False)]
    assert heard.entries == [ALLOWED]
    database.run_behind(adds, ALLOWED)
    await database.run(asks)
    assert heard.entries == [ALLOWED, ALLOWED]
