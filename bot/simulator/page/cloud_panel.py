"""What there is and what happens in the cloud, for the panel beside the channels."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.simulator.cloud import CloudSimulator, Disk
from bot.simulator.cloud.attachments import home_of
from bot.simulator.page.document import Document

SHOWN_CALLS = 150
SHOWN_JOBS = 30


def cloud_document(cloud: CloudSimulator) -> Document:
    """Keys: `server/ID`, `disk/ID`, `snapshot/ID`, `job/ID`, and `call/NUMBER` of the latest calls."""
    world, now = cloud.world, datetime.now(UTC)
    projects = {project.project_id: project.name for project in world.projects}
    found: Document = {
        f"server/{one.id}": {
            "id": one.id,
            "name": one.name,
            "project": projects.get(one.project_id, ""),
            "stopped": one.status != "ACTIVE",
        }
        for one in world.servers.values()
    }
    for disk in world.disks.values():
        if (disk_status := disk.status_at(now)) is None:
            continue
        at = disk.attachments_at(now)
        plugged = at or disk.attachments[-1:]
        found[f"disk/{disk.id}"] = {
            "id": disk.id,
            "name": disk.name,
            "project": projects.get(disk.project_id, ""),
            "server": plugged[0].server_id if plugged else None,
            "detached": not at,
            "belongs": getattr(home_of(world, disk), "name", None),
            "system": disk.bootable,
            "origin": _origin(cloud, disk),
            "rolled_back": _rolled_back(cloud, disk, now),
            "size": disk.size_gb,
            "type": disk.volume_type,
            "status": disk_status,
            "zone": disk.availability_zone,
            "busy": disk.busy_until is not None and disk.busy_until > now,
        }
    for snapshot in world.snapshots.values():
        status = snapshot.status_at(now)
        if status is not None:
            found[f"snapshot/{snapshot.id}"] = {
                "id": snapshot.id,
                "name": snapshot.name,
                "disk": snapshot.volume_id,
                "status": status,
                "percent": snapshot.percent_at(now),
                "group": snapshot.group_id,
                "at": snapshot.created_at.timestamp(),
            }
    for job in list(world.jobs.values())[-SHOWN_JOBS:]:
        found[f"job/{job.id}"] = {
            "id": job.id,
            "type": job.job_type,
            "status": job.status_at(now),
            "disks": sorted(job.volume_ids),
            "why": job.fail_reason,
            "at": job.begun_at.timestamp(),
        }
    return found | dict(_calls(cloud))


def _origin(cloud: CloudSimulator, disk: Disk) -> dict[str, Any] | None:
    """Of which disk it is a copy, and from when."""
    snapshot = cloud.world.snapshots.get(disk.snapshot_id)
    if snapshot is None:
        return None
    source = cloud.world.disks.get(snapshot.volume_id)
    return {"disk": source.name if source else snapshot.volume_id, "at": snapshot.created_at.timestamp()}


def _rolled_back(cloud: CloudSimulator, disk: Disk, now: datetime) -> dict[str, Any] | None:
    """To which copy it was last rolled back, and how that went: rollbacking, available or error_rollbacking."""
    snapshot = cloud.world.snapshots.get(disk.rolled_back_to)
    if snapshot is None or snapshot.rollback is None:
        return None
    return {"to": snapshot.created_at.timestamp(), "how": snapshot.rollback.status_at(now)}


def _calls(cloud: CloudSimulator) -> Iterator[tuple[str, Any]]:
    first = max(0, len(cloud.journal) - SHOWN_CALLS)
    for number, call in enumerate(cloud.journal[first:], start=first):
        shown = ("at", "method", "path", "status", "operation", "volume_ids", "error_code", "fault", "user")
        yield f"call/{number}", {"number": number, **{name: call[name] for name in shown}}
