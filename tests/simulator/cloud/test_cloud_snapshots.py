"""One snapshot from the request to its end."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator

PAYMENTS = "0123456789abcdef0123456789abcdef"
SNAPSHOTS = f"/v5/{PAYMENTS}/snapshots"
NOWHERE = "00000000-0000-4000-8000-000000000000"
Wind = Callable[[float], None]


async def create(http: httpx.AsyncClient, volume_id: str, **fields: Any) -> httpx.Response:
    return await http.post(SNAPSHOTS, json={"snapshot": {"volume_id": volume_id, **fields}})


async def status(http: httpx.AsyncClient, snapshot_id: str) -> str:
    return str((await http.get(f"{SNAPSHOTS}/{snapshot_id}")).json()["snapshot"]["status"])


@pytest.fixture
def orders(sim: CloudSimulator) -> str:
    return sim.world.disk("orders-db").id


async def test_a_create_answers_with_both_ids_before_the_snapshot_is_there(
    http: httpx.AsyncClient, orders: str, wind: Wind
) -> None:
    response = await create(http, orders, name="before-upgrade", tags={"chatops-req": "r1"}, incremental=False)
    ids = response.json()
    assert (response.status_code, len(ids["job_id"]), len(ids["snapshot_id"])) == (202, 32, 36)
    shown = (await http.get(f"{SNAPSHOTS}/{ids['snapshot_id']}")).json()["snapshot"]
    assert (shown["status"], shown["progress"], shown["created_at"]) == (
        "creating",
        "0%",
        "2026-11-23T12:00:00.000000",
    )
    assert (shown["tags"], shown["incremental"], shown["size"]) == ({"chatops-req": "r1"}, False, 500)
    wind(3)
    halfway = (await http.get(f"{SNAPSHOTS}/{ids['snapshot_id']}")).json()["snapshot"]
    assert 0 < int(halfway["progress"].rstrip("%")) < 100
    wind(6)
    done = (await http.get(f"{SNAPSHOTS}/{ids['snapshot_id']}")).json()["snapshot"]
    assert (done["status"], done["progress"]) == ("available", "100%")


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_job_goes_from_init_to_success_on_both_paths(
    http: httpx.AsyncClient, orders: str, wind: Wind, version: str
) -> None:
    ids = (await create(http, orders)).json()
    path = f"/{version}/{PAYMENTS}/jobs/{ids['job_id']}"
    seen = []
    for _ in range(20):
        job = (await http.get(path)).json()
        seen.append(job["status"])
        assert (job["end_time"] == "") == (job["status"] != "SUCCESS")
        wind(0.5)
    assert list(dict.fromkeys(seen)) == ["INIT", "RUNNING", "SUCCESS"]
    assert job["entities"] == {"snapshot_id": ids["snapshot_id"], "volume_id": orders}
    assert (job["begin_time"], job["error_code"], job["fail_reason"]) == ("2026-11-23T12:00:00.000Z", None, None)


async def test_job_and_snapshot_may_end_in_either_order(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    disks = [disk.id for disk in sim.world.disks.values() if disk.status in ("in-use", "available")]
    for disk in disks:
        await create(http, disk)
    ready = {snapshot.id: snapshot.ready_at for snapshot in sim.world.snapshots.values()}
    job_first = {
        job.ends_at is not None and job.ends_at < (ready[job.entities["snapshot_id"]] or job.ends_at)
        for job in sim.world.jobs.values()
    }
    assert job_first == {True, False}


async def test_a_second_snapshot_of_a_busy_disk_is_refused_with_409(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    await create(http, orders)
    refused = await create(http, orders)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "EVS.2409")
    sim.world.switches.busy_status = 400
    assert (await create(http, orders)).status_code == 400
    wind(9)
    assert (await create(http, orders)).status_code == 202


async def test_two_equal_creates_make_two_snapshots(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    for _ in range(2):
        await create(http, orders, name="same")
        wind(9)
    assert [snapshot["name"] for snapshot in sim.snapshots(orders)] == ["same", "same"]


@pytest.mark.parametrize(
    ("disk", "status_code", "code", "message"),
    [
        ("cache-01-data", 400, "EVS.5400", "Must specify a valid status."),
        ("broken-index", 400, "EVS.5400", "Must specify a valid status."),
        ("edge-cache", 400, "EVS.2108", "Request body is invalid. "),
        ("shop-01-data", 404, "EVS.5404", "Resource(Volume, Snapshot, Backup .etc) cound not be found."),
    ],
)
async def test_a_disk_that_cannot_be_snapshotted_is_refused(
    http: httpx.AsyncClient, sim: CloudSimulator, disk: str, status_code: int, code: str, message: str
) -> None:
    refused = await create(http, sim.world.disk(disk).id)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], sim.snapshots()) == (status_code, code, [])
    assert error["message"].startswith(message)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "n" * 65}, "EVS.2108"),
        ({"description": "d" * 86}, "EVS.2108"),
        ({"force": True}, "EVS.2108"),
        ({"instant_access": "true"}, "EVS.2108"),
        ({"name": None}, "EVS.2108"),
        ({"volume_id": 7}, "EVS.2108"),
        ({"volume_id": "orders-db"}, "EVS.1002"),
        ({"enterprise_project_id": "finance"}, "EVS.2059"),
        ({"retention_days": 0}, "EVS.2108"),
        ({"retention_days": 65_537}, "EVS.2108"),
        ({"tags": {"by": "ann@example.com"}}, "EVS.1062"),
        ({"tags": {"k" * 37: ""}}, "EVS.1062"),
        ({"tags": {"k": "v" * 44}}, "EVS.1062"),
        ({"tags": {"a.b": "dot"}}, "EVS.1062"),
        ({"tags": {f"k{n}": "" for n in range(21)}}, "EVS.1061"),
    ],
)
async def test_a_body_that_is_not_as_documented_is_refused(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, fields: dict[str, Any], code: str
) -> None:
    refused = await http.post(SNAPSHOTS, json={"snapshot": {"volume_id": orders, **fields}})
    assert (refused.status_code, refused.json()["error"]["code"], sim.snapshots()) == (400, code, [])


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"snapshot": {"name": "x"}}', b'{"snapshot": {}, "x": 1}'])
async def test_a_body_without_a_disk_is_refused(http: httpx.AsyncClient, content: bytes) -> None:
    assert (await http.post(SNAPSHOTS, content=content)).status_code == 400


async def test_the_longest_legal_fields_are_taken(http: httpx.AsyncClient, orders: str) -> None:
    tags = {f"k{n}": "v.1" for n in range(19)} | {"快照" + "k" * 34: "版" * 43}
    response = await create(
        http, orders, name="n" * 64, description="d" * 85, tags=tags, retention_days=65_536, instant_access=True
    )
    assert response.status_code == 202


async def test_instant_access_is_for_ssd_disks(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    answers = [
        (await create(http, sim.world.disk(name).id, instant_access=True)).status_code
        for name in ("cold-store", "web-01-logs", "web-01-data")
    ]
    assert answers == [400, 400, 202]


async def test_a_disk_holds_256_snapshots_and_seven_instant_ones(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str
) -> None:
    sim.world.timing.min_seconds = sim.world.timing.max_seconds = 0
    for _ in range(7):
        assert (await create(http, orders, instant_access=True)).status_code == 202
    refused = await create(http, orders, instant_access=True)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "EVS.5413")
    for _ in range(249):
        assert (await create(http, orders)).status_code == 202
    assert (await create(http, orders)).status_code == 413


async def test_retention_ends_the_snapshot(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    snapshot_id = (await create(http, orders, retention_days=1)).json()["snapshot_id"]
    shown = (await http.get(f"{SNAPSHOTS}/{snapshot_id}")).json()["snapshot"]
    assert shown["retention_at"] == "2026-11-24T12:00:00.000000"
    wind(86_399)
    assert len(sim.snapshots()) == 1
    wind(1)
    assert sim.snapshots() == []


async def test_retention_can_be_an_unknown_field(http: httpx.AsyncClient, sim: CloudSimulator, orders: str) -> None:
    sim.world.switches.retention_supported = False
    assert "Unknown field: retention_days" in (await create(http, orders, retention_days=1)).text


async def test_switches_change_how_progress_looks(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    sim.world.switches.jobs_wait_to_execute = True
    sim.world.switches.progress_with_percent_sign = False
    sim.world.timing.min_seconds = sim.world.timing.max_seconds = 10
    ids = (await create(http, orders)).json()
    wind(2)
    assert (await http.get(f"/v1/{PAYMENTS}/jobs/{ids['job_id']}")).json()["status"] == "WAITING_EXECUTE"
    assert (await http.get(f"{SNAPSHOTS}/{ids['snapshot_id']}")).json()["snapshot"]["progress"] == "20"


async def test_a_client_token_is_ignored_unless_a_switch_refuses_it(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str
) -> None:
    http.headers["X-Client-Token"] = NOWHERE
    assert (await create(http, orders)).status_code == 202
    sim.world.switches.client_token_refused = True
    assert (await create(http, orders)).json()["error"]["code"] == "EVS.2223"


async def test_a_deleted_snapshot_is_deleting_and_then_gone(http: httpx.AsyncClient, orders: str, wind: Wind) -> None:
    snapshot_id = (await create(http, orders)).json()["snapshot_id"]
    too_early = await http.delete(f"{SNAPSHOTS}/{snapshot_id}")
    assert (too_early.status_code, too_early.json()["error"]["code"]) == (400, "EVS.1047")
    wind(9)
    deleted = await http.delete(f"{SNAPSHOTS}/{snapshot_id}")
    assert (deleted.status_code, list(deleted.json())) == (202, ["job_id"])
    assert await status(http, snapshot_id) == "deleting"
    wind(9)
    gone = await http.get(f"{SNAPSHOTS}/{snapshot_id}")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "EVS.5404")
    job = (await http.get(f"/v1/{PAYMENTS}/jobs/{deleted.json()['job_id']}")).json()
    assert (job["job_type"], job["status"]) == ("deleteSnapshot", "SUCCESS")


async def test_tags_are_added_changed_and_removed(http: httpx.AsyncClient, sim: CloudSimulator, orders: str) -> None:
    snapshot_id = (await create(http, orders, tags={"a": "1"})).json()["snapshot_id"]
    path = f"{SNAPSHOTS}/{snapshot_id}/tags"
    added = await http.post(f"{path}/create", json={"tags": [{"key": "a", "value": "2"}, {"key": "b", "value": ""}]})
    assert (added.status_code, added.content, sim.snapshots()[0]["tags"]) == (204, b"", {"a": "2", "b": ""})
    await http.post(f"{path}/delete", json={"tags": [{"key": "a", "value": "1"}, {"key": "b"}]})
    assert sim.snapshots()[0]["tags"] == {"a": "2"}
    bad = await http.post(f"{path}/create", json={"tags": [{"key": "a b", "value": ""}]})
    assert bad.json()["error"]["code"] == "EVS.1062"


async def test_an_unknown_job_is_a_400_and_not_a_404(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    unknown = await http.get(f"/v1/{PAYMENTS}/jobs/{'0' * 32}")
    assert (unknown.status_code, unknown.json()["error"]) == (
        400,
        {"code": "Common.0011", "message": "query job fail."},
    )
    sim.world.switches.jobs_on_v1 = False
    assert (await http.get(f"/v1/{PAYMENTS}/jobs/{'0' * 32}")).status_code == 404


async def test_ids_that_lead_nowhere_are_refused(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"{SNAPSHOTS}/{NOWHERE}")).status_code == 404
    assert (await http.get(f"{SNAPSHOTS}/nonsense")).json()["error"]["code"] == "EVS.2045"
    unpublished = await http.get("/v9/anything")
    assert (unpublished.status_code, unpublished.json()["error_code"]) == (404, "APIGW.0101")


async def test_a_region_without_standard_snapshots_has_no_v5(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    legacy = sim.world.project("legacy").project_id
    response = await http.post(f"/v5/{legacy}/snapshots", json={})
    assert (response.status_code, response.json()["error_code"]) == (404, "APIGW.0101")


async def test_every_answer_carries_its_own_request_id(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    paths = [f"{SNAPSHOTS}/detail", f"{SNAPSHOTS}/{NOWHERE}", "/nothing", "/openstack/latest/securitykey"]
    answered = [(await http.get(path)).headers["X-Request-Id"] for path in paths]
    assert answered == [entry["request_id"] for entry in sim.journal]
    assert len(set(answered)) == len(paths)


async def test_the_same_history_gives_the_same_ids(http: httpx.AsyncClient, sim: CloudSimulator, orders: str) -> None:
    first = (await create(http, orders)).json()
    sim.world.snapshots.clear()
    sim.world.ids_made -= 3
    assert (await create(http, orders)).json() == first
