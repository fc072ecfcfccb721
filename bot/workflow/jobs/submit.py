"""submit:{item}: one POST per disk, marked before it leaves, looked for before it is repeated."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.attempts import NOT_THERE, looked, no_answer, submitting, waiting
from bot.domain.audit import before_post
from bot.domain.denials import NOT_CONFIGURED, Denied
from bot.domain.errors import CloudError, CloudUnavailable, NoSnapshot
from bot.domain.items import Item, ended, taken
from bot.domain.orders import Restore
from bot.domain.quick import NO_SNAPSHOT
from bot.domain.requests import Request
from bot.domain.sentences import not_configured
from bot.domain.snapshots import Snapshot
from bot.domain.transitions import ItemState, RequestState
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud
from bot.ports.items import Items
from bot.ports.requests import Requests
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.jobs import attempting
from bot.workflow.unanswered import answered

log = logging.getLogger(__name__)

NO_ANSWER_YET = "The cloud does not answer right now. I wait for it, and look before I ask again."
_LOOK_AGAIN_SECONDS = (1.0, 2.0, 4.0, 8.0)


class Rows(Items, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Submitter:
    """Moves an item from planned to creating, whatever happens in between and however often."""

    store: Rows
    send_check: SendCheck
    cloud: Cloud
    clock: Clock
    policy: attempting.RetryPolicy

    async def __call__(self, item_id: str) -> float | None:
        found = await self.store.item(item_id)
        if found is None:
            return None
        item, request = found
        if request.state is not RequestState.RUNNING:
            return None  # it waits for other people, or was refused; an agreement wakes this job
        if item.consistency_group_id is not None:
            return None  # its group is sent for it
        now = self.clock.now()
        match item.state:
            case ItemState.PLANNED | ItemState.UNCERTAIN if wait_s := attempting.left_s(item, now):
                return wait_s
            case ItemState.PLANNED:
                return await self._send(item, request)
            case ItemState.SUBMITTING:
                # One run of a job at a time, so the one that marked it is gone, and its POST may have arrived.
                if wait_s := self.policy.may_leave_s(item, now):
                    return wait_s
                lost = no_answer(item, now, look_for=self.policy.look_for, cause=attempting.INTERRUPTED)
                await self.store.save(lost)
                return 0.0
            case ItemState.UNCERTAIN:
                return await self._look(item, request, now)
            case _:
                return None

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _send(self, item: Item, request: Request) -> float | None:
        if item.in_doubt:
            # An earlier answer was lost: whatever has passed since, look once more before it is repeated or given up.
            began = self.clock.now()
            snapshots = await self._snapshots(item, request)
            if isinstance(snapshots, attempting.CannotLook):
                return await self._cannot_look(item, snapshots, began)
            if snapshot := attempting.ours(item, snapshots):
                await self.store.save_found(taken(item, snapshot.id, None))
                return None  # while another item copies its disk, it is found once more with each sweep
        send_before = self.clock.monotonic() + attempting.SEND_WITHIN_S
        decided = await self.send_check.decided(request, item.project)
        if isinstance(decided, Denied):
            state, told = attempting.refused(item, decided)
            await self.store.save(
                ended(item, state, self.clock.now(), cause=told, code=decided.rule),
                [before_post(request, item.id, item.project, item.disk.id, "denied", decided.rule)],
            )
            return None
        now = self.clock.now()
        begun = await self.store.start(
            submitting(item, now),
            [before_post(request, item.id, item.project, item.disk.id, "allowed", "granted", decided)],
            claim=self.send_check.claim(request, item.project),
            alone=isinstance(request.order, Restore),  # the way back from a way back is of its own making
        )
        if begun is None or begun.joined_to is not None:
            return None
        return await self._post(begun, request, send_before)

    async def _post(self, item: Item, request: Request, send_before: float) -> float | None:
        evs = self.cloud.project(item.project, request.actor_id)

        async def say() -> None:
            nonlocal item
            told = replace(item, cause=NO_ANSWER_YET, due_at=self.clock.now())
            if await self.store.save(told):
                item = replace(told, ver=told.ver + 1)

        try:
            post = evs.create_standard_snapshot(item.snapshot, send_before=send_before)
            ticket = await answered(self.clock, post, say)
        except CloudError as exc:
            return await self._not_taken(replace(item, answer_id=exc.request_id), exc)
        await self.store.save(taken(item, ticket.snapshot_id, ticket.job_id))
        return None

    async def _not_taken(self, item: Item, exc: CloudError) -> float | None:
        """A busy disk waits its turn; after a lost answer what is in its way may be our own, so `_send` looks first."""
        now = self.clock.now()
        if (wait := self.policy.wait_after(exc, item.tried)) is not None:
            return await self._wait(item, wait, exc.sentence, exc.code)
        if isinstance(exc, CloudUnavailable):
            await self.store.save(no_answer(item, now, look_for=self.policy.look_for, cause=exc.sentence))
            return 0.0
        code = NO_SNAPSHOT if isinstance(exc, NoSnapshot) else exc.code
        await self.store.save(ended(item, ItemState.FAILED, now, cause=exc.sentence, code=code))
        return None

    async def _wait(self, item: Item, wait: timedelta, cause: str, code: str) -> float | None:
        now = self.clock.now()
        spent = attempting.took(item.submitted_at, now)  # this POST began then, in this very process
        if item.tried + spent >= self.policy.busy_deadline:
            told = self.policy.given_up(cause, "this disk")
            await self.store.save(ended(item, ItemState.FAILED, now, cause=told, code=code))
            return None
        await self.store.save(waiting(item, now, until=now + wait, cause=cause, code=code, spent=spent))
        return wait.total_seconds()

    # --- looking ------------------------------------------------------------------------------------------------------

    async def _look(self, item: Item, request: Request, now: datetime) -> float | None:
        """Look for the item's tag among the disk's snapshots; only when the time is over may it be sent again."""
        over = item.look_until is None or now >= item.look_until
        named = item.snapshot.name if over else None
        snapshots = await self._snapshots(item, request, named)
        if isinstance(snapshots, attempting.CannotLook):
            return await self._cannot_look(item, snapshots, now)
        if snapshot := attempting.ours(item, snapshots, named=named):
            await self.store.save(taken(item, snapshot.id, None))
            return None
        if over:
            return await self._looked_in_vain(item)
        if item.code == NOT_CONFIGURED:  # it was put back
            cause = item.cause.replace(not_configured(item.project), "").strip()
            await self.store.save(replace(looked(item, self.clock.now()), cause=cause, code=""))
        elif item.in_vain:
            await self.store.spent([looked(item, self.clock.now())])
        return attempting.pause_s(item, now, _LOOK_AGAIN_SECONDS, each_s=4)

    async def _snapshots(
        self, item: Item, request: Request, named: str | None = None
    ) -> list[Snapshot] | attempting.CannotLook:
        """The snapshots that the cloud holds of the item's disk, or why that can't be learned."""
        try:
            evs = self.cloud.project(item.project, request.actor_id)
            snapshots = await evs.list_snapshots(volume_id=item.disk.id)
        except KeyError:
            if item.code != NOT_CONFIGURED:
                log.error("an open request names a project that is no longer configured", extra={"item": item.id})
            return attempting.CannotLook(not_configured(item.project), code=NOT_CONFIGURED)
        except CloudError as exc:
            return attempting.CannotLook.because(exc)
        if attempting.ours(item, snapshots, named=named) is None and attempting.unreadable(item, snapshots):
            return attempting.CannotLook("The cloud lists a snapshot of this disk whose tags cannot be read.")
        return snapshots

    async def _cannot_look(self, item: Item, failed: attempting.CannotLook, began: datetime) -> float | None:
        """Without a look nothing is certain, so nothing is repeated; in the end that is what is told."""
        now = self.clock.now()
        if item.in_vain >= failed.policy(self.policy):
            told = failed.in_the_end(item.cause, "it")
            await self.store.save(ended(item, ItemState.UNKNOWN, now, cause=told, code=failed.code))
            return None
        after = attempting.could_not_look(item, failed, began, now)
        if after.code != item.code:
            await self.store.save(after)  # people who read along hear of it at once
        else:
            await self.store.spent([after])
        return attempting.left_s(after, now)

    async def _looked_in_vain(self, item: Item) -> float | None:
        now = self.clock.now()
        if item.tried >= self.policy.busy_deadline:
            told = f"{item.cause} I looked each time before trying again; the cloud holds no snapshot of this request."
            await self.store.save(ended(item, ItemState.FAILED, now, cause=told, code=item.code))
            return None
        spent = self.policy.look_for
        await self.store.save(waiting(item, now, until=now, cause=item.cause, code=NOT_THERE, spent=spent))
        return 0.0
