"""How a snapshot in the making is followed to its end, whatever the cloud answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

import pytest

from bot.domain.attempts import submitting
from bot.domain.errors import CloudError, CloudUnavailable, NotFound
from bot.domain.items import Item, taken
from bot.domain.polling import FIRST_LOOK
from bot.domain.snapshots import Job, Snapshot
from bot.domain.transitions import ItemState, RequestState
from bot.ports.requests import Incoming
from bot.store.store import Store
from bot.workflow.jobs.watch import REASON_GRACE, UNREACHABLE, Watcher
from tests.builders import NOON, FakeClock, a_request, an_item
from tests.fakes.cloud import OneCloud
from tests.workflow.jobs.test_submit import FakeEvs


def unknown() -> NotFound:
    return NotFound("There is no such thing.", status=404)


@dataclass
class JobEvs(FakeEvs):
    """Jobs and single snapshots; None: there is no such thing."""

    asked: list[str] = field(default_factory=list)
    job: Job | CloudError | None = field(default_factory=lambda: Job(status="RUNNING"))
    shown: Snapshot | CloudError | None = None

    async def show_job(self, job_id: str) -> Job:
        self.asked.append(job_id)
        return answered(self.job)

    async def show_snapshot(self, snapshot_id: str) -> Snapshot:
        return answered(self.shown)


T = TypeVar("T")


def answered(what: T | CloudError | None) -> T:
    if what is None:
        raise unknown()
    if isinstance(what, CloudError):
        raise what
    return what


class LosingCloud(OneCloud[FakeEvs]):
    """Its project can be taken out of the file."""

    gone = False

    def project(self, alias: str, whose: str = "") -> FakeEvs:
        if self.gone:
            raise KeyError(alias)
        return super().project(alias)


class WatchDesk:
    """A watcher on a real store, with one request whose snapshots are in the making since noon."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock, self.evs = store, clock, JobEvs()
        self.cloud = LosingCloud(self.evs)
        self.watch = Watcher(store, self.cloud, clock, timedelta(hours=24))

    async def begun(self, disks: int) -> WatchDesk:
        request = a_request(state=RequestState.RECEIVED, to_send=False)
        await self.store.take_in("d", "C1", None, lambda grants, bound: Incoming(request))
        items = [taken(submitting(an_item(one), NOON), f"snap-{one}", "job-1") for one in range(1, disks + 1)]
        await self.store.decide_plan(replace(request, state=RequestState.RUNNING), items, [])
        self.clock.pass_(seconds=FIRST_LOOK.total_seconds())
        return self

    async def item(self) -> Item:
        found = await self.store.item("r-one-1")
        assert found is not None
        return found[0]

    async def run(self, *, for_: timedelta = timedelta(hours=48)) -> Item:
        """Let the job run, time passing as it asks, until it wants nothing more."""
        end = self.clock.now() + for_
        while (wait_s := await self.watch("payments")) is not None and self.clock.now() < end:
            self.clock.pass_(seconds=max(wait_s, 1.0))
        return await self.item()


class SettingEvs(JobEvs):
    """While it is asked, the machine's clock is set, which the engine tells the store."""

    def __init__(self, desk: WatchDesk, *, by: timedelta) -> None:
        super().__init__()
        self._desk, self._by = desk, by

    async def list_snapshots(self, **_: object) -> list[Snapshot]:
        self._desk.clock.step(seconds=self._by.total_seconds())
        await self._desk.store.clock_set(self._by)
        return [Snapshot(id="snap-1", status="creating", progress=3)]


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> WatchDesk:
    return await WatchDesk(store, clock).begun(1)


async def test_the_job_of_many_is_asked_once_in_each_full_minute(store: Store, clock: FakeClock) -> None:
    desk = await WatchDesk(store, clock).begun(3)
    desk.evs.snapshots = [Snapshot(id=f"snap-{number}", status="creating") for number in (1, 2, 3)]
    asked_at: list[float] = []
    while (age_s := (clock.now() - NOON).total_seconds()) < 310:
        before = len(desk.evs.asked)
        wait_s = await desk.watch("payments")
        assert wait_s is not None
        asked_at += [age_s] * (len(desk.evs.asked) - before)
        clock.pass_(seconds=wait_s)
    assert [age_s // 60 for age_s in asked_at] == [1, 2, 3, 4, 5]


# --- what ends a snapshot ---------------------------------------------------------------------------------------------


async def test_after_a_day_off_it_is_given_up_only_once_a_look_was_answered(desk: WatchDesk) -> None:
    desk.clock.pass_(hours=25)
    desk.evs.snapshots = CloudUnavailable("EVS did not answer.", status=503)
    for _ in range(3):
        desk.clock.pass_(seconds=await desk.watch("payments") or 0)
    assert (await desk.item()).state is ItemState.CREATING
    desk.evs.snapshots = [Snapshot(id="snap-1", status="available")]
    assert (await desk.run()).state is ItemState.AVAILABLE


async def test_a_clock_that_is_set_while_the_cloud_is_asked_gives_up_nothing(desk: WatchDesk) -> None:
    desk.cloud.evs = SettingEvs(desk, by=timedelta(hours=25))
    await desk.watch("payments")
    desk.cloud.evs = desk.evs
    desk.evs.snapshots = [Snapshot(id="snap-1", status="creating", progress=3)]
    await desk.watch("payments")
    assert (await desk.item()).state is ItemState.CREATING
    desk.evs.snapshots = [Snapshot(id="snap-1", status="available")]
    assert (await desk.run()).state is ItemState.AVAILABLE


async def test_a_clock_that_is_set_back_while_the_cloud_is_asked_delays_no_next_look(desk: WatchDesk) -> None:
    desk.cloud.evs = SettingEvs(desk, by=timedelta(hours=-25))
    wait_s = await desk.watch("payments")
    assert wait_s is not None
    assert wait_s <= 2.0
    due_at = (await desk.item()).due_at
    assert due_at is not None
    assert due_at <= desk.clock.now() + timedelta(seconds=2)


async def test_a_cloud_that_is_not_reached_for_days_ends_nothing_and_says_why_nothing_moves(desk: WatchDesk) -> None:
    desk.evs.snapshots = CloudUnavailable("EVS did not answer.")
    item = await desk.run(for_=timedelta(hours=25))
    assert (item.state, item.cause) == (ItemState.CREATING, UNREACHABLE)
    desk.evs.snapshots = [Snapshot(id="snap-1", status="creating", progress=3)]
    item = await desk.run()
    assert (item.state, item.cause) == (
        ItemState.UNKNOWN,
        "After 24 hours the cloud had not finished it. It may still; look at it in the console.",
    )


@pytest.mark.parametrize("job", [Job(status="RUNNING"), Job(status="SUCCESS"), unknown(), None])
async def test_one_that_appears_late_is_waited_for_whatever_its_job_says(
    desk: WatchDesk, job: Job | CloudError | None
) -> None:
    desk.evs.job = job
    assert (await desk.run(for_=timedelta(minutes=4))).state is ItemState.CREATING
    desk.evs.snapshots = [Snapshot(id="snap-1", status="available")]
    assert (await desk.run()).state is ItemState.AVAILABLE


async def test_one_that_no_listing_shows_is_believed_by_itself(desk: WatchDesk) -> None:
    desk.evs.job, desk.evs.shown = unknown(), Snapshot(id="snap-1", status="available")
    assert (await desk.run()).state is ItemState.AVAILABLE


async def test_one_that_is_never_shown_has_failed_after_minutes_of_asking_and_no_sooner(desk: WatchDesk) -> None:
    desk.evs.job = unknown()
    desk.clock.pass_(hours=3)
    began = desk.clock.now()
    item = await desk.run()
    assert (item.state, item.cause) == (
        ItemState.FAILED,
        "The cloud no longer knows this snapshot: it was deleted, or never made.",
    )
    assert timedelta(minutes=5) <= desk.clock.now() - began <= timedelta(minutes=7)


async def test_one_that_was_there_and_is_gone_was_deleted(desk: WatchDesk) -> None:
    desk.evs.snapshots = [Snapshot(id="snap-1", status="creating", progress=40)]
    await desk.watch("payments")
    desk.evs.snapshots = []
    item = await desk.run()
    assert (item.state, item.cause) == (ItemState.FAILED, "The cloud no longer knows this snapshot: it was deleted.")


@pytest.mark.parametrize("broken", ["job", "shown"])
async def test_one_of_which_nothing_can_be_learned_is_not_ended(desk: WatchDesk, broken: str) -> None:
    setattr(desk.evs, broken, CloudUnavailable("EVS did not answer."))
    assert (await desk.run(for_=timedelta(hours=25))).state is ItemState.CREATING


async def test_a_running_job_without_a_snapshot_is_given_up_after_a_day(desk: WatchDesk) -> None:
    item = await desk.run()
    assert item.state is ItemState.UNKNOWN
    assert timedelta(hours=24) < desk.clock.now() - NOON < timedelta(hours=25)


async def test_an_error_whose_reason_cannot_be_asked_for_says_that(desk: WatchDesk) -> None:
    desk.evs.snapshots, desk.evs.job = [Snapshot(id="snap-1", status="error")], CloudUnavailable("EVS did not answer.")
    assert "why could not be asked" in (await desk.run()).cause
    assert desk.clock.now() - NOON >= REASON_GRACE


# --- a project that is no longer configured ---------------------------------------------------------------------------


async def test_a_project_taken_out_of_the_file_is_told_at_once_and_given_up_after_a_day(desk: WatchDesk) -> None:
    desk.cloud.gone = True
    await desk.watch("payments")
    item = await desk.item()
    assert item.state is ItemState.CREATING
    assert item.cause.startswith("bot.toml has no project “payments” any more, so I can't look.")
    item = await desk.run()
    assert item.state is ItemState.UNKNOWN
    assert timedelta(hours=24) <= desk.clock.now() - NOON < timedelta(hours=25)
    assert item.cause.endswith("Look at the snapshot in the console.")


async def test_a_project_that_is_put_back_goes_on_as_if_nothing_had_been(desk: WatchDesk) -> None:
    desk.cloud.gone = True
    await desk.run(for_=timedelta(hours=20))
    desk.cloud.gone = False
    desk.evs.snapshots = [Snapshot(id="snap-1", status="creating", progress=50)]
    await desk.watch("payments")
    assert (await desk.item()).cause == ""
    desk.evs.snapshots = [Snapshot(id="snap-1", status="available")]
    assert (await desk.run()).state is ItemState.AVAILABLE


async def test_a_clock_that_is_set_spends_no_patience(desk: WatchDesk) -> None:
    desk.evs.snapshots = [Snapshot(id="snap-1", status="creating", progress=40)]
    await desk.watch("payments")
    desk.evs.snapshots = []
    desk.clock.pass_(seconds=40)
    await desk.watch("payments")
    desk.clock.step(minutes=10)
    desk.clock.pass_(seconds=2)
    await desk.watch("payments")
    assert (await desk.item()).state is ItemState.CREATING
