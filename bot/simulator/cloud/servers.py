"""Servers, /v1/{project_id}/cloudservers, at the address of ECS.

Source: ECS API reference, Querying Details About ECSs (v1), Querying Details About an ECS; error codes.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route
from bot.simulator.cloud.queries import in_enterprise_project
from bot.simulator.cloud.resources import Disk, Server

DEFAULT_LIMIT = 25
MAX_LIMIT = 1000
MAX_IDS = 100


def list_servers(call: Call) -> Answer:
    """GET /v1/{project_id}/cloudservers/detail: `offset` counts pages from 1, `count` ignores paging.

    With `server_id` every other filter is passed over, and an id that does not exist has a row of nulls.
    """
    here = [one for one in call.world.servers.values() if one.project_id == call.params["project_id"]]
    if "server_id" in call.query:
        rows = [_by_id(call, here, server_id) for server_id in _ids(call.query["server_id"])]
    else:
        rows = [_shown(call, server) for server in here if _listed(call.query, server)]
    limit = _number(call.query, "limit", DEFAULT_LIMIT)
    page = max(_number(call.query, "offset", 1), 1)
    if not 1 <= limit <= MAX_LIMIT:
        raise _bad_parameter("limit")
    size = min(limit, call.world.switches.page_rows)
    return Answer(200, {"count": len(rows), "servers": rows[(page - 1) * size : page * size]})


def show_server(call: Call) -> Answer:
    """GET /v1/{project_id}/cloudservers/{server_id}."""
    server = call.world.servers.get(call.params["server_id"])
    if server is None or server.project_id != call.params["project_id"]:
        raise errors.evs(404, "Ecs.0114", f"Instance[{call.params['server_id']}] could not be found.")
    return Answer(200, {"server": _shown(call, server)})


def _listed(query: Mapping[str, str], server: Server) -> bool:
    return (
        _fuzzy(query.get("name", ""), server.name)
        and query.get("status", server.status) == server.status
        and in_enterprise_project(query, server.enterprise_project_id)
    )


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
    attached = [_volume(disk, server.id) for disk in call.world.disks.values() if _hangs_on(disk, server.id)]
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
        "os-extended-volumes:volumes_attached": attached,
        "enterprise_project_id": server.enterprise_project_id,
        "tags": [f"{key}={value}" if value else key for key, value in server.tags.items()],
        "sys_tags": [],
        "metadata": {},
        "created": server.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "updated": server.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _hangs_on(disk: Disk, server_id: str) -> bool:
    return any(one.server_id == server_id for one in disk.attachments)


def _volume(disk: Disk, server_id: str) -> dict[str, Any]:
    device = next(one.device for one in disk.attachments if one.server_id == server_id)
    index = "0" if disk.bootable else None
    return {"id": disk.id, "device": device, "bootIndex": index, "delete_on_termination": "false"}


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise _bad_parameter(name) from None


def _bad_parameter(name: str) -> errors.ApiError:
    return errors.evs(400, "Ecs.0005", f"Request body is invalid: {name}.")


_ALL = "/v1/{project_id}/cloudservers"
ROUTES = (
    Route("GET", f"{_ALL}/detail", "list_servers", list_servers, action="ecs:cloudServers:list", service="ecs"),
    Route(
        "GET",
        f"{_ALL}/{{server_id}}",
        "show_server",
        show_server,
        action="ecs:cloudServers:showServer",
        service="ecs",
    ),
)
