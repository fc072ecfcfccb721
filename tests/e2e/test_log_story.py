"""The story of a request, read from the log: each thing once, in its order, found by each id that a person sees, and
without a word that a person typed.
"""

from __future__ import annotations

import json
import logging
import re
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.slack.ids import APPROVE
from tests.e2e.conftest import CHANNEL, World
from tests.e2e.street import Street, a_street
from tests.e2e.test_approvals import Start, asked, press, start

__all__ = ["start"]

PAGE = Path(__file__).parents[2] / "docs" / "operate.md"
CANARY = "canary"
TYPED = f'reason="{CANARY} reason, in words" name={CANARY}-name description="{CANARY} words" tags={CANARY}:{CANARY}'

Line = Mapping[str, Any]


def documented() -> set[str]:
    """The sentences of the table of lines."""
    lines = PAGE.read_text(encoding="utf-8").partition("## Logs")[2].partition("\n## ")[0].splitlines()
    return {
        sentence
        for line in lines
        if line.startswith("| `")
        for sentence in re.findall(r"`([^`]+)`", line.split("|")[1])
    }


class Told(logging.Handler):
    """Each record of the bot from info on, as the JSON of the log has it."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("bot.") and not record.name.startswith("bot.simulator"):
            own = vars(logging.makeLogRecord({}))
            facts = {name: value for name, value in vars(record).items() if name not in own}
            self.lines.append({**facts, "message": record.getMessage(), "level": record.levelname.lower()})


@pytest.fixture
def told() -> Iterable[list[Line]]:
    handler, root = Told(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler.lines
    root.removeHandler(handler)
    root.setLevel(level)


def of(lines: Iterable[Line], request: str) -> list[str]:
    """The sentences of the lines about a request, but for readings."""
    return [line["message"] for line in lines if line.get("request") == request and line.get("action") != "view"]


def assert_nothing_typed(lines: list[Line]) -> None:
    assert lines
    assert [line for line in lines if CANARY in json.dumps(line)] == []
    at_info = {line["message"] for line in lines if line["level"] == "info"}
    assert at_info - documented() == set(), "a line without a row in docs/operate.md"


async def test_the_log_of_a_bot_tells_the_story_of_a_request(tmp_path: Path) -> None:
    async with a_street(tmp_path, LOG_FORMAT="json") as street:
        await street.start()
        outcome = await street.slack.command("alice", "#inc-demo", f"create web-01-data keep=7 {TYPED}")
        ((request, (item,)),) = await street.until_all_is_said(timeout=60)
        assert request.id in outcome.text
        assert await street.bot.signal(signal.SIGTERM) == 0
        lines = read(street)
    assert_nothing_typed(lines)
    assert of(lines, request.id) == [
        "request recorded",
        "allowed",
        "request planned",
        "request set going",
        "snapshot asked of the cloud",
        "snapshot accepted by the cloud",
        "snapshot available",
        "request finished",
    ]
    by_message = {line["message"]: line for line in lines}
    arrived, recorded = by_message["command arrived"], by_message["request recorded"]
    assert (arrived["verb"], arrived["actor"], arrived["channel"]) == ("create", request.actor_id, "C0INCDEMO1")
    assert arrived["delivery"] == recorded["delivery"]
    assert lines.index(arrived) < lines.index(recorded)
    assert recorded["actor"] == request.actor_id
    assert (by_message["request planned"]["disks"], by_message["request planned"]["project"]) == (1, "payments-prod")
    ended = by_message["snapshot available"]
    assert (ended["item"], ended["disk"], ended["snapshot"]) == (item.id, item.disk.id, item.snapshot_id)
    assert by_message["snapshot accepted by the cloud"]["job"] == item.job_id
    assert ended["seconds"] > 0
    assert [by_message[one]["why"] for one in ("the bot stops",)] == ["SIGTERM"]


def read(street: Street) -> list[Line]:
    """Each line of the log is an object."""
    return [json.loads(line) for line in street.bot.text().splitlines()]


async def test_a_denial_is_told_with_who_and_why(world: World, told: list[Line]) -> None:
    await world.say(f"create web-01-data project=payments-prod {TYPED}", "carol")
    await world.say(f"{CANARY} {CANARY}", "alice")
    await world.slack.until(lambda: any(line["message"] == "denied" for line in told))
    (denied,) = [line for line in told if line["message"] == "denied"]
    assert (denied["action"], denied["rule"]) == ("create", "no-grant")
    assert (denied["actor"], denied["project"]) == (world.slack.world.person("carol").id, "payments-prod")
    assert_nothing_typed(told)


ODD = [
    f"create web-01-data project={CANARY}",
    f"create {CANARY}",
    f"quick server={CANARY}",
    f"quick project={CANARY}",
    f"list project={CANARY} disk={CANARY}",
    f"status {CANARY}",
    f"cancel {CANARY}",
    f"delete {CANARY}",
    f"approve {CANARY}",
    f"deny {CANARY} reason={CANARY}",
    f"grant @bob operator {CANARY}",
    f"revoke @bob operator {CANARY}",
    f"bind server={CANARY} project={CANARY}",
    f"access @bob project={CANARY}",
    f"restore-points disk={CANARY}",
    f"help {CANARY}",
]


@pytest.mark.parametrize("person", ["alice", "carol"])
async def test_whatever_is_typed_stays_out_of_the_log(world: World, told: list[Line], person: str) -> None:
    for text in ODD:
        await world.say(text, person, "#ops")
    await world.slack.mention(person, "#inc-demo", f"create {CANARY} reason={CANARY}")
    arrivals = ("command arrived", "mention arrived")
    await world.slack.until(lambda: sum(line["message"] in arrivals for line in told) == len(ODD) + 1)
    await world.slack.until(lambda: len(world.private(person)) > len(ODD))
    assert_nothing_typed(told)


async def test_a_snapshot_that_the_cloud_refuses_is_told_with_its_code_and_the_clouds_own_reference(
    world: World, told: list[Line]
) -> None:
    world.cloud.fault("create_snapshot", "error", status=400, code="EVS.1055", message=f"{CANARY} quota")
    request = await world.create(f"web-01-data {TYPED}")
    await world.finished(request)
    (failed,) = [line for line in told if line["message"] == "snapshot failed"]
    assert (failed["request"], failed["item"], failed["code"]) == (request, f"{request}-1", "EVS.1055")
    assert failed["cloud_request"]
    assert_nothing_typed(told)


async def test_a_lost_answer_is_told_and_so_is_what_the_look_found(world: World, told: list[Line]) -> None:
    world.cloud.fault("create_snapshot", "drop_after")
    request = await world.create(f"web-01-data {TYPED}")
    await world.finished(request)
    assert [sentence for sentence in of(told, request) if sentence.startswith("snapshot")] == [
        "snapshot asked of the cloud",
        "snapshot uncertain: no answer; it is looked for",
        "snapshot found in the cloud",
        "snapshot available",
    ]
    assert_nothing_typed(told)


async def test_a_deletion_is_told_from_its_asking_to_its_end(world: World, told: list[Line]) -> None:
    request = await world.create(f"web-01-data {TYPED}")
    await world.finished(request)
    before = len(told)
    await world.delete(request, "Deleting 1 snapshot")
    await world.slack.until(lambda: any(line["message"] == "snapshot deleted" for line in told))
    lines = told[before:]
    assert [line["message"] for line in lines if line["message"] in ("command arrived", "button pressed")] == [
        "command arrived",
        "button pressed",
    ]
    assert of(lines, request) == ["allowed", "deletion agreed to", "deletion asked of the cloud", "snapshot deleted"]
    assert_nothing_typed(told)


async def test_an_approval_a_cancelling_and_a_broken_glass_are_told_with_who(start: Start, told: list[Line]) -> None:
    world = await start("approvals = 1\nbreak_glass = true")
    request = await world.create(f"web-01-data {TYPED}", "bob")
    await press(world, "eng01", await asked(world, request), APPROVE)
    await world.finished(request)
    story = of(told, request)
    assert story[: story.index("snapshot asked of the cloud")] == [
        "request recorded",
        "allowed",
        "request planned",
        "request waits for approval",
        "button pressed",
        "allowed",
        "request set going",
    ]
    agreed = next(line for line in told if line.get("action") == "approve")
    assert agreed["actor"] == world.slack.world.person("eng01").id

    dropped = await world.create(f"web-01-logs {TYPED}", "bob")
    await asked(world, dropped)
    await world.say(f"cancel {dropped}", "bob")
    await world.finished(dropped)
    assert of(told, dropped)[-3:] == ["allowed", "snapshot not made", "request dropped"]

    urgent = await world.create(f"web-01-logs break_glass=payments-prod {TYPED}", "bob")
    await world.finished(urgent)
    (broken,) = [line for line in told if line["message"] == "allowed without approval" and line.get("hop") == "plan"]
    assert (broken["request"], broken["actor"]) == (urgent, world.slack.world.person("bob").id)
    await world.say(f"review {urgent}", "eng01")
    await world.told("eng01", "Reviewed.")
    assert "request reviewed" in of(told, urgent)
    assert_nothing_typed(told)


async def test_rights_and_bindings_are_told_as_they_change(world: World, told: list[Line]) -> None:
    await world.say("grant @bob operator payments-prod for=8h")
    await world.slack.until(lambda: any(line["message"] == "grant added" for line in told))
    await world.say("revoke @bob operator payments-prod")
    await world.say("bind server=web-01 project=payments-prod", channel="#ops")
    await world.say("unbind", channel="#ops")
    await world.slack.until(lambda: any(line["message"] == "channel unbound" for line in told))
    changes = ("grant added", "grant revoked", "channel bound", "channel unbound")
    assert sorted(line["message"] for line in told if line["message"] in changes) == sorted(changes)
    assert_nothing_typed(told)


async def test_each_reference_that_a_person_sees_finds_its_line(
    world: World, told: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await world.create("web-01-data web-01-logs")
    await world.finished(request)
    seen = " ".join(message.text for message in world.slack.messages(CHANNEL))
    assert world.bot is not None
    found = await world.bot.store.find(request)
    assert found is not None
    references = [request, *(one for item in found[1] for one in (item.id, item.job_id, item.snapshot_id))]
    shown = [one for one in references if one and one in seen]
    assert len(shown) >= 5, "the request's, and each job and snapshot"
    facts = [json.dumps(line) for line in told]
    assert [one for one in references if not any(f'"{one}"' in line for line in facts)] == []

    async def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bot.workflow.queries.status.Inquiry.status", fails)
    await world.say("status")
    message = await world.told("alice", "tell the people who run the bot this reference")
    (reference,) = re.findall(r"e-[0-9a-z]{8}", message.text)
    (line,) = [line for line in told if line.get("reference") == reference]
    assert line["level"] == "error"
