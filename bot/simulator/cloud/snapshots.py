"""Standard snapshots, /v5/{project_id}/snapshots.

Source: EVS API reference, CreateSnapshotV5, ShowSnapshotV5, ListSnapshotsDetailsV5, GetSnapshotsCountV5.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route, evs_time, is_uuid
from bot.simulator.cloud.chains import of_chain
from bot.simulator.cloud.chains import shown as chain_shown
from bot.simulator.cloud.creation import (
    apply_creation_faults,
    check_disk,
    check_fields,
    check_tags,
    duration_of,
    meet_faults,
    new_job,
    new_snapshot,
    new_texts,
)
from bot.simulator.cloud.queries import (
    in_enterprise_project,
    name_matches,
    ordered,
    page,
    passes,
    plain_ids,
    tag_filter,
)
from bot.simulator.cloud.resources import Job, Snapshot
from bot.simulator.cloud.world import CloudWorld

FIELDS: dict[str, type] = {
    "volume_id": str,
    "name": str,
    "description": str,
    "tags": dict,
    "enterprise_project_id": str,
    "instant_access": bool,
    "incremental": bool,
    "retention_days": int,
}
LENGTHS = {"name": 64, "description": 85}
SORT_KEYS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "id": lambda row: row["id"],
    "status": lambda row: row["status"],
    "size": lambda row: row["size"],
    "created_at": lambda row: row["created_at"],
}


def shown(snapshot: Snapshot, now: datetime, world: CloudWorld) -> dict[str, Any]:
    """The snapshot object (SnapshotDetailV5) of a snapshot that exists."""
    sign = "%" if world.switches.progress_with_percent_sign else ""
    retention_at = evs_time(snapshot.retention_at)
    return {
        "id": snapshot.id,
        "name": snapshot.name,
        "description": snapshot.description,
        "created_at": evs_time(snapshot.created_at),
        "updated_at": evs_time(snapshot.updated_at(now)),
        "volume_id": snapshot.volume_id,
        "size": snapshot.size_gb,
        "status": snapshot.status_at(now),
        "progress": f"{snapshot.percent_at(now)}{sign}",
        "availability_zone": snapshot.availability_zone,
        "project_id": snapshot.project_id,
        "enterprise_project_id": snapshot.enterprise_project_id,
        "encrypted": bool(snapshot.cmk_id),
        "cmk_id": snapshot.cmk_id,
        "encrypt_algorithm": "AES_256" if snapshot.cmk_id else "",
        "category": snapshot.category,
        "tags": snapshot.tags_at(now),
        "instant_access": snapshot.instant_access,
        "incremental": snapshot.incremental,
        "retention_at": retention_at,
        "instant_access_retention_at": retention_at if snapshot.instant_access else "",
        "snapshot_type": snapshot.snapshot_type,
        "snapshot_chains": [chain_shown(of_chain(world, snapshot, now), now)],
        "snapshot_group_id": snapshot.group_id,
    }


def create_snapshot(call: Call) -> Answer:
    """POST /v5/{project_id}/snapshots. Every call that is let through makes another snapshot."""
    switches = call.world.switches
    if switches.client_token_refused and "X-Client-Token" in call.headers:
        raise errors.evs(400, "EVS.2223", "idempotent request is not supprted yet.")
    body = call.object("snapshot")
    fields = (
        FIELDS if switches.retention_supported else {name: FIELDS[name] for name in FIELDS if "retention" not in name}
    )
    check_fields(body, fields, LENGTHS)
    check_tags(body.get("tags", {}), switches.tags_per_snapshot)
    if not 1 <= body.get("retention_days", 1) <= 65_536:
        raise errors.bad_body("Not from 1 to 65536: retention_days.")
    if "volume_id" not in body:
        raise errors.bad_body("Missing: volume_id.")
    instant_access = body.get("instant_access", False)
    disk = check_disk(call, body["volume_id"], instant_access=instant_access, busy_status=switches.busy_status)
    snapshot = new_snapshot(call, disk, body)
    entities = {"snapshot_id": snapshot.id, "volume_id": disk.id}
    job = new_job(call, "createSnapshot", entities, frozenset({disk.id}), snapshot.duration_s, skewed=True)
    apply_creation_faults(call, [snapshot], job)
    return Answer(202, {"job_id": job.id, "snapshot_id": snapshot.id})


def show_snapshot(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshots/{snapshot_id}; 404 once it is gone."""
    return Answer(200, {"snapshot": shown(existing(call), call.now, call.world)})


def list_snapshots(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshots/detail: newest first; neither a count nor links, unlike v2."""
    rows = _rows(call, _asked_for(call.query))
    switches = call.world.switches
    whole = [*map(json.loads, switches.stray_rows), *ordered(rows, call.query, SORT_KEYS)]
    return Answer(200, {"snapshots": page(whole, call.query, most=switches.page_rows)})


def count_snapshots(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshots/count, with the filters of the list."""
    rows = _rows(call, [call.query["id"]] if "id" in call.query else None)
    return Answer(200, {"count": len(rows)})


def update_snapshot(call: Call) -> Answer:
    """PUT /v5/{project_id}/snapshots/{snapshot_id}: a name, a description, or the end of Instant Snapshot Restore.

    What was off at creation is not switched on, as terraform-provider-huaweicloud says.
    """
    body = call.object("snapshot")
    check_fields(body, {"name": str, "description": str, "instant_access": bool}, LENGTHS)
    snapshot = existing(call)
    if body.get("instant_access", False) and not snapshot.instant_access:
        raise errors.bad_body("Instant Snapshot Restore can't be switched on later: instant_access.")
    new_texts(call, snapshot, body)
    snapshot.instant_access = body.get("instant_access", snapshot.instant_access)
    return show_snapshot(call)


def all_snapshot_tags(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshots/tags: each key with its values."""
    return Answer(200, {"tags": tags_in_use(row["tags"] for row in _rows(call, None))})


def tags_in_use(of_each: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Every key with every value that it has."""
    values: dict[str, set[str]] = defaultdict(set)
    for tags in of_each:
        for key, value in tags.items():
            values[key].add(value)
    return [{"key": key, "value": sorted(values[key])} for key in sorted(values)]


def delete_snapshot(call: Call) -> Answer:
    """DELETE /v5/{project_id}/snapshots/{snapshot_id}: `deleting` for a while, then gone."""
    snapshot = existing(call)
    match snapshot.status_at(call.now):
        case "available" | "error":
            return Answer(202, {"job_id": begin_deletion(call, snapshot).id})
        case "error_deleting":
            raise errors.evs(500, "EVS.2019", "snapshot is error_deleting!")
        case _:
            message = "snapshot status must be available or error when delete snapshot!"
            raise errors.evs(400, "EVS.1047", message)


def begin_deletion(call: Call, snapshot: Snapshot) -> Job:
    """Start to delete a snapshot."""
    entities = {"snapshot_id": snapshot.id, "volume_id": snapshot.volume_id}
    duration_s = duration_of(call, f"deletion of {snapshot.id}")
    job = new_job(call, "deleteSnapshot", entities, frozenset({snapshot.volume_id}), duration_s, skewed=False)
    meet_faults(call, job)
    snapshot.deleting_at, snapshot.gone_at = call.now, job.done_at
    snapshot.deletion_fails = job.error_code is not None
    return job


def create_snapshot_tags(call: Call) -> Answer:
    """POST /v5/{project_id}/snapshots/{snapshot_id}/tags/create: adds tags, or gives them new values."""
    add_tags(call, existing(call).tags)
    return Answer(204)


def delete_snapshot_tags(call: Call) -> Answer:
    """POST /v5/{project_id}/snapshots/{snapshot_id}/tags/delete: a tag sent with a value goes only if it has it."""
    remove_tags(call, existing(call).tags)
    return Answer(204)


def add_tags(call: Call, tags: dict[str, str]) -> None:
    """Add the tags of the body."""
    changed = tags | {key: value or "" for key, value in _tags_sent(call)}
    check_tags(changed, call.world.switches.tags_per_snapshot)
    tags.update(changed)


def remove_tags(call: Call, tags: dict[str, str]) -> None:
    """Remove the tags of the body; one that has another value stays."""
    for key, value in _tags_sent(call):
        if value is None or tags.get(key) == value:
            tags.pop(key, None)


def existing(call: Call, snapshot_id: str | None = None) -> Snapshot:
    """The snapshot that the path names, or that of the given id."""
    snapshot_id = call.params["snapshot_id"] if snapshot_id is None else snapshot_id
    if not is_uuid(snapshot_id):
        raise errors.evs(400, "EVS.2045", "invalid snapshot_id!")
    snapshot = call.world.snapshots.get(snapshot_id)
    if snapshot is None or snapshot.project_id != call.params["project_id"] or snapshot.status_at(call.now) is None:
        raise errors.not_found()
    return snapshot


def _asked_for(query: Mapping[str, str]) -> Collection[str] | None:
    """Ids; None where all are meant."""
    if "ids" in query:
        return plain_ids(query["ids"])
    return [query["id"]] if "id" in query else None


def _rows(call: Call, ids: Collection[str] | None) -> list[dict[str, Any]]:
    query, switches = call.query, call.world.switches
    has_tags = tag_filter(query)
    rows = []
    every = call.world.snapshots
    among = every.values() if ids is None else [every[one] for one in {*ids} if one in every]
    for snapshot in sorted(among, key=lambda snapshot: snapshot.sequence):
        if snapshot.project_id != call.params["project_id"] or snapshot.status_at(call.now) is None:
            continue
        if snapshot.listed_from is not None and call.now < snapshot.listed_from:
            continue
        row = shown(snapshot, call.now, call.world)
        if (
            passes(query, row, "volume_id", "availability_zone", "status", "snapshot_type", "snapshot_group_id")
            and name_matches(query.get("name"), row["name"], fuzzy=switches.fuzzy_snapshot_names)
            and in_enterprise_project(query, row["enterprise_project_id"])
            and has_tags(row["tags"])
            and query.get("snapshot_chain_id", snapshot.chain_id) == snapshot.chain_id
        ):
            rows.append(row)
    return rows


def _tags_sent(call: Call) -> list[tuple[str, str | None]]:
    match call.body:
        case {"tags": [*entries]} if entries:
            pass
        case _:
            raise errors.bad_body("Expected a list: tags.")
    sent: list[tuple[str, str | None]] = []
    for entry in entries:
        match entry:
            case {"key": str(key), "value": str(value)}:
                sent.append((key, value))
            case {"key": str(key)} if "value" not in entry:
                sent.append((key, None))
            case _:
                raise errors.evs(400, "EVS.1062", "invalid tag!")
    return sent


_ONE = "/v5/{project_id}/snapshots/{snapshot_id}"
ROUTES = (
    Route("POST", "/v5/{project_id}/snapshots", "create_snapshot", create_snapshot, action="evs:snapshots:create"),
    Route("GET", "/v5/{project_id}/snapshots/detail", "list_snapshots", list_snapshots, action="evs:snapshots:list"),
    Route("GET", "/v5/{project_id}/snapshots/count", "count_snapshots", count_snapshots, action="evs:snapshots:list"),
    Route(
        "GET", "/v5/{project_id}/snapshots/tags", "all_snapshot_tags", all_snapshot_tags, action="evs:snapshots:list"
    ),
    Route("GET", _ONE, "show_snapshot", show_snapshot, action="evs:snapshots:get"),
    Route("PUT", _ONE, "update_snapshot", update_snapshot, action="evs:snapshots:update"),
    Route("DELETE", _ONE, "delete_snapshot", delete_snapshot, action="evs:snapshots:delete"),
    Route("POST", f"{_ONE}/tags/create", "create_snapshot_tags", create_snapshot_tags),
    Route("POST", f"{_ONE}/tags/delete", "delete_snapshot_tags", delete_snapshot_tags),
)
