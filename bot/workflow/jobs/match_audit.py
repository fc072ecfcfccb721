"""match:{project}: once in some days holds the rows of a project against the cloud and what people were told.

A project in which nothing was asked for in that time is not looked at: at rest the bot makes no cloud call.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.errors import BotError, CloudError, NotFound
from bot.domain.matching import FINDINGS_KEPT, KINDS, Finding, Point, strangers, summary
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud, Evs
from bot.ports.matching import Matching
from bot.ports.slack import Notices

log = logging.getLogger(__name__)

BEGINS_AFTER = timedelta(minutes=10)
"""After a start, which makes no cloud call itself."""

TROUBLE_SECONDS = 3_600.0
LISTED_WITHIN_SECONDS = 600.0
LOOKED_AT = 200
"""Snapshots that a listing lacks and that are asked for one by one: a listing without one proves nothing."""

_NAMED = 5


@dataclass(frozen=True, slots=True)
class AuditMatch:
    """`channel`: where findings are told, if anywhere; rows and the log hold them all the same."""

    store: Matching
    cloud: Cloud
    notices: Notices
    clock: Clock
    every: timedelta
    channel: str | None

    async def __call__(self, project: str) -> float | None:
        now, chore = self.clock.now(), f"match:{project}"
        due = await self.store.chore_due(chore)
        if due is None:  # a store that is new
            await self.store.chore_done(chore, now + self.every)
            return self.every.total_seconds()
        if now < due:
            return (due - now).total_seconds()
        since = now - self.every - timedelta(days=1)
        if not await self.store.asked_since(project, since):
            await self.store.chore_done(chore, now + self.every)
            return self.every.total_seconds()
        try:
            async with asyncio.timeout(LISTED_WITHIN_SECONDS):
                snapshots, found = await self._found(self.cloud.project(project, "match"), project, since)
        except (CloudError, KeyError, TimeoutError) as exc:
            log.info("a project could not be matched", extra={"project": project, "error": type(exc).__name__})
            return TROUBLE_SECONDS
        kept = [one.entry(project) for one in found[:FINDINGS_KEPT]]
        await self.store.matched([*kept, summary(project, snapshots, len(found))], chore, now + self.every)
        await self._tell(project, found)
        return self.every.total_seconds()

    async def _found(self, evs: Evs, project: str, since: datetime) -> tuple[int, list[Finding]]:
        """How many snapshots the cloud lists, and each difference. Rows are read first: what is made meanwhile is no
        difference.
        """
        points: list[Point] = []
        after: str | None = ""
        while after is not None:
            some, after = await self.store.restore_points(project, after)
            points += some
        found = await self.store.rows_without(project, since)
        found += await self.store.without_row(points)
        snapshots = await evs.list_snapshots()
        there = {one.id for one in snapshots}
        found += await self._gone(evs, [point for point in points if point.snapshot_id not in there])
        known = await self.store.tagged({one.request_tag for one in snapshots if one.request_tag})
        return len(snapshots), [*found, *strangers(snapshots, known)]

    async def _gone(self, evs: Evs, missing: list[Point]) -> list[Finding]:
        found: list[Finding] = []
        for point in missing[:LOOKED_AT]:
            try:
                await evs.show_snapshot(point.snapshot_id)
            except NotFound:
                if await self.store.vanished(point.snapshot_id):
                    found.append(Finding("snapshot-gone", point.item_id))
        return found

    async def _tell(self, project: str, found: list[Finding]) -> None:
        """One warning of each kind, and one sentence in the channel."""
        counts = Counter(one.kind for one in found)
        for kind, count in counts.items():
            some = ", ".join([one.subject for one in found if one.kind == kind][:_NAMED])
            facts = {"project": project, "kind": kind, "count": count, "some": some}
            log.warning("the match of rows and cloud found a difference", extra=facts)
        if not found or self.channel is None:
            return
        told = "; ".join(f"{KINDS[kind]} ({count})" for kind, count in counts.items())
        try:
            await self.notices.announce(
                self.channel, f"The match of rows and cloud in {project} found: {told}. See: snapshot-bot audit match"
            )
        except BotError as exc:
            log.warning("the findings of a match could not be posted", extra={"error": type(exc).__name__})
