"""OpenStack's own SDK logs in, finds its services in the catalog, and lists, makes, reads and deletes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import openstack
import pytest
from openstack import exceptions

from bot.simulator.cloud import CloudSimulator
from tests.simulator.cloud.sdk.conftest import PAYMENTS

Wind = Callable[[float], None]
pytestmark = pytest.mark.filterwarnings(
    "ignore::openstack.warnings.RemovedInSDK50Warning", "ignore::openstack.warnings.RemovedInSDK60Warning"
)
"""The SDK deprecates parts of itself that it calls itself."""


def connected(sim: CloudSimulator, **changes: str) -> Any:
    """A connection with a password; nothing is read of the machine's own configuration."""
    who = {
        "auth_url": f"{sim.url}/v3",
        "username": "snapshot-bot",
        "password": "sim-password-not-a-secret",
        "project_name": "ap-southeast-3",
        "user_domain_name": "ACME",
        "project_domain_name": "ACME",
    }
    return openstack.connect(
        auth=who | changes, region_name="ap-southeast-3", load_yaml_config=False, load_envvars=False
    )


async def ask(step: Callable[[], Any]) -> Any:
    """One step of the SDK, which blocks."""
    return await asyncio.to_thread(step)


@pytest.fixture
async def cloud(sim: CloudSimulator) -> AsyncIterator[Any]:
    connection = await ask(lambda: connected(sim))
    yield connection
    connection.close()


@pytest.mark.parametrize("rows_at_most", [1000, 2])
async def test_lists_by_pages_and_filters(cloud: Any, sim: CloudSimulator, rows_at_most: int) -> None:
    sim.world.switches.page_rows = rows_at_most
    disks = await ask(lambda: list(cloud.block_storage.volumes(limit=5)))
    assert (len(disks), len({disk.id for disk in disks})) == (14, 14)
    by_status = await ask(lambda: list(cloud.block_storage.volumes(status="error")))
    assert [(disk.name, disk.size, disk.is_bootable) for disk in by_status] == [("broken-index", 120, False)]
    brief = await ask(lambda: list(cloud.block_storage.volumes(details=False, limit=10)))
    assert {disk.name for disk in brief} == {disk.name for disk in disks}
    servers = await ask(lambda: list(cloud.compute.servers(limit=2)))
    assert [server.name for server in servers] == ["web-01", "db-01", "cache-01", "archive-01"]
    assert {one.name for one in await ask(lambda: list(cloud.block_storage.types()))} > {"SSD", "SAS"}
    zones = await ask(lambda: list(cloud.block_storage.availability_zones()))
    assert "ap-southeast-3a" in {zone.name for zone in zones}
    projects = await ask(lambda: list(cloud.identity.projects()))
    assert [project.name for project in projects] == ["ap-southeast-3", "ap-southeast-3_shop", "eu-west-0"]


async def test_a_snapshot_a_disk_of_it_and_the_end_of_both(cloud: Any, sim: CloudSimulator, wind: Wind) -> None:
    storage = await ask(lambda: cloud.block_storage)
    spare = await ask(lambda: storage.find_volume("spare-disk"))
    snapshot = await ask(lambda: storage.create_snapshot(volume_id=spare.id, name="os", description="by OpenStack"))
    assert (snapshot.status, snapshot.size, snapshot.volume_id) == ("creating", 100, spare.id)
    wind(9)
    assert (await ask(lambda: storage.get_snapshot(snapshot.id))).status == "available"
    renamed = await ask(lambda: storage.update_snapshot(snapshot.id, name="renamed"))
    assert (renamed.name, renamed.description) == ("renamed", "by OpenStack")
    [listed] = await ask(lambda: list(storage.snapshots(volume_id=spare.id, limit=1)))
    assert (listed.id, listed.progress, listed.project_id) == (snapshot.id, "100%", PAYMENTS)
    made = await ask(lambda: storage.create_volume(snapshot_id=snapshot.id, size=100, name="restored"))
    assert (made.status, made.snapshot_id, made.availability_zone) == ("creating", snapshot.id, "ap-southeast-3c")
    wind(9)
    assert (await ask(lambda: storage.update_volume(made.id, description="proof"))).description == "proof"
    quota = await ask(lambda: storage.get_quota_set(PAYMENTS, usage=True))
    assert (quota.usage["volumes"], quota.usage["snapshots"]) == (15, 1)
    await ask(lambda: storage.delete_volume(made.id))
    await ask(lambda: storage.delete_snapshot(snapshot.id))
    wind(9)
    with pytest.raises(exceptions.NotFoundException):
        await ask(lambda: storage.get_volume(made.id))
    assert await ask(lambda: list(storage.snapshots())) == []


async def test_refusals_reach_openstack_as_its_exceptions(cloud: Any, sim: CloudSimulator) -> None:
    storage = await ask(lambda: cloud.block_storage)
    orders = await ask(lambda: storage.find_volume("orders-db"))
    with pytest.raises(exceptions.BadRequestException, match="Must specify a valid status"):
        await ask(lambda: storage.create_snapshot(volume_id=orders.id))
    forced = await ask(lambda: storage.create_snapshot(volume_id=orders.id, is_forced=True))
    assert forced.status == "creating"
    with pytest.raises(exceptions.ConflictException, match="is being created"):
        await ask(lambda: storage.create_snapshot(volume_id=orders.id, is_forced=True))
    with pytest.raises(exceptions.BadRequestException, match="volume status must be"):
        await ask(lambda: storage.delete_volume(orders.id))
    with pytest.raises(exceptions.NotFoundException, match="No Volume found"):
        await ask(lambda: storage.find_volume("nowhere", ignore_missing=False))
    sim.world.users[0].denied_actions = ["evs:snapshots:get"]
    with pytest.raises(exceptions.ForbiddenException):
        await ask(lambda: storage.create_volume(snapshot_id=forced.id, size=500))


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"password": "wrong"}, 401), ({"user_domain_name": "OTHER"}, 401), ({"project_name": "nowhere"}, 404)],
)
async def test_a_login_is_refused(sim: CloudSimulator, changes: dict[str, str], status: int) -> None:
    connection = await ask(lambda: connected(sim, **changes))
    with pytest.raises(exceptions.SDKException, match=rf"\(HTTP {status}\)"):
        await ask(connection.authorize)
    connection.close()
