"""The payload, its limits and its names, held against CreateSnapshotV5."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.planned_items import snapshot_name
from bot.domain.snapshots import CreateStandardSnapshot, Disk, Job, Snapshot, fitted_name
from tests.builders import NOON, a_disk


def test_a_field_that_was_not_asked_for_is_not_sent() -> None:
    assert CreateStandardSnapshot(volume_id="v1").body() == {"snapshot": {"volume_id": "v1"}}


def test_false_is_sent_when_it_was_asked_for() -> None:
    body = CreateStandardSnapshot(volume_id="v1", instant_access=False, incremental=False).body()
    assert body == {"snapshot": {"volume_id": "v1", "instant_access": False, "incremental": False}}


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "n" * 65},
        {"name": " "},
        {"description": "d" * 86},
        {"tags": {"": "v"}},
        {"tags": {"k" * 37: "v"}},
        {"tags": {"k": "v" * 44}},
        {"tags": {"k": "a b"}},
        {"tags": {f"k{n}": "v" for n in range(21)}},
        {"retention_days": 0},
        {"retention_days": 65_537},
        {"colour": "red"},
    ],
)
def test_what_the_page_forbids_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CreateStandardSnapshot.model_validate({"volume_id": "v1", **fields})


def test_the_limits_themselves_are_allowed() -> None:
    tags = {"标签_-9": "值.-_" + "v" * 39, "k" * 36: ""}
    CreateStandardSnapshot(volume_id="v1", name="n" * 64, description="d" * 85, tags=tags, retention_days=65_536)


def test_a_time_without_a_zone_is_utc_and_one_with_a_zone_is_moved_there() -> None:
    at = datetime(2026, 1, 15, 8, 30, tzinfo=UTC)
    for text in ("2026-01-15T08:30:00.000000", "2026-01-15T08:30:00Z", "2026-01-15T09:30:00+01:00"):
        assert Snapshot.model_validate({"id": "s", "created_at": text}).created_at == at
    assert Snapshot.model_validate({"id": "s", "created_at": ""}).created_at is None
    assert Snapshot.model_validate({"id": "s", "created_at": "soon"}).created_at is None


@pytest.mark.parametrize(
    ("text", "percent"), [("45%", 45), ("45", 45), ("", None), (None, None), ("nan", None), (7, 7)]
)
def test_progress_is_read_with_and_without_its_sign(text: object, percent: int | None) -> None:
    assert Snapshot.model_validate({"id": "s", "progress": text}).progress == percent


def test_a_disk_with_empty_fields_does_not_spoil_a_listing() -> None:
    disk = Disk.model_validate({"id": "d", "name": None, "size": None, "attachments": None, "tags": None})
    assert (disk.label, disk.size, disk.server, disk.tags) == ("d", 0, "", {})


def test_anything_but_success_and_fail_is_a_pending_job() -> None:
    ended = {status: Job(status=status).ended for status in ("INIT", "LISTENING", "RUNNING", "NEW?", "SUCCESS", "FAIL")}
    assert {status for status, end in ended.items() if end} == {"SUCCESS", "FAIL"}


@pytest.mark.parametrize("label", ["autobk_snapshot_2026", "autobk_snapshot_" + "x" * 60])
def test_a_beginning_that_belongs_to_cloud_backup_gets_a_word_before_it(label: str) -> None:
    name = fitted_name((label, "20261123T1200Z"), "v1")
    assert CreateStandardSnapshot(volume_id="v1", name=name).name == name
    assert name.startswith("disk-autobk_snapshot_") and name.endswith("-20261123T1200Z")


def test_a_snapshot_without_a_name_is_called_after_disk_and_minute() -> None:
    assert snapshot_name(None, a_disk("orders-db"), alone=True, at=NOON) == "orders-db-20261123T1200Z"


def test_one_name_for_several_disks_gets_each_disk_behind_it() -> None:
    assert snapshot_name("nightly", a_disk("orders-db"), alone=False, at=NOON) == "nightly-orders-db"
    assert snapshot_name("nightly", a_disk("orders-db"), alone=True, at=NOON) == "nightly"


def test_a_long_name_is_cut_in_the_middle_and_stays_its_own() -> None:
    one, two = (snapshot_name(None, a_disk("d" * 100, number), alone=True, at=NOON) for number in (1, 2))
    assert len(one) == len(two) == 64
    assert one != two
    assert one.startswith("dddd")
    assert one.endswith("-20261123T1200Z")


@given(st.lists(st.text(min_size=1, max_size=120), min_size=1, max_size=3), st.text(min_size=1, max_size=36))
def test_no_name_is_ever_too_long(parts: list[str], disk_id: str) -> None:
    assert len(fitted_name(tuple(parts), disk_id)) <= 64
