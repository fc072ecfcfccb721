"""Whose call of a project is made next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from bot.domain.errors import SentTooLate, Throttled
from bot.domain.snapshots import CreateStandardSnapshot
from bot.evs.call_turns import PEOPLE, CallTurns
from bot.evs.cloud import CALLS_AT_ONCE, HttpCloud
from tests.fakes.scripted_cloud import DISK, PROJECT_ID, FakeClock, Reply, ScriptedCloud

DISKS = f"/v2/{PROJECT_ID}/cloudvolumes/detail"
SHOW = f"/v2/{PROJECT_ID}/cloudvolumes/{DISK}"


class Line:
    """Calls that stay until they are told to end."""

    def __init__(self, at_once: int) -> None:
        self.turns = CallTurns(at_once)
        self.let_in: list[str] = []
        self._calls: dict[str, list[asyncio.Task[None]]] = {}

    async def call(self, whose: Iterable[str]) -> None:
        for one in whose:
            self._calls.setdefault(one, []).append(asyncio.create_task(self._one(one)))
        await asyncio.sleep(0)

    async def _one(self, whose: str) -> None:
        await self.turns.enter(whose)
        self.let_in.append(whose)

    async def end(self, whose: str) -> None:
        self.turns.leave(whose)
        await asyncio.sleep(0)

    async def give_up(self, whose: str) -> None:
        """The last one that came stops waiting."""
        task = self._calls[whose].pop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    @property
    def counted(self) -> Counter[str]:
        return Counter(self.let_in)


@asynccontextmanager
async def a_line(at_once: int = 10) -> AsyncIterator[Line]:
    line = Line(at_once)
    yield line
    for tasks in line._calls.values():
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_jobs_of_one_person_leave_a_turn_to_another_and_all_jobs_one_to_who_waits() -> None:
    async with a_line() as line:
        await line.call(["U1"] * 20)
        assert line.counted == {"U1": 8}
        await line.call(["U2"] * 5)
        assert line.counted == {"U1": 8, "U2": 1}
        await line.call([PEOPLE])
        assert line.counted == {"U1": 8, "U2": 1, PEOPLE: 1}


async def test_people_come_first_and_then_the_person_with_the_fewest_under_way() -> None:
    async with a_line() as line:
        await line.call(["U1"] * 20 + ["U2"] * 5 + ["U3"] + [PEOPLE] * 3)
        for _ in range(5):
            await line.end("U1")
        assert line.let_in[10:] == [PEOPLE, PEOPLE, "U3", "U2", "U2"]


async def test_those_with_as_many_under_way_take_turns() -> None:
    async with a_line(at_once=1) as line:
        await line.call(["U1", "U1", "U2", "U2", "U3"])
        for whose in ("U1", "U2", "U3", "U1"):
            await line.end(whose)
        assert line.let_in == ["U1", "U2", "U3", "U1", "U2"]


async def test_who_stops_waiting_holds_up_nobody() -> None:
    async with a_line(at_once=1) as line:
        await line.call(["U1", "U2", "U3"])
        await line.give_up("U2")
        await line.end("U1")
        assert line.let_in == ["U1", "U3"]


async def test_who_stops_at_the_moment_of_their_turn_gives_it_to_the_next() -> None:
    async with a_line(at_once=1) as line:
        await line.call(["U1", "U2", "U3"])
        line.turns.leave("U1")
        await line.give_up("U2")
        await asyncio.sleep(0)
        assert line.let_in == ["U1", "U3"]


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_however_few_there_are_each_gets_its_turn(at_once: int) -> None:
    async with a_line(at_once) as line:
        await line.call(["U1", "U1", "U2", PEOPLE])
        ended = 0
        while ended < len(line.let_in):
            await line.end(line.let_in[ended])
            ended += 1
        assert line.counted == {"U1": 2, "U2": 1, PEOPLE: 1}


async def test_after_a_429_the_calls_of_people_come_before_those_of_jobs(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock
) -> None:
    """However long the jobs have waited for the end of the pause."""
    server.on("GET", SHOW, Reply(429, b"", {"Retry-After": "5"}))
    server.on("GET", DISKS, *[Reply(200, {"volumes": [], "count": 0})] * 20)
    with pytest.raises(Throttled):
        await cloud.project("web").show_disk(DISK)
    jobs = [asyncio.create_task(cloud.project("web", "U1").list_disks(name=f"job-{n}")) for n in range(6)]
    await asyncio.sleep(0)
    await cloud.project("web").list_disks(name="people")
    await asyncio.gather(*jobs)
    asked = [seen.query["name"] for seen in server.seen if seen.path == DISKS]
    assert asked.index("people") <= 1


async def test_a_post_that_was_too_late_when_its_turn_came_gives_it_back(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock
) -> None:
    turns = cloud.project("web")._calls._turns
    for _ in range(CALLS_AT_ONCE):
        await turns.enter(PEOPLE)
    posts = [
        asyncio.create_task(
            cloud.project("web", "U1").create_standard_snapshot(
                CreateStandardSnapshot(volume_id=DISK), send_before=clock.monotonic() + 1
            )
        )
        for _ in range(2 * CALLS_AT_ONCE)
    ]
    await asyncio.sleep(0)
    await clock.sleep(2)
    for _ in range(CALLS_AT_ONCE):
        turns.leave(PEOPLE)
    assert {type(one) for one in await asyncio.gather(*posts, return_exceptions=True)} == {SentTooLate}
    server.on("GET", DISKS, Reply(200, {"volumes": [], "count": 0}))
    assert await asyncio.wait_for(cloud.project("web", "U2").list_disks(name="after"), 5) == []
