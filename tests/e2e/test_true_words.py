"""Words that were wrong though everything was done right, as people read them."""

from __future__ import annotations

import re

import pytest

from bot.slack.ids import CANCEL, CONFIRM
from tests.e2e.conftest import CHANNEL, World, request_id
from tests.e2e.test_gone import answered


async def planned(world: World, text: str = "quick server=web-01") -> str:
    request = request_id((await world.say(text)).text)
    await world.slack.until(lambda: CONFIRM in str(getattr(world.root(request), "blocks", "")), 20)
    return request


async def press(world: World, request: str, button: str) -> None:
    root = world.root(request)
    assert root is not None
    await world.slack.press("alice", CHANNEL, root.ts, button)


async def test_the_time_that_somebody_took_to_press_is_not_what_the_backup_took(world: World) -> None:
    request = await planned(world)
    await world.clock.sleep(50)
    await press(world, request, CONFIRM)
    found = re.search(r"finished (\d+) s after the go, all available", (await world.finished(request)).text)
    assert found
    assert int(found[1]) < 30


async def test_the_first_copy_of_a_disk_is_full_and_the_next_one_incremental(world: World) -> None:
    receipts = []
    for _ in range(2):
        request = await world.create("web-01-data")
        await world.finished(request)
        receipts.append(world.replies(request, "receipt")[0].text)
    assert ("full" in receipts[0], "incremental" in receipts[0]) == (True, False)
    assert ("full" in receipts[1], "incremental" in receipts[1]) == (False, True)


async def test_status_alone_shows_what_runs_or_what_was_last_and_never_what_was_dropped(world: World) -> None:
    dropped = await planned(world)
    await press(world, dropped, CANCEL)
    await world.slack.until(lambda: "dropped" in str(world.root(dropped)))
    assert f"nothing was made. `status {dropped}` says why." in await answered(world, "status")
    made = await world.create("web-01-data")
    assert made in await answered(world, "status")
    await world.finished(made)
    again = await planned(world)
    shown = await answered(world, "status")
    assert again in shown and "Nothing of yours" not in shown
    await press(world, again, CANCEL)
    await world.slack.until(lambda: "dropped" in str(world.root(again)))
    last = await answered(world, "status")
    assert last.startswith("Nothing of yours is under way. What you asked for last:")
    assert made in last and again not in last and dropped not in last


@pytest.mark.parametrize("verb", ["approve", "deny", "review"])
async def test_what_has_ended_is_told_as_that_to_its_own_person_too(world: World, verb: str) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    said = await answered(world, f"{verb} {request}{' reason=late' if verb == 'deny' else ''}")
    assert "yourself" not in said
    assert ("does not wait for approval: it is finished" in said) == (verb != "review")


@pytest.mark.parametrize("by", ["request", "snapshot"])
async def test_what_is_still_being_made_is_not_said_to_be_nothing(world: World, by: str) -> None:
    world.cloud.fault("create_snapshot", "stuck")
    request = await world.create("web-01-data")
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    snapshot = world.cloud.snapshots()[0]["id"]
    await world.say(f"delete {request if by == 'request' else snapshot}")
    said = (await world.told("alice", "It is still being made")).text
    assert "Nothing" not in said


async def test_what_made_nothing_has_no_receipt(world: World) -> None:
    request = await planned(world)
    await press(world, request, CANCEL)
    await world.slack.until(lambda: "dropped, nothing was created" in str(world.root(request)), 20)
    await world.slack.until(lambda: any("cancelled it" in one.text for one in world.slack.messages(CHANNEL)))
    root = world.root(request)
    assert root is not None
    assert "receipt" not in root.text
    assert all("Receipt" not in one.text for one in world.slack.messages(CHANNEL))


async def test_who_may_use_nothing_is_led_to_the_refusal_that_they_may_read(world: World) -> None:
    """Of what was refused before a project was decided `list mine` shows nothing."""
    await world.say("quick", "carol")
    refused = request_id((await world.told("carol", "Nothing was created.")).text)
    assert "`status ID` says why".replace("ID", refused) in (await world.say("status", "carol")).text
    assert "There is no project in which you may create" in (await world.say(f"status {refused}", "carol")).text
    await world.slack.open_home("carol")
    await world.slack.until(lambda: refused in str(world.slack.home("carol")))
    assert " ·  · " not in str(world.slack.home("carol"))


async def test_in_a_direct_message_nothing_is_called_a_channel(world: World) -> None:
    direct = world.slack.world.direct_message(world.slack.world.person("alice")).id
    await world.say("help")
    await world.told("alice", "You may use")
    taken = await world.say("create spare-disk", channel=direct)
    assert f"Follow it here; request `{request_id(taken.text)}`." in taken.text
    await world.slack.until(lambda: "Receipt: 1 of 1" in str(world.slack.direct_messages("alice")))
    await world.say("restore-points", channel=direct)
    listed = await world.told("alice", "Restore points of")
    assert "*Restore points of* this conversation" in listed.text and f"<#{direct}>" not in listed.text
