"""The engine of several replicas: no wish is lost between them, and the work of one that is gone goes on."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from uuid import uuid4

import asyncpg
import pytest
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.ports.repository import EntrypointExecutionParameter

from bot.clock import SteadyClock
from bot.domain.errors import StoreFailed
from bot.engine import pgqueuer_table as table
from bot.engine.shared import SharedEngine, ahead, connected
from bot.ports.jobs import Handler
from tests.builders import FakeClock
from tests.fakes.engines import CLOCK, Rows, always, at_work, date, recorder, shared, until
from tests.postgres import Cluster


@dataclass(frozen=True)
class Wanted:
    key: str
    at: datetime
    lane: str = ""
    about: str = ""


@dataclass
class Replica:
    """An engine on connections of its own, and a connection for what its store would commit."""

    engine: SharedEngine
    writing: asyncpg.Connection

    async def commit(self, *jobs: Wanted) -> None:
        async with self.writing.transaction():
            await self.engine.enqueue(self.writing, jobs)
        for job in jobs:
            self.engine.committed(job.key, job.at, job.lane, job.about)


@asynccontextmanager
async def a_replica(url: str, *, first_here: Set[str] = frozenset(), **handlers: Handler) -> AsyncIterator[Replica]:
    writing = await asyncpg.connect(url)
    try:
        async with shared(url, Rows(), first_here=first_here, **handlers) as engine:
            yield Replica(engine, writing)
    finally:
        writing.terminate()


def now(*keys: str) -> Sequence[Wanted]:
    return [Wanted(key, CLOCK.now()) for key in keys]


async def jobs(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row["dedupe_key"] for row in await connection.fetch(f"select dedupe_key from {table.TABLE}")]
    finally:
        await connection.close()


# --- what is wanted ---------------------------------------------------------------------------------------------------


async def test_the_jobs_of_a_transaction_that_is_undone_are_undone_with_it(postgres_url: str) -> None:
    calls: list[str] = []
    async with a_replica(postgres_url, plan=recorder(calls)) as replica:
        transaction = replica.writing.transaction()
        await transaction.start()
        await replica.engine.enqueue(replica.writing, now("plan:undone"))
        await transaction.rollback()
        await replica.commit(*now("plan:done"))
        await until(lambda: bool(calls))
        await asyncio.sleep(0.1)
    assert calls == ["done"]


async def test_a_job_that_is_wanted_earlier_than_it_was_queued_runs_then_and_once(postgres_url: str) -> None:
    calls: list[str] = []
    async with a_replica(postgres_url, expire=recorder(calls)) as replica:
        await replica.commit(Wanted("expire:r", CLOCK.now() + timedelta(hours=1)))
        await replica.commit(Wanted("expire:r", CLOCK.now()), Wanted("expire:r", CLOCK.now() + timedelta(hours=2)))
        await until(lambda: bool(calls))
        await asyncio.sleep(0.3)
        assert await jobs(postgres_url) == []
    assert calls == ["r"]


async def test_whatever_is_wanted_of_a_job_at_whichever_replica_is_done_afterwards_and_never_twice_at_once(
    postgres_url: str,
) -> None:
    """A hundred and fifty wishes for three jobs, at random moments of their running, ending and waiting."""
    rng, running, wished, met = random.Random(7), set[str](), dict[str, int](), dict[str, int]()

    async def handler(rest: str) -> float | None:
        assert rest not in running
        running.add(rest)
        seen = wished.get(rest, 0)
        await asyncio.sleep(rng.choice([0.0, 0.002, 0.02]))
        running.remove(rest)
        met[rest] = max(met.get(rest, 0), seen)
        return rng.choice([None, None, None, 0.0, 0.01])

    async with a_replica(postgres_url, watch=handler) as one, a_replica(postgres_url, watch=handler) as other:
        for _ in range(150):
            key = rng.choice("abc")
            wished[key] = wished.get(key, 0) + 1
            await rng.choice([one, other]).commit(*now(f"watch:{key}"))
            await asyncio.sleep(rng.choice([0.0, 0.005, 0.03, 0.12]))
        await until(lambda: met == wished)


async def test_a_job_that_is_held_for_its_time_hears_of_another_replica_s_wish_and_whom_it_is_about(
    postgres_url: str,
) -> None:
    changed: list[set[str] | None] = []
    ran_at: list[datetime] = []

    async def report(_: str) -> float | None:
        changed.append(holder.take_changed("report:C1"))
        ran_at.append(CLOCK.now())
        return 4.0 if len(changed) < 3 else None

    async with shared(postgres_url, Rows(), report=report) as holder:
        holder.schedule("report:C1", CLOCK.now())
        await until(lambda: len(changed) == 1)
        async with a_replica(postgres_url) as other:
            await other.commit(Wanted("report:C1", CLOCK.now(), "C1", "r-one"))
            await until(lambda: len(changed) == 2)
            await other.commit(Wanted("report:C1", CLOCK.now(), "C1", "r-two" + "x" * 10_000))
            await until(lambda: len(changed) >= 3)
    assert changed[:3] == [None, {"r-one"}, None]
    assert ran_at[2] - ran_at[0] < timedelta(seconds=3)


async def test_a_job_of_a_kind_that_this_version_does_not_know_waits_for_one_that_does(postgres_url: str) -> None:
    calls: list[str] = []
    async with a_replica(postgres_url, plan=recorder(calls)) as older:
        await older.commit(*now("restore:r", "plan:r"))
        await until(lambda: calls == ["r"])
        async with shared(postgres_url, Rows(), restore=recorder(calls)):
            await until(lambda: calls == ["r", "r"])


# --- what one replica does best ---------------------------------------------------------------------------------------

HERE = frozenset({"answer"})


async def test_what_one_replica_does_best_runs_there_at_once_and_nowhere_again(postgres_url: str) -> None:
    here, elsewhere = list[str](), list[str]()
    rows = {f"{number}" for number in range(20)}

    async def answer(rest: str) -> float | None:
        if rest in rows:  # as of a job whose row is gone, nothing is left to do
            rows.discard(rest)
            here.append(rest)
        return None

    async def other(rest: str) -> float | None:
        if rest in rows:
            rows.discard(rest)
            elsewhere.append(rest)
        return None

    async with (
        a_replica(postgres_url, first_here=HERE, answer=answer) as pressed,
        a_replica(postgres_url, first_here=HERE, answer=other),
    ):
        for number in range(20):
            await pressed.commit(*now(f"answer:{number}"))
        await until(lambda: len(here) == 20, 2)
        await asyncio.sleep(3.5)
        assert await jobs(postgres_url) == []
    assert elsewhere == []


async def test_what_the_best_replica_does_not_end_another_one_takes_up(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.shared.OTHERS_LATER_SECONDS", 0.5)
    begun, taken = list[str](), list[str]()

    async def hang(rest: str) -> float | None:
        begun.append(rest)
        return await asyncio.Future[float]()

    async with a_replica(postgres_url, first_here=HERE, answer=hang) as pressed:
        await pressed.commit(*now("answer:a"))
        await asyncio.sleep(1.5)
        assert begun == ["a"]  # it looked at the table too, and left what it has in hand
        async with a_replica(postgres_url, first_here=HERE, answer=recorder(taken)):
            await until(lambda: taken == ["a"])


async def test_what_failed_where_it_was_to_be_done_first_comes_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.shared.OTHERS_LATER_SECONDS", 0.5)
    calls: list[str] = []

    async def fail_once(rest: str) -> float | None:
        calls.append(rest)
        if len(calls) == 1:
            raise RuntimeError("once")
        return None

    async with a_replica(postgres_url, first_here=HERE, answer=fail_once) as pressed:
        await pressed.commit(*now("answer:a"))
        await until(lambda: calls == ["a", "a"])
        await asyncio.sleep(0.2)
        assert await jobs(postgres_url) == []


def of_a_replica(pool: asyncpg.Pool) -> table.FencedQueries:
    return table.queries(
        AsyncpgPoolDriver(pool),
        owner=uuid4(),
        next_s=lambda _: None,
        on_turn=lambda: None,
        on_lost=lambda: None,
        sleep=CLOCK.sleep,
    )


# --- replicas that end ------------------------------------------------------------------------------------------------


async def test_the_jobs_of_a_replica_that_is_gone_are_taken_over_when_their_lease_ends(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.shared.LEASE", timedelta(seconds=1))
    monkeypatch.setattr("bot.engine.shared.LOOK", timedelta(milliseconds=200))
    calls, taken = list[str](), list[str]()

    async def never(_: str) -> float | None:
        return await asyncio.Future[float]()

    pool = await connected(postgres_url)
    gone = SharedEngine(SteadyClock(CLOCK), Rows(), pool, always, date)
    task = asyncio.create_task(gone.run({"submit": recorder(calls, never)}))
    gone.schedule("submit:a", CLOCK.now())
    await until(lambda: calls == ["a"])
    async with shared(postgres_url, Rows(), submit=recorder(taken)):
        await asyncio.sleep(1.5)
        assert taken == []  # it beats
        pool.terminate()
        await until(lambda: taken == ["a"])
    await gone.stop(0.0)
    await task


async def test_a_replica_that_stops_hands_over_at_once_what_it_held_and_what_it_was_amid(postgres_url: str) -> None:
    calls, taken = list[str](), list[str]()

    async def hold(rest: str) -> float | None:
        return 4.0 if rest == "held" else await asyncio.Future[float]()

    async with shared(postgres_url, Rows(), watch=recorder(calls, hold)) as stopping:
        for key in ("held", "amid"):
            stopping.schedule(f"watch:{key}", CLOCK.now())
        await until(lambda: sorted(calls) == ["amid", "held"])
        async with shared(postgres_url, Rows(), watch=recorder(taken)):
            await stopping.stop(0.1)
            await until(lambda: sorted(taken) == ["amid", "held"], 1.5)


async def test_a_replica_that_lost_its_lease_completes_nothing_and_beats_for_nothing(postgres_url: str) -> None:
    pool = await connected(postgres_url)
    zombie, owner = (of_a_replica(pool) for _ in range(2))
    async with pool.acquire() as connection:
        await table.put(connection, table.by_key(now("submit:a"), CLOCK.now()), "")
    kinds, lease = {"submit": EntrypointExecutionParameter(0)}, timedelta(milliseconds=50)
    [job] = await zombie.dequeue(1, kinds, zombie.owner, None, lease)
    await asyncio.sleep(0.1)
    assert [taken.id for taken in await owner.dequeue(1, kinds, owner.owner, None, lease)] == [job.id]
    await zombie.update_heartbeat([job.id])
    await zombie.log_jobs([(job, "successful", None)])
    assert await jobs(postgres_url) == ["submit:a"]
    await owner.log_jobs([(job, "successful", None)])
    assert await jobs(postgres_url) == []
    pool.terminate()


# --- a database that is away ------------------------------------------------------------------------------------------


async def test_a_database_that_is_away_for_a_while_ends_no_engine_and_loses_no_job(postgres_cluster: Cluster) -> None:
    postgres_cluster.start()
    calls: list[str] = []

    async def again_soon(_: str) -> float | None:
        return 0.1 if len(calls) < 50 else None

    making = await asyncpg.connect(postgres_cluster.url())
    await making.execute("create database bot")
    await making.close()
    url = postgres_cluster.url("bot")
    async with shared(url, Rows(), watch=recorder(calls, again_soon), plan=recorder(calls)) as engine:
        engine.schedule("watch:p", CLOCK.now())
        engine.schedule("plan:later", CLOCK.now() + timedelta(seconds=2))
        await until(lambda: len(calls) > 3)
        await asyncio.to_thread(postgres_cluster.stop, signal.SIGQUIT)
        engine.schedule("plan:meanwhile", CLOCK.now())
        await asyncio.sleep(3)
        assert engine.idle_s < 3
        await asyncio.to_thread(postgres_cluster.start)
        await until(lambda: {"later", "meanwhile"} <= set(calls) and calls.count("p") >= 48, 20)


# --- the tables -------------------------------------------------------------------------------------------------------


async def test_replicas_that_start_together_make_the_tables_once_and_a_later_version_is_left_alone(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools = await asyncio.gather(*(connected(postgres_url) for _ in range(3)))
    connection = await asyncpg.connect(postgres_url)
    text = f"select obj_description('{table.TABLE}'::regclass)"
    assert await connection.fetchval(text) == version("pgqueuer")
    await connection.execute(f"comment on table {table.TABLE} is '1.0.0'")
    await table.install(connection)
    assert await connection.fetchval(text) == version("pgqueuer")
    await connection.execute(f"comment on table {table.TABLE} is '99.0.0'")
    await table.install(connection)
    assert await connection.fetchval(text) == "99.0.0"
    await connection.close()
    for pool in pools:
        pool.terminate()


async def test_whatever_the_engine_has_on_the_server_is_there_after_a_standby_took_over(postgres_url: str) -> None:
    async with a_replica(postgres_url) as replica:
        kinds = await replica.writing.fetch(
            "select relname from pg_class where relname like 'snapshot_bot_%' and relpersistence <> 'p'"
        )
        assert [row["relname"] for row in kinds] == []


async def test_what_pgqueuer_logs_of_hours_ago_is_dropped(postgres_url: str) -> None:
    calls: list[str] = []
    async with a_replica(postgres_url, plan=recorder(calls)) as replica:
        await replica.commit(*now("plan:r"))
        await until(lambda: bool(calls))
        logged = f"select count(*) from {table.SETTINGS.queue_table_log}"
        assert await replica.writing.fetchval(logged) == 1
        await table.prune(replica.writing, timedelta(hours=1))
        assert await replica.writing.fetchval(logged) == 1
        await table.prune(replica.writing, timedelta())
        assert await replica.writing.fetchval(logged) == 0


# --- whose turn it is -------------------------------------------------------------------------------------------------


async def test_jobs_give_way_to_commands_that_wait_for_their_acknowledgement_and_to_no_endless_row_of_them(
    postgres_url: str,
) -> None:
    waiting, calls, begun = True, list[str](), list[float]()
    loop = asyncio.get_running_loop()

    async def endless(_: str) -> float | None:
        begun.append(loop.time())
        return None

    pool = await connected(postgres_url)
    engine = SharedEngine(SteadyClock(CLOCK), Rows(), pool, always, date, acknowledging=lambda: waiting)
    async with at_work(engine, {"plan": recorder(calls), "watch": endless}):
        for number in range(30):
            engine.schedule(f"plan:{number}", CLOCK.now())
        await asyncio.sleep(0.5)
        assert calls == []
        waiting = False
        await until(lambda: len(calls) == 30, seconds=1.5)
        waiting, at = True, loop.time()
        engine.schedule("watch:p", CLOCK.now())
        await until(lambda: bool(begun))
        assert 1.9 < begun[0] - at < 4.0
    pool.terminate()


async def test_what_gives_way_is_given_back_at_a_stop(postgres_url: str) -> None:
    pool = await connected(postgres_url)
    calls = list[str]()
    engine = SharedEngine(SteadyClock(CLOCK), Rows(), pool, always, date, acknowledging=lambda: True)
    async with at_work(engine, {"plan": recorder(calls)}):
        engine.schedule("plan:r", CLOCK.now())
        await until(lambda: "plan:r" in engine._mine)
    pool.terminate()
    async with shared(postgres_url, Rows(), plan=recorder(calls)):
        await until(lambda: calls == ["r"], seconds=3)


# --- the date ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("takes_s", "told"), [(0.2, timedelta(hours=1)), (60.0, None)])
async def test_a_date_counts_for_the_middle_of_its_answer_and_not_where_this_replica_was_frozen(
    takes_s: float, told: timedelta | None
) -> None:
    clock = FakeClock()

    async def date_there() -> datetime:
        clock.pass_(seconds=takes_s / 2)
        date = clock.now() + timedelta(hours=1)
        clock.pass_(seconds=takes_s / 2)
        return date

    assert await ahead(date_there, clock) == told


async def test_what_is_written_with_an_old_date_after_the_clock_was_set_back_waits_for_no_hour(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a job that began before; the row's date counts once it was brought back, by each replica for its own jobs."""
    monkeypatch.setattr("bot.engine.shared.SWEEP_SECONDS", 0.05)
    monkeypatch.setattr("bot.engine.shared.OLD_DATES_SECONDS", 0.5)
    rows, calls, let_go, set_by = Rows("watch:p"), list[str](), asyncio.Event(), timedelta()

    async def never(_: str, __: datetime) -> bool:
        return not set_by  # another replica sweeps then

    async def date_there() -> datetime:
        return CLOCK.now() + set_by

    async def asks_the_cloud(_: str) -> float | None:
        if len(calls) > 1:
            rows.keys.clear()
            return None
        await let_go.wait()
        rows.dated["watch:p"] = CLOCK.now() + timedelta(hours=1)
        return 3_600.0

    pool = await connected(postgres_url)
    engine = SharedEngine(steady := SteadyClock(CLOCK), rows, pool, never, date_there)
    async with at_work(engine, {"watch": recorder(calls, asks_the_cloud)}):
        await until(lambda: calls == ["p"])
        set_by = -timedelta(hours=1)
        await until(lambda: steady.ahead() > timedelta(minutes=59))
        let_go.set()
        await until(lambda: len(calls) == 2)
        await until(lambda: engine._old_dates_until is None)
    pool.terminate()


async def test_before_the_date_goes_forward_what_is_looked_for_is_looked_for_longer(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.shared.SWEEP_SECONDS", 0.05)
    steady, set_by = SteadyClock(CLOCK), timedelta()
    followed: list[timedelta] = []

    class Looking(Rows):
        async def look_longer(self, by: timedelta) -> None:
            followed.append(steady.ahead())
            if len(followed) == 1:
                raise StoreFailed("The server is away.")
            await super().look_longer(by)

    async def date_there() -> datetime:
        return CLOCK.now() + set_by

    pool = await connected(postgres_url)
    async with at_work(SharedEngine(steady, rows := Looking(), pool, always, date_there), {}):
        await asyncio.sleep(0.2)
        assert rows.longer == []
        set_by = timedelta(hours=1)
        await until(lambda: steady.ahead() < -timedelta(minutes=59))
        assert all(abs(ahead_by) < timedelta(seconds=1) for ahead_by in followed)
        assert [round(by.total_seconds() / 60) for by in rows.longer] == [60]
    pool.terminate()
