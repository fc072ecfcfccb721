"""watch:{project}: one listing for up to 60 snapshots in the making, jobs only for what a listing cannot settle."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain.audit import snapshot_ended
from bot.domain.errors import CloudError, NotFound, Throttled
from bot.domain.items import Item, ended, seen
from bot.domain.polling import ASK_THE_JOB_EVERY, pause_s
from bot.domain.sentences import not_configured
from bot.domain.snapshots import Job, Snapshot
from bot.domain.transitions import ItemState
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud, Evs
from bot.ports.items import Items

log = logging.getLogger(__name__)

T = TypeVar("T")

MISSING_GRACE = timedelta(seconds=30)
"""How long a new snapshot may be missing from listings before it is asked for by itself."""

GONE_AFTER = timedelta(seconds=60)
"""The cloud must have answered for so long that it has no such snapshot, after it had shown it, before it is told."""

NEVER_SHOWN = timedelta(minutes=5)
"""The same for one that it has never shown: no page of the EVS API Reference says how soon a row appears."""

REASON_GRACE = timedelta(seconds=30)
"""How long a job may run on after its snapshot ended in an error, before the end is told without a reason."""

LONGEST_ROUND = timedelta(seconds=300)
"""The time between two rounds counts as patience up to this: meanwhile the bot may not have looked at all."""

UNREACHABLE_AFTER = timedelta(minutes=1)
UNREACHABLE = "The cloud can't be asked how it stands at the moment. I go on asking."

AT_ONCE = 50
"""How many snapshots are looked at, asked about and written down together."""

TROUBLE_SECONDS = 10.0
UNCONFIGURED_SECONDS = 300.0


@dataclass(slots=True)
class _Round:
    """The answer of one listing, and the jobs asked because of it: each once, however many disks it is for. `before` is
    when the last round was, None after a start, and `since` how much of the time since then was looked in. `moved` are
    items that have changed and not ended, `spent` those of which only their patience did. `read_at` and `read_moment`
    are when the rows were read, by the date and by the seconds that never step: ages are held against both, so that a
    clock that is set while the cloud is asked makes nothing older.
    """

    read_at: datetime
    read_moment: float
    evs: Evs
    by_id: dict[str, Snapshot]
    before: datetime | None
    since: timedelta
    moved: list[Item] = field(default_factory=list)
    spent: list[Item] = field(default_factory=list)
    _jobs: dict[str, asyncio.Task[Job]] = field(default_factory=dict)

    def snapshot(self, item: Item) -> Snapshot | None:
        return self.by_id.get(item.snapshot_id or "")

    async def job(self, item: Item) -> Job | None:
        """Raises CloudError."""
        if not item.job_id:
            return None
        if item.job_id not in self._jobs:
            self._jobs[item.job_id] = asyncio.create_task(self.evs.show_job(item.job_id))
        return await self._jobs[item.job_id]


class Watcher:
    """Follows a project's snapshots until each ended, truthfully."""

    def __init__(self, store: Items, cloud: Cloud, clock: Clock, watch_for: timedelta) -> None:
        self._store = store
        self._cloud = cloud
        self._clock = clock
        self._watch_for = watch_for
        self._last_round: dict[str, datetime] = {}
        self._round_began: dict[str, float] = {}
        self._failing_since: dict[str, float] = {}

    async def __call__(self, alias: str) -> float | None:
        read_at, read_moment = self._clock.now(), self._clock.monotonic()
        items = await self._store.creating(alias)
        if not items:
            return None
        try:
            evs = self._cloud.project(alias)
        except KeyError:
            return await self._not_configured(alias, items)
        try:
            listed = await evs.list_snapshots(ids=[item.snapshot_id for item in items if item.snapshot_id])
        except CloudError as exc:
            log.warning("snapshots could not be listed", extra={"project": alias, "code": exc.code})
            await self._tell_unreachable(alias, items)
            return max(exc.retry_after or TROUBLE_SECONDS, 1.0) if isinstance(exc, Throttled) else TROUBLE_SECONDS
        self._failing_since.pop(alias, None)
        before, since = self._round_begins(alias)
        this = _Round(read_at, read_moment, evs, {one.id: one for one in listed}, before, since)
        waits: list[float] = []
        for some in _slices(items):
            ends = await asyncio.gather(*(self._followed_up(this, item) for item in some), return_exceptions=True)
            for failed in (end for end in ends if isinstance(end, BaseException)):
                raise failed  # when the others have come to their end too
            left = [item for item, over in zip(some, ends, strict=True) if not over]
            waits += [self._next_round(this, item) for item in left]
        for moved in _slices(this.moved):
            await self._store.watched(moved)
        for spent in _slices(this.spent):
            await self._store.spent(spent)
        return min(waits, default=0.0)

    def _round_begins(self, alias: str) -> tuple[datetime | None, timedelta]:
        """When the last round was, and how long since then counts as looked in."""
        before, moment = self._last_round.get(alias), self._clock.monotonic()
        since = timedelta(seconds=moment - self._round_began.get(alias, moment))
        self._last_round[alias], self._round_began[alias] = self._clock.now(), moment
        return before, min(since, LONGEST_ROUND)

    async def _followed_up(self, this: _Round, item: Item) -> bool:
        """Write down how one item ended: True. Only what the cloud says of the snapshot itself, or a failed job, ends
        it: not a call that failed, not a job that the cloud does not know, and not a row that is not listed.
        """
        if snapshot := this.snapshot(item):
            return await self._shown(this, item, snapshot)
        if self._age(this, item) <= MISSING_GRACE:
            return False
        try:
            this.by_id[item.snapshot_id or ""] = snapshot = await this.evs.show_snapshot(item.snapshot_id or "")
        except NotFound:
            return await self._not_there(this, item)
        except CloudError as exc:
            log.info("a snapshot could not be asked for", extra={"item": item.id, "code": exc.code})
            return False
        return await self._shown(this, item, snapshot)

    async def _shown(self, this: _Round, item: Item, snapshot: Snapshot) -> bool:
        after = seen(item, snapshot)
        match snapshot.status:
            case "available":
                return await self._end(after, ItemState.AVAILABLE)
            case "error":
                return await self._in_error(this, after)
            case "deleting" | "error_deleting":
                return await self._end(after, ItemState.FAILED, "Someone deleted this snapshot before it was finished.")
            case _:
                after = replace(after, waiting_since=None, cause="")
        # A group has one job for all its disks: that it failed says nothing of one that is still being made.
        still = after.progress is None or after.progress == item.progress
        if item.consistency_group_id is None and still and self._ask_now(this, item):
            try:
                job = await this.job(item)
            except CloudError as exc:
                log.info("a job could not be asked", extra={"item": item.id, "code": exc.code})
                job = None
            if job and job.ended == "fail":
                return await self._end(after, ItemState.FAILED, job.failure, job.error_code)
        if await self._given_up(this, after):
            return True
        if after != item:
            this.moved.append(after)
        return False

    async def _not_there(self, this: _Round, item: Item) -> bool:
        """The cloud says that it has no such snapshot. That may still be too early to say of one it never showed; while
        its job runs it is.
        """
        try:
            job = await this.job(item)
        except NotFound:
            job = None  # an unknown job says nothing
        except CloudError as exc:
            log.info("a job could not be asked", extra={"item": item.id, "code": exc.code})
            return False
        if job and job.ended == "fail":
            return await self._end(item, ItemState.FAILED, job.failure, job.error_code)
        was_there = item.progress is not None or item.taken_at is not None
        after = replace(item, in_vain=item.in_vain + this.since)
        coming = not was_there and job is not None and job.ended is None
        if not coming and after.in_vain >= (GONE_AFTER if was_there else NEVER_SHOWN):
            how = "it was deleted" if was_there else "it was deleted, or never made"
            return await self._end(item, ItemState.FAILED, f"The cloud no longer knows this snapshot: {how}.")
        if coming and await self._given_up(this, item):
            return True
        this.spent.append(after)
        return False

    def _ask_now(self, this: _Round, item: Item) -> bool:
        """In the first round after each full minute of age."""
        age_before = this.before - item.submitted_at if this.before and item.submitted_at else timedelta()
        return self._age(this, item) // ASK_THE_JOB_EVERY > max(age_before // ASK_THE_JOB_EVERY, 0)

    async def _in_error(self, this: _Round, item: Item) -> bool:
        """The listing says error; the job says why, perhaps a moment later."""
        try:
            job, unasked = await this.job(item), False
        except CloudError as exc:
            job, unasked = None, not isinstance(exc, NotFound)
        if job and job.ended == "fail":
            return await self._end(item, ItemState.FAILED, job.failure, job.error_code)
        now, open_still = self._now(this), unasked or (job is not None and job.ended is None)
        if open_still and (item.waiting_since is None or now - item.waiting_since < REASON_GRACE):
            if item.waiting_since is None:
                await self._store.save(
                    replace(item, waiting_since=now, cause="The cloud reports an error; asking why.")
                )
            return False
        why = "why could not be asked" if unasked else "gives no reason"
        cause = f"The cloud says that creating it ended in an error, and {why}."
        return await self._end(item, ItemState.FAILED, cause)

    async def _given_up(self, this: _Round, item: Item) -> bool:
        """Asked only after a look that was answered: nothing is known of one that was not."""
        if self._age(this, item) <= self._watch_for:
            return False
        hours = round(self._watch_for.total_seconds() / 3600)
        cause = f"After {hours} hours the cloud had not finished it. It may still; look at it in the console."
        return await self._end(item, ItemState.UNKNOWN, cause)

    # --- no project to ask --------------------------------------------------------------------------------------------

    async def _tell_unreachable(self, alias: str, items: Sequence[Item]) -> None:
        """Nothing ends by that. People who read the message see why nothing moves."""
        moment = self._clock.monotonic()
        if moment - self._failing_since.setdefault(alias, moment) >= UNREACHABLE_AFTER.total_seconds():
            for some in _slices([replace(item, cause=UNREACHABLE) for item in items if not item.cause]):
                await self._store.watched(some)

    async def _not_configured(self, alias: str, items: Sequence[Item]) -> float:
        """The project was taken out of bot.toml: told at once, and given up when it is not put back."""
        log.error("open requests name a project that is no longer configured", extra={"project": alias})
        _, since = self._round_begins(alias)
        cause = not_configured(alias)
        over = [item for item in items if item.in_vain >= self._watch_for]
        for item in over:
            await self._end(item, ItemState.UNKNOWN, f"{cause} Look at the snapshot in the console.")
        left = [replace(item, cause=cause, in_vain=item.in_vain + since) for item in items if item not in over]
        untold = {item.id for item in items if item.cause != cause}
        await self._store.watched([item for item in left if item.id in untold])
        await self._store.spent([item for item in left if item.id not in untold])
        return UNCONFIGURED_SECONDS

    async def _end(self, item: Item, state: ItemState, cause: str = "", code: str = "") -> bool:
        entry = snapshot_ended(item, state, code)
        done = await self._store.save(ended(item, state, self._clock.now(), cause=cause, code=code), [entry])
        log.info("snapshot ended", extra={"item": item.id, "state": str(state), "snapshot": item.snapshot_id})
        return done

    def _now(self, this: _Round) -> datetime:
        return this.read_at + timedelta(seconds=self._clock.monotonic() - this.read_moment)

    def _age(self, this: _Round, item: Item) -> timedelta:
        return self._now(this) - item.submitted_at if item.submitted_at else timedelta()

    def _next_round(self, this: _Round, item: Item) -> float:
        snapshot = this.snapshot(item)
        troubled = snapshot is None or item.waiting_since is not None
        return pause_s(
            self._age(this, item).total_seconds(), snapshot.progress if snapshot else None, troubled=troubled
        )


def _slices(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """A few at a time: between them the loop and the store's thread turn to others that wait."""
    for begin in range(0, len(rows), AT_ONCE):
        yield rows[begin : begin + AT_ONCE]
