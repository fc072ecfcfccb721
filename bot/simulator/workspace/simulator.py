"""The simulator as one object: start it, act as people, look at what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.simulator.workspace.admin import Admin
from bot.simulator.workspace.config import AppConfig
from bot.simulator.workspace.control import Control
from bot.simulator.workspace.delivery import Deliverer
from bot.simulator.workspace.faults import Fault
from bot.simulator.workspace.messages import Listener, Message
from bot.simulator.workspace.render import WIDTH, channel_text, message_text, spoken, view_text
from bot.simulator.workspace.server import SlackServer
from bot.simulator.workspace.sockets import Sockets
from bot.simulator.workspace.state import State
from bot.simulator.workspace.world import WorkspaceWorld, default_world


class WorkspaceSimulator(Admin):
    """A Slack workspace with one installed app, on 127.0.0.1.

    `now` gives the workspace's time (aware UTC); acknowledgements are always timed on the real clock. `manifest` is
    a parsed app manifest; `scopes` and `events` override what it grants. Source: docs.slack.dev,
    reference/app-manifest.
    """

    def __init__(
        self,
        world: WorkspaceWorld | None = None,
        *,
        scopes: Iterable[str] | None = None,
        events: Iterable[str] | None = None,
        manifest: Mapping[str, Any] | None = None,
        now: Callable[[], datetime] | None = None,
        rate_limits: bool = True,
        request_url: str | None = None,
    ) -> None:
        config = AppConfig.read(manifest, scopes, events)
        state = State(world or default_world(), config, now, rate_limits=rate_limits)
        self._sockets = Sockets(state.world.app.id, state.journal)
        super().__init__(state, Deliverer(state, self._sockets))
        self._server = SlackServer(state, self._sockets)
        self._control = Control(self)
        self.request_url = request_url
        self._more_routes: list[web.RouteDef] = []

    def add_routes(self, routes: Iterable[web.RouteDef]) -> None:
        """More paths to answer for, from the next start on."""
        self._more_routes += routes

    async def start(self, port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        await self.deliverer.start()
        bound = await self._server.start(port, [*self._control.routes(), *self._more_routes])
        self.state.url = f"http://127.0.0.1:{bound}"

    async def stop(self) -> None:
        """Close every connection and stop waiting retries."""
        await self.deliverer.stop()
        await self._server.stop()

    @property
    def world(self) -> WorkspaceWorld:
        return self.state.world

    @property
    def url(self) -> str:
        return self.state.url

    @property
    def api_url(self) -> str:
        return f"{self.state.url}/api/"

    @property
    def bot_token(self) -> str:
        return self.state.bot_token

    @property
    def app_token(self) -> str:
        return self.state.app_token

    @property
    def signing_secret(self) -> str:
        return self.state.signing_secret

    @property
    def request_url(self) -> str | None:
        """Where deliveries go while no socket is connected."""
        return self.deliverer.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self.deliverer.request_url = url

    @property
    def ack_seconds(self) -> float:
        """Real seconds an app has to acknowledge: 3, as in Slack."""
        return self.deliverer.ack_seconds

    @ack_seconds.setter
    def ack_seconds(self, seconds: float) -> None:
        self.deliverer.ack_seconds = seconds

    @property
    def retry_factor(self) -> float:
        """Stretches the 0, 60 and 300 s before an event is sent again; 0 makes them immediate."""
        return self.deliverer.retry_factor

    @retry_factor.setter
    def retry_factor(self, factor: float) -> None:
        self.deliverer.retry_factor = factor

    @property
    def connections(self) -> int:
        """Open Socket Mode connections."""
        return self._sockets.count

    async def wait_for_bot(self, timeout: float = 10) -> None:
        """Until a socket is connected or the request URL answers its challenge. Raises TimeoutError."""
        if self.request_url is None:
            await self.until(lambda: self.connections > 0, timeout)
            return
        async with asyncio.timeout(timeout):
            # Nothing announces that another process began to listen, so this looks again.
            while not (self.connections or await self.deliverer.verify_request_url()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        """Say goodbye on the oldest connection, or on all; all reasons but `warning` also close it."""
        await self._sockets.disconnect(reason)

    async def drop_sockets(self) -> None:
        """Close every connection without a goodbye, as a network that breaks does."""
        await self._sockets.close()

    def messages(self, channel: str, *, viewer: str | None = None) -> list[Message]:
        """What stands in a channel, replies included, oldest first; with a viewer also what only they see."""
        place = self.world.channel(channel)
        if viewer is None:
            return self.state.messages.visible(place.id)
        person = self.world.person(viewer)
        return self.state.messages.visible(place.id, person.id) if self.world.may_see(person, place) else []

    def thread(self, channel: str, ts: str, *, viewer: str | None = None) -> list[Message]:
        """A parent and its replies."""
        user = self.world.person(viewer).id if viewer else None
        return self.state.messages.thread(self.world.channel(channel).id, ts, user)

    def message(self, channel: str, ts: str) -> Message:
        """One message, deleted or not. Raises KeyError."""
        found = self.state.messages.find(self.world.channel(channel).id, ts)
        if found is None:
            raise KeyError(f"there is no message {ts} in {channel}")
        return found

    def direct_messages(self, user: str) -> list[Message]:
        """What the app and a person wrote to each other."""
        person = self.world.person(user)
        return self.state.messages.visible(self.world.direct_message(person).id, person.id)

    def reload(self, user: str) -> None:
        """The person reloads Slack: ephemeral messages are gone."""
        self.state.messages.forget_ephemeral(self.world.person(user).id)

    def on_change(self, listener: Listener) -> None:
        """Call `listener(message, kind)` at once for posted, edited, deleted and ephemeral messages."""
        self.state.messages.on_change(listener)

    async def until(self, predicate: Callable[[], bool], timeout: float = 10) -> None:
        """Wait for something to come true, looking at every change. Raises TimeoutError with the last entries."""
        await self.state.until(predicate, timeout)

    def notify(self) -> None:
        """Let those who wait look again: something changed that is shown beside the workspace."""
        self.state.wake()

    def advance(self, seconds: float) -> None:
        """Move the workspace's clock ahead, for trigger ids, response URLs and rate limits."""
        self.state.advance(seconds)

    @property
    def journal(self) -> list[dict[str, Any]]:
        """Everything that happened, without tokens; see `Journal`."""
        return self.state.journal.entries

    def api_calls(self, method: str | None = None) -> list[dict[str, Any]]:
        """The app's Web API calls, all or of one method."""
        return self.state.journal.api_calls(method)

    def fault(self, kind: str, *, method: str | None = None, times: int = 1, **options: Any) -> Fault:
        """Order trouble for the next calls or deliveries; the kinds are in the package's table."""
        return self.state.faults.add(kind, method, times, options)

    def render(self, channel: str, viewer: str | None = None, width: int = WIDTH) -> str:
        """A plain-text picture of a channel."""
        place = self.world.channel(channel)
        title = f"#{place.name}" + (" (archived)" if place.is_archived else "")
        return channel_text(title, self.messages(channel, viewer=viewer), self.world, width)

    def render_message(self, message: Message, width: int = WIDTH) -> str:
        """A plain-text picture of one message."""
        return message_text(message, self.world, width)

    def render_view(self, user: str, *, home: bool = False, width: int = WIDTH) -> str:
        """A plain-text picture of a person's visible modal or Home; empty where there is none."""
        view = self.home(user) if home else self.view(user)
        return view_text(view, self.world, width) if view else ""

    def screen_reader(self, channel: str, viewer: str | None = None) -> list[str]:
        """What a screen reader speaks: each message's `text` and nothing else."""
        return spoken(self.messages(channel, viewer=viewer), self.world)
