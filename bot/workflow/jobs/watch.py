"""watch:{project}: one listing for up to 60 snapshots in the making, jobs only for what a listing cannot settle.

Each is looked at when its row says so, and the next time is written with what was seen. What is due soon comes along
where a listing has room, so that following many costs no more listings than they fill.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain.audit import snapshot_ended
from bot.domain.errors import CloudError, NotFound, Throttled
from bot.domain.items import Item, ended, seen
from bot.domain.polling import SOON, job_pause_s, may_come_now, pause_s
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

LONGEST_PAUSE = timedelta(seconds=300)
"""The time between two looks counts as patience up to this: meanwhile the bot may not have looked at all."""

UNREACHABLE_AFTER = timedelta(minutes=1)
UNREACHABLE = "The cloud can't be asked how it stands at the moment. I go on asking."

WATCHING = "watch"
"""Whose calls these are: one listing is for many people."""

IN_A_LISTING = 60
"""How many snapshots one call lists."""

IN_A_ROUND = 4 * IN_A_LISTING
"""How many are looked at together: what else becomes due meanwhile waits no longer than that takes."""

ASKED_AT_ONCE = 4
"""Calls for single snapshots and jobs at a time: half of a project's, the others are for what people wait for."""

WRITTEN_AT_ONCE = 10
"""Rows in one transaction: between two of them the store's thread turns to others that wait. With 50 a command
waited twice as long at its worst, and nothing was saved by it.
"""

TROUBLE_SECONDS = 10.0
UNCONFIGURED_SECONDS = 300.0


@dataclass(slots=True)
class _Round:
    """The answer of the listings, and the jobs asked because of it: each once, however many disks it is for. `read_at`
    and `read_moment` are when the rows were read, by the date and by the seconds that never step: ages are held
    against both, so that a clock that is set while the cloud is asked makes nothing older.
    """

    read_at: datetime
    read_moment: float
    evs: Evs
    by_id: dict[str, Snapshot]
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ASKED_AT_ONCE))
    _jobs: dict[str, asyncio.Task[Job]] = field(default_factory=dict)

    def snapshot(self, item: Item) -> Snapshot | None:
        return self.by_id.get(item.snapshot_id or "")

    async def show(self, item: Item) -> Snapshot:
        """Raises CloudError."""
        snapshot_id = item.snapshot_id or ""
        self.by_id[snapshot_id] = snapshot = await self._in_turn(self.evs.show_snapshot, snapshot_id)
        return snapshot

    async def job(self, item: Item) -> Job | None:
        """Raises CloudError."""
        if not item.job_id:
            return None
        if item.job_id not in self._jobs:
            self._jobs[item.job_id] = asyncio.create_task(self._in_turn(self.evs.show_job, item.job_id))
        return await self._jobs[item.job_id]

    async def _in_turn(self, ask: Callable[[str], Awaitable[T]], one: str) -> T:
        async with self._room:
            return await ask(one)


@dataclass(slots=True)
class _Look:
    """When a snapshot was last looked at, and since when it stands still or its job was asked; as moments. That is not
    in its row: after a restart it counts from then.
    """

    at: float
    since: timedelta
    still_from: float


class Watcher:
    """Follows a project's snapshots until each ended, truthfully."""

    def __init__(self, store: Items, cloud: Cloud, clock: Clock, watch_for: timedelta) -> None:
        self._store = store
        self._cloud = cloud
        self._clock = clock
        self._watch_for = watch_for
        self._looks: dict[str, _Look] = {}
        self._failing_since: dict[str, float] = {}

    async def __call__(self, alias: str) -> float | None:
        try:
            evs = self._cloud.project(alias, WATCHING)
        except KeyError:
            return await self._not_configured(alias)
        read_at, read_moment = self._clock.now(), self._clock.monotonic()
        due = await self._due(alias, read_at)
        left: list[Item] = []
        if due:
            try:
                listed = await evs.list_snapshots(ids=[item.snapshot_id for item in due if item.snapshot_id])
            except CloudError as exc:
                return await self._unreachable(alias, exc)
            self._failing_since.pop(alias, None)
            left = await self._looked(_Round(read_at, read_moment, evs, {one.id: one for one in listed}), due)
        moments = [item.due_at for item in left if item.due_at]
        if next_look := await self._store.next_look(alias, read_at):
            moments.append(next_look)
        if len(due) == IN_A_ROUND:
            return 0.0  # more may be due already
        return max((min(moments) - self._clock.now()).total_seconds(), 0.0) if moments else None

    async def _due(self, alias: str, now: datetime) -> list[Item]:
        found = await self._store.due(alias, now, now + SOON, IN_A_ROUND, IN_A_LISTING)
        return [item for item in found if _may_come(item, now)]

    async def _looked(self, this: _Round, due: Sequence[Item]) -> list[Item]:
        """Those that have not ended, each with what was seen of it and when it is looked at again."""
        ends = await asyncio.gather(*(self._followed_up(this, item) for item in due), return_exceptions=True)
        now = self._clock.now()  # once: the disks of a request stay together
        left, moved, still = list[Item](), list[Item](), list[Item]()
        for item, after in zip(due, ends, strict=True):
            if isinstance(after, Item):
                as_read = item if after.in_vain == item.in_vain else replace(item, in_vain=after.in_vain)
                changed = after != as_read
                after = replace(after, due_at=now + timedelta(seconds=self._pause_s(this, after)))
                left.append(after)
                (moved if changed else still).append(after)
        moved.sort(key=lambda item: item.request_id)  # a request is written once for all of its disks
        for some in _slices(moved):
            await self._store.watched(some)
        for some in _slices(still):
            await self._store.spent(some)
        for failed in (end for end in ends if isinstance(end, BaseException)):
            raise failed  # when the others have come to their end and are written down
        return left

    def _look(self, item: Item) -> _Look:
        """A look that begins. `since`: how much of the time since the last one counts as looked in."""
        moment = self._clock.monotonic()
        look = self._looks.setdefault(item.id, _Look(moment, timedelta(), moment))
        look.since = min(timedelta(seconds=moment - look.at), LONGEST_PAUSE)
        look.at = moment
        return look

    async def _followed_up(self, this: _Round, item: Item) -> Item | None:
        """None once it is written down how one item ended, else the item as it is now. Only what the cloud says of the
        snapshot itself, or a failed job, ends it: not a call that failed, not a job that is unknown, and not a row that
        is not listed.
        """
        look = self._look(item)
        if snapshot := this.snapshot(item):
            return await self._shown(this, look, item, snapshot)
        if self._age(this, item) <= MISSING_GRACE:
            return item
        try:
            snapshot = await this.show(item)
        except NotFound:
            return await self._not_there(this, look, item)
        except CloudError as exc:
            log.info("a snapshot could not be asked for", extra={"item": item.id, "code": exc.code})
            return item
        return await self._shown(this, look, item, snapshot)

    async def _shown(self, this: _Round, look: _Look, item: Item, snapshot: Snapshot) -> Item | None:
        after = seen(item, snapshot)
        match snapshot.status:
            case "available":
                return await self._end(after, ItemState.AVAILABLE)
            case "error":
                return await self._in_error(this, after)
            case "deleting" | "error_deleting":
                return await self._end(after, ItemState.FAILED, "Someone deleted this snapshot before it was finished.")
            case _ if after.waiting_since or after.cause:
                after = replace(after, waiting_since=None, cause="")
            case _:
                pass
        if self._stands_still(this, look, item, after):
            try:
                job = await this.job(item)
            except CloudError as exc:
                log.info("a job could not be asked", extra={"item": item.id, "code": exc.code})
                job = None
            if job and job.ended == "fail":
                return await self._end(after, ItemState.FAILED, job.failure, job.error_code)
        return await self._unless_too_old(this, after)

    async def _not_there(self, this: _Round, look: _Look, item: Item) -> Item | None:
        """The cloud says that it has no such snapshot. That may still be too early to say of one it never showed; while
        its job runs it is.
        """
        try:
            job = await this.job(item)
        except NotFound:
            job = None  # an unknown job says nothing
        except CloudError as exc:
            log.info("a job could not be asked", extra={"item": item.id, "code": exc.code})
            return item
        if job and job.ended == "fail":
            return await self._end(item, ItemState.FAILED, job.failure, job.error_code)
        was_there = item.progress is not None or item.taken_at is not None
        after = replace(item, in_vain=item.in_vain + look.since)
        coming = not was_there and job is not None and job.ended is None
        if not coming and after.in_vain >= (GONE_AFTER if was_there else NEVER_SHOWN):
            how = "it was deleted" if was_there else "it was deleted, or never made"
            return await self._end(item, ItemState.FAILED, f"The cloud no longer knows this snapshot: {how}.")
        return await self._unless_too_old(this, after) if coming else after

    def _stands_still(self, this: _Round, look: _Look, item: Item, after: Item) -> bool:
        """Whether its job is to be asked now. A group has one job for all its disks: that it failed says nothing of one
        that is still being made.
        """
        if after.progress is not None and after.progress != item.progress:
            look.still_from = look.at
        asks = look.at - look.still_from >= job_pause_s(self._age(this, item).total_seconds())
        if asks:
            look.still_from = look.at
        return asks and item.consistency_group_id is None

    async def _in_error(self, this: _Round, item: Item) -> Item | None:
        """The listing says error; the job says why, perhaps a moment later."""
        try:
            job, unasked = await this.job(item), False
        except CloudError as exc:
            job, unasked = None, not isinstance(exc, NotFound)
        if job and job.ended == "fail":
            return await self._end(item, ItemState.FAILED, job.failure, job.error_code)
        now, open_still = self._now(this), unasked or (job is not None and job.ended is None)
        if open_still and (item.waiting_since is None or now - item.waiting_since < REASON_GRACE):
            if item.waiting_since is not None:
                return item
            return replace(item, waiting_since=now, cause="The cloud reports an error; asking why.")
        why = "why could not be asked" if unasked else "gives no reason"
        cause = f"The cloud says that creating it ended in an error, and {why}."
        return await self._end(item, ItemState.FAILED, cause)

    async def _unless_too_old(self, this: _Round, item: Item) -> Item | None:
        """Given up only after a look that was answered: nothing is known of one that was not."""
        if self._age(this, item) <= self._watch_for:
            return item
        hours = round(self._watch_for.total_seconds() / 3600)
        cause = f"After {hours} hours the cloud had not finished it. It may still; look at it in the console."
        return await self._end(item, ItemState.UNKNOWN, cause)

    # --- no project to ask --------------------------------------------------------------------------------------------

    async def _unreachable(self, alias: str, exc: CloudError) -> float:
        """Nothing ends by that. People who read the message see why nothing moves, those who came meanwhile too."""
        log.warning("snapshots could not be listed", extra={"project": alias, "code": exc.code})
        moment = self._clock.monotonic()
        if moment - self._failing_since.setdefault(alias, moment) >= UNREACHABLE_AFTER.total_seconds():
            self._failing_since[alias] = moment
            untold = [item for item in await self._store.creating(alias) if not item.cause]
            for some in _slices(untold):
                await self._store.watched([replace(item, cause=UNREACHABLE) for item in some])
        return max(exc.retry_after or TROUBLE_SECONDS, 1.0) if isinstance(exc, Throttled) else TROUBLE_SECONDS

    async def _not_configured(self, alias: str) -> float | None:
        """The project was taken out of bot.toml: told at once, and given up when it is not put back."""
        items = await self._store.creating(alias)
        if not items:
            return None
        log.error("open requests name a project that is no longer configured", extra={"project": alias})
        cause = not_configured(alias)
        over = [item for item in items if item.in_vain >= self._watch_for]
        for item in over:
            await self._end(item, ItemState.UNKNOWN, f"{cause} Look at the snapshot in the console.")
        for some in _slices([item for item in items if item.in_vain < self._watch_for]):
            left = [replace(item, cause=cause, in_vain=item.in_vain + self._look(item).since) for item in some]
            untold = {item.id for item in some if item.cause != cause}
            await self._store.watched([item for item in left if item.id in untold])
            await self._store.spent([item for item in left if item.id not in untold])
        return UNCONFIGURED_SECONDS

    async def _end(self, item: Item, state: ItemState, cause: str = "", code: str = "") -> Item | None:
        """None, or the item where it is no longer as it was read."""
        entry = snapshot_ended(item, state, code)
        done = await self._store.save(ended(item, state, self._clock.now(), cause=cause, code=code), [entry])
        if not done:
            return item
        self._looks.pop(item.id, None)
        return None

    def _now(self, this: _Round) -> datetime:
        return this.read_at + timedelta(seconds=self._clock.monotonic() - this.read_moment)

    def _age(self, this: _Round, item: Item) -> timedelta:
        return self._now(this) - item.submitted_at if item.submitted_at else timedelta()

    def _pause_s(self, this: _Round, item: Item) -> float:
        snapshot = this.snapshot(item)
        troubled = snapshot is None or item.waiting_since is not None
        return pause_s(
            self._age(this, item).total_seconds(), snapshot.progress if snapshot else None, troubled=troubled
        )


def _may_come(item: Item, now: datetime) -> bool:
    """Whether it is due, or near enough to come along."""
    left_s = (item.due_at - now).total_seconds() if item.due_at else 0.0
    age_s = (now - item.submitted_at).total_seconds() if item.submitted_at else 0.0
    return left_s <= 0 or may_come_now(left_s, age_s, item.progress)


def _slices(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for begin in range(0, len(rows), WRITTEN_AT_ONCE):
        yield rows[begin : begin + WRITTEN_AT_ONCE]
