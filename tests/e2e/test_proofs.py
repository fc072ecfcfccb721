"""`verify_days`: restore points are proven by themselves, and no test disk is ever left, whatever goes wrong.

What is left is judged by the simulated cloud alone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from bot.domain.restoring.restorations import Restoration
from bot.domain.snapshots import REQUEST_TAG, TEST_TAG
from bot.ports.lookups import Filters
from bot.simulator.cloud.resources import Attachment, Disk
from tests.e2e.conftest import World
from tests.e2e.test_quick import confirmed, ended

RESTORES = "restore = true\nverify_days = 7"
BOUND = {"web-01-system", "web-01-data", "web-01-logs"}
Begin = Callable[..., Awaitable[World]]


@pytest.fixture
def begin(quiet_world: World, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Backs the bound server up, then starts a bot that proves what is due from its start on."""

    async def begin(lines: str = RESTORES, before: Callable[[World], object] = lambda _: None) -> World:
        world = quiet_world
        await world.start_bot()
        await ended(world, await confirmed(world))
        await world.stop_bot()
        configured(world, lines)
        before(world)
        monkeypatch.setattr("bot.workflow.jobs.verify_points.BEGINS_AFTER", timedelta())
        await world.start_bot()
        return world

    return begin


def configured(world: World, lines: str) -> None:
    file = world.setting.directory / "bot.toml"
    head = "[projects.payments-prod]\n"
    file.write_text(file.read_text().replace(head, f"{head}{lines}\n", 1))


def test_disks(world: World) -> list[Disk]:
    """Those in the cloud that were made to prove something."""
    now = world.clock.now()
    return [disk for disk in world.cloud.world.disks.values() if TEST_TAG in disk.tags and disk.status_at(now)]


test_disks.__test__ = False  # type: ignore[attr-defined]


async def rows(world: World) -> list[Restoration]:
    """The restorations of the schedule's requests, once all have ended."""
    assert world.bot is not None
    found: list[Restoration] = []

    async def over() -> bool:
        assert world.bot is not None
        requests = [one for one, _ in await world.bot.store.recent(all_of("schedule"))]
        found[:] = [row for one in requests for row in await world.bot.store.restorations_of(one.id)]
        return bool(requests) and all(one.ended_at for one in requests)

    await eventually(over)
    return found


def all_of(actor_id: str) -> Filters:
    return Filters(actor_id=actor_id, under_way=None, limit=50)


async def eventually(true: Callable[[], Awaitable[bool]], timeout: float = 60) -> None:
    async with asyncio.timeout(timeout):
        while not await true():
            await asyncio.sleep(0.05)


async def test_the_points_of_a_bound_server_are_proven_one_after_the_other_and_nothing_is_left(begin: Begin) -> None:
    world = await begin()
    proven = await rows(world)
    assert {row.disk.name for row in proven} == BOUND
    assert {(row.state, row.cause) for row in proven} == {("restored", "")}
    assert all(row.proven_at and row.proven_in and row.ended_at for row in proven)
    assert test_disks(world) == []
    assert len(world.cloud.calls("create_volume")) == len(world.cloud.calls("delete_volume")) == 3
    order = [
        call["operation"] for call in world.cloud.journal if call["operation"] in ("create_volume", "delete_volume")
    ]
    assert order == ["create_volume", "delete_volume"] * 3, "one test disk at a time"
    made = {disk.tags[REQUEST_TAG] for disk in world.cloud.world.disks.values() if TEST_TAG in disk.tags}
    assert made == {row.id for row in proven}
    assert world.bot is not None
    figures = (await world.bot.store.figures()).restorations
    assert (figures.counts, figures.test_disks, figures.due) == ({("verify", "restored"): 3}, 0, 3)
    proofs = await world.bot.store.proofs_of([row.source.snapshot_id for row in proven])
    assert {key: proof.id for key, proof in proofs.items()} == {row.source.snapshot_id: row.id for row in proven}


def _processed(kind: str) -> dict[str, Any]:
    return {} if kind.endswith("_after") else {"processed": True}


LOST = ("drop_after", "502_after", "504_after", "html", "truncated")
FAULTS: dict[str, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    **{
        f"the order is taken and its answer lost: {kind}": (("create_volume", kind, _processed(kind)),) for kind in LOST
    },
    "the order is lost": (("create_volume", "drop_before", {}),),
    "the order is throttled": (("create_volume", "429", {}),),
    "the answer is lost, and disks and tags are shown late": (
        ("create_volume", "drop_after", {}),
        ("create_volume", "delayed_visibility", {"seconds": 20}),
        ("create_volume", "tag_late", {"seconds": 30}),
    ),
    "the deletion is lost": (("delete_volume", "drop_before", {}), ("delete_volume", "503", {})),
    "the deletion is taken and its answer lost": (("delete_volume", "drop_after", {}),),
    "the deletion is refused at first": (
        ("delete_volume", "error", {"status": 403, "code": "EVS.2056", "message": "no"}),
        ("delete_volume", "error", {"status": 400, "code": "EVS.2130", "message": "a backup is being made"}),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_goes_wrong_all_is_proven_and_nothing_is_left(begin: Begin, fault: str) -> None:
    def break_it(world: World) -> None:
        for operation, kind, options in FAULTS[fault]:
            world.cloud.fault(operation, kind, **options)

    world = await begin(before=break_it)
    proven = await rows(world)
    assert [(row.state, row.cause) for row in proven] == [("restored", "")] * 3
    await nothing_is_left(world)


async def test_a_disk_that_can_not_be_made_is_no_proof_and_is_deleted_as_well(begin: Begin) -> None:
    world = await begin(before=lambda world: world.cloud.fault("create_volume", "job_fail", times=3))
    failed = await rows(world)
    assert {row.state for row in failed} == {"failed"}
    assert all(row.cause and not row.proven_at for row in failed)
    await nothing_is_left(world)


async def test_a_point_that_is_proven_is_left_alone_for_as_long_as_the_project_says(begin: Begin) -> None:
    world = await begin()
    await rows(world)
    made = len(world.cloud.calls("create_volume"))
    for days, more in ((5, 0), (2, 3)):
        await world.stop_bot()
        world.clock.step(days=days)
        await world.start_bot()
        await eventually(partial(sure_of, world, made + more))


async def sure_of(world: World, orders: int) -> bool:
    """So many test disks were ordered, and it was looked whether there are to be more."""
    assert world.bot is not None
    due = await world.bot.store.chore_due("verify:payments-prod")
    looked = due is not None and due > world.clock.now() + timedelta(hours=5)
    return looked and len(world.cloud.calls("create_volume")) == orders and not test_disks(world)


async def test_a_disk_that_comes_after_its_proof_was_given_up_is_found_by_its_tag_and_deleted(begin: Begin) -> None:
    world = await begin()
    proven = await rows(world)
    disk = world.cloud.world.disk("spare-disk")
    late = replace(disk, id="d15c0000-0777-4000-8000-000000000777", name="late", attachments=[])
    late.tags = {REQUEST_TAG: proven[0].id, TEST_TAG: "verify"}
    late.snapshot_id = proven[0].source.snapshot_id
    world.cloud.world.disks[late.id] = late
    other = replace(late, id="d15c0000-0888-4000-8000-000000000888", name="of people", snapshot_id="another")
    world.cloud.world.disks[other.id] = other
    strange = replace(
        other, id="d15c0000-0999-4000-8000-000000000999", tags={REQUEST_TAG: "r-0-r1", TEST_TAG: "verify"}
    )
    world.cloud.world.disks[strange.id] = strange
    await world.stop_bot()
    world.clock.step(hours=7)
    await world.start_bot()
    await world.until(lambda: late.status_at(world.clock.now()) is None, 60)
    assert other.status_at(world.clock.now()) == "available", "it was not made of that snapshot"
    assert strange.status_at(world.clock.now()) == "available", "no row knows it"
    await eventually(partial(waiting, world, 2))


async def waiting(world: World, number: int) -> bool:
    assert world.bot is not None
    return (await world.bot.store.figures()).restorations.test_disks == number


async def test_a_test_disk_that_people_attach_is_told_until_it_is_gone(begin: Begin) -> None:
    world = await begin(before=lambda world: world.cloud.fault("delete_volume", "503", times=200))
    await world.until(lambda: any(disk.status_at(world.clock.now()) == "available" for disk in test_disks(world)), 60)
    (disk,) = test_disks(world)
    disk.attachments.append(Attachment(next(iter(world.cloud.world.servers))))
    disk.status, disk.change = "in-use", None
    world.cloud.clear_faults()
    await eventually(
        partial(clears, world, disk.tags[REQUEST_TAG], "is attached to a server: detach it, and I delete it")
    )
    disk.attachments.clear()
    disk.status = "available"
    assert {row.state for row in await rows(world)} == {"restored"}
    await nothing_is_left(world)


async def test_a_deletion_that_fails_in_the_cloud_is_told_and_no_other_test_disk_is_made(
    begin: Begin,
) -> None:
    world = await begin(before=lambda world: world.cloud.fault("delete_volume", "job_fail"))
    await world.until(lambda: [one.status_at(world.clock.now()) for one in test_disks(world)] == ["error_deleting"], 60)
    (disk,) = test_disks(world)
    await eventually(partial(clears, world, disk.tags[REQUEST_TAG], "could not be deleted by the cloud"))
    assert len(world.cloud.calls("create_volume")) == 1
    disk.status, disk.change = "error", None
    assert {row.state for row in await rows(world)} == {"restored"}
    await nothing_is_left(world)


async def clears(world: World, restoration_id: str, words: str) -> bool:
    assert world.bot is not None
    found = await world.bot.store.restoration(restoration_id)
    return found is not None and found[0].state == "clearing" and words in found[0].cause


@pytest.mark.parametrize("seed", range(4))
async def test_killed_and_started_again_and_again_nothing_is_left(begin: Begin, seed: int) -> None:
    """Stopped at any moment; what a kill leaves, `tests/chaos/` tries as well."""
    chance = random.Random(seed)
    world = await begin()
    for _ in range(6):
        await asyncio.sleep(chance.uniform(0.02, 0.9))
        await world.stop_bot()
        await world.start_bot()
    proven = await rows(world)
    assert [row.state for row in proven] == ["restored"] * 3
    await nothing_is_left(world)


async def nothing_is_left(world: World) -> None:
    await world.until(lambda: test_disks(world) == [], 30)
    made = [disk for disk in world.cloud.world.disks.values() if TEST_TAG in disk.tags]
    assert len({disk.tags[REQUEST_TAG] for disk in made}) == len(made), "one for each, whatever happened"
