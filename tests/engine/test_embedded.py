"""The embedded engine where the clock is set and the disk is full; what it has in common is in test_engine.py."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import SteadyClock, SystemClock
from bot.domain.errors import StoreFailed
from bot.engine.embedded import EmbeddedEngine
from tests.fakes.engines import CLOCK, Rows, embedded, recorder, until


class SetClock(SystemClock):
    """The machine's clock, which somebody may set."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_delays_and_hurries_nothing_that_waits(
    hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.embedded.LOOK_SECONDS", 0.01)
    clock, rows, calls = SetClock(), Rows("watch:p"), list[str]()

    async def again_soon(_: str) -> float | None:
        return 0.3

    engine = EmbeddedEngine(SteadyClock(clock), rows)
    task = asyncio.create_task(engine.run({"watch": recorder(calls, again_soon), "expire": recorder(calls)}))
    await until(lambda: calls == ["p"])
    clock.by = timedelta(hours=hours)
    await until(lambda: bool(rows.moved))
    assert abs(rows.moved[0] - timedelta(hours=hours)) < timedelta(seconds=1)
    await until(lambda: len(calls) == 3)
    await engine.stop(1.0)
    await task


async def test_a_clock_that_is_set_while_nothing_can_be_written_is_told_before_anything_is_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.engine.embedded.LOOK_SECONDS", 0.01)
    clock, rows, calls = SetClock(), Rows(), list[int]()
    steady = SteadyClock(clock)
    engine = EmbeddedEngine(steady, rows)

    async def watch(_: str) -> float | None:
        calls.append(len(rows.moved))
        return None

    task = asyncio.create_task(engine.run({"watch": watch}))
    await asyncio.sleep(0.05)
    rows.full, clock.by = True, timedelta(hours=25)
    await asyncio.sleep(0.05)
    engine.schedule("watch:p", steady.now())
    await asyncio.sleep(0.1)
    assert calls == []
    rows.full = False
    await until(lambda: calls == [1])
    assert abs(rows.moved[0] - timedelta(hours=25)) < timedelta(seconds=1)
    await engine.stop(1.0)
    await task


async def test_what_is_due_at_a_date_is_due_then_by_the_clock_as_it_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.engine.embedded.LOOK_SECONDS", 0.01)
    clock, rows, calls = SetClock(), Rows("expire:plan"), list[str]()
    rows.dated["expire:plan"] = CLOCK.now() + timedelta(hours=1)
    engine = EmbeddedEngine(SteadyClock(clock), rows)
    task = asyncio.create_task(engine.run({"expire": recorder(calls)}))
    await asyncio.sleep(0.05)
    assert calls == []
    clock.by = timedelta(hours=2)
    await until(lambda: calls == ["plan"])
    await engine.stop(1.0)
    await task


async def test_what_is_heard_of_with_an_old_date_while_the_clock_is_followed_waits_for_no_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its transaction was handed over before the clock was set back, and is answered after."""
    monkeypatch.setattr("bot.engine.embedded.LOOK_SECONDS", 0.01)
    clock, calls = SetClock(), list[str]()

    class Answering(Rows):
        async def clock_set(self, by: timedelta) -> None:
            engine.schedule("plan:r", CLOCK.now())
            self.keys.append("plan:r")
            await super().clock_set(by)

    rows = Answering()
    rows.dated["plan:r"] = datetime.fromtimestamp(0, UTC)
    engine = EmbeddedEngine(SteadyClock(clock), rows)
    task = asyncio.create_task(engine.run({"plan": recorder(calls)}))
    await asyncio.sleep(0.05)
    clock.by = timedelta(hours=-1)
    await until(lambda: calls == ["r"])
    await engine.stop(1.0)
    await task


@pytest.mark.parametrize("full", [False, True])
async def test_what_a_job_that_began_before_the_clock_was_set_back_writes_with_an_old_date_waits_for_no_hour(
    full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes the row after all rows were moved, and wants to come again by the same date."""
    monkeypatch.setattr("bot.engine.embedded.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("bot.engine.embedded.SWEEP_SECONDS", 0.05)
    monkeypatch.setattr("bot.engine.embedded.OLD_DATES_SECONDS", 0.2)
    clock, rows, calls, let_go = SetClock(), Rows("watch:p"), list[str](), asyncio.Event()

    async def asks_the_cloud(key: str) -> float | None:
        if len(calls) > 1:
            rows.keys.clear()
            return None
        await let_go.wait()
        rows.dated["watch:p"] = CLOCK.now() + timedelta(hours=1)
        return 3_600.0

    engine = EmbeddedEngine(SteadyClock(clock), rows)
    task = asyncio.create_task(engine.run({"watch": recorder(calls, asks_the_cloud)}))
    await until(lambda: calls == ["p"])
    clock.by = timedelta(hours=-1)
    await until(lambda: bool(rows.moved))
    rows.full = full
    let_go.set()
    await asyncio.sleep(0.3)
    assert len(calls) == (1 if full else 2)
    rows.full = False
    await until(lambda: len(calls) == 2, seconds=1)
    await until(lambda: engine._old_dates_until is None, seconds=1)
    await engine.stop(1.0)
    await task


async def test_while_nothing_can_be_written_nothing_is_begun_and_all_goes_on_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.engine.embedded.LOOK_SECONDS", 0.01)
    rows, calls = Rows(*(f"submit:{number}" for number in range(40))), list[str]()
    rows.full = True

    async def fails_while_full(_: str) -> float | None:
        if rows.full:
            raise StoreFailed("The disk is full.")
        return None

    async with embedded(rows, submit=recorder(calls, fails_while_full)) as engine:
        await until(lambda: len(calls) == 16)
        engine.schedule("submit:later", CLOCK.now())
        await asyncio.sleep(0.1)
        assert len(calls) == 16
        calls.clear()
        rows.full = False
        await until(lambda: set(calls) == {*map(str, range(40)), "later"})
    assert len(calls) == 41


async def test_jobs_give_way_to_commands_that_wait_for_their_acknowledgement_and_to_no_endless_row_of_them() -> None:
    waiting, calls, begun = True, list[str](), list[float]()
    loop = asyncio.get_running_loop()

    async def endless(_: str) -> float | None:
        begun.append(loop.time())
        return None

    rows = Rows()
    engine = EmbeddedEngine(SteadyClock(CLOCK), rows, acknowledging=lambda: waiting)
    task = asyncio.create_task(engine.run({"plan": recorder(calls), "watch": endless}))
    engine.schedule("plan:r", CLOCK.now())
    await asyncio.sleep(0.1)
    assert calls == []
    waiting = False
    await until(lambda: calls == ["r"], seconds=0.3)
    waiting, at = True, loop.time()
    engine.schedule("watch:p", CLOCK.now())
    await until(lambda: bool(begun))
    assert 1.9 < begun[0] - at < 4.0
    await engine.stop(1.0)
    await task


async def test_the_next_of_a_lane_that_gave_way_begins_as_soon_as_no_command_waits() -> None:
    waiting, calls = False, list[str]()
    let_go = asyncio.Event()

    async def handler(key: str) -> float | None:
        calls.append(key)
        if key == "one":
            await let_go.wait()
        return None

    engine = EmbeddedEngine(SteadyClock(CLOCK), Rows(), share=1, acknowledging=lambda: waiting)
    task = asyncio.create_task(engine.run({"plan": handler}))
    engine.schedule("plan:one", CLOCK.now(), "a lane")
    await until(lambda: calls == ["one"])
    engine.schedule("plan:two", CLOCK.now(), "a lane")
    await asyncio.sleep(0.02)
    waiting = True
    let_go.set()
    await asyncio.sleep(0.1)
    assert calls == ["one"]
    waiting = False
    await until(lambda: calls == ["one", "two"], seconds=0.3)
    await engine.stop(1.0)
    await task


async def test_while_commands_wait_for_long_each_lane_does_one_job_at_a_time_and_all_of_them_after_that() -> None:
    waiting, running = True, list[str]()
    let_go = asyncio.Event()

    async def handler(key: str) -> float | None:
        running.append(key)
        await let_go.wait()
        return None

    engine = EmbeddedEngine(SteadyClock(CLOCK), Rows(), acknowledging=lambda: waiting)
    task = asyncio.create_task(engine.run({"plan": handler}))
    for number in range(5):
        for lane in ("alice", "bob"):
            engine.schedule(f"plan:{lane}-{number}", CLOCK.now(), lane)
    await until(lambda: len(running) == 2)
    await asyncio.sleep(0.2)
    assert sorted(running) == ["alice-0", "bob-0"]
    waiting = False
    await until(lambda: len(running) == 10, seconds=0.3)
    let_go.set()
    await engine.stop(1.0)
    await task


async def test_while_nothing_can_be_written_down_all_that_is_due_is_overdue() -> None:
    rows = Rows()
    rows.full = True

    async def fails(_: str) -> float | None:
        raise StoreFailed("The disk is full.")

    async with embedded(rows, plan=fails, watch=fails) as engine:
        engine.schedule("plan:a", CLOCK.now())
        await until(lambda: bool(engine._held))
        engine.schedule("watch:b", CLOCK.now() - timedelta(seconds=9))
        found = await engine.overdue()
        assert found.jobs == 2
        assert 9 <= found.seconds < 30
