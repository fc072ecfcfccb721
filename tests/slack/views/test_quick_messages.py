"""What people read of quick backups and what comes after them, in every state: golden files, and Slack's own limits."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.bindings import Binding
from bot.domain.consistency_groups import ConsistencyGroup, group_split
from bot.domain.items import DiskRef, Item
from bot.domain.orders import Quick, Selector
from bot.domain.projects import Project
from bot.domain.quick import LEFT_OUT, NO_GROUPS, NO_SNAPSHOT
from bot.domain.requests import Request
from bot.domain.sentences import person
from bot.domain.snapshots import CreateSnapshotGroup
from bot.domain.transitions import GroupState, ItemState, RequestState
from bot.slack.ids import TRY_AGAIN
from bot.slack.listeners.plans import read_selection
from bot.slack.views import responses
from bot.slack.views.channel_card_view import channel_card
from bot.slack.views.message import Message
from bot.slack.views.outbox_messages import rendered
from bot.slack.views.post_mortem.post_mortem_view import post_mortem
from bot.slack.views.restore_points import restore_points
from bot.slack.views.small_modals import bind_form, change_form
from bot.workflow.queries.restore_points import Point, Points
from tests.block_kit import EDITED, checked_message, checked_view
from tests.builders import NOON, a_project, a_request, an_item
from tests.outgoing import outgoing

Golden = Callable[[str, Any], None]
TEAM = "https://harbor-eng.slack.com/"
LATER = NOON + timedelta(seconds=75)
ORDER = Quick((Selector("server", "web-01"),), reason="INC-42", keep_days=7)
HOSTILE = "<!channel> & *x* `y` <@U1> <https://evil|ok>"


def a_quick_request(state: RequestState = RequestState.RUNNING, **fields: Any) -> Request:
    return a_request(**{"order": ORDER, "text": "quick server=web-01", "state": state, **fields})


def a_group(**fields: Any) -> ConsistencyGroup:
    asked = CreateSnapshotGroup(volume_ids=("a", "b"), server_id="s")
    usual = {"id": "r-one-g1", "request_id": "r-one", "project": "payments", "server": "web-01", "zone": "az-a"}
    return ConsistencyGroup(**{**usual, "asked": asked, **fields})


def a_disk_of(server: str, number: int, name: str = "") -> DiskRef:
    disk_id = f"d15c0000-{number:04d}-4000-8000-{number:012d}"
    return DiskRef(disk_id, name or f"{server}-{number}", 100, "SSD", "az-a", server, "in-use")


def members(count: int, state: ItemState = ItemState.PLANNED, **fields: Any) -> list[Item]:
    return [
        an_item(number, state, disk=a_disk_of("web-01", number), consistency_group_id="r-one-g1", **fields)
        for number in range(1, count + 1)
    ]


def said(
    kind: str, request: Request, items: Sequence[Item], groups: Sequence[ConsistencyGroup] | None = None
) -> Message:
    if kind == "post_mortem":
        return checked_message(post_mortem(request, items, groups or [], PROJECT))
    told = outgoing(kind, request, items, groups=groups or [])
    message = rendered(told, "/snapshot", "https://harbor-eng.slack.com/", LATER, PROJECT)
    return checked_message(message, edited=kind in EDITED)


def recorded_disks(message: Message) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a machine reads of a record: its facts, and those of each disk with what its set shares."""
    kept = json.loads(html.unescape(message["text"].partition("```")[2].rpartition("```")[0]))
    disks = []
    for one in kept["sets"]:
        beside = {key: value for key, value in one.items() if key != "disks"}
        for row in one["disks"]:
            own = {key: value for key, value in zip(kept["columns"], row, strict=False) if value is not None}
            disks.append({**beside, **own})
    return kept, disks


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
WAITS = an_item(
    9,
    disk=a_disk_of("db-01", 9),
    cause="Another snapshot of it is being created outside the bot; it waits its turn.",
)


def test_from_the_placeholder_to_the_plan(golden: Golden) -> None:
    golden("quick_placeholder", said("status", a_quick_request(RequestState.RECEIVED), []))
    plan = [*members(2), WAITS, LEFT]
    golden("quick_plan", said("edit", a_quick_request(RequestState.PLANNED, **PLANNED), plan, [a_group()]))
    asking = a_quick_request(RequestState.PLANNED, approvals_needed=2, **PLANNED)
    assert "it runs when 2 other people agree" in said("edit", asking, plan, [a_group()])["text"]
    split = group_split(a_group(), NO_GROUPS)
    alone = [replace(item, consistency_group_id=None) for item in members(2)]
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
        post_mortem(done, available, [made], PROJECT),
    )
    dropped = a_quick_request(RequestState.DROPPED, explanation="Nobody confirmed the plan in time.", **ended)
    never = members(2, ItemState.CANCELLED, cause="Nobody confirmed the plan in time.", ended_at=NOON)
    golden("quick_dropped", said("edit", dropped, never, [a_group()]))


def test_the_way_back_is_a_link_and_a_line_that_a_shell_takes_as_it_stands() -> None:
    hostile = DiskRef("d'; rm -rf /", "data | <!channel>", 100, "SSD", "az-a", "web-01", "in-use")
    items = [an_item(1, ItemState.AVAILABLE, disk=hostile, snapshot_id="s 1$(id)", ended_at=NOON)]
    items += members(2, ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON)
    text = said("receipt", a_quick_request(RequestState.FINISHED, ended_at=NOON), items)["text"]
    lines = html.unescape(text.partition("```")[2].rpartition("```")[0]).splitlines()
    words = shlex.split(lines[0])
    assert words[:4] == [
        "curl",
        "-X",
        "POST",
        f"{PROJECT.evs_endpoint}/v5/{PROJECT.project_id}/snapshots/s 1$(id)/rollback",
    ]
    assert words[4:6] == ["-H", "X-Auth-Token: $TOKEN"]
    assert json.loads(words[-1]) == {"rollback": {"volume_id": "d'; rm -rf /"}}
    assert "#/disk?id=d%27%3B%20rm%20-rf%20%2F|data ∣ &lt;!channel&gt;>" in text
    rolled = [json.loads(shlex.split(line)[-1])["rollback"]["volume_id"] for line in lines]
    assert rolled == [item.disk.id for item in items]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 12, 60])
def test_every_disk_has_its_whole_roll_back_command_or_none_has(count: int) -> None:
    items = members(count, ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON)
    message = said("receipt", a_quick_request(RequestState.FINISHED, ended_at=NOON), items)
    for words in (message["text"], json.dumps(message["blocks"])):
        assert words.count("curl -X POST") == words.count("/rollback") == (count if count <= 3 else 0)
    assert ("The record has what rolls back each disk" in message["text"]) is (count > 3)


def test_a_command_too_long_to_be_shown_whole_is_shown_for_no_disk() -> None:
    items = members(3, ItemState.AVAILABLE, snapshot_id="&" * 300, ended_at=NOON)
    assert "curl" not in said("receipt", a_quick_request(RequestState.FINISHED, ended_at=NOON), items)["text"]


@pytest.mark.parametrize("count", [1, 10, 12])
def test_the_pages_of_the_console_are_buttons_and_in_the_text_links(count: int) -> None:
    items = members(count, ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON)
    message = said("receipt", a_quick_request(RequestState.FINISHED, ended_at=NOON), items)
    shown = min(count, 10)
    assert message["text"].count("#/disk?id=") == shown
    assert ("in the console, 10 of 12: " in message["text"]) is (count == 12)
    (pages,) = [block for block in message["blocks"] if block["block_id"] == "pages"]
    assert [one["url"] for one in pages["elements"]] == [PROJECT.console_page(item.disk.id) for item in items[:shown]]
    assert pages["elements"][0]["accessibility_label"] == "Open web-01-1 in the console"
    kinds = [block["type"] for block in message["blocks"]]
    assert kinds.index("divider") < message["blocks"].index(pages)


def test_the_moment_of_disks_taken_together_is_said_once() -> None:
    request = a_quick_request(RequestState.FINISHED, ended_at=NOON)
    together = members(3, ItemState.AVAILABLE, snapshot_id="snap", taken_at=NOON, ended_at=NOON)
    made = a_group(state=GroupState.DONE, cloud_id="group-1")
    text = said("receipt", request, together, [made])["text"]
    assert text.count("time_secs") == 1
    apart = [replace(one, taken_at=NOON + timedelta(seconds=40 * n)) for n, one in enumerate(together)]
    lines = said("receipt", request, apart, [made])["text"].splitlines()
    assert [line.count("time_secs") for line in lines if line.startswith("• ")] == [1, 1, 1]
    assert "Taken within 80.0 s of each other. First: <!date^" in lines[1]


@pytest.mark.parametrize("count", [1, 5, 6, 20, 21])
def test_the_next_step_after_a_failure_is_a_button_and_names_every_disk_or_none(count: int) -> None:
    items = [*members(count, ItemState.FAILED, cause="no", ended_at=NOON), LEFT]
    request = a_quick_request(RequestState.FINISHED, ended_at=NOON)
    for message in (said("failure", request, items), said("receipt", request, items)):
        pressed = [one for block in message["blocks"] for one in block.get("elements", ()) if "action_id" in one]
        assert [one["value"] for one in pressed if one["action_id"] == TRY_AGAIN] == ["r-one"]
        (line,) = [line for line in message["text"].splitlines() if line.startswith("*Try Again*")]
        typed = re.findall(r"d15c0000-[0-9a-f-]+", line)
        assert typed == ([item.disk.id for item in items[:-1]] if count <= 20 else [])


def test_of_a_disk_that_can_have_no_snapshot_nobody_is_offered_another_try() -> None:
    edge = members(2, ItemState.FAILED, cause="It is in an edge zone.", code=NO_SNAPSHOT, ended_at=NOON)
    request = a_quick_request(RequestState.FINISHED, ended_at=NOON)
    for kind in ("failure", "receipt"):
        alone = json.dumps(said(kind, request, edge))
        assert "It is in an edge zone." in alone and TRY_AGAIN not in alone and "Try Again" not in alone
        mixed = said(kind, request, [edge[0], an_item(3, ItemState.FAILED, cause="no", ended_at=NOON)])
        assert "asks for it once more" in mixed["text"]


def test_where_nothing_failed_there_is_nothing_to_try_again() -> None:
    items = [*members(2, ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON), LEFT]
    message = said("receipt", a_quick_request(RequestState.FINISHED, ended_at=NOON), items)
    assert TRY_AGAIN not in json.dumps(message) and "Try Again" not in message["text"]


def test_a_further_try_says_of_which_request_it_is() -> None:
    again = a_quick_request(order=replace(ORDER, again_of="r-first001"))
    assert "another try of `r-first001`" in said("edit", again, members(1))["text"]


def test_without_its_project_the_way_by_hand_is_told() -> None:
    items = members(1, ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON)
    request = a_quick_request(RequestState.FINISHED, ended_at=NOON)
    receipt = rendered(outgoing("receipt", request, items), "/s", "", LATER, None)
    shown = [receipt["text"], post_mortem(request, items, (), None)["text"]]
    assert "To go back" in shown[0] and "curl" not in shown[0]
    assert '"way_back":{}' in shown[1]


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
            consistency_group_id=f"r-one-g{number % 7}",
        )
        for number in range(200)
    ]
    made: dict[str, Any] = {"server": "<" * 200, "state": GroupState.DONE, "cloud_id": "g"}
    groups = [a_group(id=f"r-one-g{number}", **made) for number in range(7)]
    for request_state in (RequestState.PLANNED, RequestState.RUNNING, RequestState.FINISHED, RequestState.DROPPED):
        ended = NOON if request_state in (RequestState.FINISHED, RequestState.DROPPED) else None
        request = a_quick_request(request_state, ended_at=ended, explanation="no")
        assert "request `r-one`" in said("edit", request, items, groups)["text"]
    finished = a_quick_request(RequestState.FINISHED, ended_at=NOON)
    said("receipt", finished, items, groups)
    said("failure", finished, items, groups)
    said("ask", a_quick_request(RequestState.WAITING), items, groups)
    kept, disks = recorded_disks(said("post_mortem", finished, items, groups))
    assert (kept["reason"], kept["channel"]) == ("INC-42", "C1")
    assert {one["disk_id"]: one["snapshot_id"] for one in disks} == {item.disk.id: item.snapshot_id for item in items}


MANY = [
    an_item(
        number,
        ItemState.AVAILABLE if number % 40 else ItemState.FAILED,
        disk=a_disk_of(f"{number % 5}-{'s' * 62}", number, f"{number:03d}-{'n' * 60}"),
        cause="The cloud could not create it: storage error (EVS.9)." * 3,
        snapshot_id=f"5a000000-{number:04d}-4000-8000-{number:012d}",
        taken_at=NOON + timedelta(seconds=number),
        ended_at=NOON,
        consistency_group_id=f"r-one-g{number % 5}" if number % 5 else None,
    )
    for number in range(1, 201)
]
MANY_GROUPS = [
    a_group(id=f"r-one-g{number}", server=f"{number}-{'s' * 62}", state=GroupState.DONE, cloud_id="g" * 36)
    for number in range(1, 5)
]


def test_the_record_of_two_hundred_disks_with_the_longest_names_is_complete() -> None:
    request = a_quick_request(RequestState.FINISHED, ended_at=NOON, order=replace(ORDER, reason="r" * 300))
    message = said("post_mortem", request, MANY, MANY_GROUPS)
    assert len(message["text"]) < 40_000
    kept, disks = recorded_disks(message)
    assert kept["reason"] == "r" * 300
    for item in MANY:
        (found,) = [one for one in disks if one["disk_id"] == item.disk.id]
        assert (found["disk"], found["snapshot_id"]) == (item.disk.name, item.snapshot_id)
        assert (found["size_gib"], found["server"]) == (100, item.disk.server)
        assert item.taken_at and found["created_at"] == f"{item.taken_at:%Y-%m-%dT%H:%M:%SZ}"
        assert found["state"] == item.state
        assert found.get("group") == ("g" * 36 if item.consistency_group_id else None)


@pytest.mark.parametrize("count", [89, 90, 91, 92, 141, 142])
def test_a_record_that_just_fits_or_just_does_not_leaves_room_for_the_lines_it_opens_with(count: int) -> None:
    request = a_quick_request(RequestState.FINISHED, ended_at=NOON, order=replace(ORDER, reason="r" * 300))
    escaped = [replace(item, disk=replace(item.disk, name="&" * 60, server="&" * 60)) for item in MANY[:count]]
    message = said("post_mortem", request, escaped, MANY_GROUPS)
    assert len(message["text"]) <= 40_000
    assert {one["disk_id"] for one in recorded_disks(message)[1]} == {item.disk.id for item in escaped}
    assert "; all of them stand below" in message["text"]


def test_what_all_disks_of_a_set_share_stands_once_in_the_record() -> None:
    items = [*members(2, ItemState.AVAILABLE, snapshot_id="snap", taken_at=NOON, ended_at=NOON), LEFT]
    kept, disks = recorded_disks(
        said("post_mortem", a_quick_request(RequestState.FINISHED, ended_at=NOON), items, [a_group(cloud_id="group-1")])
    )
    assert kept["sets"][0] == {
        "server": "web-01",
        "group": "group-1",
        "state": "available",
        "created_at": "2026-11-23T12:00:00Z",
        "disks": [["web-01-1", items[0].disk.id, 100, "snap"], ["web-01-2", items[1].disk.id, 100, "snap"]],
    }
    assert (disks[2]["state"], disks[2]["cause"]) == ("left out", "It is in the state “error”.")


def test_people_stand_in_the_json_of_the_record_by_their_ids() -> None:
    stopped = replace(LEFT, state=ItemState.CANCELLED, cause=f"{person('U7')} called it back.", code="cancelled")
    message = said("post_mortem", a_quick_request(RequestState.FINISHED, ended_at=LATER), [stopped])
    assert recorded_disks(message)[1][0]["cause"] == "U7 called it back."
    assert "<@U7> called it back." in message["text"].partition("```")[0]


def test_the_record_opens_with_lines_to_paste_and_tells_of_the_worst_disk_first() -> None:
    items = [*members(1, ItemState.AVAILABLE, snapshot_id="snap", taken_at=NOON, ended_at=NOON), LEFT]
    approved = a_quick_request(RequestState.FINISHED, ended_at=LATER, approvers=("U9",))
    opening = said("post_mortem", approved, items)["text"].partition("```")[0]
    assert opening.splitlines() == [
        ":page_facing_up: The record of `r-one`, for the post-mortem:",
        "*Asked for:* backup of 1 disk in payments",
        "*By:* <@U1> in <#C1>, 2026-11-23 12:00:00 UTC",
        "*Reason:* INC-42",
        "*Approved by:* <@U9>",
        f"*Ended:* {LATER:%Y-%m-%d %H:%M:%S} UTC: 1 available, 1 left out",
        "• *web-01-8*: left out — It is in the state “error”.",
        "• *web-01-1*: available, snapshot `snap`, taken 2026-11-23 12:00:00 UTC",
        "*In full*, as JSON:",
    ]


def test_disks_for_which_a_record_has_no_lines_stand_in_its_json() -> None:
    opening = said("post_mortem", a_quick_request(RequestState.FINISHED, ended_at=NOON), MANY, MANY_GROUPS)["text"]
    lines = opening.partition("```")[0].splitlines()
    assert "failed" in lines[5]
    assert re.fullmatch(r"… and 1\d\d more; all of them stand below", lines[-2])


def test_a_receipt_of_two_hundred_disks_is_cut_by_whole_lines_and_says_where_all_are() -> None:
    text = said("receipt", a_quick_request(RequestState.FINISHED, ended_at=NOON), MANY, MANY_GROUPS)["text"]
    assert len(text) <= 12_000
    lines = text.splitlines()
    told = [line for line in lines if line.startswith("• ")]
    assert [": failed (snapshot" in line for line in told[:6]] == [True] * 5 + [False]
    assert all("100 GiB · <!date^" in line for line in told[5:])
    (more,) = [line for line in lines if line.startswith("… and")]
    assert more == f"… and {200 - len(told)} more; the record has them all"
    for words in (
        ", the last 198.0 s later.",
        "To be kept until",
        "Asked by <@U1>: INC-42",
        "*To go back:*",
        "The record has what rolls back each disk",
    ):
        assert words in text


def test_a_plan_of_seventy_disks_names_them_all() -> None:
    text = said("edit", a_quick_request(RequestState.PLANNED, **PLANNED), members(70), [a_group()])["text"]
    for item in members(70):
        assert item.disk.name in re.split(r"[\s,]+", text)
    assert "more" not in text


def test_a_plan_of_two_hundred_long_names_shows_them_and_its_text_says_how_many_it_does_not() -> None:
    planned = [replace(item, state=ItemState.PLANNED, cause="") for item in MANY]
    message = said("edit", a_quick_request(RequestState.PLANNED, **PLANNED), planned, MANY_GROUPS)
    shown = str(message["blocks"])
    assert all(item.disk.name in shown for item in planned)
    assert "more" not in shown
    text = message["text"]
    assert len(re.findall("40 disks, 4,000 GiB", text)) == 5
    assert len(re.findall(r"… and \d+ more; fewer at once: Change Selection…", text)) == 5
    assert "Standard snapshots are charged" in text and "request `r-one`" in text
    fewer = said("edit", a_quick_request(RequestState.PLANNED, **PLANNED), planned[:90], MANY_GROUPS)["text"]
    assert "more; all of them: Change Selection…" in fewer


def test_however_much_of_a_binding_is_gone_the_plan_can_be_shown() -> None:
    warnings = tuple(f"No disk with the id “d15c0000-{number:04d}-4000-8000-000000000001”." for number in range(100))
    message = said("edit", a_quick_request(RequestState.PLANNED, **PLANNED, warnings=warnings), members(3), [a_group()])
    assert "… and 9" in message["text"] and "request `r-one`" in message["text"]
    assert len(message["text"]) < 2_000


def test_what_is_left_out_of_a_plan_is_counted_apart_to_the_end() -> None:
    copied = [*members(2, ItemState.CREATING, snapshot_id="snap"), WAITS]
    running = said("edit", a_quick_request(), [*copied, LEFT])
    shown = str(running["blocks"])
    assert "Backup of 3 disks" in shown and "0 of 3 ended · 1 to come, 2 creating · 1 left out" in shown
    assert ":no_entry_sign: *web-01-8* — left out — It is in the state “error”." in running["text"]
    assert (
        "*db-01-9* — waiting\n      ↳ Another snapshot of it is being created outside the bot; it waits"
        in running["text"]
    )
    assert "1 min 15 s so far" in running["text"]
    begun = said("edit", a_quick_request(started_at=NOON + timedelta(seconds=30)), [*copied, LEFT])
    assert "45 s since the go" in begun["text"]
    done = [replace(item, state=ItemState.AVAILABLE, cause="", ended_at=NOON) for item in copied]
    finished = a_quick_request(RequestState.FINISHED, ended_at=NOON)
    assert (
        ":warning: *Backup of 3 disks in payments: finished 0 s after the go, all available, 1 left out*"
        in (said("edit", finished, [*done, LEFT])["text"])
    )
    receipt = said("receipt", finished, [*done, LEFT])["text"]
    assert ":warning: *Receipt: 3 of 3 snapshots available, 1 left out*" in receipt
    assert "*web-01-8*: left out — It is in the state “error”." in receipt
    alone = said("edit", finished, [LEFT])
    assert "none available, 1 left out" in alone["text"]


def test_nothing_that_people_or_the_cloud_write_becomes_a_mention_or_a_link() -> None:
    disk = DiskRef("d1", HOSTILE, 1, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    items = [an_item(1, disk=disk, cause=HOSTILE), replace(LEFT, disk=disk, cause=HOSTILE)]
    order = Quick((Selector("server", HOSTILE),), reason=HOSTILE, keep_days=1)
    group = a_group(server=HOSTILE, zone=HOSTILE, cause=HOSTILE, state=GroupState.SPLIT)
    shown = []
    for state in RequestState:
        request = a_quick_request(state, order=order, explanation=HOSTILE, text=HOSTILE, ended_at=NOON)
        told = [outgoing(kind, request, items, groups=[group]) for kind in ("edit", "receipt", "reminder")]
        shown += [str(rendered(one, "/s", "", LATER, PROJECT)) for one in told]
        shown.append(str(post_mortem(request, items, [group], PROJECT)))
        point = Point(request, items, frozenset(), deletable=True)
        shown.append(str(restore_points(Points([point], "C1", more=False), "/s")))
    for text in shown:
        assert "<!channel>" not in text
        assert "<https://evil" not in text


def test_what_is_left_of_a_channels_incidents(golden: Golden) -> None:
    items = members(2, ItemState.AVAILABLE, snapshot_id="snap", ended_at=NOON)
    items[1] = replace(items[1], snapshot_id="gone")
    posted = {"status_channel": "C1", "status_ts": "1795435200.000100", "reply_channel": "C1"}
    request = a_quick_request(RequestState.FINISHED, ended_at=NOON, **posted)
    points = [
        Point(request, items, frozenset({"snap"}), deletable=True),
        Point(replace(request, id="r-two"), items, None, deletable=False),
    ]
    golden("restore_points", checked_message(restore_points(Points(points, "C1", more=True), "/snapshot", TEAM)))


def test_channels_and_their_bindings(golden: Golden) -> None:
    golden("nothing_bound", checked_message(responses.nothing_bound("Nothing is bound.", ["payments"], may_bind=True)))
    golden("how_to_bind", checked_message(responses.how_to_bind("/snapshot")))
    golden("bind_form", checked_view(bind_form("f-one", ["payments", "shop"])))


BOUND = [Binding("C1", "payments", server="web-01 <!here>", keep_days=7), Binding("C1", "payments", tag="tier:prod")]


def test_the_card_of_a_new_incident_channel(golden: Golden) -> None:
    golden("offer", checked_message(channel_card("/snapshot", [], {"payments": PROJECT})))
    golden("offer_bound", checked_message(channel_card("/snapshot", BOUND, {"payments": PROJECT})))


@pytest.mark.parametrize(
    ("bound", "projects"),
    [
        (BOUND, {}),
        (BOUND, {"payments": a_project(channels=("C2",))}),
        ([*BOUND, Binding("C1", "vault", tag="tier:prod")], {"payments": PROJECT, "vault": a_project("vault")}),
    ],
)
def test_the_card_names_nothing_that_may_not_be_used_from_the_channel(
    bound: Sequence[Binding], projects: dict[str, Project]
) -> None:
    text = checked_message(channel_card("/snapshot", bound, projects))["text"]
    assert "This channel is bound already: nothing more has to be typed." in text
    assert "web-01" not in text and "payments" not in text and "vault" not in text


def test_another_selection(golden: Golden) -> None:
    golden("change_form", checked_view(change_form("f-one", [*members(2), WAITS, LEFT])))
    checked_view(change_form("f-one", members(100)))
    many = checked_view(change_form("f-one", members(101)))
    assert [block["block_id"] for block in many["blocks"]] == ["others"]
    assert read_selection(["d1", "d2"], "") == (Selector("disk", "d1"), Selector("disk", "d2"))
    assert read_selection(["d1"], "server=web-01") == (Selector("server", "web-01"),)
    wrong = [([], "", "Leave at least one"), (["d1"], "keep=3", "Name a server"), ([], "x", "server=x")]
    for chosen, typed, words in wrong:
        with pytest.raises(ValueError, match=words):
            read_selection(chosen, typed)


def test_the_cost_warns_of_a_full_copy_only_where_no_earlier_one_is_known() -> None:
    def told(*before: bool) -> str:
        disks = [replace(a_disk_of("web-01", n), copied_before=known) for n, known in enumerate(before, start=1)]
        plan = [an_item(n, disk=disk) for n, disk in enumerate(disks, start=1)]
        text: str = said("edit", a_quick_request(RequestState.PLANNED, **PLANNED), plan)["text"]
        return text

    assert "the first of a disk copies all of it (here up to 200 GiB)" in told(False, False)
    assert "1 disk without an earlier one may be copied whole (up to 100 GiB)" in told(True, False)
    assert "GiB)" not in told(True, True) and "only what has changed since is copied" in told(True, True)


def test_plan_message_and_receipt_say_which_server_is_not_one_consistent_set() -> None:
    apart = [replace(one, consistency_group_id=None) for one in members(2)]
    apart[1] = replace(apart[1], disk=replace(apart[1].disk, availability_zone="az-b"))
    word = "*web-01*: its 2 disks are *not one consistent set* — they are in 2 zones (az-a, az-b)"
    assert word in said("edit", a_quick_request(RequestState.PLANNED, **PLANNED), apart)["text"]
    assert word in said("edit", a_quick_request(), apart)["text"]
    ended = [replace(one, state=ItemState.AVAILABLE, taken_at=NOON, ended_at=NOON) for one in apart]
    receipt = said("receipt", a_quick_request(RequestState.FINISHED, ended_at=NOON), ended)["text"]
    assert word in receipt and "of each other" not in receipt
    lost = [ended[0], replace(apart[1], state=ItemState.FAILED, ended_at=NOON)]
    assert "consistent set" not in said("edit", a_quick_request(RequestState.FINISHED, ended_at=NOON), lost)["text"]
