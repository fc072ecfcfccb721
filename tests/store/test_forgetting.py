"""Typed words are forgotten on both stores, in steps, and a row says in which requests."""

from __future__ import annotations

import json
from dataclasses import replace

from bot.domain.orders import Restore
from bot.domain.restoring.new_disks import CreateDisk
from bot.domain.transitions import RequestState
from bot.store.database import Database
from bot.store.store import Store
from bot.store.upkeep import forgetting
from bot.store.upkeep.forgetting import Whose
from tests.builders import NOON, FakeClock, a_restoration
from tests.store.test_store import received, the_item
from tests.store.test_trail_search import asked


async def test_a_request_that_has_ended_loses_its_words_and_keeps_the_rest(database: Database) -> None:
    store = Store(database, FakeClock())
    for name in ("r-one", "r-two"):
        await asked(store, name, "payments", 7, reason="my daughter's birthday")
        await store.cancel(name, explanation="", cause="", entries=[])
        found = await store.request(name)
        assert found is not None
        await store.mark_all_sent([found[0]])
    await asked(store, "r-open", "payments", 8, reason="my daughter's birthday")
    plan = await database.read(forgetting.step, Whose(actor="U1"), None, "terminal", NOON, apply=False)
    assert (plan.requests, plan.last) == ({"words": 2}, None)
    done = await database.run(forgetting.step, Whose(actor="U1"), None, "terminal", NOON, apply=True)
    assert done.requests == {"words": 2}
    (row,) = [one for one in await store.audit_page(0) if one["action"] == "forget"]
    assert json.loads(row["details_json"]) == {"person": "U1", "requests": "r-one,r-two"}
    found = await store.request("r-one")
    assert found is not None
    assert (found[0].text, found[0].order.reason, found[0].actor_id) == ("", None, "U1")
    assert (await the_item(store, "r-one-7")).disk.name == "disk-7"
    kept = await store.request("r-open")
    assert kept is not None
    assert kept[0].order.reason == "my daughter's birthday"
    open_one = await database.run(forgetting.step, Whose(request="r-open"), None, "terminal", NOON, apply=True)
    assert open_one.requests == {"stays": 1}


async def test_a_new_disk_loses_the_reason_that_its_description_holds(database: Database) -> None:
    store = Store(database, FakeClock())
    order = Restore("r-one", "r-one", reason="my daughter's birthday")
    request = replace(await received(store, "r-back", order=order), state=RequestState.RUNNING)
    disk = CreateDisk(
        snapshot_id="snap-1",
        availability_zone="az-a",
        size=10,
        volume_type="SSD",
        description="U1: my daughter's birthday",
    )
    await store.decide_plan(request, [], [], restorations=[a_restoration(1, asked=disk)])
    await store.cancel("r-back", explanation="", cause="", entries=[])
    found = await store.request("r-back")
    assert found is not None
    await store.mark_all_sent([found[0]])
    done = await database.run(forgetting.step, Whose(request="r-back"), None, "terminal", NOON, apply=True)
    assert done.requests == {"words": 1}
    (row,) = await store.restorations_of("r-back")
    assert row.asked == disk.model_copy(update={"description": None})
