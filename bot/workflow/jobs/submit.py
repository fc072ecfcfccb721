"""submit:{item}: one POST per disk, marked before it leaves, looked for before it is repeated."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.attempts import busy_wait, looked, looked_in_vain, no_answer, submitting, waiting
from bot.domain.audit import before_post
from bot.domain.denials import NOT_CONFIGURED, Denied, no_longer_configured
from bot.domain.errors import CloudError, CloudUnavailable, DiskBusy, Throttled
from bot.domain.items import Item, ended, taken
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.sentences import not_configured
from bot.domain.snapshots import Snapshot
from bot.domain.transitions import ItemState, RequestState
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud
from bot.ports.items import Items
from bot.ports.requests import Requests
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.unanswered import answered

log = logging.getLogger(__name__)

SEND_WITHIN = timedelta(seconds=20)
"""A POST that has not begun to leave by then is not sent any more."""

UNCONFIGURED_SECONDS = 30.0
"""How often it is looked whether a project is configured again; that costs no call."""

NO_ANSWER_YET = "The cloud does not answer right now. I wait for it, and look before I ask again."
UNANSWERED_WAIT = timedelta(seconds=5)
CLOCK_SKEW = timedelta(minutes=2)
"""How far the cloud's creation times may lie before our own note of sending."""

_LOOK_AGAIN_SECONDS = (1.0, 2.0, 4.0, 8.0)


LOOKED = "An earlier try was not answered; I looked, and the cloud holds no snapshot of it."


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to look after an uncertain create, and how long and how often a busy disk is asked again; how long a
    project that is no longer configured is waited for.
    """

    look_for: timedelta = timedelta(seconds=60)
    busy_first: timedelta = timedelta(seconds=10)
    busy_deadline: timedelta = timedelta(minutes=30)
    unconfigured: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CannotLook:
    """Why a look answered nothing. `retry_after` is in seconds, where the cloud said it."""

    sentence: str
    code: str = ""
    retry_after: float | None = None

    @classmethod
    def because(cls, exc: CloudError) -> CannotLook:
        return cls(exc.sentence, exc.code, exc.retry_after if isinstance(exc, Throttled) else None)

    def policy(self, all_of_it: RetryPolicy) -> timedelta:
        """How long looks may go on failing like this. It counts from the first of them, not from the send."""
        return all_of_it.unconfigured if self.code == NOT_CONFIGURED else all_of_it.busy_deadline

    def added_to(self, cause: str) -> str:
        return cause if self.sentence in cause else f"{cause} {self.sentence}".strip()

    def in_the_end(self, cause: str, what: str) -> str:
        """The cause that is told once the bot looks no more. `cause` is why it had to be looked for."""
        if self.code == NOT_CONFIGURED:
            return f"{self.added_to(cause)} Whether {what} was made is not known; look in the console."
        return f"{cause} Whether {what} was made could not be looked up: {self.sentence} Look in the console.".strip()

    def wait(self, in_vain: timedelta) -> timedelta:
        """Until the next look: the longer it has gone on, the later."""
        if self.code == NOT_CONFIGURED:
            return timedelta(seconds=UNCONFIGURED_SECONDS)
        if self.retry_after:
            return timedelta(seconds=max(self.retry_after, 0.5))
        return min(max(in_vain / 4, timedelta(seconds=2)), timedelta(seconds=60))


LONGEST_CALL = timedelta(seconds=60)
"""A call that seems to have taken longer is a clock that was set."""


def took(began: datetime | None, now: datetime) -> timedelta:
    """How long a call of this process took that began then."""
    return min(max(now - (began or now), timedelta()), LONGEST_CALL)


def not_configured_any_more(alias: str, projects: Mapping[str, Project]) -> Denied | None:
    """Why nothing more is sent to a project that was taken out of bot.toml."""
    return None if alias in projects else no_longer_configured(alias)


class Rows(Items, Requests, Protocol):
    """The roles of the store that this asks for."""


class Submitter:
    """Moves an item from planned to creating, whatever happens in between and however often."""

    def __init__(
        self,
        store: Rows,
        send_check: SendCheck,
        cloud: Cloud,
        projects: Mapping[str, Project],
        clock: Clock,
        policy: RetryPolicy,
    ) -> None:
        self._store = store
        self._send_check = send_check
        self._cloud = cloud
        self._projects = projects
        self._clock = clock
        self._policy = policy

    async def __call__(self, item_id: str) -> float | None:
        found = await self._store.item(item_id)
        if found is None:
            return None
        item, request = found
        if request.state is not RequestState.RUNNING:
            return None  # it waits for other people, or was refused; an agreement wakes this job
        if item.consistency_group_id is not None:
            return None  # its group is sent for it
        now = self._clock.now()
        match item.state:
            case ItemState.PLANNED | ItemState.UNCERTAIN if item.due_at is not None and item.due_at > now:
                return (item.due_at - now).total_seconds()
            case ItemState.PLANNED:
                return await self._send(item, request)
            case ItemState.SUBMITTING:
                # One run of a job at a time, so the one that marked it is gone, and its POST may have arrived.
                cause = "The bot was interrupted while it asked the cloud."
                await self._store.save(no_answer(item, now, look_for=self._policy.look_for, cause=cause))
                return 0.0
            case ItemState.UNCERTAIN:
                return await self._look(item, now)
            case _:
                return None

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _send(self, item: Item, request: Request) -> float | None:
        if item.in_doubt:
            # An earlier answer was lost: whatever has passed since, look once more before it is repeated or given up.
            began = self._clock.now()
            snapshots = await self._snapshots(item)
            if isinstance(snapshots, CannotLook):
                return await self._cannot_look(item, snapshots, began)
            if snapshot := ours(item, snapshots):
                await self._store.save(taken(item, snapshot.id, None))
                return None
        refusal = not_configured_any_more(item.project, self._projects)
        if refusal := refusal or await self._send_check.refusal(request, item.project):
            # In doubt, it was looked for right now.
            state = ItemState.FAILED if item.in_doubt else ItemState.CANCELLED
            told = f"{refusal.explanation} {LOOKED}" if item.in_doubt else refusal.explanation
            await self._store.save(
                ended(item, state, self._clock.now(), cause=told, code=refusal.rule),
                [before_post(request, item.id, item.project, item.disk.id, "denied", refusal.rule)],
            )
            return None
        now = self._clock.now()
        begun = await self._store.start(
            submitting(item, now),
            [before_post(request, item.id, item.project, item.disk.id, "allowed", "granted")],
        )
        if begun is None or begun.joined_to is not None:
            return None
        return await self._post(begun)

    async def _post(self, item: Item) -> float | None:
        evs = self._cloud.project(item.project)

        async def say() -> None:
            nonlocal item
            told = replace(item, cause=NO_ANSWER_YET, due_at=self._clock.now())
            if await self._store.save(told):
                item = replace(told, ver=told.ver + 1)

        try:
            post = evs.create_standard_snapshot(item.snapshot, send_before=self._clock.now() + SEND_WITHIN)
            ticket = await answered(self._clock, post, say)
        except DiskBusy as exc:
            return await self._busy(item, exc)
        except Throttled as exc:
            return await self._wait(item, timedelta(seconds=exc.retry_after or 2.0), exc.sentence, exc.code)
        except CloudUnavailable as exc:
            if exc.maybe_done:
                now = self._clock.now()
                looking = no_answer(item, now, look_for=self._policy.look_for, cause=exc.sentence)
                await self._store.save(looking)
                return 0.0
            return await self._wait(item, UNANSWERED_WAIT, exc.sentence, exc.code)
        except CloudError as exc:
            return await self._end(item, exc)
        await self._store.save(taken(item, ticket.snapshot_id, ticket.job_id))
        facts = {"item": item.id, "project": item.project, "snapshot": ticket.snapshot_id, "job": ticket.job_id}
        log.info("snapshot accepted by the cloud", extra=facts)
        return None

    async def _busy(self, item: Item, exc: DiskBusy) -> float | None:
        """The disk waits its turn. After a lost answer the snapshot in the way may be our own: `_send` looks first."""
        wait = busy_wait(item.tried, self._policy.busy_first)
        return await self._wait(item, wait, exc.sentence, exc.code)

    async def _wait(self, item: Item, wait: timedelta, cause: str, code: str) -> float | None:
        now = self._clock.now()
        spent = took(item.submitted_at, now)  # this POST began then, in this very process
        if item.tried + spent >= self._policy.busy_deadline:
            minutes = round(self._policy.busy_deadline.total_seconds() / 60)
            told = f"{cause} I tried for {minutes} minutes and created nothing of this disk."
            await self._store.save(ended(item, ItemState.FAILED, now, cause=told, code=code))
            return None
        await self._store.save(waiting(item, now, until=now + wait, cause=cause, code=code, spent=spent))
        return wait.total_seconds()

    async def _end(self, item: Item, exc: CloudError) -> float | None:
        await self._store.save(ended(item, ItemState.FAILED, self._clock.now(), cause=exc.sentence, code=exc.code))
        facts = {"item": item.id, "project": item.project, "code": exc.code, "cloud_request": exc.request_id}
        log.warning("snapshot refused by the cloud", extra=facts)
        return None

    # --- looking ------------------------------------------------------------------------------------------------------

    async def _look(self, item: Item, now: datetime) -> float | None:
        """Look for the item's tag among the disk's snapshots; only when the time is over may it be sent again."""
        over = item.look_until is None or now >= item.look_until
        snapshots = await self._snapshots(item, by_name=over)
        if isinstance(snapshots, CannotLook):
            return await self._cannot_look(item, snapshots, now)
        if snapshot := ours(item, snapshots, by_name=over):
            await self._store.save(taken(item, snapshot.id, None))
            log.info("snapshot found after a lost answer", extra={"item": item.id, "snapshot": snapshot.id})
            return None
        if over:
            return await self._looked_in_vain(item)
        if item.code == NOT_CONFIGURED:  # it was put back
            cause = item.cause.replace(not_configured(item.project), "").strip()
            await self._store.save(replace(looked(item, self._clock.now()), cause=cause, code=""))
        elif item.in_vain:
            await self._store.spent([looked(item, self._clock.now())])
        submitted = item.submitted_at or now
        age_s = max((now - submitted).total_seconds(), 0.0)  # the clock may have been set back
        step = min(int(age_s / 4), len(_LOOK_AGAIN_SECONDS) - 1)
        left_s = (item.look_until - now).total_seconds() if item.look_until else 0.0
        return max(min(_LOOK_AGAIN_SECONDS[step], left_s), 0.05)

    async def _snapshots(self, item: Item, *, by_name: bool = False) -> list[Snapshot] | CannotLook:
        """The snapshots that the cloud holds of the item's disk, or why that can't be learned."""
        try:
            snapshots = await self._cloud.project(item.project).list_snapshots(volume_id=item.disk.id)
        except KeyError:
            if item.code != NOT_CONFIGURED:
                log.error("an open request names a project that is no longer configured", extra={"item": item.id})
            return CannotLook(not_configured(item.project), code=NOT_CONFIGURED)
        except CloudError as exc:
            return CannotLook.because(exc)
        if ours(item, snapshots, by_name=by_name) is None and any(_may_be_ours(item, one) for one in snapshots):
            return CannotLook("The cloud lists a snapshot of this disk whose tags cannot be read.")
        return snapshots

    async def _cannot_look(self, item: Item, failed: CannotLook, began: datetime) -> float | None:
        """Without a look nothing is certain, so nothing is repeated; in the end that is what is told."""
        now = self._clock.now()
        if item.in_vain >= failed.policy(self._policy):
            told = failed.in_the_end(item.cause, "it")
            await self._store.save(ended(item, ItemState.UNKNOWN, now, cause=told, code=failed.code))
            return None
        wait = failed.wait(item.in_vain)
        after = looked_in_vain(item, now, spent=took(began, now), wait=wait)
        if failed.code == NOT_CONFIGURED != item.code:
            after = replace(after, cause=failed.added_to(item.cause), code=NOT_CONFIGURED)
            await self._store.save(after)  # people who read along hear of it at once
        else:
            await self._store.spent([after])
        return wait.total_seconds()

    async def _looked_in_vain(self, item: Item) -> float | None:
        now = self._clock.now()
        if item.tried >= self._policy.busy_deadline:
            told = f"{item.cause} I looked each time before trying again; the cloud holds no snapshot of this request."
            await self._store.save(ended(item, ItemState.FAILED, now, cause=told, code=item.code))
            return None
        spent = self._policy.look_for
        await self._store.save(waiting(item, now, until=now, cause=item.cause, code=item.code, spent=spent))
        return 0.0


def _may_be_ours(item: Item, snapshot: Snapshot) -> bool:
    """Whether a row whose tags cannot be read may be what an earlier POST made: never one that is older."""
    since = item.submitted_at - CLOCK_SKEW if item.submitted_at else None
    fresh = since is None or snapshot.created_at is None or snapshot.created_at >= since
    return "tags" in snapshot.unread and fresh


def ours(item: Item, snapshots: list[Snapshot], *, by_name: bool = False) -> Snapshot | None:
    """The snapshot that carries the item's tag; with `by_name` also one of its exact name, made since, without a tag.

    The tag may appear later than the row, as no page of the EVS API Reference says that both come together; so a name
    alone counts only once looking is over.
    """
    for snapshot in snapshots:
        if snapshot.item_id == item.id:
            return snapshot
    since = item.submitted_at - CLOCK_SKEW if item.submitted_at else None
    for snapshot in snapshots if by_name else ():
        fresh = since is None or snapshot.created_at is None or snapshot.created_at >= since
        if snapshot.item_id is None and snapshot.name == item.snapshot.name and fresh and item.attempts <= 1:
            return snapshot
    return None
