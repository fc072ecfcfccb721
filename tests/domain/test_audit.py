"""The lines of the trail say what happened, to what, and by which rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.audit import (
    AuditEntry,
    asked_for,
    at_plan,
    before_post,
    by_grant,
    grant_changed,
    noticed_gone,
    of_form,
    read_entry,
    snapshot_ended,
)
from bot.domain.forms import Form
from bot.domain.orders import Create
from bot.domain.transitions import ItemState
from tests.builders import NOON, a_grant, a_request, an_item


@pytest.mark.parametrize(
    ("projects", "own", "outcome", "rule"),
    [
        (["web", "billing"], False, "allowed", "granted"),
        ([], True, "allowed", "own-request"),
        ([], False, "denied", "no-grant"),
    ],
)
def test_a_reading_is_allowed_by_what_could_be_shown(projects: list[str], own: bool, outcome: str, rule: str) -> None:
    entry = read_entry("U1", "list", projects, "C1", own=own)
    assert (entry.outcome, entry.rule) == (outcome, rule)
    assert entry.details["projects"] == ",".join(sorted(projects))


def test_a_decision_at_the_plan_is_the_same_one_with_its_request() -> None:
    request = a_request()
    entry = at_plan(asked_for("U1", "payments", "C-typed-in", "allowed", "granted"), request)
    assert (entry.subject, entry.rule) == (request.id, "granted")
    place = request.place.channel_id
    assert entry.details == {"channel": place, "request": request.id, "project": "payments", "hop": "plan"}


def test_a_row_names_the_grant_that_allowed_it_whole() -> None:
    request, grant = a_request(), a_grant("S1", "admin", "*", kind="group", expires_at=NOON)
    entry = before_post(request, "r-one-1", "payments", "vol-1", "allowed", "granted", grant)
    assert entry.details["grant"] == f"group:S1 admin * (bot.toml) until {NOON.isoformat()}"
    assert "grant" not in by_grant(entry_without_grant(), None).details


def entry_without_grant() -> AuditEntry:
    return asked_for("U1", "payments", "C1", "denied", "no-grant")


def test_before_a_post_the_row_names_the_request_and_the_disk() -> None:
    request = a_request()
    entry = before_post(request, "r-one-1", "payments", "vol-1", "denied", "grant-expired")
    assert (entry.actor, entry.subject, entry.outcome) == (request.actor_id, "r-one-1", "denied")
    assert entry.details["hop"] == "submit" and entry.details["disk"] == "vol-1"


@pytest.mark.parametrize(("state", "outcome"), [(state, "failed") for state in ItemState if state != "available"])
def test_a_snapshot_ends_well_only_if_it_is_there(state: ItemState, outcome: str) -> None:
    item = an_item(1, snapshot_id="snap-1")
    assert snapshot_ended(item, state, "").outcome == outcome
    assert snapshot_ended(item, ItemState.AVAILABLE, "").outcome == "done"
    assert noticed_gone(item).details["snapshot"] == "snap-1"


def test_a_form_that_came_back_wrong_is_denied_whoever_it_was() -> None:
    form = Form("f-1", "U1", a_request().place, Create(()), NOON)
    entry = of_form(replace(form, user_id="U2"), "create", "", "forged-option", disks=3)
    assert (entry.actor, entry.outcome, entry.details["disks"]) == ("U2", "denied", 3)


def test_a_changed_grant_is_written_down_whole() -> None:
    entry = grant_changed("terminal", "grant", a_grant("U9", "admin", expires_at=NOON))
    assert entry.details["subject"] == "user:U9"
    assert entry.details["role"] == "admin" and entry.details["expires_at"] == NOON.isoformat()
