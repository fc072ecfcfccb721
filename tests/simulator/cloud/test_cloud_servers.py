"""Servers at the address of ECS, and what EVS says of them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator
from bot.simulator.cloud.resources import Server

PAYMENTS = "0123456789abcdef0123456789abcdef"
SERVERS = f"/v1/{PAYMENTS}/cloudservers"
WEB_01 = "77777777-0001-4000-8000-000000000001"
NOWHERE = "77777777-0009-4000-8000-000000000009"


@pytest.fixture
async def ecs(http: httpx.AsyncClient, sim: CloudSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client of ECS with the token that EVS takes too."""
    token = {"X-Auth-Token": http.headers["X-Auth-Token"]}
    async with httpx.AsyncClient(base_url=sim.ecs_url, timeout=5, headers=token) as client:
        yield client


async def listed(ecs: httpx.AsyncClient, **query: Any) -> list[str]:
    rows = (await ecs.get(f"{SERVERS}/detail", params=query)).json()["servers"]
    return [row["name"] for row in rows]


async def test_each_address_knows_its_own_service_alone(http: httpx.AsyncClient, ecs: httpx.AsyncClient) -> None:
    assert (await ecs.get(f"{SERVERS}/detail")).status_code == 200
    for client, path in ((http, f"{SERVERS}/detail"), (ecs, f"/v2/{PAYMENTS}/cloudvolumes/detail")):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "APIGW.0101")


async def test_names_are_matched_in_part_and_a_period_is_any_sign(ecs: httpx.AsyncClient) -> None:
    assert await listed(ecs, name="01", limit=2) == ["web-01", "db-01"]
    assert await listed(ecs, name="e.-0") == ["web-01"]
    assert await listed(ecs, name="WEB") == []


async def test_pages_are_counted_from_one_and_can_be_capped(ecs: httpx.AsyncClient, sim: CloudSimulator) -> None:
    for number in range(60):
        sim.world.put_server({"id": f"s-{number}", "name": f"many-{number}", "project_id": PAYMENTS})
    assert len(await listed(ecs)) == 25
    assert await listed(ecs, name="many", limit=25, offset=3) == [f"many-{number}" for number in range(50, 60)]
    assert await listed(ecs, name="many", limit=25, offset=0) == await listed(ecs, name="many", limit=25, offset=1)
    sim.world.switches.page_rows = 10
    body = (await ecs.get(f"{SERVERS}/detail", params={"name": "many", "limit": 1000})).json()
    assert (body["count"], len(body["servers"])) == (60, 10)
    assert (await ecs.get(f"{SERVERS}/detail", params={"limit": 1001})).json()["error"]["code"] == "Ecs.0005"


async def test_an_id_that_does_not_exist_has_a_row_of_nulls_and_other_filters_are_passed_over(
    ecs: httpx.AsyncClient,
) -> None:
    query = {"server_id": f"{WEB_01},{NOWHERE}", "name": "something-else"}
    known, nothing = (await ecs.get(f"{SERVERS}/detail", params=query)).json()["servers"]
    assert (known["name"], known["OS-EXT-AZ:availability_zone"]) == ("web-01", "ap-southeast-3a")
    assert {name for name, value in nothing.items() if value is not None} == {"id", "fault"}
    assert (await ecs.get(f"{SERVERS}/{NOWHERE}")).json()["error"]["code"] == "Ecs.0114"


@pytest.mark.parametrize("code", ["Ecs.0003", "Pdp.0001"])
async def test_the_right_to_list_servers_can_be_taken_away(
    ecs: httpx.AsyncClient, http: httpx.AsyncClient, sim: CloudSimulator, code: str
) -> None:
    change = {"denied_actions": ["ecs:cloudServers:list", "evs:snapshots:delete"], "servers_refused_with": code}
    assert (await http.post("/_control/switches", json=change)).status_code == 200
    refused = await ecs.get(f"{SERVERS}/detail")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, code)
    assert (await http.get(f"/v2/{PAYMENTS}/cloudvolumes/detail")).status_code == 200
    refused = await http.delete(f"/v5/{PAYMENTS}/snapshots/{NOWHERE}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "EVS.2056")


@pytest.mark.parametrize("host", [None, "pod01.host"])
async def test_a_disk_tells_the_physical_host_of_its_server_at_most(
    http: httpx.AsyncClient, sim: CloudSimulator, host: str | None
) -> None:
    sim.world.put_server({"id": WEB_01, "host": host})
    row = (await http.get(f"/v2/{PAYMENTS}/cloudvolumes/{sim.world.disk('web-01-data').id}")).json()["volume"]
    assert [(one["server_id"], one["host_name"]) for one in row["attachments"]] == [(WEB_01, host)]


async def test_a_group_has_one_zone_and_sixty_four_disks_and_255_bytes(
    http: httpx.AsyncClient, sim: CloudSimulator
) -> None:
    path = f"/v5/{PAYMENTS}/snapshot-groups"
    zones = [sim.world.disk(name).id for name in ("orders-db", "orders-db-wal")]
    many = []
    for number in range(65):
        disk_id = f"d15c9999-{number:04d}-4000-8000-000000000000"
        fields = {"name": f"many-{number}", "project_id": PAYMENTS, "availability_zone": "ap-southeast-3a"}
        many.append(sim.world.put_disk({"id": disk_id, **fields}).id)
    for body in ({"volume_ids": zones}, {"volume_ids": many}, {"volume_ids": many[:2], "name": "数" * 86}):
        assert (await http.post(path, json={"snapshot_group": body})).status_code == 400
    fits = {"volume_ids": many[:64], "name": "数" * 85}
    assert (await http.post(path, json={"snapshot_group": fits})).status_code == 202


@pytest.mark.parametrize("rows", [1, 7])
async def test_every_page_can_be_capped(http: httpx.AsyncClient, sim: CloudSimulator, rows: int) -> None:
    sim.world.switches.page_rows = rows
    body = (await http.get(f"/v2/{PAYMENTS}/cloudvolumes/detail", params={"limit": 1000})).json()
    assert (len(body["volumes"]), body["count"]) == (rows, 14)
    assert body["volumes_links"][0]["rel"] == "next"


async def test_a_server_of_an_unknown_project_is_refused(sim: CloudSimulator) -> None:
    with pytest.raises(ValueError, match="there is no project"):
        sim.world.put_server({"id": "s-1", "name": "lost", "project_id": "0" * 32})
    sim.world.servers["s-1"] = Server("s-1", "lost", "0" * 32)
    assert "server lost is in the project" in " ".join(sim.world.problems())
