"""Snapshot chains, /v5/{project_id}/snapshot-chains: a full snapshot and what was made on top of it.

No source gives the unit of `capacity`; here it is GiB. Source: huaweicloudsdkevs, ListSnapshotChains.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.simulator.cloud.calls import Answer, Call, Route, evs_time
from bot.simulator.cloud.queries import page, passes
from bot.simulator.cloud.resources import Snapshot
from bot.simulator.cloud.world import CloudWorld


def of_chain(world: CloudWorld, snapshot: Snapshot, now: datetime) -> list[Snapshot]:
    """The chain that an existing snapshot belongs to: what is left of it, oldest first."""
    return [one for one in world.snapshots_of(snapshot.volume_id, now) if one.chain_id == snapshot.chain_id]


def shown(members: Sequence[Snapshot], now: datetime) -> dict[str, Any]:
    """The chain of these snapshots."""
    first = members[0]
    return {
        "id": first.chain_id,
        "availability_zone": first.availability_zone,
        "snapshot_count": len(members),
        "capacity": round(sum(one.stored_gb for one in members), 2),
        "project_id": first.project_id,
        "volume_id": first.volume_id,
        "category": "standard",
        "created_at": evs_time(first.created_at),
        "updated_at": evs_time(max(one.updated_at(now) for one in members)),
    }


def list_chains(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-chains: marker and limit, no offset."""
    paging = {name: value for name, value in call.query.items() if name in ("limit", "marker")}
    return Answer(200, {"snapshot_chains": page(_rows(call), paging, most=call.world.switches.page_rows)})


def count_chains(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-chains/count."""
    return Answer(200, {"count": len(_rows(call))})


def _rows(call: Call) -> list[dict[str, Any]]:
    chains: dict[str, list[Snapshot]] = defaultdict(list)
    for disk_id in call.world.of_disk:
        for snapshot in call.world.snapshots_of(disk_id, call.now):
            chains[snapshot.chain_id].append(snapshot)
    return [
        row
        for row in (shown(members, call.now) for members in chains.values())
        if row["project_id"] == call.params["project_id"]
        and passes(call.query, row, "id", "volume_id", "availability_zone", "category")
    ]


_ALL = "/v5/{project_id}/snapshot-chains"
ROUTES = (
    Route("GET", _ALL, "list_chains", list_chains, action="evs:snapshots:list"),
    Route("GET", f"{_ALL}/count", "count_chains", count_chains, action="evs:snapshots:list"),
)
