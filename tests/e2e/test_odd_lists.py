"""Lists of the cloud with short pages, and with rows that cannot be read."""

from __future__ import annotations

import json

import pytest

from bot.simulator.cloud.resources import LONG_AGO, Snapshot
from tests.e2e.conftest import World
from tests.e2e.test_quick import PAYMENTS, calls, confirmed, ended, planned, posts

DATA = "d15c0000-0002-4000-8000-000000000002"
STRAY = "77777777-aaaa-4000-8000-000000000001"


def put_snapshots(world: World, count: int) -> None:
    for number in range(count):
        snapshot_id = f"0ddba115-{number:04d}-4000-8000-000000000000"
        fields = ("old", "", "ap-southeast-3a", "0", 10, "", LONG_AGO, -count + number, 1.0, LONG_AGO)
        world.cloud.world.add_snapshot(Snapshot(snapshot_id, PAYMENTS, DATA, *fields))


@pytest.mark.parametrize("rows", [50, 20, 1000])
async def test_a_disk_that_has_all_its_snapshots_is_left_out_however_short_the_pages_are(
    world: World, rows: int
) -> None:
    world.cloud.world.switches.page_rows = rows
    put_snapshots(world, 256)
    _, root = await planned(world, "server=web-01")
    assert "It has 256 snapshots, all that a disk can have." in root.text


@pytest.mark.parametrize(
    "row",
    [
        {"id": STRAY, "volume_id": DATA, "progress": 33.5, "status": "available"},
        {"id": STRAY, "volume_id": DATA, "progress": {"percent": 3}, "size": "large", "status": "migrating"},
        {"id": STRAY, "tags": 7, "status": None, "created_at": "2026-01-05T09:00:00"},
        {"id": None, "volume_id": "another-disk", "status": "available"},
        {},
        "no row at all",
    ],
)
async def test_a_row_that_cannot_be_read_keeps_no_other_from_its_end(world: World, row: object) -> None:
    world.cloud.world.switches.stray_rows = [json.dumps(row)]
    request = await confirmed(world, "server=web-01 server=db-01")
    root, _ = await ended(world, request)
    assert "finished" in root.text
    made = await world.create("spare-disk")
    assert "available" in (await world.finished(made)).text


async def test_after_a_lost_answer_a_row_that_may_be_ours_is_not_taken_for_nothing(world: World) -> None:
    world.cloud.fault("create_snapshot", "drop_after")
    world.cloud.fault("create_snapshot", "delayed_visibility", seconds=5)
    world.cloud.world.switches.stray_rows = [json.dumps({"id": None, "volume_id": DATA, "status": "creating"})]
    request = await world.create("web-01-data")
    await world.until(lambda: calls(world)["list_snapshots"] >= 4)
    world.cloud.world.switches.stray_rows = []
    root = await world.finished(request)
    assert "available" in root.text
    assert posts(world) == (0, 1)
