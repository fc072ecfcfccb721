"""What Slack brings back is what somebody's client sent: changed, foreign, old and invented things are refused in
words, written down, and reach nothing.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from bot.domain.disks import is_disk_id
from bot.simulator.setting import Setting
from bot.simulator.workspace import Message, payloads
from bot.slack.ids import (
    AGREE,
    APPROVE,
    ASK_AGAIN,
    CANCEL,
    CHANGE,
    CONFIRM,
    DELETE,
    DENY,
    EXTEND,
    NEW_SNAPSHOT,
    OPEN_FORM,
    REVIEW,
)
from bot.slack.views.create_modal import FORM_DISKS, FORM_PLACE, FORM_PROJECT
from tests.e2e.conftest import CHANNEL, FastClock, World, kept, part, request_id
from tests.e2e.test_approvals import Start, start
from tests.e2e.test_approvals import asked as ask_of
from tests.e2e.test_forms import block, choose_disks, open_form
from tests.e2e.test_granting import asked as say_and_hear
from tests.e2e.test_quick import planned

__all__ = ["start"]

STALE = "This form can't be used any more. Open a new one; what you entered stays here until you close it."
SHOP_DISK = "shop-01-data"


@pytest.fixture(autouse=True)
def quick_snapshots(setting: tuple[Setting, FastClock]) -> None:
    timing = setting[0].cloud.world.timing
    timing.min_seconds = timing.max_seconds = 1.5


async def trail(world: World) -> list[tuple[str, str]]:
    """Who was denied what, by which rule."""
    assert world.bot is not None
    return [(row["actor"], row["rule"]) for row in await world.bot.store.audit_page(0) if row["outcome"] == "denied"]


async def filled_form(world: World, person: str = "alice") -> dict[str, Any]:
    """Fill in a form; answers what Slack would send for it, which nobody has sent yet."""
    await world.say("", person)
    await open_form(world, person)
    await choose_disks(world, person, "web-01-data")
    return submission(world, person)


def submission(world: World, person: str) -> dict[str, Any]:
    state = world.slack.state
    return copy.deepcopy(payloads.view_submission(state, state.world.person(person), world.slack.view(person)))


async def send(world: World, payload: dict[str, Any]) -> Any:
    """Answers what the bot acknowledged it with."""
    delivery = await world.slack.deliverer.interactive(payload, accepts_payload=True)
    assert delivery.ok
    return delivery.ack


async def press(world: World, person: str, action_id: str, value: str) -> None:
    """Press a button that no message has, or not with this value, under somebody's message."""
    state = world.slack.state
    message = (await world.slack.say("alice", CHANNEL, "look at this")).message
    acted = {"type": "button", "action_id": action_id, "block_id": "b", "value": value, "action_ts": "1.0"}
    payload = payloads.message_actions(
        state, state.world.person(person), world.slack.world.channel(CHANNEL), message, {}, acted
    )
    assert (await world.slack.deliverer.interactive(payload)).ok


def errors(ack: Any) -> dict[str, str]:
    assert ack["response_action"] == "errors"
    found: dict[str, str] = ack["errors"]
    return found


def created(world: World) -> int:
    return len(world.cloud.calls("create_snapshot"))


# --- whose form it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form_id", ["", "f-00000000", "x" * 3000, '{"project": "shop"}', "' or 1=1 --"])
async def test_a_form_nobody_opened_is_refused(world: World, form_id: str) -> None:
    payload = await filled_form(world)
    payload["view"]["private_metadata"] = form_id
    assert errors(await send(world, payload)) == {block(world.slack.view("alice"), "project"): STALE}
    assert await trail(world) == [("U0ALICE001", "form-unknown")]
    assert created(world) == 0


async def test_somebody_elses_form_is_refused_with_and_without_their_view(world: World) -> None:
    await world.say("", "bob", "#ops")
    bobs = submission(world, "bob") if (await open_form(world, "bob")) else {}
    payload = await filled_form(world)
    payload["view"]["private_metadata"] = bobs["view"]["private_metadata"]
    assert STALE in errors(await send(world, payload)).values()
    payload["view"]["id"] = bobs["view"]["id"]
    assert STALE in errors(await send(world, payload)).values()
    assert await trail(world) == [("U0ALICE001", "form-tampered")] * 2
    assert created(world) == 0


async def test_ones_own_form_in_another_view_is_refused(world: World) -> None:
    payload = await filled_form(world)
    payload["view"]["id"] = "V0FOREIGN1"
    assert STALE in errors(await send(world, payload)).values()
    assert await trail(world) == [("U0ALICE001", "form-tampered")]


async def test_a_form_sent_in_the_name_of_another_is_refused(world: World) -> None:
    payload = await filled_form(world)
    payload["user"]["id"] = "U0BOB00002"
    assert STALE in errors(await send(world, payload)).values()
    assert await trail(world) == [("U0BOB00002", "form-tampered")]
    assert created(world) == 0


async def test_the_disks_of_somebody_elses_form_are_not_listed(world: World) -> None:
    payload = await filled_form(world)
    state, view = world.slack.state, payload["view"]
    await world.say("", "carol")
    await world.slack.until(lambda: "There is no project" in world.slack.render_view("carol"))
    asked = len(world.cloud.calls())
    question = payloads.suggestion(state, state.world.person("carol"), "disks.1", FORM_DISKS, "web")
    ack = await send(world, {**question, "container": {"type": "view", "view_id": view["id"]}, "view": view})
    assert [option["text"]["text"] for option in ack["options"]] == [
        "This form can't be used any more. Open a new one."
    ]
    assert ("U0CAROL009", "form-tampered") in await trail(world)
    assert len(world.cloud.calls()) == asked


# --- sent again -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restart", [False, True])
async def test_a_form_sent_again_is_the_same_request(world: World, restart: bool) -> None:
    payload = await filled_form(world)
    assert await send(world, payload) in (None, "", {})
    told = await world.told("alice", "On it: snapshot of")
    await world.finished(request_id(told.text))
    if restart:
        await world.stop_bot()
        await world.start_bot()
    for _ in range(2):
        assert await send(world, payload) in (None, "", {})
    assert await trail(world) == [("U0ALICE001", "form-replayed")] * 2
    assert created(world) == 1
    assert len([one for one in world.slack.messages(CHANNEL) if (part(one) or ("", ""))[1] == "status"]) == 1


# --- what was chosen --------------------------------------------------------------------------------------------------


async def test_a_disk_of_another_project_is_no_disk_here(world: World) -> None:
    payload = await filled_form(world)
    foreign = next(one.id for one in world.cloud.world.disks.values() if one.name == SHOP_DISK)
    assert is_disk_id(foreign)
    disks = payload["view"]["state"]["values"][block(world.slack.view("alice"), "disks")][FORM_DISKS]
    disks["selected_options"][0]["value"] = foreign
    (told,) = errors(await send(world, payload)).values()
    assert SHOP_DISK not in told
    assert ("U0ALICE001", "not-offered") in await trail(world)
    assert created(world) == 0


@pytest.mark.parametrize("value", ["web-01-data", "../../etc/passwd", "", "none", "d15c0000", "x" * 5000])
async def test_what_is_no_disk_id_was_never_offered(world: World, value: str) -> None:
    payload = await filled_form(world)
    disks = payload["view"]["state"]["values"][block(world.slack.view("alice"), "disks")][FORM_DISKS]
    disks["selected_options"][0]["value"] = value
    (told,) = errors(await send(world, payload)).values()
    assert "is a message, not a disk" in told
    assert ("U0ALICE001", "forged-option") in await trail(world)
    assert created(world) == 0


async def test_a_project_that_was_not_offered_is_refused_like_one_that_does_not_exist(world: World) -> None:
    payload = await filled_form(world)
    told = []
    for alias in ("shop", "shpo"):
        values = payload["view"]["state"]["values"]["project"]
        values[next(iter(values))]["selected_option"] = {"text": {"type": "plain_text", "text": alias}, "value": alias}
        (error,) = errors(await send(world, payload)).values()
        told.append(error.replace(alias, "ALIAS"))
    assert told[0] == told[1]
    assert "There is no project “ALIAS” that you may use." in told[0]
    assert [rule for _, rule in await trail(world)] == ["no-grant", "unknown-project"]
    assert created(world) == 0


async def test_a_project_forged_while_choosing_lists_nothing_of_it(world: World) -> None:
    await filled_form(world)
    state, view = world.slack.state, world.slack.view("alice")
    asked = len(world.cloud.calls())
    acted = {
        "type": "static_select",
        "action_id": FORM_PROJECT,
        "block_id": "project",
        "selected_option": {"text": {"type": "plain_text", "text": "shop"}, "value": "shop"},
        "action_ts": "1.0",
    }
    payload = copy.deepcopy(payloads.view_actions(state, state.world.person("alice"), view, acted))
    (chosen,) = payload["view"]["state"]["values"]["project"].values()
    chosen["selected_option"] = acted["selected_option"]
    seen = view.hash
    await send(world, payload)
    await world.slack.until(lambda: world.slack.view("alice").hash != seen)
    assert "There is no project “shop” that you may use." in world.slack.render_view("alice")
    assert SHOP_DISK not in str(world.slack.view("alice").blocks)
    assert len(world.cloud.calls()) == asked
    assert ("U0ALICE001", "no-grant") in await trail(world)


@pytest.mark.parametrize("place", ["C0OPS00002", "leads", "C0NOWHERE1"])
async def test_a_place_that_was_not_to_be_chosen_is_not_read(world: World, place: str) -> None:
    payload = await filled_form(world)
    element = {"type": "conversations_select", "selected_conversation": place}
    payload["view"]["state"]["values"]["place"] = {FORM_PLACE: element}
    assert await send(world, payload) in (None, "", {})
    told = await world.told("alice", "On it: snapshot of")
    assert "all available" in (await world.finished(request_id(told.text))).text


async def test_a_form_whose_place_may_not_be_chosen_stays_where_it_was_opened(world: World) -> None:
    await filled_form(world)
    state, view = world.slack.state, world.slack.view("alice")
    acted = {"type": "conversations_select", "action_id": FORM_PLACE, "block_id": "place", "action_ts": "1.0"}
    payload = copy.deepcopy(payloads.view_actions(state, state.world.person("alice"), view, acted))
    payload["view"]["state"]["values"]["place"] = {FORM_PLACE: {"selected_conversation": "C0OPS00002"}}
    seen = view.hash
    await send(world, payload)
    await world.slack.until(lambda: world.slack.view("alice").hash != seen)
    assert "I report in #inc-demo." in world.slack.render_view("alice")
    assert ("U0ALICE001", "place-not-theirs") in await trail(world)


@pytest.mark.parametrize(
    "state",
    [None, {}, [], {"values": None}, {"values": []}, {"values": {"disks.0": "x", "project": {"a": None}}}],
    ids=str,
)
async def test_a_form_without_its_fields_is_an_empty_form(world: World, state: Any) -> None:
    payload = await filled_form(world)
    payload["view"]["state"] = state
    assert set(errors(await send(world, payload)).values()) == {"Choose a project.", "Choose at least one disk."}
    assert created(world) == 0


# --- the forms behind buttons -----------------------------------------------------------------------------------------

OPS = "#ops"
KINDS = pytest.mark.parametrize("kind", ["bind", "change", "deny"])
SENT_ALREADY = "This form was sent before, so it changed nothing now."


@dataclass
class Opened:
    """A form that somebody opened by a button or command, and what Slack would send for it, filled in."""

    world: World
    kind: str
    person: str
    user_id: str
    request: str
    payload: dict[str, Any]

    async def stands(self) -> Any:
        """What the form could change."""
        assert self.world.bot is not None
        store = self.world.bot.store
        found = await store.request(self.request) if self.request else None
        ops = self.world.slack.world.channel(OPS).id
        return await store.bindings(ops), found and (found[0].state, found[0].order, found[0].explanation)

    def enter(self, block_id: str, **element: Any) -> None:
        values = self.payload["view"]["state"]["values"]
        (state,) = values[block_id].values()
        state |= element

    async def told(self, words: str) -> None:
        world, person = self.world, self.person

        def heard() -> bool:
            return any(words in one.text for one in [*world.private(person), *world.slack.direct_messages(person)])

        await world.slack.until(heard)


async def opened(start: Start, kind: str) -> Opened:
    world = await start("approvals = 1" if kind == "deny" else "")
    request = ""
    if kind == "bind":
        person, user_id = "alice", "U0ALICE001"
        await world.say("bind", channel=OPS)
    elif kind == "change":
        person, user_id = "alice", "U0ALICE001"
        request, root = await planned(world)
        await world.slack.press(person, CHANNEL, root.ts, CHANGE)
    else:
        person, user_id = "eng01", "U0ENG00001"
        request = await world.create("web-01-data", "bob")
        ask = await ask_of(world, request)
        await world.slack.press(person, CHANNEL, ask.ts, DENY)
    await world.slack.until(lambda: world.slack.view(person) is not None)
    assert world.bot is not None
    form_id = world.slack.view(person).source["private_metadata"]
    await kept(world, form_id)
    form = Opened(world, kind, person, user_id, request, submission(world, person))
    match kind:
        case "bind":
            form.enter("server", value="db-01")
        case "change":
            form.enter("others", value="server=db-01")
        case _:
            form.enter("reason", value="not now")
    return form


@KINDS
@pytest.mark.parametrize("metadata", ["", "request", "f-00000000", "x" * 3000, "' or 1=1 --"])
async def test_another_subject_in_a_form_behind_a_button_is_refused(start: Start, kind: str, metadata: str) -> None:
    form = await opened(start, kind)
    before = await form.stands()
    form.payload["view"]["private_metadata"] = form.request if metadata == "request" else metadata
    assert set(errors(await send(form.world, form.payload)).values()) == {STALE}
    assert await trail(form.world) == [(form.user_id, "form-unknown")]
    assert await form.stands() == before


@KINDS
async def test_a_form_behind_a_button_counts_in_its_own_view_for_its_own_person_and_kind(
    start: Start, kind: str
) -> None:
    form = await opened(start, kind)
    world, before = form.world, await form.stands()
    await world.say("", "bob", OPS)
    bobs = submission(world, "bob") if (await open_form(world, "bob")) else {}
    foreign, others, swapped = (copy.deepcopy(form.payload) for _ in range(3))
    foreign["view"]["id"] = bobs["view"]["id"]
    others["user"]["id"] = "U0BOB00002"
    swapped["view"]["private_metadata"] = bobs["view"]["private_metadata"]
    for payload in (foreign, others, swapped):
        assert set(errors(await send(world, payload)).values()) == {STALE}
    bobs["view"]["callback_id"] = form.payload["view"]["callback_id"]  # his own form, sent as one of another kind
    assert STALE in errors(await send(world, bobs)).values()
    mine, bob = (form.user_id, "form-tampered"), ("U0BOB00002", "form-tampered")
    assert await trail(world) == [mine, bob, mine, bob]
    assert await form.stands() == before


@KINDS
@pytest.mark.parametrize("restart", [False, True])
async def test_a_form_behind_a_button_sent_again_undoes_nothing(start: Start, kind: str, restart: bool) -> None:
    form = await opened(start, kind)
    world = form.world
    assert await send(world, form.payload) in (None, "", {})
    if kind == "bind":
        await form.told("means server “db-01”")
        await say_and_hear(world, "bind server=web-01", "From now on", channel=OPS)
    elif kind == "change":
        await world.slack.until(lambda: "orders-db" in getattr(world.root(form.request), "text", ""))
        await world.slack.until(lambda: "planned, waiting" in getattr(world.root(form.request), "text", ""))
        root = world.root(form.request)
        assert root is not None
        await world.slack.close("alice")
        await world.slack.press("alice", CHANNEL, root.ts, CHANGE)
        await world.slack.until(lambda: world.slack.view("alice") is not None)
        await kept(world, world.slack.view("alice").source["private_metadata"])
        assert (await world.slack.submit("alice", {"others": {"others": "server=web-01"}})).ok
        await world.slack.until(lambda: "web-01" in getattr(world.root(form.request), "text", ""))
        await world.slack.until(lambda: "planned, waiting" in getattr(world.root(form.request), "text", ""))
    else:
        await world.finished(form.request)
    if restart:
        await world.stop_bot()
        await world.start_bot()
    before = await form.stands()
    for again in range(2):
        assert await send(world, {**form.payload, "trigger_id": f"again.{again}"}) in (None, "", {})
    await form.told(SENT_ALREADY)
    await world.slack.until(lambda: len([one for one in everything(world, form.person) if SENT_ALREADY in one]) == 2)
    assert [rule for _, rule in await trail(world) if rule == "form-replayed"] == ["form-replayed"] * 2
    assert await form.stands() == before


def everything(world: World, person: str) -> list[str]:
    return [one.text for one in [*world.private(person), *world.slack.direct_messages(person)]]


@pytest.mark.parametrize("value", ["foreign", "web-01-data", "", "x" * 5000, "d15c0000"])
async def test_a_disk_that_a_plan_did_not_offer_is_not_chosen(start: Start, value: str) -> None:
    form = await opened(start, "change")
    before = await form.stands()
    if value == "foreign":
        value = next(one.id for one in form.world.cloud.world.disks.values() if one.name == SHOP_DISK)
    form.enter("disks", selected_options=[{"text": {"type": "plain_text", "text": "x"}, "value": value}])
    for typed in ("server=db-01", ""):
        form.enter("others", value=typed)
        assert errors(await send(form.world, form.payload)) == {
            "disks": "One of these is no disk of the plan. Take it out."
        }
    assert await trail(form.world) == [(form.user_id, "forged-option")] * 2
    assert await form.stands() == before


@pytest.mark.parametrize(("alias", "rule"), [("shop", "no-grant"), ("shpo", "unknown-project"), ("", "")])
async def test_a_project_that_a_bind_form_did_not_offer_is_refused_like_one_that_does_not_exist(
    start: Start, alias: str, rule: str
) -> None:
    form = await opened(start, "bind")
    before = await form.stands()
    form.enter("project", selected_option={"text": {"type": "plain_text", "text": alias}, "value": alias})
    ack = await send(form.world, form.payload)
    if rule:
        await form.told(f"There is no project “{alias}” that you may use.")
    else:
        assert errors(ack) == {"project": "Choose a project."}
    assert await trail(form.world) == ([(form.user_id, rule)] if rule else [])
    assert await form.stands() == before


@KINDS
@pytest.mark.parametrize(
    "state", [None, [], {"values": None}, {"values": {"reason": "x", "disks": {"disks": []}, "server": None}}], ids=str
)
async def test_a_form_behind_a_button_without_its_fields_is_an_empty_form(start: Start, kind: str, state: Any) -> None:
    form = await opened(start, kind)
    before = await form.stands()
    form.payload["view"]["state"] = state
    assert errors(await send(form.world, form.payload))
    assert await form.stands() == before


# --- buttons ----------------------------------------------------------------------------------------------------------

FORGED = (
    "",
    "r-00000000",
    "r-",
    "x" * 2000,
    "' or 1=1 --",
    '{"a": 1}',
    '{"request": "r-0", "asking": 1}',
    "<!channel>",
)


@pytest.mark.parametrize(
    "action", [APPROVE, DENY, REVIEW, CANCEL, OPEN_FORM, ASK_AGAIN, CONFIRM, CHANGE, DELETE, AGREE, EXTEND]
)
async def test_a_button_with_an_invented_value_does_nothing_and_says_so(start: Start, action: str) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    await ask_of(world, request)
    public = len(of_the_bot(world))
    for number, value in enumerate(FORGED, start=1):
        await press(world, "eng01", action, value)
        await world.slack.until(lambda number=number: len(heard(world, "eng01")) == number)
    assert not any("went wrong" in text for text in heard(world, "eng01"))
    assert not any("<!channel>" in text for text in heard(world, "eng01"))
    assert max(map(len, heard(world, "eng01"))) < 400
    assert len(of_the_bot(world)) == public
    assert "waiting for approval, 0 of 1 agreed" in getattr(world.root(request), "text", "")
    assert world.slack.view("eng01") is None


async def test_the_buttons_of_others_are_not_ones_own(world: World) -> None:
    """The value of a button says what it is about, never whose it is."""
    await world.say("create web-01-dta", "alice")
    told = await world.told("alice", "Did you mean “web-01-data”")
    refused = str(told.blocks).partition(ASK_AGAIN)[2]
    request = request_id(refused or str(told.blocks))
    await press(world, "bob", ASK_AGAIN, request)
    await world.told("bob", "Only the person who asked can change that request and ask again.")
    world.slack.fault("error", method="views.open", error="expired_trigger_id")
    await world.say("create name=mine", "alice")
    button = await world.told("alice", "Slack did not let me open the form in time.")
    form_id = next(
        element["value"]
        for one in button.blocks
        for element in one.get("elements", [])
        if element.get("action_id") == OPEN_FORM
    )
    await press(world, "bob", OPEN_FORM, form_id)
    await world.told("bob", "That form can't be opened any more, or it is somebody else's.")
    assert world.slack.view("bob") is None
    await press(world, "bob", NEW_SNAPSHOT, form_id)  # which has no value at all
    assert "reason" in [one.partition(".")[0] for one in (await open_form(world, "bob")).values]
    assert "mine" not in str(world.slack.view("bob").values)


def of_the_bot(world: World) -> list[Message]:
    return [one for one in world.slack.messages(CHANNEL) if one.from_app]


def heard(world: World, person: str) -> list[str]:
    return [one.text for one in world.private(person)]
