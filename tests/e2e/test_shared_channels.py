"""Where another organisation reads along, nothing of a project is said."""

from __future__ import annotations

from tests.e2e.conftest import World
from tests.e2e.test_approvals import Start, start

__all__ = ["start"]


def read_by_strangers(world: World) -> str:
    return "\n".join(f"{one.text}{one.blocks}" for one in world.slack.messages("#shared", viewer="eve"))


async def test_a_request_from_a_shared_channel_is_told_directly_and_nothing_is_said_there(world: World) -> None:
    outcome = await world.say('create web-01-data project=payments-prod reason="kernel"', "alice", "#shared")
    assert outcome.error is None
    await world.slack.until(lambda: any("Receipt: 1 of 1" in one.text for one in world.slack.direct_messages("alice")))
    await world.told("alice", "people of another organisation read along")
    for word in ("payments-prod", "web-01-data", "kernel"):
        assert word not in read_by_strangers(world)
    told = "\n".join(one.text for one in world.slack.direct_messages("alice"))
    assert "payments-prod" in told and "web-01-data" in told and "kernel" in told


async def test_a_channel_that_slack_cannot_tell_is_taken_for_shared(world: World) -> None:
    world.slack.fault("error", method="conversations.info")
    await world.say("create web-01-data")
    await world.slack.until(lambda: any("Receipt: 1 of 1" in one.text for one in world.slack.direct_messages("alice")))
    assert [one for one in world.slack.messages("#inc-demo") if "payments-prod" in one.text] == []


async def test_a_project_that_allows_it_is_reported_there(start: Start) -> None:
    world = await start("external_channels = true")
    request = await world.create("web-01-data project=payments-prod", "alice", "#shared")
    assert "all available" in (await world.finished(request, "#shared")).text
    assert "web-01-data" in read_by_strangers(world)


async def test_a_channel_of_ones_own_is_asked_about_once_and_not_for_each_request(world: World) -> None:
    await world.finished(await world.create("web-01-data"))
    await world.finished(await world.create("web-01-logs"))
    assert len(world.slack.api_calls("conversations.info")) == 1
