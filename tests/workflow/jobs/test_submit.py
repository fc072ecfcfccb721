"""One POST per disk: what is written down before and after it, whatever the cloud does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bot.domain.actors import Actor
from bot.domain.attempts import NOT_THERE, submitting
from bot.domain.audit import AuditEntry
from bot.domain.errors import CloudError, CloudRefused, CloudUnavailable, DiskBusy, LookupFailed, NoSnapshot, Throttled
from bot.domain.items import Item, ended
from bot.domain.quick import NO_SNAPSHOT, to_try_again
from bot.domain.snapshots import (
    REQUEST_TAG,
    CreateStandardSnapshot,
    Snapshot,
    SnapshotTicket,
)
from bot.domain.transitions import ItemState, RequestState
from bot.ports.requests import Incoming
from bot.store.store import Store
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.jobs.attempting import RetryPolicy
from bot.workflow.jobs.submit import NO_ANSWER_YET, Submitter
from tests.builders import NOON, FakeClock, a_grant, a_project, a_request, an_actor, an_item
from tests.fakes.cloud import OneCloud, UnaskedEvs
from tests.store.test_store import running

POLICY = RetryPolicy(timedelta(seconds=60), timedelta(seconds=10), timedelta(minutes=30))


@dataclass
class FakeEvs(UnaskedEvs):
    """Answers what it was told to, in order, and remembers what it was asked."""

    answers: list[CloudError | None] = field(default_factory=list)
    snapshots: list[Snapshot] | CloudError = field(default_factory=list)
    posted: list[CreateStandardSnapshot] = field(default_factory=list)
    looks: int = 0
    meanwhile: Callable[[], None] = lambda: None

    async def create_standard_snapshot(self, snapshot: CreateStandardSnapshot, *, send_before: float) -> SnapshotTicket:
        self.posted.append(snapshot)
        answer = self.answers.pop(0) if self.answers else None
        if answer:
            raise answer
        return SnapshotTicket(job_id="job-1", snapshot_id="snap-1")

    async def list_snapshots(
        self,
        *,
        volume_id: str | None = None,
        ids: Sequence[str] = (),
        snapshot_group_id: str | None = None,
        of_each: Collection[str] = (),
    ) -> list[Snapshot]:
        self.looks += 1
        self.meanwhile()
        if isinstance(self.snapshots, CloudError):
            raise self.snapshots
        return self.snapshots


class FakePeople:
    def __init__(self, actors: Mapping[str, Actor]) -> None:
        self.actors = dict(actors)

    def known(self, user_id: str) -> Actor | None:
        return self.actors.get(user_id)

    async def look_up(self, user_id: str) -> Actor:
        if user_id not in self.actors:
            raise LookupFailed("Slack could not tell me who you are.")
        return self.actors[user_id]


class Desk:
    """A submitter on a real store, with one request of one disk."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock, self.evs = store, clock, FakeEvs()
        self.people = FakePeople({"U1": an_actor()})
        self.submit = self.with_cloud(self.evs)

    def with_cloud(self, evs: FakeEvs) -> Submitter:
        projects = {"payments": a_project()}
        send_check = SendCheck(self.store, self.people, projects, self.clock)
        return Submitter(self.store, send_check, OneCloud(evs), self.clock, POLICY)

    async def item(self) -> Item:
        found = await self.store.item("r-one-1")
        assert found is not None
        return found[0]

    async def run(self, *, for_: timedelta = timedelta(hours=2)) -> Item:
        """Let the job run, time passing as it asks, until it wants nothing more."""
        end = self.clock.now() + for_
        while (wait := await self.submit("r-one-1")) is not None and self.clock.now() < end:
            self.clock.pass_(seconds=wait)
        return await self.item()


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> Desk:
    await store.configured_grants([a_grant()])
    request = a_request(state=RequestState.RECEIVED, to_send=False)
    await store.take_in("d", "C1", None, lambda grants, bound: Incoming(request))
    await store.decide_plan(replace(request, state=RequestState.RUNNING), [an_item(1)], [])
    return Desk(store, clock)


def lost() -> CloudUnavailable:
    return CloudUnavailable("EVS did not answer.", maybe_done=True)


def tagged(item_id: str = "r-one-1", **fields: object) -> Snapshot:
    return Snapshot.model_validate({"id": "snap-9", "status": "creating", "tags": {REQUEST_TAG: item_id}, **fields})


async def test_an_answer_is_written_down(desk: Desk) -> None:
    item = await desk.run()
    assert (item.state, item.snapshot_id, item.job_id) == (ItemState.CREATING, "snap-1", "job-1")
    assert len(desk.evs.posted) == 1
    assert desk.evs.looks == 0


async def test_after_a_lost_answer_the_tag_is_looked_for_and_nothing_is_sent_again(desk: Desk) -> None:
    desk.evs.answers = [lost()]
    desk.evs.snapshots = [tagged("r-other-1"), tagged()]
    item = await desk.run()
    assert (item.state, item.snapshot_id, len(desk.evs.posted)) == (ItemState.CREATING, "snap-9", 1)


async def test_only_after_looking_in_vain_for_a_minute_is_it_sent_again(desk: Desk) -> None:
    desk.evs.answers = [lost()]
    item = await desk.run()
    assert (item.state, len(desk.evs.posted)) == (ItemState.CREATING, 2)
    assert desk.clock.now() - NOON >= timedelta(seconds=60)
    assert desk.evs.looks >= 8


@pytest.mark.parametrize(
    ("minutes", "state", "posts"),
    [(0, ItemState.UNKNOWN, 1), (None, ItemState.UNKNOWN, 1), (-10, ItemState.CREATING, 2)],
)
async def test_a_fresh_row_whose_tags_cannot_be_read_may_be_ours_so_nothing_is_sent_again(
    desk: Desk, minutes: int | None, state: ItemState, posts: int
) -> None:
    made = None if minutes is None else NOON + timedelta(minutes=minutes)
    desk.evs.answers = [lost()]
    desk.evs.snapshots = [tagged(tags={}, created_at=made, unread=frozenset({"tags"}))]
    item = await desk.run()
    assert (item.state, len(desk.evs.posted)) == (state, posts)


async def test_a_busy_answer_after_a_lost_one_is_looked_through_before_each_further_post(desk: Desk) -> None:
    desk.evs.answers = [lost(), DiskBusy("A snapshot of this disk is being created (EVS.2409).", status=409)]
    assert await desk.submit("r-one-1") == 0.0
    while (await desk.item()).state is not ItemState.PLANNED or len(desk.evs.posted) < 2:
        desk.clock.pass_(seconds=await desk.submit("r-one-1") or 0)
    desk.evs.snapshots = [tagged()]  # the first POST's snapshot becomes visible only now
    item = await desk.run()
    assert (item.state, item.snapshot_id, len(desk.evs.posted)) == (ItemState.CREATING, "snap-9", 2)


async def test_what_is_found_late_of_an_item_that_waited_is_taken_once_no_other_item_copies_its_disk(
    desk: Desk,
) -> None:
    """Its look was in vain, and while it waits for its turn another request has begun with the same disk."""
    desk.evs.answers = [lost(), DiskBusy("A snapshot of this disk is being created (EVS.2409).", status=409)]
    assert await desk.submit("r-one-1") == 0.0
    while (await desk.item()).state is not ItemState.PLANNED or len(desk.evs.posted) < 2:
        desk.clock.pass_(seconds=await desk.submit("r-one-1") or 0)
    other = an_item(1, request_id="r-two", consistency_group_id=None)
    await running(desk.store, other, request_id="r-two")
    begun = await desk.store.start(submitting(other, NOON), [])
    assert begun is not None
    desk.evs.snapshots = [tagged()]
    assert (await desk.run()).state is ItemState.PLANNED
    assert await desk.store.save(ended(begun, ItemState.FAILED, NOON))
    item = await desk.run()
    assert (item.state, item.snapshot_id, len(desk.evs.posted)) == (ItemState.CREATING, "snap-9", 2)


async def test_a_crash_between_the_mark_and_the_answer_is_looked_for_too(desk: Desk) -> None:
    begun = await desk.store.start(replace(await desk.item(), state=ItemState.SUBMITTING, submitted_at=NOON), [])
    assert begun is not None
    desk.evs.snapshots = [tagged()]
    item = await desk.run()
    assert (item.state, item.snapshot_id, desk.evs.posted) == (ItemState.CREATING, "snap-9", [])


async def test_a_look_that_is_refused_for_half_an_hour_ends_as_unknown_never_as_failed(desk: Desk) -> None:
    desk.evs.answers = [lost()]
    desk.evs.snapshots = CloudRefused("The bot may not list snapshots (EVS.5403).", status=403, code="EVS.5403")
    item = await desk.run()
    assert (item.state, len(desk.evs.posted)) == (ItemState.UNKNOWN, 1)
    assert "could not be looked up" in item.cause
    assert desk.evs.looks < 60


async def test_a_busy_disk_waits_longer_each_time_and_gives_up_after_its_deadline(desk: Desk) -> None:
    desk.evs.answers = [DiskBusy("Busy (EVS.2409).", status=409, code="EVS.2409") for _ in range(100)]
    item = await desk.run()
    assert item.state is ItemState.FAILED
    assert "I tried for 30 minutes and created nothing" in item.cause
    assert timedelta(minutes=30) <= desk.clock.now() - NOON <= timedelta(minutes=32)
    assert 30 <= len(desk.evs.posted) <= 40


async def test_while_it_is_asked_for_again_no_reason_of_an_earlier_refusal_stands_beside_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.evs.answers = [DiskBusy("Busy (EVS.2409).", status=409, code="EVS.2409"), Throttled("Too many calls.")]
    told: list[tuple[ItemState, str]] = []
    create = desk.evs.create_standard_snapshot

    async def seen(snapshot: CreateStandardSnapshot, *, send_before: float) -> SnapshotTicket:
        item = await desk.item()
        told.append((item.state, item.cause))
        return await create(snapshot, send_before=send_before)

    async def no_time(_: float) -> None:
        """The cloud answers at once, though the rows are read in between."""
        await asyncio.Future[None]()

    desk.evs.create_standard_snapshot = seen  # type: ignore[method-assign]
    monkeypatch.setattr(desk.clock, "sleep", no_time)
    for cause in ("Busy (EVS.2409).", "Too many calls."):
        wait = await desk.submit("r-one-1")
        item = await desk.item()
        assert (item.cause, item.due_at) == (cause, desk.clock.now() + timedelta(seconds=wait or 0))
        desk.clock.pass_(seconds=wait or 0)
    await desk.run()
    assert told == [(ItemState.SUBMITTING, "")] * 3


async def test_what_was_never_sent_is_sent_again_without_a_look(desk: Desk) -> None:
    desk.evs.answers = [CloudUnavailable("No connection."), Throttled("Too many calls.", retry_after=7.0)]
    item = await desk.run()
    assert (item.state, len(desk.evs.posted), desk.evs.looks) == (ItemState.CREATING, 3, 0)
    assert desk.clock.now() - NOON == timedelta(seconds=12)


async def test_what_was_looked_for_in_vain_is_told_as_not_found_until_it_is_sent_again(desk: Desk) -> None:
    desk.evs.answers = [lost()]
    await desk.submit("r-one-1")
    desk.clock.pass_(seconds=61)
    await desk.submit("r-one-1")
    found = await desk.store.item("r-one-1")
    assert found is not None
    assert (found[0].state, found[0].code, found[0].in_doubt) == (ItemState.PLANNED, NOT_THERE, True)


async def test_a_refusal_ends_the_item_with_its_cause(desk: Desk) -> None:
    desk.evs.answers = [CloudRefused("The disk is locked (EVS.2068).", status=400, code="EVS.2068")]
    item = await desk.run()
    assert (item.state, item.cause, item.code) == (ItemState.FAILED, "The disk is locked (EVS.2068).", "EVS.2068")


async def test_a_disk_that_can_have_no_snapshot_at_all_is_marked_so_that_no_other_try_is_offered(desk: Desk) -> None:
    desk.evs.answers = [NoSnapshot("It is in an edge zone (EVS.2108).", status=400, code="EVS.2108")]
    item = await desk.run()
    assert (item.state, item.code, to_try_again([item])) == (ItemState.FAILED, NO_SNAPSHOT, [])


async def test_a_right_that_ended_stops_it_before_the_post(desk: Desk) -> None:
    await desk.store.configured_grants([])
    item = await desk.run()
    assert (item.state, item.code, desk.evs.posted) == (ItemState.CANCELLED, "no-grant", [])


async def test_slack_that_cannot_tell_who_it_is_stops_it_after_some_tries(desk: Desk) -> None:
    desk.people.actors.clear()
    item = await desk.run()
    assert (item.state, item.code, desk.evs.posted) == (ItemState.CANCELLED, "lookup-failed", [])
    assert desk.clock.now() - NOON == timedelta(seconds=6)


# --- patience counts what was tried -----------------------------------------------------------------------------------


async def test_half_an_hour_in_which_no_bot_looked_is_no_patience_spent(desk: Desk) -> None:
    begun = await desk.store.start(replace(await desk.item(), state=ItemState.SUBMITTING, submitted_at=NOON), [])
    assert begun is not None
    desk.clock.pass_(minutes=36)
    desk.evs.snapshots = CloudUnavailable("EVS did not answer.")
    for _ in range(3):
        desk.clock.pass_(seconds=await desk.submit("r-one-1") or 0)
    assert (await desk.item()).state is ItemState.UNCERTAIN
    desk.evs.snapshots = [tagged()]
    item = await desk.run()
    assert (item.state, item.snapshot_id, desk.evs.posted) == (ItemState.CREATING, "snap-9", [])


async def test_a_clock_that_is_set_back_by_an_hour_keeps_a_lost_answer_being_looked_for(desk: Desk) -> None:
    desk.evs.answers = [CloudUnavailable("EVS did not answer.", maybe_done=True)]
    await desk.submit("r-one-1")
    desk.clock.step(hours=-1)
    await desk.store.save(replace(await desk.item(), due_at=None))
    wait_s = await desk.submit("r-one-1")
    assert wait_s is not None
    assert 0.0 < wait_s <= 8.0


async def test_what_another_process_marked_is_looked_for_once_its_post_can_no_longer_leave(desk: Desk) -> None:
    await desk.store.start(submitting(await desk.item(), desk.clock.now()), [])
    desk.clock.pass_(seconds=5)
    submit = replace(desk.with_cloud(desk.evs), policy=replace(POLICY, another_may_send=timedelta(seconds=25)))
    assert await submit("r-one-1") == 20.0
    assert (await desk.item()).state is ItemState.SUBMITTING
    desk.clock.pass_(seconds=20)
    assert await submit("r-one-1") == 0.0
    assert (await desk.item()).state is ItemState.UNCERTAIN


@dataclass
class SetBack(FakeEvs):
    """The clock is set back by an hour while it is asked, and whoever notices moves what waits; no POST is answered."""

    desk: Desk | None = None

    async def set_back(self) -> None:
        assert self.desk is not None
        self.desk.clock.step(hours=-1)
        await self.desk.store.clock_set(timedelta(hours=-1))

    async def create_standard_snapshot(self, snapshot: CreateStandardSnapshot, *, send_before: float) -> SnapshotTicket:
        await self.set_back()
        return await asyncio.Future[SnapshotTicket]()

    async def list_snapshots(self, **_: object) -> list[Snapshot]:
        await self.set_back()
        return []


async def due(desk: Desk) -> datetime:
    return {key: at for key, at, _ in await desk.store.jobs()}["submit:r-one-1"]


async def test_a_clock_that_is_set_back_before_the_word_that_no_answer_came_delays_no_next_life(desk: Desk) -> None:
    evs = SetBack(desk=desk)
    submit = desk.with_cloud(evs)
    submitting = asyncio.create_task(submit("r-one-1"))
    while (await desk.item()).cause != NO_ANSWER_YET:
        await asyncio.sleep(0)
    submitting.cancel()
    await asyncio.gather(submitting, return_exceptions=True)
    await desk.store.audit([AuditEntry("U2", "create", "payments", "denied")])  # the trail has the new date
    await desk.store.clock_set_meanwhile()
    assert await due(desk) <= desk.clock.now()


async def test_a_clock_that_is_set_back_during_a_look_delays_no_next_look(desk: Desk) -> None:
    desk.evs.answers, desk.evs.snapshots = [lost()], CloudUnavailable("EVS did not answer.")
    for _ in range(2):
        desk.clock.pass_(seconds=await desk.submit("r-one-1") or 0)
    assert await desk.with_cloud(SetBack(desk=desk))("r-one-1") is not None
    assert (await desk.item()).in_vain == timedelta()
    assert await due(desk) <= desk.clock.now()
    desk.evs.snapshots = [tagged()]
    item = await desk.run(for_=timedelta(seconds=10))
    assert (item.state, item.snapshot_id) == (ItemState.CREATING, "snap-9")


async def test_patience_spent_on_looks_outlives_a_restart_and_ends(desk: Desk) -> None:
    desk.evs.answers = [lost()]
    desk.evs.snapshots = CloudUnavailable("EVS did not answer.")
    await desk.run(for_=timedelta(minutes=20))
    desk.clock.pass_(hours=5)
    another = Desk(desk.store, desk.clock)
    another.evs.snapshots = CloudUnavailable("EVS did not answer.")
    began = desk.clock.now()
    item = await another.run()
    assert item.state is ItemState.UNKNOWN
    assert timedelta(minutes=8) < desk.clock.now() - began < timedelta(minutes=12)


async def test_restarts_in_a_row_spend_no_more_patience_than_time_passes(desk: Desk) -> None:
    desk.evs.answers = [lost()]
    desk.evs.snapshots = CloudUnavailable("EVS did not answer.")
    await desk.run(for_=timedelta(minutes=10))
    for _ in range(200):
        await Desk(desk.store, desk.clock).submit("r-one-1")
    assert (await desk.item()).state is ItemState.UNCERTAIN


async def test_a_busy_disk_is_not_given_up_for_the_time_in_which_no_bot_ran(desk: Desk) -> None:
    desk.evs.answers = [DiskBusy("Busy (EVS.2409).", status=409, code="EVS.2409") for _ in range(3)]
    await desk.submit("r-one-1")
    desk.clock.pass_(minutes=36)
    item = await desk.run()
    assert (item.state, len(desk.evs.posted)) == (ItemState.CREATING, 4)


async def test_answers_lost_again_and_again_end_after_half_an_hour_of_trying(desk: Desk) -> None:
    desk.evs.answers = [lost() for _ in range(100)]
    item = await desk.run()
    assert item.state is ItemState.FAILED
    assert "I looked each time" in item.cause
    assert 25 <= len(desk.evs.posted) <= 35
