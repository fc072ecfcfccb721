"""The disks of a project, as pickers offer them: asked of the cloud once at a time, believed for half a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.snapshots import Disk
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud
from bot.workflow.servers import ServerNames

MAX_AGE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class _Kept:
    disks: Sequence[Disk]
    at: float


class DiskCatalogue:
    """Asks only for whoever was allowed to: the decision comes before the question. In memory only."""

    def __init__(self, cloud: Cloud, servers: ServerNames, clock: Clock) -> None:
        self._cloud = cloud
        self._servers = servers
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._asking: dict[str, asyncio.Task[Sequence[Disk]]] = {}

    def at_hand(self, alias: str) -> Sequence[Disk] | None:
        kept = self._kept.get(alias)
        return kept.disks if kept and self._clock.monotonic() - kept.at < MAX_AGE.total_seconds() else None

    async def disks(self, alias: str) -> Sequence[Disk]:
        """Every disk of the project. Whoever stops waiting does not stop the question. Raises CloudError."""
        if (kept := self.at_hand(alias)) is not None:
            return kept
        task = self._asking.get(alias)
        if task is None:
            task = asyncio.create_task(self._ask(alias))
            self._asking[alias] = task
            task.add_done_callback(lambda done: self._answered(alias, done))
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Stop asking."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, alias: str) -> Sequence[Disk]:
        asked_at = self._clock.monotonic()
        disks = await self._servers.of_all(alias, self._cloud.project(alias))
        self._kept[alias] = _Kept(disks, asked_at)
        return disks

    def _answered(self, alias: str, done: asyncio.Future[Sequence[Disk]]) -> None:
        self._asking.pop(alias, None)
        if not done.cancelled():
            done.exception()  # read, so that an answer nobody waits for any more is not reported as lost
