"""watch:{project}: one listing for up to 60 snapshots in the making, jobs only for what a listing cannot settle."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.errors import CloudError, NotFound, Throttled
from bot.domain.requests import Item, ItemState, ended, seen
from bot.domain.snapshots import Job, Snapshot
from bot.interfaces import AuditEntry, Clock, Cloud, Evs, Store

log = logging.getLogger(__name__)

_ROUNDS = ((20, 2.0), (60, 3.0), (180, 5.0), (600, 10.0), (1800, 20.0))
"""Up to this many seconds after a create, a round every so many seconds at most; 30 s after that."""

_SLOWEST_S = 30.0
_WIDENING = 0.75
"""While all goes well the next round may be this share of a snapshot's age away: its end is told that much later at
most, and a copy of a minute costs seven listings.
"""

ASK_THE_JOB_EVERY = timedelta(seconds=60)
"""A snapshot that a listing still calls creating has its job asked this often: a job can fail without a trace there."""

MISSING_GRACE = timedelta(seconds=30)
"""How long a new snapshot may be missing from listings before its absence means anything."""

REASON_GRACE = timedelta(seconds=30)
"""How long a job may run on after its snapshot ended in an error, before the end is told without a reason."""

TROUBLE_SECONDS = 10.0
UNCONFIGURED_SECONDS = 300.0


@dataclass(slots=True)
class _Round:
    """What one listing says, and the jobs asked because of it: each once, however many disks it is for. `before` is
    when the last round was, None after a start; `moved` are items that have changed and not ended.
    """

    evs: Evs
    by_id: Mapping[str, Snapshot]
    before: datetime | None
    moved: list[Item] = field(default_factory=list)
    _jobs: dict[str, Job | CloudError] = field(default_factory=dict)

    def snapshot(self, item: Item) -> Snapshot | None:
        return self.by_id.get(item.snapshot_id or "")

    async def job(self, item: Item) -> Job | None:
        """Raises CloudError."""
        if not item.job_id:
            return None
        if item.job_id not in self._jobs:
            try:
                self._jobs[item.job_id] = await self.evs.show_job(item.job_id)
            except CloudError as exc:
                self._jobs[item.job_id] = exc
        answer = self._jobs[item.job_id]
        if isinstance(answer, CloudError):
            raise answer
        return answer


class Watcher:
    """Follows a project's snapshots until each ended, truthfully."""

    def __init__(self, store: Store, cloud: Cloud, clock: Clock, watch_for: timedelta) -> None:
        self._store = store
        self._cloud = cloud
        self._clock = clock
        self._watch_for = watch_for
        self._last_round: dict[str, datetime] = {}

    async def __call__(self, alias: str) -> float | None:
        items = await self._store.creating(alias)
        if not items:
            return None
        try:
            evs = self._cloud.project(alias)
        except KeyError:
            log.error("open requests name a project that is no longer configured", extra={"project": alias})
            return UNCONFIGURED_SECONDS
        try:
            listed = await evs.list_snapshots(ids=[item.snapshot_id for item in items if item.snapshot_id])
        except CloudError as exc:
            log.warning("snapshots could not be listed", extra={"project": alias, "code": exc.code})
            await self._give_up_on(items)
            return max(exc.retry_after or TROUBLE_SECONDS, 1.0) if isinstance(exc, Throttled) else TROUBLE_SECONDS
        this = _Round(evs, {snapshot.id: snapshot for snapshot in listed}, self._last_round.get(alias))
        self._last_round[alias] = self._clock.now()
        left = [item for item in items if not await self._settled(this, item)]
        await self._store.watched(this.moved)
        await self._give_up_on(left)
        return min((self._next_round(item, this.snapshot(item)) for item in left), default=0.0)

    async def _settled(self, this: _Round, item: Item) -> bool:
        """Write down how one item ended: True."""
        snapshot = this.snapshot(item)
        after = seen(item, snapshot) if snapshot else item
        match snapshot.status if snapshot else "":
            case "available":
                return await self._end(after, ItemState.AVAILABLE)
            case "error":
                return await self._in_error(this, after)
            case "deleting" | "error_deleting":
                return await self._end(after, ItemState.FAILED, "Someone deleted this snapshot before it was finished.")
            case _:
                pass
        if not self._ask_now(item, this.before, missing=snapshot is None):
            if after != item:
                this.moved.append(after)
            return False
        return await self._ask(this, after, missing=snapshot is None)

    async def _ask(self, this: _Round, item: Item, *, missing: bool) -> bool:
        """Ask the job, and the snapshot itself, about what the listing leaves open."""
        try:
            job = await this.job(item)
            # A group has one job for all its disks: that it failed says nothing of one that is still being made.
            if job and job.ended == "fail" and (missing or item.group_id is None):
                return await self._end(item, ItemState.FAILED, job.failure, job.error_code)
            if missing:
                await this.evs.show_snapshot(item.snapshot_id or "")
        except NotFound:
            if missing and self._age(item) > MISSING_GRACE:
                cause = "The cloud no longer knows this snapshot: it was deleted, or never made."
                return await self._end(item, ItemState.FAILED, cause)
        except CloudError as exc:
            log.info("a job could not be asked", extra={"item": item.id, "code": exc.code})
        this.moved.append(item)
        return False

    def _ask_now(self, item: Item, before: datetime | None, *, missing: bool) -> bool:
        """In the first round after each full minute of age; a missing one right away when it should be there."""
        age = self._age(item)
        if missing:
            return age > MISSING_GRACE
        age_before = before - item.submitted_at if before and item.submitted_at else timedelta()
        return age // ASK_THE_JOB_EVERY > max(age_before // ASK_THE_JOB_EVERY, 0)

    async def _in_error(self, this: _Round, item: Item) -> bool:
        """The listing says error; the job says why, perhaps a moment later."""
        try:
            job = await this.job(item)
        except CloudError:
            job = None
        if job and job.ended == "fail":
            return await self._end(item, ItemState.FAILED, job.failure, job.error_code)
        now = self._clock.now()
        if job and job.ended is None and (item.waiting_since is None or now - item.waiting_since < REASON_GRACE):
            if item.waiting_since is None:
                await self._store.save(
                    replace(item, waiting_since=now, cause="The cloud reports an error; asking why.")
                )
            return False
        cause = "The cloud says that creating it ended in an error, and gives no reason."
        return await self._end(item, ItemState.FAILED, cause)

    async def _give_up_on(self, items: list[Item]) -> None:
        for item in items:
            if self._age(item) > self._watch_for:
                hours = round(self._watch_for.total_seconds() / 3600)
                cause = f"After {hours} hours the cloud had not finished it. It may still; look at it in the console."
                await self._end(item, ItemState.UNKNOWN, cause)

    async def _end(self, item: Item, state: ItemState, cause: str = "", code: str = "") -> bool:
        entry = AuditEntry(
            "snapshot-bot",
            "snapshot",
            item.id,
            "done" if state is ItemState.AVAILABLE else "failed",
            str(state),
            {"snapshot": item.snapshot_id, "disk": item.disk.id, "project": item.project, "code": code},
        )
        done = await self._store.save(ended(item, state, self._clock.now(), cause=cause, code=code), [entry])
        log.info("snapshot ended", extra={"item": item.id, "state": str(state), "snapshot": item.snapshot_id})
        return done

    def _age(self, item: Item) -> timedelta:
        return self._clock.now() - (item.submitted_at or self._clock.now())

    def _next_round(self, item: Item, snapshot: Snapshot | None) -> float:
        troubled = snapshot is None or item.waiting_since is not None
        return pause_s(self._age(item).total_seconds(), snapshot.progress if snapshot else None, troubled=troubled)


def pause_s(age_s: float, progress: int | None, *, troubled: bool = False) -> float:
    """Seconds until a snapshot in the making is looked at again: later the longer it takes, but by the time at which
    its progress lets expect the end. One that is missing, or in error, is looked at as often as can be.
    """
    least = next((wait for until, wait in _ROUNDS if age_s < until), _SLOWEST_S)
    if troubled:
        return least
    left_s = age_s * (100 - progress) / progress if progress else _SLOWEST_S
    return max(least, min(age_s * _WIDENING, left_s, _SLOWEST_S))
