"""What proves that a snapshot is gone, and what does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from bot.domain.deletions import Deletion
from bot.domain.errors import CloudError, CloudUnavailable, NotFound
from bot.domain.snapshots import Snapshot
from bot.domain.transitions import DeletionState, ItemState, RequestState
from bot.ports.requests import Incoming
from bot.store.store import Store
from bot.workflow.queries.existing import Existing
from tests.builders import NOON, FakeClock, a_request, an_item
from tests.fakes.cloud import OneCloud
from tests.workflow.jobs.test_submit import FakeEvs

THERE = Snapshot(id="s1", status="available")
NO_SUCH = NotFound("There is no such snapshot.", status=404)
SILENT = CloudUnavailable("EVS did not answer.")


@dataclass
class ShowingEvs(FakeEvs):
    shown: Snapshot | CloudError = THERE

    async def show_snapshot(self, snapshot_id: str) -> Snapshot:
        if isinstance(self.shown, CloudError):
            raise self.shown
        return self.shown


async def made(store: Store) -> None:
    request = a_request(state=RequestState.RUNNING, to_send=False)
    await store.take_in("d", "C1", None, lambda grants, bound: Incoming(request))
    item = an_item(1, ItemState.AVAILABLE, snapshot_id="s1", ended_at=NOON)
    await store.decide_plan(replace(request, state=RequestState.FINISHED), [item], [])


async def gone(store: Store, existing: Existing) -> bool:
    found = await store.request("r-one")
    assert found
    ((_, items),) = await existing.looked_at([found])
    return items[0].gone


@pytest.mark.parametrize(
    ("listed", "shown", "is_gone"),
    [
        ([THERE], NO_SUCH, False),
        ([], THERE, False),
        ([], SILENT, False),
        (SILENT, NO_SUCH, False),
        ([], NO_SUCH, True),
    ],
)
async def test_only_the_clouds_word_for_the_snapshot_itself_counts(
    store: Store,
    clock: FakeClock,
    listed: list[Snapshot] | CloudError,
    shown: Snapshot | CloudError,
    is_gone: bool,
) -> None:
    await made(store)
    clock.pass_(minutes=5)
    evs = ShowingEvs(snapshots=listed, shown=shown)
    assert await gone(store, Existing(store, OneCloud(evs), clock)) == is_gone


async def test_a_new_one_and_one_that_was_there_a_moment_ago_are_not_asked_for(store: Store, clock: FakeClock) -> None:
    await made(store)
    evs = ShowingEvs(snapshots=[], shown=NO_SUCH)
    existing = Existing(store, OneCloud(evs), clock)
    assert not await gone(store, existing)
    assert evs.looks == 0
    clock.pass_(minutes=5)
    evs.snapshots = [THERE]
    assert not await gone(store, existing)
    evs.snapshots = []
    clock.pass_(seconds=30)
    assert not await gone(store, existing)
    assert evs.looks == 1
    clock.pass_(seconds=31)
    assert await gone(store, existing)


async def test_what_is_gone_is_written_down_once_with_its_row_in_the_trail(store: Store, clock: FakeClock) -> None:
    await made(store)
    await store.mark_all_sent([a_request()])
    clock.pass_(minutes=5)
    existing = Existing(store, OneCloud(ShowingEvs(shown=NO_SUCH)), clock)
    assert await gone(store, existing)
    assert await gone(store, existing)
    found = await store.request("r-one")
    assert found
    assert (found[0].to_send, found[1][0].gone_at, found[1][0].gone_by) == (True, NOON + timedelta(minutes=5), None)
    assert [row["rule"] for row in await store.audit_page(0)].count("noticed-gone") == 1


async def test_one_that_the_bot_deletes_right_now_is_not_told_as_deleted_outside(
    store: Store, clock: FakeClock
) -> None:
    await made(store)
    going = Deletion("r-one-1", "r-one", "payments", "s1", "d1", "", DeletionState.DELETING, "U1", "C1", NOON)
    await store.ask_deletion([going], [])
    clock.pass_(minutes=5)
    assert not await gone(store, Existing(store, OneCloud(ShowingEvs(shown=NO_SUCH)), clock))
    assert "noticed-gone" not in [row["rule"] for row in await store.audit_page(0)]
