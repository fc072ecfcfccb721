"""Snapshot chains, /v5/{project_id}/snapshot-chains: a full snapshot and what was made on top of it.

No source gives the unit of `capacity`; here it is GiB. Source: huaweicloudsdkevs, ListSnapshotChains.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.simulator.cloud.calls import Answer, Call, Route, evs_time
from bot.simulator.cloud.queries import page, passes
from bot.simulator.cloud.resources import Snapshot


def shown(members: Sequence[Snapshot], now: datetime) -> dict[str, Any] | None:
    """A chain with what is left of it; None when nothing is."""
    left = [one for one in members if one.status_at(now) is not None]
    if not left:
        return None
    return {
        "id": left[0].chain_id,
        "availability_zone": left[0].availability_zone,
        "snapshot_count": len(left),
        "capacity": round(sum(one.stored_gb for one in left), 2),
        "project_id": left[0].project_id,
        "volume_id": left[0].volume_id,
        "category": "standard",
        "created_at": evs_time(members[0].created_at),
        "updated_at": evs_time(max(one.updated_at(now) for one in left)),
    }


def list_chains(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-chains: marker and limit, no offset."""
    paging = {name: value for name, value in call.query.items() if name in ("limit", "marker")}
    return Answer(200, {"snapshot_chains": page(_rows(call), paging, most=call.world.switches.page_rows)})


def count_chains(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-chains/count."""
    return Answer(200, {"count": len(_rows(call))})


def _rows(call: Call) -> list[dict[str, Any]]:
    rows = [row for members in call.world.chains.values() if (row := shown(members, call.now))]
    return [
        row
        for row in rows
        if row["project_id"] == call.params["project_id"]
        and passes(call.query, row, "id", "volume_id", "availability_zone", "category")
    ]


_ALL = "/v5/{project_id}/snapshot-chains"
ROUTES = (
    Route("GET", _ALL, "list_chains", list_chains, action="evs:snapshots:list"),
    Route("GET", f"{_ALL}/count", "count_chains", count_chains, action="evs:snapshots:list"),
)
