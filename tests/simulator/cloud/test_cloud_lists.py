"""Lists and counts: paging, sorting and filters of snapshots and disks."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator

PAYMENTS = "0123456789abcdef0123456789abcdef"
SNAPSHOTS = f"/v5/{PAYMENTS}/snapshots"
VOLUMES = f"/v2/{PAYMENTS}/cloudvolumes"
WEB_01 = "77777777-0001-4000-8000-000000000001"
FINANCE = "f1a7ce00-0000-4000-8000-0000000000e1"


@pytest.fixture
async def made(http: httpx.AsyncClient, sim: CloudSimulator, wind: Callable[[float], None]) -> list[str]:
    """Five snapshots s0 to s4, a second apart: two of orders-db, then one each of three disks."""
    sim.world.timing.min_seconds = sim.world.timing.max_seconds = 0.5
    ids = []
    for number, disk in enumerate(["orders-db", "orders-db", "orders-db-wal", "web-01-data", "vault-data"]):
        fields = {"volume_id": sim.world.disk(disk).id, "name": f"s{number}", "tags": {"n": str(number), "all": ""}}
        if disk == "vault-data":
            fields["enterprise_project_id"] = FINANCE
        ids.append((await http.post(SNAPSHOTS, json={"snapshot": fields})).json()["snapshot_id"])
        wind(1)
    return ids


async def names(http: httpx.AsyncClient, **query: Any) -> list[str]:
    response = await http.get(f"{SNAPSHOTS}/detail", params=query)
    assert list(response.json()) == ["snapshots"]
    return [snapshot["name"] for snapshot in response.json()["snapshots"]]


async def disk_names(http: httpx.AsyncClient, **query: Any) -> list[str]:
    return sorted(disk["name"] for disk in (await http.get(f"{VOLUMES}/detail", params=query)).json()["volumes"])


async def test_snapshots_come_newest_first_and_in_pages(http: httpx.AsyncClient, made: list[str]) -> None:
    assert await names(http) == ["s4", "s3", "s2", "s1", "s0"]
    assert await names(http, limit=2, offset=2) == ["s2", "s1"]
    assert await names(http, limit=2, marker=made[3]) == ["s2", "s1"]
    assert await names(http, limit=1000, offset=5) == []
    assert await names(http, sort_dir="asc", limit=1) == ["s0"]
    assert await names(http, sort_key="size", limit=2) == ["s1", "s0"]


async def test_each_filter_picks_its_snapshots(http: httpx.AsyncClient, made: list[str], sim: CloudSimulator) -> None:
    assert await names(http, volume_id=sim.world.disk("orders-db").id) == ["s1", "s0"]
    assert await names(http, availability_zone="ap-southeast-3b") == ["s2"]
    assert await names(http, name="s3") == ["s3"]
    assert await names(http, name="s") == []
    assert await names(http, status="creating") == []
    assert await names(http, status="available", limit=1) == ["s4"]
    assert await names(http, snapshot_type="auto") == []
    assert await names(http, id=made[0]) == ["s0"]
    assert await names(http, id=made[0], ids=f"{made[1]},{made[2]},{'0' * 36}") == ["s2", "s1"]
    assert await names(http, enterprise_project_id=FINANCE) == ["s4"]
    assert len(await names(http, enterprise_project_id="all_granted_eps")) == 5
    assert await names(http, tag_key="all", limit=1) == ["s4"]
    assert await names(http, tag_key="none") == []
    sim.world.switches.fuzzy_snapshot_names = True
    assert len(await names(http, name="s")) == 5


@pytest.mark.parametrize("tags", [[{"key": "n", "value": "2"}, {"key": "all", "value": ""}], {"n": "2", "all": ""}])
async def test_the_tags_filter_takes_both_forms(http: httpx.AsyncClient, made: list[str], tags: object) -> None:
    assert await names(http, tags=json.dumps(tags)) == ["s2"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "many"}, "EVS.5400"),
        ({"limit": "0"}, "EVS.5400"),
        ({"limit": "1001"}, "EVS.2142"),
        ({"offset": "x"}, "EVS.5400"),
        ({"marker": "x"}, "EVS.1024"),
        ({"sort_key": "name"}, "EVS.1039"),
        ({"sort_dir": "up"}, "EVS.1040"),
        ({"tags": "chatops"}, "EVS.1062"),
        ({"ids": ",".join(str(n) for n in range(61))}, "EVS.5400"),
    ],
)
async def test_a_malformed_query_is_refused(http: httpx.AsyncClient, query: dict[str, str], code: str) -> None:
    refused = await http.get(f"{SNAPSHOTS}/detail", params=query)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)


async def test_snapshots_are_counted_with_the_same_filters(
    http: httpx.AsyncClient, made: list[str], sim: CloudSimulator
) -> None:
    assert (await http.get(f"{SNAPSHOTS}/count")).json() == {"count": 5}
    query = {"volume_id": sim.world.disk("orders-db").id}
    assert (await http.get(f"{SNAPSHOTS}/count", params=query)).json() == {"count": 2}


async def test_disks_are_listed_with_a_count_and_a_link_to_the_next_page(http: httpx.AsyncClient) -> None:
    seen, path = [], f"{VOLUMES}/detail?limit=6&status=in-use"
    while path:
        body = (await http.get(path)).json()
        seen += [disk["name"] for disk in body["volumes"]]
        assert body["count"] == 8
        path = next((link["href"] for link in body.get("volumes_links", []) if link["rel"] == "next"), "")
    assert len(seen) == len(set(seen)) == 8


async def test_each_filter_picks_its_disks(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    assert await disk_names(http, server_id=WEB_01) == ["web-01-data", "web-01-logs", "web-01-system"]
    assert await disk_names(http, name="scratch") == ["scratch", "scratch"]
    assert await disk_names(http, name="orders") == []
    assert await disk_names(http, status="error") == ["broken-index"]
    assert await disk_names(http, availability_zone="ap-southeast-3c") == ["spare-disk"]
    assert await disk_names(http, enterprise_project_id=FINANCE) == ["vault-data"]
    assert await disk_names(http, multiattach="true") == []
    ids = [sim.world.disk(name).id for name in ("cold-store", "orders-db")]
    assert await disk_names(http, id=ids[0]) == ["cold-store"]
    assert await disk_names(http, ids=f"['{ids[0]}','{ids[1]}']") == ["cold-store", "orders-db"]
    assert (await http.get(f"{VOLUMES}/detail", params={"ids": ",".join(ids)})).status_code == 400
    sim.world.switches.fuzzy_volume_names = True
    assert await disk_names(http, name="orders") == ["orders-db", "orders-db-wal"]


async def test_one_disk_is_shown_whole(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    disk = (await http.get(f"{VOLUMES}/{sim.world.disk('vault-data').id}")).json()["volume"]
    assert (disk["bootable"], disk["size"], disk["tags"]) == ("false", 300, {"tier": "prod"})
    assert (disk["metadata"]["__system__encrypted"], disk["encrypted"]) == ("1", False)
    assert disk["os-vol-tenant-attr:tenant_id"] == PAYMENTS
    assert (disk["attachments"][0]["host_name"], disk["attachments"][0]["device"]) == (None, "/dev/vdc")
    served = (await http.get(f"{VOLUMES}/{sim.world.disk('orders-db').id}")).json()["volume"]
    assert served["attachments"][0]["host_name"] == "pod07.host"


async def test_a_missing_disk_is_refused_in_either_shape(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    path = f"{VOLUMES}/{sim.world.disk('shop-01-data').id}"
    missing = await http.get(path)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "EVS.5404")
    sim.world.switches.cinder_volume_errors = True
    assert (await http.get(path)).json()["itemNotFound"]["code"] == 404


async def test_tags_find_disks_with_keys_anded_and_values_ored(http: httpx.AsyncClient) -> None:
    async def found(tags: list[dict[str, Any]], **more: Any) -> list[str]:
        body = {"action": "filter", "limit": 1000, "offset": 0, "tags": tags, **more}
        answer = (await http.post(f"{VOLUMES}/resource_instances/action", json=body)).json()
        assert answer["total_count"] >= len(answer["resources"])
        return [resource["resource_name"] for resource in answer["resources"]]

    tier = {"key": "tier", "values": ["prod", "archive"]}
    assert await found([{"key": "tier", "values": ["archive"]}]) == ["payload-archive-db"]
    assert len(await found([tier])) == 6
    assert await found([tier, {"key": "app", "values": []}]) == ["orders-db", "orders-db-wal"]
    assert await found([tier], matches=[{"key": "resource_name", "value": "web"}]) == ["web-01-system", "web-01-data"]
    assert await found([tier], limit="1", offset="1") == ["web-01-data"]


async def test_the_tags_of_one_disk_are_a_list(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    response = await http.get(f"{VOLUMES}/{sim.world.disk('orders-db').id}/tags")
    assert response.json() == {"tags": [{"key": "tier", "value": "prod"}, {"key": "app", "value": "orders"}]}
