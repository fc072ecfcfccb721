"""Disks, /v2/{project_id}/cloudvolumes.

Source: EVS API reference, list of disks v2, one disk v2, resource instances by tags v2.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route, evs_time
from bot.simulator.cloud.creation import check_types, new_texts
from bot.simulator.cloud.queries import in_enterprise_project, name_matches, ordered, page, passes, quoted_ids
from bot.simulator.cloud.resources import Attachment, Disk, Server
from bot.simulator.cloud.snapshots import SORT_KEYS, add_tags, remove_tags

MAX_TAG_KEYS = 10
UPDATE_SHOWS = frozenset(
    {
        "attachments", "availability_zone", "bootable", "created_at", "id", "links", "metadata", "multiattach", "name",
        "os-vol-host-attr:host", "os-vol-tenant-attr:tenant_id", "shareable", "size", "snapshot_id", "source_volid",
        "status", "volume_image_metadata", "volume_type", "description", "os-volume-replication:extended_status",
    }
)  # fmt: skip
"""Source: huaweicloudsdkevs, UpdateVolumeResponse."""
NOT_BY_TAG = frozenset({"iops", "throughput", "serial_number"})
"""Fields of a disk that the search by tags leaves out; `shareable` is no text there. Source: VolumeDetailForTag."""


def shown(disk: Disk, call: Call) -> dict[str, Any]:
    """The volume object, with the documented fields and no top-level `encrypted` to go by."""
    metadata = {"hw:passthrough": "false", "__system__encrypted": "1" if disk.cmk_id else "0"}
    if disk.cmk_id:
        metadata["__system__cmkid"] = disk.cmk_id
    if disk.order_id:
        metadata["orderID"] = disk.order_id
    return {
        "id": disk.id,
        "name": disk.name,
        "description": disk.description,
        "status": disk.status_at(call.now),
        "size": disk.size_gb,
        "volume_type": disk.volume_type,
        "availability_zone": disk.availability_zone,
        "bootable": "true" if disk.bootable else "false",
        "multiattach": disk.multiattach,
        "shareable": "true" if disk.multiattach else "false",
        "attachments": [
            _attachment(disk, attachment, call.world.servers) for attachment in disk.attachments_at(call.now)
        ],
        "tags": disk.tags_at(call.now),
        "enterprise_project_id": disk.enterprise_project_id,
        "metadata": metadata,
        "snapshot_id": disk.snapshot_id or None,
        "source_volid": None,
        "created_at": evs_time(disk.created_at),
        "updated_at": evs_time(disk.updated_at(call.now)),
        "service_type": disk.service_type,
        "dedicated_storage_id": None,
        "dedicated_storage_name": None,
        "wwn": disk.id.replace("-", ""),
        "serial_number": disk.id[:20],
        "iops": {"id": f"iops-{disk.id}", "total_val": 3000, "frozened": False},
        "throughput": {"id": f"throughput-{disk.id}", "total_val": 125, "frozened": False},
        "volume_image_metadata": {"image_name": "Ubuntu 24.04"} if disk.bootable else {},
        "links": [{"href": f"{call.base_url}/v2/{disk.project_id}/cloudvolumes/{disk.id}", "rel": "self"}],
        "encrypted": False,
        "replication_status": "disabled",
        "consistencygroup_id": None,
        "user_id": "",
        "os-vol-host-attr:host": "",
        "os-vol-tenant-attr:tenant_id": disk.project_id,
        "os-vol-mig-status-attr:migstat": None,
        "os-vol-mig-status-attr:name_id": None,
        "os-volume-replication:extended_status": None,
    }


def list_volumes(call: Call) -> Answer:
    """GET /v2/{project_id}/cloudvolumes/detail. `count` ignores paging; links appear when there is more."""
    query, rows = call.query, matching_rows(call)
    cut = page(rows, query, most=call.world.switches.page_rows)
    body: dict[str, Any] = {"count": len(rows), "volumes": cut}
    if cut and cut[-1] is not rows[-1]:
        following = {name: value for name, value in query.items() if name != "offset"} | {"marker": cut[-1]["id"]}
        path = f"{call.base_url}/v2/{call.params['project_id']}/cloudvolumes/detail"
        body["volumes_links"] = [{"href": f"{path}?{urlencode(following)}", "rel": "next"}]
    return Answer(200, body)


def matching_rows(call: Call) -> list[dict[str, Any]]:
    """The disks that a list is asked for, sorted."""
    query = call.query
    rows = [row for disk, row in _rows(call) if _listed(call, disk, row)]
    if "ids" in query:
        wanted = quoted_ids(query["ids"])
        rows = [row for row in rows if row["id"] in wanted]
    return ordered(rows, query, SORT_KEYS)


def show_volume(call: Call) -> Answer:
    """GET /v2/{project_id}/cloudvolumes/{volume_id}."""
    return Answer(200, {"volume": shown(existing(call), call)})


def volume_tags(call: Call) -> Answer:
    """GET /v2/{project_id}/cloudvolumes/{volume_id}/tags: a list here, not an object."""
    return Answer(200, {"tags": _tag_list(existing(call).tags_at(call.now))})


def all_volume_tags(call: Call) -> Answer:
    """GET /v2/{project_id}/cloudvolumes/tags: an object of keys and their values, unlike those of snapshots."""
    values: dict[str, set[str]] = defaultdict(set)
    for _, row in _rows(call):
        for key, value in row["tags"].items():
            values[key].add(value)
    return Answer(200, {"tags": {key: sorted(values[key]) for key in sorted(values)}})


def change_volume_tags(call: Call) -> Answer:
    """POST /v2/{project_id}/cloudvolumes/{volume_id}/tags/action: `create` or `delete`."""
    match call.body:
        case {"action": "create"}:
            add_tags(call, existing(call).tags)
        case {"action": "delete"}:
            remove_tags(call, existing(call).tags)
        case _:
            raise errors.bad_body("Expected an action: create, delete.")
    return Answer(204)


def update_volume(call: Call) -> Answer:
    """PUT /v2/{project_id}/cloudvolumes/{volume_id}: name and description. The answer has no `volume` around it."""
    return Answer(200, {name: value for name, value in shown(update(call), call).items() if name in UPDATE_SHOWS})


def update(call: Call) -> Disk:
    """Give the disk of the path the name and description of the body."""
    body = call.object("volume")
    check_types(body, {"name": str, "description": str})
    disk = existing(call)
    new_texts(call, disk, body)
    return disk


def volumes_by_tags(call: Call) -> Answer:
    """POST /v2/{project_id}/cloudvolumes/resource_instances/action: keys are ANDed, values of one key ORed."""
    match call.body:
        case {"action": "filter", **rest}:
            tags, matches = rest.get("tags", []), rest.get("matches", [])
            paging = {str(name): str(rest[name]) for name in rest if name in ("limit", "offset")}
        case _:
            raise errors.bad_body("Expected an action: filter.")
    if not isinstance(matches, list):
        raise errors.bad_body("Not a list: matches.")
    wanted = _tag_filters(tags)
    found = [
        {
            "resource_id": disk.id,
            "resource_name": disk.name,
            "resource_detail": {k: v for k, v in row.items() if k not in NOT_BY_TAG} | {"shareable": disk.multiattach},
            "tags": _tag_list(row["tags"]),
            "id": disk.id,
        }
        for disk, row in _rows(call)
        if all(key in row["tags"] and (not values or row["tags"][key] in values) for key, values in wanted.items())
        and all(_matches(disk, match) for match in matches)
    ]
    cut = page(found, paging, most=call.world.switches.page_rows)
    return Answer(
        200,
        {"total_count": len(found), "resources": [{k: v for k, v in entry.items() if k != "id"} for entry in cut]},
    )


def _rows(call: Call) -> list[tuple[Disk, dict[str, Any]]]:
    return [(disk, shown(disk, call)) for disk in call.world.disks.values() if _there(disk, call)]


def _there(disk: Disk, call: Call) -> bool:
    return (
        disk.project_id == call.params["project_id"]
        and disk.status_at(call.now) is not None
        and (disk.listed_from is None or call.now >= disk.listed_from)
    )


def _listed(call: Call, disk: Disk, row: Mapping[str, Any]) -> bool:
    query = call.query
    servers = {attachment.server_id for attachment in disk.attachments_at(call.now)}
    return (
        passes(query, row, "id", "status", "availability_zone", "service_type")
        and name_matches(query.get("name"), disk.name, fuzzy=call.world.switches.fuzzy_volume_names)
        and in_enterprise_project(query, disk.enterprise_project_id)
        and ("server_id" not in query or query["server_id"] in servers)
        and ("multiattach" not in query or query["multiattach"].lower() == str(disk.multiattach).lower())
        and ("dedicated_storage_id" not in query)
        and _has_metadata(query, row["metadata"])
    )


def _has_metadata(query: Mapping[str, str], metadata: Mapping[str, str]) -> bool:
    if "metadata" not in query:
        return True
    try:
        wanted = json.loads(query["metadata"])
    except ValueError:
        wanted = None
    if not isinstance(wanted, dict):
        raise errors.evs(400, "EVS.5400", "Malformed request url.")
    return all(metadata.get(name) == value for name, value in wanted.items())


def existing(call: Call) -> Disk:
    """The disk that the path names. One that is being made may not be found yet."""
    disk = call.world.disks.get(call.params["volume_id"])
    if disk is None or not _there(disk, call):
        error = errors.not_found()
        if call.world.switches.cinder_volume_errors:
            message = f"Volume {call.params['volume_id']} could not be found."
            error = errors.ApiError(404, "404", message, "cinder")
        raise error
    return disk


def _attachment(disk: Disk, attachment: Attachment, servers: Mapping[str, Server]) -> dict[str, Any]:
    """`host_name` is the physical host that the server runs on, or null; no answer of EVS holds a server's name."""
    server = servers.get(attachment.server_id)
    return {
        "id": disk.id,
        "attachment_id": attachment.server_id,
        "volume_id": disk.id,
        "server_id": attachment.server_id,
        "device": attachment.device,
        "host_name": server.host if server else None,
        "attached_at": evs_time(attachment.since or disk.created_at),
    }


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _tag_filters(tags: object) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    if not isinstance(tags, list) or len(tags) > MAX_TAG_KEYS:
        raise errors.evs(400, "EVS.1062", "invalid tag!")
    for entry in tags:
        match entry:
            case {"key": str(key), "values": [*values]} if len(values) <= MAX_TAG_KEYS:
                wanted[key] = values
            case _:
                raise errors.evs(400, "EVS.1062", "invalid tag!")
    return wanted


_MATCHES: dict[str, Callable[[Disk, str], bool]] = {
    "resource_name": lambda disk, value: value in disk.name,
    "service_type": lambda disk, value: value == disk.service_type,
}


def _matches(disk: Disk, match: object) -> bool:
    if isinstance(match, dict) and match.get("key") in _MATCHES:
        return _MATCHES[match["key"]](disk, str(match.get("value", "")))
    raise errors.bad_body("Unknown key: matches.")


_ALL = "/v2/{project_id}/cloudvolumes"
ROUTES = (
    Route("GET", f"{_ALL}/detail", "list_volumes", list_volumes, action="evs:volumes:list"),
    Route("GET", f"{_ALL}/tags", "all_volume_tags", all_volume_tags, action="evs:volumeTags:list"),
    Route("GET", f"{_ALL}/{{volume_id}}", "show_volume", show_volume, action="evs:volumes:get"),
    Route("PUT", f"{_ALL}/{{volume_id}}", "update_volume", update_volume, action="evs:volumes:update"),
    Route("POST", f"{_ALL}/{{volume_id}}/tags/action", "change_volume_tags", change_volume_tags),
    Route("GET", f"{_ALL}/{{volume_id}}/tags", "volume_tags", volume_tags, action="evs:volumeTags:getById"),
    Route(
        "POST",
        f"{_ALL}/resource_instances/action",
        "volumes_by_tags",
        volumes_by_tags,
        action="evs:volumeTags:get",
    ),
)
