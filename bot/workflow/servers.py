"""Names of servers: what a typed one means, and how the servers of disks are called. ECS is asked seldom."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from bot.cache import Cache
from bot.domain.errors import CloudError, CloudRefused, CloudUnavailable, Throttled
from bot.domain.sentences import quoted
from bot.domain.servers import NameMatch, Server, called, server_ids, with_names
from bot.domain.snapshots import Disk
from bot.ports.clock import Clock
from bot.ports.cloud import Evs

log = logging.getLogger(__name__)

BELIEVED = timedelta(seconds=30)
"""As long as the disks of a picker: a server that is renamed is called by its new name half a minute later."""

NAMES_WITHIN_S = 2.0
"""A plan or a picker that only lacks names does not wait longer for them."""

BY_ID = "`server_id=…` works without it."


class ServerNames:
    """In memory only. Without the right to list servers, their ids stand where their names would."""

    def __init__(self, clock: Clock) -> None:
        self._names: Cache[tuple[str, str], str] = Cache(clock, BELIEVED)
        self._silent: set[str] = set()

    async def meant(self, alias: str, evs: Evs, names: Sequence[str]) -> dict[str, NameMatch]:
        """Which servers these names mean. Raises CloudUnavailable; that ECS refuses stands in each answer."""
        if not names:
            return {}
        try:
            return await self._meant(alias, evs, names)
        except CloudRefused as exc:
            self._without(alias, exc)
            problem = f"I can't tell which server {quoted(names[0])} is. {exc.sentence} {BY_ID}"
            return dict.fromkeys(names, NameMatch(problem=problem))
        except Throttled:
            raise
        except CloudUnavailable as exc:
            sentence = f"{exc.sentence} Names of servers come from ECS; {BY_ID}"
            raise CloudUnavailable(sentence, status=exc.status, code=exc.code, request_id=exc.request_id) from None

    async def of(self, alias: str, evs: Evs, disks: Sequence[Disk]) -> list[Disk]:
        """The disks with the names of their servers: one call for all that are not at hand. Never raises CloudError."""
        ids = server_ids(disks)
        if lacking := [one for one in ids if self._name(alias, one) is None]:
            await self._ask(alias, evs, lacking)
        return self._named(alias, disks)

    async def of_all(self, alias: str, evs: Evs) -> list[Disk]:
        """Every disk of a project, with the names of their servers, asked side by side. Raises CloudError for the disks
        alone.
        """
        disks, _ = await asyncio.gather(evs.list_disks(), self._ask(alias, evs, ()))
        return self._named(alias, disks)

    async def _meant(self, alias: str, evs: Evs, names: Sequence[str]) -> dict[str, NameMatch]:
        found: Sequence[Server] = []
        if len(names) == 1:
            found = self._keep(alias, await evs.list_servers(name=names[0]))
        missing = [name for name in names if not called(name, found)]
        if not missing:
            return {name: NameMatch(called(name, found)) for name in names}
        # Whether the filter minds case is not documented, and several names cost one listing.
        everything = self._keep(alias, await evs.list_servers())
        known = tuple(one.name for one in everything)
        return {name: NameMatch(called(name, everything), known=known) for name in names}

    async def _ask(self, alias: str, evs: Evs, ids: Sequence[str]) -> None:
        """The names of these servers, or of all."""
        try:
            async with asyncio.timeout(NAMES_WITHIN_S):
                found = await evs.list_servers(ids=ids)
        except (CloudError, TimeoutError) as exc:
            self._without(alias, exc)
            return
        self._silent.discard(alias)
        self._keep(alias, found)

    def _without(self, alias: str, exc: Exception) -> None:
        """Said once until names are to be had again."""
        if alias not in self._silent:
            self._silent.add(alias)
            code = exc.code if isinstance(exc, CloudError) else type(exc).__name__
            log.warning(
                "names of servers cannot be had; ids stand in their place", extra={"project": alias, "code": code}
            )

    def _keep(self, alias: str, servers: Sequence[Server]) -> Sequence[Server]:
        self._names.put({(alias, one.id.lower()): one.name for one in servers})
        return servers

    def _name(self, alias: str, server_id: str) -> str | None:
        return self._names.at_hand((alias, server_id.lower()))

    def _named(self, alias: str, disks: Iterable[Disk]) -> list[Disk]:
        disks = list(disks)
        names = {one.lower(): self._name(alias, one) or "" for one in server_ids(disks)}
        return with_names(disks, names)
