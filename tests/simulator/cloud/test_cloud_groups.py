"""Snapshot consistency groups."""

from collections.abc import Callable
from typing import Any

import httpx

from bot.simulator.cloud import CloudSimulator

PAYMENTS = "0123456789abcdef0123456789abcdef"
GROUPS = f"/v5/{PAYMENTS}/snapshot-groups"
SNAPSHOTS = f"/v5/{PAYMENTS}/snapshots"
WEB_01 = "77777777-0001-4000-8000-000000000001"
Wind = Callable[[float], None]


async def create(http: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await http.post(GROUPS, json={"snapshot_group": fields})


async def members(http: httpx.AsyncClient, group_id: str) -> list[dict[str, Any]]:
    query = {"snapshot_group_id": group_id}
    return list((await http.get(f"{SNAPSHOTS}/detail", params=query)).json()["snapshots"])


async def test_a_group_snapshots_every_disk_of_a_server(
    http: httpx.AsyncClient, sim: CloudSimulator, wind: Wind
) -> None:
    ids = (await create(http, server_id=WEB_01, name="nightly", tags={"req": "1"})).json()
    found = await members(http, ids["snapshot_group_id"])
    assert {member["volume_id"] for member in found} == {
        sim.world.disk(name).id for name in ("web-01-system", "web-01-data", "web-01-logs")
    }
    path = f"{GROUPS}/{ids['snapshot_group_id']}"
    shown = (await http.get(path)).json()["snapshot_group"]
    assert (shown["status"], shown["server_id"], shown["tags"]) == ("creating", WEB_01, {"req": "1"})
    wind(9)
    assert (await http.get(path)).json()["snapshot_group"]["status"] == "available"
    assert (await http.get(f"/v2/{PAYMENTS}/jobs/{ids['job_id']}")).json()["status"] == "SUCCESS"
    listed = (await http.get(f"{GROUPS}/detail", params={"name": "nightly"})).json()["snapshot_groups"]
    assert [group["id"] for group in listed] == [ids["snapshot_group_id"]]


async def test_a_group_with_a_busy_disk_is_refused_whole_with_400(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    busy, idle = sim.world.disk("web-01-data").id, sim.world.disk("web-01-system").id
    await http.post(SNAPSHOTS, json={"snapshot": {"volume_id": busy}})
    refused = await create(http, volume_ids=[idle, busy])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "EVS.2409")
    assert len(sim.snapshots()) == 1
    sim.world.switches.group_busy_status = 409
    assert (await create(http, volume_ids=[idle, busy])).status_code == 409


async def test_a_group_takes_only_disks_of_the_server_it_names(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    foreign = sim.world.disk("orders-db").id
    assert (await create(http, server_id=WEB_01, volume_ids=[foreign])).status_code == 400
    assert (await create(http, volume_ids=[])).status_code == 400
    assert (await create(http, volume_ids=[foreign])).status_code == 202


async def test_a_deleted_group_takes_its_members_with_it(
    http: httpx.AsyncClient, sim: CloudSimulator, wind: Wind
) -> None:
    path = f"{GROUPS}/{(await create(http, server_id=WEB_01)).json()['snapshot_group_id']}"
    assert (await http.delete(path)).status_code == 400
    wind(9)
    assert (await http.delete(path)).status_code == 202
    assert (await http.get(path)).json()["snapshot_group"]["status"] == "deleting"
    wind(9)
    assert ((await http.get(path)).status_code, sim.snapshots()) == (404, [])


async def test_a_region_may_have_snapshots_but_no_groups(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    sim.world.project("payments-prod").groups_offered = False
    assert (await create(http, server_id=WEB_01)).json()["error_code"] == "APIGW.0101"
    assert (await http.get(f"{SNAPSHOTS}/detail")).status_code == 200


async def test_one_failed_member_makes_the_group_an_error(
    http: httpx.AsyncClient, sim: CloudSimulator, wind: Wind
) -> None:
    ids = (await create(http, server_id=WEB_01)).json()
    next(iter(sim.world.snapshots.values())).outcome = "error"
    wind(9)
    shown = (await http.get(f"{GROUPS}/{ids['snapshot_group_id']}")).json()["snapshot_group"]
    assert shown["status"] == "error"


async def test_one_member_can_fail_with_the_job_while_the_others_are_still_being_made(
    http: httpx.AsyncClient, sim: CloudSimulator, wind: Wind
) -> None:
    failing = sim.world.disk("web-01-data").id
    sim.fault("create_group", "member_fail", volume_id=failing, seconds=20, fail_reason="storage is full")
    ids = (await create(http, server_id=WEB_01)).json()
    for seconds, others, group in ((11, "creating", "creating"), (20, "available", "error")):
        wind(seconds)
        job = (await http.get(f"/v1/{PAYMENTS}/jobs/{ids['job_id']}")).json()
        assert (job["status"], job["fail_reason"]) == ("FAIL", "storage is full")
        states = {one["volume_id"]: one["status"] for one in await members(http, ids["snapshot_group_id"])}
        assert states.pop(failing) == "error"
        assert set(states.values()) == {others}
        shown = (await http.get(f"{GROUPS}/{ids['snapshot_group_id']}")).json()["snapshot_group"]
        assert shown["status"] == group
