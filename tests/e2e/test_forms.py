"""The form in Slack, from each of its doors to the end of the request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.simulator.workspace import CommandOutcome, Message
from bot.simulator.workspace.views import View
from bot.slack.ids import ASK_AGAIN, BACKUP_FOR_MESSAGE, NEW_SNAPSHOT, OPEN_FORM
from bot.slack.views.create_modal import FORM_DISKS, FORM_MORE, FORM_PLACE, FORM_PROJECT, NO_CHOICE
from bot.workflow.actions.fill_form import SUBMIT_SECONDS
from tests.e2e.conftest import CHANNEL, World, part, request_id
from tests.e2e.test_approvals import Start, start

__all__ = ["start"]

CANNOT_TELL = "Slack could not tell me who you are just now"


async def open_form(world: World, person: str) -> View:
    """Wait until the form stands there, filled in."""
    await world.slack.until(lambda: bool((view := world.slack.view(person)) and view.source.get("submit")))
    view: View = world.slack.view(person)
    return view


def block(view: View, field: str) -> str:
    """The block of a field as it is named now."""
    ids: list[str] = [one["block_id"] for one in view.blocks]
    return next(block_id for block_id in ids if block_id.partition(".")[0] == field)


def entered(view: View, field: str) -> Any:
    """What stands in a field: text, an option's value, or the values of several."""
    (state,) = view.values[block(view, field)].values()
    chosen = state.get("selected_options")
    if chosen is not None:
        return [option["value"] for option in chosen]
    option = state.get("selected_option")
    return option["value"] if option else state.get("value") or state.get("selected_conversation")


async def offers(world: World, person: str, query: str = "") -> list[dict[str, Any]]:
    view = world.slack.view(person)
    outcome = await world.slack.suggest(person, block(view, "disks"), FORM_DISKS, query)
    assert outcome.error is None
    options: list[dict[str, Any]] = outcome.options
    return options


async def loaded(world: World, person: str, query: str = "") -> list[dict[str, Any]]:
    """The same by a person who does what the picker says while a busy machine takes its time: they look again."""
    async with asyncio.timeout(20):
        while "Still loading" in str(options := await offers(world, person, query)):
            await asyncio.sleep(0.1)
    return options


async def choose_disks(world: World, person: str, *queries: str) -> None:
    """Type a part of each name and take the first disk that is offered."""
    values: list[str] = []
    for query in queries:
        values.append((await loaded(world, person, query))[0]["value"])
        await offers(world, person)
        view = world.slack.view(person)
        await world.slack.type_in_view(person, block(view, "disks"), FORM_DISKS, values)


async def choose_project(world: World, person: str, alias: str) -> View:
    before: View = world.slack.view(person)
    seen = before.hash
    await world.slack.type_in_view(person, block(before, "project"), FORM_PROJECT, alias)
    await world.slack.until(lambda: world.slack.view(person).hash != seen)
    view: View = world.slack.view(person)
    return view


async def more_options(world: World, person: str) -> View:
    """Press the button that shows every field."""
    await world.slack.press_in_view(person, FORM_MORE)
    await world.slack.until(lambda: any(one["block_id"] == "tags" for one in world.slack.view(person).blocks))
    view: View = world.slack.view(person)
    return view


def shown(world: World, person: str) -> str:
    text: str = world.slack.render_view(person)
    return text


async def sent(world: World, channel: str, since: int = 0) -> str:
    """The request whose first message appears in a channel."""

    def roots() -> list[Message]:
        return [
            message for message in world.slack.messages(channel)[since:] if (part(message) or ("", ""))[1] == "status"
        ]

    await world.slack.until(lambda: bool(roots()), 20)
    return request_id(roots()[0].text)


async def test_a_bare_command_leads_through_the_form_to_snapshots(either_world: World) -> None:
    world = either_world
    outcome = await world.say("")
    assert (outcome.ok, outcome.text) == (True, "")
    view = await open_form(world, "alice")
    assert entered(view, "project") == "payments-prod"
    assert "I report in #inc-demo." in shown(world, "alice")
    assert "charged for as long as they exist" in shown(world, "alice")
    await choose_disks(world, "alice", "web-01-data", "orders-db-wal")
    await more_options(world, "alice")
    result = await world.slack.submit(
        "alice",
        {
            "name": {"value": "before upgrade"},
            "description": {"value": "by hand"},
            "tags": {"value": "tier:prod, owner:alice"},
            "enterprise_project_id": {"value": "0"},
            "options": {"value": ["instant", "full"]},
            "keep": {"value": "7"},
            "reason": {"value": "INC-42"},
        },
    )
    assert (result.ok, result.errors) == (True, {})
    assert world.slack.view("alice") is None
    told = await world.told("alice", "On it: snapshot of 2 disks in payments-prod. Follow it in this channel")
    root = await world.finished(request_id(told.text))
    assert "all available" in root.text
    assert "INC-42" in root.text
    bodies = [call["body"]["snapshot"] for call in world.cloud.calls("create_snapshot")]
    assert sorted(body["name"] for body in bodies) == ["before upgrade-orders-db-wal", "before upgrade-web-01-data"]
    for body in bodies:
        assert (body["description"], body["enterprise_project_id"]) == ("by hand", "0")
        assert (body["instant_access"], body["incremental"]) == (True, False)
        assert {"tier": "prod", "owner": "alice"}.items() <= body["tags"].items()
    assert world.slack_complaints() == []


HIDDEN = ("name", "description", "tags", "enterprise_project_id", "options")


async def test_more_options_keep_what_was_entered_and_stay_open(either_world: World) -> None:
    world = either_world
    await world.say("", "bob", "#ops")
    view = await open_form(world, "bob")
    fields = {one["block_id"].partition(".")[0] for one in view.blocks if one["type"] == "input"}
    assert fields == {"project", "reason", "keep"}
    await world.slack.type_in_view("bob", "reason", "value", "INC-42")
    await world.slack.type_in_view("bob", "keep", "value", "7")
    await choose_project(world, "bob", "payments-prod")
    await choose_disks(world, "bob", "orders-db-wal")
    disks = entered(world.slack.view("bob"), "disks")
    view = await more_options(world, "bob")
    assert {field: entered(view, field) for field in ("project", "disks", "reason", "keep")} == {
        "project": "payments-prod", "disks": disks, "reason": "INC-42", "keep": "7",
    }  # fmt: skip
    assert "More Options" not in shown(world, "bob")
    await world.slack.type_in_view("bob", "tags", "value", "no colon")
    result = await world.slack.submit("bob", {})
    assert result.errors.keys() == {"tags"}
    view = await choose_project(world, "bob", "shop")
    assert (entered(view, "tags"), entered(view, "reason")) == ("no colon", "INC-42")
    assert world.slack_complaints() == []


async def test_a_choice_and_more_options_at_once_both_count(world: World) -> None:
    await world.say("", "bob", "#ops")
    view = await open_form(world, "bob")
    world.slack.fault("latency", method="views.update", seconds=0.2)
    await asyncio.gather(
        world.slack.type_in_view("bob", block(view, "project"), FORM_PROJECT, "shop"),
        world.slack.press_in_view("bob", FORM_MORE),
    )
    await world.slack.until(
        lambda: {"disks", "tags"} <= {one["block_id"].partition(".")[0] for one in world.slack.view("bob").blocks}, 10
    )
    assert entered(world.slack.view("bob"), "project") == "shop"


@pytest.mark.parametrize(
    "typed", ["name=x", "description=x", "tags=a:b", "enterprise_project_id=0", "instant_access=no", "incremental=yes"]
)
async def test_what_was_typed_for_a_field_behind_more_options_shows_it(world: World, typed: str) -> None:
    await world.say(f"create {typed}")
    view = await open_form(world, "alice")
    assert set(HIDDEN) <= {one["block_id"] for one in view.blocks}
    assert "More Options" not in shown(world, "alice")


async def test_what_was_typed_is_in_the_form_and_errors_stand_beside_their_fields(either_world: World) -> None:
    world = either_world
    await world.say('create name="nightly copy" keep=3 tags=tier:prod reason="INC-7" incremental=no')
    view = await open_form(world, "alice")
    assert {field: entered(view, field) for field in ("name", "keep", "tags", "reason", "options")} == {
        "name": "nightly copy",
        "keep": "3",
        "tags": "tier:prod",
        "reason": "INC-7",
        "options": ["full"],
    }
    (nothing,) = await offers(world, "alice", "zebra")
    assert (nothing["value"], nothing["text"]["text"]) == (NO_CHOICE, "No disk fits “zebra”.")
    disks = block(view, "disks")
    wrong = {disks: {FORM_DISKS: [NO_CHOICE]}, "tags": {"value": "prod"}, "name": {"value": "autobk_snapshot_1"}}
    result = await world.slack.submit("alice", wrong)
    assert result.errors.keys() == {disks, "tags", "name"}
    assert "a message, not a disk" in result.errors[disks]
    (unfit,) = await offers(world, "alice", "cache-01-data")
    mended = {"tags": {"value": "tier:prod"}, "name": {"value": "nightly copy"}}
    result = await world.slack.submit("alice", {disks: {FORM_DISKS: [unfit["value"]]}, **mended})
    assert "“cache-01-data” is in the state “error_extending”" in result.errors[disks]
    assert entered(world.slack.view("alice"), "reason") == "INC-7"
    assert world.cloud.calls("create_snapshot") == []


async def test_changing_the_project_brings_its_disks_and_keeps_everything_else(either_world: World) -> None:
    world = either_world
    await world.say("", person="bob", channel="#ops")
    view = await open_form(world, "bob")
    assert entered(view, "project") is None
    assert "Choose the project; then its disks can be chosen here." in shown(world, "bob")
    await more_options(world, "bob")
    await world.slack.type_in_view("bob", "name", "value", "mine")
    await choose_project(world, "bob", "payments-prod")
    await choose_disks(world, "bob", "orders-db-wal")
    view = await choose_project(world, "bob", "shop")
    assert (entered(view, "name"), entered(view, "project"), entered(view, "disks")) == ("mine", "shop", [])
    listed = {option["text"]["text"].split(" ")[0] for option in await offers(world, "bob")}
    assert listed == {"catalogue", "shop-01-data", "shop-01-system"}
    await choose_disks(world, "bob", "shop-01")
    assert (await world.slack.submit("bob", {})).ok
    root = await world.finished(await sent(world, "#ops"), "#ops")
    assert "in shop: finished" in root.text


async def test_several_projects_and_none_named_lead_to_the_form_with_the_disks_looked_up(world: World) -> None:
    await world.say("help", "bob", "#ops")
    await world.told("bob", "You may use")
    await world.say("create orders-db nonsense keep=2", "bob", "#ops")
    view = await open_form(world, "bob")
    assert "You typed “orders-db”, “nonsense”." in shown(world, "bob")
    view = await choose_project(world, "bob", "payments-prod")
    assert len(entered(view, "disks")) == 1
    assert "Not found in payments-prod, or not one disk alone: “nonsense”" in shown(world, "bob")
    assert (await world.slack.submit("bob", {})).ok
    root = await world.finished(await sent(world, "#ops"), "#ops")
    assert "orders-db*: available" in world.replies(request_id(root.text), "receipt", "#ops")[0].text


@pytest.mark.parametrize("seen_lately", [False, True])
async def test_who_may_use_several_projects_gets_the_form_seen_lately_or_not(world: World, seen_lately: bool) -> None:
    if seen_lately:
        await world.say("help", "bob", "#ops")
        await world.told("bob", "You may use")
    await world.say("create spare-disk", "bob", "#ops")
    await open_form(world, "bob")
    assert "You typed “spare-disk”." in shown(world, "bob")


async def test_the_global_shortcut_tells_directly_or_in_a_channel_that_is_chosen(either_world: World) -> None:
    world = either_world
    assert (await world.slack.shortcut("alice", NEW_SNAPSHOT)).ok
    view = await open_form(world, "alice")
    assert "I report in a direct message to you." in shown(world, "alice")
    await choose_disks(world, "alice", "spare")
    assert (await world.slack.submit("alice", {})).ok
    direct = world.slack.world.direct_message(world.slack.world.person("alice")).id
    root = await world.finished(await sent(world, direct), direct)
    assert "all available" in root.text

    await world.slack.shortcut("alice", NEW_SNAPSHOT)
    view = await open_form(world, "alice")
    before = view.hash
    await world.slack.type_in_view("alice", "place", FORM_PLACE, "#ops")
    await world.slack.until(lambda: world.slack.view("alice").hash != before)
    assert "I report in #ops." in shown(world, "alice")
    await choose_disks(world, "alice", "spare")
    assert (await world.slack.submit("alice", {})).ok
    assert "all available" in (await world.finished(await sent(world, "#ops"), "#ops")).text
    assert world.slack_complaints() == []


async def test_a_place_one_is_not_in_is_not_a_place(world: World) -> None:
    await world.slack.shortcut("bob", NEW_SNAPSHOT)
    view = await open_form(world, "bob")
    before = view.hash
    await world.slack.type_in_view("bob", "place", FORM_PLACE, "leads")
    await world.slack.until(lambda: world.slack.view("bob").hash != before)
    assert "You are not in that channel, or I am not." in shown(world, "bob")
    await choose_project(world, "bob", "shop")
    await choose_disks(world, "bob", "shop-01")
    result = await world.slack.submit("bob", {"place": {FORM_PLACE: "leads"}})
    assert "could not make sure yet that you are in that channel" in result.errors["place"]
    assert world.cloud.calls("create_snapshot") == []


async def test_back_up_for_this_message_stays_in_its_thread_and_links_to_it(either_world: World) -> None:
    world = either_world
    said = (await world.slack.say("bob", CHANNEL, "disk latency on web-01 is through the roof")).message
    assert (await world.slack.message_shortcut("alice", CHANNEL, said.ts, BACKUP_FOR_MESSAGE)).ok
    view = await open_form(world, "alice")
    link = f"/archives/C0INCDEMO1/p{said.ts.replace('.', '')}"
    assert link in entered(view, "reason")
    assert "I report in the thread in #inc-demo." in shown(world, "alice")
    await choose_disks(world, "alice", "web-01-data")
    assert (await world.slack.submit("alice", {})).ok
    told = await world.told("alice", "Follow it in this thread")
    request = request_id(told.text)
    await world.slack.until(lambda: bool(world.replies(request, "receipt")), 20)
    about = [message for message in world.slack.messages(CHANNEL) if (part(message) or ("",))[0] == request]
    assert {message.thread_ts for message in about} == {said.ts}
    assert all(f"{link}|the message>" in message.text for message in (about[0], world.replies(request, "receipt")[0]))
    assert world.slack_complaints() == []

    reply = (await world.slack.say("bob", CHANNEL, "still bad", thread_ts=said.ts)).message
    await world.slack.message_shortcut("alice", CHANNEL, reply.ts, BACKUP_FOR_MESSAGE)
    view = await open_form(world, "alice")
    assert f"?thread_ts={said.ts}&cid=C0INCDEMO1" in entered(view, "reason")


async def test_help_has_a_button_for_a_new_snapshot_in_its_channel(either_world: World) -> None:
    world = either_world
    await world.say("help")
    told = await world.told("alice", "Snapshots of EVS disks")
    assert (await world.slack.press("alice", CHANNEL, told.ts, NEW_SNAPSHOT)).ok
    await open_form(world, "alice")
    assert "I report in #inc-demo." in shown(world, "alice")


async def test_after_a_refusal_the_form_has_what_was_asked(either_world: World) -> None:
    world = either_world
    await world.say("create web-01-dta keep=9 reason=INC-1")
    told = await world.told("alice", "Did you mean “web-01-data”")
    assert (await world.slack.press("alice", CHANNEL, told.ts, ASK_AGAIN)).ok
    view = await open_form(world, "alice")
    assert (entered(view, "keep"), entered(view, "reason")) == ("9", "INC-1")
    assert "or not one disk alone: “web-01-dta”" in shown(world, "alice")


async def test_a_form_that_slack_gives_no_time_for_is_offered_by_a_button_with_what_was_typed(world: World) -> None:
    world.slack.fault("error", method="views.open", error="expired_trigger_id")
    outcome: CommandOutcome = await world.say("create name=nightly")
    assert outcome.ok
    told = await world.told("alice", "Slack did not let me open the form in time.")
    assert (await world.slack.press("alice", CHANNEL, told.ts, OPEN_FORM)).ok
    view = await open_form(world, "alice")
    assert entered(view, "name") == "nightly"


async def test_a_picker_answers_in_time_while_the_cloud_takes_its_own(world: World) -> None:
    await world.say("")
    await open_form(world, "alice")
    world.cloud.fault("list_volumes", "slow", seconds=15)
    outcome = await world.slack.suggest("alice", "disks.1", FORM_DISKS, "")
    assert [option["text"]["text"] for option in outcome.options] == [
        "Still loading the disks. Type a letter to look again."
    ]
    assert outcome.delivery["latency_ms"] < 1_000
    await world.until(lambda: len(world.cloud.calls("list_volumes")) == 1)


async def test_typing_costs_the_cloud_one_listing_in_half_a_minute(world: World) -> None:
    await world.say("")
    await open_form(world, "alice")
    for query in ("", "w", "we", "web"):
        assert await offers(world, "alice", query)
    assert len(world.cloud.calls("list_volumes")) == 1


@pytest.mark.parametrize("person", ["carol", "gus"])
async def test_who_may_use_nothing_is_told_so_in_the_form_and_the_cloud_is_not_asked(world: World, person: str) -> None:
    await world.say("create name=mine", person=person)
    await world.slack.until(lambda: bool(world.slack.view(person)) and "Looking up" not in shown(world, person))
    text = shown(world, person)
    assert ("Guests of this workspace" if person == "gus" else "There is no project in which you may") in text
    assert "/snapshot create name=mine" in text
    assert world.cloud.calls() == []


async def test_a_form_closed_while_it_was_looked_up_is_nobodys_loss(world: World) -> None:
    world.slack.fault("latency", method="users.info", seconds=3)
    await world.say("", person="bob")
    await world.slack.until(lambda: world.slack.view("bob") is not None)
    await world.slack.close("bob")
    await world.say("", person="bob")
    await open_form(world, "bob")
    assert world.slack_complaints() == []


# --- trouble while it is open -----------------------------------------------------------------------------------------


async def test_a_failed_look_up_while_choosing_leaves_everything_as_it_was_entered(world: World) -> None:
    await world.say("", "bob", "#ops")
    await open_form(world, "bob")
    await choose_project(world, "bob", "payments-prod")
    await choose_disks(world, "bob", "orders-db-wal")
    await more_options(world, "bob")
    for field, value in {"name": "mine", "keep": "7", "tags": "no colon"}.items():
        await world.slack.type_in_view("bob", field, "value", value)
    disks = entered(world.slack.view("bob"), "disks")
    await world.slack.set_user("bob", tz="Asia/Singapore")  # any change makes him unknown again
    world.slack.fault("status", method="users.info", status=503)
    view = await choose_project(world, "bob", "shop")
    assert CANNOT_TELL in shown(world, "bob")
    assert view.source["submit"]
    assert {field: entered(view, field) for field in ("project", "name", "keep", "tags", "disks")} == {
        "project": "shop",
        "name": "mine",
        "keep": "7",
        "tags": "no colon",
        "disks": disks,
    }
    assert {option["text"]["text"].split(" ")[0] for option in await offers(world, "bob", "shop")} == {
        "shop-01-data",
        "shop-01-system",
    }
    view = await choose_project(world, "bob", "payments-prod")
    assert CANNOT_TELL not in shown(world, "bob")
    assert (entered(view, "name"), entered(view, "tags")) == ("mine", "no colon")
    assert world.slack_complaints() == []


async def test_a_failed_look_up_of_a_place_leaves_everything_as_it_was_entered(world: World) -> None:
    await world.slack.shortcut("alice", NEW_SNAPSHOT)
    await open_form(world, "alice")
    view = await more_options(world, "alice")
    await world.slack.type_in_view("alice", "name", "value", "mine")
    before = view.hash
    world.slack.fault("status", method="conversations.members", status=503)
    await world.slack.type_in_view("alice", "place", FORM_PLACE, "#ops")
    await world.slack.until(lambda: world.slack.view("alice").hash != before)
    assert "Slack could not tell me who is in that channel just now." in shown(world, "alice")
    assert entered(world.slack.view("alice"), "name") == "mine"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ratelimited", {"retry_after": 2}),
        ("status", {"status": 503}),
        ("error", {"error": "internal_error"}),
        ("reset_after", {}),
        ("malformed", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_form_that_slack_did_not_show_at_once_is_shown_again(
    world: World, kind: str, options: dict[str, Any]
) -> None:
    world.slack.fault(kind, method="views.update", **options)
    await world.say("create name=nightly")
    view = await open_form(world, "alice")
    assert entered(view, "name") == "nightly"


async def test_a_form_that_slack_does_not_take_says_so_with_what_was_typed(world: World) -> None:
    world.slack.fault("error", method="views.update", error="invalid_arguments")
    await world.say("create name=nightly")
    await world.slack.until(lambda: "Slack did not take the form" in world.slack.render_view("alice"))
    assert "/snapshot create name=nightly" in shown(world, "alice")


@pytest.mark.parametrize(
    ("kind", "options", "times"),
    [
        ("status", {"status": 503}, 3),
        ("ratelimited", {"retry_after": 60}, 1),
        ("error", {"error": "invalid_arguments"}, 2),
    ],
)
async def test_a_form_that_slack_never_shows_is_offered_by_a_button_with_what_was_typed(
    world: World, kind: str, options: dict[str, Any], times: int
) -> None:
    world.slack.fault(kind, method="views.update", times=times, **options)
    await world.say("create name=nightly")
    told = await world.told("alice", "Slack did not let me open the form in time.")
    assert (await world.slack.press("alice", CHANNEL, told.ts, OPEN_FORM)).ok
    assert entered(await open_form(world, "alice"), "name") == "nightly"


@pytest.mark.parametrize("slow", [1, 2], ids=["the first is shown last", "the first is shown first"])
async def test_of_two_quick_choices_the_last_one_is_shown(start: Start, slow: int) -> None:
    world = await start("approvals = 1")
    await world.say("", "bob", "#ops")
    await open_form(world, "bob")
    world.slack.fault("latency", method="views.update", times=slow, seconds=0.8)
    await world.slack.type_in_view("bob", "project", FORM_PROJECT, "payments-prod")
    await world.slack.type_in_view("bob", "project", FORM_PROJECT, "shop")

    def updates() -> list[str | None]:
        calls = [one for one in world.slack.journal if one.get("method") == "views.update"]
        return [one.get("error") for one in calls]

    await world.slack.until(lambda: updates() == [None, None, "hash_conflict", None])
    assert "asks for approval" not in shown(world, "bob")
    assert {option["text"]["text"].split(" ")[0] for option in await offers(world, "bob", "01")} == {
        "shop-01-data",
        "shop-01-system",
    }


# --- what nothing was known of when it was sent -----------------------------------------------------------------------


async def test_errors_stand_beside_their_fields_also_when_nothing_was_at_hand(world: World) -> None:
    await world.say("")
    await open_form(world, "alice")
    await choose_disks(world, "alice", "cold-store")
    view = await more_options(world, "alice")
    await world.stop_bot()
    await world.start_bot()  # forgets who alice is and which disks there are
    wrong = {"options": {"value": ["instant"]}, "tags": {"value": "prod"}}
    result = await world.slack.submit("alice", wrong)
    assert result.errors.keys() == {block(view, "disks"), "tags"}
    assert "“cold-store” is of type SATA, which offers no instant restore." in result.errors[block(view, "disks")]
    assert world.bot is not None
    rows = [row for row in await world.bot.store.audit_page(0) if row["outcome"] == "allowed"]
    assert [row["rule"] for row in rows if row["action"] != "view"] == []
    result = await world.slack.submit("alice", {"options": {"value": []}, "tags": {"value": "tier:prod"}})
    assert result.ok


@pytest.mark.parametrize("slow", ["slack", "cloud"])
async def test_a_form_is_taken_in_time_while_others_take_theirs(world: World, slow: str) -> None:
    await world.say("")
    await open_form(world, "alice")
    await choose_disks(world, "alice", "spare")
    await world.stop_bot()
    await world.start_bot()
    if slow == "slack":
        world.slack.fault("latency", method="users.info", seconds=2)
    else:
        world.cloud.fault("list_volumes", "slow", seconds=4)
    result = await world.slack.submit("alice", {})
    assert result.ok
    assert SUBMIT_SECONDS * 1_000 <= result.latency_ms < 2_000
    assert "all available" in (await world.finished(await sent(world, CHANNEL))).text


# --- more projects than a list holds ----------------------------------------------------------------------------------

MANY = """
[[grants]]
subject = "user:U0ALICE001"
role = "operator"
project = "*"
"""


async def project_lines(world: World, query: str = "") -> list[str]:
    outcome = await world.slack.suggest("alice", "project", FORM_PROJECT, query)
    assert outcome.delivery["latency_ms"] < 1_500
    return [option["text"]["text"] for option in outcome.options]


async def test_more_than_a_hundred_projects_are_offered_as_one_types(quiet_world: World) -> None:
    world = quiet_world
    file = world.setting.directory / "bot.toml"
    text = file.read_text()
    body = text.partition("[projects.payments-prod]\n")[2].partition("\n[")[0]
    for number in range(120):
        unlike = body.replace("0123456789abcdef0123456789abcdef", f"{number:032x}")
        text += f"\n[projects.team-{number:03d}]\n{unlike}\n"
    file.write_text(text + MANY)
    await world.start_bot()
    await world.say("", channel="#ops")
    await open_form(world, "alice")
    lines = await project_lines(world)
    assert (len(lines), lines[-1]) == (100, "… and 24 more: type on")
    assert await project_lines(world, "team-11") == [f"team-11{number}" for number in range(10)]
    assert await project_lines(world, "zebra") == ["No project that you may use fits that"]
    await world.slack.set_user("alice", tz="Asia/Singapore")
    world.slack.fault("status", method="users.info", status=503)
    assert await project_lines(world) == ["Slack can't tell me who you are just now. Try again in a minute."]
    world.slack.fault("latency", method="users.info", seconds=3)
    assert await project_lines(world) == ["Still loading your projects. Type a letter to look again."]
