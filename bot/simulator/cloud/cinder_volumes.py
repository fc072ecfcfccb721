"""Disks as Cinder has them, /v2 and /v3/{project_id}/volumes: what OpenStack's own clients call.

Zone, type and size of a disk of a snapshot follow the snapshot where they are not given.
Source: EVS API reference, OpenStack Cinder APIs; OpenStack Block Storage API v3.
"""

from typing import Any
from urllib.parse import urlencode

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route, as_cinder
from bot.simulator.cloud.disk_changes import begin_deletion, begin_disk
from bot.simulator.cloud.queries import page
from bot.simulator.cloud.snapshots import existing as snapshot_in_path
from bot.simulator.cloud.volumes import existing, matching_rows, shown, update


def list_cinder_volumes(call: Call) -> Answer:
    """GET /v3/{project_id}/volumes/detail: links, and no count. Without `detail`, ids, names and links only."""
    rows = matching_rows(call)
    cut = page(rows, call.query, most=call.world.switches.page_rows)
    path = call.target.partition("?")[0]
    brief = not path.endswith("/detail")
    body: dict[str, Any] = {"volumes": [_brief(row) if brief else row for row in cut]}
    if cut and cut[-1] is not rows[-1]:
        query = {name: value for name, value in call.query.items() if name != "offset"} | {"marker": cut[-1]["id"]}
        body["volumes_links"] = [{"href": f"{call.base_url}{path}?{urlencode(query)}", "rel": "next"}]
    return Answer(200, body)


def show_cinder_volume(call: Call) -> Answer:
    """GET /v3/{project_id}/volumes/{volume_id}."""
    return Answer(200, {"volume": shown(existing(call), call)})


def create_cinder_volume(call: Call) -> Answer:
    """POST /v3/{project_id}/volumes: answers with the disk, without a job."""
    body = dict(call.object("volume"))
    if "snapshot_id" in body:
        snapshot = snapshot_in_path(call, str(body["snapshot_id"]))
        body.setdefault("availability_zone", snapshot.availability_zone)
        body.setdefault("volume_type", snapshot.volume_type)
        body.setdefault("size", snapshot.size_gb)
    disk, _ = begin_disk(call, body)
    return Answer(202, {"volume": shown(disk, call)})


def update_cinder_volume(call: Call) -> Answer:
    """PUT /v3/{project_id}/volumes/{volume_id}: name and description."""
    return Answer(200, {"volume": shown(update(call), call)})


def delete_cinder_volume(call: Call) -> Answer:
    """DELETE /v3/{project_id}/volumes/{volume_id}: no body. `cascade` is not known here."""
    if call.query.get("cascade", "").lower() == "true":
        raise errors.evs(400, "EVS.5400", "Malformed request url.")
    begin_deletion(call, existing(call))
    return Answer(202)


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "name", "links")}


ROUTES = tuple(
    Route(method, f"/{version}/{{project_id}}/volumes{path}", operation, as_cinder(handler), action=action, also=also)
    for version in ("v2", "v3")
    for method, path, operation, handler, action, also in (
        ("GET", "", "list_cinder_volumes", list_cinder_volumes, "evs:volumes:list", ()),
        ("GET", "/detail", "list_cinder_volumes", list_cinder_volumes, "evs:volumes:list", ()),
        (
            "POST",
            "",
            "create_cinder_volume",
            create_cinder_volume,
            "evs:volumes:create",
            ("evs:snapshots:get", "evs:volumes:get"),
        ),
        ("GET", "/{volume_id}", "show_cinder_volume", show_cinder_volume, "evs:volumes:get", ()),
        ("PUT", "/{volume_id}", "update_cinder_volume", update_cinder_volume, "evs:volumes:update", ()),
        ("DELETE", "/{volume_id}", "delete_cinder_volume", delete_cinder_volume, "evs:volumes:delete", ()),
    )
)
