"""An emergency: run without approval, for a reason, in the sight of those who may approve, reviewed afterwards."""

from __future__ import annotations

import pytest

from bot.slack.ids import REVIEW
from tests.e2e.conftest import World
from tests.e2e.test_approvals import Start, start

__all__ = ["start"]

REASON = 'reason="db down, restoring now"'
RULES = "approvals = 1\nbreak_glass = true"


async def test_it_runs_at_once_and_everybody_who_could_have_been_asked_hears_of_it(start: Start) -> None:
    world = await start(RULES)
    request = await world.create(f"web-01-data break_glass=payments-prod {REASON}", "bob")
    root = await world.finished(request)
    assert "all available" in root.text
    assert "without approval (break-glass), review due" in root.text
    for person in ("alice", "eng01", "eng02"):
        await world.slack.until(lambda who=person: bool(world.slack.direct_messages(who)))
        told = world.slack.direct_messages(person)
        assert len(told) == 1
        assert "<@U0BOB00002> runs without approval in payments-prod: *web-01-data*" in told[0].text
        assert "db down, restoring now" in told[0].text
    assert world.slack.direct_messages("bob") == []
    assert world.slack.direct_messages("carol") == []
    assert world.slack_complaints() == []


async def test_its_review_is_closed_by_somebody_else_who_may_approve(start: Start) -> None:
    world = await start(RULES)
    request = await world.create(f"web-01-data break_glass=payments-prod {REASON}", "bob")
    await world.finished(request)
    await world.say(f"review {request}", "bob")
    await world.told("bob", "you may cancel, create, view, but not approve")
    await world.say(f"review {request}", "eng01")
    await world.told("eng01", "Reviewed.")
    await world.slack.until(lambda: "reviewed by <@U0ENG00001>" in (root.text if (root := world.root(request)) else ""))
    outcome = await world.say(f"review {request}", "eng01")
    assert "Somebody reviewed this request already" in outcome.text
    assert world.bot is not None
    rules = [(row["action"], row["rule"]) for row in await world.bot.store.audit_page(0)]
    assert ("create", "break-glass") in rules
    assert ("review", "reviewed") in rules


async def test_its_review_is_closed_by_the_button_in_the_direct_message(start: Start) -> None:
    """A direct message is no place; the place of the request counts, which is one of the project's."""
    world = await start(f'{RULES}\nchannels = ["C0INCDEMO1"]')
    request = await world.create(f"web-01-data break_glass=payments-prod {REASON}", "bob")
    await world.slack.until(lambda: bool(world.slack.direct_messages("eng01")))
    told = world.slack.direct_messages("eng01")[0]
    await world.slack.press("eng01", told.channel, told.ts, REVIEW)
    await world.slack.until(lambda: "reviewed by <@U0ENG00001>" in (root.text if (root := world.root(request)) else ""))
    await world.told("eng01", "Reviewed. The request's message says so.")


@pytest.mark.parametrize(
    ("lines", "options", "words"),
    [
        ("approvals = 1", f"break_glass=payments-prod {REASON}", "payments-prod allows nothing without approval"),
        (RULES, f"break_glass=yes {REASON}", "type the project's alias: break_glass=payments-prod"),
        (RULES, "break_glass=payments-prod reason=urgent", "a reason of at least 15 characters"),
        (RULES, "break_glass=payments-prod", "a reason of at least 15 characters"),
    ],
    ids=["not allowed there", "not confirmed", "a short reason", "no reason"],
)
async def test_without_permission_confirmation_or_reason_the_glass_stays(
    start: Start, lines: str, options: str, words: str
) -> None:
    world = await start(lines)
    await world.say(f"create web-01-data {options}", "bob")
    answer = await world.told("bob", words)
    assert "You typed" in answer.text
    assert world.cloud.calls("create_snapshot") == []


async def test_who_may_not_create_may_not_break_the_glass_either(start: Start) -> None:
    world = await start(RULES)
    await world.say(f"create web-01-data break_glass=payments-prod {REASON}", "eng01")
    await world.told("eng01", "but not create")
    assert world.cloud.calls("create_snapshot") == []


async def test_a_restart_goes_on_with_those_who_were_not_told_yet(start: Start) -> None:
    world: World = await start(RULES)
    world.slack.fault("status", method="chat.postMessage", times=1)
    request = await world.create(f"web-01-data break_glass=payments-prod {REASON}", "bob")
    await world.until(lambda: bool(world.cloud.calls("create_snapshot")))
    await world.stop_bot()
    await world.start_bot()
    await world.finished(request)
    people = ("alice", "eng01", "eng02")
    await world.slack.until(lambda: all(world.slack.direct_messages(person) for person in people))


async def test_who_is_refused_everything_hears_nothing_of_it(start: Start) -> None:
    world = await start(RULES)
    await world.slack.set_user("eng01", is_restricted=True)
    await world.create(f"web-01-data break_glass=payments-prod {REASON}", "bob")
    await world.slack.until(lambda: bool(world.slack.direct_messages("eng02")))
    assert world.slack.direct_messages("eng01") == []
