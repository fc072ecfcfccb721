"""Disks that came back stand in the pack in one row each, on both stores: the whole story of it, and nothing more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.domain.audit import (
    asked_for,
    at_plan,
    before_post,
    before_restoration,
    of_request,
    restoration_ended,
    snapshot_ended,
)
from bot.domain.orders import Restore, Way
from bot.domain.requests import Request
from bot.domain.restoring.restorations import NOT_BEGUN, Restoration
from bot.domain.roles import Action
from bot.domain.transitions import ItemState, RestorationState
from bot.store.database import Database
from bot.store.store import Store
from tests.builders import NOON, FakeClock, a_request, a_restoration, an_actor, an_item
from tests.evidence.test_pack import DAY, MINUTE, database, pack, table

__all__ = ["database"]

RESTORED, FAILED, CANCELLED = RestorationState.RESTORED, RestorationState.FAILED, RestorationState.CANCELLED


class Story:
    """The rows of a request that restores, a minute after each other; none of another table."""

    def __init__(
        self, database: Database, way: Way, *, at: timedelta = timedelta(), request_id: str = "r-back"
    ) -> None:
        self.clock = FakeClock(NOON + at)
        self.store = Store(database, self.clock)
        self.way = way
        self.request: Request = a_request(request_id, order=Restore("r-one", "r-one", way))

    async def planned(self) -> None:
        allowed = asked_for("U1", "payments", "C1", "allowed", "granted", Action.RESTORE)
        await self.write(at_plan(allowed, self.request))

    async def confirmed(self) -> None:
        await self.write(of_request(an_actor("U1"), "create", self.request, "allowed", "granted", hop="confirm"))

    async def agreed(self, *people: str) -> None:
        for one in people:
            await self.write(of_request(an_actor(one), "approve", self.request, "allowed", "granted"))

    async def safe(self, *disks: int) -> None:
        for number in disks:
            item = an_item(number, request_id=self.request.id, snapshot_id=f"safety-{number}")
            await self.write(before_post(self.request, item.id, "payments", item.disk.id, "allowed", "granted"))
            await self.write(snapshot_ended(item, ItemState.AVAILABLE, ""))

    async def sent(self, *disks: int) -> None:
        for number in disks:
            await self.write(before_restoration(self.request, self.row(number), "allowed", "granted"))

    async def ended(self, number: int, state: RestorationState, **fields: Any) -> None:
        await self.write(restoration_ended(self.row(number, state, **fields)))

    def row(self, number: int, state: RestorationState = RestorationState.PLANNED, **fields: Any) -> Restoration:
        return a_restoration(number, state, request_id=self.request.id, way=self.way, **fields)

    async def write(self, entry: Any) -> None:
        await self.store.audit([entry])
        self.clock.pass_(minutes=1)


def at(minutes: int) -> str:
    return (NOON + minutes * MINUTE).isoformat(timespec="milliseconds")


async def test_an_overwrite_is_told_in_a_row_a_disk_from_who_asked_to_how_it_ended(
    database: Database, tmp_path: Path
) -> None:
    story = Story(database, "overwrite")
    await story.planned()
    await story.confirmed()
    await story.agreed("U8", "U9")
    await story.safe(1, 2)
    await story.sent(1, 2)
    await story.ended(1, RESTORED)
    await story.ended(2, FAILED, code="EVS.2072")
    _, found = await pack(story.store, tmp_path / "pack.zip")
    first, second = table(found, "restorations.csv")
    whole = {
        "row": "11",
        "at": at(10),
        "actor": "snapshot-bot",
        "action": "restore",
        "subject": "r-back-r1",
        "outcome": "done",
        "rule": "restored",
        "way": "overwrite",
        "project": "payments",
        "request": "r-back",
        "requester": "U1",
        "reason": "",
        "confirmed_by": "U1",
        "confirmed_at": at(1),
        "agreed_by": "U8 U9",
        "disk_id": story.row(1).disk.id,
        "snapshot": "snap-1",
        "safety_snapshot": "safety-1",
        "safety_made_at": at(5),
        "begun_at": at(8),
        "made": "",
        "code": "",
    }
    assert first == whole
    told = ("subject", "outcome", "rule", "snapshot", "safety_snapshot", "begun_at", "at", "code")
    assert [second[name] for name in told] == (
        ["r-back-r2", "failed", "failed", "snap-2", "safety-2", at(9), at(11), "EVS.2072"]
    )
    await pack(story.store, tmp_path / "again.zip")
    assert (tmp_path / "pack.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()


async def test_what_was_called_off_or_refused_says_so_and_was_never_begun(database: Database, tmp_path: Path) -> None:
    """That all were marked before the first was sent is no beginning."""
    story = Story(database, "overwrite")
    await story.planned()
    await story.sent(1, 2, 3)
    await story.ended(1, CANCELLED, code="EVS.2400")
    await story.ended(2, FAILED, code=NOT_BEGUN)
    await story.write(before_restoration(story.request, story.row(3), "denied", "no-grant"))
    _, found = await pack(story.store, tmp_path / "pack.zip")
    rows = [(row["outcome"], row["rule"], row["begun_at"]) for row in table(found, "restorations.csv")]
    assert rows == [("failed", "cancelled", ""), ("failed", "failed", ""), ("denied", "no-grant", "")]


async def test_what_was_begun_and_has_no_end_yet_is_under_way_and_its_end_stands_in_the_next_pack(
    database: Database, tmp_path: Path
) -> None:
    before = Story(database, "overwrite", at=-DAY, request_id="r-before")
    await before.planned()
    await before.safe(3)
    await before.sent(3)
    story = Story(database, "overwrite")
    await before.store.audit([restoration_ended(before.row(3, RESTORED))])  # of another day than its request
    await story.planned()
    await story.agreed("U8")
    await story.safe(1)
    await story.sent(1)
    later = Store(database, FakeClock(NOON + DAY))
    await later.audit([restoration_ended(story.row(1, RESTORED))])
    _, found = await pack(story.store, tmp_path / "pack.zip")
    (row,) = [one for one in table(found, "restorations.csv") if one["request"] == "r-back"]
    told = ("outcome", "rule", "begun_at", "agreed_by", "safety_snapshot")
    assert [row[name] for name in told] == ["", "under-way", at(4), "U8", "safety-1"]


async def test_a_new_disk_and_a_proof_say_who_asked_and_when_they_were_begun(
    database: Database, tmp_path: Path
) -> None:
    story = Story(database, "new_disks")
    await story.planned()
    await story.confirmed()
    await story.agreed("U8")
    await story.sent(1)
    await story.ended(1, RESTORED, made_id="disk-new")
    proof = Story(database, "verify", at=20 * MINUTE, request_id="r-proof")
    await proof.planned()
    await proof.sent(2)
    took = {"submitted_at": NOON, "proven_at": NOON + MINUTE}
    await proof.ended(2, RESTORED, made_id="disk-test", **took)
    _, found = await pack(story.store, tmp_path / "pack.zip")
    (row,) = table(found, "restorations.csv")
    told = ("way", "requester", "confirmed_by", "agreed_by", "snapshot", "safety_snapshot", "begun_at", "made")
    assert [row[name] for name in told] == ["new_disks", "U1", "U1", "U8", "snap-1", "", at(3), "disk-new"]
    (row,) = table(found, "restore-proofs.csv")
    of_a_proof = ("way", "request", "requester", "confirmed_by", "snapshot", "begun_at", "made", "seconds", "at")
    assert [row[name] for name in of_a_proof] == (
        ["verify", "r-proof", "U1", "", "snap-2", at(21), "disk-test", "60", at(22)]
    )
