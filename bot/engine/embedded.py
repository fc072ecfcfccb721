"""The alarm clock, in its embedded form: jobs are keys with a time, rows are the truth.

Nothing here is durable. What the timer heap holds is rebuilt from the rows at the start and compared with them every
half minute, so a lost alarm is late and never lost. A job runs at least once and never twice at the same time.

Waiting is measured in seconds that never step. A date in the rows becomes such a moment when it is heard of, and once
more when the machine's clock was set.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.errors import StoreFailed
from bot.ports.clock import FollowingClock
from bot.ports.jobs import OLD_DATES_SECONDS, Handler, JobSource, Overdue

log = logging.getLogger(__name__)

SWEEP_SECONDS = 30.0
AFTER_A_BUG_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""How often it is looked whether the clock was set, and whether a full disk has room again."""

GIVES_WAY_SECONDS = 2.0
"""How long a job that is due gives way to commands that wait for their acknowledgement: of many at once the last is
acknowledged before the work of the first begins. After that each lane does one at a time for as long as commands wait.
"""

QUIET_SECONDS = 0.01
"""How long no command may wait before jobs are begun again; the next one of many comes sooner."""

STEP_SECONDS = 1.0
"""A clock that is further away from where it was to be has been set."""


@dataclass(slots=True)
class _Lane:
    """Whose jobs wait for each other: those of one kind and, where the rows say so, of one project and person."""

    running: int = 0
    waiting: deque[tuple[str, float]] = field(default_factory=deque)
    """Keys, with the moment at which each was due."""


class EmbeddedEngine:
    """One per store file. `schedule` is what the store calls after a commit; `run` returns after `stop`.

    `share` is how many jobs of one lane run together. Lanes do not wait for each other, so a project whose calls hang
    holds up no other, and no kind of job another. `acknowledging`: whether a command waits for its acknowledgement, for
    which jobs give way.
    """

    def __init__(
        self,
        clock: FollowingClock,
        rows: JobSource,
        *,
        share: int = 16,
        acknowledging: Callable[[], bool] = lambda: False,
    ) -> None:
        self._clock = clock
        self._rows = rows
        self._share = share
        self._acknowledging = acknowledging
        self._quiet_from = clock.monotonic()
        """Until when commands waited for their acknowledgement, with a little time after it."""
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._unfilled: dict[tuple[str, str], None] = {}
        """Lanes in which a job became due, or gave way: a full one is filled by what leaves it."""
        self._lane_of: dict[str, str] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._due: dict[str, float] = {}
        self._begun: dict[str, asyncio.Task[None] | None] = {}
        """Those whose time has come; None while one waits for room in its lane."""
        self._again: dict[str, float] = {}
        self._about: dict[str, set[str]] = {}
        self._changed = asyncio.Event()
        self._stopping = False
        self._held = False
        """Nothing can be written down, so nothing is begun: what is done then would be done again and again."""
        self._old_dates_until: float | None = None
        """Where the clock was set back: until when rows may be given a date from before."""
        self._turned_at = clock.monotonic()

    def schedule(self, key: str, at: datetime, lane: str = "", about: str = "") -> None:
        """Run this job at that time; the earliest time asked for counts, and one asked for while it runs is kept."""
        if about:
            self._about.setdefault(key, set()).add(about)
        self._lane_of[key] = lane
        self._schedule(key, self._clock.monotonic() + (at - self._clock.now()).total_seconds())

    def _schedule(self, key: str, moment: float) -> None:
        if key in self._begun:
            self._again[key] = min(moment, self._again.get(key, moment))
        elif key not in self._due or moment < self._due[key]:
            self._due[key] = moment
            heapq.heappush(self._heap, (moment, next(self._order), key))
            self._changed.set()

    def take_changed(self, key: str) -> set[str]:
        """The rows about which a job was called for since this was asked last."""
        return self._about.pop(key, set())

    @property
    def idle_s(self) -> float:
        """Seconds since it last looked whether something is due; a second or so while all is well."""
        return self._clock.monotonic() - self._turned_at

    async def overdue(self) -> Overdue:
        now = self._clock.monotonic()
        due = [lane.waiting[0][1] for lane in self._lanes.values() if lane.waiting]
        count = sum(len(lane.waiting) for lane in self._lanes.values())
        if self._heap and self._heap[0][0] <= now:  # as where nothing is begun, since nothing can be written down
            held = [at for at in self._due.values() if at <= now]
            due, count = due + held, count + len(held)
        return Overdue(count, max(now - min(due, default=now), 0.0))

    async def run(self, handlers: Mapping[str, Handler]) -> None:
        """Call the handler named before the colon of each key when its time has come, until `stop`."""
        sweep_at = self._clock.monotonic()
        while not self._stopping:
            self._changed.clear()  # before anything is awaited: what changes meanwhile, a stop above all, still counts
            self._turned_at = now = self._clock.monotonic()
            was_set = abs((step := self._clock.ahead()).total_seconds()) >= STEP_SECONDS
            if was_set and await self._clock_set(step):
                was_set = False
            if self._held and not was_set and await self._rows.writable():
                log.warning("the store can be written again; what waited goes on")
                self._held, sweep_at = False, now
                self._unfilled = dict.fromkeys(self._lanes)
            if now >= sweep_at:
                await self._sweep()
                sweep_at = now + SWEEP_SECONDS
            if not self._stopping and not self._held:
                self._start_due(handlers)
                unfilled, self._unfilled = self._unfilled, {}
                for name in unfilled:
                    self._fill(name, handlers)
            await self._changed_or_after(self._wait_s(sweep_at))

    def _wait_s(self, sweep_at: float) -> float:
        if self._held:
            return LOOK_SECONDS
        now = self._clock.monotonic()
        if self._unfilled:  # jobs of these gave way
            return QUIET_SECONDS
        next_at = min([sweep_at, *(at for at, _, _ in self._heap[:1])])
        return min(max(next_at - now, 0.001), LOOK_SECONDS)

    async def stop(self, grace_s: float) -> None:
        """Take no more work and let what runs end; after `grace_s` seconds it is cancelled, its rows know the rest."""
        self._stopping = True
        self._changed.set()
        running = [task for task in self._begun.values() if task is not None]
        if running:
            _, late = await asyncio.wait(running, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _changed_or_after(self, wait_s: float) -> None:
        waiting = {
            asyncio.ensure_future(self._changed.wait()),
            asyncio.ensure_future(self._clock.sleep(wait_s)),
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    # --- what the rows say --------------------------------------------------------------------------------------------

    async def _sweep(self, *, clock_set: bool = False) -> None:
        """`clock_set`: the moments of dates are other ones now, of those that are known too. What the rows call for at
        once is among them: it may have been heard of with a date from before, as an hour ahead.
        """
        if self._old_dates_until is not None:
            await self._bring_dates_back(self._old_dates_until)
            clock_set = True
        try:
            called_for = await self._rows.jobs()
        except Exception:  # the alarms that are known still ring, and the next sweep reads again
            log.exception("the rows could not be read for a sweep")
            return
        for key, at, lane in called_for:
            if clock_set or not (key in self._due or key in self._begun):
                self.schedule(key, at, lane)

    async def _clock_set(self, by: timedelta) -> bool:
        """Whether what waits was told; until then nothing is begun, since everything would seem older or younger."""
        self._clock.follow(by)  # first: what is written with the new date comes after what moves all that was before
        try:
            await self._rows.clock_set(by)
        except StoreFailed as exc:
            self._clock.follow(-by)
            self._hold(exc)
            return False
        log.warning("the machine's clock was set", extra={"seconds": round(by.total_seconds(), 1)})
        if by < timedelta():
            self._old_dates_until = self._clock.monotonic() + OLD_DATES_SECONDS
        await self._sweep(clock_set=True)
        return True

    async def _bring_dates_back(self, until: float) -> None:
        now = self._clock.monotonic()
        try:
            await self._rows.bring_dates_back()
        except StoreFailed as exc:
            self._hold(exc)
        else:
            self._old_dates_until = until if now < until else None

    def _hold(self, exc: StoreFailed) -> None:
        if not self._held:
            log.error("the store failed; nothing is done until it can be written again", exc_info=exc)
            self._held = True

    # --- whose turn it is ---------------------------------------------------------------------------------------------

    def _start_due(self, handlers: Mapping[str, Handler]) -> None:
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == at:  # otherwise an earlier alarm has taken this one's place
                del self._due[key]
                self._begun[key] = None
                name = self._lane(key)
                self._lanes.setdefault(name, _Lane()).waiting.append((key, at))
                self._unfilled[name] = None

    def _lane(self, key: str) -> tuple[str, str]:
        return key.partition(":")[0], self._lane_of.get(key, "")

    def _fill(self, name: tuple[str, str], handlers: Mapping[str, Handler]) -> None:
        if (lane := self._lanes.get(name)) is None:
            return
        while lane.waiting and lane.running < self._share and not self._stopping and not self._held:
            if self._gives_way(lane.waiting[0][1], lane.running):
                self._unfilled[name] = None
                break
            key, _ = lane.waiting.popleft()
            lane.running += 1
            task = asyncio.create_task(self._call(handlers[name[0]], key))
            self._begun[key] = task
            task.add_done_callback(lambda _: self._left(name, handlers))
        if not lane.waiting and not lane.running:
            del self._lanes[name]

    def _gives_way(self, due_at: float, running: int) -> bool:
        now = self._clock.monotonic()
        if self._acknowledging():
            self._quiet_from = now + QUIET_SECONDS
        return now < self._quiet_from and (running > 0 or now < due_at + GIVES_WAY_SECONDS)

    def _left(self, name: tuple[str, str], handlers: Mapping[str, Handler]) -> None:
        self._lanes[name].running -= 1
        self._fill(name, handlers)
        if name in self._unfilled:
            self._changed.set()  # those that gave way are looked at again soon

    async def _call(self, handler: Handler, key: str) -> None:
        delay_s: float | None = AFTER_A_BUG_SECONDS
        try:
            delay_s = await handler(key.partition(":")[2])
        except StoreFailed as exc:
            delay_s = 0.0
            self._hold(exc)
        except Exception:  # one job that fails ends no other; the rows still call for it
            log.exception("a job failed and will be tried again", extra={"job": key})
        finally:
            del self._begun[key]
            moments = [] if delay_s is None else [self._clock.monotonic() + delay_s]
            if key in self._again:
                moments.append(self._again.pop(key))
            if moments and not self._stopping:
                self._schedule(key, min(moments))
            elif key not in self._due:
                self._lane_of.pop(key, None)
