"""The worlds that the cloud can hold."""

import json
import re
import uuid

import pytest

from bot.simulator.cloud import CloudWorld, default_world
from bot.simulator.cloud import world as world_module

PAYMENTS = "0123456789abcdef0123456789abcdef"


def test_the_default_world_has_a_disk_for_every_story() -> None:
    world = default_world()
    disks = [disk for disk in world.disks.values() if disk.project_id == PAYMENTS]
    assert len(disks) == 14
    assert {disk.status for disk in disks} == {"in-use", "available", "error_extending", "error"}
    assert {disk.volume_type for disk in disks} == {"GPSSD", "SSD", "SAS", "ESSD", "SATA"}
    assert [disk.name for disk in disks].count("scratch") == 2
    zones = {disk.availability_zone for disk in disks if disk.attachments and disk.name.startswith("orders-db")}
    assert len(zones) == 2
    assert all(str(uuid.UUID(disk.id)) == disk.id for disk in world.disks.values())


def test_two_default_worlds_share_nothing() -> None:
    first, second = default_world(), default_world()
    assert first == second
    first.disk("orders-db").tags["tier"] = "test"
    assert second.disk("orders-db").tags["tier"] == "prod"
    assert first.disk("web-01-data").tags["tier"] == "prod"


def test_an_ambiguous_disk_name_is_no_disk() -> None:
    with pytest.raises(KeyError, match="2 disks are called scratch"):
        default_world().disk("scratch")


def test_a_world_is_read_from_plain_values() -> None:
    disk = {"id": "d1", "name": "data", "project_id": PAYMENTS, "availability_zone": "az1", "tags": {"a": "b"}}
    project = {"name": "p", "project_id": PAYMENTS, "region": "r1"}
    world = CloudWorld.from_dict(
        {"projects": [project], "disks": [disk], "timing": {"min_seconds": 1}, "switches": {"busy_status": 400}}
    )
    assert (world.project("p").iam_name, world.disk("data").tags, world.disk("d1").status) == (
        "r1_p",
        {"a": "b"},
        "in-use",
    )
    assert (world.timing.min_seconds, world.timing.max_seconds, world.switches.busy_status) == (1.0, 8.0, 400)


def test_a_bad_world_names_every_problem() -> None:
    disk = {"id": "d1", "name": "data", "project_id": "f" * 32, "availability_zone": "az1"}
    with pytest.raises(ValueError, match="does not hold together") as shape:
        CloudWorld.from_dict(
            {
                "projects": [{"name": "p", "regoin": "r"}],
                "users": "ann",
                "disks": [{**disk, "size_gb": "40", "created_at": "yesterday"}],
                "colour": "blue",
            }
        )
    for problem in (
        "projects[0].regoin is unknown",
        "projects[0].project_id is missing",
        "users must be a list",
        "disks[0].size_gb must be a whole number",
        "disks[0].created_at must be a time with its zone",
        "world.colour is unknown",
    ):
        assert problem in str(shape.value)
    with pytest.raises(ValueError, match="does not hold together") as sense:
        CloudWorld.from_dict(
            {
                "projects": [{"name": "p", "project_id": "short", "region": "r"}],
                "users": [{"name": "ann", "id": "1", "password": "x", "projects": ["q"]}],
                "disks": [disk, disk],
                "timing": {"min_seconds": 9.0},
            }
        )
    for problem in (
        "project p: short is not 32 hexadecimal characters",
        "User names the project q, which does not exist",
        "disk data is in the project",
        "more than one disk has the id d1",
        "timing: 0 <= min_seconds <= max_seconds must hold",
    ):
        assert problem in str(sense.value)


def test_nothing_secret_shows_when_a_world_is_printed() -> None:
    assert re.search("not-a-secret", repr(default_world())) is None


def test_the_example_of_a_world_file_loads() -> None:
    text = (world_module.__doc__ or "").split("::\n", 1)[1]
    world = CloudWorld.from_dict(json.loads(text))
    assert (world.project("prod").iam_name, world.project("prod").quotas.volumes) == ("ap-southeast-3", 3)
    assert (world.project("prod").recycle_bin.switch, world.switches.page_rows) == (True, 50)
    assert world.actions_of("bot") == (["evs:volumes:*", "evs:snapshots:list"], ["evs:volumes:delete"])
