"""`/snapshot create`, from the typed line to the receipt."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.snapshots import REQUEST_TAG
from tests.e2e.conftest import World

DATA = "d15c0000-0002-4000-8000-000000000002"
LOGS = "d15c0000-0003-4000-8000-000000000003"


async def test_two_disks_end_available_and_the_thread_tells_the_truth(either_world: World) -> None:
    world = either_world
    request = await world.create('web-01-data web-01-logs keep=7 reason="kernel upgrade"')
    root = await world.finished(request)
    made = {one["volume_id"]: one for one in world.cloud.snapshots()}
    assert set(made) == {DATA, LOGS}
    receipt = world.replies(request, "receipt")[0]
    for name, disk in (("web-01-data", DATA), ("web-01-logs", LOGS)):
        assert made[disk]["status"] == "available"
        for text in (root.text, receipt.text):
            assert name in text
            assert made[disk]["id"] in text
            assert "available" in text
    assert len(world.cloud.calls("create_snapshot")) == 2
    assert len(world.replies(request, "accepted")) == 1
    assert [message.thread_ts for message in world.replies(request, "receipt")] == [root.ts]
    assert "kernel upgrade" in root.text
    assert world.slack_complaints() == []


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ("", {}),
        ("name=nightly", {"name": "nightly"}),
        (
            'name="before upgrade" description="ticket OPS-42"',
            {"name": "before upgrade", "description": "ticket OPS-42"},
        ),
        ("tags=tier:prod,owner:", {"tags": {"tier": "prod", "owner": ""}}),
        ("enterprise_project_id=0", {"enterprise_project_id": "0"}),
        ("instant_access=true", {"instant_access": True}),
        ("instant_access=false", {"instant_access": False}),
        ("incremental=false", {"incremental": False}),
        ("incremental=true", {"incremental": True}),
        ("keep=7", {}),
        ("reason=INC-42", {}),
        (
            "name=all description=d tags=a:1 enterprise_project_id=0 instant_access=yes incremental=no keep=30d",
            {
                "name": "all",
                "description": "d",
                "tags": {"a": "1"},
                "enterprise_project_id": "0",
                "instant_access": True,
                "incremental": False,
            },
        ),
    ],
)
async def test_the_body_is_what_was_asked_for_a_name_and_the_bots_tag(
    world: World, options: str, sent: dict[str, Any]
) -> None:
    request = await world.create(f"{DATA} {options}")
    await world.until(lambda: bool(world.cloud.calls("create_snapshot")))
    body = world.cloud.calls("create_snapshot")[0]["body"]
    tags = {**sent.get("tags", {}), REQUEST_TAG: f"{request}-1"}
    name = sent.get("name", body["snapshot"]["name"])
    assert body == {"snapshot": {"volume_id": DATA, **sent, "name": name, "tags": tags}}
    if "name" not in sent:
        assert name.startswith("web-01-data-2")


async def test_one_name_for_several_disks_gets_each_disks_name_behind_it(world: World) -> None:
    await world.create("web-01-data web-01-logs name=nightly")
    await world.until(lambda: len(world.cloud.calls("create_snapshot")) == 2)
    names = {call["body"]["snapshot"]["name"] for call in world.cloud.calls("create_snapshot")}
    assert names == {"nightly-web-01-data", "nightly-web-01-logs"}
