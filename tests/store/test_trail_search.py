"""Rows of the trail by day, project and disk, and what stands elsewhere of the requests they are about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.audit import (
    AuditEntry,
    Decided,
    asked_for,
    at_plan,
    before_post,
    by_grant,
    of_request,
    read_entry,
    snapshot_ended,
)
from bot.domain.orders import Create
from bot.domain.transitions import ItemState, RequestState
from bot.ports.requests import Incoming
from bot.store.database import Database
from bot.store.store import Store
from bot.store.trail.search import AllowedBy, Wanted, is_about, narrowed
from tests.builders import NOON, FakeClock, a_grant, a_request, an_actor, an_item

DISK, NAME = an_item(7).disk.id, an_item(7).disk.name
DAY = timedelta(days=1)


@pytest.fixture
async def store(database: Database) -> Store:
    """On the first day r-one takes two disks, agreed to by U2; on the second r-two one of them, and r-shop another."""
    clock = FakeClock()
    store = Store(database, clock)
    await asked(store, "r-one", "payments", 7, 8, reason="before the upgrade")
    await store.approve(
        "r-one", "U2", [of_request(an_actor("U2"), "approve", a_request("r-one"), "allowed", "granted")]
    )
    clock.pass_(days=1)
    await asked(store, "r-two", "payments", 7)
    await asked(store, "r-shop", "shop", 9)
    await store.audit([read_entry("U3", "list", ["shop", "payments"], "C1"), read_entry("U3", "list", ["pay"], "C1")])
    return store


async def asked(
    store: Store, request_id: str, project: str, *disks: int, reason: str | None = None, break_glass: bool = False
) -> None:
    """Of so many disks, up to their snapshots; it waits for another person, or runs by break-glass."""
    order = Create(("a",), reason=reason)
    now = store._clock.now()
    received = a_request(request_id, state=RequestState.RECEIVED, project=project, order=order, created_at=now)
    await store.take_in(f"d-{request_id}", "C1", an_actor(), lambda held, bound: Incoming(received))
    rule = "break-glass" if break_glass else "granted"
    decided = by_grant(asked_for("U1", project, "C1", "allowed", rule), a_grant())
    items = [
        an_item(number, request_id=request_id, project=project, snapshot_id=f"snap-{number}", attempts=1)
        for number in disks
    ]
    waits = replace(received, state=RequestState.WAITING, approvals_needed=1)
    runs = replace(received, state=RequestState.RUNNING, break_glass=True)
    entries = [at_plan(decided, received)]
    entries += [before_post(received, one.id, project, one.disk.id, "allowed", "granted", a_grant()) for one in items]
    await store.decide_plan(runs if break_glass else waits, items, entries)
    await store.audit([snapshot_ended(one, ItemState.AVAILABLE, "") for one in items])


async def found(store: Store, disk: str, wanted: Wanted = Wanted()) -> list[tuple[str, str]]:  # noqa: B008  # frozen
    rows = await store.audit_rows(await store.audit_of_disk(disk), wanted)
    return [(row["action"], row["subject"]) for row in rows]


async def test_all_rows_of_a_disk_s_requests_are_found_by_its_id_and_by_its_name(store: Store) -> None:
    of_one = [("create", "r-one"), ("create", "r-one-7"), ("create", "r-one-8"), ("snapshot", "r-one-7")]
    of_one += [("snapshot", "r-one-8"), ("approve", "r-one")]
    of_two = [("create", "r-two"), ("create", "r-two-7"), ("snapshot", "r-two-7")]
    assert await found(store, DISK) == await found(store, NAME) == of_one + of_two
    assert await found(store, DISK, Wanted(since=NOON + DAY)) == of_two
    assert await found(store, DISK, Wanted(until=NOON + DAY)) == of_one


async def test_a_disk_that_no_request_took_in_has_no_rows(store: Store) -> None:
    assert list(await store.audit_of_disk("no-such-disk")) == []


async def test_what_the_rows_of_a_project_are_is_told_from_what_is_spelt_alike(store: Store) -> None:
    rows = await store.audit_page(None, 100, Wanted(project="pay"))
    about = [row for row in rows if is_about(row, "pay")]
    assert [row["actor"] for row in about] == ["U3"]
    rows = await store.audit_page(None, 100, Wanted(project="shop"))
    assert [(row["action"], is_about(row, "shop")) for row in rows] == [
        *[("create", True)] * 2,
        ("snapshot", True),
        ("view", True),
    ]


async def test_a_row_comes_with_who_asked_why_who_agreed_and_its_own_disk(store: Store) -> None:
    rows = await store.audit_rows(await store.audit_of_disk(DISK), Wanted(until=NOON + DAY))
    (request,) = (await store.audit_requests(rows)).values()
    told = (request["requester"], request["reason"], request["approvers"], request["break_glass"])
    assert told == ("U1", "before the upgrade", ["U2"], False)
    assert [disk["name"] for disk in request["disks"]] == ["disk-7", "disk-8"]
    assert [disk["name"] for disk in narrowed(request, rows[1])["disks"]] == ["disk-7"]
    assert narrowed(request, rows[0]) == request
    assert await store.audit_allowed_by("r-one") == AllowedBy("user:U1 operator payments (bot.toml)")
    assert await store.audit_allowed_by("r-none") == AllowedBy()


async def test_who_confirmed_a_plan_last_and_when_is_found_and_no_press_that_was_refused(store: Store) -> None:
    """With the grant of whatever was decided after that."""
    request = a_request("r-two")
    presses: list[tuple[str, Decided, str]] = [
        ("U5", "allowed", "admin"),
        ("U6", "denied", "viewer"),
    ]
    for person, outcome, role in presses:
        pressed = of_request(an_actor(person), "create", request, outcome, "granted", hop="confirm")
        await store.audit([by_grant(pressed, a_grant(person, role))])
    said = await store.audit_allowed_by("r-two")
    assert (said.confirmed_by, said.confirmed_at) == ("U5", NOON + DAY)
    assert said.grant == "user:U6 viewer payments (bot.toml)"


async def test_days_end_where_the_next_begin(store: Store) -> None:
    every = await store.audit_page(None, 100)
    first = await store.audit_page(None, 100, Wanted(until=NOON + DAY))
    second = await store.audit_page(None, 100, Wanted(since=NOON + DAY))
    assert [row["seq"] for row in (*first, *second)] == [row["seq"] for row in every]


async def test_a_request_that_is_named_like_the_beginning_of_another_is_another(store: Store) -> None:
    await store.audit([AuditEntry("U1", "cancel", "r-on", "allowed"), AuditEntry("U1", "cancel", "r-one1", "allowed")])
    assert ("cancel", "r-one1") not in await found(store, DISK)
