"""Every decision is a row of the audit trail, and so is every reading that a person asked for."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot.slack.ids import CHANGE, CONFIRM, DENY
from bot.store.upkeep.verification import Verification
from tests.e2e.conftest import CHANNEL, World, request_id
from tests.e2e.test_access import configure
from tests.e2e.test_app_home import opened, shows
from tests.e2e.test_approvals import Start, start
from tests.e2e.test_forms import offers, open_form
from tests.e2e.test_granting import asked
from tests.e2e.test_quick import planned

__all__ = ["start"]

Row = tuple[str, str, str, str]
"""Action, outcome, rule, and the projects it names."""


async def rows(world: World, user_id: str, since: int = 0) -> list[Row]:
    assert world.bot is not None
    page = await world.bot.store.audit_page(since)
    return [(row["action"], row["outcome"], row["rule"], projects_of(row)) for row in page if row["actor"] == user_id]


def projects_of(row: dict[str, Any]) -> str:
    details = json.loads(row["details_json"])
    return str(details.get("projects", details.get("project", "")))


READINGS = ("status", "list", "help", "projects", "access", "restore-points")


async def grown(world: World, user_id: str, count: int) -> list[Row]:
    """Wait until somebody has so many rows: an allowed reading is written down behind its answer."""
    async with asyncio.timeout(10):
        while len(found := await rows(world, user_id)) < count:
            await asyncio.sleep(0.01)
    return found


async def test_each_reading_is_one_row_that_names_the_projects(world: World) -> None:
    for count, text in enumerate((*READINGS, "access @bob"), start=1):
        await world.say(text)
        assert await grown(world, "U0ALICE001", count) == [("view", "allowed", "granted", "payments-prod")] * count
    await opened(world, "alice")
    assert await grown(world, "U0ALICE001", 8) == [("view", "allowed", "granted", "payments-prod")] * 8


async def test_rows_are_handed_over_as_they_are_written(quiet_world: World, tmp_path: Path) -> None:
    world, file = quiet_world, tmp_path / "audit.jsonl"
    configure(world, "[projects.payments-prod]\n", f'[audit]\nship = "file:{file}"\n[projects.payments-prod]\n')
    bot = await world.start_bot()
    await world.finished(await world.create("web-01-data"))
    last, _ = await bot.store.audit_head()
    async with asyncio.timeout(10):
        while not file.exists() or len(file.read_text().splitlines()) < last:
            await asyncio.sleep(0.05)
    handed = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(row["seq"], row["hash"]) for row in handed[:last]] == [
        (row["seq"], row["hash"]) for row in (await bot.store.audit_page(None))[:last]
    ]


async def test_whoever_may_view_nothing_leaves_rows_that_say_so(world: World) -> None:
    for count, text in enumerate(READINGS, start=1):
        await world.say(text, "carol")
        assert await grown(world, "U0CAROL009", count) == [("view", "denied", "no-grant", "")] * count
    await opened(world, "carol")
    assert await grown(world, "U0CAROL009", 7) == [("view", "denied", "no-grant", "")] * 7


async def test_app_home_is_one_row_for_each_time_it_is_opened_and_none_when_it_only_changes(world: World) -> None:
    await opened(world, "alice")
    await world.finished(await world.create("spare-disk"))
    await shows(world, "alice", "ended: 1 available")
    await opened(world, "alice")
    await opened(world, "gus")
    assert await grown(world, "U0GUEST003", 1) == [("view", "denied", "standing-guest", "")]
    views = [row for row in await rows(world, "U0ALICE001") if row[0] == "view"]
    assert views == [("view", "allowed", "granted", "payments-prod")] * 2


async def test_a_form_is_a_row_and_its_options_are_one_a_minute(world: World) -> None:
    await world.say("", "alice")
    await open_form(world, "alice")
    for query in ("w", "we", "web"):
        await offers(world, "alice", query)
    assert await rows(world, "U0ALICE001") == [("view", "allowed", "granted", "payments-prod")] * 2
    await world.clock.sleep(61)
    await offers(world, "alice", "web-01")
    assert len(await grown(world, "U0ALICE001", 3)) == 3


async def test_options_that_are_refused_are_a_row_each_time(world: World) -> None:
    await world.slack.set_group_members("oncall", ["carol"])
    await world.say("", "carol")
    await open_form(world, "carol")
    await world.slack.set_group_members("oncall", [])
    for query in ("w", "we", "web"):
        await offers(world, "carol", query)
    denied = [row for row in await rows(world, "U0CAROL009") if row[1] == "denied"]
    assert denied == [("view", "denied", "no-grant", "")] * 3


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("status r-nosuch00", "view"),
        ("cancel r-nosuch00", "cancel"),
        ("approve r-nosuch00", "approve"),
        ("deny r-nosuch00 reason=x", "approve"),
        ("review r-nosuch00", "approve"),
        ("delete r-nosuch00", "delete"),
    ],
)
async def test_an_id_that_leads_to_nothing_is_a_denied_row(world: World, text: str, action: str) -> None:
    await asked(world, text, "I know no")
    assert await rows(world, "U0ALICE001") == [(action, "denied", "unknown-id", "")]


async def test_the_status_of_a_closed_project_is_a_row_that_its_reader_does_not_hear_of(world: World) -> None:
    request = await world.create("spare-disk")
    await world.finished(request)
    await asked(world, f"status {request}", "I know no request", "carol")
    assert await rows(world, "U0CAROL009") == [("view", "denied", "no-grant", "payments-prod")]


async def test_unbinding_what_is_not_bound_is_a_row(world: World) -> None:
    await asked(world, "unbind", "I know of nothing", channel="#ops")
    assert await rows(world, "U0ALICE001") == [("unbind", "denied", "nothing-bound", "")]


async def test_a_look_up_that_fails_is_a_row_of_what_was_asked_and_of_what_was_pressed(world: World) -> None:
    _, root = await planned(world, "server=web-01")
    world.slack.fault("error", method="users.info", times=8)
    await world.say("help", "bob")
    await world.told("bob", "Slack could not tell me who you are just now")
    refused = ("ask", "denied", "lookup-failed", "")
    assert await rows(world, "U0BOB00002") == [refused]
    await world.slack.press("bob", CHANNEL, root.ts, CONFIRM)
    assert await grown(world, "U0BOB00002", 2) == [refused] * 2


async def test_forms_that_a_button_opens_are_readings(start: Start) -> None:
    world = await start("approvals = 1")
    request, root = await planned(world, "server=web-01", "bob")
    await world.slack.press("bob", CHANNEL, root.ts, CHANGE)
    await world.slack.until(lambda: world.slack.view("bob") is not None)
    await world.slack.press("bob", CHANNEL, root.ts, CONFIRM)
    await world.slack.until(lambda: bool(world.replies(request, "ask")))
    await world.slack.press("eng01", CHANNEL, world.replies(request, "ask")[0].ts, DENY)
    await world.slack.until(lambda: world.slack.view("eng01") is not None)
    await world.say("bind", "alice")
    await world.slack.until(lambda: world.slack.view("alice") is not None)
    assert world.bot is not None
    details = [
        (row["actor"], row["subject"], json.loads(row["details_json"]))
        for row in await world.bot.store.audit_page(0)
        if row["action"] == "view"
    ]
    channel = world.slack.world.channel(CHANNEL).id
    assert details == [
        ("U0BOB00002", request, {"asked": "change-form", "projects": "payments-prod", "channel": channel}),
        ("U0ENG00001", request, {"asked": "deny-form", "projects": "payments-prod", "channel": channel}),
        ("U0ALICE001", "", {"asked": "bind-form", "projects": "payments-prod", "channel": channel}),
    ]


async def verified(world: World) -> list[str]:
    """What `audit verify` finds beside the running bot."""
    assert world.bot is not None
    verification = Verification(await world.bot.store.witness())
    broken = verification.take(await world.bot.store.audit_page(None, 10_000))
    return [broken] if broken else verification.missing()


@pytest.mark.parametrize("refused", [False, True], ids=["in groups", "groups refused"])
async def test_the_trail_of_a_day_of_all_kinds_holds(start: Start, refused: bool) -> None:
    world = await start("approvals = 1")
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 3.0
    if refused:
        world.cloud.fault("create_group", "error", times=9, status=400, code="EVS.2068", message="volume be locked")
    request, root = await planned(world, "server=web-01 keep=7", "bob")
    await world.slack.press("bob", CHANNEL, root.ts, CONFIRM)
    joined = await world.create("web-01-data")
    for one, person in ((request, "eng01"), (joined, "eng02")):
        await world.slack.until(lambda one=one: bool(world.replies(one, "ask")))
        await asked(world, f"approve {one}", "and it began", person)
    await world.finished(request)
    await world.finished(joined)
    called_back = await world.create("spare-disk")
    await asked(world, f"cancel {called_back}", "Cancelled")
    await asked(world, "grant @carol viewer payments-prod for=8h", "is now viewer")
    await world.delete(request, "within 60 minutes to delete")
    await world.delete(request, "I delete", "eng01")
    await world.until(lambda: bool(world.cloud.calls("delete_snapshot")))
    assert await verified(world) == []
    await world.stop_bot()
    await world.start_bot()
    assert await verified(world) == []


async def test_who_is_known_too_late_for_the_answer_is_asked_back_and_nothing_is_denied(world: World) -> None:
    world.slack.fault("latency", method="users.info", seconds=2)
    outcome = await world.say("quick server=web-01", "bob", "#ops")
    assert "the answer follows here" in outcome.text
    await world.told("bob", "Which project? You may use several.")
    assert await rows(world, world.slack.world.person("bob").id) == [("create", "asked", "no-project-chosen", "")]
    assert world.bot is not None
    found = await world.bot.store.request(request_id(outcome.text))
    assert found is not None and found[0].state == "dropped"
