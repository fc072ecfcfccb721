"""Every kind of account at every entry there is: whoever may not reaches nothing, and hears no more than is theirs."""

from __future__ import annotations

import pytest

from bot.simulator.workspace import NotAllowedInSlack, payloads
from bot.slack.controls import APPROVE, BACKUP_FOR_MESSAGE, CANCEL, DENY, NEW_SNAPSHOT, REVIEW
from bot.slack.form_view import FORM_DISKS, NO_CHOICE
from tests.e2e.conftest import CHANNEL, World
from tests.e2e.test_approvals import Start, asked, start
from tests.e2e.test_forms import choose_disks, open_form

__all__ = ["start"]

REFUSED = ("carol", "gus", "sam", "eve", "strange", "otherbot", "gone")
"""A member without rights, two kinds of guest, an external person, a stranger, another bot, a deactivated account."""

COMMANDS = (
    "create web-01-data project=payments-prod",
    'create web-01-data project=payments-prod break_glass=payments-prod reason="because I would like to"',
    "quick server=web-01 project=payments-prod confirm=no",
    "bind server=web-01 project=payments-prod",
    "unbind",
    "restore-points",
    "delete {request}",
    "status {request}",
    "list project=payments-prod",
    "access project=payments-prod",
    "grant @carol admin payments-prod",
    "revoke @bob payments-prod",
    "cancel {request}",
    "approve {request}",
    "deny {request} reason=no",
    "review {request}",
)
DOORS = ("a form by command", "a form by shortcut", "a form for a message", "a form by button", "a mention", "App Home")
SECRETS = ("orders-db", "kernel")
"""What stands in the request that waits, and is nobody's business who may not view the project."""


async def typed(world: World, person: str, text: str) -> None:
    """Type it, as far as Slack lets this account type at all."""
    try:
        await world.say(text, person)
    except (NotAllowedInSlack, KeyError, ValueError):
        return


@pytest.mark.parametrize("person", REFUSED)
async def test_whoever_may_not_reaches_nothing_from_any_entry(start: Start, person: str) -> None:
    world = await start("approvals = 1\nbreak_glass = true")
    request = await world.create("orders-db reason=kernel", "bob")
    ask = await asked(world, request)
    if person not in ("strange", "gone"):
        world.slack.join(person, CHANNEL)
    calls, public = len(world.cloud.calls()), len(world.slack.messages(CHANNEL))
    for text in COMMANDS:
        await typed(world, person, text.format(request=request))
    root = world.root(request)
    assert root is not None
    for ts, action in ((ask.ts, APPROVE), (ask.ts, DENY), (root.ts, CANCEL)):
        try:
            await world.slack.press(person, CHANNEL, ts, action)
        except (NotAllowedInSlack, KeyError, ValueError):
            continue
    # Somebody who may asks afterwards: by then everything before it has been settled.
    await world.say(f"status {request}", "bob")
    await world.told("bob", "waiting for approval, 0 of 1 agreed")
    assert len(world.cloud.calls()) == calls
    assert len(world.slack.messages(CHANNEL)) == public
    assert world.slack.view(person) is None
    heard = " ".join(one.text for one in [*world.private(person), *world.slack.direct_messages(person)])
    assert [secret for secret in SECRETS if secret in heard] == []
    assert world.bot is not None
    held = [grant.subject_id for grant in await world.bot.store.every_grant()]
    assert "U0CAROL009" not in held


@pytest.mark.parametrize(
    "text", ["create web-01-data project={0}", "list project={0}", "access project={0}", "grant @bob viewer {0}"]
)
async def test_a_closed_project_and_a_missing_one_are_answered_to_the_byte_alike(world: World, text: str) -> None:
    await world.say("help", "carol")
    await world.told("carol", "You may use no project")
    closed = await answer_about(world, text, "payments-prod")
    assert closed == await answer_about(world, text, "payments-nope")
    assert closed


async def answer_about(world: World, text: str, alias: str) -> list[str]:
    """What carol reads, but for the alias she typed."""
    before = len(world.private("carol"))

    def answers() -> list[str]:
        return [one.text for one in world.private("carol")[before:] if f"“{alias}”" in one.text]

    await world.say(text.format(alias), "carol")
    await world.slack.until(lambda: bool(answers()))
    return [answer.replace(alias, "ALIAS") for answer in answers()]


# --- the form, shortcuts, mentions and App Home -----------------------------------------------------------------------


async def enter(world: World, person: str, door: str) -> bool:
    """Go in by a door, as far as Slack lets this account; False where it has no such door."""
    try:
        match door:
            case "a form by command":
                await world.say("", person)
            case "a form by shortcut":
                await world.slack.shortcut(person, NEW_SNAPSHOT)
            case "a form for a message":
                said = (await world.slack.say("alice", CHANNEL, "slow")).message
                await world.slack.message_shortcut(person, CHANNEL, said.ts, BACKUP_FOR_MESSAGE)
            case "a form by button":
                await world.say("help", person)
                await world.slack.press(person, CHANNEL, world.private(person)[-1].ts, NEW_SNAPSHOT)
            case "a mention":
                await world.slack.mention(person, CHANNEL, "create web-01-data project=payments-prod")
            case _:
                await world.slack.open_home(person)
    except (NotAllowedInSlack, KeyError, ValueError, IndexError):
        return False
    return True


@pytest.mark.parametrize("door", DOORS)
async def test_no_door_leads_whoever_may_not_to_a_project_its_disks_or_the_cloud(start: Start, door: str) -> None:
    world = await start("approvals = 1\nbreak_glass = true")
    for person in ("carol", "gus", "sam", "eve"):
        world.slack.join(person, CHANNEL)
    entered = [person for person in REFUSED if await enter(world, person, door)]
    assert "carol" in entered or door == "a form by button"  # her help has no such button
    # Somebody who may goes in afterwards: by then everything before it has been settled.
    await world.say("", "alice")
    await open_form(world, "alice")
    for person in entered:
        view, home = world.slack.view(person), world.slack.home(person)
        assert view is None or view.source.get("submit") is None
        seen = [str(one.blocks) for one in (view, home) if one] + [one.text for one in world.private(person)]
        seen = [text.replace("project=payments-prod", "").replace("“payments-prod”", "") for text in seen]
        assert [text for text in seen if "payments-prod" in text or "web-01" in text.replace("web-01-data", "")] == []
    assert world.cloud.calls() == []


@pytest.mark.parametrize("person", ["carol", "gus", "sam", "eve"])
async def test_a_form_of_somebody_else_is_of_no_use_to_whoever_may_not(world: World, person: str) -> None:
    """Whoever copies everything from the form of a colleague and sends it as their own."""
    await world.say("", "alice")
    await open_form(world, "alice")
    await choose_disks(world, "alice", "web-01-data")
    asked_before = len(world.cloud.calls())
    state, view = world.slack.state, world.slack.view("alice")
    account = state.world.person(person)
    submission = payloads.view_submission(state, account, view)
    delivery = await world.slack.deliverer.interactive(submission, accepts_payload=True)
    assert delivery.ack["response_action"] == "errors"
    question = payloads.suggestion(state, account, "disks.1", FORM_DISKS, "")
    question |= {"container": {"type": "view", "view_id": view.id}, "view": submission["view"]}
    delivery = await world.slack.deliverer.interactive(question, accepts_payload=True)
    assert [option["value"] for option in delivery.ack["options"]] == [NO_CHOICE]
    assert len(world.cloud.calls()) == asked_before


@pytest.mark.parametrize("person", ["carol", "gus", "sam", "eve"])
async def test_the_review_of_others_is_not_closed_by_whoever_may_not(start: Start, person: str) -> None:
    world = await start("approvals = 1\nbreak_glass = true")
    reason = "the disk is dying right now"
    request = await world.create(f'web-01-data break_glass=payments-prod reason="{reason}"', "bob")
    await world.finished(request)
    world.slack.join(person, CHANNEL)
    state = world.slack.state
    message = (await world.slack.say("alice", CHANNEL, "who looks at this?")).message
    acted = {"type": "button", "action_id": REVIEW, "block_id": "b", "value": request, "action_ts": "1.0"}
    pressed = payloads.message_actions(
        state, state.world.person(person), world.slack.world.channel(CHANNEL), message, {}, acted
    )
    await world.slack.deliverer.interactive(pressed)
    await world.slack.until(lambda: bool(world.private(person)))
    assert reason not in world.private(person)[-1].text
    assert world.bot is not None
    found = await world.bot.store.find(request)
    assert found is not None and found[0].reviewed_by is None


async def test_a_form_for_a_closed_project_and_one_for_a_missing_one_are_alike_to_the_byte(world: World) -> None:
    """alice may use one project; she types two others, one of which exists."""
    shown = []
    for alias in ("shop", "shpo"):
        await world.say(f"create project={alias}", "alice")
        await world.slack.until(lambda: world.slack.view("alice") is not None)
        await open_form(world, "alice")
        shown.append(world.slack.render_view("alice").replace(alias, "ALIAS"))
        await world.slack.close("alice")
    assert shown[0] == shown[1]
    assert "“ALIAS”" in shown[0]


async def test_a_mention_of_a_closed_project_and_one_of_a_missing_one_are_alike_to_the_byte(world: World) -> None:
    await world.slack.mention("alice", CHANNEL, "help")
    await world.told("alice", "You may use")
    told = []
    for alias in ("shop", "shpo"):
        await world.slack.mention("alice", CHANNEL, f"create web-01-data project={alias}")
        message = await world.told("alice", f"“{alias}”")
        told.append(message.text.replace(alias, "ALIAS"))
    assert told[0] == told[1]
