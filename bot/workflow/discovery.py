"""Facts that a quick backup needs of the cloud before it is planned: read at once, in as few calls as can be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.cache import Cache
from bot.domain.disks import is_uuid
from bot.domain.errors import CloudRefused, CredentialRefused
from bot.domain.orders import Selector
from bot.domain.selecting import Selection, select
from bot.domain.snapshots import Snapshot
from bot.ports.clock import Clock
from bot.ports.cloud import Evs
from bot.workflow.servers import ServerNames

BELIEVED = timedelta(hours=1)
"""How long a project's answer about groups is believed; it changes with the region, not with the hour."""


class GroupDiscovery:
    """Whether a project takes consistency groups, as it said last. In memory only: a restart asks once more."""

    def __init__(self, clock: Clock) -> None:
        self._said: Cache[str, bool] = Cache(clock, BELIEVED)

    async def available(self, alias: str, evs: Evs) -> bool:
        """Ask once an hour. Raises CloudUnavailable, or CredentialRefused."""
        return await self._said.ask(alias, lambda: _takes_groups(evs))

    def say(self, alias: str, *, available: bool) -> None:
        self._said.put({alias: available})


@dataclass(frozen=True, slots=True)
class Discovered:
    """`selection` are the disks that were meant, `snapshots` what the project holds of any disk."""

    selection: Selection
    snapshots: Sequence[Snapshot]
    groups_available: bool


async def discover(
    evs: Evs,
    alias: str,
    selectors: Sequence[Selector],
    discovery: GroupDiscovery,
    servers: ServerNames,
    *,
    bound: bool = False,
) -> Discovered:
    """One listing of the disks, one of the snapshots, one question a tag, one for names of servers. `bound`: the
    selectors come from a binding. Raises CloudError.
    """
    selection, snapshots, available = await asyncio.gather(
        selected(evs, alias, selectors, servers, bound=bound), evs.list_snapshots(), discovery.available(alias, evs)
    )
    called = await servers.of(alias, evs, selection.disks)
    return Discovered(replace(selection, disks=tuple(called)), snapshots, available)


async def selected(
    evs: Evs, alias: str, selectors: Sequence[Selector], servers: ServerNames, *, bound: bool = False
) -> Selection:
    """The disks that are meant, without the names of their servers. Raises CloudError."""
    tags = [one.value for one in selectors if one.kind == "tag"]
    tagged = asyncio.gather(*(evs.disks_by_tag(*_key_and_values(tag)) for tag in tags))
    named = [one.value for one in selectors if one.kind == "server" and not is_uuid(one.value)]
    disks, found, meant = await asyncio.gather(evs.list_disks(), tagged, servers.meant(alias, evs, named))
    of_tag = dict(zip(tags, found, strict=True))
    return await asyncio.to_thread(select, selectors, disks, of_tag, meant, bound=bound)


async def _takes_groups(evs: Evs) -> bool:
    try:
        await evs.check_snapshot_groups()
    except CredentialRefused:
        raise
    except CloudRefused:
        return False
    return True


def _key_and_values(tag: str) -> tuple[str, tuple[str, ...]]:
    key, colon, value = tag.partition(":")
    return key, ((value,) if colon else ())
