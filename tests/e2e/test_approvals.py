"""Other people agree, or not; and how many disks a day."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.simulator.workspace import Message
from bot.slack.ids import CONFIRM
from tests.e2e.conftest import CHANNEL, World, request_id

Start = Callable[[str], Awaitable[World]]
APPROVERS = """
[[grants]]
subject = "user:U0ENG00001"
role = "approver"
project = "payments-prod"

[[grants]]
subject = "user:U0ENG00002"
role = "approver"
project = "payments-prod"
"""


@pytest.fixture
def start(quiet_world: World) -> Start:
    """Starts a bot whose payments-prod has these lines; alice is its admin, bob operator, eng01 and eng02 approve."""

    async def start(lines: str) -> World:
        file = quiet_world.setting.directory / "bot.toml"
        text = file.read_text().replace("[projects.payments-prod]", f"[projects.payments-prod]\n{lines}", 1)
        file.write_text(text + APPROVERS)
        await quiet_world.start_bot()
        return quiet_world

    return start


async def asked(world: World, request: str) -> Message:
    """The message with the buttons."""
    await world.slack.until(lambda: bool(world.replies(request, "ask")))
    return world.replies(request, "ask")[0]


async def audit_rules(world: World) -> list[tuple[str, str, str]]:
    assert world.bot is not None
    rows = await world.bot.store.audit_page(0)
    return [(row["actor"], row["outcome"], row["rule"]) for row in rows if row["action"] == "approve"]


def buttons(message: Message) -> list[str]:
    return [
        element["action_id"]
        for block in message.blocks
        for element in block.get("elements", [])
        if "action_id" in element
    ]


async def press(world: World, person: str, message: Message, action: str) -> Any:
    outcome = await world.slack.press(person, CHANNEL, message.ts, action)
    assert outcome.ok, outcome.error
    return outcome


async def test_nothing_is_sent_before_somebody_else_agreed(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create('web-01-data reason="kernel"', "bob")
    ask = await asked(world, request)
    root = world.root(request)
    assert root is not None and "waiting for approval, 0 of 1 agreed" in root.text
    assert ask.thread_ts == root.ts
    assert buttons(ask) == ["approve_request", "deny_request"]
    assert "kernel" in ask.text and f"approve {request}" in ask.text
    assert world.cloud.calls("create_snapshot") == []
    await press(world, "eng01", ask, "approve_request")
    assert "all available" in (await world.finished(request)).text
    ask = await asked(world, request)
    assert buttons(ask) == []
    assert "Approved by <@U0ENG00001>" in ask.text
    assert len(world.cloud.calls("create_snapshot")) == 1
    assert await audit_rules(world) == [("U0ENG00001", "allowed", "granted")]
    assert world.slack_complaints() == []


async def test_who_asked_cannot_agree_and_neither_can_who_may_not_approve(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "alice")
    ask = await asked(world, request)
    await press(world, "alice", ask, "approve_request")
    await world.told("alice", "You asked for this yourself")
    await press(world, "bob", ask, "approve_request")
    await world.told(
        "bob", "In payments-prod you may cancel, create, view, but not approve. <@U0ALICE001> can change that."
    )
    await press(world, "carol", ask, "approve_request")
    await world.told("carol", "I know no request")
    await press(world, "gus", ask, "approve_request")
    await world.told("gus", "Guests of this workspace may not use the snapshot bot")
    assert world.cloud.calls("create_snapshot") == []
    assert [rule for _, outcome, rule in await audit_rules(world) if outcome == "denied"] == [
        "own-request",
        "action-not-granted",
        "no-grant",
        "standing-guest",
    ]


async def test_two_different_people_are_two_and_one_person_twice_is_one(start: Start) -> None:
    world = await start("approvals = 2")
    request = await world.create("web-01-data", "bob")
    ask = await asked(world, request)
    await press(world, "eng01", ask, "approve_request")
    await world.told("eng01", "You approved it; 1 more needed.")
    await press(world, "eng01", ask, "approve_request")
    await world.told("eng01", "You approved it before; 1 more needed.")
    rows = await audit_rules(world)
    assert rows == [("U0ENG00001", "allowed", "granted"), ("U0ENG00001", "denied", "agreed-before")]
    await world.slack.until(lambda: "1 of 2 agreed (<@U0ENG00001>)" in (world.replies(request, "ask")[0].text))
    assert world.cloud.calls("create_snapshot") == []
    outcome = await world.say(f"approve {request}", "eng02")
    assert outcome.error is None
    assert "all available" in (await world.finished(request)).text


async def test_agreements_that_follow_each_other_closely_do_not_edit_the_ask_too_often(start: Start) -> None:
    world = await start("approvals = 3")
    request = await world.create("web-01-data", "bob")
    ask = await asked(world, request)
    for person in ("eng01", "eng02", "alice"):
        await press(world, person, ask, "approve_request")
    await world.finished(request)
    message = world.replies(request, "ask")[0]
    assert "Approved by" in message.text
    times = [at for at, *_ in message.history]
    assert all(later - earlier >= 2.9 for earlier, later in itertools.pairwise(times))


async def test_two_people_who_press_at_the_same_instant_settle_it_once(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    ask = await asked(world, request)
    await asyncio.gather(
        press(world, "eng01", ask, "approve_request"),
        press(world, "eng02", ask, "approve_request"),
        press(world, "alice", ask, "approve_request"),
    )
    await world.finished(request)
    assert len(world.cloud.calls("create_snapshot")) == 1
    assert len([outcome for _, outcome, _ in await audit_rules(world) if outcome == "allowed"]) == 1


async def test_a_denial_with_its_reason_is_told_to_who_asked(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    ask = await asked(world, request)
    await press(world, "eng01", ask, "deny_request")
    await world.slack.until(lambda: world.slack.view("eng01") is not None)
    outcome = await world.slack.submit("eng01", {"reason": {"reason": "not during the <!channel> freeze"}})
    assert outcome.ok, outcome.error
    root = await world.finished(request)
    assert "denied, nothing was created" in root.text
    receipt = world.replies(request, "receipt")[0].text
    assert "<@U0BOB00002>, <@U0ENG00001> denied it: “not during the &lt;!channel&gt; freeze”" in receipt
    assert buttons(await asked(world, request)) == []
    assert world.cloud.calls("create_snapshot") == []
    assert world.slack_complaints() == []


async def test_a_denial_is_answered_in_the_thread_where_the_button_was_pressed(start: Start) -> None:
    world = await start("approvals = 1")
    ask = await asked(world, await world.create("web-01-data", "bob"))
    assert ask.thread_ts is not None
    await press(world, "eng01", ask, "deny_request")
    await world.slack.until(lambda: world.slack.view("eng01") is not None)
    assert (await world.slack.submit("eng01", {"reason": {"reason": "not during the freeze"}})).ok
    assert (await world.told("eng01", "You denied it")).thread_ts == ask.thread_ts


async def test_a_form_whose_opening_slack_does_not_answer_is_told_to_be_tried_again(start: Start) -> None:
    world = await start("approvals = 1")
    ask = await asked(world, await world.create("web-01-data", "bob"))
    world.slack.fault("reset_after", method="views.open")
    await press(world, "eng01", ask, "deny_request")
    await world.told("eng01", "Slack did not let me open the form in time. Press again, or type deny")


async def test_a_denial_typed_needs_its_reason(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    await asked(world, request)
    outcome = await world.say(f"deny {request}", "eng01")
    assert f"Write `deny {request} reason=…`" in outcome.text
    await world.say(f'deny {request} reason="wrong disk"', "eng01")
    assert "“wrong disk”" in (await world.finished(request)).text or world.replies(request, "receipt")


async def test_who_may_not_approve_sees_no_form(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "alice")
    await press(world, "bob", await asked(world, request), "deny_request")
    await world.told("bob", "but not approve")
    assert world.slack.view("bob") is None


async def test_a_right_that_ended_between_form_and_submit_counts_no_more(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    await press(world, "eng01", await asked(world, request), "deny_request")
    await world.slack.until(lambda: world.slack.view("eng01") is not None)
    await world.slack.set_user("eng01", is_restricted=True)
    await world.slack.submit("eng01", {"reason": {"reason": "no"}})
    await world.slack.until(
        lambda: any("Guests" in one.text for one in [*world.private("eng01"), *world.slack.direct_messages("eng01")])
    )
    assert world.root(request) is not None and "waiting" in world.root(request).text  # type: ignore[union-attr]


async def test_an_approval_is_worth_no_more_than_its_approvers_right(start: Start) -> None:
    world = await start("approvals = 1")
    world.cloud.fault("create_snapshot", "external_busy", seconds=5)
    request = await world.create("web-01-data", "bob")
    await press(world, "eng01", await asked(world, request), "approve_request")
    await world.until(lambda: bool(world.cloud.calls("create_snapshot")))
    await world.slack.deactivate("eng01")
    root = await world.finished(request)
    assert "needs the approval of 1 other people; it has 0" in root.text
    assert world.cloud.snapshots() == []


async def test_nobody_in_an_hour_means_no_and_says_so(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    monkeypatch.setattr("bot.workflow.jobs.plan.APPROVAL_TIME", timedelta(seconds=8))
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    ask = await asked(world, request)
    root = await world.finished(request)
    assert "dropped, nothing was created" in root.text
    assert "Nobody settled it" in world.replies(request, "receipt")[0].text
    await press(world, "eng01", ask, "approve_request") if buttons(await asked(world, request)) else None
    assert world.cloud.calls("create_snapshot") == []


async def test_a_restart_changes_nothing_about_what_waits(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    ask = await asked(world, request)
    await world.stop_bot()
    await world.start_bot()
    await press(world, "eng01", ask, "approve_request")
    assert "all available" in (await world.finished(request)).text
    assert len(world.replies(request, "ask")) == 1


async def test_a_known_person_hears_at_once_that_others_have_to_agree(start: Start) -> None:
    world = await start("approvals = 2")
    await world.say("help", "bob")
    await world.told("bob", "You may use")
    outcome = await world.say("create web-01-data", "bob")
    assert "It runs once 2 other people agree" in outcome.text


async def test_the_daily_limit_counts_disks_and_is_told(start: Start) -> None:
    world = await start("daily_limit = 3")
    await world.finished(await world.create("web-01-data web-01-logs", "bob"))
    await world.say("create orders-db orders-db-wal", "bob")
    await world.told("bob", "In payments-prod one person may snapshot 3 disks a day (UTC). You have had 2 of them")
    await world.say("access", "bob")
    await world.told("bob", "At most 3 disks a day (UTC); 2 used today.")
    await world.finished(await world.create("orders-db", "bob"))
    await world.finished(await world.create("orders-db-wal", "alice"))
    assert len(world.cloud.snapshots()) == 4


async def test_a_disk_left_out_of_a_plan_takes_nothing_of_the_daily_limit(start: Start) -> None:
    world = await start("daily_limit = 3")
    await world.say("quick server=web-01 disks=broken-index", "bob")
    await world.slack.until(lambda: any("planned, waiting" in one.text for one in world.slack.messages(CHANNEL)))
    (plan,) = [one for one in world.slack.messages(CHANNEL) if "planned, waiting" in one.text]
    await press(world, "bob", plan, CONFIRM)
    await world.told("bob", "and it began. Its message says how far it is.")
    await world.say("quick disks=orders-db", "bob")
    over = "In payments-prod one person may snapshot 3 disks a day (UTC). You have had 3 of them"
    # Whose rights were at hand had a placeholder already, and reads it there.
    await world.slack.until(
        lambda: any(over in one.text for one in [*world.private("bob"), *world.slack.messages(CHANNEL)])
    )


async def test_the_last_disk_of_the_day_cannot_be_taken_twice_at_once(start: Start) -> None:
    world = await start("daily_limit = 1")
    await world.say("help", "bob")
    await world.told("bob", "You may use")
    disks = ("web-01-data", "web-01-logs", "orders-db", "orders-db-wal", "spare-disk")
    outcomes = await asyncio.gather(*(world.say(f"create {disk}", "bob") for disk in disks))
    requests = [request_id(outcome.text) for outcome in outcomes]
    await world.slack.until(lambda: sum(bool(world.replies(request, "receipt")) for request in requests) == 1)
    await world.slack.until(lambda: sum("1 disks a day" in one.text for one in world.private("bob")) == 4)
    assert len(world.cloud.calls("create_snapshot")) == 1


@pytest.mark.parametrize("notify", [True, False])
async def test_those_who_may_approve_are_mentioned_where_the_project_says_so(start: Start, notify: bool) -> None:
    world = await start(f"approvals = 1\nnotify_approvers = {str(notify).lower()}")
    request = await world.create("web-01-data", "bob")
    told = await asked(world, request)
    for user in ("<@U0ENG00001>", "<@U0ENG00002>", "<@U0ALICE001>"):
        assert (user in told.text) is notify
    assert "<@U0BOB00002>, <@" not in told.text
    assert ("May approve: " in told.text) is notify


async def test_in_a_shared_channel_nobody_is_mentioned(start: Start) -> None:
    world = await start("approvals = 1\nnotify_approvers = true\nexternal_channels = true")
    world.slack.world.channel(CHANNEL).is_ext_shared = True
    request = await world.create("web-01-data", "bob")
    assert "May approve" not in (await asked(world, request)).text
