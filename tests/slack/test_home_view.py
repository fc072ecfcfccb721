"""App Home in every state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.access import Role
from bot.domain.orders import Create
from bot.domain.requests import ItemState, RequestState
from bot.slack.home_view import home_view
from bot.workflow.home import Asked, Home, Usable
from tests.block_kit import checked_view
from tests.builders import NOON, a_grant, a_project, a_request, an_item

Golden = Callable[[str, Any], None]

DONE = an_item(1, ItemState.AVAILABLE, snapshot_id="snap-1", taken_at=NOON, ended_at=NOON)
RUNNING = (a_request(), [DONE, an_item(2, ItemState.CREATING, snapshot_id="snap-2", progress=40)])
ENDED = (a_request("r-two", state=RequestState.FINISHED, ended_at=NOON), [replace(DONE, request_id="r-two")])
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

HOMES: dict[str, Home] = {
    "newcomer": Home(),
    "operator": Home(
        usable=[
            Usable(a_project(), [a_grant(expires_at=NOON + timedelta(days=1)), a_grant("S1", "viewer", kind="group")]),
            Usable(
                a_project("shop", channels=("C1", "C2"), approvals=2), [a_grant("", kind="everyone", project="shop")]
            ),
        ],
        running=[RUNNING],
        recent=[ENDED, DENIED],
    ),
    "approver": Home(usable=[Usable(a_project(), [a_grant(role="approver")])], waiting=[WAITING], reviews=[GLASS]),
    "refused": Home(refused="Guests of this workspace may not use the snapshot bot. Ask a full member to do it."),
}


@pytest.mark.parametrize("name", HOMES)
def test_home_in_every_state(golden: Golden, name: str) -> None:
    golden(f"home_{name}", checked_view(home_view(HOMES[name], 7, "/snapshot")))


def test_the_fullest_home_fits() -> None:
    projects = [
        Usable(
            a_project(f"p{number:02d}" + "x" * 30, channels=tuple(f"C{n:09d}" for n in range(20))),
            [a_grant(role=role.value, expires_at=NOON) for role in Role] * 3,
        )
        for number in range(40)
    ]
    names = an_item(1)
    long = replace(names, disk=replace(names.disk, name="d" * 255))
    reason = Create(("x",), reason="<&>" * 100)
    waiting = [(replace(WAITING[0], id=f"r-w{n}", order=reason), [long] * 20) for n in range(10)]
    reviews = [(replace(GLASS[0], id=f"r-g{n}", order=reason), [long] * 20) for n in range(10)]
    mine = [(replace(RUNNING[0], id=f"r-m{n}"), [long] * 20) for n in range(10)]
    view = checked_view(home_view(Home(projects, mine, mine[:5], waiting, reviews), 1, "/snapshot"))
    assert "and 25 more projects" in str(view)
