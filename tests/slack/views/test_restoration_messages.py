"""What people read of disks that come back from snapshots, in every state: golden files, and Slack's own limits."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.items import DiskRef, Item
from bot.domain.orders import Restore, Way
from bot.domain.parsing.commands import ListSnapshots
from bot.domain.requests import Request
from bot.domain.restoring.new_disks import CreateDisk
from bot.domain.restoring.restorations import NOT_BEGUN, Restoration, Source
from bot.domain.sentences import person
from bot.domain.snapshots import CreateStandardSnapshot
from bot.domain.transitions import ItemState, RequestState, RestorationState
from bot.slack.views import buttons, responses
from bot.slack.views.app_home_view import app_home_view
from bot.slack.views.message import Message
from bot.slack.views.mrkdwn import time_of_day
from bot.slack.views.outbox_messages import rendered
from bot.slack.views.post_mortem.post_mortem_view import post_mortem
from bot.slack.views.restore_points import restore_points
from bot.slack.views.restoring.restoration_forms import overwrite_form, restore_form
from bot.workflow.jobs.publish_app_home import AppHomeContent, Asked, Usable
from bot.workflow.queries.restore_points import Point, Points
from bot.workflow.queries.status import Page
from tests.block_kit import EDITED, checked_message, checked_view
from tests.builders import NOON, a_grant, a_project, a_request, a_restoration, an_item
from tests.outgoing import outgoing

Golden = Callable[[str, Any], None]
TEAM = "https://harbor-eng.slack.com/"
LATER = NOON + timedelta(seconds=75)
TAKEN = NOON - timedelta(hours=3, minutes=12)
HOSTILE = "<!channel> & *x* `y` <@U1> <https://evil|ok>"
PROJECT = a_project(restore=True, console_url="https://console.example.com/#/disk?id={disk_id}")
NAMES = ("web-01-data", "web-01-logs")


def a_disk_ref(number: int, name: str = "") -> DiskRef:
    disk_id = f"d15c0000-{number:04d}-4000-8000-{number:012d}"
    return DiskRef(disk_id, name or NAMES[number - 1], 100 * number, "SSD", "az-a", "web-01", "available")


def a_row(number: int, way: Way, state: RestorationState = RestorationState.PLANNED, **fields: Any) -> Restoration:
    disk = fields.pop("disk", None) or a_disk_ref(number)
    source = Source(f"5a9c0000-{number:04d}-4000-8000-00000000000{number % 10}", "", f"r-one-{number}", "r-one", TAKEN)
    asked = CreateDisk(
        snapshot_id=source.snapshot_id,
        availability_zone="az-a",
        size=disk.size,
        volume_type="SSD",
        name=f"{disk.name}-restored-20261123T1200Z"[:250],
    )
    own: dict[str, Any] = {"new_disks": {"asked": asked}, "verify": {"asked": asked}, "overwrite": {}}[way]
    own |= {"safety_item_id": f"r-back-{number}"} if way == "overwrite" else {}
    defaults = {"way": way, "disk": disk, "source": source, "submitted_at": NOON, **own}
    return a_restoration(number, state, **{**defaults, **fields})


def safety(number: int, state: ItemState = ItemState.PLANNED, **fields: Any) -> Item:
    disk = a_disk_ref(number)
    asked = CreateStandardSnapshot(volume_id=disk.id, name=f"safety-{disk.name}-20261123T1200Z")
    return an_item(number, state, request_id="r-back", disk=disk, snapshot=asked, **fields)


def there(number: int) -> Item:
    made = {"snapshot_id": f"5afe000{number}", "job_id": f"job-{number}", "taken_at": NOON, "ended_at": NOON}
    return safety(number, ItemState.AVAILABLE, **made)


def asked_for(way: Way, state: RequestState = RequestState.RUNNING, **fields: Any) -> Request:
    order = Restore("r-one", "r-one", way, "payments", "bad patch, INC-42")
    ended = {"ended_at": NOON + timedelta(minutes=2)} if state is RequestState.FINISHED else {}
    return a_request("r-back", **{"order": order, "text": "restore r-one", "state": state, **ended, **fields})


PLANNED: dict[str, Any] = {"waits_until": NOON + timedelta(minutes=15)}
WAITING: dict[str, Any] = {"waits_until": NOON + timedelta(minutes=60), "approvals_needed": 1}


def said(
    kind: str,
    request: Request,
    rows: Sequence[Restoration],
    items: Sequence[Item] = (),
    about: Sequence[Restoration] = (),
) -> Message:
    told = outgoing(kind, request, items, restorations=rows, about=about)
    if kind == "failure" and about:
        told = replace(told, items=())
    message = rendered(told, "/snapshot", TEAM, LATER, PROJECT)
    return checked_message(message, edited=kind in EDITED)


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_before_the_plan_it_says_what_it_looks_at(golden: Golden) -> None:
    golden("restore_placeholder", said("status", asked_for("overwrite", RequestState.RECEIVED), []))


def test_the_plan_of_new_disks(golden: Golden) -> None:
    rows = [a_row(1, "new_disks"), a_row(2, "new_disks")]
    message = said("edit", asked_for("new_disks", RequestState.PLANNED, **PLANNED), rows)
    golden("restore_new_disks_plan", message)
    assert "Make 2 New Disks" in str(message["blocks"])
    asks = said("edit", asked_for("new_disks", RequestState.PLANNED, approvals_needed=2, **PLANNED), rows)
    assert "it runs when 2 other people agree" in asks["text"]


def test_the_plan_of_overwriting_says_what_is_lost_of_each_disk(golden: Golden) -> None:
    rows = [a_row(1, "overwrite"), a_row(2, "overwrite")]
    request = asked_for("overwrite", RequestState.PLANNED, approvals_needed=1, **PLANNED)
    message = said("edit", request, rows, [safety(1), safety(2)])
    golden("restore_overwrite_plan", message)
    assert message["text"].count("Lost from the disk: everything written to it since") == 2
    assert "3 h 12 min before it was asked" in message["text"]
    assert "confirm_plan" not in str(message["blocks"])


def test_the_longest_plan_still_says_what_is_lost() -> None:
    rows = [a_row(number, "overwrite", disk=a_disk_ref(1, HOSTILE * 5), cause=HOSTILE * 9) for number in range(1, 61)]
    items = [safety(1) for _ in rows]
    message = said("edit", asked_for("overwrite", RequestState.PLANNED, **PLANNED), rows, items)
    assert "Lost from the disk: everything written to it since" in message["text"]
    assert "more" in message["text"]


@pytest.mark.parametrize("way", ["new_disks", "overwrite", "verify"])
def test_what_is_refused_says_that_nothing_was_touched(golden: Golden, way: Way) -> None:
    why = "“web-01-data” is attached to web-01: detach it, and ask again."
    request = asked_for(way, RequestState.DROPPED, explanation=why, rule="not-restorable", ended_at=NOON)
    golden(f"restore_{way}_dropped", said("edit", request, []))


# --- others agree -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["new_disks", "overwrite"])
def test_others_are_asked_with_what_they_would_agree_to(golden: Golden, way: Way) -> None:
    rows, items = [a_row(1, way), a_row(2, way)], [safety(1), safety(2)] if way == "overwrite" else []
    request = asked_for(way, RequestState.WAITING, **WAITING)
    golden(f"restore_{way}_ask", said("ask", request, rows, items))
    golden(f"restore_{way}_waiting", said("edit", request, rows, items))
    approved = asked_for(way, approvers=("U2",), approvals_needed=1)
    assert "Approved by <@U2>." in said("ask_edit", approved, rows, items)["text"]


def test_who_agrees_to_overwriting_is_asked_once_more_with_the_disks_and_their_moments() -> None:
    def asked(rows: Sequence[Restoration]) -> str:
        (confirm,) = (one["confirm"] for one in [buttons.approve_back("r-1", "overwrite", rows)])
        return str(confirm["text"]["text"])

    one = asked([a_row(1, "overwrite")])
    assert "web-01-data goes back to 2026-11-23 08:48:00 UTC" in one and "kept in its safety snapshot" in one
    many = asked([a_row(1, "overwrite", disk=a_disk_ref(1, "db" * 40))] * 60)
    assert many.endswith("; and 57 more.") and len(many) <= 300
    assert "confirm" not in buttons.approve_back("r-1", "new_disks", [])


def test_the_longest_question_can_be_edited() -> None:
    rows = [a_row(number, "overwrite", disk=a_disk_ref(1, HOSTILE * 5)) for number in range(1, 61)]
    request = asked_for("overwrite", RequestState.WAITING, **WAITING)
    request = replace(request, order=Restore("r-one", "r-one", "overwrite", "payments", "&" * 300))
    text = said("ask", request, rows)["text"]
    assert "Look at:" in text and "It runs once 1 other person agrees" in text and "approve r-back" in text


# --- while it runs ----------------------------------------------------------------------------------------------------

MAKING = {"snapshot_id": "5afe0001", "job_id": "job-1", "progress": 40}


def test_overwriting_goes_in_two_steps(golden: Golden) -> None:
    rows = [a_row(1, "overwrite"), a_row(2, "overwrite")]
    first = [safety(1, ItemState.CREATING, **MAKING), there(2)]
    golden("restore_overwrite_step_1", said("edit", asked_for("overwrite"), rows, first))
    both, state = [there(1), there(2)], RestorationState
    assert "waiting for the others" not in said("edit", asked_for("overwrite"), rows, both)["text"]
    rolling = [a_row(1, "overwrite", state.RESTORING, job_id="job-9"), a_row(2, "overwrite", state.RESTORED)]
    golden("restore_overwrite_step_2", said("edit", asked_for("overwrite"), rolling, both))
    lost = replace(rolling[0], state=state.UNCERTAIN, cause="EVS did not answer in time.")
    assert "looking what came of it" in said("edit", asked_for("overwrite"), [lost, rolling[1]], both)["text"]


def test_why_it_waits_stands_below_the_bar() -> None:
    why = "“web-01-data” is attached again: detach it. I look once more in a minute, until 12:30."
    rows = [a_row(1, "overwrite"), a_row(2, "overwrite")]
    message = said("edit", asked_for("overwrite", explanation=why), rows, [there(1), there(2)])
    assert why in message["text"]
    assert "step 2 of 2, rolling back" in message["text"]
    waits = [replace(row, cause=why, tried=timedelta(seconds=5)) for row in rows]
    text = said("edit", asked_for("overwrite"), waits, [there(1), there(2)])["text"]
    assert "step 2 of 2, waiting to roll back" in text
    assert text.count(why) == 1


def test_it_says_when_it_tries_again_for_one_disk_and_once_for_all() -> None:
    again: dict[str, Any] = {"waiting_since": NOON, "due_at": NOON + timedelta(seconds=10)}
    rows = [a_row(number, "overwrite", cause="The disk is busy (EVS.9).", **again) for number in (1, 2)]
    text = said("edit", asked_for("overwrite"), rows, [there(1), there(2)])["text"]
    assert f"*All of them, next try at {time_of_day(again['due_at'])}:* The disk is busy" in text
    text = said("edit", asked_for("overwrite"), rows[:1], [there(1)])["text"]
    assert f"the roll-back waits, next try at {time_of_day(again['due_at'])}" in text
    new = a_row(1, "new_disks", cause="The quota is used up.", **again)
    assert f"waiting, next try at {time_of_day(again['due_at'])}" in said("edit", asked_for("new_disks"), [new])["text"]


@pytest.mark.parametrize("way", ["new_disks", "verify"])
def test_disks_in_the_making(golden: Golden, way: Way) -> None:
    rows = [a_row(1, way, RestorationState.RESTORING, made_id="d15c-new", job_id="job-1"), a_row(2, way)]
    golden(f"restore_{way}_running", said("edit", asked_for(way), rows))


def test_a_test_disk_that_is_not_gone_is_told_until_it_is(golden: Golden) -> None:
    cause = "The cloud does not delete it (EVS.2130): a backup of it is being made. I go on trying."
    proven = {"made_id": "d15c-test", "proven_at": NOON + timedelta(seconds=42), "cause": cause}
    rows = [a_row(1, "verify", RestorationState.CLEARING, **proven)]
    message = said("edit", asked_for("verify"), rows)
    golden("restore_verify_clearing", message)
    assert "proven in 42 s; its test disk `d15c-test` is being deleted" in message["text"]


@pytest.mark.parametrize("way", ["new_disks", "overwrite", "verify"])
def test_the_thread_hears_what_the_cloud_took(golden: Golden, way: Way) -> None:
    rows = [a_row(1, way, RestorationState.RESTORING, job_id="job-1"), a_row(2, way, RestorationState.RESTORING)]
    golden(f"restore_{way}_accepted", said("accepted", asked_for(way), rows, about=rows))


def test_safety_snapshots_are_called_that() -> None:
    message = said("accepted", asked_for("overwrite"), [], [there(1), there(2)])
    assert "The cloud is creating 2 safety snapshots" in message["text"]


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "state", "advice"),
    [
        ("new_disks", RestorationState.FAILED, "`/snapshot restore r-one` asks for it once more"),
        ("verify", RestorationState.FAILED, "don't count on it before it is proven: `/snapshot verify r-one`"),
        ("overwrite", RestorationState.FAILED, "`/snapshot restore r-back`"),
        ("overwrite", RestorationState.UNKNOWN, "look at it in the console"),
        (
            "overwrite",
            RestorationState.CANCELLED,
            "once the cause is mended, ask again: `/snapshot restore r-one",
        ),
    ],
)
def test_a_failure_has_its_cause_and_the_next_step(
    golden: Golden, way: Way, state: RestorationState, advice: str
) -> None:
    row = a_row(1, way, state, cause="The cloud says so (EVS.9).", ended_at=NOON)
    message = said("failure", asked_for(way), [row, a_row(2, way)], about=[row])
    golden(f"restore_{way}_{state}", message)
    assert advice in message["text"]
    assert "The cloud says so (EVS.9)." in message["text"]


def test_a_disk_that_was_left_behind_by_others_is_said_to_be_as_it_was() -> None:
    row = a_row(1, "overwrite", RestorationState.FAILED, cause="It was NOT rolled back.", code=NOT_BEGUN)
    text = said("failure", asked_for("overwrite"), [row, a_row(2, "overwrite", DONE)], about=[row])["text"]
    assert "what was not rolled back is as it was, and other disks of this request are not" in text
    assert "mixture" not in text


def test_without_its_safety_snapshot_nothing_is_overwritten() -> None:
    item = safety(1, ItemState.FAILED, cause="The quota is used up.", ended_at=NOON)
    message = said("failure", asked_for("overwrite"), [], [item])
    assert "1 disk without a safety snapshot: nothing is overwritten" in message["text"]
    assert "The quota is used up." in message["text"]


# --- receipts ---------------------------------------------------------------------------------------------------------

DONE = RestorationState.RESTORED


def test_the_receipt_of_new_disks_leads_to_them(golden: Golden) -> None:
    rows = [a_row(1, "new_disks", DONE, made_id="d15c-new-1"), a_row(2, "new_disks", DONE, made_id="d15c-new-2")]
    message = said("receipt", asked_for("new_disks", RequestState.FINISHED), rows)
    golden("restore_new_disks_receipt", message)
    assert "https://console.example.com/#/disk?id=d15c-new-1" in message["text"]
    assert "I attach nothing" in message["text"]


def test_the_receipt_of_overwriting_names_the_way_back_from_it(golden: Golden) -> None:
    rows = [a_row(1, "overwrite", DONE), a_row(2, "overwrite", DONE)]
    request = asked_for("overwrite", RequestState.FINISHED, approvers=("U2",), approvals_needed=1)
    golden("restore_overwrite_finished", said("edit", request, rows, [there(1), there(2)]))
    message = said("receipt", request, rows, [there(1), there(2)])
    golden("restore_overwrite_receipt", message)
    assert "safety snapshot `5afe0001`" in message["text"] and "safety snapshot `5afe0002`" in message["text"]
    assert "`/snapshot restore r-back overwrite` puts it back" in message["text"]
    assert "approved by <@U2>" in message["text"]


def test_where_nothing_was_overwritten_the_cause_stands_once_and_no_way_back_from_it() -> None:
    why = "There is no safety snapshot of “web-01-logs”: no room. Nothing was overwritten."
    rows = [a_row(number, "overwrite", RestorationState.CANCELLED, cause=why) for number in (1, 2)]
    text = said("receipt", asked_for("overwrite", RequestState.FINISHED), rows, [there(1), there(2)])["text"]
    assert text.count(why) == 1
    assert "The way back from this" not in text
    assert "once the cause is mended, ask again: `/snapshot restore r-one overwrite`" in text


def test_a_receipt_of_which_one_failed_says_which_and_what_to_do(golden: Golden) -> None:
    broken = a_row(1, "overwrite", RestorationState.FAILED, cause="The job failed (EVS.9).", ended_at=NOON)
    rows = [broken, a_row(2, "overwrite", DONE)]
    message = said("receipt", asked_for("overwrite", RequestState.FINISHED), rows, [there(1), there(2)])
    golden("restore_overwrite_mixed_receipt", message)
    assert "1 of 2 disks rolled back" in message["text"]
    assert f"`/snapshot restore {broken.source.snapshot_id}`" in message["text"]
    assert "`/snapshot restore 5afe0001`" in message["text"]


def test_the_receipt_of_a_proof_has_its_seconds_and_its_date(golden: Golden) -> None:
    proven = {"made_id": "d15c-test", "proven_at": NOON + timedelta(seconds=42), "ended_at": NOON}
    rows = [a_row(1, "verify", DONE, **proven)]
    message = said("receipt", asked_for("verify", RequestState.FINISHED), rows)
    golden("restore_verify_receipt", message)
    assert "was available after 42 s, and is deleted again" in message["text"]
    assert "What now" not in message["text"]


def test_the_longest_receipt_keeps_the_way_back() -> None:
    rows = [a_row(number, "overwrite", DONE, disk=a_disk_ref(1, HOSTILE * 5)) for number in range(1, 201)]
    items = [replace(there(1), id=row.safety_item_id or "", position=row.position) for row in rows]
    message = said("receipt", asked_for("overwrite", RequestState.FINISHED), rows, items)
    assert "`/snapshot restore r-back overwrite` puts it back" in message["text"]


def test_the_record_has_every_id_of_any_number_of_disks() -> None:
    row = a_row(1, "verify", DONE, made_id="d15c-test", proven_at=NOON + timedelta(seconds=42))
    text = checked_message(post_mortem(asked_for("verify"), [], [], PROJECT, [row]))["text"]
    kept = json.loads(html.unescape(text.partition("```")[2].rpartition("```")[0]))
    assert (kept["way"], kept["source"], kept["asked_by"]) == ("verify", "r-one", "U1")
    facts = dict(zip(kept["columns"], kept["disks"][0], strict=False))
    line = text.partition("```")[0].splitlines()[-2]
    assert "1 proven" in text.partition("```")[0] and f"from snapshot `{row.source.snapshot_id}` of 2026-11" in line
    assert line.endswith("test disk `d15c-test`")
    assert (facts["snapshot_id"], facts["new_disk_id"]) == (row.source.snapshot_id, "d15c-test")
    assert (facts["proven_at"], facts["proven_seconds"]) == ("2026-11-23T12:00:42Z", 42)
    names = [a_disk_ref(1, HOSTILE * 5) for _ in range(200)]
    many = [a_row(number, "overwrite", DONE, disk=disk, cause=HOSTILE * 9) for number, disk in enumerate(names, 1)]
    safe = [replace(there(1), id=row.safety_item_id or "", snapshot_id="5" * 36) for row in many]
    text = checked_message(post_mortem(asked_for("overwrite"), safe, [], PROJECT, many))["text"]
    kept = json.loads(html.unescape(text.partition("```")[2].rpartition("```")[0]))
    assert [one[5] for one in kept["disks"]] == ["5" * 36] * 200


def test_people_stand_in_the_json_of_a_way_backs_record_by_their_ids() -> None:
    row = a_row(1, "overwrite", RestorationState.CANCELLED, cause=f"{person('U7')} called it back.")
    text = checked_message(post_mortem(asked_for("overwrite"), [there(1)], [], PROJECT, [row]))["text"]
    kept = json.loads(html.unescape(text.partition("```")[2].rpartition("```")[0]))
    assert dict(zip(kept["columns"], kept["disks"][0], strict=False))["cause"] == "U7 called it back."
    assert "<@U7> called it back." in text.partition("```")[0]


# --- where many requests stand ----------------------------------------------------------------------------------------

PROOF = a_row(1, "verify", DONE, proven_at=NOON + timedelta(seconds=42))


def test_restore_points_say_when_each_was_proven_and_lead_back(golden: Golden) -> None:
    made = [there(1), there(2)]
    backup = a_request("r-one", state=RequestState.FINISHED, ended_at=NOON)
    existing = frozenset(item.snapshot_id for item in made if item.snapshot_id)
    point = Point(backup, made, existing, deletable=True, restorable=True, proofs={"5afe0001": PROOF})
    safe = Point(asked_for("overwrite", RequestState.FINISHED), made[:1], existing, deletable=False, restorable=True)
    message = checked_message(restore_points(Points([point, safe], "C1", more=False), "/snapshot", TEAM))
    golden("restore_points_proven", message)
    assert message["text"].count("proven") == 1
    assert "safety snapshots, made before a roll-back" in message["text"]
    closed = Points([replace(point, restorable=False)], "C1", more=False)
    assert "Restore…" not in str(restore_points(closed, "/snapshot")["blocks"])


def test_lists_and_app_home_tell_of_ways_back(golden: Golden) -> None:
    new = [a_row(1, "new_disks", DONE, made_id="d15c-new"), a_row(2, "new_disks", RestorationState.FAILED)]
    done = asked_for("new_disks", RequestState.FINISHED)
    running = replace(asked_for("overwrite"), id="r-roll")
    waiting = replace(asked_for("overwrite", RequestState.WAITING, **WAITING), id="r-wait", actor_id="U2")
    over = [a_row(1, "overwrite", RestorationState.RESTORING)]
    back = {"r-back": new, "r-roll": over, "r-wait": over}
    listed = Page([(running, []), (done, [])], ListSnapshots(), more=False, restorations=back)
    golden("restore_list", checked_message(responses.listing(listed, "/snapshot", TEAM)))
    content = AppHomeContent(
        usable=[Usable(PROJECT, [a_grant()])],
        running=[(running, [there(1)])],
        recent=[(done, []), (a_request("r-one", state=RequestState.FINISHED, ended_at=NOON), [there(1)])],
        waiting=[(waiting, [safety(1)])],
        restorations=back,
        restorable=frozenset({"r-one"}),
    )
    shown = checked_view(app_home_view(content, 7, "/snapshot", TEAM))
    golden("home_ways_back", shown)
    assert str(shown).count("Restore…") == 1
    most: list[Asked] = [(replace(waiting, id=f"r-{number}"), []) for number in range(10)]
    long = [a_row(1, "overwrite", disk=a_disk_ref(1, HOSTILE * 5)) for _ in range(60)]
    crowded = replace(content, waiting=most, restorations={one.id: long for one, _ in most})
    checked_view(app_home_view(crowded, 7, "/snapshot", TEAM))


def test_nothing_of_it_is_tried_again_by_a_button() -> None:
    late = {"rule": "plan-timeout", "explanation": "Nobody confirmed the plan in time.", "ended_at": NOON}
    message = said("receipt", asked_for("overwrite", RequestState.DROPPED, **late), [])
    assert "actions" not in {block["type"] for block in message["blocks"]}
    refused = said("refusal", asked_for("overwrite", RequestState.DROPPED, **late), [])
    assert "actions" not in {block["type"] for block in refused["blocks"]}


# --- forms ------------------------------------------------------------------------------------------------------------


def test_the_form_asks_which_way_and_of_what(golden: Golden) -> None:
    golden("restore_form", checked_view(restore_form("f-1", "r-one", [there(1), there(2)])))
    golden("restore_form_one_disk", checked_view(restore_form("f-1", "r-one", [there(1)])))
    many = [replace(there(1), disk=a_disk_ref(1, "n" * 200), snapshot_id=f"s-{number}") for number in range(200)]
    checked_view(restore_form("f-1", "r-one", many))


def test_the_form_names_what_is_lost_and_what_to_type(golden: Golden) -> None:
    rows = [a_row(1, "overwrite"), a_row(2, "overwrite")]
    golden("overwrite_form", checked_view(overwrite_form("f-1", rows, "2 web-01")))
    golden("overwrite_form_one_disk", checked_view(overwrite_form("f-1", rows[:1], "web-01-data")))
    long = [a_row(number, "overwrite", disk=a_disk_ref(1, HOSTILE * 5)) for number in range(1, 61)]
    checked_view(overwrite_form("f-1", long, "60 web-01"))
