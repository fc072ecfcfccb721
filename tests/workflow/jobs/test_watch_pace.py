"""Each snapshot in the making is looked at when its own turn has come, in listings that are as full as can be."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from bot.domain.attempts import submitting
from bot.domain.items import DiskRef, Item, taken
from bot.domain.snapshots import Job, Snapshot
from bot.domain.transitions import RequestState
from bot.ports.requests import Incoming
from bot.store.store import Store
from bot.workflow.jobs.watch import IN_A_LISTING, IN_A_ROUND, Watcher
from tests.builders import FakeClock, a_request, an_item
from tests.fakes.cloud import OneCloud, UnaskedEvs


@dataclass
class ListingEvs(UnaskedEvs):
    """All of them are being made and stand still. `listed` are the ids of each listing."""

    listed: list[list[str]] = field(default_factory=list)

    async def list_snapshots(self, **asked: object) -> list[Snapshot]:
        ids = asked["ids"]
        assert isinstance(ids, list)
        self.listed += [ids[at : at + IN_A_LISTING] for at in range(0, len(ids), IN_A_LISTING)]
        return [Snapshot(id=one, status="creating", progress=5) for one in ids]

    async def show_job(self, job_id: str) -> Job:
        return Job(status="RUNNING")


@dataclass
class Following:
    """A watcher and its time."""

    store: Store
    clock: FakeClock
    evs: ListingEvs = field(default_factory=ListingEvs)

    def __post_init__(self) -> None:
        self.watch = self.restarted()

    def restarted(self) -> Watcher:
        self.watch = Watcher(self.store, OneCloud(self.evs), self.clock, timedelta(hours=24))
        return self.watch

    async def begin(self, request_id: str, count: int, *, ago: timedelta = timedelta()) -> None:
        request = a_request(request_id, state=RequestState.RECEIVED, to_send=False)
        await self.store.take_in(request_id, "C1", None, lambda grants, bound: Incoming(request))
        items = [self._item(request_id, position, ago) for position in range(1, count + 1)]
        await self.store.decide_plan(replace(request, state=RequestState.RUNNING), items, [])

    def _item(self, request_id: str, position: int, ago: timedelta) -> Item:
        item = replace(an_item(position, request_id=request_id), disk=DiskRef(f"disk-{request_id}-{position}", "a"))
        return taken(submitting(item, self.clock.now() - ago), f"snap-{item.id}", f"job-{item.id}")

    async def run(self, **for_: float) -> list[list[str]]:
        """The listings of so much time."""
        self.evs.listed.clear()
        end = self.clock.now() + timedelta(**for_)
        while self.clock.now() < end:
            wait_s = await self.watch("payments")
            assert wait_s is not None
            self.clock.pass_(seconds=min(wait_s, (end - self.clock.now()).total_seconds()))
        return self.evs.listed


def rows_of(listings: list[list[str]], request_id: str) -> int:
    return sum(one.startswith(f"snap-{request_id}-") for ids in listings for one in ids)


async def test_old_ones_that_began_at_all_moments_fill_their_listings(store: Store, clock: FakeClock) -> None:
    following = Following(store, clock)
    for number in range(20):
        await following.begin(f"r-{number}", 10, ago=timedelta(hours=1))
        await following.run(seconds=1.5)
    listings = await following.run(minutes=10)
    rounds = 20  # of 30 s each
    assert len(listings) <= (200 / IN_A_LISTING + 1) * rounds
    assert 200 * rounds * 0.95 <= sum(map(len, listings)) <= 200 * rounds * 1.4


async def test_new_ones_make_no_old_one_be_listed_at_their_pace(store: Store, clock: FakeClock) -> None:
    following = Following(store, clock)
    await following.begin("r-old", 300, ago=timedelta(hours=1))
    await following.run(minutes=1)
    listings: list[list[str]] = []
    for number in range(30):
        await following.begin(f"r-new{number}", 1)
        listings += list(await following.run(seconds=10))
    rounds = 10  # of 30 s each
    assert rows_of(listings, "r-old") <= 300 * rounds * 2.5
    assert rows_of(listings, "r-new0") >= 12
    assert len(listings) <= 300 / IN_A_LISTING * rounds + 30 * 5


async def test_a_restart_looks_at_none_before_its_time(store: Store, clock: FakeClock) -> None:
    following = Following(store, clock)
    await following.begin("r-old", 200, ago=timedelta(hours=1))
    await following.run(seconds=1)
    following.restarted()
    following.evs.listed.clear()
    assert await following.watch("payments") == 29.0
    assert following.evs.listed == []


async def test_after_a_long_sleep_they_are_looked_at_by_rounds_the_longest_due_first(
    store: Store, clock: FakeClock
) -> None:
    following = Following(store, clock)
    await following.begin("r-late", 10, ago=timedelta(hours=1))
    await following.begin("r-later", IN_A_ROUND, ago=timedelta(minutes=59))
    assert await following.watch("payments") == 0.0
    assert sum(map(len, following.evs.listed)) == IN_A_ROUND
    assert rows_of(following.evs.listed, "r-late") == 10
    assert await following.watch("payments") == 30.0
    assert sum(map(len, following.evs.listed)) == IN_A_ROUND + 10


async def test_one_that_stands_still_is_not_told_again(store: Store, clock: FakeClock) -> None:
    following = Following(store, clock)
    await following.begin("r-one", 1)
    await following.run(seconds=5)
    before = await store.request("r-one")
    await following.run(minutes=5)
    after = await store.request("r-one")
    assert before
    assert after
    assert (before[0].rev, before[1][0].ver) == (after[0].rev, after[1][0].ver)
    assert after[1][0].due_at != before[1][0].due_at


async def test_rows_that_cannot_be_read_hold_up_no_other(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    following = Following(store, clock)
    await following.begin("r-odd", IN_A_ROUND, ago=timedelta(hours=2))
    await following.begin("r-one", 1, ago=timedelta(hours=1))
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("update item set disk_json = '?' where request_id = 'r-odd'")
    connection.close()
    assert await following.watch("payments") == 30.0
    assert following.evs.listed == [["snap-r-one-1"]]
