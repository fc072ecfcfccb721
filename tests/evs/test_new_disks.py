"""Roll-backs, disks made of snapshots and their deletion, between the client and the simulated cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from bot.domain.errors import CloudRefused, CloudUnavailable, NotFound, SentTooLate
from bot.domain.projects import AccessKeyCredentials, PasswordCredentials, Project
from bot.domain.restoring.new_disks import CreateDisk, client_token
from bot.domain.snapshots import REQUEST_TAG, CreateStandardSnapshot
from bot.evs.client import EvsClient
from bot.evs.cloud import HttpCloud
from bot.simulator.cloud import CloudSimulator
from tests.fakes.scripted_cloud import FakeClock

SPARE = "spare-disk"
PROJECT_ID = "0123456789abcdef0123456789abcdef"
PASSWORD = PasswordCredentials("main", "ACME", "snapshot-bot", SecretStr("sim-password-not-a-secret"))
ACCESS_KEY = AccessKeyCredentials(
    "main", SecretStr("SIMAK000000000000001"), SecretStr("sim-sk-not-a-secret-000000000000000000001")
)


@dataclass
class Place:
    """The simulated cloud, the client, and a finished snapshot of a disk that hangs at no server."""

    sim: CloudSimulator
    evs: EvsClient
    clock: FakeClock
    snapshot_id: str = ""

    @property
    def disk_id(self) -> str:
        return self.sim.world.disk(SPARE).id

    @property
    def soon(self) -> float:
        return self.clock.monotonic() + 60

    def order(self, item: str = "r-1", **changes: object) -> CreateDisk:
        snapshot, disk = self.sim.world.snapshots[self.snapshot_id], self.sim.world.disk(SPARE)
        wanted = {
            "snapshot_id": self.snapshot_id,
            "availability_zone": snapshot.availability_zone,
            "size": snapshot.size_gb,
            "volume_type": disk.volume_type,
            "name": "spare-restored",
            "tags": {REQUEST_TAG: item},
        }
        return CreateDisk.model_validate({**wanted, **changes})

    async def make(self, item: str = "r-1", **changes: Any) -> str:
        ticket = await self.evs.create_disk(
            self.order(item, **changes), token=client_token(item), send_before=self.soon
        )
        return ticket.disk_id or ""

    async def tagged(self, item: str = "r-1") -> list[str]:
        return [one.id for one in await self.evs.disks_by_tag(REQUEST_TAG, [item])]


@pytest.fixture(params=["password", "access key"])
async def place(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[Place]:
    sim = CloudSimulator(now=clock.now)
    await sim.start()
    credentials = PASSWORD if request.param == "password" else ACCESS_KEY
    project = Project("payments-prod", PROJECT_ID, "ap-southeast-3", "main", sim.url, sim.ecs_url, sim.url)
    cloud = HttpCloud({"payments-prod": project}, {"main": credentials}, clock)
    place = Place(sim, cloud.project("payments-prod"), clock)
    wanted = CreateStandardSnapshot(volume_id=place.disk_id, name="before")
    place.snapshot_id = (await place.evs.create_standard_snapshot(wanted, send_before=place.soon)).snapshot_id
    sim.settle()
    yield place
    await cloud.aclose()
    await sim.stop()


async def test_a_disk_is_made_followed_found_and_deleted(place: Place) -> None:
    ticket = await place.evs.create_disk(place.order(), token=client_token("r-1"), send_before=place.soon)
    assert ticket.disk_id is not None
    assert (await place.evs.show_job(ticket.job_id)).ended is None
    assert (await place.evs.show_disk(ticket.disk_id)).status == "creating"
    place.sim.settle()
    job = await place.evs.show_job(ticket.job_id)
    assert (job.ended, job.disk_id) == ("success", ticket.disk_id)
    made = await place.evs.show_disk(ticket.disk_id)
    assert (made.status, made.snapshot_id, made.attachments) == ("available", place.snapshot_id, ())
    assert await place.tagged() == [ticket.disk_id]
    job_id = await place.evs.delete_disk(ticket.disk_id, send_before=place.soon)
    place.sim.settle()
    assert (await place.evs.show_job(job_id)).ended == "success"
    assert await place.tagged() == []
    with pytest.raises(NotFound):
        await place.evs.show_disk(ticket.disk_id)
    with pytest.raises(NotFound):
        await place.evs.delete_disk(ticket.disk_id, send_before=place.soon)


async def test_a_disk_is_rolled_back_and_shows_that_it_was(place: Place) -> None:
    before = await place.evs.show_disk(place.disk_id)
    await place.clock.sleep(5)
    job_id = await place.evs.roll_back(place.snapshot_id, place.disk_id, send_before=place.soon)
    (call,) = place.sim.calls("rollback_snapshot")
    assert call["body"] == {"rollback": {"volume_id": place.disk_id}}
    disk, snapshot = await place.evs.show_disk(place.disk_id), await place.evs.show_snapshot(place.snapshot_id)
    assert (disk.status, snapshot.status) == ("rollbacking", "rollbacking")
    place.sim.settle()
    assert (await place.evs.show_job(job_id)).ended == "success"
    after = await place.evs.show_disk(place.disk_id)
    assert after.status == "available"
    assert before.updated_at is not None
    assert after.updated_at is not None
    assert after.updated_at > before.updated_at


@pytest.mark.parametrize("fault", ["drop_after", "502_after", "504_after", "html", "empty", "truncated"])
async def test_a_lost_answer_leaves_open_whether_a_disk_was_made_and_its_tag_tells(place: Place, fault: str) -> None:
    options: dict[str, Any] = {} if fault.endswith("_after") else {"processed": True}
    place.sim.fault("create_volume", fault, **options)
    with pytest.raises(CloudUnavailable) as lost:
        await place.make()
    assert lost.value.maybe_done
    (made,) = await place.tagged()
    assert len(place.sim.calls("create_volume")) == 1
    assert await place.make() == made
    assert await place.tagged() == [made]


@pytest.mark.parametrize("operation", ["rollback_snapshot", "delete_volume"])
async def test_a_lost_answer_is_no_refusal(place: Place, operation: str) -> None:
    made = await place.make()
    place.sim.settle()
    place.sim.fault(operation, "drop_after")
    with pytest.raises(CloudUnavailable) as lost:
        if operation == "delete_volume":
            await place.evs.delete_disk(made, send_before=place.soon)
        else:
            await place.evs.roll_back(place.snapshot_id, place.disk_id, send_before=place.soon)
    assert lost.value.maybe_done
    assert len(place.sim.calls(operation)) == 1


@pytest.mark.parametrize("code", ["EVS.2221", "EVS.2222"])
async def test_an_order_that_the_cloud_is_still_at_work_on_may_have_been_done(place: Place, code: str) -> None:
    place.sim.fault("create_volume", "error", status=400, code=code, message="idempotent request wait timeout")
    with pytest.raises(CloudUnavailable) as lost:
        await place.make()
    assert lost.value.maybe_done


async def test_a_region_without_client_tokens_is_asked_once_more_without(place: Place) -> None:
    place.sim.fault("create_volume", "error", status=400, code="EVS.2223", message="not supprted yet")
    made = await place.make()
    assert await place.tagged() == [made]
    assert len(place.sim.calls("create_volume")) == 2


async def test_what_comes_too_late_is_not_sent(place: Place) -> None:
    late, known = place.clock.monotonic() - 1, len(place.sim.calls())
    with pytest.raises(SentTooLate):
        await place.evs.create_disk(place.order(), token=client_token("r-1"), send_before=late)
    with pytest.raises(SentTooLate):
        await place.evs.delete_disk(place.disk_id, send_before=late)
    with pytest.raises(SentTooLate):
        await place.evs.roll_back(place.snapshot_id, place.disk_id, send_before=late)
    assert len(place.sim.calls()) == known


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"availability_zone": "ap-southeast-3z"}, "EVS.2054", "own availability zone only"),
        ({"volume_type": "SAS"}, "EVS.2096", "of the type that its source disk had"),
        ({"size": 10}, "EVS.1010", "the new disk's size"),
        ({"volume_type": "WOOD"}, "EVS.2071", "not offered in the snapshot's zone"),
    ],
)
async def test_each_refusal_of_an_order_is_told(place: Place, changes: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(CloudRefused, match=words) as refused:
        await place.make(**changes)
    assert (refused.value.code, refused.value.maybe_done) == (code, False)
    assert await place.tagged() == []


async def test_the_quota_is_read_and_what_goes_beyond_is_refused(place: Place) -> None:
    quotas = await place.evs.quotas()
    assert quotas.volumes is not None
    place.sim.world.project("payments-prod").quotas.volumes = quotas.volumes.in_use
    assert (await place.evs.quotas()).lacking(disks=1, gib=10) == "1 disks, and its quota leaves room for 0"
    with pytest.raises(CloudRefused, match=r"may have no more disks.*EVS\.1034"):
        await place.make()


async def test_a_disk_in_use_is_neither_rolled_back_nor_deleted(place: Place) -> None:
    attached = place.sim.world.disk("web-01-data").id
    wanted = CreateStandardSnapshot(volume_id=attached, name="before")
    snapshot_id = (await place.evs.create_standard_snapshot(wanted, send_before=place.soon)).snapshot_id
    place.sim.settle()
    with pytest.raises(CloudRefused, match=r"attached to no server.*EVS\.5400"):
        await place.evs.roll_back(snapshot_id, attached, send_before=place.soon)
    with pytest.raises(CloudRefused, match=r"available or in error.*EVS\.1046"):
        await place.evs.delete_disk(attached, send_before=place.soon)
    with pytest.raises(CloudRefused, match=r"EVS\.5400"):
        await place.evs.roll_back(place.snapshot_id, attached, send_before=place.soon)


@pytest.mark.parametrize("nowhere", ["00000000-0000-4000-8000-000000000000", "../snapshots", ""])
async def test_what_is_not_there_is_not_found(place: Place, nowhere: str) -> None:
    with pytest.raises(NotFound):
        await place.evs.delete_disk(nowhere, send_before=place.soon)
    with pytest.raises(NotFound):
        await place.evs.roll_back(nowhere, place.disk_id, send_before=place.soon)
    with pytest.raises(NotFound):
        await place.evs.roll_back(place.snapshot_id, nowhere, send_before=place.soon)
