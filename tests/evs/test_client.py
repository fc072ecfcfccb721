"""Each method against the documented path, query and answer."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.domain.errors import CloudRefused, CloudUnavailable, NotFound
from bot.evs.cloud import HttpCloud
from tests.evs.conftest import Build
from tests.fakes.scripted_cloud import (
    DISK,
    JOB,
    PROJECT_ID,
    SNAPSHOT,
    Reply,
    ScriptedCloud,
    evs_error,
    gateway_error,
)

RUNNING = {
    "status": "RUNNING",
    "entities": {"volume_id": DISK},
    "job_id": JOB,
    "begin_time": "2016-03-08T07:40:13.219Z",
    "end_time": "",
    "error_code": None,
    "fail_reason": None,
}
V1, V2 = f"/v1/{PROJECT_ID}/jobs/{JOB}", f"/v2/{PROJECT_ID}/jobs/{JOB}"
DISKS = f"/v2/{PROJECT_ID}/cloudvolumes/detail"
SNAPSHOTS = f"/v5/{PROJECT_ID}/snapshots/detail"
BY_TAG = f"/v2/{PROJECT_ID}/cloudvolumes/resource_instances/action"


def _uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def _page(key: str, numbers: range, **more: Any) -> Reply:
    return Reply(200, {key: [{"id": _uuid(number)} for number in numbers], **more})


async def test_a_job_is_read_under_v1(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", V1, Reply(200, RUNNING), Reply(200, {**RUNNING, "status": "FAIL", "error_code": "EVS.2024"}))
    evs = cloud.project("web")
    assert (await evs.show_job(JOB)).ended is None
    failed = await evs.show_job(JOB)
    assert (failed.ended, failed.error_code) == ("fail", "EVS.2024")
    assert server.asked(V2) == []


@pytest.mark.parametrize("unknown", [evs_error(400, "Common.0011"), Reply(404), gateway_error(404, "APIGW.0101")])
async def test_where_v1_does_not_know_the_job_v2_is_asked_and_remembered(
    cloud: HttpCloud, server: ScriptedCloud, unknown: Reply
) -> None:
    server.on("GET", V1, unknown)
    server.on("GET", V2, Reply(200, {**RUNNING, "status": "SUCCESS"}))
    evs = cloud.project("web")
    assert [(await evs.show_job(JOB)).ended for _ in range(3)] == ["success"] * 3
    assert (len(server.asked(V1)), len(server.asked(V2))) == (1, 3)


async def test_a_job_that_neither_knows_is_not_found(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", V1, evs_error(400, "Common.0011"))
    with pytest.raises(NotFound, match="does not know this job"):
        await cloud.project("web").show_job(JOB)
    assert len(server.asked(V2)) == 1


async def test_a_refused_job_query_is_not_asked_elsewhere(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", V1, evs_error(403, "EVS.5403"))
    with pytest.raises(CloudRefused):
        await cloud.project("web").show_job(JOB)
    assert server.asked(V2) == []


async def test_a_snapshot_is_read_with_its_progress(cloud: HttpCloud, server: ScriptedCloud) -> None:
    row = {"id": SNAPSHOT, "volume_id": DISK, "progress": "40%", "created_at": "2026-01-15T12:00:00.5"}
    server.on("GET", f"/v5/{PROJECT_ID}/snapshots/{SNAPSHOT}", Reply(200, {"snapshot": row}))
    snapshot = await cloud.project("web").show_snapshot(SNAPSHOT)
    assert (snapshot.progress, snapshot.created_at) == (40, datetime(2026, 1, 15, 12, 0, 0, 500_000, UTC))


@pytest.mark.parametrize("method", ["show_job", "show_snapshot", "show_disk"])
@pytest.mark.parametrize("text", ["", "..", "a/b", "a?b=c", "x" * 65, "ü"])
async def test_what_cannot_be_an_id_is_not_put_into_a_path(
    cloud: HttpCloud, server: ScriptedCloud, method: str, text: str
) -> None:
    with pytest.raises(NotFound):
        await getattr(cloud.project("web"), method)(text)
    assert server.seen == []


async def test_a_disks_snapshots_are_asked_for_oldest_first_and_told_newest_first_in_every_enterprise_project(
    cloud: HttpCloud, server: ScriptedCloud
) -> None:
    rows = [
        {"id": _uuid(7), "volume_id": DISK},
        {"id": SNAPSHOT, "volume_id": DISK},
        {"id": _uuid(1), "volume_id": "x"},
    ]
    server.on("GET", SNAPSHOTS, Reply(200, {"snapshots": rows}), _page("snapshots", range(0)))
    found = await cloud.project("web").list_snapshots(volume_id=DISK)
    assert [one.id for one in found] == [SNAPSHOT, _uuid(7)]
    assert server.asked(SNAPSHOTS)[0].query == {
        "volume_id": DISK,
        "sort_key": "created_at",
        "sort_dir": "asc",
        "enterprise_project_id": "all_granted_eps",
        "limit": "1000",
        "offset": "0",
    }


async def test_pages_of_snapshots_are_asked_for_until_one_is_empty(cloud: HttpCloud, server: ScriptedCloud) -> None:
    pages = [_page("snapshots", rows) for rows in (range(50), range(49, 99), range(99, 120), range(0))]
    server.on("GET", SNAPSHOTS, *pages)
    assert len(await cloud.project("web").list_snapshots()) == 120
    assert [one.query["offset"] for one in server.asked(SNAPSHOTS)] == ["0", "50", "100", "121"]


async def test_of_snapshots_asked_for_by_id_no_page_is_asked_for_once_all_were_found(
    cloud: HttpCloud, server: ScriptedCloud
) -> None:
    server.on(
        "GET", SNAPSHOTS, _page("snapshots", range(2)), _page("snapshots", range(2, 3)), _page("snapshots", range(0))
    )
    assert len(await cloud.project("web").list_snapshots(ids=[_uuid(0), _uuid(1).upper()])) == 2
    assert len(server.asked(SNAPSHOTS)) == 1
    assert len(await cloud.project("web").list_snapshots(ids=[_uuid(2), _uuid(9)])) == 1
    assert len(server.asked(SNAPSHOTS)) == 3


async def test_ten_times_the_ids_are_about_ten_times_the_work(build: Build, server: ScriptedCloud) -> None:
    """Ids compared one by one would be a hundred times the work."""
    cloud = build(concurrency=1)  # the scripted replies come in their order

    async def seconds_of_work(count: int) -> float:
        pages = [_page("snapshots", range(at, min(at + 60, count))) for at in range(0, count, 60)]
        server.on("GET", SNAPSHOTS, *pages)
        began = time.thread_time()
        assert len(await cloud.project("web").list_snapshots(ids=[_uuid(number) for number in range(count)])) == count
        return time.thread_time() - began

    few = min([await seconds_of_work(1_000) for _ in range(3)])
    assert await seconds_of_work(10_000) < 35 * few


async def test_snapshot_ids_are_asked_for_sixty_at_a_time(build: Build, server: ScriptedCloud) -> None:
    cloud = build(concurrency=1)
    ids = [_uuid(number) for number in range(130)]
    pages = [_page("snapshots", range(start, min(start + 60, 130))) for start in (0, 60, 120)]
    server.on("GET", SNAPSHOTS, *pages)
    assert {one.id for one in await cloud.project("web").list_snapshots(ids=ids)} == set(ids)
    assert [len(one.query["ids"].split(",")) for one in server.asked(SNAPSHOTS)] == [60, 60, 10]


async def test_four_groups_of_ids_are_asked_for_together_and_no_more(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", DISKS, _page("volumes", range(600), count=600))
    await cloud.project("web").list_disks()  # until its first success a credential is tried by one call alone
    server.hold, server.busiest = asyncio.Event(), 0
    asking = asyncio.create_task(cloud.project("web").list_disks(ids=[_uuid(number) for number in range(600)]))
    await server.has_been_asked(DISKS, 1 + 4)
    server.hold.set()
    assert len(await asking) == 600 * 10
    assert server.busiest == 4


async def test_a_group_of_ids_that_fails_ends_the_list(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", DISKS, _page("volumes", range(60), count=60), evs_error(403, "EVS.0001"))
    with pytest.raises(CloudRefused):
        await cloud.project("web").list_disks(ids=[_uuid(number) for number in range(600)])
    assert len(server.asked(DISKS)) <= 5


async def test_disk_ids_are_asked_for_in_brackets_and_checked_again(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", DISKS, _page("volumes", range(5), count=5))
    found = await cloud.project("web").list_disks(ids=[_uuid(3).upper(), _uuid(1), "no'id", _uuid(1)])
    assert [one.id for one in found] == [_uuid(1), _uuid(3)]
    assert server.asked(DISKS)[0].query["ids"] == f"['{_uuid(3)}','{_uuid(1)}']"


async def test_impossible_ids_find_nothing_and_ask_nothing(cloud: HttpCloud, server: ScriptedCloud) -> None:
    assert await cloud.project("web").list_disks(ids=["a b", "'"]) == []
    assert await cloud.project("web").list_snapshots(ids=["a b"]) == []
    assert server.seen == []


async def test_disks_are_asked_for_by_name_and_server(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", DISKS, _page("volumes", range(1), count=1))
    await cloud.project("web").list_disks(name="data & more", server_id="s1")
    assert server.asked(DISKS)[0].query == {
        "name": "data & more",
        "server_id": "s1",
        "enterprise_project_id": "all_granted_eps",
        "limit": "1000",
        "offset": "0",
    }


async def test_disks_are_read_to_the_count_even_when_pages_are_shorter_than_asked(
    cloud: HttpCloud, server: ScriptedCloud
) -> None:
    server.on(
        "GET",
        DISKS,
        _page("volumes", range(50), count=120),
        _page("volumes", range(50, 100), count=120),
        _page("volumes", range(100, 120), count=120),
    )
    assert len(await cloud.project("web").list_disks()) == 120
    assert [one.query["offset"] for one in server.asked(DISKS)] == ["0", "50", "100"]


async def test_a_list_without_an_end_is_an_error(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", SNAPSHOTS, _page("snapshots", range(1000)))
    with pytest.raises(CloudUnavailable, match="repeats the same page"):
        await cloud.project("web").list_snapshots()
    server.on("GET", DISKS, *(_page("volumes", range(at, at + 1000), count=10**9) for at in range(0, 60_000, 1000)))
    with pytest.raises(CloudUnavailable, match="longer than 50000 rows"):
        await cloud.project("web").list_disks()
    assert len(server.asked(DISKS)) == 51


@pytest.mark.parametrize("links", [[], [{"href": "https://evs/first", "rel": "self"}]])
async def test_disks_without_a_count_end_where_no_next_page_is_linked(
    cloud: HttpCloud, server: ScriptedCloud, links: list[Any]
) -> None:
    following = [{"href": "https://evs/next", "rel": "next"}]
    first, last = _page("volumes", range(50)), _page("volumes", range(50, 70))
    first.body["volumes_links"], last.body["volumes_links"] = following, links
    server.on("GET", DISKS, first, last)
    assert len(await cloud.project("web").list_disks()) == 70
    assert len(server.asked(DISKS)) == 2


@pytest.mark.parametrize("body", [{}, [], {"volumes": {}}])
async def test_a_list_that_is_none_is_an_error(cloud: HttpCloud, server: ScriptedCloud, body: Any) -> None:
    server.on("GET", DISKS, Reply(200, body))
    with pytest.raises(CloudUnavailable, match="cannot be read"):
        await cloud.project("web").list_disks()


@pytest.mark.parametrize("host", [None, "pod01.host", 7, {}])
async def test_a_disk_is_read_with_its_servers_id_whatever_its_host_is_called(
    cloud: HttpCloud, server: ScriptedCloud, host: Any
) -> None:
    row = {"id": DISK, "size": 40, "attachments": [{"host_name": host, "server_id": "s1", "device": "/dev/vda"}]}
    server.on("GET", f"/cloudvolumes/{DISK}", Reply(200, {"volume": row}))
    disk = await cloud.project("web").show_disk(DISK)
    assert (disk.size, disk.server) == (40, "s1")


async def test_disks_are_found_by_tag_ten_values_at_a_time(cloud: HttpCloud, server: ScriptedCloud) -> None:
    def tagged(*numbers: int) -> Reply:
        rows = [{"resource_id": _uuid(one), "resource_detail": {"id": _uuid(one)}} for one in numbers]
        return Reply(200, {"total_count": len(rows), "resources": rows})

    server.on("POST", BY_TAG, tagged(1, 2), tagged(2, 3))
    found = await cloud.project("web").disks_by_tag("tier", [f"v{number}" for number in range(12)])
    assert [one.id for one in found] == [_uuid(1), _uuid(2), _uuid(3)]
    bodies = [one.json for one in server.asked(BY_TAG)]
    assert bodies[1] == {
        "action": "filter",
        "limit": 1000,
        "offset": 0,
        "tags": [{"key": "tier", "values": ["v10", "v11"]}],
    }


async def test_a_tag_without_values_means_any_value(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("POST", BY_TAG, Reply(503), Reply(200, {"total_count": 0, "resources": []}))
    assert await cloud.project("web").disks_by_tag("tier") == []
    assert [one.json["tags"] for one in server.asked(BY_TAG)] == [[{"key": "tier", "values": []}]] * 2
