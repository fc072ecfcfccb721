"""Roll back, new disks of snapshots, and the deletion of disks."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator

PAYMENTS = "0123456789abcdef0123456789abcdef"
SNAPSHOTS = f"/v5/{PAYMENTS}/snapshots"
DISKS = f"/v2.1/{PAYMENTS}/cloudvolumes"
NOWHERE = "00000000-0000-4000-8000-000000000000"
Wind = Callable[[float], None]


class People:
    """The calls of this file, on the disk `spare-disk` unless told."""

    def __init__(self, http: httpx.AsyncClient, sim: CloudSimulator, wind: Wind) -> None:
        self.http, self.sim, self.wind = http, sim, wind
        self.disk_id = sim.world.disk("spare-disk").id

    async def snapshot(self, disk_id: str = "", **fields: Any) -> str:
        """A snapshot that is finished."""
        body = {"snapshot": {"volume_id": disk_id or self.disk_id, **fields}}
        snapshot_id = (await self.http.post(SNAPSHOTS, json=body)).json()["snapshot_id"]
        self.wind(9)
        return str(snapshot_id)

    async def roll_back(self, snapshot_id: str, disk_id: str = "") -> httpx.Response:
        body = {"rollback": {"volume_id": disk_id or self.disk_id}}
        return await self.http.post(f"{SNAPSHOTS}/{snapshot_id}/rollback", json=body)

    async def make(self, origin: str, token: str = "", **changes: Any) -> httpx.Response:
        """A disk of a snapshot of `spare-disk`, as it should be ordered but for the changes."""
        wanted = {
            "snapshot_id": origin,
            "availability_zone": "ap-southeast-3c",
            "size": 100,
            "volume_type": "SSD",
            "metadata": {"create_for_volume_id": "true"},
        }
        headers = {"X-Client-Token": token} if token else {}
        return await self.http.post(DISKS, json={"volume": wanted | changes}, headers=headers)

    async def delete(self, disk_id: str) -> httpx.Response:
        return await self.http.delete(f"/v2/{PAYMENTS}/cloudvolumes/{disk_id}")

    async def disk(self, disk_id: str = "") -> str:
        """Its status, or the code of the refusal."""
        shown = (await self.http.get(f"/v2/{PAYMENTS}/cloudvolumes/{disk_id or self.disk_id}")).json()
        return str(shown["volume"]["status"] if "volume" in shown else shown["error"]["code"])

    async def snapshot_status(self, snapshot_id: str) -> str:
        return str((await self.http.get(f"{SNAPSHOTS}/{snapshot_id}")).json()["snapshot"]["status"])

    async def updated_at(self, path: str = "") -> str:
        """When the disk, or what stands under the path, was last changed, as hours, minutes and seconds."""
        path = path or f"/v2/{PAYMENTS}/cloudvolumes/{self.disk_id}"
        [shown] = (await self.http.get(path)).json().values()
        return str(shown["updated_at"])[11:19]

    async def job(self, answer: httpx.Response) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.http.get(f"/v1/{PAYMENTS}/jobs/{answer.json()['job_id']}")).json()
        return shown


@pytest.fixture
def people(http: httpx.AsyncClient, sim: CloudSimulator, wind: Wind) -> People:
    return People(http, sim, wind)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_roll_back_shows_at_disk_and_snapshot_until_it_is_done(people: People) -> None:
    snapshot_id = await people.snapshot()
    answer = await people.roll_back(snapshot_id)
    assert (answer.status_code, list(answer.json())) == (202, ["job_id"])
    assert (await people.disk(), await people.snapshot_status(snapshot_id)) == ("rollbacking", "rollbacking")
    assert (await people.job(answer))["status"] == "INIT"
    people.wind(9)
    assert (await people.disk(), await people.snapshot_status(snapshot_id)) == ("available", "available")
    assert (await people.job(answer))["status"] == "SUCCESS"
    assert (await people.roll_back(snapshot_id)).status_code == 202, "the same snapshot serves again"


async def test_a_roll_back_is_refused_where_it_cannot_be(people: People) -> None:
    attached = people.sim.world.disk("orders-db").id
    of_attached, of_spare = await people.snapshot(attached), await people.snapshot()
    younger = (await people.http.post(SNAPSHOTS, json={"snapshot": {"volume_id": people.disk_id}})).json()
    assert code(await people.roll_back(of_attached, attached)) == (400, "EVS.5400")
    assert code(await people.roll_back(of_spare, people.sim.world.disk("vault-data").id)) == (400, "EVS.5400")
    assert code(await people.roll_back(of_spare, NOWHERE)) == (404, "EVS.5404")
    assert code(await people.roll_back(NOWHERE)) == (404, "EVS.5404")
    assert code(await people.roll_back("x")) == (400, "EVS.2045")
    assert code(await people.roll_back(younger["snapshot_id"])) == (400, "EVS.2043")
    assert code(await people.roll_back(of_spare)) == (400, "EVS.2068")
    bare = await people.http.post(f"{SNAPSHOTS}/{of_spare}/rollback", json={"rollback": {}})
    assert code(bare) == (400, "EVS.2108")
    people.wind(9)
    assert (await people.roll_back(of_spare)).status_code == 202
    assert code(await people.roll_back(younger["snapshot_id"])) == (400, "EVS.5400")
    assert code(await people.roll_back(of_spare)) == (400, "EVS.2043")
    again = await people.http.delete(f"{SNAPSHOTS}/{of_spare}")
    assert code(again) == (400, "EVS.1047")
    busy = await people.http.post(SNAPSHOTS, json={"snapshot": {"volume_id": people.disk_id}})
    assert code(busy) == (400, "EVS.5400")


async def test_with_instant_restore_a_snapshot_serves_before_it_is_finished(people: People) -> None:
    wanted = {"volume_id": people.disk_id, "instant_access": True}
    young = (await people.http.post(SNAPSHOTS, json={"snapshot": wanted})).json()["snapshot_id"]
    assert (await people.make(young)).status_code == 202


async def test_with_instant_restore_a_disk_is_rolled_back_before_its_snapshot_is_finished(people: People) -> None:
    wanted = {"volume_id": people.disk_id, "instant_access": True}
    young = (await people.http.post(SNAPSHOTS, json={"snapshot": wanted})).json()["snapshot_id"]
    assert (await people.roll_back(young)).status_code == 202
    assert (await people.disk(), await people.snapshot_status(young)) == ("rollbacking", "rollbacking")


async def test_a_roll_back_changes_when_disk_and_snapshot_were_updated(people: People) -> None:
    """The clock begins at 12:00:00; every job takes from 4 to 8 seconds."""
    snapshot_id = await people.snapshot()
    of_snapshot = f"{SNAPSHOTS}/{snapshot_id}"
    finished = await people.updated_at(of_snapshot)
    assert "12:00:04" <= finished <= "12:00:08"
    people.wind(51)
    await people.roll_back(snapshot_id)
    assert (await people.updated_at(), await people.updated_at(of_snapshot)) == ("12:01:00", "12:01:00")
    people.wind(60)
    ended = await people.updated_at()
    assert "12:01:04" <= ended <= "12:01:08" and await people.updated_at(of_snapshot) == ended
    row = next(
        one
        for one in (await people.http.get(f"/v2/{PAYMENTS}/cloudvolumes/detail")).json()["volumes"]
        if one["id"] == people.disk_id
    )
    assert row["updated_at"][11:19] == ended


async def test_a_new_name_changes_when_a_disk_was_updated(people: People) -> None:
    assert await people.updated_at() == "09:00:00"
    people.wind(5)
    disk = f"/v2/{PAYMENTS}/cloudvolumes/{people.disk_id}"
    assert (await people.http.put(disk, json={"volume": {"name": "new"}})).status_code == 200
    assert await people.updated_at() == "12:00:05"


async def test_a_disk_is_detached_for_its_roll_back_and_attached_again(people: People) -> None:
    data = people.sim.world.disk("web-01-data").id
    people.disk_id = data
    snapshot_id = await people.snapshot(data)
    assert code(await people.roll_back(snapshot_id, data)) == (400, "EVS.5400")
    plug = {"disk": "web-01-data"}
    assert (await people.http.post("/_control/detach", json=plug)).json()["status"] == "detaching"
    assert (await people.http.post("/_control/detach", json=plug)).status_code == 400
    people.wind(3)
    shown = (await people.http.get(f"/v2/{PAYMENTS}/cloudvolumes/{data}")).json()["volume"]
    assert (shown["status"], shown["attachments"], shown["updated_at"][11:19]) == ("available", [], "12:00:11")
    assert (await people.roll_back(snapshot_id, data)).status_code == 202
    assert (await people.http.post("/_control/attach", json=plug)).status_code == 400
    people.wind(9)
    assert (await people.http.post("/_control/attach", json=plug)).json()["status"] == "attaching"
    people.wind(3)
    shown = (await people.http.get(f"/v2/{PAYMENTS}/cloudvolumes/{data}")).json()["volume"]
    [attachment] = shown["attachments"]
    assert (shown["status"], attachment["server_id"]) == ("in-use", "77777777-0001-4000-8000-000000000001")
    assert attachment["attached_at"] == "2026-11-23T12:00:21.000000"
    servers = f"{people.sim.ecs_url}/v1/{PAYMENTS}/cloudservers/77777777-0001-4000-8000-000000000001"
    volumes = (await people.http.get(servers)).json()["server"]["os-extended-volumes:volumes_attached"]
    assert data in {one["id"] for one in volumes}
    assert (await people.http.post("/_control/attach", json={"disk": "nothing"})).status_code == 400


async def test_a_system_disk_is_detached_from_a_stopped_server(people: People) -> None:
    server = people.sim.world.servers["77777777-0001-4000-8000-000000000001"]
    people.sim.detach("web-01-system")
    assert server.status == "SHUTOFF"
    people.wind(3)
    people.sim.attach("web-01-system")
    people.wind(3)
    assert (server.status, people.sim.status_of(people.sim.world.disk("web-01-system"))) == ("ACTIVE", "in-use")


async def test_a_disk_of_a_snapshot_is_attached_beside_the_disk_it_is_a_copy_of(people: People) -> None:
    origin = await people.snapshot(people.sim.world.disk("web-01-system").id)
    system = people.sim.world.disk("web-01-system")
    answer = await people.make(
        origin, availability_zone=system.availability_zone, size=system.size_gb, volume_type=system.volume_type
    )
    [copy] = answer.json()["volume_ids"]
    people.wind(9)
    people.sim.attach(copy)
    [attachment] = people.sim.world.disks[copy].attachments
    taken = {a.device for d in people.sim.world.disks.values() for a in d.attachments if d.id != copy}
    assert attachment.server_id == "77777777-0001-4000-8000-000000000001"
    assert attachment.device not in taken


async def test_a_disk_may_be_attached_before_the_roll_back_or_the_deletion_comes(people: People) -> None:
    snapshot_id = await people.snapshot()
    [disk_id] = (await people.make(snapshot_id)).json()["volume_ids"]
    people.wind(9)
    people.sim.fault("rollback_snapshot", "attached_meanwhile")
    assert code(await people.roll_back(snapshot_id)) == (400, "EVS.5400")
    assert await people.disk() == "in-use"
    people.sim.fault("delete_volume", "attached_meanwhile")
    assert code(await people.delete(disk_id)) == (400, "EVS.1046")
    with pytest.raises(ValueError, match="attached_meanwhile fits"):
        people.sim.fault("create_snapshot", "attached_meanwhile")


@pytest.mark.parametrize("which", ["rollback", "make", "delete"])
async def test_the_answer_of_the_next_order_is_lost_whatever_it_is(people: People, which: str) -> None:
    snapshot_id = await people.snapshot()
    people.sim.fault("order", "drop_after")
    await people.disk()
    with pytest.raises(httpx.RemoteProtocolError):
        match which:
            case "rollback":
                await people.roll_back(snapshot_id)
            case "make":
                await people.make(snapshot_id)
            case _:
                await people.delete(people.disk_id)
    made = [disk for disk in people.sim.world.disks.values() if disk.snapshot_id == snapshot_id]
    assert (await people.disk(), len(made)) == {
        "rollback": ("rollbacking", 0),
        "make": ("available", 1),
        "delete": ("deleting", 0),
    }[which]
    assert people.sim.waiting_faults() == []


async def test_a_disk_grows_no_further_than_the_quota(people: People) -> None:
    quotas = people.sim.world.project(PAYMENTS).quotas
    quotas.gigabytes = 4_680 + 50
    grow = {"os-extend": {"new_size": 200}}
    path = f"{DISKS}/{people.disk_id}/action"
    assert code(await people.http.post(path, json=grow)) == (400, "EVS.1042")
    quotas.gigabytes = -1
    assert (await people.http.post(path, json=grow)).status_code == 202


async def test_a_failed_roll_back_leaves_a_disk_that_can_be_tried_again(people: People) -> None:
    snapshot_id = await people.snapshot()
    people.sim.fault("rollback_snapshot", "job_fail", volume_id=people.disk_id, fail_reason="no space")
    answer = await people.roll_back(snapshot_id)
    people.wind(9)
    job = await people.job(answer)
    assert (job["status"], job["error_code"], job["fail_reason"]) == ("FAIL", "EVS.2002", "no space")
    assert (await people.disk(), await people.snapshot_status(snapshot_id)) == ("error_rollbacking", "available")
    assert (await people.roll_back(snapshot_id)).status_code == 202
    people.wind(9)
    assert await people.disk() == "available"


@pytest.mark.parametrize(
    ("kind", "options", "after_9_s", "after_70_s"),
    [
        ("slow_job", {"seconds": 60}, "rollbacking", "available"),
        ("stuck", {}, "rollbacking", "rollbacking"),
        ("drop_after", {}, "available", "available"),
        ("job_unknown", {}, "available", "available"),
    ],
)
async def test_faults_shape_a_roll_back(
    people: People, kind: str, options: dict[str, Any], after_9_s: str, after_70_s: str
) -> None:
    snapshot_id = await people.snapshot()
    people.sim.fault("rollback_snapshot", kind, **options)
    try:
        await people.roll_back(snapshot_id)
    except httpx.RemoteProtocolError:
        assert kind == "drop_after"
    assert await people.disk() == "rollbacking"
    people.wind(9)
    assert await people.disk() == after_9_s
    people.wind(61)
    assert await people.disk() == after_70_s
    people.sim.settle()
    assert await people.disk() == "available"


@pytest.mark.parametrize(
    ("kind", "status_code"), [("429", 429), ("503", 503), ("500_before", 500), ("external_busy", 400)]
)
async def test_a_refused_roll_back_changes_nothing(people: People, kind: str, status_code: int) -> None:
    snapshot_id = await people.snapshot()
    people.sim.fault("rollback_snapshot", kind)
    assert (await people.roll_back(snapshot_id)).status_code == status_code
    assert await people.disk() == "available"


async def test_a_disk_of_a_snapshot_is_made_and_known_by_its_origin(people: People) -> None:
    snapshot_id = await people.snapshot()
    answer = await people.make(snapshot_id, name="restored", tags={"chatops-req": "r1"})
    [disk_id] = answer.json()["volume_ids"]
    assert ((await people.job(answer))["entities"], await people.disk(disk_id)) == ({}, "creating")
    people.wind(9)
    assert (await people.job(answer))["entities"]["volume_id"] == disk_id
    shown = (await people.http.get(f"/v2/{PAYMENTS}/cloudvolumes/{disk_id}")).json()["volume"]
    assert (shown["status"], shown["snapshot_id"], shown["size"]) == ("available", snapshot_id, 100)
    assert (shown["name"], shown["tags"], shown["attachments"]) == ("restored", {"chatops-req": "r1"}, [])
    wanted = {"action": "filter", "tags": [{"key": "chatops-req", "values": ["r1"]}]}
    found = (await people.http.post(f"/v2/{PAYMENTS}/cloudvolumes/resource_instances/action", json=wanted)).json()
    assert [one["resource_id"] for one in found["resources"]] == [disk_id]


async def test_the_ids_of_new_disks_are_told_only_on_demand(people: People) -> None:
    answer = await people.make(await people.snapshot(), metadata={})
    assert list(answer.json()) == ["job_id"]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"availability_zone": "ap-southeast-3a"}, "EVS.2054"),
        ({"volume_type": "SAS"}, "EVS.2096"),
        ({"volume_type": "FLOPPY"}, "EVS.2071"),
        ({"size": 99}, "EVS.1010"),
        ({"size": 32_769}, "EVS.1010"),
        ({"size": "100"}, "EVS.2108"),
        ({"imageRef": "i1"}, "EVS.1016"),
        ({"metadata": {"__system__encrypted": "1"}}, "EVS.1043"),
        ({"name": "ö" * 128}, "EVS.1003"),
        ({"description": "d" * 256}, "EVS.1004"),
        ({"tags": {"a b": "c"}}, "EVS.1062"),
        ({"enterprise_project_id": "x"}, "EVS.2059"),
        ({"snapshot_id": "x"}, "EVS.2045"),
        ({"snapshot_id": NOWHERE}, "EVS.5404"),
        ({"colour": "red"}, "EVS.2108"),
    ],
)
async def test_a_disk_that_does_not_fit_its_snapshot_is_refused(
    people: People, changes: dict[str, Any], refusal: str
) -> None:
    answer = await people.make(await people.snapshot(), **changes)
    assert code(answer) == (404 if refusal == "EVS.5404" else 400, refusal)
    assert all(disk.snapshot_id == "" for disk in people.sim.world.disks.values())


async def test_quotas_of_the_project_hold(people: People) -> None:
    snapshot_id = await people.snapshot()
    quotas = people.sim.world.project(PAYMENTS).quotas
    quotas.volumes = 14
    assert code(await people.make(snapshot_id)) == (400, "EVS.1034")
    quotas.volumes, quotas.gigabytes = -1, 4_779
    assert code(await people.make(snapshot_id)) == (400, "EVS.1042")
    quotas.gigabytes = 4_780
    assert (await people.make(snapshot_id)).status_code == 202


async def test_a_client_token_makes_one_disk_of_two_orders(people: People) -> None:
    snapshot_id, token = await people.snapshot(), str(uuid.uuid4())
    first, second = await people.make(snapshot_id, token), await people.make(snapshot_id, token)
    assert first.json() == second.json()
    assert sum(disk.snapshot_id == snapshot_id for disk in people.sim.world.disks.values()) == 1
    assert code(await people.make(snapshot_id, token, size=101)) == (400, "EVS.2219")
    assert code(await people.make(snapshot_id, "mine")) == (400, "EVS.2218")
    people.sim.fault("create_volume", "drop_after")
    other = str(uuid.uuid4())
    with pytest.raises(httpx.RemoteProtocolError):
        await people.make(snapshot_id, other)
    assert (await people.make(snapshot_id, other)).status_code == 202
    assert sum(disk.snapshot_id == snapshot_id for disk in people.sim.world.disks.values()) == 2
    people.wind(8 * 3600)
    assert code(await people.make(snapshot_id, token)) == (400, "EVS.2220")


async def test_a_new_disk_may_fail_or_be_seen_late(people: People) -> None:
    snapshot_id = await people.snapshot()
    people.sim.fault("create_volume", "job_fail")
    [failed] = (await people.make(snapshot_id)).json()["volume_ids"]
    people.sim.fault("create_volume", "delayed_visibility", seconds=20)
    people.sim.fault("create_volume", "tag_late", seconds=30)
    [late] = (await people.make(snapshot_id, tags={"a": "b"})).json()["volume_ids"]
    people.wind(9)
    assert await people.disk(late) == "EVS.5404"
    listed = (await people.http.get(f"/v2/{PAYMENTS}/cloudvolumes/detail")).json()["volumes"]
    assert (await people.disk(failed), late in {row["id"] for row in listed}) == ("error", False)
    people.wind(12)
    rows = (await people.http.get(f"/v2/{PAYMENTS}/cloudvolumes/detail")).json()["volumes"]
    [row] = [row for row in rows if row["id"] == late]
    assert row["tags"] == {}
    people.wind(12)
    tags = (await people.http.get(f"/v2/{PAYMENTS}/cloudvolumes/{late}/tags")).json()
    assert tags == {"tags": [{"key": "a", "value": "b"}]}


async def test_a_deleted_disk_is_there_for_a_while_and_then_gone(people: People) -> None:
    snapshot_id = await people.snapshot()
    [disk_id] = (await people.make(snapshot_id)).json()["volume_ids"]
    assert code(await people.delete(disk_id)) == (400, "EVS.1046")
    people.wind(9)
    answer = await people.delete(disk_id)
    assert (answer.status_code, await people.disk(disk_id)) == (202, "deleting")
    people.wind(9)
    assert ((await people.job(answer))["status"], await people.disk(disk_id)) == ("SUCCESS", "EVS.5404")
    assert code(await people.delete(disk_id)) == (404, "EVS.5404")
    assert await people.snapshot_status(snapshot_id) == "available"


async def test_disks_that_may_not_be_deleted(people: People) -> None:
    assert code(await people.delete(people.sim.world.disk("orders-db").id)) == (400, "EVS.1046")
    await people.http.post(SNAPSHOTS, json={"snapshot": {"volume_id": people.disk_id}})
    assert code(await people.delete(people.disk_id)) == (400, "EVS.2068")
    people.wind(9)
    people.sim.world.disk("spare-disk").order_id = "CS1"
    assert code(await people.delete(people.disk_id)) == (400, "EVS.5400")
    people.sim.world.disk("spare-disk").order_id = ""
    people.sim.fault("delete_volume", "job_fail")
    await people.delete(people.disk_id)
    people.wind(9)
    assert await people.disk() == "error_deleting"


async def test_the_control_path_ends_the_work_on_a_disk_by_a_status(people: People) -> None:
    people.sim.fault("rollback_snapshot", "stuck")
    await people.roll_back(await people.snapshot())
    changed = {"id": people.disk_id, "description": "kept"}
    assert (await people.http.post("/_control/disks", json=changed)).json()["status"] == "rollbacking"
    assert await people.disk() == "rollbacking"
    [snapshot] = people.sim.snapshots(people.disk_id)
    await people.http.post("/_control/disks", json={"id": people.disk_id, "status": "in-use"})
    assert (await people.disk(), await people.snapshot_status(snapshot["id"])) == ("in-use", "available")
    assert await people.updated_at() == "12:00:09"
