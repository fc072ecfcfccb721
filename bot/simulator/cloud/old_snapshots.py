"""Snapshots as the older interfaces have them: /v2/{project_id}/cloudsnapshots, and Cinder's /v2 and /v3 .../snapshots.

Whether standard snapshots stand in the old lists is told nowhere; here they do. What is made here is a legacy snapshot,
of category `flash`, at most 7 of a disk, and of a disk in use only with `force`.
Source: EVS API reference, snapshots of v2; huaweicloudsdkevs, SnapshotDetails, SnapshotList.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Handler, Route, as_cinder, evs_time
from bot.simulator.cloud.creation import (
    apply_creation_faults,
    check_disk,
    check_types,
    new_job,
    new_snapshot,
    new_texts,
)
from bot.simulator.cloud.disk_changes import begin_rollback
from bot.simulator.cloud.queries import in_enterprise_project, name_matches, ordered, page, passes
from bot.simulator.cloud.resources import Snapshot
from bot.simulator.cloud.snapshots import SORT_KEYS, begin_deletion, existing

PER_DISK = 7
FIELDS: dict[str, type] = {"volume_id": str, "force": bool, "metadata": dict, "description": str, "name": str}


def shown(call: Call, snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot object of v2."""
    return {
        "id": snapshot.id,
        "name": snapshot.name,
        "description": snapshot.description,
        "status": snapshot.status_at(call.now),
        "created_at": evs_time(snapshot.created_at),
        "updated_at": evs_time(snapshot.updated_at(call.now)),
        "metadata": {},
        "volume_id": snapshot.volume_id,
        "size": snapshot.size_gb,
        "os-extended-snapshot-attributes:project_id": snapshot.project_id,
        "os-extended-snapshot-attributes:progress": f"{snapshot.percent_at(call.now)}%",
    }


def create_old_snapshot(call: Call) -> Answer:
    """POST /v2/{project_id}/cloudsnapshots: answers with the snapshot, without a job."""
    body = call.object("snapshot")
    check_types(body, FIELDS)
    if "volume_id" not in body:
        raise errors.bad_body("Missing: volume_id.")
    disk = check_disk(call, body["volume_id"], instant_access=False, busy_status=call.world.switches.busy_status)
    if disk.status_at(call.now) == "in-use" and not body.get("force", False):
        raise errors.evs(400, "EVS.5400", "Must specify a valid status.")
    if sum(one.category == "flash" for one in call.world.snapshots_of(disk.id, call.now)) >= PER_DISK:
        raise errors.evs(call.world.switches.limit_status, call.world.switches.limit_code, "Snapshot quota exceeded.")
    snapshot = new_snapshot(call, disk, {name: body[name] for name in ("name", "description") if name in body})
    snapshot.category = "flash"
    entities = {"snapshot_id": snapshot.id, "volume_id": disk.id}
    job = new_job(call, "createSnapshot", entities, frozenset({disk.id}), snapshot.duration_s, skewed=False)
    apply_creation_faults(call, [snapshot], job)
    return Answer(202, {"snapshot": shown(call, snapshot)})


def show_old_snapshot(call: Call) -> Answer:
    """GET /v2/{project_id}/cloudsnapshots/{snapshot_id}."""
    return Answer(200, {"snapshot": shown(call, existing(call))})


def list_old_snapshots(call: Call) -> Answer:
    """GET /v2/{project_id}/cloudsnapshots/detail: with a count, which ignores paging, and links."""
    rows = _rows(call)
    more = {"dedicated_storage_id": None, "dedicated_storage_name": None, "service_type": "EVS"}
    cut = page(rows, call.query, most=call.world.switches.page_rows)
    shown_rows = [row | more for row in cut]
    return Answer(200, {"count": len(rows), "snapshots": shown_rows} | _links(call, "cloudsnapshots/detail", rows, cut))


def list_cinder_snapshots(call: Call) -> Answer:
    """GET /v3/{project_id}/snapshots/detail, and the same under /v2: links, no count."""
    rows = _rows(call)
    cut = page(rows, call.query, most=call.world.switches.page_rows)
    return Answer(200, {"snapshots": cut} | _links(call, "snapshots/detail", rows, cut))


def update_old_snapshot(call: Call) -> Answer:
    """PUT /v2/{project_id}/cloudsnapshots/{snapshot_id}: name and description."""
    body = call.object("snapshot")
    check_types(body, {"name": str, "description": str})
    new_texts(call, existing(call), body)
    return show_old_snapshot(call)


def delete_old_snapshot(call: Call) -> Answer:
    """DELETE /v2/{project_id}/cloudsnapshots/{snapshot_id}: no body, and so no job to ask for."""
    snapshot = existing(call)
    if snapshot.status_at(call.now) not in ("available", "error"):
        message = "snapshot status must be available or error when delete snapshot!"
        raise errors.evs(400, "EVS.1047", message)
    begin_deletion(call, snapshot)
    return Answer(202)


def rollback_old_snapshot(call: Call) -> Answer:
    """POST /v2/{project_id}/cloudsnapshots/{snapshot_id}/rollback: answers with the disk, without a job."""
    body = call.object("rollback")
    check_types(body, {"volume_id": str, "name": str})
    if "name" in body and "volume_id" not in body:
        raise errors.bad_body("Missing: volume_id.")
    snapshot = existing(call)
    volume_id = body.get("volume_id", snapshot.volume_id)
    begin_rollback(call, snapshot, volume_id)
    return Answer(202, {"rollback": {"volume_id": volume_id}})


def _rows(call: Call) -> list[dict[str, Any]]:
    query, rows = call.query, []
    for snapshot in sorted(call.world.snapshots.values(), key=lambda snapshot: snapshot.sequence):
        if snapshot.project_id != call.params["project_id"] or snapshot.status_at(call.now) is None:
            continue
        row = shown(call, snapshot)
        if (
            passes(query, row, "id", "volume_id", "status")
            and name_matches(query.get("name"), row["name"], fuzzy=call.world.switches.fuzzy_snapshot_names)
            and query.get("availability_zone", snapshot.availability_zone) == snapshot.availability_zone
            and in_enterprise_project(query, snapshot.enterprise_project_id)
        ):
            rows.append(row)
    return ordered(rows, query, SORT_KEYS)


def _links(call: Call, path: str, rows: list[dict[str, Any]], cut: list[dict[str, Any]]) -> dict[str, Any]:
    if not cut or cut[-1] is rows[-1]:
        return {}
    query = {name: value for name, value in call.query.items() if name != "offset"} | {"marker": cut[-1]["id"]}
    version = call.target.split("/")[1]
    href = f"{call.base_url}/{version}/{call.params['project_id']}/{path}?{urlencode(query)}"
    return {"snapshots_links": [{"href": href, "rel": "next"}]}


_CALLS: tuple[tuple[str, str, str, Handler], ...] = (
    ("POST", "", "create", create_old_snapshot),
    ("GET", "/{snapshot_id}", "show", show_old_snapshot),
    ("PUT", "/{snapshot_id}", "update", update_old_snapshot),
    ("DELETE", "/{snapshot_id}", "delete", delete_old_snapshot),
)


def _routes(every: str, listing: Handler, wrapped: Callable[[Handler], Handler]) -> tuple[Route, ...]:
    """The same calls under one of the old paths. A list has to come before `show`, whose id it would be else."""
    calls = [("GET", "/detail", "list", listing), *_CALLS]
    return tuple(
        Route(
            method,
            f"{every}{path}",
            f"{verb}_old_snapshot{'s' if verb == 'list' else ''}",
            wrapped(handler),
            action=f"evs:snapshots:{'get' if verb == 'show' else verb}",
            also=("evs:volumes:get",) if verb == "create" else (),
        )
        for method, path, verb, handler in calls
    )


_OLD = "/v2/{project_id}/cloudsnapshots"
ROUTES = (
    *_routes(_OLD, list_old_snapshots, lambda handler: handler),
    *_routes("/v2/{project_id}/snapshots", list_cinder_snapshots, as_cinder),
    *_routes("/v3/{project_id}/snapshots", list_cinder_snapshots, as_cinder),
    Route(
        "POST",
        f"{_OLD}/{{snapshot_id}}/rollback",
        "rollback_old_snapshot",
        rollback_old_snapshot,
        action="evs:snapshots:rollback",
    ),
)
