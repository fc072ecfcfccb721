"""Snapshot consistency groups, /v5/{project_id}/snapshot-groups.

Members are ordinary snapshots that carry the group's id. Source: EVS API reference, CreateSnapshotGroup.
"""

from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route, evs_time, is_uuid
from bot.simulator.cloud.creation import (
    apply_creation_faults,
    check_disk,
    check_fields,
    check_tags,
    duration_of,
    new_job,
    new_snapshot,
    new_texts,
)
from bot.simulator.cloud.queries import in_enterprise_project, name_matches, ordered, page, passes, tag_filter
from bot.simulator.cloud.resources import Snapshot, SnapshotGroup, latest
from bot.simulator.cloud.snapshots import SORT_KEYS, add_tags, begin_deletion, remove_tags, tags_in_use

FIELDS: dict[str, type] = {
    "server_id": str,
    "volume_ids": list,
    "name": str,
    "description": str,
    "instant_access": bool,
    "incremental": bool,
    "tags": dict,
    "enterprise_project_id": str,
}
BYTES = {"name": 255, "description": 255}
DISKS_PER_GROUP = 64
"""Source: EVS User Guide, Creating a Snapshot Consistency Group. The code of its refusal is not documented."""


def create_group(call: Call) -> Answer:
    """POST /v5/{project_id}/snapshot-groups: all disks or none."""
    switches = call.world.switches
    body = call.object("snapshot_group")
    check_fields(body, FIELDS, {})
    _check_bytes(body)
    check_tags(body.get("tags", {}), switches.tags_per_snapshot)
    instant_access = body.get("instant_access", False)
    disks = [
        check_disk(call, volume_id, instant_access=instant_access, busy_status=switches.group_busy_status)
        for volume_id in _members_wanted(call, body)
    ]
    if len(disks) > DISKS_PER_GROUP:
        raise errors.evs(400, "EVS.5400", f"A group holds at most {DISKS_PER_GROUP} disks.")
    if len({disk.availability_zone for disk in disks}) > 1:
        raise errors.evs(400, "EVS.5400", "The disks of a group must be in one availability zone.")
    group_id = call.new_id("group")
    group = SnapshotGroup(
        id=group_id,
        project_id=call.params["project_id"],
        name=body.get("name", f"group-{group_id[:8]}"),
        description=body.get("description", ""),
        enterprise_project_id=body.get("enterprise_project_id", "0"),
        created_at=call.now,
        sequence=call.world.ids_made,
        server_id=body.get("server_id", ""),
        tags=dict(body.get("tags", {})),
    )
    call.world.groups[group.id] = group
    snapshots = [new_snapshot(call, disk, body, group_id=group.id) for disk in disks]
    longest_s = max(snapshot.duration_s for snapshot in snapshots)
    volume_ids = frozenset(disk.id for disk in disks)
    job = new_job(call, "createSnapshotGroup", {"snapshot_group_id": group.id}, volume_ids, longest_s, skewed=True)
    apply_creation_faults(call, snapshots, job)
    return Answer(202, {"job_id": job.id, "snapshot_group_id": group.id})


def show_group(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-groups/{group_id}; it does not list the members."""
    return Answer(200, {"snapshot_group": _shown(call, _existing(call))})


def list_groups(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-groups/detail."""
    query = call.query
    keys = {name: key for name, key in SORT_KEYS.items() if name != "size"}
    rows = ordered(_rows(call), query, keys)
    return Answer(200, {"snapshot_groups": page(rows, query, most=call.world.switches.page_rows)})


def count_groups(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-groups/count, with the filters of the list."""
    return Answer(200, {"count": len(_rows(call))})


def all_group_tags(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-groups/tags."""
    return Answer(200, {"tags": tags_in_use(row["tags"] for row in _rows(call))})


def update_group(call: Call) -> Answer:
    """PUT /v5/{project_id}/snapshot-groups/{group_id}: name and description."""
    body = call.object("snapshot_group")
    check_fields(body, {"name": str, "description": str}, {})
    _check_bytes(body)
    new_texts(call, _existing(call), body)
    return show_group(call)


def create_group_tags(call: Call) -> Answer:
    """POST /v5/{project_id}/snapshot-groups/{group_id}/tags/create."""
    add_tags(call, _existing(call).tags)
    return Answer(204)


def delete_group_tags(call: Call) -> Answer:
    """POST /v5/{project_id}/snapshot-groups/{group_id}/tags/delete."""
    remove_tags(call, _existing(call).tags)
    return Answer(204)


def _rows(call: Call) -> list[dict[str, Any]]:
    query = call.query
    has_tags = tag_filter(query)
    rows = []
    for group in sorted(call.world.groups.values(), key=lambda group: group.sequence):
        if group.project_id != call.params["project_id"] or _status(call, group) is None:
            continue
        row = _shown(call, group)
        if (
            passes(query, row, "id", "status", "server_id")
            and name_matches(query.get("name"), row["name"], fuzzy=call.world.switches.fuzzy_snapshot_names)
            and in_enterprise_project(query, row["enterprise_project_id"])
            and has_tags(row["tags"])
        ):
            rows.append(row)
    return rows


def delete_group(call: Call) -> Answer:
    """DELETE /v5/{project_id}/snapshot-groups/{group_id}: the group and its members."""
    group = _existing(call)
    if _status(call, group) not in ("available", "error"):
        message = "snapshot status must be available or error when delete snapshot!"
        raise errors.evs(400, "EVS.1047", message)
    members = [member for member in _members(call, group) if member.status_at(call.now) in ("available", "error")]
    for member in members:
        begin_deletion(call, member)
    group.deleting_at = call.now
    longest_s = max((duration_of(call, f"deletion of {member.id}") for member in members), default=0.0)
    volume_ids = frozenset(member.volume_id for member in members)
    job = new_job(call, "deleteSnapshotGroup", {"snapshot_group_id": group.id}, volume_ids, longest_s, skewed=False)
    return Answer(202, {"job_id": job.id})


def _check_bytes(body: dict[str, Any]) -> None:
    for name, most in BYTES.items():
        if len(body.get(name, "").encode()) > most:
            raise errors.bad_body(f"Longer than {most} bytes: {name}.")


def _members_wanted(call: Call, body: dict[str, Any]) -> list[str]:
    server_id = body.get("server_id")
    attached = [
        disk.id
        for disk in call.world.disks.values()
        if disk.project_id == call.params["project_id"]
        and disk.status_at(call.now) is not None
        and any(a.server_id == server_id for a in disk.attachments_at(call.now))
    ]
    volume_ids = body.get("volume_ids", attached)
    if not volume_ids or not all(isinstance(volume_id, str) for volume_id in volume_ids):
        raise errors.bad_body("No disks: server_id, volume_ids.")
    if server_id is not None and not set(volume_ids) <= set(attached):
        raise errors.bad_body("Not attached to the server: volume_ids.")
    return list(dict.fromkeys(volume_ids))


def _existing(call: Call) -> SnapshotGroup:
    group_id = call.params["group_id"]
    group = call.world.groups.get(group_id) if is_uuid(group_id) else None
    if group is None or group.project_id != call.params["project_id"] or _status(call, group) is None:
        raise errors.not_found()
    return group


def _members(call: Call, group: SnapshotGroup) -> list[Snapshot]:
    return [snapshot for snapshot in call.world.snapshots.values() if snapshot.group_id == group.id]


def _status(call: Call, group: SnapshotGroup) -> str | None:
    """The group's status follows from its members; None once a deleted group has none left."""
    states = {member.status_at(call.now) for member in _members(call, group)} - {None}
    if group.deleting_at is not None:
        if not states:
            return None
        return "error_deleting" if states == {"error_deleting"} else "deleting"
    if "creating" in states:
        return "creating"
    return "error" if "error" in states else "available"


def _shown(call: Call, group: SnapshotGroup) -> dict[str, Any]:
    members = _members(call, group)
    return {
        "id": group.id,
        "project_id": group.project_id,
        "name": group.name,
        "description": group.description,
        "status": _status(call, group),
        "created_at": evs_time(group.created_at),
        "updated_at": evs_time(
            latest(call.now, group.created_at, group.edited_at, *(member.updated_at(call.now) for member in members))
        ),
        "enterprise_project_id": group.enterprise_project_id,
        "tags": group.tags,
        "server_id": group.server_id,
    }


_ALL = "/v5/{project_id}/snapshot-groups"
ROUTES = (
    Route("POST", _ALL, "create_group", create_group, action="evs:snapshotGroups:create"),
    Route("GET", f"{_ALL}/detail", "list_groups", list_groups, action="evs:snapshotGroups:list"),
    Route("GET", f"{_ALL}/count", "count_groups", count_groups, action="evs:snapshotGroups:list"),
    Route("GET", f"{_ALL}/tags", "all_group_tags", all_group_tags, action="evs:snapshotGroups:list"),
    Route("PUT", f"{_ALL}/{{group_id}}", "update_group", update_group, action="evs:snapshotGroups:update"),
    Route("POST", f"{_ALL}/{{group_id}}/tags/create", "create_group_tags", create_group_tags),
    Route("POST", f"{_ALL}/{{group_id}}/tags/delete", "delete_group_tags", delete_group_tags),
    Route("GET", f"{_ALL}/{{group_id}}", "show_group", show_group, action="evs:snapshotGroups:get"),
    Route("DELETE", f"{_ALL}/{{group_id}}", "delete_group", delete_group, action="evs:snapshotGroups:delete"),
)
