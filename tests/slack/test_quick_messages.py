"""What people read of quick backups and what comes after them, in every state: golden files, and Slack's own limits."""

from __future__ import annotations

import html
import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.groups import Group, GroupState, group_split
from bot.domain.orders import Quick, Selector
from bot.domain.quick import LEFT_OUT, NO_GROUPS
from bot.domain.requests import DiskRef, Item, ItemState, Request, RequestState
from bot.domain.snapshots import CreateSnapshotGroup
from bot.interfaces import Saying, SayKind
from bot.slack import answers
from bot.slack.binding import bind_form
from bot.slack.message import Message
from bot.slack.messages import rendered
from bot.slack.offers import offer_card
from bot.slack.plans import change_form, read_selection
from bot.slack.restoring import restore_points
from bot.workflow.restoring import Point, Points
from tests.block_kit import checked_message, checked_view
from tests.builders import NOON, a_project, a_request, an_item

Golden = Callable[[str, Any], None]
LATER = NOON + timedelta(seconds=75)
ORDER = Quick((Selector("server", "web-01"),), reason="INC-42", keep_days=7)
HOSTILE = "<!channel> & *x* `y` <@U1> <https://evil|ok>"


def a_quick_request(state: RequestState = RequestState.RUNNING, **fields: Any) -> Request:
    return a_request(**{"order": ORDER, "text": "quick server=web-01", "state": state, **fields})


def a_group(**fields: Any) -> Group:
    asked = CreateSnapshotGroup(volume_ids=("a", "b"), server_id="s")
    return Group(**{"id": "r-one-g1", "request_id": "r-one", "project": "payments", "server": "web-01", "zone": "az-a",
                    "asked": asked, **fields})  # fmt: skip


def a_disk_of(server: str, number: int, name: str = "") -> DiskRef:
    disk_id = f"d15c0000-{number:04d}-4000-8000-{number:012d}"
    return DiskRef(disk_id, name or f"{server}-{number}", 100, "SSD", "az-a", server, "in-use")


def members(count: int, state: ItemState = ItemState.PLANNED, **fields: Any) -> list[Item]:
    return [
        an_item(number, state, disk=a_disk_of("web-01", number), group_id="r-one-g1", **fields)
        for number in range(1, count + 1)
    ]


def said(
    kind: SayKind, request: Request, items: list[Item], groups: list[Group] | None = None, most: int = 0
) -> Message:
    saying = Saying(kind, request, items, items, {}, groups or [])
    message = checked_message(rendered(saying, "/snapshot", "https://harbor-eng.slack.com/", LATER, PROJECT))
    assert not most or len(message["text"]) <= most
    return message


PROJECT = a_project(
    evs_endpoint="https://evs.ap-southeast-3.myhuaweicloud.com",
    console_url="https://console.example.com/?region=ap-southeast-3&locale=en-us#/disk?id={disk_id}",
)
PLANNED: dict[str, Any] = {"waits_until": NOON + timedelta(minutes=15)}
LEFT = an_item(
    8,
    ItemState.CANCELLED,
    disk=a_disk_of("web-01", 8),
    code=LEFT_OUT,
    cause="It is in the state “error”.",
    ended_at=NOON,
)
WAITS = an_item(9, disk=a_disk_of("db-01", 9), cause="Another snapshot of it is being created outside the bot.")


def test_from_the_placeholder_to_the_plan(golden: Golden) -> None:
    golden("quick_placeholder", said("root", a_quick_request(RequestState.RECEIVED), []))
    plan = [*members(2), WAITS, LEFT]
    golden("quick_plan", said("edit", a_quick_request(RequestState.PLANNED, **PLANNED), plan, [a_group()]))
    asking = a_quick_request(RequestState.PLANNED, approvals_needed=2, **PLANNED)
    assert "it runs when 2 other people agree" in said("edit", asking, plan, [a_group()])["text"]
    split = group_split(a_group(), NO_GROUPS)
    alone = [replace(item, group_id=None) for item in members(2)]
    golden("quick_plan_split", said("edit", a_quick_request(RequestState.PLANNED, **PLANNED), alone, [split]))


def test_while_it_runs_and_how_it_ends(golden: Golden) -> None:
    running = members(2, ItemState.CREATING, snapshot_id="snap", job_id="job", progress=40)
    made = a_group(state=GroupState.DONE, cloud_id="group-1")
    golden("quick_running", said("edit", a_quick_request(), [*running, WAITS, LEFT], [made]))
    ended: dict[str, Any] = {"ended_at": NOON + timedelta(seconds=42)}
    available = members(2, ItemState.AVAILABLE, snapshot_id="snap", taken_at=NOON, ended_at=NOON)
    done = a_quick_request(RequestState.FINISHED, **ended)
    golden("quick_done", said("edit", done, available, [made]))
    golden("quick_receipt", said("receipt", done, available, [made]))
    golden(
        "quick_record",
        rendered(Saying("record", done, available, available, {}, [made]), "/snapshot", "", LATER, PROJECT),
    )
    dropped = a_quick_request(RequestState.DROPPED, verdict="Nobody confirmed the plan in time.", **ended)
    never = members(2, ItemState.CANCELLED, cause="Nobody confirmed the plan in time.", ended_at=NOON)
    golden("quick_dropped", said("edit", dropped, never, [a_group()]))


def test_the_way_back_is_a_link_and_a_line_that_a_shell_takes_as_it_stands() -> None:
    hostile = DiskRef("d'; rm -rf /", "data | <!channel>", 100, "SSD", "az-a", "web-01", "in-use")
    items = [an_item(1, ItemState.AVAILABLE, disk=hostile, snapshot_id="s 1$(id)", ended_at=NOON)]
    items += members(11, ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON)
    text = said("receipt", a_quick_request(RequestState.FINISHED, ended_at=NOON), items)["text"]
    line = html.unescape(text.partition("```")[2].rpartition("```")[0])
    words = shlex.split(line)
    assert words[:4] == [
        "curl",
        "-X",
        "POST",
        f"{PROJECT.evs_endpoint}/v5/{PROJECT.project_id}/snapshots/s 1$(id)/rollback",
    ]
    assert words[4:6] == ["-H", "X-Auth-Token: $TOKEN"]
    assert json.loads(words[-1]) == {"rollback": {"volume_id": "d'; rm -rf /"}}
    assert "#/disk?id=d%27%3B%20rm%20-rf%20%2F|data ∣ &lt;!channel&gt;>" in text
    assert text.count("#/disk?id=") == 10 and "and 2 others." in text


def test_without_its_project_the_way_by_hand_is_told() -> None:
    items = members(1, ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON)
    request = a_quick_request(RequestState.FINISHED, ended_at=NOON)
    shown = [
        rendered(Saying(kind, request, items, items), "/s", "", LATER, None)["text"] for kind in ("receipt", "record")
    ]
    assert "To go back" in shown[0] and "curl" not in shown[0]
    assert '"way_back": {}' in shown[1]


def test_many_disks_are_summed_up_worst_first(golden: Golden) -> None:
    items = members(60, ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON)
    items[7] = replace(items[7], state=ItemState.FAILED, cause="The cloud could not create it (EVS.9).")
    items[3] = replace(items[3], state=ItemState.CREATING, progress=10, ended_at=None)
    message = said("edit", a_quick_request(), items, [a_group(state=GroupState.DONE, cloud_id="group-1")])
    golden("quick_sixty", message)
    lines = message["text"].splitlines()
    assert "failed" in lines[1] and "web-01-8" in lines[1]


@pytest.mark.parametrize("state", ItemState)
def test_two_hundred_disks_of_any_name_stay_within_slacks_limits(state: ItemState) -> None:
    items = [
        an_item(
            number,
            state,
            disk=a_disk_of("<" * 200, number, "&" * 255),
            cause="<" * 400,
            snapshot_id="s" * 36,
            ended_at=NOON,
            group_id=f"r-one-g{number % 7}",
        )
        for number in range(200)
    ]
    made: dict[str, Any] = {"server": "<" * 200, "state": GroupState.DONE, "cloud_id": "g"}
    groups = [a_group(id=f"r-one-g{number}", **made) for number in range(7)]
    for request_state in (RequestState.PLANNED, RequestState.RUNNING, RequestState.FINISHED, RequestState.DROPPED):
        ended = NOON if request_state in (RequestState.FINISHED, RequestState.DROPPED) else None
        request = a_quick_request(request_state, ended_at=ended, verdict="no")
        said("edit", request, items, groups, most=4_000)
    finished = a_quick_request(RequestState.FINISHED, ended_at=NOON)
    said("receipt", finished, items, groups)
    said("failure", finished, items, groups)
    said("ask", a_quick_request(RequestState.WAITING), items, groups)
    assert (
        len(rendered(Saying("record", finished, items, items, {}, groups), "/snapshot", "", LATER, PROJECT)["text"])
        < 40_000
    )


def test_nothing_that_people_or_the_cloud_write_becomes_a_mention_or_a_link() -> None:
    disk = DiskRef("d1", HOSTILE, 1, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    items = [an_item(1, disk=disk, cause=HOSTILE), replace(LEFT, disk=disk, cause=HOSTILE)]
    order = Quick((Selector("server", HOSTILE),), reason=HOSTILE, keep_days=1)
    group = a_group(server=HOSTILE, zone=HOSTILE, cause=HOSTILE, state=GroupState.SPLIT)
    shown = []
    for state in RequestState:
        request = a_quick_request(state, order=order, verdict=HOSTILE, text=HOSTILE, ended_at=NOON)
        kinds: tuple[SayKind, ...] = ("edit", "receipt", "record", "reminder")
        sayings = [Saying(kind, request, items, items, {}, [group]) for kind in kinds]
        shown += [str(rendered(saying, "/s", "", LATER, PROJECT)) for saying in sayings]
        point = Point(request, items, frozenset(), deletable=True)
        shown.append(str(restore_points(Points([point], "C1", more=False), "/s")))
    for text in shown:
        assert "<!channel>" not in text
        assert "<https://evil" not in text


def test_what_is_left_of_a_channels_incidents(golden: Golden) -> None:
    items = members(2, ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON)
    items[1] = replace(items[1], snapshot_id="gone")
    request = a_quick_request(RequestState.FINISHED, ended_at=NOON)
    points = [
        Point(request, items, frozenset({"snap"}), deletable=True),
        Point(replace(request, id="r-two"), items, None, deletable=False),
    ]
    golden("restore_points", checked_message(restore_points(Points(points, "C1", more=True), "/snapshot")))


def test_channels_and_their_bindings(golden: Golden) -> None:
    golden("nothing_bound", checked_message(answers.nothing_bound("Nothing is bound.", ["payments"], may_bind=True)))
    golden("how_to_bind", checked_message(answers.how_to_bind("/snapshot")))
    golden("bind_form", checked_view(bind_form("b-one", ["payments", "shop"])))
    golden("offer", checked_message(offer_card("/snapshot", bound=False)))
    golden("offer_bound", checked_message(offer_card("/snapshot", bound=True)))


def test_another_selection(golden: Golden) -> None:
    golden("change_form", checked_view(change_form("r-one", [*members(2), WAITS, LEFT])))
    checked_view(change_form("r-one", members(100)))
    many = checked_view(change_form("r-one", members(101)))
    assert [block["block_id"] for block in many["blocks"]] == ["others"]
    assert read_selection(["d1", "d2"], "") == (Selector("disk", "d1"), Selector("disk", "d2"))
    assert read_selection(["d1"], "server=web-01") == (Selector("server", "web-01"),)
    wrong = [([], "", "Leave at least one"), (["d1"], "keep=3", "Name a server"), ([], "x", "server=x")]
    for chosen, typed, words in wrong:
        with pytest.raises(ValueError, match=words):
            read_selection(chosen, typed)
