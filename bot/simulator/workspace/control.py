"""The same acts over HTTP, for other processes; the paths are in the package's table. Nothing here is journaled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.simulator.workspace.errors import NotAllowedInSlack, SlackRefusal

if TYPE_CHECKING:
    from bot.simulator.workspace.simulator import WorkspaceSimulator

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Routes under /_control/."""

    def __init__(self, sim: WorkspaceSimulator) -> None:
        self._sim = sim

    def routes(self) -> list[web.RouteDef]:
        sim = self._sim
        acts: dict[str, Callable[..., Awaitable[Any]]] = {
            "command": sim.command,
            "press": sim.press,
            "select": sim.select,
            "enter": sim.enter,
            "submit": sim.submit,
            "type": sim.type_in_view,
            "press_in_view": sim.press_in_view,
            "close": sim.close,
            "shortcut": sim.shortcut,
            "message_shortcut": sim.message_shortcut,
            "say": sim.say,
            "mention": sim.mention,
            "edit": sim.edit,
            "direct_message": sim.direct_message,
            "open_home": sim.open_home,
            "suggest": sim.suggest,
            "users": self._users,
            "groups": self._groups,
            "channels": self._channels,
            "fault": self._fault,
            "advance": self._advance,
            "disconnect": self._disconnect,
            "revoke_token": sim.revoke_token,
        }
        return [
            *(web.post(f"/_control/{name}", _acting(act)) for name, act in acts.items()),
            web.get("/_control/journal", self._journal),
            web.get("/_control/messages", self._messages),
            web.get("/_control/render", self._render),
            web.get("/_control/state", self._state),
        ]

    async def _users(self, user: str, **flags: Any) -> Any:
        return await self._sim.set_user(user, **flags)

    async def _groups(self, group: str, users: list[str]) -> Any:
        return await self._sim.set_group_members(group, users)

    async def _channels(self, channel: str, action: str, user: str = "") -> Any:
        sim = self._sim
        match action:
            case "invite_bot":
                return await sim.invite_bot(channel)
            case "remove_bot":
                return await sim.remove_bot(channel)
            case "archive" | "unarchive":
                return await sim.archive(channel, archived=action == "archive")
            case "join":
                sim.join(user, channel)
                return None
            case _:
                raise ValueError("action must be invite_bot, remove_bot, archive, unarchive or join")

    async def _fault(self, kind: str, method: str | None = None, times: int = 1, **options: Any) -> Any:
        return self._sim.fault(kind, method=method, times=times, **options)

    async def _advance(self, seconds: float) -> None:
        self._sim.advance(float(seconds))

    async def _disconnect(self, reason: str = "refresh_requested") -> None:
        await self._sim.disconnect_sockets(reason)

    async def _journal(self, request: web.Request) -> web.Response:
        entry, method = request.query.get("entry"), request.query.get("method")
        found = [
            record
            for record in self._sim.journal
            if entry in (None, record["entry"]) and method in (None, record.get("method"))
        ]
        return web.json_response({"ok": True, "journal": found})

    async def _messages(self, request: web.Request) -> web.Response:
        try:
            found = self._sim.messages(request.query.get("channel", ""), viewer=request.query.get("viewer"))
        except KeyError as error:
            return _refused(error, 404)
        return web.json_response({"ok": True, "messages": [asdict(message) for message in found]})

    async def _render(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            if query.get("view_of"):
                return web.Response(text=self._sim.render_view(query["view_of"], home="home" in query))
            width = int(query.get("width", "88"))
            return web.Response(text=self._sim.render(query.get("channel", ""), query.get("viewer"), width))
        except (KeyError, ValueError) as error:
            return _refused(error, 404)

    async def _state(self, request: web.Request) -> web.Response:
        sim, world = self._sim, self._sim.world
        shown = {
            "ok": True,
            "url": sim.url,
            "connections": sim.connections,
            "request_url": sim.request_url,
            "team": {"id": world.team_id, "domain": world.team_domain, "name": world.team_name},
            "app": asdict(world.app),
            "people": [asdict(person) for person in world.people.values()],
            "channels": [asdict(channel) for channel in world.channels.values()],
            "groups": [asdict(group) for group in world.groups.values()],
            "scopes": list(sim.state.config.scopes),
            "open_views": {
                user: [sim.state.views.as_json(view) for view in stack]
                for user in world.people
                if (stack := sim.state.views.stack(user))
            },
            "faults": [asdict(fault) for fault in sim.state.faults.waiting],
        }
        return web.json_response(shown)


def _acting(act: Callable[..., Awaitable[Any]]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            arguments = await request.json() if request.can_read_body else {}
            outcome = await act(**arguments)
        except NotAllowedInSlack as refusal:
            return _refused(refusal, 403)
        except (KeyError, LookupError) as error:
            return _refused(error, 404)
        except (SlackRefusal, TypeError, ValueError) as error:
            return _refused(error, 400)
        if outcome is None:
            return web.json_response({"ok": True})
        body = asdict(outcome) if is_dataclass(outcome) and not isinstance(outcome, type) else {"result": outcome}
        return web.json_response({"ok": True, **body})

    return handle


def _refused(error: Exception, status: int) -> web.Response:
    text = str(error.args[0]) if error.args else type(error).__name__
    return web.json_response({"ok": False, "error": text}, status=status)
