"""Who may do what, asked again at every hop; whoever is refused costs no cloud call and learns nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from bot.simulator.setting import Setting
from bot.simulator.workspace.payloads import slash_command
from bot.store.audit import GENESIS, first_broken
from tests.e2e.conftest import FastClock, World, request_id

NOWHERE = "There is no project in which you may create snapshots from here."
CLOSED = "There is no project “payments-prod” that you may use."
GUESTS = "Guests of this workspace may not use the snapshot bot."
ALICES_GRANT = 'subject = "user:U0ALICE001"\nrole = "admin"\nproject = "payments-prod"\n'


@pytest.fixture(autouse=True)
def quick_snapshots(setting: tuple[Setting, FastClock]) -> None:
    """How long the cloud takes is not the point here."""
    timing = setting[0].cloud.world.timing
    timing.min_seconds = timing.max_seconds = 1.5


# --- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "sentence"),
    [("carol", NOWHERE), ("gus", GUESTS), ("sam", GUESTS)],
    ids=["no grant", "guest", "single-channel guest"],
)
async def test_whoever_is_denied_costs_no_cloud_call_and_is_told_alone(
    world: World, person: str, sentence: str
) -> None:
    for _ in range(2):  # first looked up, then known
        await world.say("create web-01-data", person)
        await world.told(person, sentence)
    assert world.cloud.calls() == []
    assert world.slack.messages("#inc-demo") == []
    assert world.slack_complaints() == []


async def test_whoever_is_known_to_be_denied_is_told_in_the_acknowledgement(world: World) -> None:
    await world.say("create web-01-data", "carol")
    await world.told("carol", NOWHERE)
    outcome = await world.say("create web-01-data", "carol")
    assert NOWHERE in outcome.text


async def test_a_member_made_a_guest_is_refused_at_once(world: World) -> None:
    await world.finished(await world.create("web-01-data"))
    await world.slack.set_user("alice", is_restricted=True)
    asked = len(world.cloud.calls())
    await world.say("create web-01-logs")
    await world.told("alice", GUESTS)
    assert len(world.cloud.calls()) == asked


async def test_a_command_of_somebody_just_deactivated_is_refused(world: World) -> None:
    await world.finished(await world.create("web-01-data"))
    state = world.slack.state
    alice, channel = state.world.person("alice"), state.world.channel("#inc-demo")
    on_its_way = slash_command(state, alice, channel, "/snapshot", "create web-01-logs")
    await world.slack.deactivate("alice")
    asked = len(world.cloud.calls())
    delivery = await world.slack.deliverer.command(on_its_way)
    found = await ended(world, request_id(delivery.ack["text"]))
    assert (found.state, found.rule) == ("denied", "standing-deactivated")
    assert "deactivated" in found.explanation
    assert len(world.cloud.calls()) == asked


async def test_a_group_allows_its_members_and_stops_with_their_membership(world: World) -> None:
    await world.finished(await world.create("web-01-data", "bob"))
    await world.slack.set_group_members("oncall", [])
    asked = len(world.cloud.calls())
    await world.say("create web-01-logs", "bob")
    await world.told("bob", NOWHERE)
    assert len(world.cloud.calls()) == asked


async def test_a_group_allows_whoever_joins_it(world: World) -> None:
    await world.say("create web-01-data", "carol")
    await world.told("carol", NOWHERE)
    await world.slack.set_group_members("oncall", ["bob", "carol"])
    root = await world.finished(await world.create("web-01-data", "carol"))
    assert "all available" in root.text


async def test_a_grant_counts_until_it_expires(quiet_world: World) -> None:
    world = quiet_world
    expires = world.clock.now() + timedelta(seconds=12)
    configure(world, ALICES_GRANT, f"{ALICES_GRANT}expires = {expires.isoformat()}\n")
    await world.start_bot()
    await world.finished(await world.create("web-01-data"))
    await world.until(lambda: world.clock.now() > expires)
    asked = len(world.cloud.calls())
    await world.say("create web-01-logs")
    await world.told("alice", NOWHERE)
    assert len(world.cloud.calls()) == asked
    assert (await audit(world))[-1]["rule"] == "grant-expired"


async def test_a_viewer_hears_what_they_may_and_that_creating_is_not_among_it(quiet_world: World) -> None:
    world = quiet_world
    configure(world, ALICES_GRANT, ALICES_GRANT.replace("admin", "viewer"))
    await world.start_bot()
    await world.say("create web-01-data")
    await world.told("alice", "In payments-prod you may view, but not create.")
    assert world.cloud.calls() == []


# --- where ------------------------------------------------------------------------------------------------------------


async def test_a_project_with_channels_is_used_only_from_them(quiet_world: World) -> None:
    world = quiet_world
    close_to(world, "C0OPS00001")
    await world.start_bot()
    await world.say("create web-01-data")
    await world.told("alice", "payments-prod can be used only from")
    assert world.cloud.calls() == []
    request = await world.create("web-01-data project=payments-prod", channel="#ops")
    assert "all available" in (await world.finished(request, "#ops")).text


async def test_the_channels_of_a_project_are_named_so_that_one_can_press_them(quiet_world: World) -> None:
    world = quiet_world
    close_to(world, "C0OPS00001")
    await world.start_bot()
    await world.say("create web-01-data")
    answer = await world.told("alice", "payments-prod can be used only from")
    assert "can be used only from <#C0OPS00001>" in answer.text


async def test_without_a_binding_the_only_project_of_a_person_is_taken(world: World) -> None:
    assert "all available" in (await world.finished(await world.create("spare-disk", channel="#ops"), "#ops")).text


# --- Slack can't say who somebody is ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["users.info", "usergroups.list"])
@pytest.mark.parametrize("kind", ["error", "status", "ratelimited", "malformed", "reset_after"])
async def test_a_failed_look_up_refuses_in_one_sentence(world: World, method: str, kind: str) -> None:
    world.slack.fault(kind, method=method, times=8)  # four tries, and aiohttp repeats a broken read
    await world.say("create web-01-data")
    answer = await world.told("alice", "Slack could not tell me who you are just now", timeout=3)
    assert "Nothing was created" in answer.text
    assert "create web-01-data" in answer.text
    assert world.cloud.calls() == []
    assert world.slack.messages("#inc-demo") == []


async def test_a_look_up_that_fails_once_costs_only_a_moment(world: World) -> None:
    world.slack.fault("ratelimited", method="usergroups.list", retry_after=1)
    assert "all available" in (await world.finished(await world.create("web-01-data"))).text


@pytest.mark.parametrize("kind", ["error", "malformed"])
async def test_a_failed_look_up_answers_a_question_with_the_same_sentence(world: World, kind: str) -> None:
    world.slack.fault(kind, method="users.info")
    await world.say("help")
    await world.told("alice", "Slack could not tell me who you are just now", timeout=3)


# --- rights that end while the disk waits -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "rule", "words"),
    [
        ("alice", "standing-deactivated", "deactivated"),
        ("bob", "no-grant", "no project “payments-prod”"),
        ("eng01", "lookup-failed", "could not tell me who you are"),
    ],
    ids=["the account", "the membership", "the look-up"],
)
async def test_rights_that_end_while_a_disk_waits_stop_it_and_the_message_says_so(
    world: World, person: str, rule: str, words: str
) -> None:
    await world.slack.set_group_members("oncall", ["bob", "eng01"])
    world.cloud.fault("create_snapshot", "external_busy", seconds=5)
    request = await world.create("web-01-data", person)
    await world.until(lambda: bool(world.cloud.calls("create_snapshot")))
    match person:
        case "alice":
            await world.slack.deactivate("alice")
        case "bob":
            await world.slack.set_group_members("oncall", [])
        case _:
            await world.slack.set_user(person, tz="Asia/Singapore")
            world.slack.fault("error", method="users.info", times=4)
    root = await world.finished(request)
    receipt = world.replies(request, "receipt")[0]
    for text in (root.text, receipt.text):
        assert "not sent" in text
        assert words in text
    assert "none available" in root.text
    assert world.cloud.snapshots() == []
    assert len(world.cloud.calls("create_snapshot")) == 1
    denied = [row for row in await audit(world) if row["outcome"] == "denied"]
    assert [(row["subject"], row["rule"]) for row in denied] == [(f"{request}-1", rule)]


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_status_and_list_show_only_what_the_reader_may_see(world: World) -> None:
    request = await world.create("web-01-data reason=INC-42")
    await world.finished(request)
    (made,) = world.cloud.snapshots()
    hidden = (request, made["id"], "web-01-data", "INC-42")
    for text in ("help", f"status {request}", f"status {made['id']}", "status", "list", "list disk=web-01-data"):
        await world.say(text, "carol")
    await world.slack.until(lambda: len(world.private("carol")) >= 6)
    answers = "\n".join(message.text for message in world.private("carol"))
    assert [one for one in hidden[1:] if one in answers.replace(f"“{made['id']}”", "")] == []
    assert f"no request, job or snapshot “{request}” that you may see" in answers
    assert f"no request, job or snapshot “{made['id']}” that you may see" in answers


async def test_an_id_that_is_closed_and_one_that_does_not_exist_are_answered_alike(world: World) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    await known(world, "carol")
    closed = (await world.say(f"status {request}", "carol")).text
    nothing = (await world.say("status r-00000000", "carol")).text
    assert closed.replace(request, "ID") == nothing.replace("r-00000000", "ID")


async def test_a_list_of_a_closed_project_and_of_none_are_answered_alike(world: World) -> None:
    await known(world, "alice")
    closed = (await world.say("list project=shop")).text
    nothing = (await world.say("list project=nowhere")).text
    assert "no project “shop” that you may use" in closed
    assert closed.replace("shop", "ALIAS") == nothing.replace("nowhere", "ALIAS")


async def test_somebody_with_the_same_right_sees_the_request_by_any_of_its_ids(world: World) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    await known(world, "bob")
    (made,) = world.cloud.snapshots()
    (job,) = world.cloud.world.jobs
    for one in (request, made["id"], job):
        text = (await world.say(f"status {one}", "bob")).text
        assert made["id"] in text
        assert "available" in text
    assert request in (await world.say("list", "bob")).text
    assert request not in (await world.say("list mine", "bob")).text


async def test_help_names_only_what_the_reader_may_use(world: World) -> None:
    await known(world, *("alice", "bob", "carol", "gus"))
    alice, bob, carol, gus = [(await world.say("help", one)).text for one in ("alice", "bob", "carol", "gus")]
    assert "payments-prod" in alice
    assert re.search("shop|legacy", alice) is None
    assert all(alias in bob for alias in ("payments-prod", "shop", "legacy"))
    assert "administer" in alice
    assert "administer" not in bob
    assert "create" not in carol
    assert re.search("payments-prod|shop|legacy", carol) is None
    assert GUESTS in gus
    assert world.cloud.calls() == []


async def test_what_somebody_asked_for_is_closed_to_them_with_their_right(world: World) -> None:
    request = await world.create("web-01-data", "bob")
    await world.finished(request)
    await world.slack.set_group_members("oncall", [])
    await known(world, "bob")
    assert "that you may see" in (await world.say(f"status {request}", "bob")).text
    assert request not in (await world.say("list", "bob")).text
    assert request not in (await world.say("status", "bob")).text


# --- the trail --------------------------------------------------------------------------------------------------------


async def test_every_decision_is_in_the_trail_and_its_chain_holds(world: World) -> None:
    allowed = await world.create("web-01-data")
    await world.finished(allowed)
    await world.say("create web-01-data", "carol")
    await world.told("carol", NOWHERE)
    await world.say("create web-01-logs", "carol")  # known by now, so refused in the acknowledgement
    rows = await audit(world)
    decisions = [(row["actor"], row["action"], row["subject"], row["outcome"], row["rule"]) for row in rows]
    assert ("U0ALICE001", "create", allowed, "allowed", "granted") in decisions
    assert ("U0ALICE001", "create", f"{allowed}-1", "allowed", "granted") in decisions
    assert decisions[-1] == ("U0CAROL009", "create", "payments-prod", "denied", "no-grant")
    assert [row[3:] for row in decisions if row[0] == "U0CAROL009"] == [("denied", "no-grant")] * 2
    assert first_broken(rows, GENESIS, 0) is None
    rows[1]["actor"] = "U0BOB00002"
    assert first_broken(rows, GENESIS, 0) == "row 2 was altered"


async def test_a_denial_that_needed_a_look_up_names_its_project_and_channel_in_the_trail(world: World) -> None:
    await world.say("create web-01-data", "carol")
    await world.told("carol", NOWHERE)
    row = (await audit(world))[-1]
    assert (row["actor"], row["outcome"]) == ("U0CAROL009", "denied")
    assert '"channel": "C0INCDEMO1"' in row["details_json"] and '"project": "payments-prod"' in row["details_json"]


async def test_a_list_of_a_closed_project_is_in_the_trail(world: World) -> None:
    await world.say("list project=payments-prod", "carol")
    await world.told("carol", CLOSED)
    rows = [row for row in await audit(world) if row["actor"] != "bot.toml"]
    assert [(row["actor"], row["action"], row["outcome"], row["rule"]) for row in rows] == [
        ("U0CAROL009", "view", "denied", "no-grant")
    ]


@pytest.mark.parametrize("text", ["list", "status", "help"])
async def test_a_refused_reading_is_in_the_trail(world: World, text: str) -> None:
    await world.say(text, "gus")
    await world.told("gus", GUESTS)
    rows = [row for row in await audit(world) if row["actor"] != "bot.toml"]
    assert [(row["actor"], row["outcome"], row["rule"]) for row in rows] == [("U0GUEST003", "denied", "standing-guest")]


# --- helpers ----------------------------------------------------------------------------------------------------------


def configure(world: World, old: str, new: str) -> None:
    """Change the bot's configuration before it starts."""
    file = world.setting.directory / "bot.toml"
    before = file.read_text()
    assert before.count(old) == 1
    file.write_text(before.replace(old, new))


def close_to(world: World, channel: str) -> None:
    configure(world, "[projects.payments-prod]\n", f'[projects.payments-prod]\nchannels = ["{channel}"]\n')


async def known(world: World, *people: str) -> None:
    """Have the bot look up these people, so that it answers them at once."""
    for person in people:
        before = len(world.private(person))
        await world.say("help", person)
        await world.slack.until(lambda before=before, person=person: len(world.private(person)) > before + 1)


async def audit(world: World) -> list[dict[str, Any]]:
    assert world.bot is not None
    return await world.bot.store.audit_page(0)


async def ended(world: World, request: str) -> Any:
    """The request once it was refused."""
    assert world.bot is not None
    store = world.bot.store
    while not (found := await store.request(request)) or not found[0].refused:
        await world.clock.sleep(0.1)
    return found[0]
