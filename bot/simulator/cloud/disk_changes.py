"""Work that changes disks: roll back, new disks (of snapshots, or empty), and their deletion.

Each answers with a job, and the disk shows a status of its own until the work is done. What no source tells is chosen
here: a disk whose snapshot is being made is neither rolled back nor deleted (EVS.2068); a roll-back to another disk
than the source is a mismatch of body and path (EVS.5400); deleting a disk leaves its standard snapshots. Not simulated:
several disks in one order, attaching at birth, disks of images and backups.
Source: EVS API reference, RollbackSnapshotV5, Creating EVS Disks (v2.1), Deleting an EVS Disk; error codes.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route, is_uuid
from bot.simulator.cloud.creation import (
    check_tags,
    check_types,
    duration_of,
    find_disk,
    in_creation,
    meet_faults,
    new_job,
)
from bot.simulator.cloud.quotas import VOLUME_TYPES, disks_of
from bot.simulator.cloud.resources import Change, ClientToken, Disk, Job, Snapshot
from bot.simulator.cloud.snapshots import existing as snapshot_in_path
from bot.simulator.cloud.volumes import existing as disk_in_path

FIELDS: dict[str, type] = {
    "snapshot_id": str,
    "availability_zone": str,
    "size": int,
    "volume_type": str,
    "name": str,
    "description": str,
    "tags": dict,
    "enterprise_project_id": str,
    "metadata": dict,
    "multiattach": bool,
    "count": int,
    "iops": int,
    "throughput": int,
}
REQUIRED = ("availability_zone", "volume_type", "size")
NEEDS_IOPS = {"GPSSD2": ("iops", "throughput"), "ESSD2": ("iops",)}
INHERITED = ("__system__encrypted", "__system__cmkid", "hw:passthrough")
DATA_DISK_GB = range(10, 32_769)
SYSTEM_DISK_GB = range(1, 1_025)
DELETABLE = ("available", "error", "error_extending", "error_restoring", "error_rollbacking")
CLIENT_TOKEN_LIVES = timedelta(hours=8)


def rollback_snapshot(call: Call) -> Answer:
    """POST /v5/{project_id}/snapshots/{snapshot_id}/rollback: to the source disk alone, while nothing is attached."""
    body = call.object("rollback")
    check_types(body, {"volume_id": str, "name": str})
    if "volume_id" not in body:
        raise errors.bad_body("Missing: volume_id.")
    return Answer(202, {"job_id": begin_rollback(call, snapshot_in_path(call), body["volume_id"]).id})


def begin_rollback(call: Call, snapshot: Snapshot, volume_id: str) -> Job:
    """Start to roll a disk back."""
    _refuse_unready(call, snapshot)
    disk = find_disk(call, volume_id)
    if disk.id != snapshot.volume_id:
        raise errors.evs(400, "EVS.5400", "Request body and URI mismatch.")
    if disk.status_at(call.now) not in ("available", "error_rollbacking"):
        raise errors.evs(400, "EVS.5400", "Must specify a valid status.")
    _refuse_locked(call, disk, besides=snapshot)
    entities = {"snapshot_id": snapshot.id, "volume_id": disk.id}
    job = _begin(call, "rollbackSnapshot", entities, disk, "rollbacking", "available", "error_rollbacking")
    snapshot.rollback, disk.rolled_back_to = disk.change, snapshot.id
    return job


def create_volume(call: Call) -> Answer:
    """POST /v2.1/{project_id}/cloudvolumes: a disk of a snapshot, or an empty one."""
    if not isinstance(call.body, dict):
        raise errors.evs(400, "EVS.5400", "Malformed request body.")
    body, billing = call.body.get("volume"), call.body.get("bssParam", {})
    if not isinstance(body, dict) or not isinstance(billing, dict) or set(call.body) - {"volume", "bssParam"}:
        raise errors.bad_body("Expected an object: volume.")
    disk, job = begin_disk(call, body)
    if billing.get("chargingMode") == "prePaid":
        disk.order_id = call.new_id("order").replace("-", "")[:16].upper()
        return Answer(202, {"order_id": disk.order_id})
    told = body.get("metadata", {}).get("create_for_volume_id") == "true"
    return Answer(202, {"job_id": job.id} | ({"volume_ids": [disk.id]} if told else {}))


def begin_disk(call: Call, body: dict[str, Any]) -> tuple[Disk, Job]:
    """Start to make the disk of an order."""
    _check_order(call, body)
    snapshot = _origin(call, body)
    _check_quotas(call, body["size"])
    disk = _new_disk(call, body, snapshot)
    entities = {"volume_id": disk.id, "size": disk.size_gb, "name": disk.name}
    job = _begin(call, "createVolume", entities, disk, "creating", "available", "error")
    _hide(call, disk)
    return disk, job


def delete_volume(call: Call) -> Answer:
    """DELETE /v2/{project_id}/cloudvolumes/{volume_id}: `deleting` for a while, then gone."""
    return Answer(202, {"job_id": begin_deletion(call, disk_in_path(call)).id})


def begin_deletion(call: Call, disk: Disk) -> Job:
    """Start to delete a disk, if it may be."""
    if disk.status_at(call.now) not in DELETABLE:
        raise errors.evs(400, "EVS.1046", "volume status must be available or error when delete volume!")
    if disk.order_id:
        raise errors.evs(400, "EVS.5400", "A yearly/monthly disk is unsubscribed from, not deleted.")
    _refuse_locked(call, disk)
    return _begin_deletion(call, disk)


def _begin_deletion(call: Call, disk: Disk) -> Job:
    job = _begin(call, "deleteVolume", {"volume_id": disk.id}, disk, "deleting", None, "error_deleting")
    bin_ = call.project.recycle_bin
    assert disk.change is not None
    if bin_.switch and call.now - disk.created_at >= timedelta(days=bin_.threshold_time):
        disk.binned_at = disk.change.ends_at
    return job


def unsubscribe_volumes(call: Call) -> Answer:
    """POST /v2/{project_id}/cloudvolumes/unsubscribe: the end of yearly/monthly disks, which are not deleted else."""
    match call.body:
        case {"volume_ids": [*disk_ids]} if disk_ids and all(isinstance(one, str) for one in disk_ids):
            disks = [find_disk(call, disk_id) for disk_id in disk_ids]
        case _:
            raise errors.bad_body("Expected a list: volume_ids.")
    if any(not disk.order_id or disk.status_at(call.now) not in DELETABLE for disk in disks):
        raise errors.evs(400, "EVS.5400", "Must specify a valid status.")
    for disk in disks:
        _begin_deletion(call, disk)
    return Answer(200, {})


def extend_volume(call: Call) -> Answer:
    """POST /v2.1/{project_id}/cloudvolumes/{volume_id}/action with os-extend: the disk only grows."""
    wanted = call.object("os-extend")
    check_types(wanted, {"new_size": int})
    disk = disk_in_path(call)
    status = disk.status_at(call.now)
    if status not in ("available", "in-use"):
        raise errors.evs(400, "EVS.5400", "Must specify a valid status.")
    if wanted.get("new_size", 0) <= disk.size_gb or wanted["new_size"] not in DATA_DISK_GB:
        raise errors.evs(400, "EVS.1010", "invalid volume size!")
    _check_size_quota(call, wanted["new_size"] - disk.size_gb)
    disk.size_gb = wanted["new_size"]
    job = _begin(call, "extendVolume", {"volume_id": disk.id}, disk, "extending", status, "error_extending")
    return Answer(202, {"job_id": job.id})


def _begin(
    call: Call, job_type: str, entities: dict[str, Any], disk: Disk, status: str, leaves: str | None, or_else: str
) -> Job:
    """Start work on a disk, which shows `status` until it `leaves` another or, where the job fails, `or_else`."""
    duration_s = duration_of(call, f"{status} {disk.id}")
    job = new_job(call, job_type, entities, call.volume_ids | {disk.id}, duration_s, skewed=leaves is not None)
    meet_faults(call, job)
    disk.change = Change(status, call.now, job.done_at, leaves if job.error_code is None else or_else)
    return job


def _hide(call: Call, disk: Disk) -> None:
    if (late := call.take("visibility")) is not None:
        disk.listed_from = call.now + timedelta(seconds=late.seconds(default=10))
    if (untagged := call.take("tags")) is not None:
        disk.tagged_from = call.now + timedelta(seconds=untagged.seconds(default=10))


def _refuse_unready(call: Call, snapshot: Snapshot) -> None:
    """A snapshot can be used once it is finished, or at once with Instant Snapshot Restore."""
    status = snapshot.status_at(call.now)
    if status != "available" and not (status == "creating" and snapshot.instant_access):
        raise errors.evs(400, "EVS.2043", "The status of snapshot is not available or backing-up.")


def _refuse_locked(call: Call, disk: Disk, *, besides: Snapshot | None = None) -> None:
    if in_creation(call, disk, besides=besides):
        raise errors.evs(400, "EVS.2068", "operation failed because of volume be locked")


def _check_order(call: Call, body: dict[str, Any]) -> None:
    origins = {"snapshot_id", "imageRef", "backup_id"} & body.keys()
    if len(origins) > 1:
        raise errors.evs(400, "EVS.1016", "Only one of snapshot_id, imageRef and backup_id may be given.")
    check_types(body, FIELDS)
    for name in REQUIRED:
        if name not in body:
            raise errors.bad_body(f"Missing: {name}.")
    if len(body.get("name", "").encode()) > 255:
        raise errors.evs(400, "EVS.1003", "invalid volume name!")
    if len(body.get("description", "").encode()) > 255:
        raise errors.evs(400, "EVS.1004", "invalid volume description!")
    check_tags(body.get("tags", {}), call.world.switches.tags_per_snapshot)
    if body["volume_type"] not in VOLUME_TYPES:
        raise errors.evs(400, "EVS.2071", "The volume type is not in the availability zone.")
    if any(name not in body for name in NEEDS_IOPS.get(body["volume_type"], ())):
        raise errors.bad_body(f"A {body['volume_type']} disk needs {' and '.join(NEEDS_IOPS[body['volume_type']])}.")
    if body.get("count", 1) != 1:
        raise errors.bad_body("The simulator makes one disk at a time: count.")


def _origin(call: Call, body: dict[str, Any]) -> Snapshot | None:
    """The snapshot that the order names; zone, type and size have to go with it."""
    sizes = DATA_DISK_GB
    snapshot = None
    if "snapshot_id" in body:
        snapshot = snapshot_in_path(call, body["snapshot_id"])
        _refuse_unready(call, snapshot)
        if body["availability_zone"] != snapshot.availability_zone:
            raise errors.evs(400, "EVS.2054", "Cannot create volume from snapshot as the az is invalid!")
        if body["volume_type"] != snapshot.volume_type:
            message = f"Target volumeType[{body['volume_type']}] is not matched with snapshot[{snapshot.id}] !"
            raise errors.evs(400, "EVS.2096", message)
        if set(body.get("metadata", {})) & set(INHERITED):
            raise errors.evs(400, "EVS.1043", "Encryption and device type follow the snapshot: metadata.")
        if snapshot.bootable:
            sizes = SYSTEM_DISK_GB
    if body["size"] not in sizes or (snapshot is not None and body["size"] < snapshot.size_gb):
        raise errors.evs(400, "EVS.1010", "invalid volume size!")
    return snapshot


def _check_quotas(call: Call, size_gb: int) -> None:
    if 0 <= call.project.quotas.volumes <= len(disks_of(call)):
        raise errors.evs(400, "EVS.1034", "Insufficient volume count quota.")
    _check_size_quota(call, size_gb)


def _check_size_quota(call: Call, more_gb: int) -> None:
    if 0 <= call.project.quotas.gigabytes < sum(disk.size_gb for disk in disks_of(call)) + more_gb:
        raise errors.evs(400, "EVS.1042", "Insufficient volume size quota.")


def _new_disk(call: Call, body: dict[str, Any], snapshot: Snapshot | None) -> Disk:
    disk_id = call.new_id("disk")
    disk = Disk(
        id=disk_id,
        name=body.get("name", f"volume-{disk_id[:8]}"),
        project_id=call.project.project_id,
        availability_zone=body["availability_zone"],
        size_gb=body["size"],
        volume_type=body["volume_type"],
        status="available",
        bootable=snapshot is not None and snapshot.bootable,
        description=body.get("description", ""),
        multiattach=body.get("multiattach", False),
        tags=dict(body.get("tags", {})),
        enterprise_project_id=body.get("enterprise_project_id", "0"),
        cmk_id=body.get("metadata", {}).get("__system__cmkid", "") if snapshot is None else snapshot.cmk_id,
        snapshot_id="" if snapshot is None else snapshot.id,
        created_at=call.now,
    )
    call.world.disks[disk.id] = disk
    return disk


def _once(handler: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
    """Answer the same X-Client-Token with the first answer. Source: EVS API reference, error codes EVS.2218 to 2223."""

    def handle(call: Call) -> Answer:
        token = call.headers.get("X-Client-Token")
        if token is None:
            return handler(call)
        if not is_uuid(token):
            raise errors.evs(400, "EVS.2218", "invalid X-Client-Token in header")
        known = call.world.client_tokens.get(token)
        sent = (call.target, call.raw_body)
        if known is None:
            answer = handler(call)
            call.world.client_tokens[token] = ClientToken(sent, call.now, answer.body)
            return answer
        if known.sent != sent:
            raise errors.evs(400, "EVS.2219", "url/project id/body conflict with X-Client-Token")
        if call.now - known.first_at >= CLIENT_TOKEN_LIVES:
            raise errors.evs(400, "EVS.2220", "idempotent request over 8 hours from the first reqeust.")
        return Answer(202, known.answer)

    return handle


_DISK = "/v2/{project_id}/cloudvolumes/{volume_id}"
_ROLLBACK = "/v5/{project_id}/snapshots/{snapshot_id}/rollback"
_MADE_AT = ("/v2.1/{project_id}/cloudvolumes", "/v2/{project_id}/cloudvolumes")
ROUTES = (
    Route("POST", _ROLLBACK, "rollback_snapshot", rollback_snapshot, action="evs:snapshots:rollback"),
    Route("DELETE", _DISK, "delete_volume", delete_volume, action="evs:volumes:delete"),
    Route("POST", f"{_MADE_AT[1]}/unsubscribe", "unsubscribe_volumes", unsubscribe_volumes),
    Route("POST", f"{_MADE_AT[0]}/{{volume_id}}/action", "extend_volume", extend_volume, action="evs:volumes:extend"),
    *(Route("POST", path, "create_volume", _once(create_volume), action="evs:volumes:create") for path in _MADE_AT),
)
