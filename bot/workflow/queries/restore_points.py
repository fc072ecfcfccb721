"""`restore-points`: what the incidents of a channel created, and what of it the cloud still has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.access import decide
from bot.domain.actors import Actor
from bot.domain.audit import denied, read_entry
from bot.domain.denials import Denied, account_refused
from bot.domain.errors import CloudError
from bot.domain.items import Item
from bot.domain.parsing.commands import RestorePoints
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.results import NothingFound
from bot.domain.roles import Action
from bot.domain.transitions import ItemState
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud
from bot.ports.grants import Grants
from bot.ports.lookups import Filters
from bot.ports.requests import Requests
from bot.ports.restorations import Restorations
from bot.workflow.queries.existing import Existing

SHOWN = 10
LOOK_WITHIN_S = 10.0
"""A person who asks for restore points was told that the cloud is asked."""


@dataclass(frozen=True, slots=True)
class Point:
    """The restore points of one request. `existing` are ids of snapshots the cloud still has; None: it could not be
    asked. `deletable`: the reader may let it go; `restorable`: they may go back to it. `proofs` say by snapshot when a
    disk was made of it last.
    """

    request: Request
    items: Sequence[Item]
    existing: frozenset[str] | None
    deletable: bool
    restorable: bool = False
    proofs: Mapping[str, Restoration] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Points:
    """Newest first; `more`: there are older ones."""

    points: Sequence[Point]
    channel: str
    more: bool


class Rows(Audit, Grants, Requests, Restorations, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class RestorePointsInquiry:
    """Only of projects that the reader may view from here; the cloud is asked for nothing else."""

    store: Rows
    existing: Existing
    cloud: Cloud
    projects: Mapping[str, Project]
    clock: Clock

    async def points(self, actor: Actor, here: str, asked: RestorePoints) -> Points | NothingFound | Denied:
        if refused := account_refused(actor):
            await self.store.audit([denied(actor.user_id, Action.VIEW, "", refused.rule)])
            return refused
        grants, now = await self.store.grants_for(actor), self.clock.now()

        def may(action: Action, alias: str) -> bool:
            project = self.projects.get(alias)
            return not isinstance(decide(actor, action, alias, project, here, grants, now), Denied)

        viewable = [alias for alias in self.projects if may(Action.VIEW, alias)]
        channel = asked.channel or here
        filters = Filters(projects=viewable, restorable_in=channel, limit=SHOWN + 1)
        found = await self.store.recent(filters)
        self.store.note([read_entry(actor.user_id, "restore-points", viewable, here, channel)])
        if not found:
            return NothingFound("There are no restore points of this channel that you may see. `quick` makes some.")
        shown = await self.existing.looked_at(found[:SHOWN], within_s=LOOK_WITHIN_S)
        existing = await self._existing(shown)
        ids = [item.snapshot_id for _, items in shown for item in items if item.snapshot_id]
        proofs = await self.store.proofs_of(ids)
        points = [
            Point(
                request,
                [item for item in items if item.state is ItemState.AVAILABLE and not item.let_go],
                existing.get(items[0].project) if items else None,
                may(Action.DELETE, request.project or ""),
                may(Action.RESTORE, request.project or ""),
                proofs,
            )
            for request, items in shown
        ]
        return Points(points, channel, len(found) > SHOWN)

    async def _existing(self, found: Sequence[tuple[Request, Sequence[Item]]]) -> dict[str, frozenset[str] | None]:
        """The snapshots that each project still has of those asked for; None where it could not be asked."""
        wanted: dict[str, list[str]] = {}
        for _, items in found:
            for item in items:
                if item.state is ItemState.AVAILABLE and item.snapshot_id:
                    wanted.setdefault(item.project, []).append(item.snapshot_id)
        answers = await asyncio.gather(*(existing_snapshots(self.cloud, alias, ids) for alias, ids in wanted.items()))
        return dict(zip(wanted, answers, strict=True))


async def existing_snapshots(cloud: Cloud, alias: str, ids: Sequence[str]) -> frozenset[str] | None:
    """Which of some snapshots a project still has, those that are being deleted left out; None: it can't be asked."""
    try:
        listed = await cloud.project(alias).list_snapshots(ids=ids)
    except (CloudError, KeyError):
        return None
    return frozenset(one.id for one in listed if one.status != "deleting")
