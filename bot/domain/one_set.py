"""Which servers have disks that are not one consistent set, and why. Pure: the rows of a request alone say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import Item
from bot.domain.orders import Create, Order
from bot.domain.quick import JOINS, WAITS
from bot.domain.snapshots import DISKS_PER_GROUP
from bot.domain.transitions import GroupState


@dataclass(frozen=True, slots=True)
class Apart:
    """A server whose disks are not of one group. `why` has no full stop; with `all_joined` they are another request's
    snapshots, which may be one set there.
    """

    server: str
    disks: int
    why: str
    all_joined: bool = False


def one_set(items: Sequence[Item]) -> bool:
    """Whether all of them are of one consistency group; a disk alone is."""
    return len({item.consistency_group_id or item.id for item in items}) <= 1


def servers_apart(items: Sequence[Item], groups: Sequence[ConsistencyGroup], order: Order) -> list[Apart]:
    """Servers with several of these disks that are not of one group, as the disks come. Where a split group is all that
    parts them, its own line says so.
    """
    split = {(group.server, group.zone) for group in groups if group.state is GroupState.SPLIT}
    of_server: dict[str, list[Item]] = {}
    for item in items:
        if item.disk.server:
            of_server.setdefault(item.disk.server, []).append(item)
    return [
        Apart(server, len(disks), "; ".join(_reasons(disks, order)), all_joined=all(map(_joins, disks)))
        for server, disks in of_server.items()
        if not one_set(disks) and not (len(_zones(disks)) == 1 and (server, _zones(disks)[0]) in split)
    ]


def _reasons(disks: Sequence[Item], order: Order) -> Iterator[str]:
    zones = _zones(disks)
    if len(zones) > 1:
        yield f"they are in {len(zones)} zones ({', '.join(zones)}), and a consistency group is of one"
    if isinstance(order, Create):
        yield "`create` copies each disk by itself; `quick` takes those in one zone together"
        return
    joined, busy = sum(map(_joins, disks)), sum(item.cause == WAITS for item in disks)
    if joined:
        yield f"{joined} of them joined another request, which was copying already"
    if busy:
        yield f"another snapshot of {busy} of them is being created outside the bot"
    if max(Counter(item.disk.availability_zone for item in disks).values()) > DISKS_PER_GROUP:
        yield f"a consistency group holds {DISKS_PER_GROUP} disks at most"
    alone = sum(item.consistency_group_id is None for item in disks) - joined - busy
    if alone and len(zones) == 1:
        yield f"{alone} of them had to be copied alone"


def _joins(item: Item) -> bool:
    return item.joined_to is not None or item.cause == JOINS


def _zones(disks: Sequence[Item]) -> list[str]:
    return sorted({item.disk.availability_zone for item in disks})
