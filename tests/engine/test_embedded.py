"""Duties run when due, never twice at once, and none is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import SteadyClock, SystemClock
from bot.domain.errors import StoreFailed
from bot.engine.embedded import EmbeddedEngine
from bot.ports.jobs import Handler

CLOCK = SystemClock()


class Rows:
    """What a store would say its rows call for."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.dated: dict[str, datetime] = {}
        self.full = False
        self.moved: list[timedelta] = []

    async def jobs(self) -> Iterable[tuple[str, datetime, str]]:
        """What stands behind a slash is the lane."""
        past = CLOCK.now() - timedelta(minutes=1)
        return [(key, self.dated.get(key, past), key.partition("/")[2]) for key in self.keys]

    async def writable(self) -> bool:
        return not self.full

    async def clock_set(self, by: timedelta) -> None:
        if self.full:
            raise StoreFailed("The disk is full.")
        self.moved.append(by)


class SetClock(SystemClock):
    """The machine's clock, which somebody may set."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


@asynccontextmanager
async def running(rows: Rows, **handlers: Handler) -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine(SteadyClock(CLOCK), rows)
    task = asyncio.create_task(engine.run(handlers))
    try:
        yield engine
    finally:
        await engine.stop(1.0)
        await task


async def until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not predicate():
            await asyncio.sleep(0.001)


def recorder(calls: list[str], then: Callable[[str], Awaitable[float | None]] | None = None) -> Handler:
    async def handler(rest: str) -> float | None:
        calls.append(rest)
        return await then(rest) if then else None

    return handler


async def test_what_the_rows_call_for_is_done_at_the_start() -> None:
    calls: list[str] = []
    async with running(Rows("plan:a", "plan:b"), plan=recorder(calls)):
        await until(lambda: sorted(calls) == ["a", "b"])


async def test_a_duty_is_run_when_its_time_has_come_and_not_before() -> None:
    at: list[datetime] = []
    due = CLOCK.now() + timedelta(milliseconds=80)

    async def handler(_: str) -> float | None:
        at.append(CLOCK.now())
        return None

    async with running(Rows(), plan=handler) as engine:
        engine.schedule("plan:a", due)
        await until(lambda: bool(at))
    assert at[0] >= due


async def test_the_earliest_of_two_alarms_counts_and_rings_once() -> None:
    calls: list[str] = []
    async with running(Rows(), plan=recorder(calls)) as engine:
        engine.schedule("plan:a", CLOCK.now() + timedelta(milliseconds=60))
        engine.schedule("plan:a", CLOCK.now())
        engine.schedule("plan:a", CLOCK.now() + timedelta(milliseconds=30))
        await until(lambda: bool(calls))
        await asyncio.sleep(0.1)
    assert calls == ["a"]


async def test_a_duty_never_runs_twice_at_once_and_an_alarm_meanwhile_is_kept() -> None:
    at_once: list[int] = []
    now_running = 0
    release = asyncio.Event()

    async def handler(_: str) -> float | None:
        nonlocal now_running
        now_running += 1
        at_once.append(now_running)
        await release.wait()
        now_running -= 1
        return None

    async with running(Rows(), submit=handler) as engine:
        engine.schedule("submit:a", CLOCK.now())
        await until(lambda: len(at_once) == 1)
        engine.schedule("submit:a", CLOCK.now())
        engine.schedule("submit:a", CLOCK.now())
        await asyncio.sleep(0.02)
        release.set()
        await until(lambda: len(at_once) == 2)
    assert at_once == [1, 1]


async def test_a_handler_is_called_again_after_the_seconds_it_asks_for() -> None:
    calls: list[str] = []

    async def twice(_: str) -> float | None:
        return 0.01 if len(calls) < 3 else None

    async with running(Rows("watch:p"), watch=recorder(calls, twice)):
        await until(lambda: len(calls) == 3)
        await asyncio.sleep(0.05)
    assert calls == ["p", "p", "p"]


async def test_an_exception_never_ends_a_duty_nor_the_others(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.embedded.AFTER_A_BUG_SECONDS", 0.01)
    calls: list[str] = []

    async def broken_once(_: str) -> float | None:
        if len(calls) == 1:
            raise ZeroDivisionError
        return None

    with caplog.at_level(logging.ERROR):
        async with running(Rows("plan:a"), plan=recorder(calls, broken_once)):
            await until(lambda: len(calls) == 2)
    assert [record.message for record in caplog.records] == ["a job failed and will be tried again"]


async def test_a_lost_alarm_is_found_again_in_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.engine.embedded.SWEEP_SECONDS", 0.02)
    calls: list[str] = []
    rows = Rows()
    async with running(rows, plan=recorder(calls)):
        await asyncio.sleep(0.03)
        rows.keys.append("plan:late")  # written by another process: nobody woke this engine
        await until(lambda: "late" in calls)


async def test_a_sweep_does_not_hurry_a_duty_that_asked_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.engine.embedded.SWEEP_SECONDS", 0.02)
    calls: list[str] = []

    async def wait_long(_: str) -> float | None:
        return 60.0

    async with running(Rows("report:c"), report=recorder(calls, wait_long)):
        await asyncio.sleep(0.15)
    assert calls == ["c"]


@pytest.mark.parametrize(
    ("hanging", "healthy"),
    [("submit:{}/slow", "submit:x/fast"), ("submit:{}/slow", "plan:x/slow"), ("report:{}/C1", "report:x/C2")],
)
async def test_work_that_hangs_holds_up_neither_another_lane_nor_another_kind(hanging: str, healthy: str) -> None:
    release, begun, done = asyncio.Event(), list[str](), list[str]()

    async def handler(rest: str) -> float | None:
        if rest.startswith("x"):
            done.append(rest)
        else:
            begun.append(rest)
            await release.wait()
        return None

    rows = Rows(*(hanging.format(number) for number in range(400)))
    async with running(rows, submit=handler, plan=handler, report=handler) as engine:
        await until(lambda: bool(begun))
        engine.schedule(healthy, CLOCK.now(), healthy.partition("/")[2])
        await until(lambda: bool(done))
        assert len(begun) == 16
        release.set()
        await until(lambda: len(begun) == 400)


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

    async with running(rows, submit=recorder(calls, fails_while_full)) as engine:
        await until(lambda: len(calls) == 16)
        engine.schedule("submit:later", CLOCK.now())
        await asyncio.sleep(0.1)
        assert len(calls) == 16
        calls.clear()
        rows.full = False
        await until(lambda: set(calls) == {*map(str, range(40)), "later"})
    assert len(calls) == 41


async def test_a_stop_lets_what_runs_end_and_cancels_what_does_not() -> None:
    ended: list[str] = []

    async def handler(rest: str) -> float | None:
        try:
            await asyncio.sleep(0.05 if rest == "short" else 60)
            ended.append(rest)
        except asyncio.CancelledError:
            ended.append(f"{rest} cancelled")
            raise
        return None

    engine = EmbeddedEngine(SteadyClock(CLOCK), Rows("plan:short", "plan:long"))
    task = asyncio.create_task(engine.run({"plan": handler}))
    await asyncio.sleep(0.02)
    await engine.stop(0.2)
    await task
    assert sorted(ended) == ["long cancelled", "short"]


async def test_a_stop_while_the_rows_are_read_ends_it_and_nothing_is_begun() -> None:
    reading, calls = asyncio.Event(), list[str]()

    class SlowRows(Rows):
        async def jobs(self) -> Iterable[tuple[str, datetime, str]]:
            reading.set()
            await asyncio.sleep(0.05)
            return await super().jobs()

    engine = EmbeddedEngine(SteadyClock(CLOCK), SlowRows("plan:a"))
    task = asyncio.create_task(engine.run({"plan": recorder(calls)}))
    await reading.wait()
    await engine.stop(1.0)
    async with asyncio.timeout(2):
        await task
    assert calls == []
