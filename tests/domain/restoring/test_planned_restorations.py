"""The plan of a way back: which disks come back from what, and every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.items import Item
from bot.domain.orders import Restore, Way
from bot.domain.quick import SNAPSHOTS_PER_DISK, Marks
from bot.domain.restoring.new_disks import Quota, Quotas
from bot.domain.restoring.planned_restorations import RestorePlan, Seen, meant, plan_restore
from bot.domain.sentences import as_words
from bot.domain.snapshots import REQUEST_TAG, Attachment, Disk, Snapshot
from bot.domain.transitions import ItemState
from bot.slack.views.mrkdwn import sentence
from tests.builders import NOON, a_disk, a_project, a_request, an_item

MARKS = Marks("inc-42", "C1", None, None)
AN_HOUR = timedelta(hours=1)


def sources(*numbers: int) -> list[Item]:
    return [an_item(number, ItemState.AVAILABLE, snapshot_id=f"snap-{number}", taken_at=NOON) for number in numbers]


def a_snapshot(number: int, **fields: Any) -> Snapshot:
    disk = a_disk(f"disk-{number}", number)
    told = {"id": f"snap-{number}", "name": f"snap-{number}", "status": "available", "volume_id": disk.id, "size": 100}
    return Snapshot.model_validate({**told, "created_at": NOON.isoformat(), **fields})


def free(number: int, **fields: Any) -> Disk:
    return a_disk(f"disk-{number}", number, **{"status": "available", **fields})


def planned(
    way: Way,
    *numbers: int,
    disks: Mapping[int, Disk | None] | None = None,
    snapshots: Mapping[int, Snapshot | None] | None = None,
    more: tuple[Snapshot, ...] = (),
    gone: tuple[int, ...] = (),
    quotas: Quotas | None = None,
    **project: Any,
) -> RestorePlan:
    items = sources(*numbers)
    all_disks = [one for one in ({n: free(n) for n in numbers} | dict(disks or {})).values() if one]
    shown = [one for one in ({n: a_snapshot(n) for n in numbers} | dict(snapshots or {})).values() if one]
    seen = Seen({one.id: one for one in all_disks}, {one.id: one for one in (*shown, *more)}, quotas)
    there = {item.id for item in items if item.position not in gone}
    request = a_request("r-back", order=Restore("r-one", "r-one", way))
    return plan_restore(request, a_project(**project), items, there, seen, MARKS, NOON + AN_HOUR)


def test_an_id_of_a_snapshot_means_that_alone() -> None:
    items = sources(1, 2)
    assert meant(Restore("snap-2"), items) == [items[1]]
    assert meant(Restore("r-one-1"), items) == [items[0]]
    assert meant(Restore("job-2"), [items[0], replace(items[1], job_id="job-2")])[0].position == 2
    assert meant(Restore("r-one"), items) == items


def test_a_new_disk_is_as_its_snapshot_says_and_bears_its_own_tag() -> None:
    plan = planned("new_disks", 1, snapshots={1: a_snapshot(1, availability_zone="az-b", size=80)})
    (row,) = plan.restorations
    assert row.asked is not None
    assert (row.asked.snapshot_id, row.asked.size, row.asked.availability_zone) == ("snap-1", 80, "az-b")
    assert row.asked.volume_type == "SSD"
    assert row.asked.tags is not None
    assert row.asked.tags[REQUEST_TAG] == row.id == "r-back-r1"
    assert (plan.items, plan.problems) == ((), ())


def test_a_disk_that_is_gone_comes_back_as_a_new_one() -> None:
    (row,) = planned("new_disks", 1, disks={1: None}).restorations
    assert row.asked is not None and row.asked.volume_type == "SSD"


def test_each_disk_that_is_overwritten_has_a_safety_snapshot_of_its_own() -> None:
    plan = planned("overwrite", 1, 2)
    assert (
        [row.safety_item_id for row in plan.restorations]
        == [item.id for item in plan.items]
        == ["r-back-1", "r-back-2"]
    )
    assert [row.disk.id for row in plan.restorations] == [item.disk.id for item in plan.items]
    assert all(row.asked is None for row in plan.restorations)


def test_newer_snapshots_are_named() -> None:
    newer = a_snapshot(1, id="snap-9", name="after-the-patch", created_at=(NOON + AN_HOUR).isoformat())
    (row,) = planned("overwrite", 1, more=(newer,)).restorations
    assert as_words(row.cause) == "Newer snapshots of it: “after-the-patch” (2026-11-23T13:00:00Z)."
    assert "<!date^" in sentence(row.cause)


ATTACHED = free(1, status="in-use", attachments=(Attachment(server_id="s-1", server_name="web-01"),))
MANY = tuple(a_snapshot(1, id=f"of-{number}", snapshot_type="user") for number in range(SNAPSHOTS_PER_DISK))


@pytest.mark.parametrize(
    ("way", "facts", "told"),
    [
        ("new_disks", {"snapshots": {1: None}}, "The cloud no longer has its snapshot."),
        ("new_disks", {"snapshots": {1: a_snapshot(1, status="error")}}, "Its snapshot is in the state “error”"),
        ("new_disks", {"snapshots": {1: a_snapshot(1, name="autobk_snapshot_x")}}, "belongs to Cloud Backup"),
        ("new_disks", {"snapshots": {1: a_snapshot(1, volume_id="another")}}, "one of another disk"),
        ("new_disks", {"gone": (1,)}, "no snapshot of it is left"),
        ("verify", {"verify_gib": 50}, "disks of up to 50 GiB are verified"),
        ("overwrite", {"disks": {1: None}}, "The disk is gone."),
        ("overwrite", {"disks": {1: ATTACHED}}, "It is attached to server “web-01”."),
        ("overwrite", {"disks": {1: free(1, status="extending")}}, "It is in the state “extending”"),
        ("overwrite", {"disks": {1: free(1, status="error_rollbacking")}}, "no safety snapshot can be made of it"),
        ("overwrite", {"more": MANY}, "It has 256 snapshots"),
    ],
)
def test_what_stands_in_the_way_is_told(way: Way, facts: Mapping[str, Any], told: str) -> None:
    plan = planned(way, 1, **facts)
    assert (plan.restorations, plan.items) == ((), ())
    (problem,) = plan.problems
    assert problem.startswith("“disk-1”: ")
    assert told in problem


def test_all_problems_are_told_at_once() -> None:
    plan = planned("overwrite", 1, 2, 3, disks={1: ATTACHED, 2: None}, gone=(3,))
    assert len(plan.problems) == 3


def test_of_new_disks_those_that_can_t_come_back_are_left_out_and_named() -> None:
    plan = planned("new_disks", 1, 2, gone=(2,))
    assert [row.source.snapshot_id for row in plan.restorations] == ["snap-1"]
    assert plan.left_out == ["“disk-2”: no snapshot of it is left."]


def test_what_the_quota_has_no_room_for_is_refused() -> None:
    full = Quotas(volumes=Quota(limit=10, in_use=9), gigabytes=Quota(limit=-1))
    assert planned("new_disks", 1, quotas=full).problems == ()
    plan = planned("new_disks", 1, 2, quotas=full)
    assert plan.problems == ["payments has no room for that: this needs 2 disks, and its quota leaves room for 1."]
