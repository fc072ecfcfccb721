"""new_disk:{restoration}: one POST for each disk made of a snapshot, marked before it leaves, looked for before it is
repeated, and followed until the disk can be used.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.attempts import looked, looked_in_vain, no_answer, submitting, waiting
from bot.domain.audit import AuditEntry, before_restoration, restoration_ended
from bot.domain.denials import NOT_CONFIGURED, Denied
from bot.domain.errors import CloudError, CloudUnavailable, NotFound
from bot.domain.polling import pause_s
from bot.domain.requests import Request
from bot.domain.restoring.new_disks import client_token
from bot.domain.restoring.restorations import Restoration, clearing, over_with, under_way
from bot.domain.sentences import not_configured
from bot.domain.snapshots import COPYABLE_STATES, REQUEST_TAG, Disk, Job
from bot.domain.transitions import RequestState, RestorationState
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud, Evs
from bot.ports.requests import Requests
from bot.ports.restorations import Restorations
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.jobs import attempting
from bot.workflow.jobs.clear_test_disk import Clearer

log = logging.getLogger(__name__)

NEVER_SHOWN = timedelta(minutes=5)
"""How long the cloud must have shown no disk, and no job that goes on, before that is told."""

TURN_AFTER = timedelta(seconds=10)
ONE_AT_A_TIME = "one-test-disk"
"""The code of a proof that waits until no other test disk is there."""

NOT_ITS_TURN = "Another test disk of this project comes first."

_LOOK_AGAIN_SECONDS = (1.0, 2.0, 4.0, 8.0)


class Rows(Requests, Restorations, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class DiskMaker:
    """Moves a restoration from planned to restored, whatever happens in between and however often."""

    store: Rows
    send_check: SendCheck
    cloud: Cloud
    clock: Clock
    policy: attempting.RetryPolicy
    follow_for: timedelta
    clear: Clearer

    async def __call__(self, restoration_id: str) -> float | None:
        found = await self.store.restoration(restoration_id)
        if found is None or found[1].state is not RequestState.RUNNING or found[0].way == "overwrite":
            return None
        one, request = found
        now = self.clock.now()
        match one.state:
            case RestorationState.SUBMITTING:
                # One run of a job at a time, so the one that marked it is gone, and its POST may have arrived.
                if wait_s := self.policy.may_leave_s(one, now):
                    return wait_s
                await self._save(no_answer(one, now, look_for=self.policy.look_for, cause=attempting.INTERRUPTED))
                return 0.0
            case _ if not one.ended and (wait_s := attempting.left_s(one, now)):
                return wait_s
            case RestorationState.PLANNED:
                return await self._send(one, request)
            case RestorationState.UNCERTAIN:
                return await self._look(one, request, now)
            case RestorationState.RESTORING:
                return await self._follow(one, request, now)
            case RestorationState.CLEARING:
                return await self.clear(one, request)
            case _:
                return None

    async def _save(self, one: Restoration, *entries: AuditEntry) -> bool:
        return await self.store.save_restorations([one], entries)

    async def _end(self, one: Restoration, state: RestorationState, cause: str = "", code: str = "") -> None:
        after = over_with(one, state, self.clock.now(), cause=cause, code=code)
        await self._save(after, restoration_ended(after))

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _send(self, one: Restoration, request: Request) -> float | None:
        if one.in_doubt:
            # An earlier answer was lost: whatever has passed since, look once more before it is repeated or given up.
            began = self.clock.now()
            found = await self._tagged(one, request)
            if isinstance(found, attempting.CannotLook):
                return await self._cannot_look(one, found, began)
            if found:
                await self._save(under_way(one, None, found.id))
                return 0.0
        if not await self.store.may_be_tested(one):
            return await self._later(
                one, replace(one, due_at=self.clock.now() + TURN_AFTER, cause=NOT_ITS_TURN, code=ONE_AT_A_TIME)
            )
        send_before = self.clock.monotonic() + attempting.SEND_WITHIN_S
        decided = await self.send_check.decided(request, one.project)
        if isinstance(decided, Denied):
            await self._refused(one, request, decided)
            return None
        begun = submitting(one, self.clock.now())
        entry = before_restoration(request, one, "allowed", "granted", decided)
        if not await self._save(begun, entry):
            return TURN_AFTER.total_seconds() if one.way == "verify" else None  # another's turn came in between
        return await self._post(replace(begun, ver=begun.ver + 1, moved_by=None), request, send_before)

    async def _refused(self, one: Restoration, request: Request, refusal: Denied) -> None:
        told = refusal.explanation
        state = RestorationState.CANCELLED
        if one.in_doubt:
            state, told = RestorationState.FAILED, f"{told} {attempting.LOOKED}"
        after = over_with(one, state, self.clock.now(), cause=told, code=refusal.rule)
        await self._save(after, before_restoration(request, one, "denied", refusal.rule))

    async def _post(self, one: Restoration, request: Request, send_before: float) -> float | None:
        assert one.asked is not None
        evs = self.cloud.project(one.project, request.actor_id)
        try:
            ticket = await evs.create_disk(one.asked, token=client_token(one.id), send_before=send_before)
        except CloudError as exc:
            return await self._not_taken(replace(one, answer_id=exc.request_id), exc)
        await self._save(under_way(one, ticket.job_id, ticket.disk_id))
        return 0.0

    async def _not_taken(self, one: Restoration, exc: CloudError) -> float | None:
        if (wait := self.policy.wait_after(exc, one.tried)) is not None:
            return await self._wait(one, wait, exc)
        if isinstance(exc, CloudUnavailable):
            await self._save(no_answer(one, self.clock.now(), look_for=self.policy.look_for, cause=exc.sentence))
            return 0.0
        await self._end(one, RestorationState.FAILED, exc.sentence, exc.code)
        return None

    async def _wait(self, one: Restoration, wait: timedelta, exc: CloudError) -> float | None:
        now = self.clock.now()
        spent = attempting.took(one.submitted_at, now)
        if one.tried + spent >= self.policy.busy_deadline:
            told = self.policy.given_up(exc.sentence, "this disk")
            await self._end(one, RestorationState.FAILED, told, exc.code)
            return None
        await self._save(waiting(one, now, until=now + wait, cause=exc.sentence, code=exc.code, spent=spent))
        return wait.total_seconds()

    # --- looking ------------------------------------------------------------------------------------------------------

    async def _look(self, one: Restoration, request: Request, now: datetime) -> float | None:
        """Look for the tag among the disks; only when the time is over may it be sent again."""
        found = await self._tagged(one, request)
        if isinstance(found, attempting.CannotLook):
            return await self._cannot_look(one, found, now)
        if found:
            await self._save(under_way(one, None, found.id))
            return 0.0
        if one.look_until is not None and now < one.look_until:
            if one.in_vain or one.code:
                await self._save(replace(looked(one, self.clock.now()), code=""))
            return attempting.pause_s(one, now, _LOOK_AGAIN_SECONDS, each_s=4)
        if one.tried >= self.policy.busy_deadline:
            told = f"{one.cause} I looked each time before trying again; the cloud holds no disk of this request."
            await self._end(one, RestorationState.FAILED, told, one.code)
            return None
        now = self.clock.now()
        await self._save(waiting(one, now, until=now, cause=one.cause, code=one.code, spent=self.policy.look_for))
        return 0.0

    async def _tagged(self, one: Restoration, request: Request) -> Disk | attempting.CannotLook | None:
        try:
            evs = self.cloud.project(one.project, request.actor_id)
            found = await evs.disks_by_tag(REQUEST_TAG, [one.id])
        except KeyError:
            return attempting.CannotLook(not_configured(one.project), code=NOT_CONFIGURED)
        except CloudError as exc:
            return attempting.CannotLook.because(exc)
        return found[0] if found else None

    async def _cannot_look(self, one: Restoration, failed: attempting.CannotLook, began: datetime) -> float | None:
        """Without a look nothing is certain, so nothing is repeated; in the end that is what is told."""
        now = self.clock.now()
        if one.in_vain >= failed.policy(self.policy):
            await self._end(one, RestorationState.UNKNOWN, failed.in_the_end(one.cause, "the disk"), failed.code)
            return None
        after = attempting.could_not_look(one, failed, began, now)
        if after.code != one.code:
            await self._save(after)
        else:
            await self.store.restorations_spent([after])
        return attempting.left_s(after, now)

    # --- following ----------------------------------------------------------------------------------------------------

    async def _follow(self, one: Restoration, request: Request, now: datetime) -> float | None:
        try:
            evs = self.cloud.project(one.project, request.actor_id)
            disk = await self._disk(evs, one)
            if disk and disk.status in COPYABLE_STATES:  # a person may have attached it already
                return await self._made(replace(one, made_id=disk.id))
            job = await self._job(evs, one)
        except KeyError:
            return await self._not_shown(one, now, not_configured(one.project))
        except CloudError as exc:
            log.info("a new disk could not be asked for", extra={"item": one.id, "code": exc.code})
            return await self._not_shown(one, now, one.cause)
        read, one = one, replace(one, made_id=disk.id if disk else one.made_id or (job.disk_id if job else None))
        if (job and job.ended == "fail") or (disk and disk.status.startswith("error")):
            told = job.failure if job and job.ended == "fail" else "The cloud says that making it ended in an error."
            return await self._not_made(one, told, job.error_code if job else "")
        if disk and disk.status == "deleting":
            return await self._not_made(one, "Someone deleted this disk before it was finished.")
        coming = disk is not None or (job is not None and job.ended is None)
        return await self._go_on(read, one, now, coming=coming)

    async def _disk(self, evs: Evs, one: Restoration) -> Disk | None:
        """The new disk by its id, or by its tag where no answer told that. Raises CloudError."""
        if one.made_id:
            try:
                return await evs.show_disk(one.made_id)
            except NotFound:
                return None  # no page of the EVS API Reference says how soon it is shown
        return next(iter(await evs.disks_by_tag(REQUEST_TAG, [one.id])), None)

    async def _job(self, evs: Evs, one: Restoration) -> Job | None:
        try:
            return await evs.show_job(one.job_id) if one.job_id else None
        except NotFound:
            return None  # an unknown job says nothing

    async def _made(self, one: Restoration) -> float | None:
        if one.way != "verify":
            await self._end(one, RestorationState.RESTORED)
            return None
        await self._save(clearing(one, self.clock.now()))
        return 0.0

    async def _not_made(self, one: Restoration, cause: str, code: str = "") -> float | None:
        if one.way != "verify":
            await self._end(one, RestorationState.FAILED, cause, code)
            return None
        await self._save(clearing(one, self.clock.now(), cause=cause, code=code))
        return 0.0

    async def _go_on(self, read: Restoration, one: Restoration, now: datetime, *, coming: bool) -> float | None:
        age = now - one.submitted_at if one.submitted_at else timedelta()
        wait = timedelta(seconds=pause_s(age.total_seconds(), None, troubled=not coming))
        after = looked(one, now) if coming else looked_in_vain(one, now, spent=timedelta(), wait=wait)
        if not coming and one.in_vain >= NEVER_SHOWN:
            return await self._not_made(one, "The cloud shows no such disk: it was deleted, or never made.")
        if coming and age > self.follow_for:
            hours = round(self.follow_for.total_seconds() / 3600)
            told = f"After {hours} hours the cloud had not finished it. It may still; look at it in the console."
            return await self._not_learnt(one, told)
        return await self._later(read, replace(after, due_at=now + wait, cause=""))

    async def _not_shown(self, one: Restoration, now: datetime, cause: str) -> float | None:
        wait = timedelta(seconds=10)
        if one.submitted_at and now - one.submitted_at > self.follow_for:
            told = f"{cause} How it ended can't be looked up; look in the console.".strip()
            return await self._not_learnt(one, told)
        return await self._later(one, replace(one, due_at=now + wait, cause=cause))

    async def _not_learnt(self, one: Restoration, cause: str) -> float | None:
        """A test disk goes all the same, once it is there."""
        if one.way == "verify":
            return await self._not_made(one, cause)
        await self._end(one, RestorationState.UNKNOWN, cause)
        return None

    async def _later(self, read: Restoration, after: Restoration) -> float:
        if (after.made_id, after.cause) == (read.made_id, read.cause):
            await self.store.restorations_spent([after])
        else:
            await self._save(after)
        return attempting.left_s(after, self.clock.now())
