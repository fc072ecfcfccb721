"""Rows are read seldom, a store that hangs or fails is not waited for, and ages go on meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

from bot.domain.errors import StoreFailed
from bot.metrics import readings as metrics_readings
from bot.metrics.exposition import Metrics
from bot.metrics.instruments import Instruments
from bot.metrics.readings import READ_EVERY_S, Parts, Readings
from bot.ports.figures import RestoredFigures, StoreFigures
from bot.ports.jobs import Overdue
from tests.builders import NOON, FakeClock

HOUR = timedelta(hours=1)
EMPTY = StoreFigures(
    counts={},
    running_since=None,
    unanswered_since=None,
    to_send=frozenset(),
    deletions_waiting=0,
    reviews_waiting=0,
    head=0,
    posted=0,
    posted_at=None,
    post_due=None,
    restorations=RestoredFigures(),
)


@dataclass
class Store:
    """Answers, hangs or fails as it is told."""

    found: StoreFigures = EMPTY
    asked: int = 0
    fails: bool = False
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    async def figures(self) -> StoreFigures:
        self.asked += 1
        await self.answers.wait()
        if self.fails:
            raise StoreFailed("The disk is gone.")
        return self.found

    async def size(self) -> int:
        return 4096


@dataclass
class Bench:
    store: Store = field(default_factory=Store)
    clock: FakeClock = field(default_factory=FakeClock)
    parts: Parts = field(default_factory=lambda: Parts({"version": "1"}, {}, anchored=True))

    def __post_init__(self) -> None:
        self.readings = Readings(self.store, self.clock, self.parts)

    async def scrape(self) -> dict[str, float]:
        """Values by name and labels, without the prefix."""
        await self.readings.refresh()
        return {
            sample.name.removeprefix("snapshot_bot_") + "".join(f"/{value}" for value in sample.labels.values()): (
                sample.value
            )
            for metric in self.readings.collect()
            for sample in metric.samples
        }


async def test_rows_are_read_every_few_seconds_however_often_is_scraped() -> None:
    bench = Bench()
    for _ in range(10):
        await bench.scrape()
    await asyncio.gather(*(bench.scrape() for _ in range(10)))
    assert bench.store.asked == 1
    bench.clock.pass_(seconds=READ_EVERY_S + 1)
    told = [await bench.scrape(), *await asyncio.gather(*(bench.scrape() for _ in range(10)))]
    assert bench.store.asked == 2
    assert {one["store_readings_stale"] for one in told} == {0.0}


async def test_a_store_that_hangs_is_not_waited_for_and_asked_no_second_time(monkeypatch: Any) -> None:
    monkeypatch.setattr(metrics_readings, "WITHIN_S", 0.05)
    bench = Bench()
    bench.store.found = replace(EMPTY, head=7)
    assert (await bench.scrape())["audit_head"] == 7.0
    bench.store.answers.clear()
    bench.clock.pass_(seconds=60)
    began = time.monotonic()
    told = await bench.scrape()
    assert time.monotonic() - began < 1.0
    assert (told["store_readings_stale"], told["store_readings_age_seconds"]) == (1.0, 60.0)
    assert told["audit_head"] == 7.0
    await bench.scrape()
    assert bench.store.asked == 2
    bench.store.found = replace(EMPTY, head=8)
    bench.store.answers.set()
    told = await bench.scrape()
    assert (told["store_readings_stale"], told["audit_head"]) == (0.0, 8.0)
    bench.readings.stop()


async def test_a_store_that_never_answered_tells_nothing_and_the_rest_is_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(metrics_readings, "WITHIN_S", 0.05)
    bench = Bench()
    bench.store.answers.clear()
    body, content_type = await Metrics(Instruments(), bench.readings, bench.clock).scrape("")
    assert content_type.startswith("text/plain; version=0.0.4")
    assert b"snapshot_bot_store_readings_stale 1.0" in body
    assert b"snapshot_bot_slack_connected 0.0" in body
    assert b"snapshot_bot_audit_head" not in body
    bench.readings.stop()


async def test_a_store_that_fails_is_asked_again_and_its_last_answer_stands() -> None:
    bench = Bench()
    bench.store.found = replace(EMPTY, counts={("item", "creating"): 3})
    await bench.scrape()
    bench.store.fails = True
    bench.clock.pass_(seconds=60)
    for _ in range(3):
        told = await bench.scrape()
        assert (told["store_readings_stale"], told["items/creating"]) == (1.0, 3.0)
    assert bench.store.asked == 4


async def test_ages_go_on_between_two_readings_and_a_date_ahead_is_no_age() -> None:
    bench = Bench()
    bench.store.found = replace(
        EMPTY, running_since=NOON - HOUR, unanswered_since=NOON - 2 * HOUR, posted_at=NOON + HOUR, post_due=NOON + HOUR
    )
    told = await bench.scrape()
    assert told["oldest_unfinished_item_age_seconds"] == 3600.0
    assert told["oldest_message_to_send_age_seconds"] == 7200.0
    assert told["audit_posting_overdue_seconds"] == told["audit_posted_age_seconds"] == 0.0
    bench.clock.pass_(seconds=3)
    told = await bench.scrape()
    assert told["oldest_unfinished_item_age_seconds"] == 3603.0
    assert told["audit_posting_overdue_seconds"] == 0.0
    bench.store.found = replace(bench.store.found, post_due=NOON - HOUR)
    bench.clock.pass_(seconds=7)
    assert (await bench.scrape())["audit_posting_overdue_seconds"] == 3610.0


async def test_a_message_is_as_old_as_it_was_seen_and_young_again_once_it_was_edited() -> None:
    bench = Bench()
    bench.store.found = replace(EMPTY, to_send=frozenset({("r-one", 3)}))
    assert (await bench.scrape())["oldest_message_to_send_age_seconds"] == 0.0
    bench.clock.pass_(seconds=30)
    assert (await bench.scrape())["oldest_message_to_send_age_seconds"] == 30.0
    bench.store.found = replace(EMPTY, to_send=frozenset({("r-one", 4)}))
    bench.clock.pass_(seconds=10)
    assert (await bench.scrape())["oldest_message_to_send_age_seconds"] == 0.0


async def test_what_waits_for_others_is_told_by_what_it_is() -> None:
    bench = Bench()
    bench.store.found = replace(EMPTY, counts={("request", "waiting"): 2}, deletions_waiting=1, reviews_waiting=4)
    told = await bench.scrape()
    assert (told["approvals_waiting/request"], told["approvals_waiting/deletion"]) == (2.0, 1.0)
    assert told["reviews_waiting"] == 4.0


class Late:
    async def overdue(self) -> Overdue:
        return Overdue(3, 12.0)


@dataclass
class Counts:
    throttled: int = 2
    throttled_s: float = 9.0
    credentials_resting: int = 1
    left: int = 5
    waiting: int = 6


async def test_parts_of_the_process_are_asked_once_they_are_there() -> None:
    bench = Bench()
    assert "cloud_throttled_total" not in await bench.scrape()
    bench.parts.begin(lambda: True, Counts(), {"chat.update": Counts()}, cast(Any, Late()))
    bench.clock.pass_(seconds=READ_EVERY_S + 1)
    told = await bench.scrape()
    assert (told["cloud_throttled_total"], told["cloud_throttled_seconds_total"]) == (2.0, 9.0)
    assert (told["cloud_credentials_resting"], told["slack_connected"]) == (1.0, 1.0)
    assert told["slack_budget_left/chat.update"] == 5.0
    assert told["slack_budget_channels_waiting/chat.update"] == 6.0
    assert (told["jobs_overdue"], told["jobs_overdue_seconds"]) == (3.0, 12.0)


async def test_without_a_channel_for_it_nothing_is_told_of_posting() -> None:
    bench = Bench(parts=Parts({}, {}, anchored=False))
    assert [name for name in await bench.scrape() if "posted" in name or "posting" in name] == []


async def test_causes_that_others_make_up_become_one() -> None:
    causes = Counter({f"E{number}": 1 for number in range(80)} | {'odd"': 2})
    bench = Bench(parts=Parts({}, {"slack": causes}, anchored=False))
    told = {name: value for name, value in (await bench.scrape()).items() if name.startswith("failures_total")}
    assert len(told) == 51
    assert told["failures_total/slack/other"] == 32.0
