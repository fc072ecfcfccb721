"""The alarm clock, in its shared form: PgQueuer on the database of the rows, for several replicas.

A job is queued in the transaction that calls for it. One replica picks it and keeps a lease on it, and another takes it
over where that replica is dead. What is lost all the same is found by the sweep: rows are the truth, as in the embedded
engine.

A job that wants to come again within seconds stays with its replica for a while; one that waits longer is given back.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence, Set
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import asyncpg
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import FailingListenerError
from pgqueuer.domain.models import Job
from pgqueuer.domain.types import QueueManagerId

from bot.domain.errors import StoreFailed
from bot.engine import pgqueuer_table as table
from bot.ports.clock import Clock, FollowingClock
from bot.ports.jobs import OLD_DATES_SECONDS, Handler, JobSource, Overdue

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
"""How old the last beat of a job may be before another replica takes it over; beats come at half of it."""

LOOK = timedelta(seconds=2)
"""How often the table is looked at though nothing is heard of it; notifications and due times come first."""

SLICE_SECONDS = 60.0
HOLD_SECONDS = 5.0
"""How long a job stays with a replica at most, and which waits it stays for."""

SWEEP_SECONDS = 15.0
AFTER_A_BUG_SECONDS = 5.0
AFTER_A_FAILURE_SECONDS = 1.0
"""Until the database is tried again where it is away, and until a job is that met that."""

GIVES_WAY_SECONDS = 2.0
"""How long a job gives way to commands that wait for their acknowledgement from this replica."""
QUIET_SECONDS = 0.01
"""How long no command may wait before jobs are begun again; the next one of many comes sooner."""

OTHERS_LATER_SECONDS = 3.0
"""How long the others leave a job to the replica that called for it: as long as a trigger of Slack's opens forms."""

STEP_SECONDS = 1.0
"""A clock that is further away from where it was to be has been set."""

PRUNE_EVERY_SECONDS = 3600.0
KEPT = timedelta(hours=6)
"""Of PgQueuer's log and statistics."""

PICKED_TOGETHER = 20
CONNECTIONS = 4
"""One listens; the others look at the table, beat and complete."""

AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, FailingListenerError)
"""Raised where the database is away, or the connection on which it notifies."""

TELLING_SECONDS = 0.5
"""An answer that took longer says too little about the moment it was given."""

Pool = Any
_Task = asyncio.Task[Any]


class _Mine:
    """A job that is here. What is wanted of it meanwhile stands in the table as well."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        """Set when it is wanted once more."""
        self._again_at: float | None = None
        self._about: set[str] | None = None

    def wanted(self, moment: float, about: Sequence[str] | None) -> None:
        self.asks(moment)
        self._about = None if self._about is None or about is None else self._about.union(about)
        self.changed.set()

    def asks(self, moment: float) -> None:
        self._again_at = moment if self._again_at is None else min(moment, self._again_at)

    def begin(self) -> None:
        self._again_at = None

    def wait_s(self, now: float) -> float | None:
        """Seconds until it is to run again; None for never."""
        self.changed.clear()
        return None if self._again_at is None else max(self._again_at - now, 0.0)

    def take_changed(self) -> set[str] | None:
        changed, self._about = self._about, set()
        return changed


async def connected(url: str) -> Pool:
    """The connections of the engine, with PgQueuer's tables made. Raises StoreFailed."""
    try:
        return await _connected(url)
    except AWAY as exc:
        raise StoreFailed(f"The bot's jobs can't be kept in PostgreSQL ({exc}).") from exc


async def _connected(url: str) -> Pool:
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=CONNECTIONS,
        command_timeout=10.0,
        timeout=5.0,
        reset=_nothing,
        server_settings={"application_name": "snapshot-bot jobs", "jit": "off"},
    )
    with ExitStack() as stack:
        stack.callback(pool.terminate)
        async with pool.acquire() as connection:
            await table.install(connection)
        stack.pop_all()
    return pool


async def ahead(
    date: Callable[[], Coroutine[Any, Any, datetime]], clock: Clock, within_s: float = TELLING_SECONDS
) -> timedelta | None:
    """How far the date of the database is ahead of a clock. None: its answer took too long to tell, as it does where
    this process was frozen meanwhile.
    """
    before, asked_at = clock.now(), clock.monotonic()
    there = await date()
    took_s = clock.monotonic() - asked_at
    return None if took_s > within_s else there - before - timedelta(seconds=took_s / 2)


async def _nothing(_: Any) -> None:
    """Between two statements nothing of a connection has to be set anew."""


class SharedEngine:
    """One a replica. The store calls `enqueue` before a commit and `committed` after it; `run` returns after `stop`.

    `share` is how many jobs of one lane run together in this replica. `takes_turn`: whether this replica is the one
    that does a chore now, of which the others hear that it is done. `date`: of the database, which is that of all.
    `acknowledging`: whether a command waits for its acknowledgement from this replica, for which its jobs give way.
    `first_here`: kinds of jobs that the replica runs at once whose transaction called for them, as it holds what no row
    does; where it did not end one, the others take it up.
    """

    def __init__(
        self,
        clock: FollowingClock,
        rows: JobSource,
        pool: Pool,
        takes_turn: Callable[[str, datetime], Coroutine[Any, Any, bool]],
        date: Callable[[], Coroutine[Any, Any, datetime]],
        *,
        share: int = 16,
        acknowledging: Callable[[], bool] = lambda: False,
        first_here: Set[str] = frozenset(),
    ) -> None:
        self._clock, self._rows, self._pool = clock, rows, pool
        self._takes_turn = takes_turn
        self._date = date
        self._share = share
        self._acknowledging = acknowledging
        self._first_here = first_here
        self._handlers: Mapping[str, Handler] = {}
        self._quiet_from = clock.monotonic()
        self._way = asyncio.Lock()
        """Of all that give way one looks whether a command waits."""
        self._id = uuid4()
        self._lanes: WeakValueDictionary[tuple[str, str], asyncio.Semaphore] = WeakValueDictionary()
        self._mine: dict[str, _Mine] = {}
        self._waits: dict[int, float | None] = {}
        """Of each job that ended, when it is to come again, until the table has it."""
        self._idle, self._busy, self._beside = set[_Task](), set[_Task](), set[_Task]()
        self._loose: list[_Job] = []
        self.on_news: Callable[[str], None] = lambda news: None
        """Who hears what another replica was told."""
        self._added = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ending = False
        """Nothing is held any more: it stops, or the database is away."""
        self._manager: QueueManager | None = None
        self._old_dates_until: float | None = None
        """Where the clock was set back: until when rows may be given a date from before."""
        self._turned_at = clock.monotonic()

    async def enqueue(self, connection: Any, jobs: Sequence[table.CalledFor]) -> None:
        """Queue the jobs that a transaction calls for, on its connection."""
        turns = table.by_key(jobs, self._clock.now())
        for key in turns:
            turns[key].wait_s += OTHERS_LATER_SECONDS if table.kind(key) in self._first_here else 0.0
        await table.put(connection, turns, str(self._id))

    def committed(self, key: str, at: datetime, lane: str, about: str) -> None:
        """A job was queued by a transaction of this replica: where it runs here, it need not be read from the table."""
        if key in self._mine:
            self._mine[key].wanted(self._moment(at), [about] if about else [])
        elif table.kind(key) in self._handlers.keys() & self._first_here and not self._ending:
            self._mine[key] = _Mine()
            self._go_on_beside(self._here(key, lane))

    async def _here(self, key: str, lane: str) -> None:
        """Once. What has to come again does so from the table, where it stands as well."""
        try:
            await self._turn(key, self._lane(key, lane), self._handlers[table.kind(key)])
        finally:
            del self._mine[key]

    def schedule(self, key: str, at: datetime, lane: str = "") -> None:
        """Run a job that no transaction calls for. It is queued as soon as the database takes it."""
        if key in self._mine:
            self._mine[key].wanted(self._moment(at), [])
        else:
            self._loose.append(_Job(key, at, lane))
            self._added.set()

    def take_changed(self, key: str) -> set[str] | None:
        """The rows about which a job that runs here was called for since this was asked last; None: that is not known,
        as it has just come here.
        """
        return self._mine[key].take_changed()

    def tell(self, news: str) -> None:
        """Pass on to the other replicas what only this one was told. None of them may rely on hearing it."""
        self._go_on_beside(self._tell(f"{self._id} {news}"))

    def _go_on_beside(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(what)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _tell(self, text: str) -> None:
        with suppress(*AWAY):
            await self._pool.execute("select pg_notify($1, $2)", table.NEWS, text)

    @property
    def idle_s(self) -> float:
        """Seconds since it last looked at the table, or tried to."""
        return self._clock.monotonic() - self._turned_at

    async def overdue(self) -> Overdue:
        """Of all replicas. Raises StoreFailed."""
        try:
            return Overdue(*await table.overdue(self._pool))
        except AWAY as exc:
            raise StoreFailed(f"The bot's jobs can't be counted in PostgreSQL ({exc}).") from exc

    async def run(self, handlers: Mapping[str, Handler]) -> None:
        """Call the handler named before the colon of each key when its time has come, until `stop`."""
        self._handlers = handlers
        beside = [asyncio.create_task(one) for one in (self._sweeping(), self._queueing(), self._pruning())]
        try:
            while not self._stopping.is_set():
                await self._work(handlers)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def stop(self, grace_s: float) -> None:
        """Pick nothing more, give back what waits, and let what runs end; after `grace_s` seconds it is cancelled."""
        self._stopping.set()
        if self._manager is not None:
            self._manager.shutdown.set()
        self._give_back()
        if self._busy:
            _, late = await asyncio.wait(self._busy, timeout=grace_s)
            for task in late:
                task.cancel()

    # --- PgQueuer -----------------------------------------------------------------------------------------------------

    async def _work(self, handlers: Mapping[str, Handler]) -> None:
        """Until the stop, or until the database goes away; all that ran has ended then."""
        self._turned_at, self._ending = self._clock.monotonic(), self._stopping.is_set()
        own = table.queries(
            table.CoalescingDriver(self._pool, {table.WANTED: self._on_note, table.NEWS: self._on_other_news}),
            owner=self._id,
            next_s=lambda job: self._waits.pop(int(job.id), 0.0),
            on_turn=self._on_turn,
            on_lost=self._give_back,
            sleep=self._clock.sleep,
        )
        manager = self._manager = QueueManager(own, channel=table.SETTINGS.channel)
        manager.queue_manager_id = QueueManagerId(self._id)
        manager.min_dequeue_poll_interval = timedelta(milliseconds=20)
        for kind, handler in handlers.items():
            manager.entrypoint(kind, accepts_context=False)(self._entry(handler))
        try:
            await own.release()
            await manager.run(
                dequeue_timeout=LOOK,
                batch_size=PICKED_TOGETHER,
                heartbeat_timeout=LEASE,
                shutdown_on_listener_failure=True,
                log_aggregation_interval=timedelta(),
            )
        except AWAY as exc:  # the rows know what is to be done, and it is tried until it works
            log.warning("the jobs wait for the database", extra={"error": type(exc).__name__})
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), AFTER_A_FAILURE_SECONDS)

    def _on_turn(self) -> None:
        self._turned_at = self._clock.monotonic()

    def _give_back(self) -> None:
        """Whatever waits here for room or for its time; PgQueuer hears of it as cancelled."""
        self._ending = True
        for task in list(self._idle):
            task.cancel()

    def _entry(self, handler: Handler) -> Callable[[Job], Coroutine[Any, Any, None]]:
        async def entry(job: Job) -> None:
            key, lane = table.key_and_lane(job)
            if key in self._mine:  # it runs here first
                self._waits[int(job.id)] = OTHERS_LATER_SECONDS
                return
            self._mine[key] = _Mine()
            try:
                self._waits[int(job.id)] = await self._turns(key, self._lane(key, lane), handler)
            finally:
                del self._mine[key]

        return entry

    # --- one job ------------------------------------------------------------------------------------------------------

    def _lane(self, key: str, lane: str) -> asyncio.Semaphore:
        """Whose jobs wait for each other: those of one kind and, where the rows say so, of one project and person."""
        return self._lanes.setdefault((table.kind(key), lane), asyncio.Semaphore(self._share))

    async def _turns(self, key: str, lane: asyncio.Semaphore, handler: Handler) -> float | None:
        """Run it, and again while it wants to come again soon; answers in how many seconds it is to come elsewhere."""
        until = self._clock.monotonic() + SLICE_SECONDS * random.uniform(0.5, 1.0)
        mine = self._mine[key]
        while True:
            if (delay_s := await self._turn(key, lane, handler)) is not None:
                mine.asks(self._clock.monotonic() + delay_s)
            while wait_s := mine.wait_s(now := self._clock.monotonic()):
                if wait_s > min(until - now, HOLD_SECONDS) or self._ending:
                    return wait_s
                with suppress(TimeoutError):
                    await self._waiting(asyncio.wait_for(mine.changed.wait(), wait_s))
            if wait_s is None or now > until or self._ending:
                return wait_s

    async def _turn(self, key: str, lane: asyncio.Semaphore, handler: Handler) -> float | None:
        await self._waiting(self._give_way())
        await self._waiting(lane.acquire())
        try:
            self._mine[key].begin()
            return await self._call(key, handler)
        finally:
            lane.release()

    async def _give_way(self) -> None:
        until = self._clock.monotonic() + GIVES_WAY_SECONDS
        async with self._way:
            while True:
                now = self._clock.monotonic()
                if self._acknowledging():
                    self._quiet_from = now + QUIET_SECONDS
                if now >= min(self._quiet_from, until):
                    return
                await self._clock.sleep(QUIET_SECONDS)

    async def _waiting(self, wait: Coroutine[Any, Any, Any]) -> None:
        """In which it may be given back at any time."""
        task = asyncio.current_task()
        assert task is not None
        self._idle.add(task)
        try:
            await wait
        finally:
            self._idle.discard(task)

    async def _call(self, key: str, handler: Handler) -> float | None:
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            return await handler(key.partition(":")[2])
        except StoreFailed:  # the store says so itself
            return AFTER_A_FAILURE_SECONDS
        except Exception:  # one that left here would end the job for good
            log.exception("a job failed and will be tried again", extra={"job": key})
            return AFTER_A_BUG_SECONDS
        finally:
            self._busy.discard(task)

    # --- what is heard ------------------------------------------------------------------------------------------------

    def _moment(self, at: datetime) -> float:
        return self._clock.monotonic() + (at - self._clock.now()).total_seconds()

    def _on_note(self, text: str) -> None:
        replica, key, about = table.note_from(text)
        if replica != str(self._id) and key in self._mine:
            self._mine[key].wanted(self._clock.monotonic(), about)

    def _on_other_news(self, text: str) -> None:
        replica, _, news = text.partition(" ")
        if replica != str(self._id):
            self.on_news(news)

    # --- beside -------------------------------------------------------------------------------------------------------

    async def _queueing(self) -> None:
        """Put into the table what was wanted without a transaction, as soon as the database takes it."""
        while True:
            await self._added.wait()
            self._added.clear()
            loose, self._loose = self._loose, []
            try:
                async with self._pool.acquire() as connection:
                    await self.enqueue(connection, loose)
            except AWAY:
                self._loose = [*loose, *self._loose]
                await self._clock.sleep(AFTER_A_FAILURE_SECONDS)
                self._added.set()

    async def _sweeping(self) -> None:
        """Queue what the rows call for and no job covers. One replica at a time does it for all."""
        while True:
            with suppress(StoreFailed, *AWAY):  # the next one reads again
                was_set = await self._follow()
                if self._old_dates_until is not None:
                    await self._bring_dates_back(self._old_dates_until)
                    was_set = True
                next_at = self._clock.now() + timedelta(seconds=SWEEP_SECONDS)
                if await self._takes_turn("sweep", next_at) or was_set:
                    await self._sweep(was_set)
            await self._clock.sleep(SWEEP_SECONDS * random.uniform(0.8, 1.0))

    async def _follow(self) -> bool:
        """Whether the database's clock was set: what waits for a date waits for another moment then."""
        by = await ahead(self._date, self._clock)
        if by is None:
            return False
        if by.total_seconds() >= STEP_SECONDS:  # before, or a look would seem to be over, and a POST be repeated
            await self._rows.look_longer(by)
        self._clock.follow(by)
        if was_set := abs(by.total_seconds()) >= STEP_SECONDS:
            log.warning("the database's clock was set", extra={"seconds": round(by.total_seconds(), 1)})
            if by < timedelta():
                self._old_dates_until = self._clock.monotonic() + OLD_DATES_SECONDS
        return was_set

    async def _bring_dates_back(self, until: float) -> None:
        """Each replica does, for the jobs that began in it before it heard of the new date."""
        now = self._clock.monotonic()
        await self._rows.bring_dates_back()
        self._old_dates_until = until if now < until else None

    async def _sweep(self, was_set: bool) -> None:
        called_for = [_Job(*job) for job in await self._rows.jobs()]
        async with self._pool.acquire() as connection:
            if was_set:
                await self.enqueue(connection, called_for)
            else:
                await table.put_if_missing(connection, table.by_key(called_for, self._clock.now()))

    async def _pruning(self) -> None:
        while True:
            with suppress(StoreFailed, *AWAY):  # the next one prunes as much more
                if await self._takes_turn("prune jobs", self._clock.now() + timedelta(seconds=PRUNE_EVERY_SECONDS)):
                    await table.prune(self._pool, KEPT)
            await self._clock.sleep(PRUNE_EVERY_SECONDS)


@dataclass(frozen=True, slots=True)
class _Job:
    """One that no transaction calls for."""

    key: str
    at: datetime
    lane: str = ""
    about: str = ""
