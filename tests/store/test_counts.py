"""What is counted as it moves is what a count of the rows would find."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bot.domain.attempts import submitting
from bot.domain.items import Item, ended, taken
from bot.domain.transitions import ItemState, RequestEvent, RequestState
from bot.ports.lookups import Filters
from bot.store.database import Database
from bot.store.script import Script, sql
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from bot.store.upkeep.measuring import COUNTED
from tests.builders import NOON, FakeClock, an_item
from tests.store.test_store import received

ENDS = (ItemState.AVAILABLE, ItemState.FAILED, ItemState.UNKNOWN)


def counted() -> Script[dict[tuple[str, str], int]]:
    rows = yield sql(
        "select 'request' as kind, state, count(*) as number from request group by state "
        "union all select 'item', state, count(*) from item group by state"
    )
    return {(row["kind"], row["state"]): row["number"] for row in rows}


def restorable() -> Script[set[str]]:
    rows = yield sql(
        "select distinct request_id from item where state = 'available' and let_go = 0 and gone_at is null"
    )
    return {row["request_id"] for row in rows}


def breaks() -> Script[None]:
    yield sql("delete from item")
    yield sql("update request set state = 'finished' where state = 'running'")
    raise ZeroDivisionError


async def moved(store: Store, chance: Random, request_id: str) -> None:
    """One step of a request, whichever it can take."""
    found = await store.request(request_id)
    assert found is not None
    request, items = found
    match request.state:
        case RequestState.RECEIVED:
            state = chance.choice([RequestState.PLANNED, RequestState.RUNNING, RequestState.DENIED])
            over = state is RequestState.DENIED
            planned = [] if over else _plan(chance, request_id)
            after = replace(request, state=state, ended_at=NOON if over else None)
            await store.decide_plan(after, planned, [])
        case RequestState.PLANNED if chance.random() < 0.5:
            await store.plan_again(replace(request, state=RequestState.RECEIVED), [])
        case RequestState.PLANNED:
            await store.refuse_waiting(request_id, RequestEvent.DROP, "expired", "", [])
        case RequestState.RUNNING if chance.random() < 0.1:
            await store.cancel(request_id, explanation="", cause="", entries=[])
        case RequestState.RUNNING:
            await _worked_on(store, chance, chance.choice([item for item in items if not item.ended]))
        case _ if items:
            await _let_go(store, chance, chance.choice(items))
        case _:
            pass


def _plan(chance: Random, request_id: str) -> list[Item]:
    """The first is to be copied; of the others some were left out of the plan."""
    others = [
        an_item(number, chance.choice([ItemState.PLANNED, ItemState.CANCELLED]), request_id=request_id)
        for number in range(2, chance.randint(2, 4))
    ]
    return [an_item(1, request_id=request_id), *others]


async def _worked_on(store: Store, chance: Random, item: Item) -> None:
    match item.state:
        case ItemState.PLANNED:
            await store.start(submitting(item, NOON), [])
        case ItemState.SUBMITTING:
            await store.save(taken(item, f"snap-{item.id}", f"job-{item.id}"))
        case _ if item.joined_to is None:
            await store.save(ended(item, chance.choice(ENDS), NOON))
        case _:
            pass


async def _let_go(store: Store, chance: Random, item: Item) -> None:
    if chance.random() < 0.5:
        await store.let_go(item.request_id, [item.id], [])
    elif item.snapshot_id:
        await store.gone(item.snapshot_id, None, [])


@pytest.mark.parametrize("seed", range(5))
async def test_what_moved_at_random_is_counted_rightly(
    store: Store, database: Database, clock: FakeClock, tmp_path: Path, seed: int
) -> None:
    chance = Random(seed)
    ids = [f"r-{number}" for number in range(30)]
    for request_id in ids:
        await received(store, request_id)
    for _ in range(400):
        await moved(store, chance, chance.choice(ids))
    with pytest.raises(ZeroDivisionError):
        await database.run(breaks)
    counts = await database.run(counted)
    assert await store.counts(COUNTED) == counts
    assert {("request", "finished"), ("item", "cancelled"), ("item", "available")} <= set(counts)
    found = await store.recent(Filters(restorable_in="C1", limit=50))
    assert {request.id for request, _ in found} == await database.run(restorable)
    if not isinstance(database, SqliteDatabase):
        return  # a server keeps its files to itself
    shutil.copytree(tmp_path, tmp_path / "killed", ignore=shutil.ignore_patterns("*-shm"))
    after = SqliteDatabase(tmp_path / "killed" / "store.db")
    await after.open()
    assert await Store(after, clock).counts(COUNTED) == counts
    await after.close()
