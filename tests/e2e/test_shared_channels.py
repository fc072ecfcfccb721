"""Where another organisation reads along, nothing of a project is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.simulator.workspace import Message
from bot.slack.ids import CONFIRM
from tests.e2e.conftest import World, request_id
from tests.e2e.test_approvals import Start, start

__all__ = ["start"]


def read_by_strangers(world: World) -> str:
    return "\n".join(f"{one.text}{one.blocks}" for one in world.slack.messages("#shared", viewer="eve"))


async def test_a_request_from_a_shared_channel_is_told_directly_and_nothing_is_said_there(world: World) -> None:
    outcome = await world.say('create web-01-data project=payments-prod reason="kernel"', "alice", "#shared")
    assert outcome.error is None
    await world.slack.until(lambda: any("Receipt: 1 of 1" in one.text for one in world.slack.direct_messages("alice")))
    await world.told("alice", "people of another organisation may read along")
    for word in ("payments-prod", "web-01-data", "kernel"):
        assert word not in read_by_strangers(world)
    told = "\n".join(one.text for one in world.slack.direct_messages("alice"))
    assert "payments-prod" in told and "web-01-data" in told and "kernel" in told


async def test_a_channel_that_the_bot_may_not_ask_about_is_taken_for_shared(world: World) -> None:
    world.slack.fault("error", method="conversations.info", error="missing_scope")
    await world.say("create web-01-data")
    await world.slack.until(lambda: any("Receipt: 1 of 1" in one.text for one in world.slack.direct_messages("alice")))
    assert [one for one in world.slack.messages("#inc-demo") if "payments-prod" in one.text] == []


@pytest.mark.parametrize(
    ("fault", "options"), [("error", {}), ("status", {"status": 503}), ("malformed", {}), ("reset_after", {})]
)
async def test_a_hiccup_of_slack_moves_nobody_out_of_their_channel(
    world: World, fault: str, options: dict[str, Any]
) -> None:
    world.slack.fault(fault, method="conversations.info", times=2, **options)
    assert "all available" in (await world.finished(await world.create("web-01-data"))).text
    assert world.slack.direct_messages("alice") == []


async def test_a_project_that_allows_it_is_reported_there(start: Start) -> None:
    world = await start("external_channels = true")
    request = await world.create("web-01-data project=payments-prod", "alice", "#shared")
    assert "all available" in (await world.finished(request, "#shared")).text
    assert "web-01-data" in read_by_strangers(world)


async def test_a_channel_of_ones_own_is_asked_about_once_a_minute_and_not_for_each_message(world: World) -> None:
    begun = world.clock.now()
    await world.finished(await world.create("web-01-data"))
    await world.finished(await world.create("web-01-logs"))
    minutes = (world.clock.now() - begun) / timedelta(minutes=1)
    assert 1 <= len(world.slack.api_calls("conversations.info")) <= 1 + minutes


async def test_a_denial_in_a_shared_channel_is_told_directly(start: Start) -> None:
    world = await start("approvals = 1")
    outcome = await world.say("create web-01-data project=payments-prod", "bob", "#shared")
    request = request_id(outcome.text)
    await world.slack.until(lambda: any("asks for snapshots" in one.text for one in world.slack.direct_messages("bob")))
    await world.say(f'deny {request} reason="wrong disk"', "eng01")
    await world.slack.until(lambda: any("wrong disk" in one.text for one in world.slack.direct_messages("bob")))
    assert "payments-prod" not in read_by_strangers(world)
    assert "wrong disk" not in read_by_strangers(world)


async def test_a_request_in_a_shared_channel_that_nobody_settled_ends_directly(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.workflow.jobs.plan.APPROVAL_TIME", timedelta(seconds=8))
    world = await start("approvals = 1")
    await world.say("create web-01-data project=payments-prod", "bob", "#shared")
    await world.slack.until(lambda: any("Nobody settled it" in one.text for one in world.slack.direct_messages("bob")))
    assert "payments-prod" not in read_by_strangers(world)


async def test_the_plan_of_a_quick_backup_in_a_shared_channel_is_shown_and_confirmed_directly(world: World) -> None:
    await world.say("quick server=web-01 project=payments-prod", "alice", "#shared")

    def plan() -> Message | None:
        shown = [one for one in world.slack.direct_messages("alice") if "planned, waiting for your go" in one.text]
        return shown[0] if shown else None

    await world.slack.until(lambda: plan() is not None)
    message = plan()
    assert message is not None
    assert (await world.slack.press("alice", message.channel, message.ts, CONFIRM)).ok
    await world.slack.until(
        lambda: any("*Receipt:" in one.text for one in world.slack.direct_messages("alice")), timeout=20
    )
    for word in ("payments-prod", "web-01-data"):
        assert word not in read_by_strangers(world)
