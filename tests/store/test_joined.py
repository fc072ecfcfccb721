"""Hundreds who ask for the same disk: what became of its snapshot reaches all of them, a few in each transaction."""

from __future__ import annotations

import pytest

from bot.domain.attempts import submitting
from bot.domain.items import Item, ended, taken
from bot.domain.transitions import ItemState, RequestState
from bot.store.database import Database
from bot.store.items import JOINED_TOGETHER
from bot.store.store import Store
from bot.workflow.jobs.follow_on import FollowOn
from tests.builders import NOON, an_item
from tests.store.test_store import running, the_item

JOINED = 2 * JOINED_TOGETHER + 3
LEADER = "r-first-1"


@pytest.fixture
def heard(database: Database) -> list[str]:
    """The keys of the jobs that the store calls for."""
    keys: list[str] = []
    database.on_scheduled(lambda key, *_: keys.append(key))
    return keys


async def follow_on(store: Store, heard: list[str]) -> int:
    """Do the jobs of those who joined until none is called for; answers how many it took."""
    done = 0
    while keys := [key for key in heard if key.startswith("follow:")]:
        heard.clear()
        for key in keys:
            await FollowOn(store)(key.partition(":")[2])
        done += len(keys)
    return done


def request_ids() -> list[str]:
    return [f"r-{number:03d}" for number in range(JOINED)]


async def joined_by_many(store: Store) -> Item:
    """A snapshot in the making that answers for all of the others; it is returned."""
    await running(store, an_item(1, request_id="r-first"), request_id="r-first")
    assert await store.start(submitting(await the_item(store, LEADER), NOON), [])
    for request_id in request_ids():
        item = an_item(1, request_id=request_id, disk=an_item(1).disk)
        await running(store, item, request_id=request_id)
        begun = await store.start(submitting(await the_item(store, item.id), NOON), [])
        assert begun and begun.joined_to == LEADER
    assert await store.save(taken(await the_item(store, LEADER), "snap-1", "job-1"))
    return await the_item(store, LEADER)


async def states(store: Store) -> list[ItemState]:
    return [(await the_item(store, f"{request_id}-1")).state for request_id in request_ids()]


async def test_an_end_is_written_for_a_few_at_a_time_until_all_have_it(store: Store, heard: list[str]) -> None:
    leader = await joined_by_many(store)
    heard.clear()
    assert await store.save(ended(leader, ItemState.AVAILABLE, NOON))
    assert (await states(store)).count(ItemState.AVAILABLE) == JOINED_TOGETHER
    assert await follow_on(store, heard) == 2
    assert set(await states(store)) == {ItemState.AVAILABLE}
    for request_id in request_ids():
        found = await store.request(request_id)
        assert found is not None and found[0].state is RequestState.FINISHED


async def test_after_a_crash_a_sweep_finds_those_who_have_not_heard_of_the_end(store: Store) -> None:
    assert await store.save(ended(await joined_by_many(store), ItemState.AVAILABLE, NOON))
    sweeps = 0
    while keys := [key for key, _, _ in await store.jobs() if key.startswith("follow:")]:
        assert keys == [f"follow:{LEADER}:"]
        await FollowOn(store)(keys[0].partition(":")[2])
        sweeps += 1
    assert sweeps == 2
    assert set(await states(store)) == {ItemState.AVAILABLE}


async def test_where_it_came_to_nothing_each_of_them_is_free_to_try_for_itself(store: Store, heard: list[str]) -> None:
    leader = await joined_by_many(store)
    heard.clear()
    assert await store.save(ended(leader, ItemState.FAILED, NOON, cause="refused"))
    await follow_on(store, heard)
    assert set(await states(store)) == {ItemState.PLANNED}
    submits = {key for key, _, _ in await store.jobs() if key.startswith("submit:")}
    assert submits == {f"submit:{request_id}-1" for request_id in request_ids()}


async def test_of_one_in_the_making_all_hear_how_far_it_is(store: Store, heard: list[str]) -> None:
    leader = await joined_by_many(store)
    await follow_on(store, heard)
    snapshots = {(await the_item(store, f"{request_id}-1")).snapshot_id for request_id in request_ids()}
    assert snapshots == {leader.snapshot_id} == {"snap-1"}
    assert not [key for key, _, _ in await store.jobs() if key.startswith("follow:")]
