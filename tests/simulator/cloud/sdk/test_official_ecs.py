"""The official SDK reads servers, by pages and filters, in the old list, the new one and Nova's."""

import pytest

from bot.simulator.cloud import CloudSimulator
from bot.simulator.cloud.default_world import DB_01, WEB_01
from tests.simulator.cloud.sdk.conftest import OfficialClient

NOWHERE = "00000000-0000-4000-8000-000000000000"


async def test_the_list_counts_pages_and_ignores_other_filters_for_ids(
    ecs: OfficialClient, sim: CloudSimulator
) -> None:
    first = await ecs("list_servers_details", limit=3, offset=1)
    second = await ecs("list_servers_details", limit=3, offset=2)
    assert (first.count, len(first.servers), len(second.servers)) == (4, 3, 1)
    assert [one.name for one in (await ecs("list_servers_details", name="b.01")).servers] == ["web-01", "db-01"]
    assert [one.name for one in (await ecs("list_servers_details", name="d..01")).servers] == ["db-01"]
    named = await ecs("list_servers_details", server_id=f"{DB_01},{NOWHERE}", name="web", limit=10)
    assert [(one.id, one.name) for one in named.servers] == [(DB_01, "db-01"), (NOWHERE, None)]
    sim.world.servers[WEB_01].tags = {"tier": "prod"}
    assert [one.name for one in (await ecs("list_servers_details", tags="tier=prod")).servers] == ["web-01"]
    assert (await ecs("list_servers_details", not_tags="tier=prod", status="ACTIVE")).count == 3


@pytest.mark.parametrize("rows_at_most", [1000, 1])
async def test_the_new_list_goes_by_markers_and_shows_what_is_expected(
    ecs: OfficialClient, sim: CloudSimulator, rows_at_most: int
) -> None:
    sim.world.switches.page_rows = rows_at_most
    page = await ecs("list_cloud_servers", limit=3)
    names = [one.name for one in page.servers]
    while page.servers_links:
        page = await ecs("list_cloud_servers", limit=3, marker=page.servers[-1].id)
        names += [one.name for one in page.servers]
    assert sorted(names) == ["archive-01", "cache-01", "db-01", "web-01"]
    [bare] = (await ecs("list_cloud_servers", id=WEB_01)).servers
    [full] = (await ecs("list_cloud_servers", id=WEB_01, expect_fields=["volumes_attached", "tags"])).servers
    assert (bare.volumes_attached, len(full.volumes_attached), full.tags) == (None, 3, [])
    assert (await ecs("list_cloud_servers", availability_zone_eq="ap-southeast-3b")).servers == []


async def test_one_server_and_its_disks(ecs: OfficialClient) -> None:
    server = (await ecs("show_server", server_id=DB_01)).server
    assert (server.name, server.os_ext_srv_att_rhost, server.os_ext_srv_att_rhostname) == (
        "db-01",
        "pod07.host",
        "guest-db-01",
    )
    devices = (await ecs("list_server_block_devices", server_id=WEB_01)).volume_attachments
    assert [(one.device, one.boot_index, one.size) for one in devices] == [
        ("/dev/vda", 0, 40),
        ("/dev/vdb", None, 200),
        ("/dev/vdc", None, 100),
    ]


@pytest.mark.filterwarnings("ignore:Method 'nova_list_servers_details' of EcsClient is deprecated")
async def test_novas_own_list(ecs: OfficialClient) -> None:
    native = (await ecs("nova_list_servers_details", limit=2, marker=WEB_01)).servers
    assert [one.name for one in native] == ["db-01", "cache-01"]
