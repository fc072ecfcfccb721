"""Who waits long is told their place, and not more often than it changes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from bot.domain.attempts import submitting
from bot.domain.turns import Claim
from bot.store.store import Store
from bot.workflow.jobs.give_turns import LOOK_AGAIN_SECONDS, TurnGiver
from tests.builders import FakeClock, a_project, an_item
from tests.store.test_store import running, the_item
from tests.store.test_turns import made

PROJECT = a_project(at_once=2, at_once_each=2)
DISKS = 20


@dataclass
class Desk:
    """Alice has two disks in the making and others in line; bob has one in line."""

    store: Store
    clock: FakeClock
    giver: TurnGiver
    made: list[int] = field(default_factory=lambda: [1, 2])

    async def send(self, request_id: str, number: int, person: str) -> None:
        item = await the_item(self.store, f"{request_id}-{number}")
        await self.store.start(submitting(item, self.clock.now()), [], claim=Claim(person, PROJECT.places))

    async def told(self, request_id: str) -> str:
        found = await self.store.request(request_id)
        assert found is not None
        return found[0].explanation

    async def end_one(self) -> None:
        """One of alice's ends; the next that was given its turn is sent."""
        await made(self.store, f"r-hers-{self.made.pop(0)}")
        await self.giver("payments")
        for key in [key for key, _, _ in await self.store.jobs() if key.startswith("submit:r-hers")]:
            number = int(key.rpartition("-")[2])
            if number not in self.made:
                await self.send("r-hers", number, "U1")
                self.made.append(number)


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> Desk:
    desk = Desk(store, clock, TurnGiver(store, {"payments": PROJECT}, clock))
    hers = [an_item(number, request_id="r-hers") for number in range(1, DISKS + 1)]
    await running(store, *hers, request_id="r-hers", actor_id="U1")
    for number in range(1, DISKS + 1):
        await desk.send("r-hers", number, "U1")
    return desk


async def test_a_place_is_told_after_some_seconds(desk: Desk) -> None:
    assert await desk.giver("payments") == LOOK_AGAIN_SECONDS
    assert await desk.told("r-hers") == ""
    desk.clock.pass_(seconds=5)
    await desk.giver("payments")
    assert await desk.told("r-hers") == "18 disks wait for their turn: they are next."


async def test_a_place_is_told_again_when_it_has_changed_and_with_how_long_once_that_is_known(desk: Desk) -> None:
    later = [an_item(number, request_id="r-later") for number in range(30, 32)]
    await running(desk.store, *later, request_id="r-later", actor_id="U1")
    for number in (30, 31):
        await desk.send("r-later", number, "U1")
    await desk.giver("payments")
    desk.clock.pass_(seconds=5)
    await desk.giver("payments")
    assert await desk.told("r-later") == "Waits for its turn: 18 disks before them."
    desk.clock.pass_(seconds=15)
    await desk.end_one()
    assert await desk.told("r-later") == "Waits for its turn: 18 disks before them."
    for _ in range(4):
        desk.clock.pass_(seconds=10)
        await desk.end_one()
    assert await desk.told("r-later") == "Waits for its turn: 14 disks before them, about 3 minutes."


async def test_another_persons_one_disk_is_the_next(desk: Desk) -> None:
    await running(desk.store, an_item(50, request_id="r-his"), request_id="r-his", actor_id="U2")
    await desk.send("r-his", 50, "U2")
    await desk.giver("payments")
    desk.clock.pass_(seconds=5)
    await desk.giver("payments")
    assert await desk.told("r-his") == "Waits for its turn: it is next."
    await desk.end_one()
    assert "submit:r-his-50" in [key for key, _, _ in await desk.store.jobs()]


async def test_a_project_that_is_no_longer_configured_keeps_none_in_line(desk: Desk) -> None:
    giver = TurnGiver(desk.store, {}, desk.clock)
    assert await giver("payments") is None
    assert "turns:payments" not in [key for key, _, _ in await desk.store.jobs()]
