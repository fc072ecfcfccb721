"""The metrics of what is: read at a scrape, from the rows and from the parts of this process.

The rows are read every few seconds at most, however many scrape, beside all that is written. A store that does not
answer is not waited for, and what it told last is told again, with its age.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, get_args

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.domain.errors import StoreFailed
from bot.domain.orders import Way
from bot.domain.transitions import ItemState, RequestState, RestorationState
from bot.metrics.instruments import OF_PROCESS, OTHER, PREFIX, fitting
from bot.ports.clock import Clock
from bot.ports.figures import Figures, RestoredFigures, StoreFigures
from bot.ports.jobs import Engine, Overdue

OF_STORE = "Of the whole store: take the maximum of replicas."

READ_EVERY_S = 5.0
WITHIN_S = 1.5
"""How long a scrape waits for the store."""

CAUSES_AT_MOST = 50

STATES = {"request": RequestState, "item": ItemState}


class Cloud(Protocol):
    @property
    def throttled(self) -> int: ...
    @property
    def throttled_s(self) -> float: ...
    @property
    def credentials_resting(self) -> int: ...


class Budget(Protocol):
    @property
    def left(self) -> int: ...
    @property
    def waiting(self) -> int: ...


@dataclass(slots=True)
class Parts:
    """The parts of this process that are asked at each scrape. What is not there yet, as the bot starts, tells nothing.

    `build`: what runs here, by label. `failures`: of each part outside, how often by cause. `connected`: whether Slack
    can deliver. `budgets`: of Slack's methods. `anchored`: whether heads of the audit trail are posted.
    """

    build: Mapping[str, str]
    failures: dict[str, Mapping[str, int]]
    anchored: bool
    connected: Callable[[], bool] = field(default=lambda: False, init=False)
    cloud: Cloud | None = field(default=None, init=False)
    budgets: Mapping[str, Budget] = field(default_factory=dict, init=False)
    engine: Engine | None = field(default=None, init=False)

    def begin(self, connected: Callable[[], bool], cloud: Cloud, budgets: Mapping[str, Budget], engine: Engine) -> None:
        self.connected, self.cloud, self.budgets, self.engine = connected, cloud, budgets, engine


@dataclass(frozen=True, slots=True)
class _Read:
    at: float
    date: datetime
    figures: StoreFigures
    size: int
    overdue: Overdue


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", told, value=value)


def _gauges(name: str, told: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", told, labels=[label])
    for word, value in values:
        family.add_metric([word], value)
    return family


def _of_restorations(figures: RestoredFigures, age: Callable[[datetime | None], float]) -> Iterator[Metric]:
    told = f"Disks that come back from snapshots, by their way and state. {OF_STORE}"
    family = GaugeMetricFamily(f"{PREFIX}_restorations", told, labels=["way", "state"])
    for way in get_args(Way):
        for state in RestorationState:
            family.add_metric([way, state], figures.counts.get((way, state), 0))
    yield family
    yield _gauge("test_disks_waiting", f"Test disks that are to be deleted. {OF_STORE}", figures.test_disks)
    told = f"Since the oldest of them was ordered; 0 where there is none. {OF_STORE}"
    yield _gauge("oldest_test_disk_age_seconds", told, age(figures.test_disk_since))
    told = f"Restore points of bound disks that are to be proven now, as that was looked at last. {OF_STORE}"
    yield _gauge("unproven_points", told, figures.due)
    told = f"For how long the proof of the oldest of them has been due; 0 where there is none. {OF_STORE}"
    yield _gauge("oldest_unproven_point_age_seconds", told, age(figures.due_since))


class Readings(Collector):
    """Of the store and of `parts`. `refresh` goes before each `collect`."""

    def __init__(self, store: Figures, clock: Clock, parts: Parts) -> None:
        self._store = store
        self._clock = clock
        self._parts = parts
        self._read: _Read | None = None
        self._reading: asyncio.Task[None] | None = None
        self._to_send: dict[tuple[str, int], float] = {}
        """Since when each message was seen not to be as it should be."""

    async def refresh(self) -> None:
        """Takes WITHIN_S at most, whatever the store does."""
        if self._reading is None or self._reading.done():
            if not self._stale:
                return
            self._reading = asyncio.create_task(self._read_anew())
        await asyncio.wait({self._reading}, timeout=WITHIN_S)

    def stop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily(f"{PREFIX}_build", f"What runs here. {OF_PROCESS}", dict(self._parts.build))
        yield from self._of_process()
        yield _gauge("store_readings_stale", f"1 where the store did not answer this scrape. {OF_PROCESS}", self._stale)
        if self._read is not None:
            yield from self._of_store(self._read)

    # --- the rows -----------------------------------------------------------------------------------------------------

    @property
    def _stale(self) -> bool:
        return self._read is None or self._clock.monotonic() - self._read.at > READ_EVERY_S

    async def _read_anew(self) -> None:
        at, date = self._clock.monotonic(), self._clock.now()
        try:
            figures, size = await self._store.figures(), await self._store.size()
            overdue = await self._parts.engine.overdue() if self._parts.engine else Overdue(0, 0.0)
        except StoreFailed:  # which the store tells by itself
            return
        self._to_send = {one: self._to_send.get(one, at) for one in figures.to_send}
        self._read = _Read(at, date, figures, size, overdue)

    def _of_store(self, read: _Read) -> Iterator[Metric]:
        since_s = self._clock.monotonic() - read.at
        figures = read.figures

        def age(of: datetime | None) -> float:
            return 0.0 if of is None else max((read.date - of).total_seconds() + since_s, 0.0)

        yield _gauge("store_readings_age_seconds", f"How old the readings of the store are. {OF_PROCESS}", since_s)
        for table, states in STATES.items():
            counted = ((state, figures.counts.get((table, state), 0)) for state in states)
            yield _gauges(f"{table}s", f"How many {table}s stand in which state. {OF_STORE}", "state", counted)
        told = f"Age of the oldest request that runs and has unfinished items; 0 where there is none. {OF_STORE}"
        yield _gauge("oldest_unfinished_item_age_seconds", told, age(figures.running_since))
        told = f"For how long a message is to be sent or edited, or a person to be answered; 0 for none. {OF_STORE}"
        waits = max((since_s + read.at - at for at in self._to_send.values()), default=0.0)
        yield _gauge("oldest_message_to_send_age_seconds", told, max(waits, age(figures.unanswered_since)))
        waiting = (
            ("request", figures.counts.get(("request", RequestState.WAITING), 0)),
            ("deletion", figures.deletions_waiting),
        )
        yield _gauges("approvals_waiting", f"What waits until others agree. {OF_STORE}", "of", waiting)
        told = f"Requests that ran without approval and wait for review. {OF_STORE}"
        yield _gauge("reviews_waiting", told, figures.reviews_waiting)
        yield _gauge("store_size_bytes", f"What the store takes on its disk. {OF_STORE}", read.size)
        yield _gauge("jobs_overdue", f"Jobs whose time has come and that did not begin. {OF_STORE}", read.overdue.jobs)
        told = f"For how long that is so of the oldest of them; 0 where there is none. {OF_STORE}"
        yield _gauge("jobs_overdue_seconds", told, read.overdue.seconds + since_s if read.overdue.jobs else 0.0)
        yield from _of_restorations(figures.restorations, age)
        yield from self._of_trail(figures, age)

    def _of_trail(self, figures: StoreFigures, age: Callable[[datetime | None], float]) -> Iterator[Metric]:
        yield _gauge("audit_head", f"The number of the last row of the audit trail. {OF_STORE}", figures.head)
        if self._parts.anchored:
            told = f"The number of the last row whose hash was posted. {OF_STORE}"
            yield _gauge("audit_posted", told, figures.posted)
            if figures.posted_at is not None:
                told = f"How long ago it was posted for the first time. {OF_STORE}"
                yield _gauge("audit_posted_age_seconds", told, age(figures.posted_at))
            told = f"For how long the next posting has been due; 0 while it is not. {OF_STORE}"
            yield _gauge("audit_posting_overdue_seconds", told, age(figures.post_due))

    # --- this process -------------------------------------------------------------------------------------------------

    def _of_process(self) -> Iterator[Metric]:
        parts = self._parts
        yield _gauge("slack_connected", f"1 where Slack can deliver. {OF_PROCESS}", parts.connected())
        left = ((method, one.left) for method, one in parts.budgets.items())
        told = f"Calls that Slack takes within this minute, by what is known here. {OF_PROCESS}"
        yield _gauges("slack_budget_left", told, "method", left)
        waiting = ((method, one.waiting) for method, one in parts.budgets.items())
        told = f"Channels whose messages wait for their turn. {OF_PROCESS}"
        yield _gauges("slack_budget_channels_waiting", told, "method", waiting)
        if parts.cloud is not None:
            told = f"How often the cloud asked for fewer calls. {OF_PROCESS}"
            yield CounterMetricFamily(f"{PREFIX}_cloud_throttled", told, parts.cloud.throttled)
            told = f"How long calls waited because of that. {OF_PROCESS}"
            yield CounterMetricFamily(f"{PREFIX}_cloud_throttled_seconds", told, parts.cloud.throttled_s)
            told = f"Credentials that the cloud refused and that rest. {OF_PROCESS}"
            yield _gauge("cloud_credentials_resting", told, parts.cloud.credentials_resting)
        yield self._failures()

    def _failures(self) -> Metric:
        told = f"Calls in vain and deliveries that were refused, by their cause. {OF_PROCESS}"
        family = CounterMetricFamily(f"{PREFIX}_failures", told, labels=["part", "cause"])
        for part, causes in self._parts.failures.items():
            counted: dict[str, int] = {}
            for number, (cause, count) in enumerate(causes.items()):
                word = fitting(cause) if number < CAUSES_AT_MOST else OTHER
                counted[word] = counted.get(word, 0) + count
            for word, count in counted.items():
                family.add_metric([part, word], count)
        return family
