"""Only what the cloud shows to be made by the bot, for that very disk, is let go."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import why_not
from bot.domain.snapshots import REQUEST_TAG, CreateSnapshotGroup, Snapshot
from bot.domain.transitions import ItemState
from tests.builders import a_disk, an_item

ITEM = an_item(1, ItemState.AVAILABLE, snapshot_id="s1")
MEMBER = an_item(1, ItemState.AVAILABLE, snapshot_id="s1", consistency_group_id="r-one-g1")
GROUP = ConsistencyGroup(
    "r-one-g1", "r-one", "payments", "web-01", "az-a", CreateSnapshotGroup(volume_ids=()), cloud_id="cg1"
)
UNPROVEN = "Its tag does not say that I made it for this request"


def a_snapshot(tag: str | None = "r-one-1", **fields: Any) -> Snapshot:
    tags = {} if tag is None else {REQUEST_TAG: tag}
    return Snapshot.model_validate(
        {"id": "s1", "volume_id": ITEM.disk.id, "status": "available", "tags": tags} | fields
    )


def test_what_carries_the_tag_of_its_item_may_go() -> None:
    assert why_not(ITEM, None, a_snapshot(), a_disk()) == ""
    assert why_not(ITEM, None, a_snapshot(), None) == ""  # the disk is gone; its snapshot may outlive it


@pytest.mark.parametrize("tag", [None, "", "r-one", "r-one-12", "r-one1-1", "r-other-1"])
def test_without_the_very_tag_of_its_item_it_stays(tag: str | None) -> None:
    assert why_not(ITEM, None, a_snapshot(tag), None).startswith(UNPROVEN)
    assert why_not(ITEM, None, a_snapshot(tag, snapshot_group_id="cg1"), None).startswith(UNPROVEN)


def test_a_tag_that_is_no_text_proves_nothing() -> None:
    assert why_not(ITEM, None, a_snapshot(tags={REQUEST_TAG: ["r-one-1"]}), None).startswith(UNPROVEN)


def test_a_member_is_known_by_the_tag_or_by_the_id_of_its_group() -> None:
    assert why_not(MEMBER, GROUP, a_snapshot("r-one-g1"), None) == ""
    assert why_not(MEMBER, GROUP, a_snapshot(None, snapshot_group_id="cg1"), None) == ""


@pytest.mark.parametrize(
    ("tag", "cloud_group"), [(None, None), (None, "cg2"), ("r-one-1", None), ("r-one-g11", "cg2"), ("r-two-g1", "")]
)
def test_a_member_of_another_group_stays(tag: str | None, cloud_group: str | None) -> None:
    assert why_not(MEMBER, GROUP, a_snapshot(tag, snapshot_group_id=cloud_group), None).startswith(UNPROVEN)


def test_a_group_whose_id_is_not_known_proves_nothing_by_it() -> None:
    unknown = ConsistencyGroup("r-one-g1", "r-one", "payments", "web-01", "az-a", GROUP.asked)
    assert why_not(MEMBER, unknown, a_snapshot(None, snapshot_group_id=None), None).startswith(UNPROVEN)


@pytest.mark.parametrize("volume_id", ["", "d15c0000-0009-4000-8000-000000000009"])
def test_a_snapshot_of_another_disk_stays(volume_id: str) -> None:
    assert why_not(ITEM, None, a_snapshot(volume_id=volume_id), None).startswith("It is a snapshot of another disk")


@pytest.mark.parametrize("status", ["creating", "deleting", "error_deleting", "rollbacking", ""])
def test_what_is_not_finished_stays(status: str) -> None:
    assert why_not(ITEM, None, a_snapshot(status=status), None) != ""
