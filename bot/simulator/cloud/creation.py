"""Creating snapshots: the checks of the create calls, and the record that comes out.

Source: EVS API reference, CreateSnapshotV5 and CreateSnapshotGroup; EVS user manual, creating a snapshot; error codes.
"""

import re
import uuid
from datetime import timedelta
from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Call, fraction_of, is_uuid
from bot.simulator.cloud.faults import Fault
from bot.simulator.cloud.resources import Disk, Job, Snapshot, SnapshotGroup

TAG_KEY = re.compile(r"[A-Za-z0-9_\-一-鿿]{1,36}")
TAG_VALUE = re.compile(r"[A-Za-z0-9_\-.一-鿿]{0,43}")
DEFAULT_FAILURE = ("EVS.2002", "internal error!")


def check_fields(body: dict[str, Any], known: dict[str, type], lengths: dict[str, int]) -> None:
    """Refuse unknown fields, wrong types and texts that are too long (lengths in characters)."""
    check_types(body, known)
    for name, length in lengths.items():
        if len(body.get(name, "")) > length:
            raise errors.bad_body(f"Longer than {length} characters: {name}.")


def check_types(body: dict[str, Any], known: dict[str, type]) -> None:
    """Refuse unknown fields, wrong types, and what can't be an enterprise project."""
    for name, value in body.items():
        if name not in known:
            raise errors.bad_body(f"Unknown field: {name}.")
        if type(value) is not known[name]:
            raise errors.bad_body(f"Wrong type: {name}.")
    enterprise_project_id = body.get("enterprise_project_id", "0")
    if enterprise_project_id != "0" and not is_uuid(enterprise_project_id):
        raise errors.evs(400, "EVS.2059", "invalid enterpriseProjectID")


def check_tags(tags: dict[str, Any], most: int) -> None:
    """Refuse illegal tags, and more of them than a resource may have."""
    for key, value in tags.items():
        if not TAG_KEY.fullmatch(key) or not isinstance(value, str) or not TAG_VALUE.fullmatch(value):
            raise errors.evs(400, "EVS.1062", "invalid tag!")
    if len(tags) > most:
        raise errors.evs(400, "EVS.1061", "The Volume Tags is Exceed Max Limit Num.")


def find_disk(call: Call, volume_id: str) -> Disk:
    """The disk of the project that a body names."""
    if not is_uuid(volume_id):
        raise errors.evs(400, "EVS.1002", "invalid volume id!")
    disk = call.world.disks.get(volume_id)
    if disk is None or disk.project_id != call.params["project_id"] or disk.status_at(call.now) is None:
        raise errors.not_found()
    return disk


def in_creation(call: Call, disk: Disk, *, besides: Snapshot | None = None) -> bool:
    """Whether a snapshot of the disk is being made, here or from outside; one may be left out."""
    busy_outside = disk.busy_until is not None and call.now < disk.busy_until
    existing = call.world.snapshots_of(disk.id, call.now)
    return busy_outside or any(one.status_at(call.now) == "creating" for one in existing if one is not besides)


def new_texts(call: Call, thing: Disk | Snapshot | SnapshotGroup, body: dict[str, Any]) -> None:
    """Give it the name and the description of the body, which must hold something."""
    if not body:
        raise errors.evs(400, "EVS.1007", "Nothing to update.")
    thing.name = body.get("name", thing.name)
    thing.description = body.get("description", thing.description)
    thing.edited_at = call.now


def check_disk(call: Call, volume_id: str, *, instant_access: bool, busy_status: int) -> Disk:
    """The disk, if a standard snapshot of it may be begun now."""
    world, switches = call.world, call.world.switches
    disk = find_disk(call, volume_id)
    if disk.status_at(call.now) not in ("available", "in-use"):
        raise errors.evs(400, "EVS.5400", "Must specify a valid status.")
    if disk.availability_zone in world.edge_zones:
        raise errors.bad_body("Disks in an edge availability zone have no standard snapshots.")
    if instant_access and not disk.takes_instant_access:
        raise errors.bad_body(f"A {disk.volume_type} disk does not take instant_access.")
    existing = world.snapshots_of(disk.id, call.now)
    if in_creation(call, disk):
        raise errors.evs(busy_status, "EVS.2409", "A snapshot of the volume is being created.")
    manual = [snapshot for snapshot in existing if snapshot.snapshot_type == "user"]
    instant = [snapshot for snapshot in manual if snapshot.instant_access]
    if len(manual) >= switches.snapshots_per_disk or (
        instant_access and len(instant) >= switches.instant_snapshots_per_disk
    ):
        raise errors.evs(switches.limit_status, switches.limit_code, "Insufficient volume quota.")
    return disk


def duration_of(call: Call, resource_id: str) -> float:
    """How long the work on a resource takes, in seconds."""
    timing = call.world.timing
    return timing.min_seconds + (timing.max_seconds - timing.min_seconds) * fraction_of(resource_id)


def new_snapshot(call: Call, disk: Disk, wanted: dict[str, Any], *, group_id: str = "") -> Snapshot:
    """Add a snapshot in the state `creating` to the world. The first of a disk is always full; each full one begins a
    chain.

    Source: EVS User Guide, Snapshot Overview (incremental and full).
    """
    before = call.world.snapshots_of(disk.id, call.now)
    snapshot_id = call.new_id("snapshot")
    incremental = bool(before) and wanted.get("incremental", True)
    duration_s = duration_of(call, snapshot_id)
    snapshot = Snapshot(
        id=snapshot_id,
        project_id=disk.project_id,
        volume_id=disk.id,
        name=wanted.get("name", f"snapshot-{snapshot_id[:8]}"),
        description=wanted.get("description", ""),
        availability_zone=disk.availability_zone,
        enterprise_project_id=wanted.get("enterprise_project_id", "0"),
        size_gb=disk.size_gb,
        cmk_id=disk.cmk_id,
        created_at=call.now,
        sequence=call.world.ids_made,
        duration_s=duration_s,
        ready_at=call.now + timedelta(seconds=duration_s),
        volume_type=disk.volume_type,
        bootable=disk.bootable,
        tags=dict(wanted.get("tags", {})),
        instant_access=wanted.get("instant_access", False),
        incremental=incremental,
        retention_days=wanted.get("retention_days"),
        group_id=group_id,
        chain_id=before[-1].chain_id if incremental else str(uuid.uuid5(uuid.UUID(snapshot_id), "chain")),
    )
    call.world.add_snapshot(snapshot)
    return snapshot


def new_job(
    call: Call, job_type: str, entities: dict[str, Any], volume_ids: frozenset[str], duration_s: float, *, skewed: bool
) -> Job:
    """Add a job to the world.

    A skewed job ends up to a tenth of the time sooner or later than the resource is ready: either can be seen first.
    """
    job_id = call.new_id("job").replace("-", "")
    skew_s = duration_s * 0.2 * (fraction_of(job_id) - 0.5) if skewed else 0.0
    done_at = call.now + timedelta(seconds=duration_s)
    ends_at = done_at + timedelta(seconds=skew_s)
    project_id = call.params["project_id"]
    job = Job(job_id, project_id, job_type, entities, volume_ids, call.now, duration_s, ends_at, done_at)
    call.world.jobs[job_id] = job
    return job


def meet_faults(call: Call, job: Job) -> Fault | None:
    """Let the faults waiting for a job shape how it goes on; answers the one of its outcome."""
    fault = call.take("outcome")
    match fault:
        case Fault(kind="job_fail" | "member_fail", options=options):
            job.error_code = options.get("error_code", DEFAULT_FAILURE[0])
            job.fail_reason = options.get("fail_reason", DEFAULT_FAILURE[1])
        case Fault(kind="slow_job"):
            job.duration_s = fault.seconds(default=600)
            job.ends_at = job.done_at = job.begun_at + timedelta(seconds=job.duration_s)
        case Fault(kind="stuck"):
            job.ends_at = job.done_at = None
        case _:
            pass
    job.lost = call.take("job") is not None
    return fault


def apply_creation_faults(call: Call, snapshots: list[Snapshot], job: Job) -> None:
    """Let the faults waiting for this creation shape how it goes on."""
    match meet_faults(call, job):
        case Fault(kind="job_fail" | "snapshot_error"):
            for snapshot in snapshots:
                snapshot.outcome = "error"
        case Fault(kind="member_fail") as fault:
            # One member fails, and the job of the group with it; the others are done some time after.
            later_s = fault.seconds(default=60)
            for snapshot in snapshots:
                if snapshot.volume_id == fault.volume_id:
                    snapshot.outcome = "error"
                else:
                    snapshot.duration_s += later_s
                    snapshot.ready_at = call.now + timedelta(seconds=snapshot.duration_s)
        case Fault(kind="slow_job" | "stuck"):
            for snapshot in snapshots:
                snapshot.duration_s, snapshot.ready_at = job.duration_s, job.done_at
        case _:
            pass
    if (late := call.take("visibility")) is not None:
        for snapshot in snapshots:
            snapshot.listed_from = call.now + timedelta(seconds=late.seconds(default=10))
    if (untagged := call.take("tags")) is not None:
        for snapshot in snapshots:
            snapshot.tagged_from = call.now + timedelta(seconds=untagged.seconds(default=10))
