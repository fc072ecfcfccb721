"""The recycle bin for disks, /v3/{project_id}/recycle-bin-volumes.

Source: huaweicloudsdkevs, ListVolumesInRecycle, ShowRecyclePolicy and their siblings.
"""

from datetime import datetime, timedelta
from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route, evs_time
from bot.simulator.cloud.creation import check_types
from bot.simulator.cloud.queries import ordered, page, passes
from bot.simulator.cloud.resources import Disk
from bot.simulator.cloud.snapshots import SORT_KEYS
from bot.simulator.cloud.volumes import shown

SHOWN = frozenset(
    {
        "id", "name", "description", "status", "attachments", "multiattach", "size", "metadata", "bootable", "tags",
        "availability_zone", "created_at", "service_type", "updated_at", "volume_type", "enterprise_project_id",
        "dedicated_storage_id", "dedicated_storage_name", "volume_image_metadata", "wwn",
    }
)  # fmt: skip


def list_binned(call: Call) -> Answer:
    """GET /v3/{project_id}/recycle-bin-volumes/detail."""
    rows = [
        row
        for disk in call.world.disks.values()
        if _in_bin(call, disk)
        and passes(call.query, row := _shown(call, disk), "name", "status", "availability_zone", "service_type")
    ]
    cut = page(ordered(rows, {}, SORT_KEYS), call.query, most=call.world.switches.page_rows)
    return Answer(200, {"count": len(rows), "volumes": cut})


def show_binned(call: Call) -> Answer:
    """GET /v3/{project_id}/recycle-bin-volumes/{volume_id}."""
    return Answer(200, {"volume": _shown(call, _existing(call))})


def revert_binned(call: Call) -> Answer:
    """POST /v3/{project_id}/recycle-bin-volumes/{volume_id}/revert: the disk is back at once."""
    disk = _existing(call)
    disk.change, disk.binned_at, disk.status = None, None, "available"
    return Answer(202)


def delete_binned(call: Call) -> Answer:
    """DELETE /v3/{project_id}/recycle-bin-volumes/{volume_id}: gone for good."""
    _existing(call).binned_at = None
    return Answer(202)


def show_bin_policy(call: Call) -> Answer:
    """GET /v3/{project_id}/recycle-bin-volumes/policy."""
    bin_ = call.project.recycle_bin
    policy = {"switch": bin_.switch, "threshold_time": bin_.threshold_time, "keep_time": bin_.keep_time}
    return Answer(200, policy)


def update_bin_policy(call: Call) -> Answer:
    """PUT /v3/{project_id}/recycle-bin-volumes/policy."""
    if not isinstance(call.body, dict):
        raise errors.evs(400, "EVS.5400", "Malformed request body.")
    check_types(call.body, {"switch": bool, "threshold_time": int, "keep_time": int})
    if not 1 <= call.body.get("threshold_time", 1) <= 1000 or not 1 <= call.body.get("keep_time", 1) <= 365:
        raise errors.bad_body("Out of range: threshold_time, keep_time.")
    for name, value in call.body.items():
        setattr(call.project.recycle_bin, name, value)
    return Answer(200, {})


def _leaves_at(call: Call, disk: Disk) -> datetime | None:
    return None if disk.binned_at is None else disk.binned_at + timedelta(days=call.project.recycle_bin.keep_time)


def _in_bin(call: Call, disk: Disk) -> bool:
    leaves_at = _leaves_at(call, disk)
    return (
        disk.project_id == call.params["project_id"]
        and disk.status_at(call.now) is None
        and leaves_at is not None
        and call.now < leaves_at
    )


def _existing(call: Call) -> Disk:
    disk = call.world.disks.get(call.params["volume_id"])
    if disk is None or not _in_bin(call, disk):
        raise errors.not_found()
    return disk


def _shown(call: Call, disk: Disk) -> dict[str, Any]:
    row = {name: value for name, value in shown(disk, call).items() if name in SHOWN}
    return row | {
        "status": "available",
        "pre_deleted_at": evs_time(disk.binned_at),
        "plan_delete_at": evs_time(_leaves_at(call, disk)),
    }


_ALL = "/v3/{project_id}/recycle-bin-volumes"
ROUTES = (
    Route("GET", f"{_ALL}/detail", "list_binned", list_binned, action="evs:volumes:list"),
    Route("GET", f"{_ALL}/policy", "show_bin_policy", show_bin_policy),
    Route("PUT", f"{_ALL}/policy", "update_bin_policy", update_bin_policy),
    Route("GET", f"{_ALL}/{{volume_id}}", "show_binned", show_binned, action="evs:volumes:get"),
    Route("DELETE", f"{_ALL}/{{volume_id}}", "delete_binned", delete_binned, action="evs:volumes:delete"),
    Route("POST", f"{_ALL}/{{volume_id}}/revert", "revert_binned", revert_binned),
)
