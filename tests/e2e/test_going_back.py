"""The way back as people meet it in Slack: typed, pressed, chosen in a form, confirmed by a typed word, refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bot.simulator.workspace import Message, payloads
from bot.slack.ids import CONFIRM, RESTORE, TYPE_TO_CONFIRM
from bot.slack.views.restoring.restoration_forms import OVERWRITE_FORM, RESTORE_FORM
from tests.e2e.conftest import CHANNEL, World, kept
from tests.e2e.test_granting import asked as told_alone
from tests.e2e.test_new_disks import Start, asked, backed_up, confirmed, made, planned, receipt, start

__all__ = ["start"]


def labels(message: Message) -> list[str]:
    elements = [element for block in message.blocks for element in block.get("elements", [])]
    return [element["text"]["text"] for element in elements if element.get("type") == "button"]


async def form_of(world: World, person: str, callback_id: str) -> Any:
    await world.slack.until(lambda: (view := world.slack.view(person)) and view.source["callback_id"] == callback_id)
    view = world.slack.view(person)
    await kept(world, view.source["private_metadata"])
    return view


def shown_at_home(world: World) -> str:
    home = world.slack.home("alice")
    return str(home.blocks) if home else ""


async def told_in_rows(world: World, action: str = "restore") -> list[tuple[str, str]]:
    assert world.bot is not None
    return [(row["outcome"], row["rule"]) for row in await world.bot.store.audit_page(0) if row["action"] == action]


# --- by buttons -------------------------------------------------------------------------------------------------------


async def test_the_button_of_a_receipt_asks_which_way_and_plans_it_in_the_thread(start: Start) -> None:
    world = await start()
    source = await backed_up(world, "spare-disk orders-db")
    paper = world.replies(source, "receipt")[0]
    assert "Restore…" in labels(paper)
    assert f"`/snapshot restore {source} overwrite`" in paper.text
    await world.slack.press("alice", CHANNEL, paper.ts, RESTORE)
    await form_of(world, "alice", RESTORE_FORM)
    values = {"way": {"value": "new_disks"}, "which": {"value": "all"}, "reason": {"value": "drill"}}
    assert (await world.slack.submit("alice", values)).ok
    told = await world.told("alice", "I am looking at the snapshots. Follow it in this thread")
    request = asked(told.text)
    await world.slack.until(lambda: bool(world.replies(request, "status")))
    plan = world.replies(request, "status")[0]
    assert plan.thread_ts == paper.thread_ts
    await world.slack.until(lambda: "Make 2 New Disks" in labels(world.replies(request, "status")[0]))
    await world.slack.press("alice", CHANNEL, plan.ts, CONFIRM)
    told = await receipt(world, request)
    assert "2 of 2 new disks made" in told.text and "drill" in told.text
    assert len(made(world, request)) == 2
    assert world.slack_complaints() == []


async def test_one_disk_of_several_is_chosen_in_the_form(start: Start) -> None:
    world = await start()
    source = await backed_up(world, "spare-disk orders-db")
    snapshot = next(one for one in world.cloud.world.snapshots.values() if one.name.startswith("orders-db"))
    await world.slack.press("alice", CHANNEL, world.replies(source, "receipt")[0].ts, RESTORE)
    await form_of(world, "alice", RESTORE_FORM)
    assert (await world.slack.submit("alice", {"which": {"value": snapshot.id}})).ok
    request = asked((await world.told("alice", "I am looking at the snapshots")).text)
    await world.slack.until(lambda: any("Make 1 New Disk" in labels(one) for one in world.replies(request, "status")))


async def test_a_receipt_of_a_project_without_the_way_back_has_no_button(start: Start) -> None:
    world = await start("")
    source = await backed_up(world)
    paper = world.replies(source, "receipt")[0]
    assert "Restore…" not in labels(paper)
    assert "roll the snapshot back. Both are in the console" in paper.text


async def test_restore_points_lead_back_who_may(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    await told_alone(world, "restore-points", "Restore points of")
    card = world.private("alice")[-1]
    assert "Restore…" in labels(card)
    await world.slack.press("alice", CHANNEL, card.ts, RESTORE)
    await form_of(world, "alice", RESTORE_FORM)
    await told_alone(world, "grant @carol viewer payments-prod", "is now viewer")
    await told_alone(world, "restore-points", "Restore points of", "carol")
    assert "Restore…" not in labels(world.private("carol")[-1])
    await world.slack.press("carol", CHANNEL, world.replies(source, "receipt")[0].ts, RESTORE)
    await world.told("carol", "In payments-prod you may view, but not restore.")
    assert world.slack.view("carol") is None


async def test_app_home_leads_back_and_shows_how_it_stands(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    await world.slack.open_home("alice")
    await world.slack.until(lambda: RESTORE in shown_at_home(world))
    request = await confirmed(world, f"restore {source}")
    await receipt(world, request)
    await world.slack.until(lambda: "ended: 1 restored" in shown_at_home(world), 20)
    assert "new disks of *spare-disk* in payments-prod" in shown_at_home(world)


# --- by words ---------------------------------------------------------------------------------------------------------


async def test_a_mention_in_a_thread_is_planned_there(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    thread = world.replies(source, "receipt")[0].thread_ts
    await world.slack.mention("alice", CHANNEL, f"restore {source}", thread)
    told = await world.told("alice", "Looking at what there is to go back to")
    request = asked(told.text)
    await world.slack.until(lambda: any("Make 1 New Disk" in labels(one) for one in world.replies(request, "status")))
    assert world.replies(request, "status")[0].thread_ts == thread


async def test_a_person_whom_the_bot_does_not_know_yet_is_looked_up_first(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    outcome = await world.say(f"restore {source}", "bob")
    assert "One moment" in outcome.text
    told = await world.told("bob", "Looking at what there is to go back to")
    await world.slack.until(lambda: ": planned" in getattr(world.root(asked(told.text)), "text", ""))


@pytest.mark.parametrize(
    "typed", ["restore web-01", "rollback {source}", "restore {source} in place", "verify orders-db"]
)
async def test_what_is_no_order_is_answered_with_the_one_that_was_meant(start: Start, typed: str) -> None:
    world = await start()
    source = await backed_up(world)
    calls = len(world.cloud.calls())
    outcome = await world.say(typed.format(source=source))
    wanted = f"restore {source} overwrite" if "{source}" in typed else "restore-points"
    assert f"`{wanted}`" in outcome.text
    assert "Nothing was done." in outcome.text
    assert len(world.cloud.calls()) == calls


async def test_status_and_list_tell_of_it(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    request = await confirmed(world, f"restore {source}")
    await receipt(world, request)
    (disk,) = made(world, request)
    shown = await told_alone(world, f"status {request}", "New disk from 1 snapshot in payments-prod: finished")
    assert disk.id in shown
    listed = await told_alone(world, "list", "The latest requests")
    assert f"`{request}` new disks: finished in payments-prod" in listed
    assert f"*spare-disk* restored · disk `{disk.id}`" in listed


# --- overwriting ------------------------------------------------------------------------------------------------------


async def test_no_press_stands_in_for_the_typed_word(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    request, root = await planned(world, f"restore {source} overwrite")
    assert labels(root) == ["Type to Overwrite…", "Cancel Plan"]
    assert "*Lost from the disk: everything written to it since" in root.text
    forged = [block for block in root.blocks if block["type"] == "actions"]
    forged[0]["elements"][0]["action_id"] = CONFIRM
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    await world.told("alice", "Type exactly “spare-disk” to overwrite. So far nothing is touched.")
    assert world.root(request) is not None
    assert ("denied", "not-typed") in await told_in_rows(world, "create")


async def test_what_is_typed_has_to_fit_and_is_mended_in_the_form(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    request, root = await planned(world, f"restore {source} overwrite")
    await world.slack.press("alice", CHANNEL, root.ts, TYPE_TO_CONFIRM)
    view = await form_of(world, "alice", OVERWRITE_FORM)
    assert "To go on, type exactly: spare-disk" in str(view.blocks)
    wrong = await world.slack.submit("alice", {"typed": {"value": "orders-db"}})
    assert wrong.errors == {"typed": "Type exactly “spare-disk” to overwrite. So far nothing is touched."}
    assert (await world.slack.submit("alice", {"typed": {"value": " Spare-disk "}})).ok
    await world.slack.until(lambda: "waiting for approval, 0 of 1 agreed" in getattr(world.root(request), "text", ""))
    await world.slack.until(lambda: bool(world.replies(request, "ask")))
    question = world.replies(request, "ask")[0]
    assert "asks to *overwrite 1 disk* in payments-prod" in question.text
    assert "Look at:" in question.text
    assert world.cloud.calls("create_snapshot")[1:] == []
    assert world.cloud.calls("rollback_snapshot") == []
    assert world.slack_complaints() == []


async def test_whoever_may_not_create_neither_opens_the_form_nor_sends_it(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    _, root = await planned(world, f"restore {source} overwrite")
    await world.slack.press("carol", CHANNEL, root.ts, TYPE_TO_CONFIRM)
    await world.told("carol", "I know no plan")
    assert world.slack.view("carol") is None
    await world.slack.press("alice", CHANNEL, root.ts, TYPE_TO_CONFIRM)
    await form_of(world, "alice", OVERWRITE_FORM)
    await told_alone(world, "revoke @alice payments-prod", "bot.toml")
    assert world.cloud.calls("rollback_snapshot") == []


# --- forms that come back otherwise -----------------------------------------------------------------------------------


async def sent_as(world: World, person: str, view: Any, values: dict[str, str]) -> Any:
    """The form, sent by a client that makes up whose it is."""
    state = world.slack.state
    payload = copy.deepcopy(payloads.view_submission(state, state.world.person(person), view))
    entered = {field: {"value": {"type": "plain_text_input", "value": value}} for field, value in values.items()}
    payload["view"]["state"] = {"values": entered}
    return await world.slack.deliverer.interactive(payload, accepts_payload=True)


async def overwriting(world: World) -> tuple[str, Any]:
    """A plan to overwrite, and the form in which alice types."""
    source = await backed_up(world)
    request, root = await planned(world, f"restore {source} overwrite")
    await world.slack.press("alice", CHANNEL, root.ts, TYPE_TO_CONFIRM)
    return request, await form_of(world, "alice", OVERWRITE_FORM)


async def test_a_form_that_another_person_sends_overwrites_nothing(start: Start) -> None:
    world = await start()
    request, view = await overwriting(world)
    for person in ("bob", "carol"):
        answer = await sent_as(world, person, view, {"typed": "spare-disk"})
        assert answer.ack["response_action"] == "errors"
    assert ("denied", "form-tampered") in await told_in_rows(world)
    assert world.replies(request, "ask") == []


async def test_a_form_that_is_sent_again_asks_once(start: Start) -> None:
    world = await start()
    request, view = await overwriting(world)
    await sent_as(world, "alice", view, {"typed": "spare-disk"})
    await world.slack.until(lambda: bool(world.replies(request, "ask")))
    await sent_as(world, "alice", view, {"typed": "spare-disk"})
    await world.told("alice", "This form was sent before")
    assert len(world.replies(request, "ask")) == 1


async def test_who_lost_the_right_while_typing_overwrites_nothing(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    await told_alone(world, "help", "You may use", "bob")
    request, root = await planned(world, f"restore {source} overwrite", "bob")
    await world.slack.press("bob", CHANNEL, root.ts, TYPE_TO_CONFIRM)
    await form_of(world, "bob", OVERWRITE_FORM)
    await world.slack.set_group_members("oncall", [])
    await world.slack.submit("bob", {"typed": {"value": "spare-disk"}})
    await world.told("bob", "I know no plan")
    root_now = world.root(request)
    assert root_now is not None and "nothing is overwritten yet" in root_now.text
    assert world.replies(request, "ask") == []


async def test_a_made_up_way_is_said_beside_its_field(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    await world.slack.press("alice", CHANNEL, world.replies(source, "receipt")[0].ts, RESTORE)
    view = await form_of(world, "alice", RESTORE_FORM)
    answer = await sent_as(world, "alice", view, {"way": "everything", "which": "all", "reason": "x" * 400})
    assert answer.ack["errors"] == {
        "way": "Choose one of the three.",
        "reason": "A reason holds 300 characters; this one has 400.",
    }


async def test_talk_below_a_mention_stops_a_way_back(start: Start) -> None:
    world = await start()
    source = await backed_up(world)
    calls = len(world.cloud.calls())
    await world.slack.mention("alice", CHANNEL, f"restore {source} overwrite\nno wait, not yet")
    await world.told("alice", "so I did not do it. Nothing was done.")
    assert len(world.cloud.calls()) == calls
