"""`list`, page by page."""

from __future__ import annotations

import pytest

from bot.domain.parsing.commands import ListSnapshots
from bot.simulator.workspace import Message
from bot.slack.ids import LIST_NEWER, LIST_OLDER
from bot.slack.listeners.pages import read_page
from tests.e2e.conftest import CHANNEL, World, request_id


async def pages(world: World, person: str = "alice") -> Message:
    return await world.told(person, "equests")


async def test_a_list_is_turned_page_by_page_in_the_same_private_message(either_world: World) -> None:
    world = either_world
    await world.say("help")
    await world.told("alice", "You may use")
    asked = [request_id((await world.say("create no-such-disk project=payments-prod")).text) for _ in range(23)]
    await world.slack.until(lambda: len([m for m in world.private("alice") if "No disk named" in m.text]) == 23)
    await world.say("list mine")
    listed = await world.told("alice", "The latest requests you may see")
    assert [one for one in asked if one in listed.text] == asked[-10:]

    await world.slack.press("alice", CHANNEL, listed.ts, LIST_OLDER)
    second = await world.told("alice", "Older requests, 11 to 20")
    assert [one for one in asked if one in second.text] == asked[3:13]
    assert "The latest requests" not in "".join(message.text for message in world.private("alice"))
    await world.slack.press("alice", CHANNEL, second.ts, LIST_OLDER)
    third = await world.told("alice", "Older requests, 21 to 23")
    assert [one for one in asked if one in third.text] == asked[:3]
    assert LIST_OLDER not in str(third.blocks)
    await world.slack.press("alice", CHANNEL, third.ts, LIST_NEWER)
    assert [one for one in asked if one in (await world.told("alice", "11 to 20")).text] == asked[3:13]
    assert world.slack_complaints() == []


async def test_a_right_that_is_gone_is_missed_at_the_next_page(world: World) -> None:
    await world.say("help", "bob")
    await world.told("bob", "You may use")
    for _ in range(11):
        await world.say("create no-such-disk project=payments-prod", "bob")
    await world.slack.until(lambda: len([m for m in world.private("bob") if "No disk named" in m.text]) == 11)
    await world.say("list project=payments-prod", "bob")
    listed = await world.told("bob", "The latest requests you may see")
    await world.slack.set_group_members("oncall", [])
    await world.slack.press("bob", CHANNEL, listed.ts, LIST_OLDER)
    await world.told("bob", "There is no project “payments-prod” that you may use.")


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ('{"disk": "a", "project": null, "mine": true, "offset": 10}', ListSnapshots("a", None, True, 10)),
        ('{"offset": 0}', ListSnapshots()),
        ("{", None),
        ("[]", None),
        ("[" * 100_000, None),
        ('{"offset": true}', None),
        ('{"offset": -1}', None),
        ('{"offset": 99999999999}', None),
        ('{"offset": 1, "disk": 3}', None),
        ("{}", None),
    ],
)
def test_what_a_page_button_says_is_read_or_refused(value: str, asked: ListSnapshots | None) -> None:
    assert read_page(value) == asked
