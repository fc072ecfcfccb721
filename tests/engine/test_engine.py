"""The contract of an engine: jobs run when due, never twice at once, and none is lost. Both engines keep it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.fakes.engines import CLOCK, Rows, embedded, recorder, shared, until
from tests.postgres import database_of

EngineOf = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture(params=["embedded", "shared"])
async def engine_of(request: pytest.FixtureRequest) -> AsyncIterator[EngineOf]:
    """Takes rows and handlers by kind; the engine is at work within it."""
    if request.param == "embedded":
        yield embedded
        return
    async with database_of(request.getfixturevalue("postgres_server")) as url:
        yield partial(shared, url)


def in_both(monkeypatch: pytest.MonkeyPatch, name: str, value: float) -> None:
    for engine in ("embedded", "shared"):
        monkeypatch.setattr(f"bot.engine.{engine}.{name}", value)


async def test_what_the_rows_call_for_is_done_at_the_start(engine_of: EngineOf) -> None:
    calls: list[str] = []
    async with engine_of(Rows("plan:a", "plan:b"), plan=recorder(calls)):
        await until(lambda: sorted(calls) == ["a", "b"])


async def test_a_job_is_run_when_its_time_has_come_and_not_before(engine_of: EngineOf) -> None:
    at: list[datetime] = []
    due = CLOCK.now() + timedelta(milliseconds=80)

    async def handler(_: str) -> float | None:
        at.append(CLOCK.now())
        return None

    async with engine_of(Rows(), plan=handler) as engine:
        engine.schedule("plan:a", due)
        await until(lambda: bool(at))
    assert at[0] >= due


async def test_the_earliest_of_two_alarms_counts_and_rings_once(engine_of: EngineOf) -> None:
    calls: list[str] = []
    async with engine_of(Rows(), plan=recorder(calls)) as engine:
        engine.schedule("plan:a", CLOCK.now() + timedelta(milliseconds=60))
        engine.schedule("plan:a", CLOCK.now())
        engine.schedule("plan:a", CLOCK.now() + timedelta(milliseconds=30))
        await until(lambda: bool(calls))
        await asyncio.sleep(0.1)
    assert calls == ["a"]


async def test_a_job_never_runs_twice_at_once_and_an_alarm_meanwhile_is_kept(engine_of: EngineOf) -> None:
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

    async with engine_of(Rows(), submit=handler) as engine:
        engine.schedule("submit:a", CLOCK.now())
        await until(lambda: len(at_once) == 1)
        engine.schedule("submit:a", CLOCK.now())
        engine.schedule("submit:a", CLOCK.now())
        await asyncio.sleep(0.02)
        release.set()
        await until(lambda: len(at_once) == 2)
    assert at_once == [1, 1]


async def test_a_handler_is_called_again_after_the_seconds_it_asks_for(engine_of: EngineOf) -> None:
    calls: list[str] = []

    async def twice(_: str) -> float | None:
        return 0.01 if len(calls) < 3 else None

    async with engine_of(Rows("watch:p"), watch=recorder(calls, twice)):
        await until(lambda: len(calls) == 3)
        await asyncio.sleep(0.05)
    assert calls == ["p", "p", "p"]


async def test_an_exception_never_ends_a_job_nor_the_others(
    engine_of: EngineOf, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_both(monkeypatch, "AFTER_A_BUG_SECONDS", 0.01)
    calls: list[str] = []

    async def broken_once(_: str) -> float | None:
        if len(calls) == 1:
            raise ZeroDivisionError
        return None

    with caplog.at_level(logging.ERROR):
        async with engine_of(Rows("plan:a"), plan=recorder(calls, broken_once)):
            await until(lambda: len(calls) == 2)
    assert [record.message for record in caplog.records] == ["a job failed and will be tried again"]


async def test_a_lost_alarm_is_found_again_in_the_rows(engine_of: EngineOf, monkeypatch: pytest.MonkeyPatch) -> None:
    in_both(monkeypatch, "SWEEP_SECONDS", 0.02)
    calls: list[str] = []
    rows = Rows()
    async with engine_of(rows, plan=recorder(calls)):
        await asyncio.sleep(0.03)
        rows.keys.append("plan:late")  # written by another process: nobody woke this engine
        await until(lambda: "late" in calls)


async def test_a_sweep_does_not_hurry_a_job_that_asked_to_wait(
    engine_of: EngineOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_both(monkeypatch, "SWEEP_SECONDS", 0.02)
    calls: list[str] = []

    async def wait_long(_: str) -> float | None:
        return 60.0

    async with engine_of(Rows("report:c"), report=recorder(calls, wait_long)):
        await until(lambda: bool(calls))
        await asyncio.sleep(0.15)
    assert calls == ["c"]


@pytest.mark.parametrize(
    ("hanging", "healthy"),
    [("submit:{}/slow", "submit:x/fast"), ("submit:{}/slow", "plan:x/slow"), ("report:{}/C1", "report:x/C2")],
)
async def test_work_that_hangs_holds_up_neither_another_lane_nor_another_kind(
    engine_of: EngineOf, hanging: str, healthy: str
) -> None:
    release, begun, done = asyncio.Event(), list[str](), list[str]()

    async def handler(rest: str) -> float | None:
        if rest.startswith("x"):
            done.append(rest)
        else:
            begun.append(rest)
            await release.wait()
        return None

    rows = Rows(*(hanging.format(number) for number in range(400)))
    async with engine_of(rows, submit=handler, plan=handler, report=handler) as engine:
        await until(lambda: bool(begun))
        engine.schedule(healthy, CLOCK.now(), healthy.partition("/")[2])
        await until(lambda: bool(done))
        assert len(begun) == 16
        release.set()
        await until(lambda: len(begun) == 400)


async def test_a_stop_lets_what_runs_end_and_cancels_what_does_not(engine_of: EngineOf) -> None:
    begun, ended = list[str](), list[str]()

    async def handler(rest: str) -> float | None:
        begun.append(rest)
        try:
            await asyncio.sleep(0.05 if rest == "short" else 60)
            ended.append(rest)
        except asyncio.CancelledError:
            ended.append(f"{rest} cancelled")
            raise
        return None

    async with engine_of(Rows("plan:short", "plan:long"), plan=handler) as engine:
        await until(lambda: len(begun) == 2)
        await engine.stop(0.2)
    assert sorted(ended) == ["long cancelled", "short"]


async def test_a_stop_while_the_rows_are_read_ends_it_and_nothing_is_begun(engine_of: EngineOf) -> None:
    reading, calls = asyncio.Event(), list[str]()

    class SlowRows(Rows):
        async def jobs(self) -> Iterable[tuple[str, datetime, str]]:
            reading.set()
            await asyncio.sleep(0.05)
            return await super().jobs()

    async with engine_of(SlowRows("plan:a"), plan=recorder(calls)) as engine:
        await reading.wait()
        await engine.stop(1.0)
    assert calls == []


async def test_a_job_that_is_due_and_finds_no_room_is_overdue_until_it_is_begun(engine_of: EngineOf) -> None:
    release = asyncio.Event()

    async def waits(_: str) -> float | None:
        await release.wait()
        return None

    async with engine_of(Rows(), plan=waits) as engine:
        assert await engine.overdue() == (0, 0.0)
        for number in range(200):  # a replica takes twenty at a time, and is asked in between
            engine.schedule(f"plan:{number}", CLOCK.now() - timedelta(seconds=5))
        engine.schedule("plan:later", CLOCK.now() + timedelta(hours=1))
        async with asyncio.timeout(20):
            while (found := await engine.overdue()).jobs == 0:
                await asyncio.sleep(0.01)
        assert 0 < found.jobs <= 200
        assert found.seconds >= 0
        release.set()
        async with asyncio.timeout(20):
            while (await engine.overdue()).jobs:
                await asyncio.sleep(0.01)
        assert (await engine.overdue()) == (0, 0.0)
