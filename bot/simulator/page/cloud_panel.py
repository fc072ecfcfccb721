"""What there is and what happens in the cloud, for the panel beside the channels."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.simulator.cloud import CloudSimulator
from bot.simulator.page.document import Document

SHOWN_CALLS = 150
SHOWN_JOBS = 30


def cloud_document(cloud: CloudSimulator) -> Document:
    """Keys: `server/ID`, `disk/ID`, `snapshot/ID`, `job/ID`, and `call/NUMBER` of the latest calls."""
    world, now = cloud.world, datetime.now(UTC)
    projects = {project.project_id: project.name for project in world.projects}
    found: Document = {
        f"server/{one.id}": {"id": one.id, "name": one.name, "project": projects.get(one.project_id, "")}
        for one in world.servers.values()
    }
    for disk in world.disks.values():
        if (disk_status := disk.status_at(now)) is None:
            continue
        found[f"disk/{disk.id}"] = {
            "id": disk.id,
            "name": disk.name,
            "project": projects.get(disk.project_id, ""),
            "server": disk.attachments[0].server_id if disk.attachments else None,
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


def _calls(cloud: CloudSimulator) -> Iterator[tuple[str, Any]]:
    first = max(0, len(cloud.journal) - SHOWN_CALLS)
    for number, call in enumerate(cloud.journal[first:], start=first):
        shown = ("at", "method", "path", "status", "operation", "volume_ids", "error_code", "fault", "user")
        yield f"call/{number}", {"number": number, **{name: call[name] for name in shown}}
