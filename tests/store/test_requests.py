"""How many disks the requester may have in a day, and until when a request waits: held where it is settled."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.requests import Request
from bot.domain.transitions import ItemState, RequestState
from bot.ports.requests import Decided
from bot.store.store import Store
from tests.builders import NOON, FakeClock, an_item
from tests.store.test_store import received

MIDNIGHT = datetime(2026, 11, 24, tzinfo=NOON.tzinfo)
LATE = MIDNIGHT - timedelta(seconds=2)


async def asked(store: Store, request_id: str, disks: int, *, at: datetime = NOON, room: int | None = 3) -> str:
    """Settle a request for so many disks as running; answers how that went."""
    request = await received(store, request_id, created_at=at)
    return (await settled(store, request, disks, RequestState.RUNNING, room)).how


async def settled(store: Store, request: Request, disks: int, state: RequestState, room: int | None = 3) -> Decided:
    items = [an_item(number, request_id=request.id) for number in range(1, disks + 1)]
    until = None if state is RequestState.RUNNING else request.created_at + timedelta(minutes=15)
    return await store.decide_plan(replace(request, state=state, waits_until=until), items, [], room=room)


async def planned(store: Store, request_id: str, disks: int, *, state: RequestState = RequestState.PLANNED) -> Request:
    request = await received(store, request_id, approvals_needed=1)
    assert (await settled(store, request, disks, state)).how == "done"
    return await found(store, request_id)


async def found(store: Store, request_id: str) -> Request:
    whole = await store.request(request_id)
    assert whole is not None
    return whole[0]


def going(request: Request, state: RequestState = RequestState.RUNNING) -> Request:
    return replace(request, state=state, waits_until=None)


# --- a day ------------------------------------------------------------------------------------------------------------


async def test_what_was_asked_before_midnight_and_settled_after_it_counts_in_its_own_day(
    store: Store, clock: FakeClock
) -> None:
    clock.at = MIDNIGHT + timedelta(seconds=1)
    assert await asked(store, "r-one", 3, at=LATE) == "done"
    assert await asked(store, "r-two", 1, at=LATE) == "over"
    assert await asked(store, "r-three", 3, at=MIDNIGHT) == "done"
    assert await asked(store, "r-four", 1, at=MIDNIGHT) == "over"
    assert await store.used_today("U1", "payments") == 3


async def test_what_was_settled_after_midnight_takes_nothing_of_the_day_before(store: Store, clock: FakeClock) -> None:
    assert await asked(store, "r-new", 3, at=MIDNIGHT) == "done"
    assert await asked(store, "r-old", 3, at=LATE) == "done"
    clock.at = LATE
    assert await store.used_today("U1", "payments") == 3


# --- plans ------------------------------------------------------------------------------------------------------------


async def test_a_plan_takes_nothing_of_the_limit_before_it_is_confirmed(store: Store) -> None:
    first, second = await planned(store, "r-one", 2), await planned(store, "r-two", 2)
    assert await store.used_today("U1", "payments") == 0
    assert await store.confirm(going(first), [], [], room=3) == Decided("done", 0)
    assert await store.used_today("U1", "payments") == 2
    assert await store.confirm(going(second), [], [], room=3) == Decided("over", 2)
    assert (await found(store, "r-two")).state is RequestState.PLANNED
    assert await store.confirm(going(second), [], [], room=4) == Decided("done", 2)


async def test_a_plan_that_could_not_be_confirmed_is_none(store: Store) -> None:
    assert await asked(store, "r-one", 2) == "done"
    request = await received(store, "r-two")
    assert await settled(store, request, 2, RequestState.PLANNED) == Decided("over", 2)


async def test_what_waits_for_others_counts_already(store: Store) -> None:
    plan = await planned(store, "r-one", 2)
    waiting = replace(plan, state=RequestState.WAITING, waits_until=NOON + timedelta(hours=1))
    assert (await store.confirm(waiting, [], [], room=3)).how == "done"
    assert await asked(store, "r-two", 2) == "over"


async def test_the_last_room_is_not_taken_by_two_plans_at_once(store: Store) -> None:
    plans = [await planned(store, f"r-{number}", 2) for number in range(5)]
    ends = await asyncio.gather(*(store.confirm(going(plan), [], [], room=3) for plan in plans))
    assert sorted(end.how for end in ends) == ["done", "over", "over", "over", "over"]
    assert await store.used_today("U1", "payments") == 2


async def test_a_disk_that_is_left_out_of_a_plan_takes_no_room_when_it_is_confirmed(store: Store) -> None:
    request = await received(store)
    items = [an_item(1), an_item(2, ItemState.CANCELLED, ended_at=NOON)]
    waiting = replace(request, state=RequestState.PLANNED, waits_until=NOON + timedelta(minutes=15))
    await store.decide_plan(waiting, items, [], room=1)
    assert (await store.confirm(going(await found(store, request.id)), [], [], room=1)).how == "done"


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("left_s", "done"), [(1, True), (0, False), (-60, False)])
async def test_a_plan_whose_time_is_over_is_neither_confirmed_nor_changed(
    store: Store, clock: FakeClock, left_s: int, done: bool
) -> None:
    one, two = await planned(store, "r-one", 1), await planned(store, "r-two", 1)
    assert one.waits_until is not None
    clock.at = one.waits_until - timedelta(seconds=left_s)
    assert (await store.confirm(going(one), [], [], room=None)).how == ("done" if done else "late")
    assert await store.plan_again(going(two, RequestState.RECEIVED), []) is done
    after = {(await found(store, one.id)).state, (await found(store, two.id)).state}
    assert after == ({RequestState.RUNNING, RequestState.RECEIVED} if done else {RequestState.PLANNED})


@pytest.mark.parametrize(("left_s", "done"), [(1, True), (0, False), (-60, False)])
async def test_nobody_agrees_to_what_waited_too_long(store: Store, clock: FakeClock, left_s: int, done: bool) -> None:
    request = await planned(store, "r-one", 1, state=RequestState.WAITING)
    assert request.waits_until is not None
    clock.at = request.waits_until - timedelta(seconds=left_s)
    assert (await store.approve(request.id, "U2", []) is not None) is done
    assert (await found(store, request.id)).state is (RequestState.RUNNING if done else RequestState.WAITING)
