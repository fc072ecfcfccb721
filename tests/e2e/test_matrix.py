"""Every kind of account at every entry there is: whoever may not reaches nothing, and hears no more than is theirs."""

from __future__ import annotations

import pytest

from bot.simulator.workspace import NotAllowedInSlack
from tests.e2e.conftest import CHANNEL, World
from tests.e2e.test_approvals import Start, asked, start

__all__ = ["start"]

REFUSED = ("carol", "gus", "sam", "eve", "strange", "otherbot", "gone")
"""A member without rights, two kinds of guest, an external person, a stranger, another bot, a deactivated account."""

COMMANDS = (
    "create web-01-data project=payments-prod",
    'create web-01-data project=payments-prod break_glass=payments-prod reason="because I would like to"',
    "status {request}",
    "list project=payments-prod",
    "access project=payments-prod",
    "grant @carol admin payments-prod",
    "revoke @bob payments-prod",
    "approve {request}",
    "deny {request} reason=no",
    "review {request}",
)
BUTTONS = ("approve_request", "deny_request")
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
    for action in BUTTONS:
        try:
            await world.slack.press(person, CHANNEL, ask.ts, action)
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
