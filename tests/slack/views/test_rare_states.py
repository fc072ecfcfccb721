"""What people read in the states that are rare: golden files, and Slack's own limits."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.denials import Denied
from bot.domain.forms import Form
from bot.domain.items import Item
from bot.domain.orders import Create, Quick, Selector
from bot.domain.parsing.commands import ListSnapshots
from bot.domain.quick import LEFT_OUT
from bot.domain.requests import Place, Request
from bot.domain.results import NothingFound
from bot.domain.roles import MAY, Role
from bot.domain.snapshots import CreateSnapshotGroup, CreateStandardSnapshot
from bot.domain.transitions import GroupState, ItemState, RequestState
from bot.slack.listeners.errors import PICKER
from bot.slack.views import responses
from bot.slack.views.acknowledgement import recorded
from bot.slack.views.app_home_view import app_home_view
from bot.slack.views.create_modal import disk_options, filled_view
from bot.slack.views.message import Message
from bot.slack.views.outbox_messages import rendered
from bot.slack.views.post_mortem.post_mortem_view import post_mortem
from bot.slack.views.refusal import refusal
from bot.slack.views.restore_points import restore_points
from bot.slack.views.small_modals import bind_form, change_form, deny_form
from bot.workflow.actions.fill_form import DiskOptions, Filling
from bot.workflow.jobs.publish_app_home import AppHomeContent, Usable
from bot.workflow.queries.restore_points import Point, Points
from bot.workflow.queries.status import Found, MayDo, Page
from tests.block_kit import EDITED, checked_message, checked_options, checked_view
from tests.builders import NOON, a_disk, a_grant, a_project, a_request, an_item
from tests.outgoing import outgoing

Golden = Callable[[str, Any], None]
LATER = NOON + timedelta(seconds=75)
TEAM = "https://harbor-eng.slack.com/"
QUICK = Quick((Selector("server", "web-01"),), reason="INC-42", keep_days=7)
DONE = an_item(1, ItemState.AVAILABLE, snapshot_id="snap-1", taken_at=NOON, incremental=True, ended_at=NOON)
FAILED = an_item(2, ItemState.FAILED, cause="The cloud could not create it: storage error (EVS.9).", ended_at=NOON)
RUNNING = an_item(3, ItemState.CREATING, snapshot_id="snap-3", progress=40)
LEFT = an_item(4, ItemState.CANCELLED, code=LEFT_OUT, cause="It is in the state “error”.", ended_at=NOON)
DENIED = Denied("standing-guest", "Guests of this workspace may not use the snapshot bot. Ask a full member to do it.")


def said(kind: str, request: Request, items: Sequence[Item], groups: Sequence[ConsistencyGroup] = ()) -> Message:
    message = rendered(outgoing(kind, request, items, groups=groups), "/snapshot", TEAM, LATER, a_project())
    return checked_message(message, edited=kind in EDITED)


def a_finished(**fields: Any) -> Request:
    return a_request(**{"state": RequestState.FINISHED, "ended_at": NOON + timedelta(seconds=42), **fields})


def a_quick(**fields: Any) -> Request:
    return a_request(**{"order": QUICK, "text": "quick server=web-01", **fields})


# --- acknowledgements and refusals ------------------------------------------------------------------------------------

MANY_NAMED = Quick(tuple(Selector("server", f"web-0{n}") for n in range(1, 6)))


@pytest.mark.parametrize(
    ("name", "order", "checked"),
    [
        ("quick_recorded", QUICK, True),
        ("quick_recorded_unchecked", QUICK, False),
        ("quick_recorded_bound", Quick(), True),
        ("quick_recorded_many", MANY_NAMED, True),
    ],
)
def test_the_acknowledgement_of_a_quick_backup(golden: Golden, name: str, order: Quick, checked: bool) -> None:
    words = recorded(a_quick(order=order), checked=checked)
    golden(name, checked_message(responses.as_written(words)))


def test_a_command_that_was_never_recorded_has_no_reference_to_ask_again_by(golden: Golden) -> None:
    golden("refusal_at_once", checked_message(refusal("Which disk?", "create <!here>", "/snapshot")))


def test_who_may_not_bind_a_channel_is_offered_only_the_disks(golden: Golden) -> None:
    message = responses.nothing_bound("This channel is bound to nothing.", (), may_bind=False)
    golden("nothing_bound_others", checked_message(message))


WHICH = "Which project? You may use several. Say it again with the one you mean: project=payments or project=shop."


def test_a_project_is_pressed_below_the_question_which_is_meant(golden: Golden) -> None:
    typed = ("f-1", "quick server=web-01", "/snapshot")
    golden("which_project", checked_message(responses.which_project(WHICH, ["payments", "shop"], *typed)))
    many = [f"payments-of-a-country-far-away-number-{number:02}" for number in range(6)]
    golden("which_project_many", checked_message(responses.which_project(WHICH, many, *typed)))
    by_mention = responses.with_form(responses.which_project(WHICH, many[:5], *typed), "f-2")
    golden("which_project_by_mention", checked_message(by_mention))


# --- questions --------------------------------------------------------------------------------------------------------

SEVENTY = [
    replace(DONE, id=f"r-big-{n}", position=n, disk=replace(DONE.disk, name=f"big-{n:02d}")) for n in range(1, 71)
]
SEVENTY[40] = replace(FAILED, id="r-big-41", position=41)
SEVENTY[50] = replace(LEFT, id="r-big-51", position=51)
ASKED: list[tuple[Request, list[Item]]] = [
    (a_request(), [RUNNING]),
    (a_finished(request_id="r-two", project="shop"), [DONE, FAILED]),
    (a_request("r-three", state=RequestState.DROPPED, explanation="Nobody confirmed the plan in time."), []),
    (a_quick(request_id="r-big", state=RequestState.FINISHED), SEVENTY),
]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("several", Found(ASKED)),
        ("not_found", NothingFound("I know no request, job or snapshot “r-nine” that you may see.")),
        ("denied", DENIED),
    ],
)
def test_status(golden: Golden, name: str, found: Found | NothingFound | Denied) -> None:
    golden(f"status_{name}", checked_message(responses.status(found, "/snapshot", TEAM, LATER)))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("first", Page(ASKED, ListSnapshots(), more=True)),
        ("only", Page(ASKED[:1], ListSnapshots(), more=False)),
        ("last", Page(ASKED[:2], ListSnapshots(offset=20), more=False)),
        ("filtered", Page(ASKED[:1], ListSnapshots("orders <db>", "payments", mine=True), more=True)),
        ("empty", NothingFound("No snapshot fits that among those you may see.")),
        ("denied", DENIED),
    ],
)
def test_lists(golden: Golden, name: str, found: Page | NothingFound | Denied) -> None:
    golden(f"list_{name}", checked_message(responses.listing(found, "/snapshot")))


def test_a_request_of_seventy_disks_takes_few_lines_of_a_list() -> None:
    message = checked_message(responses.listing(Page(ASKED[3:], ListSnapshots(), more=False), "/snapshot"))
    lines = message["text"].splitlines()
    assert len(lines) == 2 + responses.DISKS_LISTED + 1
    assert "*disk-2* failed" in lines[2] and "*disk-4* left out" in lines[3]
    assert lines[-1].strip() == "and 65 more: 65 available"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER, Role.ADMIN])
def test_help_for_each_role(golden: Golden, role: Role) -> None:
    golden(f"help_{role}", checked_message(responses.help_text(MayDo({"payments": MAY[role]}), "/snapshot")))


def test_help_for_whoever_may_do_nothing(golden: Golden) -> None:
    golden("help_nobody", checked_message(responses.help_text(MayDo({}), "/snapshot")))
    golden("help_denied", checked_message(responses.help_text(DENIED, "/snapshot")))


def test_restore_points_that_are_gone_unknown_or_none(golden: Golden) -> None:
    request = a_finished(order=Create(("disk-1",), reason="INC-42", keep_days=7))
    points = [
        Point(request, [DONE], frozenset(), deletable=True),
        Point(replace(request, id="r-two"), [DONE], None, deletable=True),
    ]
    golden("restore_points_gone", checked_message(restore_points(Points(points, "C1", more=False), "/snapshot")))
    nothing = NothingFound("There are no restore points of this channel that you may see. `quick` makes some.")
    golden("restore_points_none", checked_message(restore_points(nothing, "/snapshot")))
    golden("restore_points_denied", checked_message(restore_points(DENIED, "/snapshot")))


# --- requests ---------------------------------------------------------------------------------------------------------


def test_one_person_who_has_to_agree(golden: Golden) -> None:
    waiting = a_request(state=RequestState.WAITING, approvals_needed=1, waits_until=NOON + timedelta(minutes=60))
    golden("ask_one", said("ask", waiting, [an_item()]))


def test_a_request_that_nobody_settled_in_time(golden: Golden) -> None:
    explanation = "Nobody settled it within 60 minutes, so it was dropped. Nothing was created. Ask again."
    lapsed = a_request(
        state=RequestState.DROPPED, rule="approval-timeout", explanation=explanation, approvals_needed=2, ended_at=LATER
    )
    never = [an_item(1, ItemState.CANCELLED, cause=explanation, code="approval-timeout", ended_at=LATER)]
    golden("root_lapsed", said("edit", lapsed, never))
    golden("ask_lapsed", said("ask_edit", lapsed, never))
    golden("receipt_lapsed", said("receipt", lapsed, never))


def test_receipts_of_nothing_of_what_is_kept_and_of_what_the_cloud_deletes(golden: Golden) -> None:
    golden("receipt_none", said("receipt", a_finished(), [FAILED]))
    kept = a_finished(order=Create(("disk-1",), keep_days=7))
    golden("receipt_kept", said("receipt", kept, [DONE]))
    ours = CreateStandardSnapshot(volume_id=DONE.disk.id, name="snap-1", retention_days=7)
    golden("receipt_native", said("receipt", kept, [replace(DONE, snapshot=ours)]))


def test_a_quick_backup_with_a_disk_left_out_and_one_that_was_planned_larger_than_a_message(golden: Golden) -> None:
    finished = a_quick(state=RequestState.FINISHED, ended_at=LATER)
    golden("quick_left_out", said("edit", finished, [DONE, LEFT]))
    golden("quick_left_out_receipt", said("receipt", finished, [DONE, LEFT]))
    golden("quick_left_out_record", checked_message(post_mortem(finished, [DONE, LEFT], (), a_project())))
    asked = CreateSnapshotGroup(volume_ids=("a", "b"), server_id="s")
    group = ConsistencyGroup("r-one-g1", "r-one", "payments", "web-01", "az-a", asked, state=GroupState.PLANNED)
    planned = [an_item(n, consistency_group_id="r-one-g1") for n in range(1, 17)]
    waiting = a_quick(state=RequestState.WAITING, approvals_needed=1, waits_until=LATER)
    golden("quick_sixteen_waiting", said("edit", waiting, planned, [group]))
    available = [replace(item, state=ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON) for item in planned]
    golden("quick_sixteen_receipt", said("receipt", finished, [*available, FAILED], [replace(group, cloud_id="g-1")]))


# --- forms ------------------------------------------------------------------------------------------------------------

PLACES = Form("f-one", "U1", Place("T1", "U1", direct=True), Create(()), NOON, choose_place=True)


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("deny_form_from_home", deny_form("f-one", from_app_home=True)),
        ("bind_form_one_project", bind_form("f-one", ["payments"])),
        ("change_form_many", change_form("f-one", [an_item(n) for n in range(1, 102)])),
        (
            "form_place_refused",
            filled_view(
                Filling(
                    PLACES,
                    ["payments"],
                    problem="You are not in that channel, or I am not. Choose another, or leave it empty.",
                )
            ),
        ),
        (
            "form_many_projects",
            filled_view(Filling(replace(PLACES, choose_place=False), [f"team-{n:03d}" for n in range(101)])),
        ),
    ],
)
def test_forms(golden: Golden, name: str, view: dict[str, Any]) -> None:
    golden(name, checked_view(view))


def offer_sentences() -> Iterator[str]:
    """Every sentence that a picker can show in place of disks, read from where it is written."""
    file = Path(__file__).parents[3] / "bot" / "workflow" / "actions" / "fill_form.py"
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id.endswith(("DiskOptions", "ProjectOptions"))
        ):
            sentences = [keyword.value for keyword in node.keywords if keyword.arg == "sentence"]
            yield from (str(one.value) for one in sentences if isinstance(one, ast.Constant))
    yield PICKER


def test_what_a_picker_says_in_place_of_disks_is_never_cut(golden: Golden) -> None:
    sentences = sorted(set(offer_sentences()))
    assert len(sentences) >= 6
    found = [
        *(disk_options(DiskOptions(sentence=one)) for one in sentences),
        disk_options(DiskOptions(sentence="No disk fits “orders-of-the-payment-database-”.")),
        disk_options(DiskOptions(sentence="This project has no disks.")),
        disk_options(DiskOptions([a_disk()], more=7)),
    ]
    golden("picker_answers", [checked_options(options) for options in found])
    assert not [option for options in found for option in options if option["text"]["text"].endswith("…")]


# --- App Home ---------------------------------------------------------------------------------------------------------


def test_a_crowded_home(golden: Golden) -> None:
    def asked(kind: str, count: int, **fields: Any) -> list[tuple[Request, list[Item]]]:
        return [(a_request(f"r-{kind}{n}", **fields), [an_item(n)]) for n in range(1, count + 1)]

    wait: dict[str, Any] = {"approvals_needed": 1, "waits_until": NOON + timedelta(hours=1)}
    home = AppHomeContent(
        usable=[Usable(a_project(f"team-{n:02d}"), [a_grant(project=f"team-{n:02d}")]) for n in range(17)],
        running=asked("m", 11),
        recent=[(request, SEVENTY) for request, _ in asked("e", 6, state=RequestState.FINISHED)],
        waiting=asked("w", 12, state=RequestState.WAITING, **wait),
        reviews=asked("g", 11, break_glass=True),
    )
    golden("home_crowded", checked_view(app_home_view(home, 7, "/snapshot")))
