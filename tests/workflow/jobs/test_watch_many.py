"""Ten thousand snapshots in the making: how long a round holds the event loop, and the people who ask meanwhile."""

from __future__ import annotations

import asyncio
import gc
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from bot.clock import SystemClock
from bot.domain.attempts import submitting
from bot.domain.items import DiskRef, Item, taken
from bot.domain.transitions import RequestState
from bot.ports.requests import Incoming
from bot.store.store import Store
from bot.workflow.jobs.watch import ASKED_AT_ONCE, IN_A_ROUND, Watcher
from tests.builders import a_request, an_item
from tests.fakes.cloud import OneCloud
from tests.fakes.many_snapshots import PROGRESS, ManyEvs

REQUESTS, DISKS = 1_000, 10
BEGUN_BEFORE = timedelta(seconds=61)
"""Each has just had its first full minute."""


@pytest.fixture
async def store(store: Store) -> Store:
    for number in range(REQUESTS):
        request = a_request(f"r-{number}", state=RequestState.RECEIVED, to_send=False, reply_channel=f"C{number % 10}")
        await store.take_in(f"d{number}", "C1", None, lambda grants, bound, made=request: Incoming(made))  # type: ignore[misc]
        items = [_in_the_making(request.id, one) for one in range(1, DISKS + 1)]
        await store.decide_plan(replace(request, state=RequestState.RUNNING), items, [])
    return store


def _in_the_making(request_id: str, position: int) -> Item:
    item = replace(an_item(position, request_id=request_id), disk=DiskRef(f"disk-{request_id}-{position}", "a"))
    begun = datetime.now(SystemClock().now().tzinfo) - BEGUN_BEFORE
    return replace(taken(submitting(item, begun), f"snap-{item.id}", f"job-{item.id}"), progress=PROGRESS)


class LaterClock(SystemClock):
    """The machine's, some seconds on."""

    later_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.later_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.later_s


@dataclass
class Holds:
    """How long the loop went without a turn, and a command without its answer, while something ran; in seconds."""

    loop_s: float = 0.0
    command_s: float = 0.0

    async def watch_loop(self) -> None:
        while True:
            asleep = time.thread_time()  # what the loop's own thread worked, however busy the machine is with others
            await asyncio.sleep(0.001)
            self.loop_s = max(self.loop_s, time.thread_time() - asleep)

    async def ask(self, store: Store) -> None:
        while True:
            begun = time.perf_counter()
            await store.bound_project("C1")
            self.command_s = max(self.command_s, time.perf_counter() - begun)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("moving", [True, False])
async def test_a_round_over_ten_thousand_holds_up_neither_the_loop_nor_commands(store: Store, moving: bool) -> None:
    gc.collect()
    gc.freeze()  # as the program does once it is up
    evs, holds = ManyEvs(moving=moving), Holds()
    clock = LaterClock()
    watcher = Watcher(store, OneCloud(evs), clock, timedelta(hours=24))
    beside = [asyncio.create_task(holds.watch_loop()), asyncio.create_task(holds.ask(store))]
    for _ in range(2):
        rounds = 0
        while await watcher("payments") == 0.0:
            rounds += 1
        assert rounds == REQUESTS * DISKS // IN_A_ROUND
        clock.later_s += 61.0
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    gc.unfreeze()
    assert holds.loop_s <= 0.1  # with room for a busy machine
    assert holds.command_s <= 3.0
    assert len(evs.jobs) == (0 if moving else REQUESTS * DISKS)
    assert evs.most_at_once <= ASKED_AT_ONCE
