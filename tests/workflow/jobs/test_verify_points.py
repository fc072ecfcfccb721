"""Which proofs are asked for by themselves: what is due, nothing beside it, and nothing twice a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from bot.domain.actors import SCHEDULE, AccountKind, Actor
from bot.domain.bindings import Binding
from bot.domain.orders import Restore
from bot.domain.requests import Request
from bot.domain.restoring.verifying import LOOKED_AT_EVERY
from bot.domain.snapshots import Disk
from bot.domain.transitions import ItemState, RequestState, RestorationState
from bot.ports.lookups import Filters
from bot.store.store import Store
from bot.workflow.intake import Intake
from bot.workflow.jobs.verify_points import PointVerifier
from bot.workflow.servers import ServerNames
from tests.builders import NOON, FakeClock, a_disk, a_project, a_restoration, an_item
from tests.fakes.cloud import UnaskedEvs
from tests.store.test_store import received
from tests.workflow.jobs.test_submit import FakePeople

DAY = timedelta(days=1)
NAMES = ("disk-1", "disk-2", "disk-3")


class Evs(UnaskedEvs):
    """A project with three disks, and no test disk left in it."""

    async def list_disks(
        self, *, name: str | None = None, ids: Sequence[str] = (), server_id: str | None = None
    ) -> list[Disk]:
        return [a_disk(name, number) for number, name in enumerate(NAMES, start=1)]

    async def disks_by_tag(self, key: str, values: Sequence[str] = ()) -> list[Disk]:
        return []

    def project(self, alias: str, whose: str = "") -> Evs:
        return self


class Desk:
    """All disks are bound to a channel, whose newest points are to be proven each week."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        people = FakePeople({SCHEDULE: Actor(SCHEDULE, AccountKind.SCHEDULE)})
        projects = {"payments": a_project(restore=True, verify_days=7)}
        numbers = count(1)
        intake = Intake(store, people, projects, clock, lambda: f"r-proof{next(numbers)}", 100)
        self.job = PointVerifier(store, intake, Evs(), ServerNames(clock), projects, clock, "T1")

    async def made(self, request_id: str, *disks: int) -> None:
        """Snapshots of these disks, a minute after what was made before."""
        self.clock.pass_(minutes=1)
        request = await received(self.store, request_id)
        fields = {"taken_at": self.clock.now(), "ended_at": self.clock.now()}
        items = [
            an_item(one, ItemState.AVAILABLE, request_id=request_id, snapshot_id=f"{request_id}-s{one}", **fields)
            for one in disks
        ]
        await self.store.decide_plan(replace(request, state=RequestState.RUNNING), items, [])

    async def asked(self) -> list[str]:
        """The ids that are asked for when the job looks now, which it does again six hours later."""
        before = {one.id for one in await self.requests()}
        assert await self.job("payments") == LOOKED_AT_EVERY.total_seconds()
        self.clock.pass_(seconds=LOOKED_AT_EVERY.total_seconds())
        orders = [one.order for one in await self.requests() if one.id not in before]
        assert all(isinstance(one, Restore) and one.way == "verify" for one in orders)
        return sorted(one.of for one in orders if isinstance(one, Restore))

    async def requests(self) -> list[Request]:
        return [one for one, _ in await self.store.recent(Filters(actor_id=SCHEDULE, under_way=None, limit=50))]

    async def ended(self, *, proven: Sequence[int], failed: Sequence[int]) -> None:
        """The proofs of the only request have ended so, just now."""
        (request,) = await self.requests()
        now = self.clock.now()
        states = dict.fromkeys(proven, RestorationState.RESTORED) | dict.fromkeys(failed, RestorationState.FAILED)
        fields: dict[str, Any] = {"request_id": request.id, "way": "verify", "submitted_at": now, "ended_at": now}
        rows = [a_restoration(one, state, **fields) for one, state in states.items()]
        rows = [replace(row, source=replace(row.source, snapshot_id=f"r-all-s{row.position}")) for row in rows]
        rows = [replace(row, proven_at=now if row.position in proven else None) for row in rows]
        await self.store.decide_plan(replace(request, state=RequestState.RUNNING), [], [], restorations=rows)


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> Desk:
    await store.configured_bindings([Binding("C1", "payments", disks=NAMES)])
    return Desk(store, clock)


async def test_all_of_one_backup_is_one_request(desk: Desk) -> None:
    await desk.made("r-all", 1, 2, 3)
    assert await desk.asked() == ["r-all"]
    assert await desk.asked() == [], "once a day"


async def test_what_a_newer_snapshot_stands_for_is_not_proven_beside_the_others(desk: Desk) -> None:
    await desk.made("r-all", 1, 2, 3)
    await desk.made("r-newer", 3)
    assert await desk.asked() == ["r-all-s1", "r-all-s2", "r-newer-s3"]


async def test_a_proof_that_failed_is_tried_again_the_next_day_and_by_itself(desk: Desk) -> None:
    """Not with the next look of the same day, as another order than the one that failed."""
    await desk.made("r-all", 1, 2, 3)
    assert await desk.asked() == ["r-all"]
    await desk.ended(proven=[1, 2], failed=[3])
    looks = [(desk.clock.now().date(), await desk.asked()) for _ in range(4)]
    tried = [(day - NOON.date(), ids) for day, ids in looks if ids]
    assert tried == [(DAY, ["r-all-s3"])]


async def test_what_was_proven_is_due_again_after_the_days_of_its_project(desk: Desk) -> None:
    await desk.made("r-all", 1, 2, 3)
    await desk.asked()
    await desk.ended(proven=[1, 2, 3], failed=[])
    desk.clock.pass_(days=6)
    assert await desk.asked() == []
    desk.clock.pass_(days=1)
    assert await desk.asked() == ["r-all"]
