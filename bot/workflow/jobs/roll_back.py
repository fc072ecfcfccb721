"""roll_back:{request}: disks are overwritten once every safety snapshot is there: all of them, or none.

A roll-back can be neither found by a tag nor repeated without harm. So each disk's last change is written down before
its POST, and after a lost answer its state says whether it has begun: what is unchanged is sent again, what has changed
in another way is told as unknown.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.attempts import looked_in_vain, no_answer, submitting, waiting
from bot.domain.audit import AuditEntry, before_restoration, by_grant, restoration_ended
from bot.domain.denials import Denied
from bot.domain.errors import CloudError, CloudUnavailable, DiskBusy, NotFound, Throttled
from bot.domain.items import Item
from bot.domain.polling import pause_s
from bot.domain.requests import Request
from bot.domain.restoring.restorations import NOT_BEGUN, Restoration, over_with, under_way
from bot.domain.restoring.roll_backs import (
    CHANGED_MEANWHILE,
    FAILED_BACK,
    Look,
    Traces,
    any_begun,
    doubtful,
    has_come_back,
    not_yet,
    plugged_in,
    safe,
    traces,
    unsafe,
)
from bot.domain.sentences import not_configured, quoted
from bot.domain.snapshots import Disk, Job
from bot.domain.transitions import RequestState, RestorationState
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud, Evs
from bot.ports.requests import Requests
from bot.ports.restorations import Restorations
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.jobs import attempting

log = logging.getLogger(__name__)

AGAIN = timedelta(seconds=10)
"""Until the next look at what stands in the way."""

LOOK_SECONDS = 30.0
"""Between two looks whether a disk was attached while its safety snapshot is made."""

AT_ONCE = 8
"""How many are sent after one look, so that what was looked at is as it was."""

_PLANNED, _SUBMITTING, _UNCERTAIN = RestorationState.PLANNED, RestorationState.SUBMITTING, RestorationState.UNCERTAIN
_MOVED = "It was moved at this very moment, or another request rolls one of the disks back."
NOTHING_DONE = "Nothing was overwritten."


class Rows(Requests, Restorations, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A request with its safety snapshots and roll-backs, as they stand when the job begins."""

    request: Request
    items: Sequence[Item]
    rows: Sequence[Restoration]

    def among(self, *states: RestorationState) -> list[Restoration]:
        return [row for row in self.rows if row.state in states]


@dataclass(frozen=True, slots=True)
class RollBacker:
    """Moves the roll-backs of a request together, whatever happens in between and however often. Each run takes one
    step, whose writing calls for the next.
    """

    store: Rows
    send_check: SendCheck
    cloud: Cloud
    clock: Clock
    policy: attempting.RetryPolicy
    follow_for: timedelta

    async def __call__(self, request_id: str) -> float | None:
        found = await self.store.request(request_id)
        if found is None or found[0].state is not RequestState.RUNNING:
            return None
        case = _Case(*found, await self.store.restorations_of(request_id))
        now = self.clock.now()
        if sent := case.among(_SUBMITTING):
            # One run of a job at a time, so the one that marked them is gone, and their POSTs may have arrived.
            if wait_s := max(self.policy.may_leave_s(row, now) for row in sent):
                return wait_s
            lost = [no_answer(row, now, look_for=self.policy.look_for, cause=attempting.INTERRUPTED) for row in sent]
            await self.store.save_restorations(lost)
            return 0.0
        if lost := case.among(_UNCERTAIN):
            return await self._look(case, lost, now)
        if (planned := case.among(_PLANNED)) and not any_begun(case.rows):
            return await self._begin(case, planned, now)
        if planned:
            await self._complete(case, planned, now)
        return await self._follow(case, now)

    # --- all or none --------------------------------------------------------------------------------------------------

    async def _begin(self, case: _Case, planned: Sequence[Restoration], now: datetime) -> float | None:
        why, in_doubt = unsafe(planned, case.items), any(row.in_doubt for row in planned)
        if why and not in_doubt:
            return await self._call_off(planned, why, "no-safety-snapshot")
        if not why and not safe(planned, case.items):
            return await self._wait_for_safety(case, planned)
        if wait_s := max(attempting.left_s(row, now) for row in planned):
            return wait_s
        try:
            look = await self._looked(case, planned)
        except KeyError:
            return await self._wait(planned, not_configured(planned[0].project))
        except CloudError as exc:
            return await self._wait(planned, exc.sentence, exc)
        if in_doubt and await self._found(planned, look):
            return 0.0
        if why:
            return await self._call_off(planned, why, "no-safety-snapshot")
        if told := doubtful(case.rows):
            return await self._call_off(planned, told, "another-unknown")
        if told := plugged_in(planned, look.disks):
            return await self._call_off(planned, told, "attached-meanwhile")
        if problems := [why for row in planned if (why := not_yet(row, case.items, look))]:
            return await self._wait(planned, " ".join(problems), looked=True)
        send_before = self.clock.monotonic() + attempting.SEND_WITHIN_S
        decided = await self.send_check.decided(case.request, planned[0].project)
        if isinstance(decided, Denied):
            entries = [self._entry(case, row, decided.rule) for row in planned]
            return await self._call_off(planned, decided.explanation, decided.rule, entries)
        begun = [self._marked(row, look) for row in planned]
        entries = [by_grant(self._entry(case, row), decided) for row in planned]
        if not await self.store.start_roll_backs(begun, entries):
            return await self._wait(planned, _MOVED)
        begun = [replace(row, ver=row.ver + 1, moved_by=None) for row in begun]
        return await self._send_all(case, begun, send_before)

    async def _wait_for_safety(self, case: _Case, planned: Sequence[Restoration]) -> float | None:
        """Each safety snapshot that ends calls this job. Until then a disk that is attached calls all off: what is
        written to it may be in no snapshot, and a short while later nothing would tell of it.
        """
        try:
            evs = self.cloud.project(planned[0].project, case.request.actor_id)
            disks = await evs.list_disks(ids=[row.disk.id for row in planned])
        except (CloudError, KeyError):
            return LOOK_SECONDS
        if told := plugged_in(planned, {one.id: one for one in disks}):
            return await self._call_off(planned, told, "attached-meanwhile")
        return LOOK_SECONDS

    async def _found(self, planned: Sequence[Restoration], look: Look) -> bool:
        """Whether a roll-back whose answer was lost has left traces since it was looked for last."""
        after = [self._seen(row, look) for row in planned if row.in_doubt and traces(row, look) is not Traces.NONE]
        await self.store.save_restorations(after, [restoration_ended(row) for row in after if row.ended])
        return bool(after)

    def _marked(self, row: Restoration, look: Look) -> Restoration:
        disk = look.disk(row)
        sent = submitting(row, self.clock.now())
        return replace(sent, disk_changed_at=disk.updated_at if disk else None, code="")

    def _entry(self, case: _Case, row: Restoration, refused: str = "") -> AuditEntry:
        if refused:
            return before_restoration(case.request, row, "denied", refused)
        return before_restoration(case.request, row, "allowed", "granted")

    async def _send_all(self, case: _Case, begun: Sequence[Restoration], send_before: float) -> float | None:
        """The first alone: where it is refused none has begun."""
        first, *others = begun
        after, exc = await self._post(case, first, send_before)
        if exc and not isinstance(exc, CloudUnavailable | DiskBusy):
            return await self._call_off(begun, f"{quoted(first.disk.label)}: {exc.sentence}", exc.code)
        if exc and not getattr(exc, "maybe_done", False):
            return await self._wait(begun, exc.sentence, exc)
        # The others were not sent, and are marked so: each is looked at again right before its own POST.
        await self.store.save_restorations([after, *(self._unsent(row) for row in others)])
        return 0.0

    def _unsent(self, row: Restoration) -> Restoration:
        now = self.clock.now()
        return waiting(row, now, until=now, cause="")

    async def _send_others(self, case: _Case, rows: Sequence[Restoration], send_before: float) -> None:
        """One of the request has begun. Each of these is written down as its own answer says."""

        async def one(row: Restoration) -> None:
            after, exc = await self._post(case, row, send_before)
            if exc and not getattr(exc, "maybe_done", False):
                now = self.clock.now()
                until = now + self._pause(exc)
                told = f"It was not begun yet, and others of this request were: {exc.sentence}"
                after = waiting(row, now, until=until, cause=told, code=exc.code)
            await self.store.save_restorations([after])

        await asyncio.gather(*(one(row) for row in rows))

    async def _post(self, case: _Case, row: Restoration, send_before: float) -> tuple[Restoration, CloudError | None]:
        """The row after its POST; with an error that may have had an effect it is uncertain, with another as it was."""
        evs = self.cloud.project(row.project, case.request.actor_id)
        try:
            job_id = await evs.roll_back(row.source.snapshot_id, row.disk.id, send_before=send_before)
        except CloudError as exc:
            told = replace(row, answer_id=exc.request_id)
            if isinstance(exc, CloudUnavailable) and exc.maybe_done:
                return no_answer(told, self.clock.now(), look_for=self.policy.look_for, cause=exc.sentence), exc
            return told, exc
        return under_way(row, job_id), None

    async def _wait(
        self, rows: Sequence[Restoration], cause: str, exc: CloudError | None = None, *, looked: bool = False
    ) -> float | None:
        """None of them has begun: all wait, for so long a time in all. `looked`: the cloud showed so right now."""
        now, wait = self.clock.now(), self._pause(exc)
        if max(row.tried for row in rows) >= self.policy.busy_deadline:
            minutes = round(self.policy.busy_deadline.total_seconds() / 60)
            told = f"{cause} I waited for {minutes} minutes."
            return await self._call_off(rows, told, exc.code if exc else "waited-in-vain", looked=looked)
        code = exc.code if exc else ""
        later = [waiting(row, now, until=now + wait, cause=cause, code=code) for row in rows]
        await self.store.save_restorations(later)
        return wait.total_seconds()

    def _pause(self, exc: CloudError | None) -> timedelta:
        if isinstance(exc, Throttled) and exc.retry_after:
            return timedelta(seconds=max(exc.retry_after, 0.5))
        return AGAIN

    async def _call_off(
        self,
        rows: Sequence[Restoration],
        why: str,
        code: str,
        entries: Sequence[AuditEntry] = (),
        *,
        looked: bool = True,
    ) -> float | None:
        """None of them is overwritten. Of one in doubt that holds for as long as the cloud shows no trace of it."""
        now = self.clock.now()
        over = [
            over_with(row, RestorationState.UNKNOWN, now, cause=f"{why} {_NOT_LOOKED_UP}", code=code)
            if row.in_doubt and not looked
            else over_with(row, RestorationState.CANCELLED, now, cause=f"{why} {NOTHING_DONE}", code=code)
            for row in rows
        ]
        await self.store.save_restorations(over, entries or [restoration_ended(row) for row in over])
        return 0.0

    # --- once one has begun -------------------------------------------------------------------------------------------

    async def _complete(self, case: _Case, planned: Sequence[Restoration], now: datetime) -> None:
        """Its others have begun, so this is no new decision: they are asked for until they begin as well."""
        due = [row for row in planned if not attempting.left_s(row, now)]
        if not due:
            return
        try:
            look = await self._looked(case, due)
        except (CloudError, KeyError):
            await self._later(due, "The cloud can't be asked how it stands.")
            return
        if await self._found(due, look):
            return
        ready = [row for row in due if not not_yet(row, case.items, look)]
        for row in due:
            if row not in ready:
                await self._later([row], not_yet(row, case.items, look), gone=look.lacks(row, case.items))
        ready = ready[:AT_ONCE]  # the rest is looked at again first
        send_before = self.clock.monotonic() + attempting.SEND_WITHIN_S
        marked = [self._marked(row, look) for row in ready]
        if marked and await self.store.start_roll_backs(marked, [self._entry(case, row) for row in ready]):
            begun = [replace(row, ver=row.ver + 1, moved_by=None) for row in marked]
            await self._send_others(case, begun, send_before)
        elif ready:
            await self._later(ready, _MOVED)

    async def _later(self, rows: Sequence[Restoration], why: str, *, gone: bool = False) -> None:
        """`gone`: something that it needs is no longer there, and won't come back."""
        now = self.clock.now()
        for row in rows:
            if row.tried >= (self.policy.busy_deadline if gone else self.follow_for):
                told = f"{why} It was NOT rolled back, and others of this request were: look at all of them together."
                over = over_with(row, RestorationState.FAILED, now, cause=told, code=NOT_BEGUN)
                await self.store.save_restorations([over], [restoration_ended(over)])
            else:
                told = f"It was not begun yet, and others of this request were: {why}"
                await self.store.save_restorations([waiting(row, now, until=now + AGAIN, cause=told)])

    # --- looking ------------------------------------------------------------------------------------------------------

    async def _looked(self, case: _Case, rows: Sequence[Restoration]) -> Look:
        """Raises CloudError, and KeyError for a project that is not configured."""
        evs = self.cloud.project(rows[0].project, case.request.actor_id)
        safety = [item.snapshot_id for item in case.items if item.snapshot_id]
        disks, snapshots = await asyncio.gather(
            evs.list_disks(ids=[row.disk.id for row in rows]),
            evs.list_snapshots(ids=[*dict.fromkeys([*(row.source.snapshot_id for row in rows), *safety])]),
        )
        return Look({one.id: one for one in disks}, {one.id: one for one in snapshots})

    async def _look(self, case: _Case, lost: Sequence[Restoration], now: datetime) -> float | None:
        """Of each whose answer was lost: has it begun?"""
        try:
            look = await self._looked(case, lost)
        except (CloudError, KeyError) as exc:
            return await self._cannot_look(lost, exc, now)
        after = [self._seen(row, look) for row in lost]
        moved = [row for row, read in zip(after, lost, strict=True) if row.state is not read.state]
        await self.store.save_restorations(moved, [restoration_ended(row) for row in moved if row.ended])
        return 0.0 if moved else 2.0

    def _seen(self, row: Restoration, look: Look) -> Restoration:
        now = self.clock.now()
        over = row.look_until is None or now >= row.look_until
        match traces(row, look):
            case Traces.BEGUN:
                return under_way(row, None)
            case Traces.NONE if over:
                return waiting(row, now, until=now, cause="", spent=self.policy.look_for)
            case Traces.LOST if over:
                return over_with(row, RestorationState.UNKNOWN, now, cause=_NOT_KNOWN, code=CHANGED_MEANWHILE)
            case _:
                return row

    async def _cannot_look(self, lost: Sequence[Restoration], exc: Exception, now: datetime) -> float | None:
        wait = self._pause(exc if isinstance(exc, CloudError) else None)
        if max(row.in_vain for row in lost) >= self.follow_for:
            over = [
                over_with(row, RestorationState.UNKNOWN, now, cause=f"{row.cause} {_NOT_LOOKED_UP}") for row in lost
            ]
            await self.store.save_restorations(over, [restoration_ended(row) for row in over])
            return 0.0
        later = [looked_in_vain(row, now, spent=timedelta(), wait=wait) for row in lost]
        await self.store.restorations_spent(later)
        return wait.total_seconds()

    # --- following ----------------------------------------------------------------------------------------------------

    async def _follow(self, case: _Case, now: datetime) -> float | None:
        rows = case.among(RestorationState.RESTORING)
        planned = [attempting.left_s(row, now) for row in case.among(_PLANNED)]
        due = [row for row in rows if not attempting.left_s(row, now)]
        if due:
            await self._followed(case, due, now)
            return 0.0
        return max(min([*(attempting.left_s(row, now) for row in rows), *planned]), 0.2) if rows or planned else None

    async def _followed(self, case: _Case, due: Sequence[Restoration], now: datetime) -> None:
        try:
            look = await self._looked(case, due)
            evs = self.cloud.project(due[0].project, case.request.actor_id)
            jobs = await asyncio.gather(*(self._job(evs, row) for row in due))
        except (CloudError, KeyError):
            look, jobs = None, [None for _ in due]
        for row, job in zip(due, jobs, strict=True):
            after = self._stands(row, look.disk(row), job, now) if look else self._unless_too_old(row, now)
            if after.ended:
                await self.store.save_restorations([after], [restoration_ended(after)])
            else:
                await self.store.restorations_spent([after])

    async def _job(self, evs: Evs, row: Restoration) -> Job | None:
        try:
            return await evs.show_job(row.job_id) if row.job_id else None
        except NotFound:
            return None  # an unknown job says nothing

    def _stands(self, row: Restoration, disk: Disk | None, job: Job | None, now: datetime) -> Restoration:
        if (job and job.ended == "fail") or (disk and disk.status == FAILED_BACK):
            told = job.not_rolled_back if job and job.ended == "fail" else "The cloud could not roll it back."
            code = job.error_code if job else ""
            return over_with(row, RestorationState.FAILED, now, cause=told, code=code)
        if disk is None:
            return self._unless_too_old(row, now)
        done = job.ended == "success" if job else has_come_back(row, disk)
        if done and disk.status != "rollbacking":
            return over_with(row, RestorationState.RESTORED, now)
        return self._unless_too_old(row, now)

    def _unless_too_old(self, row: Restoration, now: datetime) -> Restoration:
        age = now - row.submitted_at if row.submitted_at else timedelta()
        if age > self.follow_for:
            hours = round(self.follow_for.total_seconds() / 3600)
            told = f"After {hours} hours the cloud had not told how its roll-back ended. Look at it in the console."
            return over_with(row, RestorationState.UNKNOWN, now, cause=told)
        return replace(row, due_at=now + timedelta(seconds=pause_s(age.total_seconds(), None)))


_NOT_KNOWN = (
    "The answer to its roll-back was lost, and the disk has changed since: it may be rolled back or not. I don't send "
    "it again, as that could cost what was written meanwhile. Look at the disk before you attach it."
)
_NOT_LOOKED_UP = "Whether its roll-back has begun could not be looked up. Look at the disk before you attach it."
