"""verify:{project}: a few times a day, deletes test disks that were left behind, and with `verify_days` asks for proofs
of the restore points that are due.

What it asks for is a request like any other, told in the channel that the disks are bound to. Where nothing was proven
lately and nothing is due, no call is made.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

from bot.domain.actors import SCHEDULE
from bot.domain.audit import test_disk_deleted
from bot.domain.deletions import still_there
from bot.domain.errors import CloudError, CloudRefused
from bot.domain.items import Item
from bot.domain.orders import Restore, as_typed
from bot.domain.projects import Project
from bot.domain.requests import Place
from bot.domain.restoring.restorations import Restoration
from bot.domain.restoring.verifying import (
    GOING,
    LOOKED_AT_EVERY,
    Due,
    by_request,
    due_points,
    is_test_disk,
    orders_for,
    why_it_stays,
)
from bot.domain.results import Refused
from bot.domain.selecting import selectors_of
from bot.domain.snapshots import REQUEST_TAG, TEST_TAG, Disk
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud, Evs
from bot.ports.deletions import Deletions
from bot.ports.proofs import Proofs, ProofState
from bot.ports.requests import Requests
from bot.workflow.discovery import selected
from bot.workflow.intake import Delivery, Intake
from bot.workflow.jobs.clear_test_disk import delete_test_disk
from bot.workflow.servers import ServerNames

log = logging.getLogger(__name__)

BEGINS_AFTER = timedelta(minutes=10)
"""After a start, which makes no cloud call itself."""

TROUBLE_SECONDS = 900.0

WHOSE = "verify"
"""Whose calls these are."""

STRANGE_AFTER = timedelta(days=1)

BORN_LATE_FOR = timedelta(days=3)
"""How long after its order a test disk is looked for that had not come when its restoration ended."""


class Rows(Proofs, Deletions, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class PointVerifier:
    """`team_id`: the workspace that channels of bindings are in."""

    store: Rows
    intake: Intake
    cloud: Cloud
    servers: ServerNames
    projects: Mapping[str, Project]
    clock: Clock
    team_id: str

    async def __call__(self, alias: str) -> float | None:
        project, now, chore = self.projects.get(alias), self.clock.now(), f"verify:{alias}"
        if project is None:
            return None
        looked_at_next = await self.store.chore_due(chore)
        if looked_at_next is not None and now < looked_at_next:
            return (looked_at_next - now).total_seconds()
        try:
            evs = self.cloud.project(alias, WHOSE)
            left_behind = await self._swept(evs, alias)
            due = await self._due(evs, project) if project.restore and project.verify_days else {}
        except CloudError as exc:
            log.info("whether restore points are proven could not be asked", extra={"project": alias, "code": exc.code})
            return TROUBLE_SECONDS
        await self._ask(alias, due, now)
        points = [one for found in due.values() for one in found if one.since <= now]
        state = ProofState(len(points), min((one.since for one in points), default=None), left_behind)
        await self.store.proofs_seen(alias, state, chore, now + LOOKED_AT_EVERY)
        return LOOKED_AT_EVERY.total_seconds()

    # --- what is due --------------------------------------------------------------------------------------------------

    async def _due(self, evs: Evs, project: Project) -> dict[str, list[Due]]:
        """By channel; a disk that is bound to several is proven in the first of them. Raises CloudError."""
        bound = await self.store.bindings_in(project.alias)
        seen: set[str] = set()
        found: dict[str, list[Due]] = {}
        for channel, bindings in groupby(bound, key=lambda one: one.channel):
            selection = await selected(evs, project.alias, selectors_of(list(bindings)), self.servers, bound=True)
            if selection.problems:
                facts = {"project": project.alias, "channel": channel}
                log.warning("what a channel is bound to is not there, so nothing of it is proven", extra=facts)
            fresh = [disk.id for disk in selection.disks if disk.id not in seen]
            seen.update(fresh)
            found[channel] = await self._due_of(project, fresh)
        return found

    async def _due_of(self, project: Project, disk_ids: Sequence[str]) -> list[Due]:
        points = [one for one in await self.store.newest_points(disk_ids) if one.project == project.alias]
        proofs = await self.store.proofs_of_disks([one.disk.id for one in points])
        return due_points(points, proofs, self.clock.now(), project.verify_days or 0, project.verify_gib)

    async def _ask(self, alias: str, due: Mapping[str, Sequence[Due]], now: datetime) -> None:
        """Nothing that is being proven, or was tried today, is asked for again."""
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        tried = await self.store.being_proven(alias, today) if due else frozenset()
        for channel, points in due.items():
            free = by_request([one for one in points if one.item.snapshot_id not in tried])
            for request_id, items in free.items():
                for order in orders_for(request_id, items, await self._left_of(request_id), alias):
                    await self._ask_for(order, alias, channel, now)

    async def _left_of(self, request_id: str) -> list[Item]:
        found = await self.store.request(request_id)
        return still_there(found[1], await self.store.deletions(request_id)) if found else []

    async def _ask_for(self, order: Restore, alias: str, channel: str, now: datetime) -> None:
        delivery_id, place = f"verify:{order.of}:{now:%Y%m%d}", Place(self.team_id, channel)
        answer = await self.intake.create(Delivery(delivery_id, SCHEDULE, place, as_typed(order)), order)
        if isinstance(answer, Refused):
            facts = {"project": alias, "channel": channel, "rule": answer.rule}
            log.info("a proof could not be asked for", extra=facts)

    # --- what was left behind -----------------------------------------------------------------------------------------

    async def _swept(self, evs: Evs, alias: str) -> int:
        """How many test disks are there still whose restorations ended before they came, or before they could be
        found. Each is deleted, as often as it takes. Raises CloudError.
        """
        if not await self.store.tested_since(alias, self.clock.now() - BORN_LATE_FOR):
            return 0
        tagged = await evs.disks_by_tag(REQUEST_TAG)
        tests = await self.store.tests({str(disk.tags.get(REQUEST_TAG)) for disk in tagged})
        strange = self._of_no_proof(tagged, tests)
        for disk in strange:
            log.warning("a test disk of no known proof is there", extra={"project": alias, "disk": disk.id})
        ended = [one for one in tests if one.ended]
        left = [(one, disk) for one in ended for disk in tagged if is_test_disk(one, disk) and disk.status not in GOING]
        for one, disk in left:
            await self.store.audit([test_disk_deleted(one, disk.id, "left-behind")])
            await self._delete(evs, alias, one.id, disk)
        return len(left) + len(strange)

    def _of_no_proof(self, tagged: Sequence[Disk], tests: Sequence[Restoration]) -> list[Disk]:
        """Test disks that no row knows: their rows were given up with a store that was put back from a backup, or
        another bot made them, which is why they stay. A young one may be at work.
        """
        known, since = {one.id for one in tests}, self.clock.now() - STRANGE_AFTER
        unknown = [disk for disk in tagged if TEST_TAG in disk.tags and disk.tags.get(REQUEST_TAG) not in known]
        return [disk for disk in unknown if disk.updated_at is not None and disk.updated_at < since]

    async def _delete(self, evs: Evs, alias: str, restoration_id: str, disk: Disk) -> None:
        why = why_it_stays(disk)
        if not why:
            try:
                await delete_test_disk(evs, disk, self.clock)
            except CloudRefused as exc:
                why = exc.code
        facts = {"project": alias, "item": restoration_id, "disk": disk.id, "why": why}
        log.warning("a test disk was left behind; it is being deleted", extra=facts)
