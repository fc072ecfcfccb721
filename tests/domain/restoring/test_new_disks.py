"""A disk of a snapshot is ordered as the API documents it, and the room for it is read as the API tells it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from bot.domain.restoring.new_disks import CreateDisk, DiskTicket, Quotas, client_token, restored_name

AN_ORDER = {"snapshot_id": "s1", "availability_zone": "ap-southeast-3a", "size": 40, "volume_type": "SSD"}
TAKEN_AT = datetime(2026, 11, 23, 20, 59, tzinfo=UTC)


def test_the_body_holds_what_was_asked_for_and_has_the_answer_name_the_disk() -> None:
    order = CreateDisk.model_validate({**AN_ORDER, "name": "n", "tags": {"a": "b"}})
    assert order.body() == {
        "volume": {**AN_ORDER, "name": "n", "tags": {"a": "b"}, "metadata": {"create_for_volume_id": "true"}}
    }


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"size": 0}, "A disk has 1 to 32768 GiB; this says 0."),
        ({"size": 32_769}, "A disk has 1 to 32768 GiB; this says 32769."),
        ({"name": "ä" * 128}, "hold 255 bytes each; this one has 256."),
        ({"description": "d" * 256}, "hold 255 bytes each; this one has 256."),
        ({"tags": {"a b": "c"}}, "The tag key “a b” is not allowed"),
        ({"volume_type": "GPSSD2"}, "A disk of type GPSSD2 can't be ordered without iops and throughput."),
        ({"volume_type": "ESSD2", "throughput": 1}, "can't be ordered without iops."),
        ({"server_id": "77777777-0001-4000-8000-000000000001"}, "Extra inputs are not permitted"),
        ({"availability_zone": ""}, "at least 1 character"),
    ],
)
def test_what_the_api_does_not_take_is_no_order(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        CreateDisk.model_validate({**AN_ORDER, **changed})
    assert words in str(refused.value)


def test_the_client_token_is_a_uuid_of_its_own_for_each_restoration() -> None:
    one, two = client_token("r-1"), client_token("r-2")
    assert uuid.UUID(one).version == 5
    assert (len(one), one) == (36, client_token("r-1"))
    assert one != two


@pytest.mark.parametrize("name", ["web-01-data", "", "ä" * 300, "🙂" * 300, "autobk_snapshot_x"])
def test_the_name_of_a_restored_disk_fits_whatever_its_source_is_called(name: str) -> None:
    made = restored_name(name, "d15c0000-0002-4000-8000-000000000002", TAKEN_AT)
    assert CreateDisk.model_validate({**AN_ORDER, "name": made}).name == made
    assert made.endswith("20261123T2059Z") or len(made.encode()) > 240


def test_the_name_of_a_restored_disk_tells_of_what_and_when() -> None:
    assert restored_name("web-01-data", "d1", TAKEN_AT) == "web-01-data-restored-20261123T2059Z"


@pytest.mark.parametrize(
    ("answer", "disk_id"),
    [
        ({"job_id": "j", "volume_ids": ["d1"]}, "d1"),
        ({"job_id": "j", "volume_ids": []}, None),
        ({"job_id": "j", "volume_ids": None}, None),
        ({"job_id": "j", "volume_ids": "d1"}, None),
        ({"job_id": "j"}, None),
    ],
)
def test_the_new_disk_may_be_named_in_the_answer_or_not(answer: dict[str, object], disk_id: str | None) -> None:
    assert DiskTicket.model_validate(answer).disk_id == disk_id


def test_what_is_ordered_and_made_of_money_has_no_job() -> None:
    with pytest.raises(ValidationError):
        DiskTicket.model_validate({"order_id": "CS1"})


@pytest.mark.parametrize(
    ("volumes", "gigabytes", "lacking"),
    [
        ((10, 8, 0), (1000, 900, 0), ""),
        ((10, 9, 0), (1000, 0, 0), "2 disks, and its quota leaves room for 1"),
        ((10, 8, 1), (1000, 0, 0), "2 disks, and its quota leaves room for 1"),
        ((10, 0, 0), (1000, 950, 10), "80 GB of disks, and its quota leaves room for 40"),
        ((-1, 8_000, 0), (-1, 99_999, 0), ""),
        ((10, 12, 0), (-1, 0, 0), "2 disks, and its quota leaves room for 0"),
    ],
)
def test_a_quota_is_looked_at_before_anything_is_ordered(
    volumes: tuple[int, int, int], gigabytes: tuple[int, int, int], lacking: str
) -> None:
    names = ("limit", "in_use", "reserved")
    told = {"volumes": dict(zip(names, volumes, strict=True)), "gigabytes": dict(zip(names, gigabytes, strict=True))}
    assert Quotas.model_validate(told).lacking(disks=2, gib=80) == lacking


def test_a_quota_that_is_not_told_stands_in_no_way() -> None:
    assert Quotas.model_validate({"id": "p"}).lacking(disks=2, gib=80) == ""
