"""Whose plan it is: others who could have made it may say go or drop it, but what it makes stays its person's word."""

from __future__ import annotations

import copy

import pytest

from bot.simulator.workspace import Message, payloads
from bot.slack.ids import APPROVE, CANCEL, CHANGE, CONFIRM
from tests.e2e.conftest import CHANNEL, World
from tests.e2e.test_approvals import Start, asked, start
from tests.e2e.test_quick import ended, planned
from tests.e2e.test_tampering import STALE, errors, send

__all__ = ["start"]

DATA = "d15c0000-0002-4000-8000-000000000002"
NOT_YOURS = "Only <@U0BOB00002>, in whose name it runs, can change this plan."
GLASS = 'break_glass=payments-prod reason="db down, restoring now"'


async def denied(world: World) -> list[tuple[str, str]]:
    """Who was denied what, by which rule."""
    assert world.bot is not None
    return [(row["actor"], row["rule"]) for row in await world.bot.store.audit_page(0) if row["outcome"] == "denied"]


async def change_in_a_form_of_their_own(world: World, person: str, request: str) -> dict[str, str]:
    """Send a form for another selection that was opened for a plan of one's own, made to mean somebody else's. Answers
    what the bot found wrong with it.
    """
    _, root = await planned(world, "server=web-01", person)
    await world.slack.press(person, CHANNEL, root.ts, CHANGE)
    await world.slack.until(lambda: world.slack.view(person) is not None)
    state = world.slack.state
    payload = copy.deepcopy(payloads.view_submission(state, state.world.person(person), world.slack.view(person)))
    payload["view"]["private_metadata"] = request
    payload["view"]["state"]["values"]["others"]["others"]["value"] = "disks=orders-db"
    return errors(await send(world, payload))


def disks_of(message: Message | None) -> str:
    assert message is not None
    return message.text.partition("is open until")[2]


@pytest.mark.parametrize(
    ("rules", "text"),
    [("approvals = 1", "server=web-01"), ("approvals = 1\nbreak_glass = true", f"server=web-01 {GLASS}")],
    ids=["four eyes", "break-glass"],
)
async def test_nobody_changes_what_runs_in_the_name_of_another(start: Start, rules: str, text: str) -> None:
    world = await start(rules)
    request, root = await planned(world, text, "bob")
    await world.slack.press("alice", CHANNEL, root.ts, CHANGE)
    told = await world.told("alice", NOT_YOURS)
    assert "confirm it as it is, press Cancel Plan, or make a plan of your own: `quick …`" in told.text
    assert world.slack.view("alice") is None
    assert set((await change_in_a_form_of_their_own(world, "alice", request)).values()) == {STALE}
    assert await denied(world) == [("U0ALICE001", "not-your-plan"), ("U0ALICE001", "form-unknown")]
    assert disks_of(world.root(request)) == disks_of(root)
    assert world.cloud.calls("create_snapshot") == world.cloud.calls("create_group") == []
    assert world.slack_complaints() == []


async def test_who_confirms_the_plan_of_another_may_also_be_the_one_who_agrees(start: Start) -> None:
    """Four eyes: what runs was chosen by one person and agreed to by another."""
    world = await start("approvals = 1")
    request, root = await planned(world, "server=web-01", "bob")
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    await world.slack.press("bob", CHANNEL, (await asked(world, request)).ts, APPROVE)
    await world.told("bob", "but not approve")
    await world.slack.press("alice", CHANNEL, (await asked(world, request)).ts, APPROVE)
    assert "finished" in (await ended(world, request))[0].text


async def test_who_could_have_made_a_plan_drops_it(start: Start) -> None:
    world = await start("approvals = 1")
    request, root = await planned(world, "server=web-01", "bob")
    await world.slack.press("alice", CHANNEL, root.ts, CANCEL)
    await world.slack.until(lambda: "<@U0ALICE001> cancelled it" in getattr(world.root(request), "text", ""))


async def test_plans_take_nothing_of_the_daily_limit_until_one_is_confirmed(start: Start) -> None:
    world = await start("daily_limit = 3")
    first, root = await planned(world, "server=web-01", "bob")
    second, other = await planned(world, "disks=orders-db,orders-db-wal", "bob")
    await world.say("access", "bob")
    await world.told("bob", "At most 3 disks a day (UTC); 0 used today.")
    await world.slack.press("bob", CHANNEL, root.ts, CONFIRM)
    await ended(world, first)
    limit = "In payments-prod one person may snapshot 3 disks a day (UTC)."
    stays = "this asks for 2 more. <@U0ALICE001> can change that. Nothing was started; the plan stays as it is."
    await world.slack.press("bob", CHANNEL, other.ts, CONFIRM)
    await world.told("bob", f"{limit} You have had 3 of them and {stays}")
    await world.slack.press("alice", CHANNEL, other.ts, CONFIRM)
    await world.told("alice", f"{limit} <@U0BOB00002> has had 3 of them and {stays}")
    assert await denied(world) == [("U0BOB00002", "daily-limit"), ("U0ALICE001", "daily-limit")]
    assert "planned, waiting for your go" in getattr(world.root(second), "text", "")
    assert len(world.cloud.snapshots()) == 3
    assert world.slack_complaints() == []


async def test_a_person_changes_their_own_plan_also_without_approval(start: Start) -> None:
    world = await start("approvals = 1\nbreak_glass = true")
    request, root = await planned(world, f"server=web-01 {GLASS}", "bob")
    await world.slack.press("bob", CHANNEL, root.ts, CHANGE)
    await world.slack.until(lambda: world.slack.view("bob") is not None)
    assert (await world.slack.submit("bob", {"disks": {"disks": [DATA]}, "others": {"others": ""}})).ok
    await world.slack.until(lambda: "Backup of 1 disk in payments-prod: planned" in world.root(request).text)  # type: ignore[union-attr]
    await world.slack.press("bob", CHANNEL, root.ts, CONFIRM)
    assert "break-glass" in (await ended(world, request))[0].text
    assert [call["body"]["snapshot"]["volume_id"] for call in world.cloud.calls("create_snapshot")] == [DATA]
