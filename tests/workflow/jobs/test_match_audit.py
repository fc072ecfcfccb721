"""Rows, snapshots and messages are held against each other; each difference is told, and nothing is asked at rest."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.domain.audit import BOT, AuditEntry
from bot.domain.errors import CloudUnavailable, NotFound
from bot.domain.items import ended
from bot.domain.snapshots import REQUEST_TAG, Snapshot
from bot.domain.transitions import ItemState
from bot.store.store import Store
from bot.workflow.jobs.match_audit import AuditMatch
from tests.builders import FakeClock
from tests.fakes.cloud import UnaskedEvs
from tests.store.test_store import the_item
from tests.store.test_trail_search import asked
from tests.workflow.jobs.test_anchor_audit import Board

WEEK = timedelta(days=7)


@dataclass
class Shelf(UnaskedEvs):
    """The cloud's snapshots, by id. `hidden` are missing in its listing."""

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    calls: int = 0
    away: bool = False

    def project(self, alias: str, whose: str = "") -> Shelf:
        return self

    async def list_snapshots(
        self,
        *,
        volume_id: str | None = None,
        ids: Sequence[str] = (),
        snapshot_group_id: str | None = None,
        of_each: Collection[str] = (),
    ) -> list[Snapshot]:
        self.calls += 1
        if self.away:
            raise CloudUnavailable("The cloud does not answer.", maybe_done=False)
        return [one for one in self.snapshots.values() if one.id not in self.hidden]

    async def show_snapshot(self, snapshot_id: str) -> Snapshot:
        self.calls += 1
        if snapshot_id not in self.snapshots:
            raise NotFound("There is no such snapshot.")
        return self.snapshots[snapshot_id]

    def put(self, snapshot_id: str, tag: str | None) -> None:
        self.snapshots[snapshot_id] = Snapshot(id=snapshot_id, tags={REQUEST_TAG: tag} if tag else {})


@dataclass
class Desk:
    store: Store
    clock: FakeClock
    cloud: Shelf = field(default_factory=Shelf)
    board: Board = field(default_factory=Board)

    async def match(self, project: str = "payments") -> float | None:
        job = AuditMatch(self.store, self.cloud, self.board, self.clock, WEEK, "C9")
        return await job(project)

    async def made(self, request_id: str, disk: int, *, told: bool = True) -> None:
        """A request whose one snapshot is there, as the rows, the cloud and its message say."""
        await asked(self.store, request_id, "payments", disk, break_glass=True)
        item = await the_item(self.store, f"{request_id}-{disk}")
        await self.store.save(replace(item, state=ItemState.CREATING))
        item = await the_item(self.store, item.id)
        await self.store.save(ended(item, ItemState.AVAILABLE, self.clock.now()))
        found = await self.store.request(request_id)
        assert found is not None
        await self.store.mark_all_sent([found[0]] if told else [])
        self.cloud.put(f"snap-{disk}", f"{request_id}-{disk}")

    async def findings(self) -> list[tuple[str, str]]:
        rows = await self.store.last_matches()
        return [(row["rule"], row["subject"]) for row in rows if row["outcome"] == "failed"]


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> Desk:
    """A week after two snapshots were made, and the first match is due."""
    desk = Desk(store, clock)
    assert await desk.match() == WEEK.total_seconds()
    for request_id, disk in (("r-one", 7), ("r-two", 8)):
        await desk.made(request_id, disk)
    clock.pass_(days=7)
    return desk


async def test_where_all_is_so_nothing_is_found_and_a_row_says_that(desk: Desk) -> None:
    desk.cloud.put("snap-of-others", None)
    assert await desk.match() == WEEK.total_seconds()
    (row,) = await desk.store.last_matches()
    assert (row["actor"], row["outcome"], row["subject"]) == (BOT, "done", "payments")
    assert row["details_json"] == '{"findings": 0, "project": "payments", "snapshots": 3}'
    assert desk.board.posted == []
    assert await desk.match() == WEEK.total_seconds()
    assert desk.cloud.calls == 1


async def test_a_project_at_rest_is_not_asked(desk: Desk) -> None:
    assert await desk.match("shop") == WEEK.total_seconds()
    desk.clock.pass_(days=8)
    assert await desk.match("shop") == WEEK.total_seconds()
    assert desk.cloud.calls == 0


async def test_snapshots_that_no_row_accounts_for_are_found(desk: Desk) -> None:
    desk.cloud.put("snap-x", "r-gone-1")
    desk.cloud.put("snap-y", "r-one-7")
    await desk.match()
    assert sorted(await desk.findings()) == [("another-snapshot", "snap-y"), ("unknown-snapshot", "snap-x")]
    ((channel, told),) = desk.board.posted
    assert channel == "C9"
    assert "payments found: the cloud holds a snapshot with the bot's tag that no request knows (1);" in told


async def test_a_snapshot_that_is_gone_is_found_once_and_one_that_a_listing_lacks_is_not(desk: Desk) -> None:
    del desk.cloud.snapshots["snap-7"]
    desk.cloud.hidden.add("snap-8")
    await desk.match()
    assert await desk.findings() == [("snapshot-gone", "r-one-7")]
    desk.clock.pass_(days=7)
    await desk.made("r-three", 9)
    assert await desk.match() == WEEK.total_seconds()
    assert await desk.findings() == []


async def test_rows_that_requests_do_not_bear_out_are_found(desk: Desk) -> None:
    gone = {"request": "r-lost", "project": "payments", "hop": "submit", "disk": "d"}
    await desk.store.audit([AuditEntry("U1", "create", "r-lost-1", "allowed", "granted", gone)])
    await desk.store.audit([AuditEntry(BOT, "snapshot", "r-two-9", "done", "available", {**gone, "request": "r-two"})])
    await desk.match()
    assert sorted(await desk.findings()) == [("no-request", "r-lost"), ("told-otherwise", "r-two-9")]


async def test_an_end_that_was_not_told_within_a_day_is_found(desk: Desk) -> None:
    await desk.made("r-three", 9, told=False)
    desk.clock.pass_(days=2)
    await desk.made("r-four", 10, told=False)
    await desk.match()
    assert await desk.findings() == [("never-told", "r-three")]


async def test_a_request_that_was_pruned_is_no_finding(desk: Desk) -> None:
    gone = {"request": "r-lost", "project": "payments", "hop": "submit", "disk": "d"}
    await desk.store.audit([AuditEntry("U1", "create", "r-lost-1", "allowed", "granted", gone)])
    await desk.store.audit([AuditEntry("terminal", "prune-store", "store", "done", "", {"requests": "r-a,r-lost"})])
    await desk.match()
    assert "no-request" not in dict(await desk.findings())


async def test_a_restore_point_without_a_row_is_found(desk: Desk) -> None:
    await desk.made("r-three", 9)
    item = await the_item(desk.store, "r-three-9")
    assert await desk.store.without_row([]) == []
    points, _ = await desk.store.restore_points("payments", "")
    assert {point.item_id for point in points} == {"r-one-7", "r-two-8", item.id}
    assert await desk.store.without_row([replace(points[0], item_id="r-four-1")]) != []


async def test_a_cloud_that_is_away_is_asked_again_in_an_hour(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.cloud.away = True
    with caplog.at_level(logging.INFO):
        assert await desk.match() == 3600.0
    assert "a project could not be matched" in caplog.text
    desk.cloud.away = False
    assert await desk.match() == WEEK.total_seconds()


async def test_each_kind_is_one_warning(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(300):
        desk.cloud.put(f"snap-x{number}", f"r-gone-{number}")
    desk.cloud.put("snap-y", "r-one-7")
    await desk.match()
    kinds = [record.kind for record in caplog.records if record.levelname == "WARNING"]  # type: ignore[attr-defined]
    assert sorted(kinds) == ["another-snapshot", "unknown-snapshot"]
    assert len(await desk.findings()) == 200  # the row that ends the match says how many there were
    rows = await desk.store.last_matches()
    assert '"findings": 301' in rows[0]["details_json"]
