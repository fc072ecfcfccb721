"""A row of a list that cannot be read is set aside, logged once, and spoils no other."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from bot.domain.errors import CloudUnavailable
from bot.domain.snapshots import Snapshot
from bot.evs.cloud import HttpCloud
from tests.fakes.scripted_cloud import DISK, SNAPSHOT, Reply, ScriptedCloud

SNAPSHOTS, DISKS = "/v5/[0-9a-f]+/snapshots/detail", "/v2/[0-9a-f]+/cloudvolumes/detail"
GROUPS = "/v5/[0-9a-f]+/snapshot-groups/detail"
GOOD = {"id": "11111111-0000-4000-8000-000000000001", "volume_id": DISK, "status": "available", "progress": "100%"}
SECRET = "nobody-reads-this"


def _pages(server: ScriptedCloud, path: str, key: str, *rows: Any) -> None:
    server.on("GET", path, Reply(200, {key: list(rows)}), Reply(200, {key: []}))


@pytest.mark.parametrize(
    ("said", "read"),
    [(33.5, 33), ("33.5", 33), ("33.5%", 33), ("33.5 %", 33), (0.5, 0), (100, 100), ("100%", 100), ("", None)],
)
def test_progress_is_read_in_parts_of_a_percent(said: Any, read: int | None) -> None:
    assert Snapshot.model_validate({**GOOD, "progress": said}).progress == read


@pytest.mark.parametrize(
    ("said", "read"), [("nan", None), ("inf", None), (1e400, None), (-3, 0), (250, 100), ("?", None)]
)
def test_progress_that_makes_no_sense_says_nothing(said: Any, read: int | None) -> None:
    assert Snapshot.model_validate({**GOOD, "progress": said}).progress == read


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("progress", [SECRET]),
        ("progress", {"percent": 3}),
        ("size", SECRET),
        ("size", 40.5),
        ("status", 5),
        ("tags", SECRET),
        ("tags", 7),
        ("incremental", "perhaps"),
        ("name", {"text": SECRET}),
        ("snapshot_group_id", 9),
        ("created_at", {}),
    ],
)
async def test_an_odd_field_costs_that_field_alone_and_one_line_in_the_log(
    cloud: HttpCloud, server: ScriptedCloud, caplog: pytest.LogCaptureFixture, field: str, value: Any
) -> None:
    caplog.set_level(logging.INFO)
    evs = cloud.project("web")
    for _ in range(2):
        _pages(server, SNAPSHOTS, "snapshots", {**GOOD, "id": SNAPSHOT, field: value}, GOOD)
        found = {one.id: one for one in await evs.list_snapshots()}
        assert set(found) == {SNAPSHOT, GOOD["id"]}
        assert found[SNAPSHOT].unread == {field}
        assert found[str(GOOD["id"])].unread == frozenset()
    (line,) = [one for one in caplog.records if one.name == "bot.evs"]
    told = vars(line)
    assert (told["row"], told["fields"], told["listing"]) == (SNAPSHOT, field, "snapshots")
    assert SECRET not in str(told)


@pytest.mark.parametrize("row", [{"id": None}, {"id": 7}, {"id": ["x"]}, {}, 3, None, "row", []])
async def test_a_row_without_an_id_is_set_aside(
    cloud: HttpCloud, server: ScriptedCloud, caplog: pytest.LogCaptureFixture, row: Any
) -> None:
    _pages(server, SNAPSHOTS, "snapshots", row, GOOD)
    assert [one.id for one in await cloud.project("web").list_snapshots()] == [GOOD["id"]]
    server.on("GET", DISKS, Reply(200, {"count": 2, "volumes": [row, {"id": DISK}]}))
    assert [one.id for one in await cloud.project("web").list_disks()] == [DISK]
    assert {vars(one)["row"] for one in caplog.records if one.name == "bot.evs"} == {"?"}


async def test_rows_set_aside_count_where_the_next_page_begins(cloud: HttpCloud, server: ScriptedCloud) -> None:
    _pages(server, SNAPSHOTS, "snapshots", {"id": None}, GOOD, 3)
    await cloud.project("web").list_snapshots()
    assert [one.query["offset"] for one in server.asked(SNAPSHOTS)] == ["0", "3"]


@pytest.mark.parametrize("row", [3, {}, {"volume_id": DISK}, {"volume_id": None}, {"volume_id": 5}])
async def test_what_may_be_a_snapshot_of_the_disk_is_never_taken_for_not_there(
    cloud: HttpCloud, server: ScriptedCloud, row: Any
) -> None:
    _pages(server, SNAPSHOTS, "snapshots", row, GOOD)
    with pytest.raises(CloudUnavailable, match="what is not there is not certain"):
        await cloud.project("web").list_snapshots(volume_id=DISK)


async def test_a_row_of_another_disk_leaves_no_doubt(cloud: HttpCloud, server: ScriptedCloud) -> None:
    _pages(server, SNAPSHOTS, "snapshots", {"volume_id": "another"}, GOOD)
    assert len(await cloud.project("web").list_snapshots(volume_id=DISK)) == 1


async def test_a_group_without_an_id_may_be_the_one_that_is_looked_for(cloud: HttpCloud, server: ScriptedCloud) -> None:
    _pages(server, GROUPS, "snapshot_groups", {"name": "x"})
    with pytest.raises(CloudUnavailable):
        await cloud.project("web").list_snapshot_groups(limit_to_tag=("a", "b"))


async def test_a_group_whose_tags_cannot_be_read_is_not_filtered_away(cloud: HttpCloud, server: ScriptedCloud) -> None:
    _pages(server, GROUPS, "snapshot_groups", {"id": SNAPSHOT, "tags": "?"}, {"id": DISK, "tags": {"a": "c"}})
    (found,) = await cloud.project("web").list_snapshot_groups(limit_to_tag=("a", "b"))
    assert (found.id, set(found.unread)) == (SNAPSHOT, {"tags"})


async def test_tags_in_pairs_are_tags_too(cloud: HttpCloud, server: ScriptedCloud) -> None:
    pairs = [{"key": "snapshot-bot-request", "value": "item-1"}, {"key": "bare"}, "odd"]
    _pages(server, SNAPSHOTS, "snapshots", {**GOOD, "tags": pairs})
    (found,) = await cloud.project("web").list_snapshots(volume_id=DISK)
    assert (found.request_tag, found.unread) == ("item-1", frozenset())


async def test_the_cloud_does_not_get_to_say_what_was_read(cloud: HttpCloud, server: ScriptedCloud) -> None:
    _pages(server, SNAPSHOTS, "snapshots", {**GOOD, "unread": ["tags"]})
    (found,) = await cloud.project("web").list_snapshots()
    assert found.unread == frozenset()
