"""Servers at the address of ECS: /v1 and /v1.1/{project_id}/cloudservers, and Nova's own /v2.1/{project_id}/servers.

Servers have no addresses, flavors or images here; filters by those find nothing.
Source: ECS API reference, Querying Details About ECSs (v1 and v1.1), Querying Details About an ECS, Querying Disks
Attached to an ECS, Querying Details About ECSs (native); error codes.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Handler, Route
from bot.simulator.cloud.queries import in_enterprise_project
from bot.simulator.cloud.resources import Disk, Server

DEFAULT_LIMIT = 25
MAX_LIMIT = 1000
MAX_IDS = 100
NEWER_DEFAULT_LIMIT = 10
NEWER_MAX_LIMIT = 100
NEVER_MET = ("flavor", "ip", "ip_eq", "reservation_id", "image", "flavor_name", "image_id", "key_name", "metadata-key")
EXPECTED_ONLY = ("metadata", "tags", "addresses", "volumes_attached", "security_groups")
"""Fields of v1.1 that come only when `expect-fields` names them."""
NATIVE_ALSO = (
    "ecs:servers:get", "ecs:serverVolumes:use", "ecs:diskConfigs:use", "ecs:securityGroups:use",
    "ecs:serverKeypairs:get", "vpc:securityGroups:list", "vpc:securityGroups:get", "vpc:securityGroupRules:get",
    "vpc:networks:get", "vpc:subnets:get", "vpc:ports:get",
)  # fmt: skip


def list_servers(call: Call) -> Answer:
    """GET /v1/{project_id}/cloudservers/detail: `offset` counts pages from 1, `count` ignores paging.

    With `server_id` every other filter is passed over, and an id that does not exist has a row of nulls.
    """
    here = _here(call)
    if "server_id" in call.query:
        rows = [_by_id(call, here, server_id) for server_id in _ids(call.query["server_id"])]
    else:
        rows = [_shown(call, server) for server in here if _listed(call.query, server)]
    size = _limit(call, DEFAULT_LIMIT, MAX_LIMIT)
    page = max(_number(call.query, "offset", 1), 1)
    return Answer(200, {"count": len(rows), "servers": rows[(page - 1) * size : page * size]})


def show_server(call: Call) -> Answer:
    """GET /v1/{project_id}/cloudservers/{server_id}."""
    return Answer(200, {"server": _shown(call, _existing(call))})


def list_block_devices(call: Call) -> Answer:
    """GET /v1/{project_id}/cloudservers/{server_id}/block_device."""
    server = _existing(call)
    devices = [
        {
            "id": disk.id,
            "volumeId": disk.id,
            "serverId": server.id,
            "device": _device(call, disk, server.id),
            "size": disk.size_gb,
            "bootIndex": 0 if disk.bootable else None,
            "bus": "virtio",
            "pciAddress": "",
        }
        for disk in _disks(call, server)
    ]
    free = {"free_scsi": 23, "free_blk": 23, "free_disk": 24 - len(devices)}
    return Answer(200, {"attachableQuantity": free, "volumeAttachments": devices})


def list_servers_newer(call: Call) -> Answer:
    """GET /v1.1/{project_id}/cloudservers/detail: `marker` and links, no total; some fields only when expected."""
    query = call.query
    expected = set(query.get("expect-fields", "").split(","))
    rows = [
        _shown_newer(call, server, expected)
        for server in _here(call)
        if _listed(query, server)
        and query.get("id", server.id) == server.id
        and _fuzzy(query.get("availability_zone", ""), server.availability_zone)
        and query.get("availability_zone_eq", server.availability_zone) == server.availability_zone
        and query.get("in_recycle_bin", "false").lower() == "false"
    ]
    cut = _after_marker(call, rows, _limit(call, NEWER_DEFAULT_LIMIT, NEWER_MAX_LIMIT))
    links = _links(call, "v1.1", "cloudservers/detail", rows, cut)
    return Answer(200, {"servers": cut, "request_id": call.request_id} | links)


def list_servers_native(call: Call) -> Answer:
    """GET /v2.1/{project_id}/servers/detail: needs many more rights."""
    rows = [_shown_native(call, server) for server in _here(call) if _listed(call.query, server)]
    cut = _after_marker(call, rows, _limit(call, MAX_LIMIT, MAX_LIMIT))
    return Answer(200, {"servers": cut} | _links(call, "v2.1", "servers/detail", rows, cut))


def show_server_native(call: Call) -> Answer:
    """GET /v2.1/{project_id}/servers/{server_id}."""
    return Answer(200, {"server": _shown_native(call, _existing(call))})


def _here(call: Call) -> list[Server]:
    return [one for one in call.world.servers.values() if one.project_id == call.params["project_id"]]


def _existing(call: Call) -> Server:
    server = call.world.servers.get(call.params["server_id"])
    if server is None or server.project_id != call.params["project_id"]:
        raise errors.evs(404, "Ecs.0114", f"Instance[{call.params['server_id']}] could not be found.")
    return server


def _listed(query: Mapping[str, str], server: Server) -> bool:
    tags = set(_tags(server))
    return (
        _fuzzy(query.get("name", ""), server.name)
        and query.get("status", server.status) == server.status
        and in_enterprise_project(query, server.enterprise_project_id)
        and tags.issuperset(filter(None, query.get("tags", "").split(",")))
        and tags.isdisjoint(query.get("not-tags", "").split(","))
        and not any(name in query for name in NEVER_MET)
    )


def _limit(call: Call, default: int, most: int) -> int:
    limit = _number(call.query, "limit", default)
    if not 1 <= limit <= most:
        raise _bad_parameter("limit")
    return min(limit, call.world.switches.page_rows)


def _after_marker(call: Call, rows: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    marker = call.query.get("marker")
    places = [index for index, row in enumerate(rows) if row["id"] == marker]
    if marker is not None and not places:
        raise _bad_parameter("marker")
    return rows[places[0] + 1 :][:limit] if places else rows[:limit]


def _links(
    call: Call, version: str, path: str, rows: list[dict[str, Any]], cut: list[dict[str, Any]]
) -> dict[str, Any]:
    if not cut or cut[-1] is rows[-1]:
        return {}
    query = urlencode({**call.query, "marker": cut[-1]["id"]})
    href = f"{call.base_url}/{version}/{call.params['project_id']}/{path}?{query}"
    return {"servers_links": [{"rel": "next", "href": href}]}


def _fuzzy(wanted: str, name: str) -> bool:
    """Found anywhere in the name; a period stands for any one character."""
    return re.search(re.escape(wanted).replace(r"\.", "."), name) is not None


def _ids(text: str) -> list[str]:
    ids = list(dict.fromkeys(filter(None, text.split(","))))
    if len(ids) > MAX_IDS:
        raise _bad_parameter("server_id")
    return ids


def _by_id(call: Call, here: Sequence[Server], server_id: str) -> dict[str, Any]:
    known = next((server for server in here if server.id == server_id), None)
    if known is not None:
        return _shown(call, known)
    nothing = dict.fromkeys(_shown(call, Server("", "", "")))
    return nothing | {"id": server_id, "fault": {"code": 404, "message": "Instance could not be found."}}


def _shown(call: Call, server: Server) -> dict[str, Any]:
    return {
        "id": server.id,
        "name": server.name,
        "status": server.status,
        "tenant_id": server.project_id,
        "hostId": server.id.replace("-", ""),
        "OS-EXT-AZ:availability_zone": server.availability_zone,
        "OS-EXT-SRV-ATTR:host": server.host,
        "OS-EXT-SRV-ATTR:hypervisor_hostname": server.host,
        "OS-EXT-SRV-ATTR:hostname": f"guest-{server.name}",
        "os-extended-volumes:volumes_attached": [_volume(call, disk, server.id) for disk in _disks(call, server)],
        "enterprise_project_id": server.enterprise_project_id,
        "tags": _tags(server),
        "sys_tags": [],
        "metadata": {},
        "created": _time(server),
        "updated": _time(server),
    }


def _shown_newer(call: Call, server: Server, expected: set[str]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": server.id,
        "name": server.name,
        "status": server.status,
        "tenant_id": server.project_id,
        "availability_zone": server.availability_zone,
        "vm_state": "active" if server.status == "ACTIVE" else "stopped",
        "task_state": None,
        "power_state": 1 if server.status == "ACTIVE" else 4,
        "in_recycle_bin": False,
        "locked": False,
        "description": "",
        "enterprise_project_id": server.enterprise_project_id,
        "created": _time(server),
        "updated": _time(server),
        "metadata": {},
        "tags": _tags(server),
        "addresses": {},
        "security_groups": [],
        "volumes_attached": [
            _volume(call, disk, server.id) | {"delete_on_termination": False, "size": disk.size_gb}
            for disk in _disks(call, server)
        ],
    }
    return {name: value for name, value in row.items() if name not in EXPECTED_ONLY or name in expected}


def _shown_native(call: Call, server: Server) -> dict[str, Any]:
    row = _shown(call, server)
    attached = [{"id": disk.id, "delete_on_termination": False} for disk in _disks(call, server)]
    left_out = {"enterprise_project_id", "sys_tags"}
    return {name: value for name, value in row.items() if name not in left_out} | {
        "os-extended-volumes:volumes_attached": attached,
        "addresses": {},
        "links": [{"rel": "self", "href": f"{call.base_url}/v2.1/{server.project_id}/servers/{server.id}"}],
    }


def _time(server: Server) -> str:
    return server.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _tags(server: Server) -> list[str]:
    return [f"{key}={value}" if value else key for key, value in server.tags.items()]


def _disks(call: Call, server: Server) -> list[Disk]:
    return [disk for disk in call.world.disks.values() if _device(call, disk, server.id)]


def _device(call: Call, disk: Disk, server_id: str) -> str:
    """Where the server has the disk; empty where it has not."""
    return next((one.device for one in disk.attachments_at(call.now) if one.server_id == server_id), "")


def _volume(call: Call, disk: Disk, server_id: str) -> dict[str, Any]:
    index = "0" if disk.bootable else None
    return {
        "id": disk.id,
        "device": _device(call, disk, server_id),
        "bootIndex": index,
        "delete_on_termination": "false",
    }


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise _bad_parameter(name) from None


def _bad_parameter(name: str) -> errors.ApiError:
    return errors.evs(400, "Ecs.0005", f"Request body is invalid: {name}.")


def _route(path: str, operation: str, handler: Handler, action: str, also: tuple[str, ...] = ()) -> Route:
    return Route("GET", path, operation, handler, action=action, also=also, service="ecs")


_ALL = "/v1/{project_id}/cloudservers"
_LIST, _SHOW = "ecs:cloudServers:list", "ecs:cloudServers:showServer"
_DEVICES = "ecs:cloudServers:listServerBlockDevices"
_NATIVE = "/v2.1/{project_id}/servers"
ROUTES = (
    _route(f"{_ALL}/detail", "list_servers", list_servers, _LIST),
    _route("/v1.1/{project_id}/cloudservers/detail", "list_servers_newer", list_servers_newer, _LIST),
    _route(f"{_ALL}/{{server_id}}", "show_server", show_server, _SHOW),
    _route(f"{_ALL}/{{server_id}}/block_device", "list_block_devices", list_block_devices, _DEVICES),
    _route(f"{_NATIVE}/detail", "list_servers_native", list_servers_native, "ecs:servers:list", NATIVE_ALSO),
    _route(f"{_NATIVE}/{{server_id}}", "show_server_native", show_server_native, "ecs:servers:get"),
)
