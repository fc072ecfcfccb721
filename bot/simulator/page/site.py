"""The page's own paths: its files, the stream of what a person sees, and what the side panel may do."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any

from aiohttp import web

from bot.simulator.bot_process import BotProcess
from bot.simulator.page.cloud_panel import cloud_document
from bot.simulator.page.document import Document, changed, workspace_document
from bot.simulator.page.plans import Plans
from bot.simulator.page.story import CommandFailed, Player, Story
from bot.simulator.page.troubles import Troubles
from bot.simulator.setting import Setting
from bot.simulator.workspace import NotAllowedInSlack, Person
from bot.simulator.workspace.render import EMOJI

Explain = Callable[[str, str, str, str], Awaitable[Mapping[str, Any]]]
"""User, action, project and channel to `allowed` (a bool), `rule` and `told`."""

Trail = Callable[[int | None], Awaitable[list[dict[str, Any]]]]
"""Rows of the bot's audit trail behind the one of that number, oldest first; None: from the first."""

LOOK_SECONDS = 0.25
"""How often the cloud is looked at: it announces nothing, as its state follows from the time alone."""

KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
GUARD = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Site:
    """Give its `routes()` to the workspace before that starts."""

    def __init__(
        self,
        setting: Setting,
        bot: BotProcess,
        story: Story,
        face: Mapping[str, Any],
        *,
        explain: Explain,
        trail: Trail,
    ) -> None:
        self.troubles = Troubles(setting.cloud, setting.workspace)
        self.plans = Plans(setting.workspace, face["go"])
        self.player = Player(setting, bot, self.troubles, self.plans)
        self._setting, self._bot, self._story = setting, bot, story
        self._explain, self._trail, self._face = explain, trail, face

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._index),
            web.get("/page/stream", self._stream),
            web.get("/page/{name:[a-z_]+[.][a-z]+}", self._file),
            *(web.post(f"/page/{name}", _answering(act)) for name, act in self._acts().items()),
        ]

    def _acts(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        return {
            "trouble": self._trouble,
            "bot": self._bot_act,
            "try": self._try,
            "explain": self._explained,
            "trail": self._rows,
            "plug": self._plug,
        }

    async def _index(self, request: web.Request) -> web.Response:
        return _static("index.html")

    async def _file(self, request: web.Request) -> web.Response:
        return _static(request.match_info["name"])

    async def _trouble(self, trouble: str, on: bool = True) -> None:
        await self.troubles.turn(trouble, on=on)

    async def _plug(self, disk: str, attached: bool) -> None:
        """Attach or detach a disk, as a person does it in the console."""
        (self._setting.cloud.attach if attached else self._setting.cloud.detach)(disk)
        self._setting.workspace.state.wake()

    async def _bot_act(self, do: str) -> None:
        if do not in ("start", "kill", "stop"):
            raise ValueError("do is start, kill or stop")
        await self.player.play([{"bot": do}])

    async def _try(self, number: int) -> Mapping[str, Any]:
        told = await self.player.play(self._story.things[number].steps)
        return {"told": told} if told else {}

    async def _explained(self, user: str, action: str, project: str, channel: str) -> Mapping[str, Any]:
        world = self._setting.workspace.world
        return await self._explain(world.person(user).id, action, project, world.channel(channel).id)

    async def _rows(self, after: int | None) -> Mapping[str, Any]:
        return {"rows": await self._trail(after)}

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """First all that the viewer sees, then each change; a reader that comes back begins anew."""
        try:
            viewer = self._setting.workspace.world.person(request.query.get("viewer") or self._first())
        except KeyError:
            return web.Response(status=404, text="There is no such person.")
        response = web.StreamResponse(headers={**GUARD, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # the reader has gone
            await self._tell(response, viewer)
        return response

    async def _tell(self, response: web.StreamResponse, viewer: Person) -> None:
        state = self._setting.workspace.state
        shown: Document = {}
        quiet = 0
        while True:
            changes = state.changes
            now = self._document(viewer)
            # The first event names the whole, so that nothing of an earlier reading stays.
            if told := dict(changed(shown, now)):
                name = "change" if shown else "all"
                await response.write(f"event: {name}\ndata: {json.dumps(told)}\n\n".encode())
                shown, quiet = now, 0
            elif (quiet := quiet + 1) % 20 == 0:
                await response.write(b":\n\n")  # how a reader that is gone is found out
            await state.changed(changes, LOOK_SECONDS)

    def _document(self, viewer: Person) -> Document:
        story = self._story
        about: Document = {
            "me": viewer.id,
            "face": {
                **self._face,
                "emoji": EMOJI,
                "app": self._setting.workspace.world.app.name,
                "bot": self._setting.workspace.world.app.bot_user_id,
                "channel": story.channel,
                "told": story.told,
                "personas": [{"user": self._id(one.user), "role": one.role} for one in story.people],
                "things": [
                    {"title": one.title, "told": one.told, "user": self._id(one.user), "channel": one.channel}
                    for one in story.things
                ],
                "projects": [project.name for project in self._setting.cloud.world.projects],
            },
            "troubles": self.troubles.shown(),
            "bot": {
                "running": self._bot.running,
                "connected": self._setting.workspace.connections > 0,
                "starts": self._bot.starts,
                "lines": list(self._bot.lines)[-60:],
            },
        }
        return about | workspace_document(self._setting.workspace, viewer) | cloud_document(self._setting.cloud)

    def _first(self) -> str:
        """Who a reader is at first."""
        people = [one.user for one in self._story.people]
        return [*people, *(one.id for one in self._setting.workspace.world.people.values() if not one.is_bot)][0]

    def _id(self, user: str) -> str:
        return self._setting.workspace.world.person(user).id


def _static(name: str) -> web.Response:
    file = files("bot.simulator.page") / "static" / name
    kind = KINDS.get(name.rpartition(".")[2])
    if kind is None or not file.is_file():
        return web.Response(status=404, text="There is no such file.", headers=GUARD)
    return web.Response(body=file.read_bytes(), content_type=kind, charset="utf-8", headers=GUARD)


def _answering(act: Callable[..., Awaitable[Any]]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.Response:
        try:
            outcome = await act(**await request.json())
        except TimeoutError:
            return _refused("It took too long.", 504)
        except NotAllowedInSlack as refusal:
            return _refused(str(refusal), 403)
        except (CommandFailed, LookupError, TypeError, ValueError) as error:
            return _refused(str(error), 400)
        return web.json_response({"ok": True, **(outcome or {})})

    return handle


def _refused(why: str, status: int) -> web.Response:
    return web.json_response({"ok": False, "error": why}, status=status)
