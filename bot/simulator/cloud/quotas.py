"""What a project may have, and of what: quotas, disk types and zones.

Source: EVS API reference, Querying Details of Tenant Quotas; huaweicloudsdkevs, CinderListVolumeTypes and
CinderListAvailabilityZones.
"""

from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route
from bot.simulator.cloud.resources import Disk

VOLUME_TYPES = ("SATA", "SAS", "GPSSD", "SSD", "ESSD", "GPSSD2", "ESSD2")


def disks_of(call: Call) -> list[Disk]:
    """The disks that the project has now."""
    return [
        disk
        for disk in call.world.disks.values()
        if disk.project_id == call.params["project_id"] and disk.status_at(call.now) is not None
    ]


def show_quotas(call: Call) -> Answer:
    """GET /v2/{project_id}/os-quota-sets/{project_id}: limits, and with usage=True what is in use."""
    if call.params["target_id"] != call.params["project_id"]:
        raise errors.evs(403, "EVS.5403", "Policy check failed.")
    disks, quotas = disks_of(call), call.project.quotas
    snapshots = sum(
        one.project_id == call.params["project_id"] and one.status_at(call.now) is not None
        for one in call.world.snapshots.values()
    )
    used = {
        "volumes": (quotas.volumes, len(disks)),
        "gigabytes": (quotas.gigabytes, sum(disk.size_gb for disk in disks)),
        "snapshots": (quotas.snapshots, snapshots),
        "backups": (quotas.backups, 0),
        "backup_gigabytes": (quotas.backup_gigabytes, 0),
        "per_volume_gigabytes": (-1, 0),
    }
    with_usage = call.query.get("usage", "").lower() == "true"
    shown: dict[str, Any] = {
        name: {"limit": limit, "in_use": in_use, "reserved": 0} if with_usage else limit
        for name, (limit, in_use) in used.items()
    }
    return Answer(200, {"quota_set": {"id": call.params["project_id"], **shown}})


def list_types(call: Call) -> Answer:
    """GET /v2/{project_id}/types: every type, in every zone."""
    zones = ",".join(_zones(call))
    types = [
        {
            "id": f"7e57{number:04d}-0000-4000-8000-000000000000",
            "name": name,
            "extra_specs": {"RESKEY:availability_zones": zones, "volume_backend_name": name},
            "description": None,
            "qos_specs_id": None,
            "is_public": True,
        }
        for number, name in enumerate(VOLUME_TYPES)
    ]
    return Answer(200, {"volume_types": types})


def list_zones(call: Call) -> Answer:
    """GET /v2/{project_id}/os-availability-zone: those that the project has disks in."""
    zones = [{"zoneName": zone, "zoneState": {"available": True}} for zone in _zones(call)]
    return Answer(200, {"availabilityZoneInfo": zones})


def _zones(call: Call) -> list[str]:
    return sorted({disk.availability_zone for disk in disks_of(call)})


ROUTES = tuple(
    Route("GET", f"/{version}/{{project_id}}/{path}", operation, handler, action=action)
    for version in ("v2", "v3")
    for path, operation, handler, action in (
        ("os-quota-sets/{target_id}", "show_quotas", show_quotas, "evs:quotas:get"),
        ("types", "list_types", list_types, "evs:types:get"),
        ("os-availability-zone", "list_zones", list_zones, ""),
    )
)
