"""Rows of disks that come back, on both stores: called off together, followed to the end, put back from a backup."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.attempts import FROM_A_BACKUP, submitting
from bot.domain.orders import Restore, Way
from bot.domain.restoring.restorations import Restoration, over_with, under_way
from bot.domain.transitions import RequestState, RestorationState
from bot.ports.requests import Cancelled
from bot.store.database import Database
from bot.store.store import Store
from bot.store.upkeep.restoring import restored
from tests.builders import NOON, FakeClock, a_restoration, an_item
from tests.store.test_store import received

LATER = timedelta(hours=1)


async def running(store: Store, request_id: str, way: Way = "new_disks", disks: int = 2) -> list[Restoration]:
    """A request of some disks that another person agreed to."""
    order = Restore("r-one", "r-one", way)
    waiting = replace(await received(store, request_id, order=order), state=RequestState.WAITING, approvals_needed=1)
    numbers = range(1, disks + 1)
    rows = [
        a_restoration(
            number,
            request_id=request_id,
            way=way,
            safety_item_id=f"{request_id}-{number}" if way == "overwrite" else None,
        )
        for number in numbers
    ]
    items = [an_item(number, request_id=request_id) for number in numbers] if way == "overwrite" else []
    await store.decide_plan(replace(waiting, waits_until=NOON + LATER), items, [], restorations=rows)
    assert await store.approve(request_id, "U8", [])
    return await store.restorations_of(request_id)


async def state_of(store: Store, request_id: str) -> RequestState:
    found = await store.request(request_id)
    assert found is not None
    return found[0].state


async def moved(store: Store, row: Restoration, after: Restoration) -> Restoration:
    assert await store.save_restorations([after])
    return next(one for one in await store.restorations_of(row.request_id) if one.id == row.id)


async def test_what_is_written_is_what_is_read(database: Database) -> None:
    store = Store(database, FakeClock())
    rows = await running(store, "r-back", "overwrite")
    expected = a_restoration(1, way="overwrite", safety_item_id="r-back-1")
    assert rows[0] == expected
    jobs = {key for key, *_ in await store.jobs()}
    assert {"roll_back:r-back", "submit:r-back-1", "submit:r-back-2"} <= jobs


async def test_a_request_ends_with_the_last_of_its_disks(database: Database) -> None:
    store = Store(database, FakeClock())
    for row in await running(store, "r-back"):
        assert await state_of(store, "r-back") is RequestState.RUNNING
        row = await moved(store, row, submitting(row, NOON))
        row = await moved(store, row, under_way(row, "job-1", f"disk-of-{row.id}"))
        await moved(store, row, over_with(row, RestorationState.RESTORED, NOON))
    assert await state_of(store, "r-back") is RequestState.FINISHED
    found = await store.find("disk-of-r-back-r1")
    assert found and found[0].id == "r-back"


async def test_a_row_that_was_moved_since_is_not_written(database: Database) -> None:
    store = Store(database, FakeClock())
    one, two = await running(store, "r-back")
    assert await store.save_restorations([submitting(one, NOON)])
    assert not await store.save_restorations([submitting(one, NOON), submitting(two, NOON)])
    assert [row.state for row in await store.restorations_of("r-back")] == [
        RestorationState.SUBMITTING,
        RestorationState.PLANNED,
    ]


async def test_new_disks_are_called_off_one_by_one(database: Database) -> None:
    store = Store(database, FakeClock())
    one, _ = await running(store, "r-back")
    await moved(store, one, submitting(one, NOON))
    done = await store.cancel("r-back", explanation="", cause="", entries=[])
    assert done == Cancelled(0, 1, dropped=False, called_off=1)


async def test_roll_backs_are_called_off_together_or_not_at_all(database: Database) -> None:
    store = Store(database, FakeClock())
    one, _ = await running(store, "r-back", "overwrite")
    await moved(store, one, submitting(one, NOON))
    done = await store.cancel("r-back", explanation="", cause="", entries=[])
    assert done is not None
    assert (done.called_off, done.dropped) == (0, False)
    await running(store, "r-whole", "overwrite")
    done = await store.cancel("r-whole", explanation="", cause="", entries=[])
    assert done == Cancelled(2, 0, dropped=True, called_off=2)
    assert {row.state for row in await store.restorations_of("r-whole")} == {RestorationState.CANCELLED}


async def test_a_backup_that_is_put_back_overwrites_nothing_and_looks_for_new_disks(database: Database) -> None:
    store = Store(database, FakeClock())
    await running(store, "r-over", "overwrite")
    sent = (await running(store, "r-new"))[0]
    await moved(store, sent, submitting(sent, NOON))
    await database.run(restored, [], [], NOON)
    over = await store.restorations_of("r-over")
    assert [(row.state, row.code) for row in over] == [(RestorationState.UNKNOWN, FROM_A_BACKUP)] * 2
    new = await store.restorations_of("r-new")
    assert [(row.state, row.in_doubt) for row in new] == [(RestorationState.PLANNED, True)] * 2
