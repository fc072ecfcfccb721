"""Groups and their items move together, in one transaction, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain.attempts import submitting, waiting
from bot.domain.consistency_groups import ConsistencyGroup, group_made, group_split, on_its_own
from bot.domain.items import Item, ended, taken
from bot.domain.orders import Quick, Selector
from bot.domain.snapshots import CreateSnapshotGroup
from bot.domain.transitions import GroupState, ItemState, RequestState
from bot.ports.requests import Cancelled
from bot.store.store import Store
from tests.builders import NOON, an_item
from tests.store.test_store import received, running, the_item

ORDER = Quick((Selector("server", "web-01"), Selector("tag", "a:b")), keep_days=3, confirm=False, reason="né “x”")


def a_group(request_id: str = "r-one", **fields: Any) -> ConsistencyGroup:
    asked = CreateSnapshotGroup(volume_ids=("a", "b"), server_id="s", name="n", tags={"k": "v"})
    made: dict[str, Any] = {"project": "payments", "server": "web-01", "zone": "az-a", "asked": asked, "due_at": NOON}
    return ConsistencyGroup(**{"id": f"{request_id}-g1", "request_id": request_id, **made, **fields})


async def with_group(store: Store, *numbers: int, request_id: str = "r-one") -> list[Item]:
    request = await received(store, request_id, order=ORDER)
    items = [an_item(number, request_id=request_id, consistency_group_id=f"{request_id}-g1") for number in numbers]
    settled = await store.decide_plan(
        replace(request, state=RequestState.RUNNING), items, [], groups=[a_group(request_id)]
    )
    assert settled.how == "done"
    return items


async def the_group(store: Store, consistency_group_id: str = "r-one-g1") -> tuple[ConsistencyGroup, list[Item]]:
    found = await store.group(consistency_group_id)
    assert found is not None
    return found[0], found[1]


async def test_what_is_written_is_what_is_read(store: Store) -> None:
    items = await with_group(store, 1, 2)
    found = await store.group("r-one-g1")
    assert found is not None
    group, members, request = found
    assert (group, members, request.order) == (a_group(), items, ORDER)
    jobs = {key for key, *_ in await store.jobs()}
    assert "group:r-one-g1" in jobs
    assert not any(key.startswith("submit:") for key in jobs)


async def test_it_begins_with_those_whose_disks_nobody_copies(store: Store) -> None:
    await running(store, an_item(3, request_id="r-two"), request_id="r-two")
    assert await store.start(submitting(await the_item(store, "r-two-3"), NOON), [])
    await with_group(store, 1, 2, 3)
    begun = await store.start_group((await the_group(store))[0], [])
    assert begun is not None
    group, members = begun
    assert [item.id for item in members] == ["r-one-1", "r-one-2"]
    assert {item.state for item in members} == {ItemState.SUBMITTING}
    assert group.asked.volume_ids == tuple(item.disk.id for item in members)
    joined = await the_item(store, "r-one-3")
    assert (joined.state, joined.joined_to, joined.consistency_group_id) == (ItemState.CREATING, "r-two-3", None)


async def test_one_that_is_left_alone_is_sent_alone(store: Store) -> None:
    await running(store, an_item(2, request_id="r-two"), request_id="r-two")
    assert await store.start(submitting(await the_item(store, "r-two-2"), NOON), [])
    await with_group(store, 1, 2)
    assert await store.start_group((await the_group(store))[0], []) is None
    alone = await the_item(store, "r-one-1")
    assert (alone.state, alone.consistency_group_id) == (ItemState.PLANNED, None)
    assert (await the_group(store))[0].state is GroupState.SPLIT
    assert "submit:r-one-1" in {key for key, *_ in await store.jobs()}


async def test_of_two_who_write_one_is_too_late_and_changes_nothing(store: Store) -> None:
    await with_group(store, 1, 2)
    read, _ = await the_group(store)
    begun = await store.start_group(read, [])
    assert begun is not None
    _, members = begun
    late = group_split(read, "too late")
    assert not await store.save_group(late, [on_its_own(item, NOON) for item in members])
    assert await store.start_group(read, []) is None
    after, still = await the_group(store)
    assert (after.state, {item.state for item in still}) == (GroupState.SUBMITTING, {ItemState.SUBMITTING})


async def test_members_that_were_found_are_watched_and_the_group_is_done_with(store: Store) -> None:
    await with_group(store, 1, 2)
    begun = await store.start_group((await the_group(store))[0], [])
    assert begun is not None
    made = group_made(begun[0], NOON, look_for=NOON - NOON, cloud_id="cloud-1", job_id="job-1")
    assert await store.save_group(made, [taken(item, f"snap-{item.position}", "job-1") for item in begun[1]])
    assert [item.snapshot_id for item in await store.creating("payments")] == ["snap-1", "snap-2"]
    assert "watch:payments" in {key for key, *_ in await store.jobs()}
    found = await store.find("cloud-1")
    assert found is not None and found[0].id == "r-one"


async def test_members_that_were_found_late_are_taken_once_no_other_item_copies_their_disk(store: Store) -> None:
    items = await with_group(store, 1, 2)
    group, _ = await the_group(store)
    await running(store, an_item(2, request_id="r-two"), request_id="r-two")
    begun = await store.start(submitting(await the_item(store, "r-two-2"), NOON), [])
    assert begun is not None
    found = [taken(item, f"snap-{item.position}", "job-1") for item in items]
    assert not await store.save_group(group, found)
    assert (await the_group(store)) == (group, items)
    assert await store.save(ended(begun, ItemState.FAILED, NOON))
    assert await store.save_group(group, found)


async def test_a_group_that_comes_too_late_leaves_its_request_called_back(store: Store) -> None:
    await with_group(store, 1, 2)
    group, _ = await the_group(store)
    called = await store.cancel("r-one", explanation="Called back.", cause="Called back.", entries=[])
    assert called == Cancelled(2, 0, dropped=True)
    assert await store.start_group(group, []) is None
    found = await store.request("r-one")
    assert found is not None
    assert (found[0].state, found[0].rule, found[0].ended_at) == (RequestState.DROPPED, "cancelled", NOON)


async def test_a_wait_is_kept_and_wakes_nobody_too_early(store: Store) -> None:
    await with_group(store, 1, 2)
    group, _ = await the_group(store)
    begun = await store.start_group(group, [])
    assert begun is not None
    until = NOON.replace(hour=13)
    assert await store.save_group(waiting(begun[0], NOON, until=until, cause="busy"), [])
    assert ("group:r-one-g1", until, "payments/U1") in await store.jobs()


async def test_a_plan_made_anew_leaves_nothing_of_the_old_one(store: Store) -> None:
    request = await received(store, order=ORDER)
    items = [an_item(number, consistency_group_id="r-one-g1") for number in (1, 2)]
    later = NOON.replace(hour=13)
    planned = replace(request, state=RequestState.PLANNED, waits_until=later, warnings=("No disk has the tag “é”.",))
    assert (await store.decide_plan(planned, items, [], groups=[a_group()])).how == "done"
    found = await store.request("r-one")
    assert found is not None
    assert found[0].warnings == planned.warnings
    other = Quick((Selector("disk", "d"),))
    again = replace(found[0], state=RequestState.RECEIVED, order=other, waits_until=None)
    assert await store.plan_again(again, [])
    assert not await store.plan_again(again, [])
    found = await store.request("r-one")
    assert found is not None
    assert (found[0].state, found[0].order, found[1]) == (RequestState.RECEIVED, other, [])
    assert found[0].warnings == ()
    assert await store.group("r-one-g1") is None
    assert {key for key, *_ in await store.jobs()} >= {"plan:r-one"}


async def test_what_is_over_before_it_was_sent_leaves_no_group_open(store: Store) -> None:
    """Nothing would ever end it, and every sweep would read it again."""
    request = await received(store, "r-one", order=ORDER)
    items = [an_item(number, request_id="r-one", consistency_group_id="r-one-g1") for number in (1, 2)]
    planned = replace(request, state=RequestState.PLANNED, waits_until=NOON)
    await store.decide_plan(planned, items, [], groups=[a_group()])
    cancelled = await store.cancel("r-one", explanation="no", cause="no", entries=[])
    assert cancelled is not None and cancelled.dropped
    group, members = await the_group(store)
    assert group.state is GroupState.DONE
    assert {item.state for item in members} == {ItemState.CANCELLED}
