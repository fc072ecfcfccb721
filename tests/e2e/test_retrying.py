"""*Try Again* under a failure, and the record under a receipt: next steps in the thread, where no command works."""

from __future__ import annotations

import asyncio
import html
import json
from typing import Any

import pytest

from bot.domain.transitions import RequestEvent
from bot.simulator.workspace import Message
from bot.slack.ids import CONFIRM, POST_MORTEM, TRY_AGAIN
from tests.e2e.conftest import CHANNEL, World, request_id
from tests.e2e.test_quick import planned


async def failed_once(world: World, text: str = "web-01-data web-01-logs keep=7 reason=INC-42") -> tuple[str, Message]:
    """A request of which the disk web-01-data failed; answers it and its receipt."""
    world.cloud.fault("create_snapshot", "job_fail", volume_id=world.cloud.world.disk("web-01-data").id)
    request = await world.create(text)
    await world.finished(request)
    return request, world.replies(request, "receipt")[0]


def others(world: World, first: str, channel: str = CHANNEL) -> set[str]:
    payloads = [(one.metadata or {}).get("event_payload", {}) for one in world.slack.messages(channel)]
    return {one["request"] for one in payloads if one.get("request") not in (None, first)}


async def second(world: World, first: str, channel: str = CHANNEL) -> str:
    await world.slack.until(lambda: bool(others(world, first, channel)))
    (found,) = others(world, first, channel)
    await world.slack.until(lambda: bool(world.replies(found, "receipt", channel)), 20)
    return found


async def trail(world: World) -> list[Any]:
    assert world.bot is not None
    return list(await world.bot.store.audit_page(0))


async def test_what_failed_is_tried_again_with_the_options_of_the_first_in_its_thread(world: World) -> None:
    request, receipt = await failed_once(world)
    root = world.root(request)
    assert root is not None
    await world.slack.press("alice", CHANNEL, receipt.ts, TRY_AGAIN)
    told = await world.told("alice", "another try of 1 disk")
    again = await second(world, request)
    assert request_id(told.text) == again
    replies = world.replies(again, "status") + world.replies(again, "receipt")
    assert {one.thread_ts for one in replies} == {root.ts}
    assert f"another try of `{request}`" in replies[0].text and "INC-42" in replies[0].text
    assert "1 of 1 snapshot available" in replies[1].text and "web-01-data" in replies[1].text
    assert "web-01-logs" not in replies[1].text
    made = [one for one in world.cloud.snapshots() if one["status"] == "available"]
    assert sorted(one["volume_id"] for one in made) == sorted(
        world.cloud.world.disk(name).id for name in ("web-01-data", "web-01-logs")
    )
    assert world.bot is not None
    stored, _ = await world.bot.store.request(again) or (None, None)
    assert stored and (stored.order.keep_days, stored.order.again_of) == (7, request)
    rows = [json.loads(row["details_json"]) for row in await trail(world) if row["action"] == "create"]
    assert [row["again_of"] for row in rows if "again_of" in row] == [request]
    assert world.slack_complaints() == []


async def test_pressed_twice_at_once_or_later_or_by_another_it_acts_once(world: World) -> None:
    request, receipt = await failed_once(world)
    await asyncio.gather(*(world.slack.press(one, CHANNEL, receipt.ts, TRY_AGAIN) for one in ("alice", "bob", "alice")))
    again = await second(world, request)
    await world.slack.press("bob", CHANNEL, receipt.ts, TRY_AGAIN)
    await world.told("bob", f"tried that again already: request `{again}`")
    assert others(world, request) == {again}
    assert len(world.cloud.calls("create_snapshot")) == 3


async def test_a_delivery_that_slack_repeats_acts_once(world: World) -> None:
    request, receipt = await failed_once(world)
    world.slack.fault("duplicate_delivery", method="block_actions")
    await world.slack.press("alice", CHANNEL, receipt.ts, TRY_AGAIN)
    await second(world, request)
    assert len(world.cloud.calls("create_snapshot")) == 3


async def test_somebody_else_who_could_have_made_it_tries_again_in_their_own_name(world: World) -> None:
    request, receipt = await failed_once(world)
    await world.slack.press("bob", CHANNEL, receipt.ts, TRY_AGAIN)
    again = await second(world, request)
    assert world.bot is not None
    stored, _ = await world.bot.store.request(again) or (None, None)
    assert stored and stored.actor_id == world.slack.world.person("bob").id


@pytest.mark.parametrize("person", ["carol", "gus", "sam"])
async def test_who_could_not_have_made_it_changes_nothing(world: World, person: str) -> None:
    """A viewer, a guest, and somebody of another organisation, as far as they are in the channel."""
    world.slack.join(person, CHANNEL)
    request, receipt = await failed_once(world)
    before = len(await trail(world))
    await world.slack.press(person, CHANNEL, receipt.ts, TRY_AGAIN)
    user = world.slack.world.person(person).id
    await world.slack.until(lambda: bool(world.private(person)))
    rows = [row for row in (await trail(world))[before:] if row["actor"] == user]
    assert rows and {row["outcome"] for row in rows} == {"denied"}
    assert others(world, request) == set()
    assert len(world.cloud.calls("create_snapshot")) == 2


async def test_a_right_that_ended_since_counts_no_more_even_for_who_asked_first(world: World) -> None:
    request, receipt = await failed_once(world)
    await world.slack.set_user("alice", is_restricted=True)
    await world.slack.press("alice", CHANNEL, receipt.ts, TRY_AGAIN)
    await asyncio.sleep(0.3)
    assert others(world, request) == set()


@pytest.mark.parametrize("value", ["", "r-00000000", "{}", "x" * 2000, "<!channel>"])
async def test_a_forged_button_says_that_there_is_no_such_request(world: World, value: str) -> None:
    _, receipt = await failed_once(world)
    for block in receipt.blocks:
        for element in block.get("elements", ()):
            if element.get("action_id") == TRY_AGAIN:
                element["value"] = value
    await world.slack.press("alice", CHANNEL, receipt.ts, TRY_AGAIN)
    await world.told("alice", "I know no request")


async def test_what_fails_again_has_its_own_button_and_only_that(world: World) -> None:
    request, receipt = await failed_once(world)
    world.cloud.fault("create_snapshot", "job_fail", volume_id=world.cloud.world.disk("web-01-data").id)
    await world.slack.press("alice", CHANNEL, receipt.ts, TRY_AGAIN)
    again = await second(world, request)
    await world.slack.press("alice", CHANNEL, receipt.ts, TRY_AGAIN)
    await world.told("alice", "What fails there has its own button.")
    (third_receipt,) = world.replies(again, "receipt")
    await world.slack.press("alice", CHANNEL, third_receipt.ts, TRY_AGAIN)
    await world.slack.until(lambda: len(others(world, request)) == 2)
    (third,) = others(world, request) - {again}
    await world.slack.until(lambda: bool(world.replies(third, "receipt")), 20)
    assert "1 of 1 snapshot available" in world.replies(third, "receipt")[0].text


async def test_of_a_quick_backup_what_failed_runs_at_once_without_a_second_plan(world: World) -> None:
    world.cloud.fault("create_group", "error", times=9, status=400, code="EVS.2068", message="no")
    world.cloud.fault("create_snapshot", "job_fail", volume_id=world.cloud.world.disk("web-01-data").id)
    request, root = await planned(world, "server=web-01 reason=INC-42")
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    await world.slack.until(lambda: bool(world.replies(request, "receipt")), 20)
    (receipt,) = world.replies(request, "receipt")
    await world.slack.press("alice", CHANNEL, receipt.ts, TRY_AGAIN)
    again = await second(world, request)
    assert "1 of 1 snapshot available" in world.replies(again, "receipt")[0].text


async def test_a_plan_that_nobody_confirmed_in_time_can_be_asked_for_again_in_its_thread(world: World) -> None:
    request, _ = await planned(world, "server=web-01")
    assert world.bot is not None
    await world.bot.store.refuse_waiting(
        request, RequestEvent.DROP, "plan-timeout", "Nobody confirmed the plan in time.", []
    )
    await world.slack.until(lambda: bool(world.replies(request, "receipt")), 20)
    (receipt,) = world.replies(request, "receipt")
    await world.slack.press("alice", CHANNEL, receipt.ts, TRY_AGAIN)
    await world.slack.until(lambda: bool(others(world, request)))
    (again,) = others(world, request)
    await world.slack.until(
        lambda: any("planned, waiting for your go" in one.text for one in world.replies(again, "status")), 20
    )


async def test_the_record_is_shown_to_whoever_asks_for_it_and_never_stands_in_the_thread(world: World) -> None:
    request, receipt = await failed_once(world)
    assert not [one for one in world.slack.messages(CHANNEL) if '"columns"' in one.text]
    await world.slack.press("bob", CHANNEL, receipt.ts, POST_MORTEM)
    told = await world.told("bob", "for the post-mortem")
    kept = json.loads(html.unescape(told.text.partition("```")[2].rpartition("```")[0]))
    assert kept["request"] == request
    assert not [one for one in world.slack.messages(CHANNEL) if '"columns"' in one.text]
    rows = [json.loads(row["details_json"]) for row in await trail(world) if row["action"] == "view"]
    assert "record" in [row.get("asked") for row in rows]


async def test_the_record_is_not_shown_to_who_may_not_see_the_request(world: World) -> None:
    _, receipt = await failed_once(world)
    world.slack.join("gus", CHANNEL)
    await world.slack.press("gus", CHANNEL, receipt.ts, POST_MORTEM)
    await world.slack.until(lambda: bool(world.private("gus")))
    assert not any('"columns"' in one.text for one in world.private("gus"))


async def test_pressed_in_a_direct_message_it_counts_where_it_was_asked_and_is_told_directly(world: World) -> None:
    world.slack.fault("error", method="chat.postMessage", error="restricted_action")
    world.cloud.fault("create_snapshot", "job_fail", volume_id=world.cloud.world.disk("web-01-data").id)
    await world.say("create web-01-data")

    def receipts() -> list[Message]:
        return [one for one in world.slack.direct_messages("alice") if "Receipt:" in one.text]

    await world.slack.until(lambda: len(receipts()) == 1, 20)
    (receipt,) = receipts()
    await world.slack.press("alice", receipt.channel, receipt.ts, TRY_AGAIN)
    await world.slack.until(lambda: len(receipts()) == 2, 20)
    assert "1 of 1 snapshot available" in receipts()[1].text
    assert not [one for one in world.slack.messages(CHANNEL) if "Receipt:" in one.text]
