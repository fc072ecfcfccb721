"""A line of the log is written once what it says is committed, once, and not at all where it was undone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.attempts import submitting
from bot.domain.audit import AuditEntry
from bot.domain.items import ended, taken
from bot.domain.log_lines import LogLine
from bot.domain.transitions import ItemState, RequestEvent, RequestState
from bot.ports.requests import Incoming
from bot.store.database import Database
from bot.store.script import Script, sql
from bot.store.store import Store
from tests.builders import NOON, FakeClock, a_request, an_actor, an_item

ENTRY = AuditEntry("U1", "create", "payments", "allowed", "granted", {"channel": "C1"})


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "bot.store")
    return lambda: [one.message for one in caplog.records]


async def test_a_delivery_that_comes_twice_is_recorded_and_told_once(
    store: Store, lines: Callable[[], list[str]]
) -> None:
    request = a_request(state=RequestState.RECEIVED, moved_by=RequestEvent.RECEIVE)
    for _ in range(2):
        await store.take_in("command:1", "C1", an_actor(), lambda *_: Incoming(request, [ENTRY]))
    assert lines() == ["allowed", "request recorded"], "the decision before what came of it"


async def test_each_edge_of_an_item_is_one_line_and_what_was_read_before_another_acted_is_none(
    store: Store, clock: FakeClock, lines: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    received = a_request(state=RequestState.RECEIVED)
    await store.take_in("command:1", "C1", an_actor(), lambda *_: Incoming(received, []))
    running = replace(received, state=RequestState.RUNNING, moved_by=RequestEvent.RUN)
    await store.decide_plan(running, [an_item()], [])
    begun = await store.start(submitting(an_item(), NOON), [])
    assert begun is not None
    accepted = taken(begun, "snap-1", "job-1")
    assert [await store.save(accepted), await store.save(accepted)] == [True, False]
    found = await store.item("r-one-1")
    assert found is not None
    await store.watched([replace(found[0], progress=50)])
    found = await store.item("r-one-1")
    assert found is not None
    await store.save(ended(found[0], ItemState.AVAILABLE, NOON + timedelta(seconds=3)))
    assert lines() == [
        "request planned",
        "request set going",
        "snapshot asked of the cloud",
        "snapshot accepted by the cloud",
        "snapshot available",
        "request finished",
    ]
    assert vars(caplog.records[0])["disks"] == 1
    assert vars(caplog.records[-2])["seconds"] == 3.0
    assert not hasattr(caplog.records[0], "cloud_request"), "what there is nothing to say of is left out"


async def test_what_is_undone_says_nothing(database: Database, lines: Callable[[], list[str]]) -> None:
    def breaks() -> Script[None]:
        yield LogLine("never", {})
        yield sql("select 1")
        raise ZeroDivisionError

    def works() -> Script[None]:
        yield LogLine("done", {"request": "r-one", "rule": ""})

    with pytest.raises(ZeroDivisionError):
        await database.run(breaks)
    await database.run(works)
    assert lines() == ["done"]
