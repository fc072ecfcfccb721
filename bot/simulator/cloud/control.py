"""The control paths, /_control/...: what other processes use to look at the cloud and to make things go wrong.

They are no part of the real service, need no authentication and never enter the journal.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from aiohttp import web

from bot.simulator.cloud.core import Cloud
from bot.simulator.cloud.loading import build
from bot.simulator.cloud.resources import Disk
from bot.simulator.cloud.world import Switches, Timing


class Control:
    """The handlers of the control paths of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def register(self, app: web.Application) -> None:
        """Add the control paths."""
        app.add_routes(
            [
                web.get("/_control/journal", self._journal),
                web.get("/_control/snapshots", self._snapshots),
                web.get("/_control/state", self._state),
                web.post("/_control/faults", self._add_fault),
                web.delete("/_control/faults", self._clear_faults),
                web.post("/_control/settle", self._settle),
                web.post("/_control/timing", self._set_timing),
                web.post("/_control/switches", self._set_switches),
                web.post("/_control/disks", self._put_disk),
                web.post("/_control/attach", self._attach),
                web.post("/_control/detach", self._detach),
                web.post("/_control/servers", self._put_server),
                web.post("/_control/reset-journal", self._reset_journal),
            ]
        )

    async def _journal(self, request: web.Request) -> web.Response:
        return web.json_response({"journal": self._cloud.calls(request.query.get("operation"))})

    async def _snapshots(self, request: web.Request) -> web.Response:
        return web.json_response({"snapshots": self._cloud.snapshots(request.query.get("volume_id"))})

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(self._cloud.state())

    async def _add_fault(self, request: web.Request) -> web.Response:
        match await _body(request):
            case {"operation": str(operation), "kind": str(kind), **rest}:
                pass
            case _:
                raise _refused("A fault needs operation and kind.")
        options = rest.pop("options", {})
        times, volume_id = rest.pop("times", 1), rest.pop("volume_id", None)
        if rest or not isinstance(options, dict) or type(times) is not int:
            raise _refused("A fault takes operation, kind, times, volume_id and options.")
        try:
            self._cloud.fault(operation, kind, times=times, volume_id=volume_id, **options)
        except (TypeError, ValueError) as problem:
            raise _refused(str(problem)) from problem
        return web.json_response({"faults": self._cloud.waiting_faults()})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._cloud.clear_faults()
        return web.json_response({"faults": []})

    async def _settle(self, request: web.Request) -> web.Response:
        self._cloud.settle()
        return web.json_response(self._cloud.state())

    async def _set_timing(self, request: web.Request) -> web.Response:
        timing = _changed(self._cloud.world.timing, Timing, await _body(request))
        if not 0 <= timing.min_seconds <= timing.max_seconds:
            raise _refused("0 <= min_seconds <= max_seconds must hold.")
        self._cloud.world.timing = timing
        return web.json_response(asdict(timing))

    async def _set_switches(self, request: web.Request) -> web.Response:
        self._cloud.world.switches = _changed(self._cloud.world.switches, Switches, await _body(request))
        return web.json_response(asdict(self._cloud.world.switches))

    async def _put_disk(self, request: web.Request) -> web.Response:
        try:
            disk = self._cloud.put_disk(await _body(request))
        except ValueError as problem:
            raise _refused(str(problem)) from problem
        return self._shown(disk)

    async def _attach(self, request: web.Request) -> web.Response:
        return await self._plug(request, self._cloud.attach)

    async def _detach(self, request: web.Request) -> web.Response:
        return await self._plug(request, self._cloud.detach)

    async def _plug(self, request: web.Request, plug: Callable[[str], None]) -> web.Response:
        name = str((await _body(request)).get("disk", ""))
        try:
            plug(name)
        except (KeyError, ValueError) as problem:
            raise _refused(str(problem.args[0])) from problem
        return self._shown(self._cloud.world.disk(name))

    def _shown(self, disk: Disk) -> web.Response:
        return web.json_response({"id": disk.id, "name": disk.name, "status": self._cloud.status_of(disk)})

    async def _put_server(self, request: web.Request) -> web.Response:
        try:
            server = self._cloud.world.put_server(await _body(request))
        except ValueError as problem:
            raise _refused(str(problem)) from problem
        return web.json_response({"id": server.id, "name": server.name, "status": server.status})

    async def _reset_journal(self, request: web.Request) -> web.Response:
        self._cloud.journal.clear()
        return web.json_response({"journal": []})


def _refused(problem: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"problem": problem}), content_type="application/json")


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _refused("The body must be a JSON object.")
    return body


def _changed(current: Any, cls: type[Any], changes: dict[str, Any]) -> Any:
    problems: list[str] = []
    kept = {field.name: getattr(current, field.name) for field in fields(current)}
    made = build(cls, kept | changes, cls.__name__.lower(), problems)
    if problems:
        raise _refused("; ".join(problems))
    return made
