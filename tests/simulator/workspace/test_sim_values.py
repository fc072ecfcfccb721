"""What people enter outside of modals: in messages and in Home, and files anywhere; as the app hears it over a socket.

The blocks are made by slack_sdk's models, which check Slack's limits.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.models import blocks as kit
from slack_sdk.models.blocks.basic_components import FeedbackButtonObject
from slack_sdk.models.blocks.block_elements import FileInputElement
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import NotAllowedInSlack, WorkspaceSimulator

ALICE, BOB, OPS = "U0ALICE001", "U0BOB00002", "C0OPS00001"
DAYS = [kit.Option(label=f"{days} days", value=f"{days}d") for days in (7, 30)]


Reads = tuple[WorkspaceSimulator, AsyncWebClient, "asyncio.Queue[dict[str, Any]]"]


@pytest.fixture
async def bot_that_reads() -> AsyncIterator[Reads]:
    """A workspace whose app may read files, connected, with the views that are submitted to it."""
    sim = WorkspaceSimulator(scopes=["commands", "files:read"])
    await sim.start()
    client = AsyncWebClient(token=sim.bot_token, base_url=sim.api_url, retry_handlers=[])
    app = AsyncApp(client=client)
    submitted: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    @app.view("create")
    async def listener(ack: AsyncAck, view: dict[str, Any]) -> None:
        await ack()
        submitted.put_nowait(view)

    handler = AsyncSocketModeHandler(app, sim.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # so in slack_bolt
    await sim.wait_for_bot()
    yield sim, client, submitted
    await handler.close_async()  # type: ignore[no-untyped-call]  # so in slack_bolt
    await sim.stop()


def json_of(*blocks: kit.Block) -> list[dict[str, Any]]:
    return [block.to_dict() for block in blocks]


def the_job(**keep: Any) -> list[dict[str, Any]]:
    """A section with a menu, two pickers and a button, and a field that tells nothing until something else is used."""
    menu = kit.StaticSelectElement(action_id="keep", options=DAYS, **keep)
    return json_of(
        kit.SectionBlock(block_id="ask", text="Keep it for", accessory=menu),
        kit.ActionsBlock(
            block_id="more",
            elements=[
                kit.UserSelectElement(action_id="who"),
                kit.ChannelMultiSelectElement(action_id="where"),
                kit.TimePickerElement(action_id="at", timezone="Europe/Berlin"),
                kit.CheckboxesElement(action_id="how", options=DAYS[:1]),
                kit.ButtonElement(action_id="go", text="Go", value="1"),
                kit.OverflowMenuElement(action_id="other", options=DAYS),
            ],
        ),
        kit.InputBlock(block_id="why", label="Why", element=kit.PlainTextInputElement(action_id="text")),
    )


@pytest.fixture
def heard(bot: AsyncApp) -> asyncio.Queue[dict[str, Any]]:
    """Every click that the app hears of."""
    clicks: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        clicks.put_nowait(body)

    bot.action({"type": "block_actions", "action_id": "text"})(listener)
    for action_id in ("keep", "who", "where", "at", "how", "go", "other", "files", "rate", "drop"):
        bot.action(action_id)(listener)
    return clicks


def chosen(days: int) -> dict[str, Any]:
    text = {"type": "plain_text", "text": f"{days} days", "emoji": True}
    return {"type": "static_select", "selected_option": {"text": text, "value": f"{days}d"}}


EMPTY = {
    "ask": {"keep": {"type": "static_select", "selected_option": None}},
    "more": {
        "who": {"type": "users_select", "selected_user": None},
        "where": {"type": "multi_channels_select", "selected_channels": []},
        "at": {"type": "timepicker", "selected_time": None, "timezone": "Europe/Berlin"},
        "how": {"type": "checkboxes", "selected_options": []},
    },
    "why": {"text": {"type": "plain_text_input", "value": None}},
}


async def test_a_click_in_a_message_carries_what_every_menu_of_it_holds(
    sim: WorkspaceSimulator, client: AsyncWebClient, heard: asyncio.Queue[dict[str, Any]]
) -> None:
    ts = (await client.chat_postMessage(channel=OPS, text="Job", blocks=the_job()))["ts"]
    await sim.press("bob", "#ops", ts, "go")
    assert (await heard.get())["state"] == {"values": EMPTY}
    for action_id, value in (("keep", "30 days"), ("who", "alice"), ("where", ["#ops"]), ("at", "03:00")):
        await sim.select("bob", "#ops", ts, action_id, value)
    await sim.enter("bob", "#ops", ts, "why", "text", "before the upgrade")
    await sim.select("bob", "#ops", ts, "other", "7 days")
    for _ in range(4):
        await heard.get()
    body = await heard.get()
    assert body["actions"][0]["selected_option"]["value"] == "7d"
    assert body["state"]["values"] == {
        "ask": {"keep": chosen(30)},
        "more": {
            "who": {"type": "users_select", "selected_user": ALICE},
            "where": {"type": "multi_channels_select", "selected_channels": [OPS]},
            "at": {"type": "timepicker", "selected_time": "03:00", "timezone": "Europe/Berlin"},
            "how": {"type": "checkboxes", "selected_options": []},
        },
        "why": {"text": {"type": "plain_text_input", "value": "before the upgrade"}},
    }
    await sim.press("alice", "#ops", ts, "go")
    assert (await heard.get())["state"]["values"] == EMPTY, "another person has entered nothing"


async def test_a_menu_of_a_message_begins_with_its_initial_option_and_keeps_a_choice_through_an_edit(
    sim: WorkspaceSimulator, client: AsyncWebClient, heard: asyncio.Queue[dict[str, Any]]
) -> None:
    ts = (await client.chat_postMessage(channel=OPS, text="Job", blocks=the_job(initial_option=DAYS[0])))["ts"]
    await sim.press("bob", "#ops", ts, "go")
    assert (await heard.get())["state"]["values"]["ask"]["keep"] == chosen(7)
    await sim.select("bob", "#ops", ts, "keep", "30d")
    await client.chat_update(channel=OPS, ts=ts, text="Job", blocks=the_job(initial_option=DAYS[0]))
    await sim.press("bob", "#ops", ts, "go")
    await heard.get()
    assert (await heard.get())["state"]["values"]["ask"]["keep"] == chosen(30)
    await sim.select("bob", "#ops", ts, "keep", None)
    assert (await heard.get())["actions"][0]["selected_option"] is None


async def test_where_a_click_happened_is_its_container(
    sim: WorkspaceSimulator, client: AsyncWebClient, heard: asyncio.Queue[dict[str, Any]]
) -> None:
    root = (await client.chat_postMessage(channel=OPS, text="Job", blocks=the_job()))["ts"]
    reply = (await client.chat_postMessage(channel=OPS, text="Job", blocks=the_job(), thread_ts=root))["ts"]
    seen = (await client.chat_postEphemeral(channel=OPS, user=BOB, text="Job", blocks=the_job()))["message_ts"]
    home = (await client.views_publish(user_id=BOB, view={"type": "home", "blocks": the_job()}))["view"]
    for ts in (root, reply, seen):
        await sim.press("bob", "#ops", ts, "go")
    await sim.press_in_view("bob", "go", home=True)
    at = {"type": "message", "channel_id": OPS}
    assert [(await heard.get())["container"] for _ in range(4)] == [
        {**at, "message_ts": root, "is_ephemeral": False},
        {**at, "message_ts": reply, "is_ephemeral": False, "thread_ts": root},
        {**at, "message_ts": seen, "is_ephemeral": True},
        {"type": "view", "view_id": home["id"]},
    ]


async def test_menus_and_fields_work_on_app_home(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient, heard: asyncio.Queue[dict[str, Any]]
) -> None:
    @bot.options("disk")
    async def offer(ack: AsyncAck, payload: dict[str, Any]) -> None:
        await ack(options=[{"text": {"type": "plain_text", "text": f"{payload['value']}-db"}, "value": "d1"}])

    external = kit.ExternalDataSelectElement(action_id="disk", placeholder="Disk", min_query_length=1)
    blocks = [*the_job(), *json_of(kit.SectionBlock(block_id="which", text="Disk", accessory=external))]
    await client.views_publish(user_id=ALICE, view={"type": "home", "blocks": blocks})
    assert await sim.type_in_view("alice", "why", "text", "weekly", home=True) is None
    offered = await sim.suggest("alice", "which", "disk", "orders", home=True)
    assert [one["text"]["text"] for one in offered.options] == ["orders-db"]
    outcome = await sim.type_in_view("alice", "more", "who", "bob", home=True)
    assert outcome is not None and outcome.ok
    body = await heard.get()
    assert (body["actions"][0]["selected_user"], "channel" in body, "state" in body) == (BOB, False, False)
    values = body["view"]["state"]["values"]
    assert (values["why"]["text"]["value"], values["more"]["who"]["selected_user"]) == ("weekly", BOB)
    assert values["which"] == {"disk": {"type": "external_select", "selected_option": None}}
    with pytest.raises(NotAllowedInSlack, match="no Home open"):
        await sim.type_in_view("carol", "why", "text", "x", home=True)


def a_file(name: str, content: bytes = b"id\nd-1\n") -> dict[str, str]:
    return {"name": name, "content": b64encode(content).decode()}


def file_form(**element: Any) -> dict[str, Any]:
    asked = FileInputElement(action_id="files", **element)
    return {
        "type": "modal",
        "callback_id": "create",
        "title": {"type": "plain_text", "text": "Disks"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": json_of(kit.InputBlock(block_id="list", label="A list of disks", element=asked)),
    }


async def test_files_are_handed_in_with_a_form_and_read_by_the_app_alone(bot_that_reads: Reads) -> None:
    sim, client, submitted = bot_that_reads
    trigger = sim.state.triggers.make(ALICE, OPS)
    await client.views_open(trigger_id=trigger, view=file_form(filetypes=["csv"], max_files=2))
    missing = await sim.submit("alice")
    assert missing.errors == {"list": "Please complete this required field."}
    for wrong in ([a_file("a.exe")], [a_file(f"{n}.csv") for n in range(3)], [a_file("a.csv", b"x" * (10 << 20 | 1))]):
        with pytest.raises(NotAllowedInSlack):
            await sim.type_in_view("alice", "list", "files", wrong)
    assert (await sim.submit("alice", {"list": {"files": [a_file("disks.csv")]}})).ok
    value = (await submitted.get())["state"]["values"]["list"]["files"]
    [file] = value["files"]
    assert (value["type"], file["name"], file["mimetype"], file["size"]) == ("file_input", "disks.csv", "text/csv", 7)
    assert (file["user"], file["filetype"], file["is_public"]) == (ALICE, "csv", False)
    info = (await client.files_info(file=file["id"]))["file"]
    assert info == file
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"Authorization": f"Bearer {sim.bot_token}"}
        assert (await http.get(file["url_private_download"], headers=headers)).content == b"id\nd-1\n"
        assert "Sign in" in (await http.get(file["url_private_download"])).text


async def test_feedback_and_icons_are_pressed_below_a_message(
    sim: WorkspaceSimulator, client: AsyncWebClient, heard: asyncio.Queue[dict[str, Any]]
) -> None:
    good, bad = (FeedbackButtonObject(text=sign, value=value) for sign, value in (("👍", "good"), ("👎", "bad")))
    rate = kit.FeedbackButtonsElement(action_id="rate", positive_button=good, negative_button=bad)
    drop = kit.IconButtonElement(action_id="drop", icon="trash", text="Delete", value="d", visible_to_user_ids=[BOB])
    blocks = json_of(kit.ContextActionsBlock(block_id="below", elements=[rate, drop]))
    ts = (await client.chat_postMessage(channel=OPS, text="Job", blocks=blocks))["ts"]
    await sim.press("alice", "#ops", ts, "rate", "bad")
    acted = (await heard.get())["actions"][0]
    assert (acted["type"], acted["value"], acted["text"]["text"]) == ("feedback_buttons", "bad", "👎")
    await sim.press("bob", "#ops", ts, "drop")
    assert (await heard.get())["actions"][0]["value"] == "d"
    with pytest.raises(NotAllowedInSlack, match="does not see"):
        await sim.press("alice", "#ops", ts, "drop")


async def test_what_stands_in_containers_and_cards_can_be_used(
    sim: WorkspaceSimulator, client: AsyncWebClient, heard: asyncio.Queue[dict[str, Any]]
) -> None:
    card = kit.CardBlock(block_id="one", title="vol-1", actions=[kit.ButtonElement(action_id="go", text="Go")])
    blocks = json_of(
        kit.ContainerBlock(title="The job", child_blocks=the_job()),
        kit.CarouselBlock(elements=[card]),
    )
    ts = (await client.chat_postMessage(channel=OPS, text="Job", blocks=blocks))["ts"]
    await sim.select("bob", "#ops", ts, "keep", "7d")
    body = await heard.get()
    assert (body["actions"][0]["block_id"], body["state"]["values"]["ask"]["keep"]) == ("ask", chosen(7))
    message = sim.message("#ops", ts)
    assert message.blocks[0]["block_id"] and message.blocks[1]["elements"][0]["block_id"] == "one"


async def test_a_workflow_button_tells_the_app_nothing(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    trigger = {"trigger": {"url": "https://slack.com/shortcuts/Ft1/x"}}
    button = {"type": "workflow_button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [{**button, "workflow": trigger}]}]
    ts = (await client.chat_postMessage(channel=OPS, text="Job", blocks=blocks))["ts"]
    with pytest.raises(NotAllowedInSlack, match="starts a workflow"):
        await sim.press("bob", "#ops", ts, "go")
