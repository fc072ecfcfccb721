"""One POST for a group: whom a refusal is about, and what is told of members that do not turn up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.errors import CloudError, CloudRefused, CloudUnavailable, DiskBusy, NotFound, NotOffered
from bot.domain.items import Item
from bot.domain.snapshots import CreateSnapshotGroup, Disk, GroupTicket, Job, Snapshot, SnapshotGroup
from bot.domain.transitions import GroupState, ItemState, RequestState
from bot.ports.requests import Incoming
from bot.store.store import Store
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.discovery import GroupDiscovery
from bot.workflow.jobs.submit_group import Grouper
from tests.builders import NOON, FakeClock, a_disk, a_grant, a_project, a_request, an_actor, an_item
from tests.fakes.cloud import OneCloud
from tests.store.test_consistency_groups import ORDER, a_group
from tests.workflow.jobs.test_submit import POLICY, FakeEvs, FakePeople


def attached(number: int) -> Disk:
    return a_disk(f"disk-{number}", number, attachments=[{"server_id": "s", "server_name": "web-01"}])


def member(number: int, status: str = "creating") -> Snapshot:
    return Snapshot(id=f"snap-{number}", volume_id=attached(number).id, status=status, snapshot_group_id="cloud-1")


@dataclass
class GroupEvs(FakeEvs):
    """Groups, their job and the disks of their server."""

    disks: list[Disk] | CloudError = field(default_factory=lambda: [attached(number) for number in (1, 2, 3)])
    groups: list[CreateSnapshotGroup] = field(default_factory=list)
    known: list[SnapshotGroup] = field(default_factory=list)
    job: Job | CloudError = field(default_factory=lambda: Job(status="RUNNING"))
    failing: CloudError | None = None

    async def create_snapshot_group(self, group: CreateSnapshotGroup, *, send_before: float) -> GroupTicket:
        self.groups.append(group)
        answer = self.answers.pop(0) if self.answers else None
        if answer:
            raise answer
        return GroupTicket(job_id="job-1", snapshot_group_id="cloud-1")

    async def check_snapshot_groups(self) -> None:
        await self.list_snapshot_groups()

    async def list_snapshot_groups(self, *, limit_to_tag: tuple[str, str] | None = None) -> list[SnapshotGroup]:
        if self.failing:
            raise self.failing
        return self.known

    async def list_disks(
        self, *, name: str | None = None, ids: Sequence[str] = (), server_id: str | None = None
    ) -> list[Disk]:
        if isinstance(self.disks, CloudError):
            raise self.disks
        return self.disks

    async def show_job(self, job_id: str) -> Job:
        if isinstance(self.job, CloudError):
            raise self.job
        return self.job


class Desk:
    """A grouper on a real store, with one group of three disks."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock, self.evs = store, clock, GroupEvs()
        self.offers = GroupDiscovery(clock)
        send_check = SendCheck(store, FakePeople({"U1": an_actor()}), {"payments": a_project()}, clock)
        self.move = Grouper(store, send_check, OneCloud(self.evs), self.offers, clock, POLICY)

    async def run(self, *, for_: timedelta = timedelta(hours=2)) -> tuple[ConsistencyGroup, list[Item]]:
        """Let the job run, time passing as it asks, until it wants nothing more."""
        end = self.clock.now() + for_
        while (wait := await self.move("r-one-g1")) is not None and self.clock.now() < end:
            self.clock.pass_(seconds=wait)
        found, whole = await self.store.group("r-one-g1"), await self.store.request("r-one")
        assert found and whole
        return found[0], list(whole[1])

    async def still_offered(self) -> bool:
        """False once somebody said that the project takes no groups; nobody else is asked here."""
        return await self.offers.available("payments", self.evs)


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> Desk:
    await store.configured_grants([a_grant()])
    request = a_request(state=RequestState.RECEIVED, to_send=False, order=ORDER)
    await store.take_in("d", "C1", None, lambda grants, bound: Incoming(request))
    items = [an_item(number, consistency_group_id="r-one-g1") for number in (1, 2, 3)]
    await store.decide_plan(replace(request, state=RequestState.RUNNING), items, [], groups=[a_group()])
    return Desk(store, clock)


def gone() -> NotFound:
    return NotFound("EVS has no such disk or snapshot here (EVS.5404).", status=404, code="EVS.5404")


@pytest.mark.parametrize(
    ("answer", "offered"),
    [
        (NotOffered("No such API (APIGW.0101).", status=404, code="APIGW.0101"), False),
        (NotFound("No such thing here (HTTP 404).", status=404, code="404"), False),
        (gone(), True),
        (CloudRefused("The disk is locked (EVS.2068).", status=400, code="EVS.2068"), True),
    ],
)
async def test_a_refusal_that_no_disk_explains_splits_the_group_and_only_a_missing_api_closes_groups(
    desk: Desk, answer: CloudError, offered: bool
) -> None:
    desk.evs.answers = [answer]
    group, items = await desk.run()
    assert (group.state, group.cause) == (GroupState.SPLIT, answer.sentence)
    assert [(item.state, item.consistency_group_id) for item in items] == [(ItemState.PLANNED, None)] * 3
    assert await desk.still_offered() == offered


BUSY = DiskBusy("A snapshot of this disk is already being created (EVS.2409).", status=400, code="EVS.2409")


async def test_where_the_cloud_names_no_busy_disk_each_waits_with_its_group(desk: Desk) -> None:
    desk.evs.answers = [BUSY]
    await desk.move("r-one-g1")
    found, whole = await desk.store.group("r-one-g1"), await desk.store.request("r-one")
    assert found and whole
    assert found[0].state is GroupState.PLANNED
    assert {item.code for item in whole[1]} == {"EVS.2409"}
    (told,) = {item.cause for item in whole[1]}
    assert told.startswith("Another snapshot is already being created of a disk in its group; it waits with its group")


async def test_only_a_busy_disk_says_that_it_is_busy(desk: Desk) -> None:
    desk.evs.answers = [BUSY]
    desk.evs.snapshots = [member(2)]
    await desk.move("r-one-g1")
    whole = await desk.store.request("r-one")
    assert whole
    assert [item.cause for item in whole[1]] == ["", BUSY.sentence, ""]


async def test_a_group_that_is_split_for_busy_disks_names_them(desk: Desk) -> None:
    desk.evs.answers = [BUSY]
    desk.evs.snapshots = [member(number) for number in (1, 2)]
    group, items = await desk.run()
    assert group.state is GroupState.SPLIT
    names = ", ".join(f"“{item.disk.label}”" for item in items[:2])
    assert group.cause.startswith(f"Another snapshot is already being created of {names}, so its group")


@pytest.mark.parametrize(("minutes", "posts"), [(0, 1), (None, 1), (-10, 2)])
async def test_a_fresh_group_whose_tags_cannot_be_read_may_be_ours_so_nothing_is_sent_again(
    desk: Desk, minutes: int | None, posts: int
) -> None:
    made = None if minutes is None else NOON + timedelta(minutes=minutes)
    desk.evs.answers = [CloudUnavailable("EVS did not answer.", maybe_done=True)]
    desk.evs.known = [SnapshotGroup(id="cloud-9", created_at=made, unread=frozenset({"tags"}))]
    desk.evs.snapshots = [member(number) for number in (1, 2, 3)]
    _, items = await desk.run()
    assert len(desk.evs.groups) == posts
    assert {item.state for item in items} == {ItemState.UNKNOWN if posts == 1 else ItemState.CREATING}


class NoCloud:
    def project(self, alias: str, whose: str = "") -> GroupEvs:
        raise KeyError(alias)


async def test_what_was_never_sent_ends_with_the_project_that_is_no_longer_configured(desk: Desk) -> None:
    send_check = SendCheck(desk.store, FakePeople({"U1": an_actor()}), {}, desk.clock)
    desk.move = Grouper(desk.store, send_check, NoCloud(), desk.offers, desk.clock, POLICY)
    _, items = await desk.run()
    assert {item.state for item in items} == {ItemState.CANCELLED}


async def test_a_disk_that_is_gone_fails_alone(desk: Desk) -> None:
    desk.evs.answers, desk.evs.disks = [gone()], [attached(1), attached(3)]
    desk.evs.snapshots = [member(1), member(3)]
    group, items = await desk.run()
    assert [(item.state, item.consistency_group_id) for item in items] == [
        (ItemState.CREATING, group.id),
        (ItemState.FAILED, None),
        (ItemState.CREATING, group.id),
    ]
    assert "no longer there" in items[1].cause
    assert [len(asked.volume_ids) for asked in desk.evs.groups] == [3, 2]
    assert await desk.still_offered()


async def test_when_all_are_gone_nothing_is_left_to_ask_for(desk: Desk) -> None:
    desk.evs.answers, desk.evs.disks = [gone()], []
    group, items = await desk.run()
    assert (group.state, {item.state for item in items}) == (GroupState.DONE, {ItemState.FAILED})
    assert len(desk.evs.groups) == 1


async def test_where_nobody_can_look_who_is_meant_the_group_is_split(desk: Desk) -> None:
    desk.evs.answers, desk.evs.disks = [gone()], CloudUnavailable("EVS did not answer.")
    group, _ = await desk.run()
    assert group.state is GroupState.SPLIT
    assert await desk.still_offered()


async def test_members_without_a_snapshot_failed_when_the_job_did_and_are_unknown_otherwise(desk: Desk) -> None:
    desk.evs.snapshots = [member(1)]
    desk.evs.job = Job(status="FAIL", error_code="EVS.9", fail_reason="storage pool full")
    _, items = await desk.run()
    assert [item.state for item in items] == [ItemState.CREATING, ItemState.FAILED, ItemState.FAILED]
    assert items[1].cause == "The cloud could not create it: storage pool full (EVS.9)."


@pytest.mark.parametrize("job", [Job(status="SUCCESS"), CloudUnavailable("EVS did not answer.")])
async def test_members_without_a_snapshot_and_without_a_failed_job_are_unknown(
    desk: Desk, job: Job | CloudError
) -> None:
    desk.evs.snapshots, desk.evs.job = [member(1)], job
    _, items = await desk.run()
    assert [item.state for item in items] == [ItemState.CREATING, ItemState.UNKNOWN, ItemState.UNKNOWN]


async def test_a_clock_that_is_set_back_while_members_are_looked_for_delays_no_look(desk: Desk) -> None:
    await desk.move("r-one-g1")  # sent
    desk.evs.meanwhile = lambda: desk.clock.step(hours=-1)
    await desk.move("r-one-g1")
    desk.evs.meanwhile = lambda: None
    desk.evs.snapshots = [member(number) for number in (1, 2, 3)]
    await desk.store.clock_set(timedelta(hours=-1))
    _, items = await desk.run(for_=timedelta(seconds=10))
    assert [item.state for item in items] == [ItemState.CREATING] * 3


async def test_giving_up_on_the_missing_leaves_alone_those_that_were_found(desk: Desk) -> None:
    desk.evs.snapshots = [member(1), member(2)]
    assert await desk.move("r-one-g1") == 0.0
    wait = await desk.move("r-one-g1")
    assert wait is not None
    _, (first, second, _) = await desk.run(for_=timedelta())
    assert first.state is second.state is ItemState.CREATING
    await desk.store.save(replace(first, state=ItemState.AVAILABLE, ended_at=desk.clock.now()))
    desk.evs.snapshots = CloudUnavailable("EVS did not answer.")
    group, items = await desk.run()
    assert group.state is GroupState.DONE
    assert [item.state for item in items] == [ItemState.AVAILABLE, ItemState.CREATING, ItemState.UNKNOWN]


# --- patience counts what was tried, and a running job is no end ------------------------------------------------------


@pytest.mark.parametrize("job", [Job(status="RUNNING"), CloudUnavailable("EVS did not answer."), gone()])
async def test_members_that_appear_late_are_waited_for(desk: Desk, job: Job | CloudError) -> None:
    desk.evs.snapshots, desk.evs.job = [member(1)], job
    _, items = await desk.run(for_=timedelta(minutes=10))
    assert [item.state for item in items] == [ItemState.CREATING, ItemState.SUBMITTING, ItemState.SUBMITTING]
    desk.evs.snapshots = [member(1), member(2), member(3)]
    group, items = await desk.run()
    assert group.state is GroupState.DONE
    assert {item.state for item in items} == {ItemState.CREATING}


async def test_half_an_hour_in_which_no_bot_looked_for_a_group_is_no_patience_spent(desk: Desk) -> None:
    desk.evs.answers = [CloudUnavailable("EVS did not answer.", maybe_done=True)]
    await desk.move("r-one-g1")
    desk.clock.pass_(minutes=36)
    desk.evs.failing = CloudUnavailable("EVS did not answer.")
    for _ in range(3):
        desk.clock.pass_(seconds=await desk.move("r-one-g1") or 0)
    _, items = await desk.run(for_=timedelta())
    assert {item.state for item in items} == {ItemState.UNCERTAIN}
    _, items = await desk.run()
    assert {item.state for item in items} == {ItemState.UNKNOWN}
    assert "could not be looked up" in items[0].cause


async def test_groups_whose_answers_are_lost_again_and_again_end_after_half_an_hour_of_trying(desk: Desk) -> None:
    desk.evs.answers = [CloudUnavailable("EVS did not answer.", maybe_done=True) for _ in range(100)]
    _, items = await desk.run()
    assert {item.state for item in items} == {ItemState.FAILED}
    assert 25 <= len(desk.evs.groups) <= 35


async def test_a_group_in_doubt_whose_project_is_gone_is_told_as_that_and_ends(desk: Desk) -> None:
    desk.evs.answers = [CloudUnavailable("EVS did not answer.", maybe_done=True)]
    await desk.move("r-one-g1")
    send_check = SendCheck(desk.store, FakePeople({"U1": an_actor()}), {}, desk.clock)
    desk.move = Grouper(desk.store, send_check, NoCloud(), desk.offers, desk.clock, POLICY)
    await desk.move("r-one-g1")
    _, items = await desk.run(for_=timedelta())
    assert "bot.toml has no project “payments” any more" in items[0].cause
    _, items = await desk.run(for_=timedelta(hours=30))
    assert {item.state for item in items} == {ItemState.UNKNOWN}
    assert "Whether the group was made is not known" in items[0].cause
