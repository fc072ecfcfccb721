"""A store in which very much has ended: one of each thing ends as it does, and its rows are multiplied then."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.domain.attempts import submitting
from bot.domain.audit import AuditEntry
from bot.domain.deletions import Deletion
from bot.domain.granting import Subject
from bot.domain.items import ended, taken
from bot.domain.restoring.restorations import clearing, over_with, under_way
from bot.domain.transitions import DeletionState, GroupState, ItemState, RequestState, RestorationState
from bot.ports.outbox import Notice
from bot.store.store import Store
from tests.builders import NOON, a_grant, a_restoration, an_item
from tests.store.test_consistency_groups import a_group
from tests.store.test_store import received, the_item

OLD = 20_000
"""How many of each."""

LONG_AGO = NOON - timedelta(days=3)
BOB = Subject("user", "U2")

DIFFERENT = {
    "request": {"id": "'r-old-' || n", "delivery_id": "'old:' || n", "created_at": "created_at - n"},
    "item": {
        "id": "'r-old-' || n || '-7'",
        "request_id": "'r-old-' || n",
        "snapshot_id": "'snap-old-' || n",
        "job_id": "'job-old-' || n",
        "asked_at": "asked_at - n",
        "taken_at": "taken_at - n",
    },
    "consistency_group": {"id": "'r-old-' || n || '-g1'", "request_id": "'r-old-' || n", "cloud_id": "'g-old-' || n"},
    "restoration": {
        "id": "'r-old-' || n || '-r7'",
        "request_id": "'r-old-' || n",
        "snapshot_id": "'snap-old-' || n",
        "safety_item_id": "'r-old-' || n || '-7'",
        "made_id": "'disk-old-' || n",
        "job_id": "'job-back-' || n",
    },
    "deletion": {
        "item_id": "'r-old-' || n || '-7'",
        "request_id": "'r-old-' || n",
        "snapshot_id": "'snap-old-' || n",
    },
    "approval": {"request_id": "'r-old-' || n"},
    "notice": {"request_id": "'r-old-' || n"},
    "delivery": {"id": "'mention:' || n"},
    "access_grant": {"subject_id": "'U-old-' || n"},
    "expired_grant": {"subject_id": "'U-old-' || n"},
    "app_home": {"user_id": "'U-old-' || n"},
    "audit": {"seq": "1000 + n"},
}
"""What is not the same in the copies of a row: all were asked for by one person, in one channel, about one disk."""


async def one_of_each(store: Store) -> None:
    """Each is made, and ends."""
    request = await received(store, "r-old", created_at=LONG_AGO, approvals_needed=1)
    item = an_item(7, request_id="r-old")
    group = replace(a_group("r-old"), state=GroupState.DONE, cloud_id="g-old")
    proof = a_restoration(7, request_id="r-old", way="verify", safety_item_id=item.id)
    await store.decide_plan(
        replace(request, state=RequestState.WAITING), [item], [], groups=[group], notify=[BOB], restorations=[proof]
    )
    await store.approve("r-old", "U9", [])
    await store.start(submitting(await the_item(store, item.id), LONG_AGO), [])
    await store.save(taken(await the_item(store, item.id), "snap-old", "job-old"))
    await store.save(ended(await the_item(store, item.id), ItemState.AVAILABLE, LONG_AGO))
    for move in (
        lambda one: submitting(one, LONG_AGO),
        lambda one: under_way(one, "job-back", "disk-old"),
        lambda one: replace(clearing(one, LONG_AGO), job_id="job-back"),
        lambda one: over_with(one, RestorationState.RESTORED, LONG_AGO),
    ):
        assert await store.save_restorations([move(one) for one in await store.restorations_of("r-old")])
    gone = Deletion(item.id, "r-old", "payments", "snap-old", item.disk.id, "", DeletionState.ASKED, "U1", "C1", NOON)
    await store.ask_deletion([gone], [])
    await store.agree_to_deletion(await store.deletions("r-old"), "U9", 1, [])
    after = [replace(one, state=DeletionState.DELETED) for one in await store.deletions("r-old")]
    await store.save_deletions(after)
    await store.deletions_told(after)
    await store.told("r-old", Notice(BOB, NOON))
    found = await store.request("r-old")
    assert found is not None and found[0].state is RequestState.FINISHED
    await store.mark_all_sent([found[0]])
    await store.configured_grants([a_grant("U-old", expires_at=LONG_AGO)])
    await store.expire_grants(lambda grant: AuditEntry("U1", "expire", "payments", "done"))
    await store.app_home_opened("U-old", None)
    await store.app_home_published("U-old", 1, None)


def multiplied(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for table, different in DIFFERENT.items():
            columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
            values = ", ".join(different.get(column, column) for column in columns)
            connection.execute(
                f"with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < {OLD}) "
                f"insert into {table} select {values} from numbers, (select * from {table} limit 1)"
            )
        connection.execute("update access_grant set source = 'file:old'")
    connection.close()


async def multiplied_there(connection: Any) -> None:
    """The same in PostgreSQL, whose planner then knows how many there are."""
    for table, different in DIFFERENT.items():
        named = "select column_name from information_schema.columns where table_name = $1 order by ordinal_position"
        columns = [row["column_name"] for row in await connection.fetch(named, table)]
        values = ", ".join(different.get(column, f"one.{column}") for column in columns)
        rows = f"generate_series(1, {OLD}) as n, (select * from {table} limit 1) as one"
        await connection.execute(f"insert into {table} select {values} from {rows}")
    await connection.execute("update access_grant set source = 'file:old'")
    await connection.execute("vacuum analyze")
