"""The ground of a way back before it is planned: its source in the rows, disks and snapshots in the cloud."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from bot.domain.deletions import still_there
from bot.domain.errors import CloudRefused
from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.projects import Project
from bot.domain.quick import DISKS_PER_QUICK, Marks
from bot.domain.requests import Request
from bot.domain.restoring.new_disks import Quotas
from bot.domain.restoring.planned_restorations import RestorePlan, Seen, meant, plan_restore
from bot.domain.sentences import quoted
from bot.ports.cloud import Evs
from bot.ports.deletions import Deletions
from bot.ports.requests import Requests
from bot.workflow.servers import ServerNames


class Rows(Deletions, Requests, Protocol):
    """The roles of the store that this asks for."""


async def planned(
    store: Rows,
    evs: Evs,
    servers: ServerNames,
    request: Request,
    project: Project,
    channel: str,
    now: datetime,
) -> RestorePlan:
    """Raises CloudError, or ValidationError for what the API would not take."""
    order = request.order
    assert isinstance(order, Restore)
    found = await store.request(order.request_id)
    if found is None or found[0].project != project.alias:
        return RestorePlan(problems=[f"I know no snapshot or request {quoted(order.of)} in {project.alias}."])
    sources = meant(order, found[1])
    if len(sources) > DISKS_PER_QUICK:
        much = f"These are {len(sources)} disks; {DISKS_PER_QUICK} can come back at once. Name single snapshots."
        return RestorePlan(problems=[much])
    there = {item.id for item in still_there(sources, await store.deletions(order.request_id))}
    seen = await _seen(evs, order, [item for item in sources if item.id in there])
    named = await servers.of(project.alias, evs, list(seen.disks.values()))
    seen = replace(seen, disks={one.id: one for one in named})
    marks = Marks(channel, request.place.channel_id, project.enterprise_project_id, None)
    return plan_restore(request, project, sources, there, seen, marks, now)


async def _seen(evs: Evs, order: Restore, items: Sequence[Item]) -> Seen:
    ids = [item.snapshot_id for item in items if item.snapshot_id]
    if not ids:
        return Seen({}, {})
    overwrites = order.way == "overwrite"
    disks, snapshots, quotas = await asyncio.gather(
        evs.list_disks(ids=[item.disk.id for item in items]),
        evs.list_snapshots() if overwrites else evs.list_snapshots(ids=ids),
        _quotas(evs),
    )
    by_id = {one.id: one for one in snapshots}
    return Seen({one.id: one for one in disks}, by_id, None if overwrites else quotas)


async def _quotas(evs: Evs) -> Quotas | None:
    """None where they may not be asked for: then the cloud says no itself."""
    try:
        return await evs.quotas()
    except CloudRefused:
        return None
