"""A disk is made of a snapshot by one order: what is written down before it, and what is told of one that was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.domain.attempts import submitting
from bot.domain.audit import before_restoration
from bot.domain.errors import CloudError, CloudRefused, CloudUnavailable, NotFound, Throttled
from bot.domain.orders import Restore, Way
from bot.domain.restoring.new_disks import CreateDisk, DiskTicket, client_token
from bot.domain.restoring.restorations import Restoration
from bot.domain.snapshots import REQUEST_TAG, Disk, Job
from bot.domain.transitions import RequestState
from bot.store.store import Store
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.jobs.attempting import LOOKED, RetryPolicy
from bot.workflow.jobs.clear_test_disk import Clearer
from bot.workflow.jobs.new_disk import NOT_ITS_TURN, ONE_AT_A_TIME, DiskMaker
from tests.builders import NOON, FakeClock, a_disk, a_grant, a_project, a_restoration, an_actor
from tests.fakes.cloud import OneCloud, UnaskedEvs
from tests.store.test_store import received
from tests.workflow.jobs.test_submit import POLICY, FakePeople

ONE, TWO = "r-back-r1", "r-back-r2"
FOLLOWED = timedelta(hours=3)
REFUSED = CloudRefused("The quota of the project has no room for this disk.", code="EVS.2042")


@dataclass
class Evs(UnaskedEvs):
    """A project of the cloud. `answers` are those to orders, in turn, None a ticket; `made` says of an order that was
    answered by an error whether it made a disk all the same. A disk is `available` after `takes`, and shown by its tag
    after `tag_after`.
    """

    clock: FakeClock
    answers: list[CloudError | None] = field(default_factory=list)
    made: list[bool] = field(default_factory=list)
    job: Job = field(default_factory=lambda: Job(status="RUNNING"))
    takes: timedelta = timedelta(seconds=30)
    tag_after: timedelta = timedelta()
    becomes: str = "available"
    tells_ids: bool = True
    down: CloudError | None = None
    disks: dict[str, Disk] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[object]] | None = None

    @property
    def orders(self) -> int:
        return self.log.count("order")

    async def create_disk(self, order: CreateDisk, *, token: str, send_before: float) -> DiskTicket:
        self.log.append("order")
        self.tokens.append(token)
        answer = self.answers.pop(0) if self.answers else None
        made_id = f"disk-made-{self.orders}"
        if answer is None or (self.made and self.made.pop(0)):
            made = a_disk(order.name or "", 9, id=made_id, status="creating", tags=order.tags or {})
            self.disks[made_id] = made.model_copy(update={"attachments": (), "updated_at": self.clock.now()})
        if answer:
            raise answer
        return DiskTicket.model_validate({"job_id": "job-1", "volume_ids": [made_id] if self.tells_ids else None})

    async def disks_by_tag(self, key: str, values: Sequence[str] = ()) -> list[Disk]:
        self.log.append("look")
        if self.down:
            raise self.down
        found = [one for one in self.disks.values() if one.tags.get(key) in values]
        return [self._stands(one) for one in found if self._age(one) >= self.tag_after]

    async def show_disk(self, disk_id: str) -> Disk:
        if self.down:
            raise self.down
        if disk_id not in self.disks:
            raise NotFound("There is no such disk.")
        return self._stands(self.disks[disk_id])

    async def show_job(self, job_id: str) -> Job:
        return self.job

    async def delete_disk(self, disk_id: str, *, send_before: float) -> str:
        self.log.append("delete")
        del self.disks[disk_id]
        return "job-2"

    def _age(self, disk: Disk) -> timedelta:
        return self.clock.now() - (disk.updated_at or NOON)

    def _stands(self, disk: Disk) -> Disk:
        ready = disk.status == "creating" and self._age(disk) >= self.takes
        return disk.model_copy(update={"status": self.becomes}) if ready else disk


class Desk:
    """The job on a real store, with a request of two disks that were confirmed."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock, self.evs = store, clock, Evs(clock)
        self.people = FakePeople({"U1": an_actor()})

    def job(self, policy: RetryPolicy = POLICY) -> DiskMaker:
        """As a process that has just begun makes it."""
        check = SendCheck(self.store, self.people, {"payments": a_project(restore=True)}, self.clock)
        cloud = OneCloud(self.evs)
        clear = Clearer(self.store, cloud, self.clock)
        return DiskMaker(self.store, check, cloud, self.clock, policy, FOLLOWED, clear)

    async def planned(self, way: Way = "new_disks") -> None:
        request = await received(self.store, "r-back", order=Restore("r-one", "r-one", way))
        rows = [replace(row, asked=ordered(row)) for row in (a_restoration(1, way=way), a_restoration(2, way=way))]
        await self.store.decide_plan(replace(request, state=RequestState.RUNNING), [], [], restorations=rows)

    async def row(self, restoration_id: str = ONE) -> Restoration:
        found = await self.store.restoration(restoration_id)
        assert found is not None
        return found[0]

    async def run(self, restoration_id: str = ONE, *, for_: timedelta = timedelta(hours=2)) -> Restoration:
        """Let the job run, time passing as it asks, until it wants nothing more."""
        end = self.clock.now() + for_
        while (wait := await self.job()(restoration_id)) is not None and self.clock.now() < end:
            self.clock.pass_(seconds=max(wait, 0.01))
        return await self.row(restoration_id)

    async def told(self) -> list[tuple[str, str, str]]:
        """The rows of the trail about the first disk."""
        rows = await self.store.audit_page(None)
        return [(row["action"], row["outcome"], row["rule"]) for row in rows if row["subject"] == ONE]


def ordered(row: Restoration) -> CreateDisk:
    tags = {REQUEST_TAG: row.id}
    return CreateDisk(
        snapshot_id=row.source.snapshot_id, availability_zone="az-a", size=100, volume_type="SSD", tags=tags
    )


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> Desk:
    await store.configured_grants([a_grant()])
    desk = Desk(store, clock)
    await desk.planned()
    return desk


@pytest.fixture
async def proving(store: Store, clock: FakeClock) -> Desk:
    await store.configured_grants([a_grant()])
    desk = Desk(store, clock)
    await desk.planned("verify")
    return desk


def lost() -> CloudUnavailable:
    return CloudUnavailable("EVS did not answer.", maybe_done=True)


# --- one order --------------------------------------------------------------------------------------------------------


async def test_one_order_is_sent_and_followed_until_the_disk_can_be_used(desk: Desk) -> None:
    row = await desk.run()
    assert (row.state, row.made_id, row.job_id, row.cause) == ("restored", "disk-made-1", "job-1", "")
    assert (desk.evs.log, desk.evs.tokens) == (["order"], [client_token(ONE)])
    assert row.ended_at and row.ended_at - NOON >= desk.evs.takes
    assert await desk.told() == [("restore", "allowed", "granted"), ("restore", "done", "restored")]
    assert (await desk.row(TWO)).state == "planned"


async def test_the_request_is_finished_with_its_last_disk(desk: Desk) -> None:
    for restoration_id, state in ((ONE, RequestState.RUNNING), (TWO, RequestState.FINISHED)):
        await desk.run(restoration_id)
        found = await desk.store.request("r-back")
        assert found and found[0].state is state


async def test_a_disk_that_a_person_has_attached_by_then_was_made(desk: Desk) -> None:
    desk.evs.becomes = "in-use"
    assert (await desk.run()).state == "restored"


async def test_of_two_processes_with_the_same_row_one_sends(desk: Desk) -> None:
    await asyncio.gather(desk.job()(ONE), desk.job()(ONE))
    assert desk.evs.orders == 1
    assert (await desk.run()).state == "restored"
    assert desk.evs.orders == 1


async def test_where_the_ticket_names_no_disk_its_job_or_its_tag_does(desk: Desk) -> None:
    desk.evs.tells_ids = False
    row = await desk.run()
    assert (row.state, row.made_id, desk.evs.log[:2]) == ("restored", "disk-made-1", ["order", "look"])
    desk.evs.tag_after, desk.evs.job = timedelta(hours=1), Job(status="SUCCESS", entities={"volume_id": "disk-made-2"})
    row = await desk.run(TWO, for_=timedelta(minutes=2))
    assert (row.state, row.made_id, desk.evs.orders) == ("restored", "disk-made-2", 2)


async def test_what_has_ended_does_not_run_yet_or_is_a_roll_back_is_left_alone(desk: Desk) -> None:
    for restoration_id in (ONE, TWO):
        await desk.run(restoration_id)
    before = list(desk.evs.log)
    waiting = await received(desk.store, "r-waits", order=Restore("r-one", "r-one"))
    waiting = replace(waiting, state=RequestState.WAITING, approvals_needed=1, waits_until=NOON + timedelta(days=1))
    row = a_restoration(1, request_id="r-waits")
    await desk.store.decide_plan(waiting, [], [], restorations=[replace(row, asked=ordered(row))])
    running = await received(desk.store, "r-over", order=Restore("r-one", "r-one", "overwrite"))
    row = a_restoration(1, request_id="r-over", way="overwrite")
    await desk.store.decide_plan(replace(running, state=RequestState.RUNNING), [], [], restorations=[row])
    for restoration_id in (ONE, TWO, "r-waits-r1", "r-over-r1", "r-nothing-r1"):
        assert await desk.job()(restoration_id) is None
    assert desk.evs.log == before


# --- an answer that was lost ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag_after", [timedelta(), timedelta(seconds=40)])
async def test_after_a_lost_answer_the_disk_is_found_by_its_tag_however_late_and_never_ordered_again(
    desk: Desk, tag_after: timedelta
) -> None:
    desk.evs.answers, desk.evs.made, desk.evs.tag_after = [lost()], [True], tag_after
    row = await desk.run()
    assert (row.state, row.made_id, desk.evs.orders) == ("restored", "disk-made-1", 1)
    assert desk.evs.log[:2] == ["order", "look"]


async def test_what_a_lost_order_did_not_make_is_ordered_again_under_the_same_token_after_a_minute_of_looking(
    desk: Desk,
) -> None:
    desk.evs.answers, desk.evs.made = [lost()], [False]
    await desk.job()(ONE)
    assert (await desk.row()).state == "uncertain"
    row = await desk.run()
    assert (row.state, row.attempts, desk.evs.orders) == ("restored", 2, 2)
    assert desk.evs.tokens == [client_token(ONE)] * 2
    assert row.submitted_at and row.submitted_at - NOON >= POLICY.look_for
    again = len(desk.evs.log) - 1 - desk.evs.log[::-1].index("order")
    assert desk.evs.log[again - 1] == "look", "right before it is repeated"


async def test_where_it_can_not_be_looked_up_nothing_is_repeated_and_that_is_told(desk: Desk) -> None:
    desk.evs.answers = [lost()]
    desk.evs.down = CloudUnavailable("EVS can't be reached.", maybe_done=False)
    row = await desk.run()
    assert (row.state, desk.evs.orders) == ("unknown", 1)
    assert row.cause.startswith("EVS did not answer. Whether the disk was made could not be looked up:")
    assert (await desk.told())[-1] == ("restore", "failed", "unknown")


async def killed_before_its_order(desk: Desk) -> None:
    """The row and its audit row are written, and nothing else was."""
    row = await desk.row()
    found = await desk.store.request("r-back")
    assert found
    entry = before_restoration(found[0], row, "allowed", "granted")
    assert await desk.store.save_restorations([submitting(row, desk.clock.now())], [entry])


async def test_killed_between_the_row_and_its_order_it_is_looked_for_before_it_is_sent(desk: Desk) -> None:
    await killed_before_its_order(desk)
    assert await desk.job()(ONE) == 0.0
    row = await desk.row()
    assert (row.state, row.in_doubt, desk.evs.log) == ("uncertain", True, [])
    row = await desk.run()
    assert (row.state, row.attempts, desk.evs.orders) == ("restored", 2, 1)
    assert desk.evs.log[0] == "look" and desk.evs.log[desk.evs.log.index("order") - 1] == "look"


async def test_killed_after_its_order_left_the_disk_is_found_and_not_made_twice(desk: Desk) -> None:
    await killed_before_its_order(desk)
    row = await desk.row()
    assert row.asked
    await desk.evs.create_disk(row.asked, token=client_token(ONE), send_before=0.0)
    row = await desk.run()
    assert (row.state, row.made_id, row.job_id, desk.evs.orders) == ("restored", "disk-made-1", None, 1)


async def test_a_row_that_another_process_may_still_send_is_waited_for(desk: Desk) -> None:
    """With replicas the one that marked it may be frozen, and its order leave later."""
    await killed_before_its_order(desk)
    beside = desk.job(replace(POLICY, another_may_send=timedelta(seconds=25)))
    assert await beside(ONE) == 25.0
    desk.clock.pass_(seconds=24)
    assert await beside(ONE) == 1.0
    assert ((await desk.row()).state, desk.evs.log) == ("submitting", [])
    desk.clock.pass_(seconds=1)
    assert await beside(ONE) == 0.0
    assert (await desk.row()).state == "uncertain"


# --- refused ----------------------------------------------------------------------------------------------------------


async def test_a_quota_without_room_ends_it_with_the_clouds_words_and_nothing_is_repeated(desk: Desk) -> None:
    desk.evs.answers = [REFUSED]
    row = await desk.run()
    assert (row.state, row.cause, row.code, desk.evs.orders) == ("failed", REFUSED.sentence, "EVS.2042", 1)
    assert (await desk.told())[-1] == ("restore", "failed", "failed")
    assert (await desk.run(TWO)).state == "restored", "the other disk is another order"


async def test_a_snapshot_that_was_deleted_after_the_plan_ends_it_with_the_clouds_words(desk: Desk) -> None:
    desk.evs.answers = [NotFound("There is no such snapshot.", code="EVS.2068")]
    row = await desk.run()
    assert (row.state, row.cause, row.made_id, desk.evs.orders) == ("failed", "There is no such snapshot.", None, 1)


@pytest.mark.parametrize(
    "passing", [Throttled("EVS asks to wait.", retry_after=7.0), CloudUnavailable("EVS is away.", maybe_done=False)]
)
async def test_what_passes_and_had_no_effect_is_waited_out_without_a_look(desk: Desk, passing: CloudError) -> None:
    desk.evs.answers = [passing] * 3
    row = await desk.run()
    assert (row.state, row.made_id, desk.evs.log) == ("restored", "disk-made-4", ["order"] * 4)


async def test_what_does_not_pass_is_given_up_after_the_time_for_it(desk: Desk) -> None:
    desk.evs.answers = [Throttled("EVS is away.", retry_after=60.0)] * 40
    row = await desk.run()
    assert (row.state, row.made_id) == ("failed", None)
    assert row.cause == "EVS is away. I tried for 30 minutes and created nothing of this disk."
    assert desk.clock.now() - NOON >= POLICY.busy_deadline


async def test_a_right_that_ended_after_the_plan_calls_it_off_and_nothing_is_sent(desk: Desk) -> None:
    await desk.store.configured_grants([])
    row = await desk.run()
    assert (row.state, row.code, desk.evs.log) == ("cancelled", "no-grant", [])
    assert await desk.told() == [("restore", "denied", "no-grant")]


async def test_a_right_that_ended_after_an_order_was_lost_says_that_it_was_looked_for(desk: Desk) -> None:
    desk.evs.answers, desk.evs.made = [lost()], [False]
    await desk.job()(ONE)
    await desk.store.configured_grants([])
    row = await desk.run()
    assert (row.state, row.code, desk.evs.orders) == ("failed", "no-grant", 1)
    assert row.cause.endswith(LOOKED) and desk.evs.log[-1] == "look"


# --- followed ---------------------------------------------------------------------------------------------------------


async def test_a_job_that_failed_ends_it_with_its_reason(desk: Desk) -> None:
    desk.evs.takes, desk.evs.job = FOLLOWED, Job(status="FAIL", error_code="EVS.2024", fail_reason="no room")
    row = await desk.run()
    assert (row.state, row.code) == ("failed", "EVS.2024")
    assert "no room" in row.cause


async def test_a_disk_in_error_ends_it(desk: Desk) -> None:
    desk.evs.becomes = "error"
    row = await desk.run()
    assert (row.state, row.cause) == ("failed", "The cloud says that making it ended in an error.")


async def test_a_disk_that_someone_deletes_before_it_is_finished_is_told_as_that(desk: Desk) -> None:
    desk.evs.becomes = "deleting"
    row = await desk.run()
    assert (row.state, row.cause) == ("failed", "Someone deleted this disk before it was finished.")


async def test_a_disk_that_the_cloud_shows_no_more_is_waited_for_and_then_told(desk: Desk) -> None:
    await desk.job()(ONE)
    desk.evs.disks.clear()
    desk.evs.job = Job(status="SUCCESS")
    await desk.run(for_=timedelta(minutes=4))
    assert (await desk.row()).state == "restoring", "it may be shown late"
    row = await desk.run()
    assert (row.state, row.cause) == ("failed", "The cloud shows no such disk: it was deleted, or never made.")
    assert desk.evs.orders == 1


async def test_what_the_cloud_never_finishes_is_unknown_in_the_end_and_not_failed(desk: Desk) -> None:
    desk.evs.takes = timedelta(days=9)
    row = await desk.run(for_=timedelta(hours=4))
    assert (row.state, row.made_id) == ("unknown", "disk-made-1")
    assert row.cause.startswith("After 3 hours the cloud had not finished it. It may still;")


# --- a test disk ------------------------------------------------------------------------------------------------------


async def test_a_test_disk_is_deleted_once_it_was_available_and_that_is_a_proof(proving: Desk) -> None:
    row = await proving.run()
    assert (row.state, row.made_id, proving.evs.disks) == ("restored", "disk-made-1", {})
    assert row.proven_at and row.proven_in and row.proven_in >= proving.evs.takes
    assert [one for one in proving.evs.log if one != "look"] == ["order", "delete"]
    assert [one[:2] for one in await proving.told()] == [("restore", "allowed"), ("clear", "done"), ("prove", "done")]


async def test_a_second_test_disk_is_ordered_only_once_the_first_is_gone(proving: Desk) -> None:
    await proving.job()(ONE)
    await proving.job()(TWO)
    waits = await proving.row(TWO)
    assert (waits.state, waits.code, waits.cause) == ("planned", ONE_AT_A_TIME, NOT_ITS_TURN)
    assert proving.evs.orders == 1
    await proving.run(ONE)
    row = await proving.run(TWO)
    assert (row.state, row.code, row.cause) == ("restored", "", "")
    assert [one for one in proving.evs.log if one != "look"] == ["order", "delete"] * 2


async def test_a_test_disk_that_could_not_be_made_is_deleted_as_well_and_is_no_proof(proving: Desk) -> None:
    proving.evs.becomes = "error"
    row = await proving.run()
    assert (row.state, row.proven_at, proving.evs.disks) == ("failed", None, {})
    assert row.cause == "The cloud says that making it ended in an error."
    assert (await proving.told())[-1] == ("prove", "failed", "failed")
