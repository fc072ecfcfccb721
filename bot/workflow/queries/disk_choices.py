"""The disks of a project, as pickers offer them: asked of the cloud once at a time, believed for half a minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.cache import Cache
from bot.domain.snapshots import Disk
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud
from bot.workflow.servers import ServerNames

MAX_AGE = timedelta(seconds=30)


class DiskCatalogue:
    """Asks only for a person who was allowed to: the decision comes before the question. In memory only."""

    def __init__(self, cloud: Cloud, servers: ServerNames, clock: Clock) -> None:
        self._cloud = cloud
        self._servers = servers
        self._listed: Cache[str, Sequence[Disk]] = Cache(clock, MAX_AGE)

    def at_hand(self, alias: str) -> Sequence[Disk] | None:
        return self._listed.at_hand(alias)

    async def disks(self, alias: str) -> Sequence[Disk]:
        """Every disk of the project. A caller that stops waiting does not stop the question. Raises CloudError."""
        return await self._listed.ask(alias, lambda: self._servers.of_all(alias, self._cloud.project(alias)))

    async def aclose(self) -> None:
        """Stop asking."""
        await self._listed.aclose()
