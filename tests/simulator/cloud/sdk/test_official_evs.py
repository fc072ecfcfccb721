"""The official SDK makes, reads, changes and uses snapshots and disks; its models know every field of the answers."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from bot.simulator.cloud import CloudSimulator
from tests.simulator.cloud.sdk.conftest import PAYMENTS, OfficialClient

NOWHERE = "00000000-0000-4000-8000-000000000000"
Wind = Callable[[float], None]


class Evs:
    """EVS through the SDK, and a clock to wind."""

    def __init__(self, call: OfficialClient, sim: CloudSimulator, wind: Wind) -> None:
        self.call, self.sim, self.wind = call, sim, wind
        self.disk = sim.world.disk("spare-disk").id

    async def snapshot(self, disk: str = "", **fields: Any) -> str:
        """A snapshot that is finished."""
        wanted = {"volume_id": disk or self.disk, **fields}
        answer = await self.call("create_standard_snapshot", body={"snapshot": wanted})
        self.wind(9)
        return str(answer.snapshot_id)

    async def job(self, job_id: str) -> str:
        return str((await self.call("show_job", job_id=job_id)).status)


@pytest.fixture
def cloud(evs: OfficialClient, sim: CloudSimulator, wind: Wind) -> Evs:
    return Evs(evs, sim, wind)


async def test_a_snapshot_from_its_order_to_its_deletion(cloud: Evs) -> None:
    fields = {"name": "before", "description": "an upgrade", "tags": {"app": "orders"}, "retention_days": 3}
    made = await cloud.call("create_standard_snapshot", body={"snapshot": {"volume_id": cloud.disk, **fields}})
    assert await cloud.job(made.job_id) == "INIT"
    cloud.wind(9)
    assert await cloud.job(made.job_id) == "SUCCESS"
    shown = (await cloud.call("show_standard_snapshot", snapshot_id=made.snapshot_id)).snapshot
    assert (shown.name, shown.status, shown.progress, shown.tags) == ("before", "available", "100%", {"app": "orders"})
    [chain] = shown.snapshot_chains
    assert (chain.snapshot_count, chain.capacity, chain.volume_id) == (1, 40.0, cloud.disk)
    changed = await cloud.call(
        "update_standard_snapshot", snapshot_id=made.snapshot_id, body={"snapshot": {"name": "after"}}
    )
    assert (changed.snapshot.name, changed.snapshot.description) == ("after", "an upgrade")
    gone = await cloud.call("delete_standard_snapshot", snapshot_id=made.snapshot_id)
    cloud.wind(9)
    assert await cloud.job(gone.job_id) == "SUCCESS"
    assert (await cloud.call("count_snapshots")).count == 0


async def test_instant_restore_is_switched_off_and_not_on(cloud: Evs) -> None:
    snapshot = await cloud.snapshot(instant_access=True)
    off = await cloud.call(
        "update_standard_snapshot", snapshot_id=snapshot, body={"snapshot": {"instant_access": False}}
    )
    assert off.snapshot.instant_access is False


@pytest.mark.parametrize("rows_at_most", [1000, 2])
async def test_lists_of_snapshots_by_pages_and_filters(cloud: Evs, rows_at_most: int) -> None:
    orders = cloud.sim.world.disk("orders-db").id
    mine = [await cloud.snapshot(name=f"n{number}", tags={"n": str(number)}) for number in range(5)]
    other = await cloud.snapshot(orders)
    cloud.sim.world.switches.page_rows = rows_at_most

    async def ids(**query: Any) -> list[str]:
        found: list[str] = []
        while True:
            rows = (await cloud.call("list_snapshots_details", limit="3", offset=str(len(found)), **query)).snapshots
            if not rows:
                return found
            found += [row.id for row in rows]

    assert await ids() == [other, *mine[::-1]]
    assert await ids(sort_key="created_at", sort_dir="asc") == [*mine, other]
    assert await ids(volume_id=orders) == [other]
    assert await ids(name="n3") == [mine[3]]
    assert await ids(tag_key="n") == mine[::-1]
    assert await ids(tags=json.dumps([{"key": "n", "value": "2"}])) == [mine[2]]
    assert await ids(ids=f"{mine[0]},{other},{NOWHERE}", sort_key="created_at", sort_dir="asc") == [mine[0], other]
    assert await ids(status="creating") == []
    assert await ids(availability_zone="ap-southeast-3c") == mine[::-1]
    assert await ids(enterprise_project_id="all_granted_eps", snapshot_type="user") == [other, *mine[::-1]]
    after = await cloud.call("list_snapshots_details", marker=mine[3], limit="2")
    assert [row.id for row in after.snapshots] == [mine[2], mine[1]]
    assert (await cloud.call("count_snapshots", volume_id=cloud.disk)).count == 5
    [first_chain, second_chain] = (await cloud.call("list_snapshot_chains")).snapshot_chains
    assert (first_chain.snapshot_count, second_chain.snapshot_count) == (5, 1)
    assert await ids(snapshot_chain_id=second_chain.id) == [other]
    after_first = await cloud.call("list_snapshot_chains", marker=first_chain.id, limit=1)
    assert [chain.id for chain in after_first.snapshot_chains] == [second_chain.id]
    assert (await cloud.call("count_snapshot_chains", volume_id=orders)).count == 1


async def test_a_full_snapshot_begins_a_chain(cloud: Evs) -> None:
    await cloud.snapshot()
    await cloud.snapshot(incremental=False)
    await cloud.snapshot()
    chains = (await cloud.call("list_snapshot_chains", volume_id=cloud.disk, category="standard")).snapshot_chains
    assert [(chain.snapshot_count, chain.capacity) for chain in chains] == [(1, 40.0), (2, 42.0)]


async def test_tags_of_snapshots(cloud: Evs) -> None:
    snapshot = await cloud.snapshot(tags={"tier": "prod"})
    tags = [{"key": "app", "value": "a"}, {"key": "empty", "value": ""}]
    await cloud.call("batch_create_snapshot_tags", snapshot_id=snapshot, body={"tags": tags})
    every = {tag.key: tag.value for tag in (await cloud.call("list_snapshot_tags")).tags}
    assert every == {"app": ["a"], "empty": [""], "tier": ["prod"]}
    await cloud.call("batch_delete_snapshot_tags", snapshot_id=snapshot, body={"tags": [{"key": "tier"}]})
    shown = (await cloud.call("show_standard_snapshot", snapshot_id=snapshot)).snapshot
    assert shown.tags == {"app": "a", "empty": ""}


async def test_a_group_from_its_order_to_its_deletion(cloud: Evs) -> None:
    disks = [cloud.sim.world.disk(name).id for name in ("web-01-system", "web-01-data")]
    wanted = {"volume_ids": disks, "name": "web", "tags": {"app": "web"}}
    made = await cloud.call("create_snapshot_group", body={"snapshot_group": wanted})
    cloud.wind(9)
    group_id = made.snapshot_group_id
    assert await cloud.job(made.job_id) == "SUCCESS"
    assert (await cloud.call("show_snapshot_group", snapshot_group_id=group_id)).snapshot_group.status == "available"
    members = (await cloud.call("list_snapshots_details", snapshot_group_id=group_id)).snapshots
    assert {member.volume_id for member in members} == set(disks)
    listed = await cloud.call("list_snapshot_group", limit=10, offset=0, sort_key="id", sort_dir="asc", name="web")
    assert [group.id for group in listed.snapshot_groups] == [group_id]
    assert (await cloud.call("count_snapshots_group", tag_key="app")).count == 1
    named = {"name": "web-2", "description": "both"}
    update = await cloud.call("update_snapshot_group", snapshot_group_id=group_id, body={"snapshot_group": named})
    assert (update.snapshot_group.name, update.snapshot_group.description) == ("web-2", "both")
    more, fewer = {"tags": [{"key": "a", "value": "b"}]}, {"tags": [{"key": "app"}]}
    await cloud.call("batch_create_snapshot_group_tag", snapshot_group_id=group_id, body=more)
    await cloud.call("batch_delete_snapshot_group_tag", snapshot_group_id=group_id, body=fewer)
    assert [(tag.key, tag.value) for tag in (await cloud.call("list_snapshot_group_tags")).tags] == [("a", ["b"])]
    gone = await cloud.call("delete_snapshot_group", snapshot_group_id=group_id)
    cloud.wind(9)
    assert await cloud.job(gone.job_id) == "SUCCESS"
    assert (await cloud.call("count_snapshots_group")).count == 0


async def test_a_roll_back(cloud: Evs) -> None:
    snapshot = await cloud.snapshot()
    body = {"rollback": {"volume_id": cloud.disk}}
    answer = await cloud.call("rollback_standard_snapshot", snapshot_id=snapshot, body=body)
    assert (await cloud.call("show_volume", volume_id=cloud.disk)).volume.status == "rollbacking"
    cloud.wind(9)
    assert await cloud.job(answer.job_id) == "SUCCESS"
    assert (await cloud.call("show_volume", volume_id=cloud.disk)).volume.status == "available"


async def test_a_disk_of_a_snapshot_grows_and_is_deleted(cloud: Evs) -> None:
    wanted = {
        "snapshot_id": await cloud.snapshot(),
        "availability_zone": "ap-southeast-3c",
        "size": 100,
        "volume_type": "SSD",
        "name": "restored",
        "metadata": {"create_for_volume_id": "true"},
    }
    token = str(uuid.uuid4())
    made = await cloud.call("create_volume", x_client_token=token, body={"volume": wanted})
    again = await cloud.call("create_volume", x_client_token=token, body={"volume": wanted})
    assert (again.job_id, again.volume_ids) == (made.job_id, made.volume_ids)
    [disk] = made.volume_ids
    cloud.wind(9)
    job = await cloud.call("show_job", job_id=made.job_id)
    assert (job.status, job.entities.volume_id, job.entities.size) == ("SUCCESS", disk, 100)
    renamed = await cloud.call("update_volume", volume_id=disk, body={"volume": {"name": "proof"}})
    assert (renamed.name, renamed.snapshot_id) == ("proof", wanted["snapshot_id"])
    grown = await cloud.call("resize_volume", volume_id=disk, body={"os-extend": {"new_size": 120}})
    cloud.wind(9)
    assert await cloud.job(grown.job_id) == "SUCCESS"
    shown = (await cloud.call("show_volume", volume_id=disk)).volume
    assert (shown.size, shown.status, shown.snapshot_id) == (120, "available", wanted["snapshot_id"])
    gone = await cloud.call("delete_volume", volume_id=disk)
    cloud.wind(9)
    assert await cloud.job(gone.job_id) == "SUCCESS"


@pytest.mark.parametrize("rows_at_most", [1000, 4])
async def test_lists_of_disks_by_pages_and_filters(cloud: Evs, rows_at_most: int) -> None:
    cloud.sim.world.switches.page_rows = rows_at_most
    seen: list[str] = []
    while True:
        page = await cloud.call("list_volumes", limit=5, offset=len(seen), sort_key="id", sort_dir="asc")
        seen += [volume.id for volume in page.volumes]
        if len(seen) == page.count:
            break
        assert page.volumes_links[0].rel == "next"
    assert len(seen) == 14
    cloud.sim.world.switches.page_rows = 1000
    web_01 = cloud.sim.world.disk("web-01-data").attachments[0].server_id

    async def names(**query: Any) -> set[str]:
        return {volume.name for volume in (await cloud.call("list_volumes", **query)).volumes}

    assert await names(server_id=web_01) == {"web-01-system", "web-01-data", "web-01-logs"}
    assert await names(status="error") == {"broken-index"}
    assert await names(name="scratch", availability_zone="ap-southeast-3b") == {"scratch"}
    assert await names(ids=f"['{seen[0]}','{NOWHERE}']") == {"web-01-system"}
    assert await names(metadata=json.dumps({"__system__encrypted": "1"})) == {"vault-data"}
    filters = {"action": "filter", "limit": 2, "offset": 0, "tags": [{"key": "app", "values": ["orders"]}]}
    by_tag = await cloud.call("list_volumes_by_tags", body=filters)
    assert (by_tag.total_count, {one.resource_name for one in by_tag.resources}) == (2, {"orders-db", "orders-db-wal"})


async def test_tags_of_disks(cloud: Evs) -> None:
    add = {"action": "create", "tags": [{"key": "keep", "value": "yes"}, {"key": "drop", "value": ""}]}
    await cloud.call("batch_create_volume_tags", volume_id=cloud.disk, body=add)
    await cloud.call(
        "batch_delete_volume_tags", volume_id=cloud.disk, body={"action": "delete", "tags": [{"key": "drop"}]}
    )
    own = (await cloud.call("show_volume_tags", volume_id=cloud.disk)).tags
    assert [(tag.key, tag.value) for tag in own] == [("keep", "yes")]
    assert (await cloud.call("list_volume_tags")).tags["app"] == ["orders"]


async def test_quotas_types_and_zones(cloud: Evs) -> None:
    await cloud.snapshot()
    quotas = (await cloud.call("cinder_list_quotas", target_project_id=PAYMENTS, usage="True")).quota_set
    assert (quotas.volumes.in_use, quotas.gigabytes.in_use, quotas.snapshots.in_use) == (14, 4680, 1)
    types = (await cloud.call("cinder_list_volume_types")).volume_types
    assert {"SSD", "ESSD2"} < {one.name for one in types}
    zones = (await cloud.call("cinder_list_availability_zones")).availability_zone_info
    assert "ap-southeast-3a" in {zone.zone_name for zone in zones}


async def test_policies_for_automatic_snapshots(cloud: Evs) -> None:
    wanted = {"name": "nightly", "repeat_weekdays": ["1", "7"], "time_points": ["2"], "retention_days": 7,
              "tags": {"team": "db"}}  # fmt: skip
    policy = (await cloud.call("create_auto_snapshot_policy", body={"snapshot_policy": wanted})).snapshot_policy
    assert (policy.name, policy.repeat_weekdays, policy.retention_days) == ("nightly", ["1", "7"], 7)
    every = await cloud.call(
        "list_auto_snapshot_policy", tags='[{"team":"db"}]', limit=5, offset=0, sort_key="id", sort_dir="asc"
    )
    assert [one.id for one in every.snapshot_policies] == [policy.id]
    assert (await cloud.call("count_auto_snapshot_policies", name="other")).count == 0
    changes = {"snapshot_policy": {"repeat_interval_days": 2, "retention_days": -1}}
    changed = await cloud.call("update_auto_snapshot_policy", snapshot_policy_id=policy.id, body=changes)
    after = changed.snapshot_policy
    assert (after.repeat_weekdays, after.repeat_interval_days, after.retention_days) == (None, 2, -1)
    await cloud.call("associate_auto_snapshot_policy", snapshot_policy_id=policy.id, body=[cloud.disk])
    assert cloud.sim.world.policies[policy.id].volume_ids == {cloud.disk}
    await cloud.call("disassociate_auto_snapshot_policy", snapshot_policy_id=policy.id, body=[cloud.disk])
    assert cloud.sim.world.policies[policy.id].volume_ids == set()
    shown = await cloud.call("show_auto_snapshot_policy", snapshot_policy_id=policy.id)
    assert shown.snapshot_policy.name == "nightly"
    await cloud.call("delete_auto_snapshot_policy", snapshot_policy_id=policy.id)
    assert (await cloud.call("count_auto_snapshot_policies")).count == 0


async def test_the_recycle_bin_gives_a_deleted_disk_back(cloud: Evs) -> None:
    await cloud.call("update_recycle_policy", body={"switch": True, "threshold_time": 1, "keep_time": 30})
    policy = await cloud.call("show_recycle_policy")
    assert (policy.switch, policy.threshold_time, policy.keep_time) == (True, 1, 30)
    await cloud.call("delete_volume", volume_id=cloud.disk)
    cloud.wind(9)
    binned = await cloud.call("list_volumes_in_recycle", limit=10, offset=0)
    assert (binned.count, binned.volumes[0].id) == (1, cloud.disk)
    assert (await cloud.call("show_volume_in_recycle", volume_id=cloud.disk)).volume.name == "spare-disk"
    await cloud.call("revert_volume_in_recycle", volume_id=cloud.disk)
    assert (await cloud.call("show_volume", volume_id=cloud.disk)).volume.status == "available"
    await cloud.call("delete_volume", volume_id=cloud.disk)
    cloud.wind(9)
    await cloud.call("delete_volume_in_recycle", volume_id=cloud.disk)
    assert (await cloud.call("list_volumes_in_recycle")).count == 0


async def test_a_yearly_disk_is_unsubscribed_from(cloud: Evs) -> None:
    cloud.sim.world.disk("spare-disk").order_id = "CS1"
    await cloud.call("unsubscribe_postpaid_volume", body={"volume_ids": [cloud.disk]})
    assert (await cloud.call("show_volume", volume_id=cloud.disk)).volume.status == "deleting"


async def test_the_old_interface_sees_the_same_snapshots(cloud: Evs) -> None:
    standard = await cloud.snapshot(name="standard")
    made = (await cloud.call("create_snapshot", body={"snapshot": {"volume_id": cloud.disk, "name": "old"}})).snapshot
    assert made.status == "creating"
    cloud.wind(9)
    first = await cloud.call("list_snapshots", limit=1, offset=0)
    assert (first.count, [one.id for one in first.snapshots]) == (2, [made.id])
    assert first.snapshots_links[0].rel == "next"
    assert (await cloud.call("list_snapshots", name="standard")).snapshots[0].id == standard
    body = {"snapshot": {"name": "renamed"}}
    assert (await cloud.call("update_snapshot", snapshot_id=made.id, body=body)).snapshot.name == "renamed"
    new = (await cloud.call("show_standard_snapshot", snapshot_id=made.id)).snapshot
    assert (new.name, new.category) == ("renamed", "flash")
    back = await cloud.call("rollback_snapshot", snapshot_id=made.id, body={"rollback": {"volume_id": cloud.disk}})
    assert back.rollback.volume_id == cloud.disk
    assert (await cloud.call("show_snapshot", snapshot_id=made.id)).snapshot.status == "rollbacking"
    cloud.wind(9)
    await cloud.call("delete_snapshot", snapshot_id=made.id)
    cloud.wind(9)
    assert (await cloud.call("list_snapshots")).count == 1
