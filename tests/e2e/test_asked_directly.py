"""Where those who may approve do not read along, each of them is asked in a direct message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bot.simulator.workspace import Message
from bot.slack.ids import AGREE, APPROVE, CONFIRM, DENY, NEW_SNAPSHOT
from tests.e2e.conftest import World, press_when_asked, request_id
from tests.e2e.test_approvals import Start, buttons, start
from tests.e2e.test_forms import choose_disks, choose_project, open_form

__all__ = ["start"]

APPROVERS = ("alice", "eng01", "eng02")


async def from_a_shared_channel(world: World) -> str:
    return request_id((await world.say("create web-01-data project=payments-prod", "bob", "#shared")).text)


async def from_a_direct_message(world: World) -> str:
    await world.slack.shortcut("bob", NEW_SNAPSHOT)
    await open_form(world, "bob")
    await choose_project(world, "bob", "payments-prod")
    await choose_disks(world, "bob", "web-01-data")
    await world.slack.submit("bob", {})
    return await asked_by(world)


async def from_a_plan(world: World) -> str:
    await world.say("quick disks=web-01-data project=payments-prod", "bob", "#shared")
    plan = await told_directly(world, "bob", "planned, waiting for your go")
    await world.slack.press("bob", plan.channel, plan.ts, CONFIRM)
    return await asked_by(world)


async def asked_by(world: World) -> str:
    return request_id((await told_directly(world, "bob", "asks for snapshots")).text)


async def told_directly(world: World, person: str, words: str) -> Message:
    def found() -> list[Message]:
        return [one for one in world.slack.direct_messages(person) if words in one.text]

    await world.slack.until(lambda: bool(found()), 20)
    return found()[0]


def times_asked(world: World, person: str) -> int:
    return sum("asks for snapshots" in one.text for one in world.slack.direct_messages(person))


@pytest.mark.parametrize("ask", [from_a_shared_channel, from_a_direct_message, from_a_plan])
async def test_an_approver_agrees_in_a_direct_message_and_the_next_hears_that_it_is_settled(
    start: Start, ask: Callable[[World], Awaitable[str]]
) -> None:
    world = await start("approvals = 1")
    request = await ask(world)
    asked = {person: await told_directly(world, person, f"approve {request}") for person in APPROVERS}
    assert all(buttons(message) == [APPROVE, DENY] for message in asked.values())
    assert buttons(await told_directly(world, "bob", "asks for snapshots")) == []
    assert world.cloud.calls("create_snapshot") == []
    await world.slack.press("eng01", asked["eng01"].channel, asked["eng01"].ts, APPROVE)
    await world.told("eng01", "and it began.")
    await told_directly(world, "bob", "*Receipt: 1 of 1")
    await world.slack.press("eng02", asked["eng02"].channel, asked["eng02"].ts, APPROVE)
    await world.told("eng02", "This request does not wait for approval: it is finished.")
    assert len(world.cloud.calls("create_snapshot")) == 1
    assert [times_asked(world, person) for person in APPROVERS] == [1, 1, 1]
    assert "payments-prod" not in "".join(one.text for one in world.slack.messages("#shared", viewer="eve"))
    assert world.slack_complaints() == []


async def test_a_denial_from_a_direct_message_reaches_who_asked(start: Start) -> None:
    world = await start("approvals = 1")
    request = await from_a_shared_channel(world)
    asked = await told_directly(world, "eng01", f"approve {request}")
    await world.slack.press("eng01", asked.channel, asked.ts, DENY)
    await world.slack.until(lambda: world.slack.view("eng01") is not None)
    await world.slack.submit("eng01", {"reason": {"reason": "use the replica"}})
    await told_directly(world, "bob", "use the replica")
    assert world.cloud.calls("create_snapshot") == []


async def test_a_press_in_a_direct_message_is_judged_where_the_request_was_made(start: Start) -> None:
    """The project may be used from the shared channel only, and from no direct message."""
    world = await start('approvals = 1\nchannels = ["C0SHARED03"]')
    request = await from_a_shared_channel(world)
    asked = await told_directly(world, "eng02", f"approve {request}")
    await world.slack.press("eng02", asked.channel, asked.ts, APPROVE)
    await told_directly(world, "bob", "*Receipt: 1 of 1")


async def test_who_is_refused_everything_is_asked_nothing(start: Start) -> None:
    world = await start("approvals = 1")
    await world.slack.set_user("eng01", is_restricted=True)
    request = await from_a_shared_channel(world)
    await told_directly(world, "eng02", f"approve {request}")
    assert world.slack.direct_messages("eng01") == []
    assert world.bot is not None
    rows = await world.bot.store.audit_page(0)
    assert [(row["actor"], row["rule"]) for row in rows if (row["action"], row["outcome"]) == ("notify", "denied")] == [
        ("U0ENG00001", "standing-guest")
    ]


async def test_a_restart_asks_those_who_were_not_asked_yet(start: Start) -> None:
    world = await start("approvals = 1")
    request = await from_a_shared_channel(world)
    await told_directly(world, "alice", f"approve {request}")
    await world.stop_bot()
    assert times_asked(world, "eng02") == 0
    await world.start_bot()
    for person in APPROVERS:
        await told_directly(world, person, f"approve {request}")
    assert [times_asked(world, person) for person in APPROVERS] == [1, 1, 1]


async def test_where_they_read_along_nobody_is_asked_directly(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    await world.slack.until(lambda: bool(world.replies(request, "ask")))
    await world.say(f"approve {request}", "eng01")
    await world.finished(request)
    assert [one for person in APPROVERS for one in world.slack.direct_messages(person)] == []


async def made_where_nobody_reads_along(world: World) -> str:
    """Alice's own request, from a shared channel, so that she alone is told of it."""
    request = request_id((await world.say("create web-01-data project=payments-prod", "alice", "#shared")).text)
    asked = await told_directly(world, "eng01", f"approve {request}")
    await world.slack.press("eng01", asked.channel, asked.ts, APPROVE)
    await told_directly(world, "alice", "*Receipt: 1 of 1")
    return request


async def test_others_are_asked_directly_to_agree_to_a_deletion_and_agree_there(start: Start) -> None:
    """The project may be used from the shared channel only: the press counts where the request was made."""
    world = await start('approvals = 1\nchannels = ["C0SHARED03"]')
    request = await made_where_nobody_reads_along(world)
    await world.delete(request, "by the button that I send them", "alice", "#shared")
    asked = {person: await told_directly(world, person, "asks to delete 1 snapshot") for person in ("eng01", "eng02")}
    assert all(buttons(message) == [AGREE] for message in asked.values())
    own = await told_directly(world, "alice", "asks to delete 1 snapshot")
    assert buttons(own) == [] and "I ask those who may approve directly." in own.text
    await world.slack.press("eng02", asked["eng02"].channel, asked["eng02"].ts, AGREE)
    await told_directly(world, "alice", "1 snapshot is deleted, as <@U0ALICE001> asked and <@U0ENG00002> agreed")
    await world.slack.press("eng01", asked["eng01"].channel, asked["eng01"].ts, AGREE)
    await world.told("eng01", "This is settled already")
    assert sum("asks to delete" in one.text for one in world.slack.direct_messages("alice")) == 1
    assert world.slack_complaints() == []


async def test_a_guest_is_not_asked_to_agree_to_a_deletion(start: Start) -> None:
    world = await start("approvals = 1")
    request = await made_where_nobody_reads_along(world)
    await world.slack.set_user("eng01", is_restricted=True)
    await press_when_asked(world.slack, request, "alice", "#shared")
    await told_directly(world, "eng02", "asks to delete 1 snapshot")
    assert not any("asks to delete" in one.text for one in world.slack.direct_messages("eng01"))
