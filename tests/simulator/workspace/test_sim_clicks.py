from __future__ import annotations

import asyncio
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import NotAllowedInSlack, WorkspaceSimulator


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def a_button(value: str = "job:1", **fields: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "cancel", "text": plain("Cancel"), "value": value, **fields}


def buttons(*elements: dict[str, Any], block_id: str = "job.rev1") -> list[dict[str, Any]]:
    return [{"type": "actions", "block_id": block_id, "elements": list(elements)}]


async def posted(client: AsyncWebClient, channel: str, blocks: list[dict[str, Any]]) -> str:
    return str((await client.chat_postMessage(channel=channel, text="Job 1", blocks=blocks))["ts"])


def hearing(app: AsyncApp) -> asyncio.Queue[dict[str, Any]]:
    """The clicks on `cancel` and `more` that the app gets."""
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        heard.put_nowait(body)

    app.action("cancel")(listener)
    app.action("more")(listener)
    return heard


async def test_anyone_who_sees_a_button_can_press_it_also_from_outside(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    heard = hearing(bot)
    ts = await posted(client, "C0SHARED03", buttons(a_button()))
    assert (await sim.press("eve", "#shared", ts, "cancel")).ok
    body = await heard.get()
    assert (body["user"]["team_id"], body["team"]["id"]) == ("T0PARTNER9", "T0HARBOR01")


@pytest.mark.parametrize("user", ["gone", "sam", "strange"])
async def test_who_cannot_see_a_message_cannot_press_in_it(
    sim: WorkspaceSimulator, client: AsyncWebClient, user: str
) -> None:
    ts = await posted(client, "C0OPS00001", buttons(a_button()))
    with pytest.raises(NotAllowedInSlack):
        await sim.press(user, "#ops", ts, "cancel")


async def test_a_button_of_an_older_rendering_can_still_be_pressed(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    heard = hearing(bot)
    ts = await posted(client, "C0OPS00001", buttons(a_button()))
    await client.chat_update(channel="C0OPS00001", ts=ts, text="done", blocks=[])
    with pytest.raises(NotAllowedInSlack, match="no element cancel"):
        await sim.press("bob", "#ops", ts, "cancel")
    await sim.press("bob", "#ops", ts, "cancel", revision=0)
    body = await heard.get()
    assert (body["actions"][0]["block_id"], body["message"]["text"]) == ("job.rev1", "Job 1")


async def test_a_press_shows_its_confirm_dialog_and_picks_by_value(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    heard = hearing(bot)
    confirm = {"title": plain("Cancel?"), "text": plain("It stops."), "confirm": plain("Stop"), "deny": plain("Keep")}
    first, second = buttons(a_button("job:1"))[0], buttons(a_button("job:2", confirm=confirm), block_id="two")[0]
    ts = await posted(client, "C0OPS00001", [first, second])
    outcome = await sim.press("bob", "#ops", ts, "cancel", value="job:2")
    assert outcome.confirm is not None
    assert outcome.confirm["title"]["text"] == "Cancel?"
    assert (await heard.get())["actions"][0]["value"] == "job:2"


async def test_an_overflow_choice_carries_its_option(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    heard = hearing(bot)
    menu = {"type": "overflow", "action_id": "more", "options": [{"text": plain("Show log"), "value": "log:1"}]}
    ts = await posted(client, "C0OPS00001", buttons(menu))
    await sim.select("bob", "#ops", ts, "more", "Show log")
    assert (await heard.get())["actions"][0]["selected_option"]["value"] == "log:1"


async def test_a_press_nobody_answers_leaves_a_warning_on_the_button(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    ts = await posted(client, "C0OPS00001", buttons(a_button()))
    outcome = await sim.press("bob", "#ops", ts, "cancel")
    assert (outcome.ok, outcome.error, outcome.delivery["outcome"]) == (False, "⚠", "dispatch_failed")


async def test_a_reply_to_a_press_can_change_or_remove_its_message(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    @bot.action("cancel")
    async def listener(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond(replace_original=True, text="Cancelled")
        await respond(text="Only you see this")
        await respond(delete_original=True)

    ts = await posted(client, "C0OPS00001", buttons(a_button()))
    await sim.press("bob", "#ops", ts, "cancel")
    await sim.until(lambda: sim.message("#ops", ts).deleted)
    assert [text for _, text, _ in sim.message("#ops", ts).history] == ["Job 1", "Cancelled"]
    assert [message.text for message in sim.messages("#ops", viewer="bob")] == ["Only you see this"]


async def test_a_press_in_an_ephemeral_message_comes_without_the_message(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    heard = hearing(bot)
    answer = await client.chat_postEphemeral(
        channel="C0OPS00001", user="U0BOB00002", text="Sure?", blocks=buttons(a_button())
    )
    await sim.press("bob", "#ops", answer["message_ts"], "cancel")
    body = await heard.get()
    assert (body["container"]["is_ephemeral"], "message" in body) == (True, False)


async def test_a_message_shortcut_brings_the_message_and_needs_one_everybody_sees(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    texts: list[str] = []

    @bot.shortcut("snapshot_this")
    async def listener(ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        await ack()
        texts.append(shortcut["message"]["text"])

    written = (await sim.say("bob", "#ops", "please snapshot orders")).message
    await sim.message_shortcut("alice", "#ops", written.ts, "snapshot_this")
    hidden = await client.chat_postEphemeral(channel="C0OPS00001", user="U0BOB00002", text="psst")
    with pytest.raises(NotAllowedInSlack, match="only you can see"):
        await sim.message_shortcut("bob", "#ops", hidden["message_ts"], "snapshot_this")
    assert texts == ["please snapshot orders"]


async def test_people_from_outside_have_no_shortcuts(sim: WorkspaceSimulator) -> None:
    with pytest.raises(NotAllowedInSlack, match="another organisation"):
        await sim.shortcut("eve", "new_snapshot")
