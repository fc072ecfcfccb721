"""What is said next of a request, as its rows stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.restoring.restorations import Restoration
from bot.domain.transitions import ItemState, RequestState, RestorationState
from bot.ports.messages import Edit
from bot.ports.slack import Posted
from bot.workflow.jobs.due_messages import due_messages, told
from tests.builders import NOON, a_request, a_restoration, an_item
from tests.outgoing import kind_of

CREATING = an_item(1, ItemState.CREATING, snapshot_id="snap-1", job_id="job-1")
DONE = an_item(1, ItemState.AVAILABLE, snapshot_id="snap-1", ended_at=NOON)
POSTED = {"status_ts": "1.1", "status_channel": "C1"}


@pytest.mark.parametrize(
    ("request_fields", "items", "kind"),
    [
        ({"state": RequestState.RECEIVED}, [], None),
        ({"state": RequestState.DENIED}, [], "refusal"),
        ({"state": RequestState.DROPPED, "receipt_ts": "told"}, [], None),
        ({}, [an_item(1)], "status"),
        ({**POSTED, "shown_rev": 1}, [an_item(1)], None),
        ({**POSTED, "shown_rev": 0}, [an_item(1)], "edit"),
        ({**POSTED, "shown_rev": 0}, [CREATING], "accepted"),
        ({**POSTED, "shown_rev": 0}, [CREATING, an_item(2)], "edit"),
        ({**POSTED, "shown_rev": 0}, [CREATING, an_item(2, cause="busy", waiting_since=NOON)], "accepted"),
        ({**POSTED, "shown_rev": 1}, [replace(CREATING, accepted_told=True)], None),
        ({**POSTED, "shown_rev": 1}, [an_item(1), an_item(2, ItemState.FAILED)], "failure"),
        ({**POSTED, "shown_rev": 1}, [an_item(1), an_item(2, ItemState.FAILED, failure_told=True)], None),
        ({**POSTED, "shown_rev": 0, "state": RequestState.FINISHED}, [DONE], "edit"),
        ({**POSTED, "shown_rev": 0, "state": RequestState.DROPPED}, [], "edit"),
        ({**POSTED, "shown_rev": 1, "state": RequestState.FINISHED}, [DONE], "receipt"),
        ({**POSTED, "shown_rev": 1, "state": RequestState.FINISHED, "receipt_ts": "2.2"}, [DONE], None),
    ],
)
def test_the_most_important_thing_comes_next(request_fields: dict[str, Any], items: list[Item], kind: str) -> None:
    first = next(iter(due_messages(a_request(**request_fields), items)), None)
    assert (kind_of(first) if first else None) == kind


STATE = RestorationState
SAFE: dict[str, Any] = {"safety_item_id": "r-one-1", "way": "overwrite"}


@pytest.mark.parametrize(
    ("items", "rows", "kind"),
    [
        ([], [a_restoration(1)], None),
        ([CREATING], [a_restoration(1, **SAFE)], "accepted"),
        ([replace(DONE, accepted_told=True)], [a_restoration(1, STATE.SUBMITTING, **SAFE)], None),
        ([replace(DONE, accepted_told=True)], [a_restoration(1, STATE.RESTORING, **SAFE)], "accepted"),
        ([], [a_restoration(1, STATE.RESTORING), a_restoration(2)], None),
        ([], [a_restoration(1, STATE.RESTORING), a_restoration(2, cause="no room", waiting_since=NOON)], "accepted"),
        ([], [a_restoration(1, STATE.RESTORING, way="verify")], None),
        ([], [a_restoration(1, STATE.RESTORING, accepted_told=True), a_restoration(2, STATE.FAILED)], "failure"),
        ([], [a_restoration(1, STATE.RESTORING, accepted_told=True), a_restoration(2, STATE.UNKNOWN)], "failure"),
        ([], [a_restoration(1, STATE.FAILED, failure_told=True), a_restoration(2)], None),
        ([], [a_restoration(1, STATE.CLEARING, way="verify")], None),
        ([], [a_restoration(1, STATE.CLEARING, way="verify", cause="It does not go.")], "failure"),
        ([an_item(1, ItemState.FAILED, cause="no room")], [a_restoration(1, **SAFE)], "failure"),
    ],
)
def test_of_disks_that_come_back_the_same_is_told(items: list[Item], rows: list[Restoration], kind: str | None) -> None:
    request = a_request(**POSTED, shown_rev=1, order=Restore("r-one", "r-one", rows[0].way))
    due = due_messages(request, items, rows)
    assert (kind_of(due[0]) if due else None) == kind
    if due and due[0].text != "status":
        after = told(due[0], None, NOON)
        assert not after.to_send


def test_an_edit_names_the_message_that_it_takes_the_place_of() -> None:
    fields: dict[str, Any] = {"ask_ts": "1.2", "receipt_ts": "1.3", "shown_rev": 0, "state": RequestState.FINISHED}
    gone = replace(DONE, gone_at=NOON)
    due = due_messages(a_request(**POSTED, **fields, approvals_needed=1), [gone])
    edits = [(kind_of(one), one.ts) for one in due if isinstance(one, Edit)]
    assert edits == [("edit", "1.1"), ("ask_edit", "1.2"), ("receipt_edit", "1.3")]


@pytest.mark.parametrize(("home", "kinds"), [("C1", ["edit"]), ("U1", [])])
def test_once_others_are_asked_the_message_above_leads_to_the_question_where_they_read_along(
    home: str, kinds: list[str]
) -> None:
    waiting = a_request(**POSTED, state=RequestState.WAITING, approvals_needed=1, shown_rev=1, reply_channel=home)
    (asking,) = due_messages(waiting, [an_item(1)])
    asked = told(asking, Posted("C1", "1.2"), NOON)
    assert [kind_of(one) for one in due_messages(asked, [an_item(1)])] == kinds
