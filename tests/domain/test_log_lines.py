"""Each edge of the machines has its sentence, and each row of the trail that no edge tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain import log_lines
from bot.domain.attempts import no_answer, submitting, waiting
from bot.domain.audit import AuditEntry, before_post, deletion_ended, grant_changed, of_request, snapshot_ended
from bot.domain.deletions import Deletion
from bot.domain.items import Item, ended, taken
from bot.domain.requests import moved
from bot.domain.transitions import (
    DELETION,
    GROUP,
    ITEM,
    REQUEST,
    AttemptEvent,
    DeletionState,
    ItemState,
    Machine,
    RequestEvent,
    RequestState,
)
from tests.builders import NOON, a_grant, a_request, an_actor, an_item

KEPT = Deletion("r-one-1", "r-one", "payments", "s1", "d1", "typed", DeletionState.KEPT, "U1", "C1", NOON)


@pytest.mark.parametrize(
    ("machine", "lines"),
    [
        (REQUEST, log_lines.REQUEST_LINES),
        (ITEM, log_lines.ITEM_LINES),
        (GROUP, log_lines.GROUP_LINES),
        (DELETION, log_lines.DELETION_LINES),
    ],
)
def test_each_edge_has_its_sentence_and_a_plan_says_how_many_disks_it_has(
    machine: Machine[Any, Any], lines: dict[Any, str]
) -> None:
    assert {event for _, event, _ in machine.edges} - {AttemptEvent.PLAN} == set(lines)


def an_item_that_moved(*moves: str) -> Item:
    item = an_item()
    for move in moves:
        match move:
            case "send":
                item = submitting(item, NOON)
            case "lose":
                item = replace(no_answer(item, NOON, look_for=NOON - NOON, cause="typed"), answer_id="req-1")
            case "found":
                item = taken(item, "snap-1", None)
            case "accepted":
                item = taken(item, "snap-1", "job-1")
            case "wait":
                item = waiting(item, NOON, until=NOON, cause="typed", code="EVS.2409")
            case state:
                item = ended(item, ItemState(state), NOON, cause="typed", code="EVS.1")
    return item


@pytest.mark.parametrize(
    ("moves", "sentence", "facts"),
    [
        (["send"], "snapshot asked of the cloud", {}),
        (["send", "accepted"], "snapshot accepted by the cloud", {"job": "job-1", "snapshot": "snap-1"}),
        (["send", "lose"], "snapshot uncertain: no answer; it is looked for", {"cloud_request": "req-1"}),
        (["send", "lose", "found"], "snapshot found in the cloud", {"snapshot": "snap-1"}),
        (["send", "wait"], "snapshot waits to be asked for", {"code": "EVS.2409"}),
        (["send", "accepted", "available"], "snapshot available", {"snapshot": "snap-1", "seconds": 0.0}),
        (["send", "failed"], "snapshot failed", {"code": "EVS.1"}),
        (["cancelled"], "snapshot not made", {"code": "EVS.1"}),
    ],
)
def test_an_item_says_where_it_came_with_its_ids_and_no_words(
    moves: list[str], sentence: str, facts: dict[str, Any]
) -> None:
    line = log_lines.item_line(an_item_that_moved(*moves))
    assert line is not None
    of_all = {"item": "r-one-1", "request": "r-one", "project": "payments", "disk": an_item().disk.id}
    assert line.sentence == sentence
    assert {**of_all, **facts}.items() <= line.facts.items()
    assert "typed" not in str(line)


def test_what_moved_nowhere_since_it_was_read_says_nothing() -> None:
    assert log_lines.item_line(an_item()) is None
    assert log_lines.request_line(a_request()) is None
    assert log_lines.deletion_line(KEPT) is None


def test_a_request_says_how_long_it_took_and_by_which_rule_it_ended() -> None:
    asked = a_request(state=RequestState.RECEIVED, text="typed", explanation="typed")
    assert log_lines.request_line(replace(asked, moved_by=RequestEvent.RECEIVE), "command:1") == log_lines.LogLine(
        "request recorded",
        {
            "request": "r-one",
            "actor": "U1",
            "project": "payments",
            "rule": "",
            "channel": "C1",
            "delivery": "command:1",
        },
    )
    line = log_lines.request_line(replace(moved(asked, RequestEvent.DENY), rule="no-grant", ended_at=NOON))
    assert line is not None
    assert (line.sentence, line.facts["rule"], line.facts["seconds"]) == ("request denied", "no-grant", 0.0)


@pytest.mark.parametrize(
    ("entry", "sentence", "facts"),
    [
        (
            of_request(an_actor("U2"), "approve", a_request("r-abcdefgh"), "allowed", "granted"),
            "allowed",
            {"request": "r-abcdefgh", "actor": "U2", "action": "approve", "project": "payments"},
        ),
        (
            before_post(a_request("r-abcdefgh"), "r-abcdefgh-1", "payments", "d-1", "denied", "no-grant"),
            "denied",
            {"request": "r-abcdefgh", "item": "r-abcdefgh-1", "project": "payments", "disk": "d-1"},
        ),
        (grant_changed("terminal", "grant", a_grant()), "grant added", {"project": "payments", "subject": "user:U1"}),
        (grant_changed("snapshot-bot", "expire", a_grant()), "grant expired", {"actor": "snapshot-bot"}),
        (AuditEntry("U1", "create", "web", "allowed", "break-glass"), "allowed without approval", {"project": "web"}),
        (AuditEntry("U1", "create", "typed", "denied", "unknown-project"), "denied", {"actor": "U1"}),
        (AuditEntry("U1", "create", "", "asked", "no-project-chosen"), "asked back", {"actor": "U1"}),
        (AuditEntry("U1", "clock", "clock", "done"), "done", {"about": "clock"}),
    ],
)
def test_a_row_of_the_trail_says_who_did_what_to_what(entry: AuditEntry, sentence: str, facts: dict[str, str]) -> None:
    line = log_lines.audit_line(entry)
    assert line is not None
    assert line.sentence == sentence
    assert facts.items() <= line.facts.items()
    assert "typed" not in str(line)


@pytest.mark.parametrize(
    "entry",
    [
        snapshot_ended(an_item(), ItemState.AVAILABLE, ""),
        snapshot_ended(an_item(), ItemState.FAILED, ""),
        before_post(a_request(), "r-one-1", "payments", "d-1", "allowed", "granted"),
        deletion_ended(KEPT),
    ],
)
def test_what_an_edge_tells_is_not_told_twice(entry: AuditEntry) -> None:
    assert log_lines.audit_line(entry) is None
