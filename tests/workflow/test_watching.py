"""When a snapshot in the making is looked at again: soon enough for its end, seldom enough for the cloud."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.requests import ItemState, RequestState, sending, taken
from bot.domain.snapshots import Job, Snapshot
from bot.interfaces import Arrival
from bot.store.store import SqliteStore
from bot.workflow.watching import Watcher, pause_s
from tests.builders import NOON, FakeClock, a_request, an_item
from tests.workflow.test_submitting import FakeCloud, FakeEvs


def rounds(takes_s: float, *, progress_told: bool) -> list[float]:
    """The ages at which a snapshot is looked at that takes so many seconds, up to the look that finds it done."""
    ages = [2.0]
    while ages[-1] < takes_s:
        progress = int(100 * ages[-1] / takes_s) if progress_told else None
        ages.append(ages[-1] + pause_s(ages[-1], progress))
    return ages


@pytest.mark.parametrize(("takes_s", "most"), [(2, 1), (5, 3), (20, 6), (60, 8), (600, 30)])
@pytest.mark.parametrize("progress_told", [True, False])
def test_a_snapshot_of_a_minute_costs_eight_looks_at_most(takes_s: float, most: int, progress_told: bool) -> None:
    assert len(rounds(takes_s, progress_told=progress_told)) <= most


@given(st.floats(2, 7200))
def test_its_end_is_seen_soon_after_it_and_sooner_when_its_progress_is_told(takes_s: float) -> None:
    late_s = rounds(takes_s, progress_told=False)[-1] - takes_s
    assert late_s <= min(max(takes_s * 0.75, 2.0), 30.0)
    if takes_s < 60:
        assert rounds(takes_s, progress_told=True)[-1] - takes_s <= 3.0


@pytest.mark.parametrize("progress", [0, 1, 50, 99, 100, None])
def test_a_progress_that_stands_still_costs_no_more_than_half_a_round_a_second(progress: int | None) -> None:
    assert all(2.0 <= pause_s(age_s, progress) <= 30.0 for age_s in range(10_000))
    assert pause_s(3600.0, progress) == 30.0


def test_one_in_trouble_is_looked_at_as_often_as_can_be() -> None:
    assert [pause_s(age_s, 10, troubled=True) for age_s in (3, 30, 100, 300)] == [2.0, 3.0, 5.0, 10.0]


@dataclass
class JobEvs(FakeEvs):
    asked: list[str] = field(default_factory=list)

    async def show_job(self, job_id: str) -> Job:
        self.asked.append(job_id)
        return Job(status="RUNNING")


async def test_the_job_of_many_is_asked_once_in_each_full_minute(store: SqliteStore, clock: FakeClock) -> None:
    evs = JobEvs()
    request = a_request(state=RequestState.RECEIVED, unsaid=False)
    await store.arrive("d", "C1", None, lambda grants, bound: Arrival(request))
    items = [taken(sending(an_item(number), NOON), f"snap-{number}", "job-1") for number in (1, 2, 3)]
    await store.settle(replace(request, state=RequestState.RUNNING), items, [])
    assert {item.state for item in await store.creating("payments")} == {ItemState.CREATING}
    evs.snapshots = [Snapshot(id=f"snap-{number}", status="creating") for number in (1, 2, 3)]
    watch = Watcher(store, FakeCloud(evs), clock, timedelta(hours=24))
    asked_at: list[float] = []
    while (age_s := (clock.now() - NOON).total_seconds()) < 310:
        before = len(evs.asked)
        wait_s = await watch("payments")
        assert wait_s is not None
        asked_at += [age_s] * (len(evs.asked) - before)
        clock.pass_(seconds=wait_s)
    assert [age_s // 60 for age_s in asked_at] == [1, 2, 3, 4, 5]
