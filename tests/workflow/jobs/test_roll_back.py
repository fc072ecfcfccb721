"""Disks are overwritten together: what has to be there before, and what is told of an answer that was lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bot.domain.attempts import submitting
from bot.domain.deletions import Deletion
from bot.domain.errors import CloudError, CloudRefused, CloudUnavailable, Throttled
from bot.domain.items import ended, taken
from bot.domain.orders import Restore
from bot.domain.restoring.restorations import Restoration
from bot.domain.snapshots import Attachment, Disk, Job, Snapshot
from bot.domain.transitions import DeletionState, ItemState, RequestState, RestorationState
from bot.store.store import Store
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.jobs.roll_back import RollBacker
from tests.builders import NOON, FakeClock, a_disk, a_grant, a_project, a_restoration, an_actor, an_item
from tests.fakes.cloud import OneCloud, UnaskedEvs
from tests.store.test_store import received, the_item
from tests.workflow.jobs.test_submit import POLICY, FakePeople

ORDER = Restore("r-one", "r-one", "overwrite")
FOLLOWED = timedelta(hours=1)


@dataclass
class Evs(UnaskedEvs):
    """A project of the cloud; `answers` are those to roll-backs, in order, and `begins` says which of them began."""

    disks: dict[str, Disk] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    answers: list[CloudError | None] = field(default_factory=list)
    begins: list[bool] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    posted: list[str] = field(default_factory=list)
    down: CloudError | None = None

    async def list_disks(
        self, *, name: str | None = None, ids: Sequence[str] = (), server_id: str | None = None
    ) -> list[Disk]:
        if self.down:
            raise self.down
        return [one for one in self.disks.values() if one.id in ids]

    async def list_snapshots(
        self,
        *,
        volume_id: str | None = None,
        ids: Sequence[str] = (),
        snapshot_group_id: str | None = None,
        of_each: Collection[str] = (),
    ) -> list[Snapshot]:
        return [one for one in self.snapshots.values() if one.id in ids]

    async def show_job(self, job_id: str) -> Job:
        return self.jobs.get(job_id, Job(status="SUCCESS"))

    async def roll_back(self, snapshot_id: str, disk_id: str, *, send_before: float) -> str:
        self.posted.append(disk_id)
        answer = self.answers.pop(0) if self.answers else None
        if answer is None or (self.begins and self.begins.pop(0)):
            self.change(disk_id)
        if answer:
            raise answer
        return f"job-of-{disk_id}"

    def change(self, disk_id: str, at: datetime = NOON + timedelta(minutes=1), **fields: object) -> None:
        self.disks[disk_id] = self.disks[disk_id].model_copy(update={"updated_at": at, **fields})


class Desk:
    """The job on a real store, with a request of two disks that another person agreed to."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.people = FakePeople({"U1": an_actor(), "U8": an_actor("U8")})
        disks = [a_disk(f"disk-{number}", number, status="available", updated_at=NOON) for number in (1, 2)]
        self.evs = Evs({one.id: one for one in disks})
        self.one, self.two = (one.id for one in disks)
        for number, disk in enumerate(disks, start=1):
            for name in (f"snap-{number}", f"safety-{number}"):
                self.evs.snapshots[name] = Snapshot(id=name, name=name, status="available", volume_id=disk.id)
        check = SendCheck(store, self.people, {"payments": a_project(restore=True)}, clock)
        self.job = RollBacker(store, check, OneCloud(self.evs), clock, POLICY, FOLLOWED)

    async def safe(self, *numbers: int, state: ItemState = ItemState.AVAILABLE) -> None:
        for number in numbers:
            name = f"r-back-{number}"
            await self.store.start(submitting(await the_item(self.store, name), NOON), [])
            await self.store.save(taken(await the_item(self.store, name), f"safety-{number}", None))
            cause = "" if state is ItemState.AVAILABLE else "The cloud could not create it."
            await self.store.save(ended(await the_item(self.store, name), state, NOON, cause=cause))

    async def run(self, for_: timedelta = timedelta(hours=3)) -> list[Restoration]:
        """Let the job run, time passing as it asks, until it wants nothing more."""
        end = self.clock.now() + for_
        while (wait := await self.job("r-back")) is not None and self.clock.now() < end:
            self.clock.pass_(seconds=max(wait, 0.01))
        return await self.store.restorations_of("r-back")


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> Desk:
    await store.configured_grants([a_grant(), a_grant("U8", "approver")])
    request = await received(store, "r-back", order=ORDER)
    waiting = replace(request, state=RequestState.WAITING, approvals_needed=1, waits_until=NOON + timedelta(hours=1))
    rows = [a_restoration(number, way="overwrite", safety_item_id=f"r-back-{number}") for number in (1, 2)]
    items = [an_item(number, request_id="r-back") for number in (1, 2)]
    await store.decide_plan(waiting, items, [], restorations=rows)
    assert await store.approve("r-back", "U8", [])
    return Desk(store, clock)


def lost() -> CloudUnavailable:
    return CloudUnavailable("EVS did not answer.", maybe_done=True)


def states(rows: Sequence[Restoration]) -> list[str]:
    return [str(row.state) for row in rows]


async def test_all_go_back_once_each_safety_snapshot_is_there(desk: Desk) -> None:
    await desk.safe(1)
    await desk.job("r-back")
    assert desk.evs.posted == []
    await desk.safe(2)
    assert states(await desk.run()) == ["restored", "restored"]
    assert sorted(desk.evs.posted) == [desk.one, desk.two]
    found = await desk.store.request("r-back")
    assert found and found[0].state is RequestState.FINISHED


async def test_one_safety_snapshot_that_fails_calls_all_off(desk: Desk) -> None:
    await desk.safe(1)
    await desk.safe(2, state=ItemState.FAILED)
    rows = await desk.run()
    assert (states(rows), desk.evs.posted) == (["cancelled", "cancelled"], [])
    assert "Nothing was overwritten." in rows[0].cause


async def test_one_that_the_cloud_does_not_show_holds_all_up(desk: Desk) -> None:
    await desk.safe(1, 2)
    del desk.evs.snapshots["safety-2"]
    rows = await desk.run(timedelta(minutes=10))
    assert (states(rows), desk.evs.posted) == (["planned", "planned"], [])
    assert "The cloud does not show its safety snapshot as available." in rows[0].cause
    assert states(await desk.run()) == ["cancelled", "cancelled"]


async def test_a_disk_that_is_attached_after_the_plan_calls_all_off(desk: Desk) -> None:
    await desk.safe(1)
    desk.evs.change(desk.two, NOON, attachments=(Attachment(server_id="s-1", server_name="web-01"),), status="in-use")
    rows = await desk.run(timedelta(minutes=5))
    assert (states(rows), desk.evs.posted) == (["cancelled", "cancelled"], [])
    assert "“disk-2” was attached to server “web-01” after it was planned" in rows[0].cause


async def test_who_may_no_more_overwrites_nothing(desk: Desk) -> None:
    await desk.safe(1, 2)
    await desk.store.configured_grants([a_grant("U8", "approver")])
    assert (states(await desk.run()), desk.evs.posted) == (["cancelled", "cancelled"], [])


async def test_an_approver_who_may_no_more_counts_no_more(desk: Desk) -> None:
    await desk.safe(1, 2)
    await desk.store.configured_grants([a_grant()])
    assert (states(await desk.run()), desk.evs.posted) == (["cancelled", "cancelled"], [])


async def test_a_first_one_that_is_refused_calls_all_off(desk: Desk) -> None:
    await desk.safe(1, 2)
    desk.evs.answers = [CloudRefused("EVS refused it.", code="EVS.5400")]
    assert states(await desk.run()) == ["cancelled", "cancelled"]
    assert desk.evs.posted == [desk.one]


async def test_once_one_has_begun_the_other_is_asked_for_until_it_begins(desk: Desk) -> None:
    await desk.safe(1, 2)
    desk.evs.answers = [None, *(Throttled("Slower.", retry_after=2.0) for _ in range(5)), CloudRefused("Not now.")]
    assert states(await desk.run()) == ["restored", "restored"]
    assert desk.evs.posted == [desk.one, *[desk.two] * 7]


async def test_what_never_can_begin_is_told_loudly(desk: Desk) -> None:
    await desk.safe(1, 2)
    desk.evs.answers = [None, CloudRefused("Not now.")]
    await desk.job("r-back")
    del desk.evs.snapshots["snap-2"]
    rows = await desk.run()
    assert states(rows) == ["restored", "failed"]
    assert "It was NOT rolled back, and others of this request were" in rows[1].cause


async def test_a_lost_answer_without_a_trace_is_sent_again_after_a_minute(desk: Desk) -> None:
    await desk.safe(1, 2)
    desk.evs.answers, desk.evs.begins = [lost()], [False]
    assert states(await desk.run()) == ["restored", "restored"]
    assert desk.evs.posted == [desk.one, desk.one, desk.two]
    assert desk.clock.now() - NOON >= timedelta(seconds=60)


async def test_a_lost_answer_to_one_that_runs_is_followed(desk: Desk) -> None:
    await desk.safe(1, 2)
    desk.evs.answers, desk.evs.begins = [lost()], [False]
    await desk.job("r-back")
    desk.evs.change(desk.one, status="rollbacking")
    await desk.run(timedelta(seconds=20))
    desk.evs.change(desk.one, status="available")
    assert states(await desk.run()) == ["restored", "restored"]
    assert desk.evs.posted == [desk.one, desk.two]


async def test_a_lost_answer_and_a_disk_that_changed_are_told_as_unknown_and_never_sent_again(desk: Desk) -> None:
    await desk.safe(1, 2)
    desk.evs.answers, desk.evs.begins = [lost()], [True]
    rows = await desk.run()
    assert states(rows) == ["unknown", "restored"]
    assert desk.evs.posted == [desk.one, desk.two]
    assert "it may be rolled back or not" in rows[0].cause


async def test_a_bot_that_died_amid_its_posts_looks_at_each(desk: Desk) -> None:
    await desk.safe(1, 2)
    marked = [
        replace(submitting(row, NOON), disk_changed_at=NOON) for row in await desk.store.restorations_of("r-back")
    ]
    assert await desk.store.start_roll_backs(marked, [])
    desk.evs.change(desk.one, status="rollbacking")
    await desk.run(timedelta(seconds=30))
    assert desk.evs.posted == []
    desk.evs.change(desk.one, status="available")
    assert states(await desk.run()) == ["restored", "restored"]
    assert desk.evs.posted == [desk.two]


async def test_a_cloud_that_is_away_begins_nothing_and_says_so_in_the_end(desk: Desk) -> None:
    await desk.safe(1, 2)
    desk.evs.down = CloudUnavailable("EVS can't be reached.")
    rows = await desk.run()
    assert (states(rows), desk.evs.posted) == (["cancelled", "cancelled"], [])
    assert "I waited for 30 minutes. Nothing was overwritten." in rows[0].cause


async def test_in_doubt_and_never_to_be_looked_at_is_unknown(desk: Desk) -> None:
    await desk.safe(1, 2)
    desk.evs.answers, desk.evs.begins = [lost()], [False]
    await desk.job("r-back")
    desk.evs.down = CloudUnavailable("EVS can't be reached.")
    rows = await desk.run()
    assert rows[0].state is RestorationState.UNKNOWN
    assert desk.evs.posted[0] == desk.one and desk.evs.posted.count(desk.one) == 1


async def test_a_job_that_fails_is_told_with_its_reason(desk: Desk) -> None:
    await desk.safe(1, 2)
    desk.evs.jobs[f"job-of-{desk.one}"] = Job(status="FAIL", error_code="EVS.2002", fail_reason="internal error")
    rows = await desk.run()
    assert states(rows) == ["failed", "restored"]
    assert rows[0].cause == "The cloud could not roll it back: internal error (EVS.2002)."


# --- what the store refuses to mark -----------------------------------------------------------------------------------


async def begun(desk: Desk) -> bool:
    rows = await desk.store.restorations_of("r-back")
    return await desk.store.start_roll_backs([submitting(row, NOON) for row in rows], [])


async def test_the_store_marks_none_without_every_safety_snapshot(desk: Desk) -> None:
    await desk.safe(1)
    assert not await begun(desk)
    await desk.safe(2)
    await desk.store.gone("safety-2", None, [])
    assert not await begun(desk)


async def test_the_store_marks_none_while_a_safety_snapshot_is_let_go(desk: Desk) -> None:
    await desk.safe(1, 2)
    going = Deletion(
        "r-back-1", "r-back", "payments", "safety-1", desk.one, "", DeletionState.DELETING, "U1", "C1", NOON
    )
    await desk.store.ask_deletion([going], [])
    assert not await begun(desk)


async def test_the_store_marks_none_that_another_request_rolls_back(desk: Desk) -> None:
    await desk.safe(1, 2)
    assert await begun(desk)
    again = await received(desk.store, "r-two", order=ORDER)
    rows = [a_restoration(1, way="overwrite", request_id="r-two", safety_item_id="r-two-3")]
    asked = replace(again, state=RequestState.WAITING, approvals_needed=1, waits_until=NOON + timedelta(hours=1))
    await desk.store.decide_plan(asked, [an_item(3, request_id="r-two")], [], restorations=rows)
    await desk.store.approve("r-two", "U8", [])
    await desk.store.start(submitting(await the_item(desk.store, "r-two-3"), NOON), [])
    await desk.store.save(taken(await the_item(desk.store, "r-two-3"), "safety-3", None))
    await desk.store.save(ended(await the_item(desk.store, "r-two-3"), ItemState.AVAILABLE, NOON))
    second = await desk.store.restorations_of("r-two")
    assert not await desk.store.start_roll_backs([submitting(row, NOON) for row in second], [])


async def test_the_store_marks_none_that_nobody_else_agreed_to(store: Store, clock: FakeClock) -> None:
    request = await received(store, "r-back", order=ORDER)
    rows = [a_restoration(1, way="overwrite", safety_item_id="r-back-1")]
    running = replace(request, state=RequestState.RUNNING)
    await store.decide_plan(running, [an_item(1, request_id="r-back")], [], restorations=rows)
    desk = Desk(store, clock)
    await desk.safe(1)
    assert not await begun(desk)


async def test_a_safety_snapshot_joins_no_other_request_s(desk: Desk) -> None:
    other = await received(desk.store, "r-other")
    await desk.store.decide_plan(replace(other, state=RequestState.RUNNING), [an_item(1, request_id="r-other")], [])
    assert await desk.store.start(submitting(await the_item(desk.store, "r-other-1"), NOON), [])
    safety = submitting(await the_item(desk.store, "r-back-1"), NOON)
    assert await desk.store.start(safety, [], alone=True) is None
    waits = await the_item(desk.store, "r-back-1")
    assert (waits.state, waits.joined_to, waits.attempts) == (ItemState.PLANNED, None, 0)
    assert "it waits its turn" in waits.cause
