"""Snapshot groups: what is sent, and how they are found again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.clock import SystemClock
from bot.domain.errors import CloudRefused, CloudUnavailable, DiskBusy, NotOffered
from bot.domain.snapshots import REQUEST_TAG, CreateSnapshotGroup
from bot.evs.client import EvsClient
from bot.evs.cloud import HttpCloud
from bot.settings import load_settings
from bot.simulator.setting import Setting

CLOCK = SystemClock()
DATA, LOGS = "d15c0000-0002-4000-8000-000000000002", "d15c0000-0003-4000-8000-000000000003"
WEB_01 = "77777777-0001-4000-8000-000000000001"


class Place:
    def __init__(self, setting: Setting, evs: EvsClient) -> None:
        self.cloud, self.evs = setting.cloud, evs

    async def make(self, name: str = "together", **fields: object) -> str:
        asked = CreateSnapshotGroup(
            volume_ids=(DATA, LOGS), server_id=WEB_01, name=name, tags={REQUEST_TAG: f"r-{name}"}
        ).model_copy(update=fields)
        ticket = await self.evs.create_snapshot_group(asked, send_before=CLOCK.monotonic() + 20)
        assert ticket.job_id in self.cloud.world.jobs
        return ticket.snapshot_group_id


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    setting = Setting(tmp_path)
    setting.cloud.world.timing.min_seconds = setting.cloud.world.timing.max_seconds = 0.05
    await setting.start()
    settings = load_settings(setting.environment())
    cloud = HttpCloud(settings.projects, settings.credentials, CLOCK)
    yield Place(setting, cloud.project("payments-prod"))
    await cloud.aclose()
    await setting.stop()


async def test_a_group_is_made_of_its_disks_and_its_members_are_found_by_its_id(place: Place) -> None:
    snapshot_group_id = await place.make()
    (call,) = place.cloud.calls("create_group")
    assert call["body"] == {
        "snapshot_group": {
            "volume_ids": [DATA, LOGS],
            "server_id": WEB_01,
            "name": "together",
            "tags": {REQUEST_TAG: "r-together"},
        }
    }
    members = await place.evs.list_snapshots(snapshot_group_id=snapshot_group_id)
    assert {one.volume_id for one in members} == {DATA, LOGS}
    assert {one.snapshot_group_id for one in members} == {snapshot_group_id}
    assert await place.evs.list_snapshots(snapshot_group_id="no-such-group") == []


async def test_a_group_is_found_by_its_tag(place: Place) -> None:
    snapshot_group_id = await place.make("one")
    while any(one.status == "creating" for one in await place.evs.list_snapshots()):
        pass
    await place.make("two")
    (found,) = await place.evs.list_snapshot_groups(limit_to_tag=(REQUEST_TAG, "r-one"))
    assert (found.id, found.name, found.request_tag) == (snapshot_group_id, "one", "r-one")
    assert len(await place.evs.list_snapshot_groups()) == 2
    assert await place.evs.list_snapshot_groups(limit_to_tag=(REQUEST_TAG, "r-three")) == []


async def test_a_busy_disk_is_told_by_its_code_whatever_the_status(place: Place) -> None:
    for status in (400, 409):
        place.cloud.world.switches.group_busy_status = status
        place.cloud.fault("create_group", "external_busy", seconds=60)
        with pytest.raises(DiskBusy):
            await place.make()


async def test_where_the_api_is_not_published_it_is_not_offered(place: Place) -> None:
    for project in place.cloud.world.projects:
        project.groups_offered = False
    with pytest.raises(CloudRefused) as refused:
        await place.make()
    assert refused.type is NotOffered
    with pytest.raises(NotOffered):
        await place.evs.list_snapshot_groups()


@pytest.mark.parametrize("fault", ["drop_after", "504_after", "html", "empty"])
async def test_a_lost_answer_leaves_open_whether_it_was_made(place: Place, fault: str) -> None:
    place.cloud.fault("create_group", fault)
    with pytest.raises(CloudUnavailable) as lost:
        await place.make()
    assert lost.value.maybe_done
    assert len(place.cloud.calls("create_group")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "n" * 256},
        {"description": "d" * 256},
        {"tags": {"a b": "c"}},
        {"tags": {"a": "c d"}},
        {"colour": "red"},
    ],
)
def test_what_the_api_does_not_take_is_no_group(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CreateSnapshotGroup.model_validate({"volume_ids": (DATA,), **fields})
