"""submit:{item}: one POST per disk, marked before it leaves, looked for before it is repeated."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.errors import CloudError, CloudUnavailable, DiskBusy, Throttled
from bot.domain.projects import Project
from bot.domain.requests import (
    Item,
    ItemState,
    Request,
    RequestState,
    busy_wait,
    ended,
    no_answer,
    sending,
    taken,
    waiting,
)
from bot.domain.snapshots import Snapshot
from bot.interfaces import Clock, Cloud, Store
from bot.workflow.permitting import Permits, before_post

log = logging.getLogger(__name__)

SEND_WITHIN = timedelta(seconds=20)
"""A POST that has not begun to leave by then is not sent any more."""

UNCONFIGURED_SECONDS = 300.0
UNANSWERED_WAIT = timedelta(seconds=5)
CLOCK_SKEW = timedelta(minutes=2)
"""How far the cloud's creation times may lie before our own note of sending."""

_LOOK_AGAIN_SECONDS = (1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to look after an uncertain create, and how long and how often a busy disk is asked again."""

    look_for: timedelta = timedelta(seconds=60)
    busy_first: timedelta = timedelta(seconds=10)
    busy_deadline: timedelta = timedelta(minutes=30)


class Submitter:
    """Moves an item from planned to creating, whatever happens in between and however often."""

    def __init__(
        self,
        store: Store,
        permits: Permits,
        cloud: Cloud,
        projects: Mapping[str, Project],
        clock: Clock,
        patience: Patience,
    ) -> None:
        self._store = store
        self._permits = permits
        self._cloud = cloud
        self._projects = projects
        self._clock = clock
        self._patience = patience

    async def __call__(self, item_id: str) -> float | None:
        found = await self._store.item(item_id)
        if found is None:
            return None
        item, request = found
        if request.state is not RequestState.RUNNING:
            return None  # it waits for other people, or was refused; whoever agrees wakes this duty
        if item.group_id is not None:
            return None  # its group is sent for it
        now = self._clock.now()
        if item.project not in self._projects and item.state is not ItemState.PLANNED:
            log.error("an open request names a project that is no longer configured", extra={"item": item.id})
            return UNCONFIGURED_SECONDS
        match item.state:
            case ItemState.PLANNED if item.due_at is not None and item.due_at > now:
                return (item.due_at - now).total_seconds()
            case ItemState.PLANNED:
                return await self._send(item, request)
            case ItemState.SUBMITTING:
                # Nobody else runs this duty, so whoever marked it is gone, and its POST may have arrived.
                cause = "The bot was interrupted while it asked the cloud."
                await self._store.save(no_answer(item, now, look_for=self._patience.look_for, cause=cause))
                return 0.0
            case ItemState.UNCERTAIN:
                return await self._look(item)
            case _:
                return None

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _send(self, item: Item, request: Request) -> float | None:
        if item.in_doubt and item.project in self._projects:
            # An earlier answer was lost: whatever has passed since, look once more before it is repeated or given up.
            try:
                snapshots = await self._cloud.project(item.project).list_snapshots(volume_id=item.disk.id)
            except CloudError as exc:
                return await self._cannot_look(item, exc)
            if snapshot := ours(item, snapshots):
                await self._store.save(taken(item, snapshot.id, None))
                return None
        if refusal := await self._permits.refusal(request, item.project):
            await self._store.save(
                ended(item, ItemState.CANCELLED, self._clock.now(), cause=refusal.explanation, code=refusal.rule),
                [before_post(request, item.id, item.project, item.disk.id, "denied", refusal.rule)],
            )
            return None
        now = self._clock.now()
        begun = await self._store.start(
            sending(item, now),
            [before_post(request, item.id, item.project, item.disk.id, "allowed", "granted")],
        )
        if begun is None or begun.joined_to is not None:
            return None
        return await self._post(begun)

    async def _post(self, item: Item) -> float | None:
        evs = self._cloud.project(item.project)
        try:
            ticket = await evs.create_standard_snapshot(item.snapshot, send_before=self._clock.now() + SEND_WITHIN)
        except DiskBusy as exc:
            return await self._busy(item, exc)
        except Throttled as exc:
            return await self._wait(item, timedelta(seconds=exc.retry_after or 2.0), exc.sentence, exc.code)
        except CloudUnavailable as exc:
            if exc.maybe_done:
                now = self._clock.now()
                looking = no_answer(item, now, look_for=self._patience.look_for, cause=exc.sentence)
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
        wait = busy_wait(item.waiting_since, self._clock.now(), self._patience.busy_first)
        return await self._wait(item, wait, exc.sentence, exc.code)

    async def _wait(self, item: Item, wait: timedelta, cause: str, code: str) -> float | None:
        now = self._clock.now()
        if item.waiting_since and now - item.waiting_since >= self._patience.busy_deadline:
            minutes = round(self._patience.busy_deadline.total_seconds() / 60)
            told = f"{cause} I tried for {minutes} minutes and created nothing of this disk."
            await self._store.save(ended(item, ItemState.FAILED, now, cause=told, code=code))
            return None
        await self._store.save(waiting(item, now, until=now + wait, cause=cause, code=code))
        return wait.total_seconds()

    async def _end(self, item: Item, exc: CloudError) -> float | None:
        await self._store.save(ended(item, ItemState.FAILED, self._clock.now(), cause=exc.sentence, code=exc.code))
        facts = {"item": item.id, "project": item.project, "code": exc.code, "cloud_request": exc.request_id}
        log.warning("snapshot refused by the cloud", extra=facts)
        return None

    # --- looking ------------------------------------------------------------------------------------------------------

    async def _look(self, item: Item) -> float | None:
        """Look for the item's tag among the disk's snapshots; only when the time is over may it be sent again."""
        now = self._clock.now()
        over = item.look_until is None or now >= item.look_until
        try:
            snapshots = await self._cloud.project(item.project).list_snapshots(volume_id=item.disk.id)
        except CloudError as exc:
            return await self._cannot_look(item, exc)
        if snapshot := ours(item, snapshots, by_name=over):
            await self._store.save(taken(item, snapshot.id, None))
            log.info("snapshot found after a lost answer", extra={"item": item.id, "snapshot": snapshot.id})
            return None
        if over:
            return await self._looked_in_vain(item)
        submitted = item.submitted_at or now
        step = min(int((now - submitted).total_seconds() / 4), len(_LOOK_AGAIN_SECONDS) - 1)
        left_s = (item.look_until - now).total_seconds() if item.look_until else 0.0
        return max(min(_LOOK_AGAIN_SECONDS[step], left_s), 0.05)

    async def _cannot_look(self, item: Item, exc: CloudError) -> float | None:
        """Without a look nothing is certain, so nothing is repeated; in the end that is what is told."""
        now = self._clock.now()
        since = now - (item.submitted_at or now)
        if since >= self._patience.busy_deadline:
            told = f"{item.cause} Whether it was made could not be looked up: {exc.sentence} Look in the console."
            await self._store.save(ended(item, ItemState.UNKNOWN, now, cause=told, code=exc.code))
            return None
        if isinstance(exc, Throttled) and exc.retry_after:
            return max(exc.retry_after, 0.5)
        return min(max(since.total_seconds() / 4, 2.0), 60.0)

    async def _looked_in_vain(self, item: Item) -> float | None:
        now = self._clock.now()
        if item.waiting_since and now - item.waiting_since >= self._patience.busy_deadline:
            told = f"{item.cause} I looked each time before trying again; the cloud holds no snapshot of this request."
            await self._store.save(ended(item, ItemState.FAILED, now, cause=told, code=item.code))
            return None
        await self._store.save(waiting(item, now, until=now, cause=item.cause, code=item.code))
        return 0.0


def ours(item: Item, snapshots: list[Snapshot], *, by_name: bool = False) -> Snapshot | None:
    """The snapshot that carries the item's tag; with `by_name` also one of its exact name, made since, without a tag.

    The tag may appear later than the row (reference, section 8), so a name alone counts only once looking is over.
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
