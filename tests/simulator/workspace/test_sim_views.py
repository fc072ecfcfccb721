from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import NotAllowedInSlack, WorkspaceSimulator


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def text_input(block_id: str = "name", **element: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(block_id),
        "element": {"type": "plain_text_input", "action_id": "value", **element},
    }


def a_modal(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    defaults = {"type": "modal", "callback_id": "create", "title": plain("New"), "submit": plain("Create")}
    return {**defaults, "blocks": list(blocks) or [text_input()], **fields}


def a_trigger(sim: WorkspaceSimulator) -> str:
    """A trigger id as alice's command in #ops would carry."""
    return sim.state.triggers.make("U0ALICE001", "C0OPS00001")


async def opened(sim: WorkspaceSimulator, client: AsyncWebClient, *blocks: dict[str, Any], **fields: Any) -> Any:
    return (await client.views_open(trigger_id=a_trigger(sim), view=a_modal(*blocks, **fields)))["view"]


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


def submitting(app: AsyncApp, **answer: Any) -> list[dict[str, Any]]:
    """Let the app acknowledge submissions with this answer; returns the views it gets."""
    seen: list[dict[str, Any]] = []

    async def listener(ack: AsyncAck, view: dict[str, Any]) -> None:
        seen.append(view)
        await ack(**answer)

    app.view("create")(listener)
    return seen


async def test_a_shortcut_opens_a_modal_and_its_submission_closes_it(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    seen = submitting(bot)

    @bot.shortcut("new_snapshot")
    async def shortcut(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=a_modal())

    assert (await sim.shortcut("alice", "new_snapshot")).ok
    await sim.until(lambda: sim.view("alice") is not None)
    outcome = await sim.submit("alice", {"name": {"value": "nightly"}})
    assert (outcome.ok, sim.view("alice")) == (True, None)
    assert seen[0]["state"]["values"] == {"name": {"value": {"type": "plain_text_input", "value": "nightly"}}}


async def test_a_trigger_works_once(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    trigger = a_trigger(sim)
    await client.views_open(trigger_id=trigger, view=a_modal())
    assert await error_of(client.views_open(trigger_id=trigger, view=a_modal())) == "exchanged_trigger_id"
    assert await error_of(client.views_open(trigger_id="1.2.x", view=a_modal())) == "invalid_trigger_id"


async def test_a_trigger_lives_three_seconds(
    sim: WorkspaceSimulator, client: AsyncWebClient, wind: Callable[[float], None]
) -> None:
    trigger = a_trigger(sim)
    wind(3.1)
    assert await error_of(client.views_open(trigger_id=trigger, view=a_modal())) == "expired_trigger_id"


async def test_three_modals_can_lie_on_each_other_and_closing_shows_the_one_below(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    view = await opened(sim, client)
    for title in ("Second", "Third"):
        trigger = sim.state.triggers.make("U0ALICE001", view_id=view["id"])
        pushed = (await client.views_push(trigger_id=trigger, view=a_modal(title=plain(title))))["view"]
        assert pushed["root_view_id"] == view["id"]
    trigger = sim.state.triggers.make("U0ALICE001", view_id=view["id"])
    assert await error_of(client.views_push(trigger_id=trigger, view=a_modal())) == "push_limit_reached"
    await sim.close("alice")
    top = sim.view("alice")
    assert top is not None
    assert top.source["title"]["text"] == "Second"


async def test_a_push_needs_a_trigger_from_inside_a_modal(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    await opened(sim, client)
    assert await error_of(client.views_push(trigger_id=a_trigger(sim), view=a_modal())) == "not_found"


async def test_an_update_with_a_stale_hash_is_refused(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    view = await opened(sim, client)
    fresh = (await client.views_update(view_id=view["id"], hash=view["hash"], view=a_modal()))["view"]
    assert fresh["hash"] != view["hash"]
    call = client.views_update(view_id=view["id"], hash=view["hash"], view=a_modal())
    assert await error_of(call) == "hash_conflict"


async def test_an_update_keeps_what_was_typed_where_both_ids_stay(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    view = await opened(sim, client, text_input("name"), text_input("note"))
    await sim.type_in_view("alice", "name", "value", "nightly")
    await sim.type_in_view("alice", "note", "value", "please")
    changed = await client.views_update(view_id=view["id"], view=a_modal(text_input("name"), text_input("note.2")))
    assert changed["view"]["state"]["values"] == {
        "name": {"value": {"type": "plain_text_input", "value": "nightly"}},
        "note.2": {"value": {"type": "plain_text_input", "value": None}},
    }


async def test_an_external_id_belongs_to_one_open_view(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    view = await opened(sim, client, external_id="job-1")
    trigger = sim.state.triggers.make("U0BOB00002")
    call = client.views_open(trigger_id=trigger, view=a_modal(external_id="job-1"))
    assert await error_of(call) == "duplicate_external_id"
    assert (await client.views_update(external_id="job-1", view=a_modal()))["view"]["id"] == view["id"]


async def test_a_closed_view_is_not_found(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    view = await opened(sim, client)
    assert await sim.close("alice") is None
    assert await error_of(client.views_update(view_id=view["id"], view=a_modal())) == "not_found"


async def test_the_app_hears_of_a_closed_modal_only_where_it_asked(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    closed: list[tuple[bool, str]] = []

    @bot.view_closed("create")
    async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        closed.append((body["is_cleared"], str(body["view"]["state"]["values"])))

    await opened(sim, client, notify_on_close=True)
    outcome = await sim.close("alice", everything=True)
    assert outcome is not None
    assert (outcome.ok, closed) == (True, [(True, "{}")])


@pytest.mark.parametrize(
    ("element", "value", "complaint"),
    [
        ({}, None, "Please complete this required field."),
        ({"min_length": 3}, "ab", "Must be at least 3 characters."),
        ({"max_length": 3}, "abcd", "Must be at most 3 characters."),
        ({"type": "number_input", "is_decimal_allowed": False, "min_value": "1"}, "0", "Must be at least 1."),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5", "Please enter a valid number."),
    ],
)
async def test_the_client_checks_inputs_before_anything_is_sent(
    sim: WorkspaceSimulator, client: AsyncWebClient, element: dict[str, Any], value: str | None, complaint: str
) -> None:
    await opened(sim, client, text_input("name", **element))
    outcome = await sim.submit("alice", {"name": {"value": value}})
    assert (outcome.ok, outcome.errors, outcome.delivery) == (False, {"name": complaint}, None)


async def test_errors_stand_under_their_inputs_and_the_modal_stays(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    submitting(bot, response_action="errors", errors={"name": "Pick another name."})
    await opened(sim, client)
    outcome = await sim.submit("alice", {"name": {"value": "nightly"}})
    assert (outcome.ok, outcome.error, outcome.errors) == (False, None, {"name": "Pick another name."})
    assert "! Pick another name." in sim.render_view("alice")


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"value": "an action_id"}},
        {"text": "thanks"},
        {"response_action": "update", "view": {"type": "modal", "blocks": []}},
    ],
)
async def test_an_answer_slack_cannot_follow_is_trouble_connecting(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient, answer: dict[str, Any]
) -> None:
    submitting(bot, **answer)
    await opened(sim, client)
    outcome = await sim.submit("alice", {"name": {"value": "nightly"}})
    assert outcome.error == "We had some trouble connecting. Try again?"
    assert sim.view("alice") is not None
    assert [entry["where"] for entry in sim.journal if entry["entry"] == "validation"] == ["view_submission"]


async def test_a_submission_can_change_add_and_clear_views(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    shapes: list[int] = []
    answers: list[dict[str, Any]] = [
        {"response_action": "update", "view": a_modal(title=plain("Working"))},
        {"response_action": "push", "view": a_modal(title=plain("Sure?"))},
        {"response_action": "clear"},
    ]

    @bot.view("create")
    async def listener(ack: AsyncAck) -> None:
        await ack(**answers[len(shapes)])

    await opened(sim, client)
    for _ in answers:
        assert (await sim.submit("alice", {"name": {"value": "nightly"}})).ok
        shapes.append(len(sim.views("alice")))
    assert shapes == [1, 2, 0]


async def test_a_submission_nobody_answers_is_trouble_connecting(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    await opened(sim, client)
    outcome = await sim.submit("alice", {"name": {"value": "nightly"}})
    assert outcome.error == "We had some trouble connecting. Try again?"


async def test_choices_in_an_input_that_dispatches_tell_the_app(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    @bot.action("value")
    async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        heard.put_nowait(body)

    options = [{"text": plain("7 days"), "value": "7d"}, {"text": plain("30 days"), "value": "30d"}]
    keep = text_input("keep", type="static_select", options=options)
    await opened(sim, client, {**keep, "dispatch_action": True})
    await sim.type_in_view("alice", "keep", "value", "30 days")
    body = await heard.get()
    assert body["actions"][0]["selected_option"]["value"] == "30d"
    assert "channel" not in body
    with pytest.raises(NotAllowedInSlack, match="no option 90d"):
        await sim.type_in_view("alice", "keep", "value", "90d")


async def test_an_external_select_asks_the_app_once_enough_is_typed(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    @bot.options("value")
    async def listener(ack: AsyncAck, payload: dict[str, Any]) -> None:
        await ack(options=[{"text": plain(f"{payload['value']}-db"), "value": "db:1"}])

    seen = submitting(bot)
    await opened(sim, client, text_input("disk", type="external_select", min_query_length=2))
    too_short = await sim.suggest("alice", "disk", "value", "o")
    asked = await sim.suggest("alice", "disk", "value", "orders")
    assert (too_short.options, too_short.delivery) == ([], None)
    assert [option["text"]["text"] for option in asked.options] == ["orders-db"]
    await sim.submit("alice", {"disk": {"value": "db:1"}})
    assert seen[0]["state"]["values"]["disk"]["value"]["selected_option"]["value"] == "db:1"


async def test_home_is_told_each_time_and_keeps_the_newest_publish(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    views: list[dict[str, Any] | None] = []

    @bot.event("app_home_opened")
    async def listener(event: dict[str, Any]) -> None:
        views.append(event.get("view"))

    await sim.open_home("alice")
    home = {"type": "home", "blocks": [{"type": "header", "text": plain("Your snapshots")}]}
    first = (await client.views_publish(user_id="U0ALICE001", view=home))["view"]
    await client.views_publish(user_id="U0ALICE001", view=home, hash=first["hash"])
    call = client.views_publish(user_id="U0ALICE001", view=home, hash=first["hash"])
    assert await error_of(call) == "hash_conflict"
    await sim.open_home("alice")
    await sim.until(lambda: len(views) == 2)
    assert [view and view["id"] for view in views] == [None, first["id"]]
    assert "# Your snapshots" in sim.render_view("alice", home=True)
