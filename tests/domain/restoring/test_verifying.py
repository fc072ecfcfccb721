"""Which restore points are to be proven, and which disk may be deleted afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.items import Item
from bot.domain.restoring.restorations import Restoration, clearing
from bot.domain.restoring.verifying import (
    LONGEST_WAIT,
    by_request,
    cleared,
    due_points,
    is_test_disk,
    next_wait,
    orders_for,
    still_there,
    waits_on,
    why_it_stays,
)
from bot.domain.snapshots import REQUEST_TAG, Attachment, Disk
from bot.domain.transitions import ItemState, RestorationState
from tests.builders import NOON, a_disk, a_restoration, an_item

DAY = timedelta(days=1)


def a_point(number: int, days_ago: float = 0.0, **fields: object) -> Item:
    taken = {"snapshot_id": f"snap-{number}", "taken_at": NOON - DAY * days_ago}
    return replace(an_item(number), state=ItemState.AVAILABLE, **{**taken, **fields})  # type: ignore[arg-type]


def a_proof(number: int, days_ago: float) -> Restoration:
    return a_restoration(number, way="verify", proven_at=NOON - DAY * days_ago)


def due(*points: Item, proofs: tuple[Restoration, ...] = (), days: int = 7, gib: int = 1024) -> list[str]:
    found = due_points(points, {one.disk.id: one for one in proofs}, NOON, days, gib)
    return [one.item.id for one in found]


def test_a_disk_that_was_never_proven_is_due_and_the_longest_comes_first() -> None:
    one, two = a_point(1, 2), a_point(2, 5)
    assert due(one, two) == [two.id, one.id]


@pytest.mark.parametrize(("days_ago", "is_due"), [(0, False), (6.7, False), (6.75, True), (7, True), (30, True)])
def test_a_proof_counts_for_so_many_days_and_the_next_one_never_comes_too_late(days_ago: float, is_due: bool) -> None:
    point = a_point(1, 1)
    assert due(point, proofs=(a_proof(1, days_ago),)) == ([point.id] if is_due else [])


def test_a_newer_point_of_a_disk_needs_no_proof_of_its_own_before_its_time() -> None:
    newer = a_point(1, 0, snapshot_id="snap-newer")
    assert due(newer, proofs=(a_proof(1, 3),)) == []


def test_disks_that_are_too_large_are_left_out() -> None:
    point = a_point(1)
    assert due(point, gib=point.disk.size) == [point.id]
    assert due(point, gib=point.disk.size - 1) == []


def test_points_are_asked_for_together_only_where_nothing_else_is_left_of_their_request() -> None:
    """So no snapshot is proven because another of its request is due."""
    points = [a_point(1), a_point(2), a_point(3)]
    (whole,) = orders_for("r-one", points, points, "payments")
    assert (whole.of, whole.request_id, whole.way, whole.project) == ("r-one", "r-one", "verify", "payments")
    some = orders_for("r-one", points[:2], points, "payments")
    assert [(one.of, one.request_id) for one in some] == [("snap-1", "r-one"), ("snap-2", "r-one")]
    assert [one.of for one in orders_for("r-one", points[:1], points[:1], "payments")] == ["snap-1"]
    assert [one.of for one in orders_for("r-one", points[:2], [], "payments")] == ["snap-1", "snap-2"]


def test_points_that_are_due_keep_their_order_request_by_request() -> None:
    others = [a_point(3, 9), replace(a_point(1, 5), request_id="r-other"), a_point(2, 1)]
    found = by_request(due_points(others, {}, NOON, 7, 1024))
    assert {key: [item.id for item in items] for key, items in found.items()} == (
        {"r-one": [others[0].id, others[2].id], "r-other": [others[1].id]}
    )


# --- the test disk ----------------------------------------------------------------------------------------------------


def a_test_disk(one: Restoration, **fields: object) -> Disk:
    made = {"tags": {REQUEST_TAG: one.id}, "snapshot_id": one.source.snapshot_id, "status": "available"}
    return a_disk("made", 9).model_copy(update={**made, "attachments": (), **fields})


@pytest.mark.parametrize(
    ("fields", "ours"),
    [
        ({}, True),
        ({"snapshot_id": ""}, True),
        ({"snapshot_id": "of-another"}, False),
        ({"tags": {REQUEST_TAG: "r-back-r2"}}, False),
        ({"tags": {}}, False),
    ],
)
def test_only_a_disk_that_the_cloud_shows_to_be_the_bots_is_deleted(fields: dict[str, object], ours: bool) -> None:
    one = a_restoration(1, way="verify")
    assert is_test_disk(one, a_test_disk(one, **fields)) == ours


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        ({"status": "error"}, ""),
        ({"status": "deleting"}, ""),
        ({"status": "creating"}, "is in the state “creating”"),
        ({"status": "error_deleting"}, "support has to act"),
        ({"attachments": (Attachment(server_id="s"),), "status": "in-use"}, "detach it"),
    ],
)
def test_why_a_test_disk_stays_is_told(fields: dict[str, object], words: str) -> None:
    why = why_it_stays(a_test_disk(a_restoration(1, way="verify"), **fields))
    assert (words in why) if words else why == ""


def test_the_words_of_a_failed_proof_outlive_those_about_its_test_disk() -> None:
    made = a_restoration(1, RestorationState.RESTORING, way="verify")
    failed = clearing(made, NOON, cause="The cloud could not create it: no reason given.", code="EVS.1")
    troubled = still_there(still_there(failed, "Its test disk x is attached."), "Its test disk x is there still.")
    assert troubled.cause == "The cloud could not create it: no reason given. Its test disk x is there still."
    assert still_there(troubled, "").cause == failed.cause
    ended = cleared(troubled, NOON)
    assert (ended.state, ended.cause, ended.code) == (RestorationState.FAILED, failed.cause, "EVS.1")


def test_a_proof_whose_disk_was_hard_to_delete_is_a_proof() -> None:
    proven = clearing(a_restoration(1, RestorationState.RESTORING, way="verify"), NOON)
    ended = cleared(still_there(proven, "Its test disk x is attached."), NOON + DAY)
    assert (ended.state, ended.cause, ended.proven_at) == (RestorationState.RESTORED, "", NOON)


def test_it_is_tried_for_ever_with_growing_waits() -> None:
    one = clearing(a_restoration(1, RestorationState.RESTORING, way="verify"), NOON)
    waits = []
    for _ in range(40):
        waits.append(next_wait(one))
        one = waits_on(one, NOON, timedelta(seconds=1))
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=3), LONGEST_WAIT)
    assert one.state is RestorationState.CLEARING
