"""PgQueuer's table of jobs: how it is made, and the statements on it that are the bot's own.

PgQueuer picks what is due, keeps its lease by heartbeats and takes over what a dead replica had picked. Three things
its own statements leave open, and those here do not:

- A job that is wanted earlier, or again while it runs, is queued already by its key. The row is moved to the earlier
  time, or marked to come again.
- A replica that lost its lease may still complete the job that another one runs. Here only its owner can.
- A job may be wanted again in the instant in which it ends. Both touch the one row, so whichever comes second sees the
  other.

No statement here waits for a row that another transaction holds: it takes the others, and comes back.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol
from uuid import UUID

from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.adapters.persistence import schema_ddl
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.models import Job
from pgqueuer.domain.schema.queue import dedupe_predicate
from pgqueuer.domain.settings import DBSettings, Durability

SETTINGS = DBSettings(prefix="snapshot_bot_", durability=Durability.durable)
"""Beside the bot's own tables, and as durable, the log of jobs as well: a sequence that is not written ahead can't be
read once a standby has taken over (PostgreSQL 15, "bad magic number in sequence"), and each job that ends would fail.
"""

TABLE = SETTINGS.queue_table
WANTED = "snapshot_bot_wanted"
"""The channel on which replicas hear of jobs that are wanted while one of them runs them."""

NEWS = "snapshot_bot_news"
"""The channel on which they pass on to each other what Slack told one of them."""

_INSTALL_LOCK = 7_141_905_288_220_417_264
_MOST_NOTIFIED = 7_000
"""Bytes that PostgreSQL takes in one notification, with room to spare."""

AGAIN_S, TRIES = 0.05, 5
"""A row that another transaction holds is free again after its commit."""

_AGAIN = "(job.headers ->> 'again')::double precision"
_ON_CONFLICT = f"on conflict (dedupe_key) where {schema_ddl.spelled(dedupe_predicate(SETTINGS), SETTINGS)}"
_PUT = f"""
with wanted as (
    select * from unnest($1::text[], $2::text[], $3::bytea[], $4::double precision[], $5::text[])
        as wanted (key, kind, payload, wait_s, note)
), put as (
    insert into {TABLE} as job (priority, entrypoint, payload, execute_after, dedupe_key, status)
    select 0, kind, payload, clock_timestamp() + make_interval(secs => wait_s), key, 'queued' from wanted
    {_ON_CONFLICT} do update set
        execute_after = case job.status when 'queued' then excluded.execute_after else job.execute_after end,
        headers = case job.status when 'picked' then jsonb_build_object(
            'again', least({_AGAIN}, extract(epoch from excluded.execute_after)::double precision)) end
    where job.status = 'picked' or job.execute_after > excluded.execute_after
    returning dedupe_key, status
)
select pg_notify('{WANTED}', wanted.note) from put join wanted on wanted.key = put.dedupe_key
where put.status = 'picked'
"""
_PUT_IF_MISSING = f"""
insert into {TABLE} (priority, entrypoint, payload, execute_after, dedupe_key, status)
select 0, kind, payload, clock_timestamp() + make_interval(secs => wait_s), key, 'queued'
from unnest($1::text[], $2::text[], $3::bytea[], $4::double precision[]) as wanted (key, kind, payload, wait_s)
{_ON_CONFLICT} do nothing
"""
_COMPLETE = f"""
with told as (
    select * from unnest($1::bigint[], $2::double precision[]) as told (id, wait_s)
), mine as materialized (
    select job.id, least(
        clock_timestamp() + make_interval(secs => told.wait_s), to_timestamp({_AGAIN})) as at
    from {TABLE} job join told using (id)
    where job.status = 'picked' and job.queue_manager_id = $3
    for update of job skip locked
), again as (
    update {TABLE} job set status = 'queued', queue_manager_id = null, headers = null, execute_after = mine.at,
        updated = now()
    from mine where job.id = mine.id and mine.at is not null returning job.id
), done as (
    delete from {TABLE} job using mine where job.id = mine.id and mine.at is null returning job.id
)
select id from again union all select id from done
"""
_BEAT = f"""
update {TABLE} set heartbeat = now() where id in (
    select id from {TABLE} where id = any($1::bigint[]) and queue_manager_id = $2 for no key update skip locked
) returning id
"""
_RELEASE = f"""
update {TABLE} set status = 'queued', queue_manager_id = null, headers = null, execute_after = now(), updated = now()
where queue_manager_id = $1 and status = 'picked'
"""
_NEXT = f"select min(execute_after) - now() as wait from {TABLE} where status = 'queued' and entrypoint = any($1)"
_OVERDUE = f"""
select count(*) as number, coalesce(extract(epoch from now() - min(execute_after)), 0)::double precision as late
from {TABLE} where status = 'queued' and execute_after < now()
"""
_PRUNE = (
    f"delete from {SETTINGS.queue_table_log} where created < now() - $1::interval",
    f"delete from {SETTINGS.statistics_table} where created < now() - $1::interval",
)


class CalledFor(Protocol):
    """A job that a transaction turns for. `about`: whose row changed, where a job is for many rows."""

    @property
    def key(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def lane(self) -> str: ...
    @property
    def about(self) -> str: ...


@dataclass(slots=True)
class Turn:
    """Everything that is wanted of one key. `about` is None where it is not known."""

    wait_s: float
    lane: str
    about: set[str] = field(default_factory=set)


def by_key(jobs: Iterable[CalledFor], now: datetime) -> dict[str, Turn]:
    """The earliest time and the last lane of each, in the order of the keys: two that put the same never wait for each
    other.
    """
    found: dict[str, Turn] = {}
    for job in jobs:
        wait_s = max((job.at - now).total_seconds(), 0.0)
        turn = found.setdefault(job.key, Turn(wait_s, job.lane))
        turn.wait_s, turn.lane = min(wait_s, turn.wait_s), job.lane
        turn.about |= {job.about} if job.about else set()
    return dict(sorted(found.items()))


async def put(connection: Any, turns: Mapping[str, Turn], replica: str) -> None:
    """Queue what is wanted, in the transaction of this connection; who runs one of them now hears of it."""
    notes = [_note(replica, key, turn.about) for key, turn in turns.items()]
    await connection.fetch(_PUT, *_columns(turns), notes)


async def put_if_missing(connection: Any, turns: Mapping[str, Turn]) -> None:
    """The same for what no job covers; one that waits is not hurried."""
    await connection.execute(_PUT_IF_MISSING, *_columns(turns))


async def prune(connection: Any, older_than: timedelta) -> None:
    for text in _PRUNE:
        await connection.execute(text, older_than)


async def overdue(pool: Any) -> tuple[int, float]:
    """How many that are due no replica has picked, and for how many seconds the oldest has been."""
    row = await pool.fetchrow(_OVERDUE)
    return row["number"], row["late"]


def kind(key: str) -> str:
    """The name of its handler."""
    return key.partition(":")[0]


def _columns(turns: Mapping[str, Turn]) -> tuple[list[str], list[str], list[bytes], list[float]]:
    kinds = [kind(key) for key in turns]
    payloads = [json.dumps([key, turn.lane]).encode() for key, turn in turns.items()]
    return list(turns), kinds, payloads, [turn.wait_s for turn in turns.values()]


def key_and_lane(job: Job) -> tuple[str, str]:
    key, lane = json.loads(job.payload or b"")
    return key, lane


def _note(replica: str, key: str, about: set[str]) -> str:
    note = json.dumps([replica, key, sorted(about)])
    return note if len(note.encode()) <= _MOST_NOTIFIED else json.dumps([replica, key, None])


def note_from(text: str) -> tuple[str, str, list[str] | None]:
    replica, key, about = json.loads(text)
    return replica, key, about


# --- what PgQueuer asks -----------------------------------------------------------------------------------------------


class CoalescingDriver(AsyncpgPoolDriver):
    """Passes on one notification of a change until the table was looked at: what they all say is that it should be."""

    def __init__(self, pool: Any, heard: Mapping[str, Callable[[str], None]]) -> None:
        """`heard`: who else listens, by channel."""
        super().__init__(pool)
        self._heard = heard
        self.told = False

    async def add_listener(self, channel: str, callback: Callable[[str | bytes | bytearray], None]) -> None:
        def once(payload: str | bytes | bytearray) -> None:
            if "table_changed_event" not in str(payload):
                callback(payload)
            elif not self.told:
                self.told = True
                callback(payload)

        await super().add_listener(channel, once)
        for other, hear in self._heard.items():
            await super().add_listener(other, partial(_as_text, hear))


def _as_text(hear: Callable[[str], None], payload: str | bytes | bytearray) -> None:
    hear(str(payload))


@dataclass
class FencedQueries(Queries):
    """PgQueuer's queries of one replica: it beats for and completes what it has picked, and nothing else.

    `next_s` answers, of a job that ended, in how many seconds it is to come again; None for never. `on_turn` is called
    with each look at the table, `on_lost` where one fails.
    """

    owner: UUID = field(kw_only=True)
    next_s: Callable[[Job], float | None] = field(kw_only=True)
    on_turn: Callable[[], None] = field(kw_only=True)
    on_lost: Callable[[], None] = field(kw_only=True)
    sleep: Callable[[float], Awaitable[None]] = field(kw_only=True)

    async def dequeue(self, *args: Any, **named: Any) -> list[Job]:
        self.on_turn()
        driver = self.driver
        if isinstance(driver, CoalescingDriver):
            driver.told = False  # before the look: what changes during it is looked at once more
        lost = True
        try:
            found = await super().dequeue(*args, **named)
            lost = False
        finally:
            if lost:
                self.on_lost()
        return found

    async def eligible_queued_work(self, entrypoints: Any) -> int:
        """That something is due is told by `next_deferred_eta`: one question instead of three."""
        return 0

    async def queued_work(self, entrypoints: Any) -> int:
        return 0

    async def next_deferred_eta(self, entrypoints: Any) -> timedelta | None:
        rows = await self.driver.fetch(_NEXT, list(entrypoints))
        wait = rows[0]["wait"]
        assert wait is None or isinstance(wait, timedelta)
        return wait

    async def log_jobs(self, job_status: Sequence[tuple[Job, Any, Any]]) -> None:
        """Complete jobs, or have them come again: when their handlers asked for it, or they were wanted meanwhile."""
        waits = {job.id: self.next_s(job) for job, _, _ in job_status}
        await self._of_rows_that_are_free(list(waits), lambda ids: (_COMPLETE, ids, [waits[one] for one in ids]))

    async def update_heartbeat(self, job_ids: Sequence[Any]) -> None:
        await self._of_rows_that_are_free(list(dict.fromkeys(job_ids)), lambda ids: (_BEAT, ids))

    async def release(self) -> None:
        """Give back all that it had picked, once none of it runs any more."""
        await self.driver.execute(_RELEASE, self.owner)

    async def _of_rows_that_are_free(self, ids: list[Any], asked: Callable[[list[Any]], tuple[Any, ...]]) -> None:
        """Those that are left in the end are another's, or taken over once their lease is."""
        for _ in range(TRIES):
            text, *values = asked(ids)
            done = {row["id"] for row in await self.driver.fetch(text, *values, self.owner)}
            ids = [one for one in ids if one not in done]
            if not ids:
                return
            await self.sleep(AGAIN_S)


def queries(driver: Any, **own: Any) -> FencedQueries:
    return FencedQueries(
        driver,
        QueryBuilderEnvironment(SETTINGS),
        QueryQueueBuilder(SETTINGS),
        QuerySchedulerBuilder(SETTINGS),
        **own,
    )


# --- the tables -------------------------------------------------------------------------------------------------------


async def install(connection: Any) -> None:
    """Make PgQueuer's tables, or bring them to the version that is installed here; a later one is left as it is.

    Replicas that start together wait for each other.
    """
    asked = Queries(
        AsyncpgDriver(connection),
        QueryBuilderEnvironment(SETTINGS),
        QueryQueueBuilder(SETTINGS),
        QuerySchedulerBuilder(SETTINGS),
    )
    ours = version("pgqueuer")
    async with _alone(connection):
        there = await connection.fetchval("select to_regclass($1)::text", TABLE)
        noted = there and await connection.fetchval("select obj_description($1::regclass)", TABLE)
        if there and noted and _number(noted) >= _number(ours):
            return
        await (asked.upgrade() if there else asked.install())
        await connection.execute(f"comment on table {TABLE} is '{ours}'")


@asynccontextmanager
async def _alone(connection: Any) -> Any:
    await connection.execute(f"select pg_advisory_lock({_INSTALL_LOCK})")
    try:
        yield
    finally:
        await connection.execute(f"select pg_advisory_unlock({_INSTALL_LOCK})")


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
