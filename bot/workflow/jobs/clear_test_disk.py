"""The last part of new_disk:{restoration} where a snapshot was proven: its test disk goes again, however long it takes.

Level-triggered by what the cloud shows: by the disk's id, and by its tag for one whose order was never answered.
Deleting twice does no harm, so nothing but the end is written down before it. No right is asked again: no person may
keep a disk that only the bot wanted.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from bot.domain.audit import restoration_ended, test_disk_deleted
from bot.domain.errors import CloudError, CloudRefused, NotFound
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.restoring.verifying import (
    GOING,
    cleared,
    is_test_disk,
    next_wait,
    still_there,
    waits_on,
    why_it_stays,
)
from bot.domain.sentences import not_configured
from bot.domain.snapshots import REQUEST_TAG, Disk
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud, Evs
from bot.ports.restorations import Restorations
from bot.workflow.jobs.attempting import SEND_WITHIN_S

log = logging.getLogger(__name__)

GONE_FOR = timedelta(seconds=60)
"""How long the cloud has to show no test disk that was never seen whole, until it counts as gone."""

TOLD_AFTER = timedelta(minutes=1)
"""A cloud that does not answer is told when that has gone on for so long."""


async def delete_test_disk(evs: Evs, disk: Disk, clock: Clock) -> None:
    """One that is gone already is as good as deleted. Raises CloudError."""
    with contextlib.suppress(NotFound):
        await evs.delete_disk(disk.id, send_before=clock.monotonic() + SEND_WITHIN_S)


class Rows(Audit, Restorations, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Clearer:
    store: Rows
    cloud: Cloud
    clock: Clock
    _written: set[str] = field(default_factory=set, init=False)
    """Disks whose deletion stands in the trail."""

    async def __call__(self, one: Restoration, request: Request) -> float | None:
        """One step. None: its test disk is gone, and that is written down."""
        began = self.clock.monotonic()
        after = await self._looked(one, request)
        if after.ended:
            return None if await self.store.save_restorations([after], [restoration_ended(after)]) else 0.0
        wait_s = next_wait(one).total_seconds()
        waiting = waits_on(after, self.clock.now(), timedelta(seconds=self.clock.monotonic() - began))
        if (after.cause, after.waiting_since) == (one.cause, one.waiting_since):
            await self.store.restorations_spent([waiting])
        else:
            await self.store.save_restorations([waiting])
        return wait_s

    async def _looked(self, one: Restoration, request: Request) -> Restoration:
        """As it is after a look, with the words that people read meanwhile."""
        try:
            evs = self.cloud.project(one.project, request.actor_id)
            disks = await self._found(evs, one)
            troubles = [await self._deleted(evs, one, disk) for disk in disks]
        except KeyError:
            return still_there(one, f"Its test disk is there still: {not_configured(one.project)}")
        except CloudError as exc:
            log.info("a test disk could not be asked for", extra={"item": one.id, "code": exc.code})
            told = one.in_vain >= TOLD_AFTER or isinstance(exc, CloudRefused)
            return still_there(one, f"Its test disk can't be looked for: {exc.sentence}") if told else one
        if disks:
            return still_there(replace(one, waiting_since=None), " ".join(filter(None, troubles)))
        if one.proven_at is None and not self._gone_long_enough(one):
            return still_there(replace(one, waiting_since=one.waiting_since or self.clock.now()), "")
        return cleared(one, self.clock.now())

    async def _found(self, evs: Evs, one: Restoration) -> Sequence[Disk]:
        """Each test disk that the cloud shows of it: there may be two where it did not keep the order's token. Raises
        CloudError.
        """
        try:
            tagged = await evs.disks_by_tag(REQUEST_TAG, [one.id])
        except CloudRefused:
            if one.made_id is None:
                raise
            tagged = []
        disks = {disk.id: disk for disk in tagged if is_test_disk(one, disk)}
        if one.made_id and one.made_id not in disks:
            with contextlib.suppress(NotFound):
                disks[one.made_id] = await evs.show_disk(one.made_id)
        return list(disks.values())

    async def _deleted(self, evs: Evs, one: Restoration, disk: Disk) -> str:
        """Why it is not being deleted; "" where it is. Raises CloudError where that is not known."""
        if (why := why_it_stays(disk)) or disk.status in GOING:
            return why
        if disk.id not in self._written:
            await self.store.audit([test_disk_deleted(one, disk.id)])
            self._written.add(disk.id)
        try:
            await delete_test_disk(evs, disk, self.clock)
        except CloudRefused as exc:
            facts = {"item": one.id, "disk": disk.id, "code": exc.code}
            log.warning("a test disk could not be deleted; it is tried again", extra=facts)
            return f"Its test disk {disk.id} could not be deleted: {exc.sentence} I go on trying."
        return ""

    def _gone_long_enough(self, one: Restoration) -> bool:
        return one.waiting_since is not None and self.clock.now() - one.waiting_since >= GONE_FOR
