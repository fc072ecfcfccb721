"""Disks of a project that wait for a place among those in the making."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.attempts import submitting, waiting
from bot.domain.items import Item, ended, taken
from bot.domain.transitions import ItemState
from bot.domain.turns import WAITS_ITS_TURN, Claim, Places
from bot.store.store import Store
from tests.builders import NOON, an_item
from tests.store.test_consistency_groups import the_group, with_group
from tests.store.test_store import running, the_item

ONE_EACH = Places(2, 1)


async def send(store: Store, item_id: str, person: str = "U1", places: Places = ONE_EACH) -> Item | None:
    return await store.start(submitting(await the_item(store, item_id), NOON), [], claim=Claim(person, places))


async def asked(store: Store, request_id: str, numbers: Sequence[int], person: str = "U1") -> None:
    items = [an_item(number, request_id=request_id) for number in numbers]
    await running(store, *items, request_id=request_id, actor_id=person)


async def made(store: Store, item_id: str) -> None:
    """Accepted by the cloud, and available."""
    assert await store.save(taken(await the_item(store, item_id), "snap-1", "job-1"))
    assert await store.save(ended(await the_item(store, item_id), ItemState.AVAILABLE, NOON))


async def jobs(store: Store) -> set[str]:
    return {key for key, _, _ in await store.jobs() if key.startswith(("submit", "group", "turns"))}


async def test_a_disk_beyond_the_share_of_its_person_waits_and_nothing_calls_for_it_but_its_turn(store: Store) -> None:
    await asked(store, "r-hers", (1, 2))
    await asked(store, "r-his", (3,), person="U2")
    assert await send(store, "r-hers-1")
    assert await send(store, "r-hers-2") is None
    queued = await the_item(store, "r-hers-2")
    assert (queued.state, queued.code, queued.waiting_since) == (ItemState.PLANNED, WAITS_ITS_TURN, NOON)
    assert await jobs(store) == {"submit:r-hers-1", "submit:r-his-3", "turns:payments"}
    assert await send(store, "r-his-3", "U2")


async def test_a_disk_that_ends_gives_its_place_to_the_next(store: Store) -> None:
    await asked(store, "r-hers", (1, 2, 3))
    first = await send(store, "r-hers-1")
    assert first
    for number in (2, 3):
        await send(store, f"r-hers-{number}")
    assert (await store.give_turns("payments", ONE_EACH)).given == 0
    await made(store, first.id)
    line = await store.give_turns("payments", ONE_EACH)
    assert (line.given, [one.disks for one in line.queued]) == (1, [1])
    assert await jobs(store) == {"submit:r-hers-2", "turns:payments"}
    assert await send(store, "r-hers-2")


async def test_a_disk_that_is_asked_for_again_wants_a_place_again(store: Store) -> None:
    """While it waits for the cloud, another is made in its place."""
    await asked(store, "r-hers", (1, 2))
    first = await send(store, "r-hers-1")
    assert first
    await send(store, "r-hers-2")
    await store.save(waiting(first, NOON, until=NOON, cause="The disk is busy.", code="EVS.2409"))
    assert await send(store, "r-hers-2")
    assert await send(store, "r-hers-1") is None
    again = await the_item(store, "r-hers-1")
    assert (again.code, again.cause) == (WAITS_ITS_TURN, "")


async def test_a_disk_that_is_copied_already_is_joined_without_a_place(store: Store) -> None:
    await asked(store, "r-hers", (1,))
    await asked(store, "r-his", (1,), person="U2")
    assert await send(store, "r-hers-1")
    joined = await send(store, "r-his-1", "U2", Places(1, 1))
    assert joined and joined.joined_to == "r-hers-1"


async def test_a_group_waits_whole_and_is_sent_whole(store: Store) -> None:
    await asked(store, "r-other", (9,), person="U2")
    other = await send(store, "r-other-9", "U2")
    assert other
    await with_group(store, 1, 2)
    group, _ = await the_group(store)
    places = Places(2, 2)
    assert await store.start_group(group, [], claim=Claim("U1", places)) is None
    assert [one.code for one in (await the_group(store))[1]] == [WAITS_ITS_TURN] * 2
    assert await jobs(store) == {"submit:r-other-9", "turns:payments"}
    await made(store, other.id)
    assert (await store.give_turns("payments", places)).given == 2
    assert await jobs(store) == {"group:r-one-g1"}
    assert await store.start_group((await the_group(store))[0], [], claim=Claim("U1", places))


async def test_what_waits_can_be_called_back_and_leaves_the_line(store: Store) -> None:
    await asked(store, "r-hers", (1, 2))
    await send(store, "r-hers-1")
    await send(store, "r-hers-2")
    called_back = await store.cancel("r-hers", explanation="", cause="", entries=[])
    assert called_back and called_back.cancelled == 1
    assert (await store.give_turns("payments", Places(9, 9))).queued == []


async def test_its_turn_is_told_while_it_waits_and_not_after(store: Store) -> None:
    await asked(store, "r-hers", (1, 2))
    first = await send(store, "r-hers-1")
    assert first
    await send(store, "r-hers-2")
    await store.tell_turns({"r-hers": "1 disk waits for its turn: it is next."})
    found = await store.request("r-hers")
    assert found and found[0].explanation and found[0].to_send
    await made(store, first.id)
    found = await store.request("r-hers")
    assert found and found[0].explanation
    await store.give_turns("payments", ONE_EACH)
    assert await send(store, "r-hers-2")
    found = await store.request("r-hers")
    assert found and not found[0].explanation
    await store.tell_turns({"r-hers": "1 disk waits for its turn: it is next."})
    assert (await store.request("r-hers")) == found
