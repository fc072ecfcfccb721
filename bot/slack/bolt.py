"""The Bolt app, and Socket Mode, one of the two ways Slack reaches it.

Bolt 1.30 is used with `process_before_response`: it sends what a listener acknowledged as soon as the listener
returns, instead of looking every 10 ms whether it has. So a listener never waits for Slack or the cloud, but for the
second that a picker or a form may take to answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import aiohttp
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.proxy_env_variable_loader import load_http_proxy_from_env
from slack_sdk.web.async_client import AsyncWebClient

from bot.outages import Outages
from bot.ports.clock import Clock
from bot.ports.meters import Acknowledged, uncounted
from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.command_road import CommandRoad
from bot.slack.origin import Origin
from bot.slack.socket_mode import Socket

log = logging.getLogger(__name__)

SOCKETS = 2

FAREWELL_SECONDS = 30.0
"""How long a connection that Slack said goodbye to is kept; Slack closes it after about ten."""

CONNECT_AGAIN_S = 5.0
LONGEST_PAUSE_S = 30.0
SHORT_LIFE = timedelta(seconds=10)

_PLACE = "apps.connections.open"

_PAUSES_S = {"too_many_websockets": 60.0, "link_disabled": 30.0}
"""Reasons that the next connection would meet as well."""

_TOLD = {
    "too_many_websockets": (logging.WARNING, "slack takes no more connections of this app: too many bots run"),
    "link_disabled": (logging.ERROR, "Socket Mode is switched off in the settings of the slack app"),
}

_READ_BY_BOLT = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET")


@contextmanager
def _without_environment() -> Iterator[None]:
    """Hide what Bolt 1.30 would read by itself; with a client id and secret it even becomes an OAuth app on files."""
    hidden = {name: os.environ.pop(name) for name in _READ_BY_BOLT if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def build_bolt(client: AsyncWebClient, bot_token: str, signing_secret: str, origin: Origin) -> AsyncApp:
    """A Bolt app for one workspace. `client` carries no token: auth.test was asked once at the start, and its answer
    stands for every delivery, so none costs a call.
    """
    identity = origin.identity
    authorized = AuthorizeResult(
        enterprise_id=identity.enterprise_id,
        team_id=identity.team_id,
        bot_user_id=identity.user_id,
        bot_id=identity.bot_id,
        bot_token=bot_token,
    )

    async def authorize() -> AuthorizeResult:
        return authorized

    with _without_environment():
        app = AsyncApp(
            name="snapshot-bot",
            client=client,
            authorize=authorize,
            # Socket Mode checks no signatures; a secret of its own keeps Bolt from reading the environment.
            signing_secret=signing_secret or "socket-mode-checks-no-signature",
            process_before_response=True,
        )
    origin.register(app)
    return app


class SocketModeEntry:
    """Two connections of Socket Mode at all times: Slack takes back each of them every few hours, and what it delivers
    meanwhile comes by the other. One that Slack said goodbye to answers on until it closes; its successor is opened
    first. Source: Slack, Using Socket Mode (ten connections an app; each payload goes to one of them).
    """

    def __init__(
        self,
        app: AsyncApp,
        road: CommandRoad,
        app_token: str,
        clock: Clock,
        acknowledged: Acknowledged = uncounted,
        *,
        loopback: bool,
    ) -> None:
        self._app = app
        self._road = road
        self._app_token = app_token
        self._clock = clock
        self._acknowledged = acknowledged
        self._proxy = None if loopback else load_http_proxy_from_env(log)
        self._http: aiohttp.ClientSession | None = None
        self._sockets: list[Socket] = []
        self._keeping: list[asyncio.Task[None]] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._error = ""
        self._outages = Outages(
            log, "slack could not be reached over Socket Mode", "slack is reached over Socket Mode again"
        )

    async def start(self) -> None:
        self._http = aiohttp.ClientSession()
        self._keeping = [asyncio.create_task(self._keep_one(self._http)) for _ in range(SOCKETS)]

    def trouble(self) -> str:
        """Why Slack can't deliver anything, "" while it can."""
        if any(socket.open for socket in self._sockets):
            return ""
        return f"Slack is not connected over Socket Mode{f' ({self._error})' if self._error else ''}"

    @property
    def failures(self) -> Mapping[str, int]:
        """How often Slack could not be reached, by cause."""
        return self._outages.counts

    async def stop(self) -> None:
        for task in (*self._keeping, *self._leaving):
            task.cancel()
        await asyncio.gather(*self._keeping, *self._leaving, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket in self._sockets), return_exceptions=True)
        self._sockets.clear()
        if self._http is not None:
            await self._http.close()

    async def _keep_one(self, http: aiohttp.ClientSession) -> None:
        short_lives = 0
        while True:
            socket = Socket(self._app, self._road, self._app_token, http, self._proxy, self._acknowledged)
            began = self._clock.now()
            pause = await self._open(socket)
            if pause is None:
                reason = await socket.left
                self._error = reason if reason in _TOLD else ""
                log.log(*_TOLD.get(reason, (logging.INFO, "a connection to slack is replaced")), extra={"why": reason})
                short_lives = short_lives + 1 if self._clock.now() - began < SHORT_LIFE else 0
                # What ends for the first time is replaced at once, what never lasts ever more slowly.
                pause = _PAUSES_S.get(reason, min(max(short_lives - 1, 0) * 1.0, LONGEST_PAUSE_S))
                see_off = asyncio.create_task(self._see_off(socket))
                self._leaving.add(see_off)
                see_off.add_done_callback(self._leaving.discard)
            if pause:
                await self._clock.sleep(pause)

    async def _open(self, socket: Socket) -> float | None:
        """How many seconds to wait before it is tried again; None: it is open, or was refused with a reason."""
        self._sockets.append(socket)
        error, pause = "", CONNECT_AGAIN_S
        try:
            await socket.connect()
        except SlackApiError as exc:
            failure = failure_of(exc)
            error, pause = failure.error, failure.retry_after or CONNECT_AGAIN_S
        except NO_ANSWER as exc:
            error = type(exc).__name__
        else:
            if socket.open:
                self._error = ""
                self._outages.found(_PLACE)
                log.info("connected to slack over Socket Mode")
            return None
        self._error = error
        self._outages.lost(_PLACE, error)
        await self._forget(socket)
        return pause

    async def _see_off(self, socket: Socket) -> None:
        """Answers all that Slack sends over it until it closes it."""
        await socket.ended(FAREWELL_SECONDS)
        await self._forget(socket)

    async def _forget(self, socket: Socket) -> None:
        await socket.close()
        self._sockets.remove(socket)
