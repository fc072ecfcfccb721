"""App Home in every state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.orders import Create
from bot.domain.roles import Role
from bot.domain.transitions import ItemState, RequestState
from bot.slack.ids import NEW_SNAPSHOT
from bot.slack.views.app_home_view import app_home_view
from bot.workflow.jobs.publish_app_home import READ, AppHomeContent, Asked, Usable
from tests.block_kit import checked_view
from tests.builders import NOON, a_grant, a_project, a_request, an_item

Golden = Callable[[str, Any], None]

DONE = an_item(1, ItemState.AVAILABLE, snapshot_id="snap-1", taken_at=NOON, ended_at=NOON)
RUNNING = (a_request(), [DONE, an_item(2, ItemState.CREATING, snapshot_id="snap-2", progress=40)])
POSTED: dict[str, Any] = {"status_channel": "C1", "status_ts": "1795435200.000100", "reply_channel": "C1"}
ENDED = (a_request("r-two", state=RequestState.FINISHED, ended_at=NOON, **POSTED), [replace(DONE, request_id="r-two")])
DENIED: Asked = (
    a_request("r-three", state=RequestState.DENIED, project=None, order=Create(("orders-db <!here>",))),
    [],
)
WAITING = (
    a_request(
        "r-four",
        state=RequestState.WAITING,
        approvals_needed=2,
        approvers=("U3",),
        waits_until=NOON + timedelta(hours=1),
        order=Create(("orders-db",), reason="INC-42 <!channel> & more"),
    ),
    [an_item(1)],
)
GLASS = (a_request("r-five", break_glass=True, order=Create(("orders-db",), reason="the database burns")), [an_item(1)])

EVERYBODY = a_grant("", kind="everyone", project="shop")

HOMES: dict[str, AppHomeContent] = {
    "newcomer": AppHomeContent(),
    "operator": AppHomeContent(
        usable=[
            Usable(a_project(), [a_grant(expires_at=NOON + timedelta(days=1)), a_grant("S1", "viewer", kind="group")]),
            Usable(
                a_project("shop", channels=("C1", "C2"), approvals=2), [a_grant("", kind="everyone", project="shop")]
            ),
        ],
        running=[RUNNING],
        recent=[ENDED, DENIED],
    ),
    "approver": AppHomeContent(
        usable=[Usable(a_project(), [a_grant(role="approver")])], waiting=[WAITING], reviews=[GLASS]
    ),
    "refused": AppHomeContent(
        refused="Guests of this workspace may not use the snapshot bot. Ask a full member to do it."
    ),
}


@pytest.mark.parametrize("name", HOMES)
def test_home_in_every_state(golden: Golden, name: str) -> None:
    golden(f"home_{name}", checked_view(app_home_view(HOMES[name], 7, "/snapshot", "https://harbor-eng.slack.com/")))


def texts(view: dict[str, Any]) -> list[str]:
    """What each section and context of a view says."""
    told = [block.get("text") or block.get("elements", [{}])[0] for block in view["blocks"]]
    return [one["text"] for one in told if one.get("type") == "mrkdwn"]


def test_the_fullest_home_fits_and_nothing_in_it_is_cut_in_the_middle() -> None:
    projects = [
        Usable(
            a_project(f"p{number:02d}" + "x" * 37, channels=tuple(f"C{n:010d}" for n in range(200))),
            [a_grant(f"S{n:010d}", role.value, kind="group", expires_at=NOON) for role in Role for n in range(20)],
        )
        for number in range(40)
    ]
    one = an_item(1)
    disks = [replace(one, disk=replace(one.disk, name="&" * 255))] * 20
    worst: dict[str, Any] = {"project": "p" * 40, "order": Create(("x",), reason="&" * 2_000), "waits_until": NOON}
    waiting: list[Asked] = [(replace(WAITING[0], id=f"r-w{n}", **worst), disks) for n in range(READ)]
    reviews: list[Asked] = [(replace(GLASS[0], id=f"r-g{n}", **worst), disks) for n in range(14)]
    running: list[Asked] = [(replace(RUNNING[0], id=f"r-m{n}", **worst), disks) for n in range(11)]
    ended: list[Asked] = [(replace(ENDED[0], id=f"r-e{n}", **worst), disks) for n in range(6)]
    view = checked_view(app_home_view(AppHomeContent(projects, running, ended, waiting, reviews), 1, "/snapshot"))
    assert len(view["blocks"]) <= 90
    said = texts(view)
    assert not [text for text in said if text.endswith("…")]  # each ends in its own last words
    for asked, shown in ((waiting, 10), (reviews, 10), (running, 10), (ended, 5)):
        found = [any(f"`{request.id}`" in text for text in said) for request, _ in asked]
        assert found == [True] * shown + [False] * (len(asked) - shown)
    for words in (
        "and at least 40 more: shown as these are settled",
        "and 4 more: shown as these are reviewed",
        "and 1 more: `/snapshot list mine`",
        "and older ones: `/snapshot list mine`",
        "and 25 more projects",
    ):
        assert words in said
    assert "<#C0000000009> or 190 more" in "".join(said)


def test_a_long_reason_is_shown_whole_to_whoever_decides_about_it() -> None:
    reason = " ".join(["the", "change"] * 50)
    asked = (replace(WAITING[0], order=Create(("orders-db",), reason=reason)), WAITING[1])
    assert reason in "".join(texts(app_home_view(AppHomeContent(waiting=[asked]), 1, "/snapshot")))


def test_the_message_that_is_the_reason_is_one_press_away_for_whoever_decides() -> None:
    address = "https://harbor-eng.slack.com/archives/C1/p1767225610000200"
    asked = (replace(WAITING[0], order=Create(("orders-db",), reason=f"{address} https://evil.example")), WAITING[1])
    shown = "".join(
        texts(app_home_view(AppHomeContent(waiting=[asked]), 1, "/snapshot", "https://harbor-eng.slack.com/"))
    )
    assert f"“<{address}|the message> https://evil.example”" in shown


@pytest.mark.parametrize("role", ["viewer", "approver"])
def test_who_may_not_create_is_offered_no_button_and_no_example_of_it(role: str) -> None:
    view = app_home_view(AppHomeContent(usable=[Usable(a_project(), [a_grant(role=role)])]), 1, "/snapshot")
    assert NEW_SNAPSHOT not in str(view)
    assert "Nothing yet. With the role operator in a project" in "".join(texts(view))


def test_every_press_tells_which_rendering_it_was_made_on() -> None:
    first, second = (app_home_view(HOMES["approver"], rev, "/snapshot")["blocks"] for rev in (7, 8))
    pressed = [
        (block["block_id"], later["block_id"])
        for block, later in zip(first, second, strict=True)
        if "elements" in block
    ]
    assert len(pressed) >= 2
    assert all(before != after for before, after in pressed)
