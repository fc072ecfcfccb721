"""One WebSocket of Socket Mode, from its ticket to its end.

slack_sdk's own client closes a connection before it opens the next, which loses what is delivered in between, asks for
no new ticket while one is refused, and may acknowledge over another connection than the delivery came by (3.47).
Source: Slack, Using Socket Mode.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

import aiohttp
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.ports.meters import Acknowledged, uncounted
from bot.slack.command_road import CommandRoad
from bot.slack.payloads import Frame, Ticket, Unreadable, kind_of, read

log = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
"""For the ticket, the handshake and Slack's hello together."""

PING_SECONDS = 10.0
"""A connection over which no answer to a ping came in half of that is dead."""

CLOSE_SECONDS = 2.0
"""How long to wait for what is being answered, and for Slack's side of a farewell."""

CLOSED = "closed"
"""The end of a connection that Slack did not announce."""


class Socket:
    """`left` is why it is to be replaced, once it is: Slack's reason, or CLOSED. Until it closes, what is delivered
    over it is still answered over it.
    """

    def __init__(
        self,
        app: AsyncApp,
        road: CommandRoad,
        app_token: str,
        http: aiohttp.ClientSession,
        proxy: str | None,
        acknowledged: Acknowledged = uncounted,
    ) -> None:
        self._app = app
        self._road = road
        self._app_token = app_token
        self._http = http
        self._proxy = proxy
        self._acknowledged = acknowledged
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._greeted = False
        self._answered = asyncio.Event()
        self.left: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def open(self) -> bool:
        """Slack said hello and can still be answered."""
        return self._greeted and self._socket is not None and not self._socket.closed

    async def connect(self) -> None:
        """Each attempt takes a ticket of its own: Slack honours one once. Returns when Slack said hello, or refused
        with a reason. Raises SlackApiError, aiohttp.ClientError, TimeoutError or OSError.
        """
        async with asyncio.timeout(CONNECT_SECONDS):
            answer = await self._app.client.apps_connections_open(app_token=self._app_token)
            self._socket = await self._http.ws_connect(
                read(Ticket, answer.data).url,
                heartbeat=PING_SECONDS,
                proxy=self._proxy,
                ssl=self._app.client.ssl or True,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            )
            self._reading = asyncio.create_task(self._read(self._socket))
            await self._answered.wait()

    async def ended(self, within_s: float) -> None:
        """Wait that long for Slack to close it."""
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=within_s)

    async def close(self) -> None:
        """A delivery that is being answered has a moment to be."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=CLOSE_SECONDS)
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._leave(CLOSED)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self._take(frame.data)
        finally:
            self._leave(CLOSED)

    def _take(self, text: str) -> None:
        try:
            frame = read(Frame, json.loads(text))
        except (ValueError, RecursionError, Unreadable):
            frame = Frame()
        if frame.type == "hello":
            self._greeted = True
            self._answered.set()
        elif frame.type == "disconnect":
            self._leave(frame.reason or CLOSED)
        elif frame.envelope_id and frame.payload is not None:
            answering = asyncio.create_task(self._answer(frame, frame.payload, asyncio.get_running_loop().time()))
            self._answering.add(answering)
            answering.add_done_callback(self._done)
        else:
            log.info("slack sent a frame that is no delivery")

    async def _answer(self, frame: Frame, payload: dict[str, Any], came_at: float) -> None:
        if self._road.takes(payload):
            response = await self._road.answer(payload)
        else:
            request = AsyncBoltRequest(mode="socket_mode", body=payload, headers=_headers(frame))
            response = await self._app.async_dispatch(request)
        if response.status != 200:
            log.info("a delivery is not acknowledged", extra={"status": response.status})
            return
        assert self._socket is not None
        try:
            await self._socket.send_str(_acknowledgement(frame.envelope_id, response))
        except (ConnectionError, aiohttp.ClientError):
            log.info("a connection closed before its delivery was acknowledged")
        else:
            self._acknowledged(kind_of(payload), asyncio.get_running_loop().time() - came_at)

    def _done(self, answering: asyncio.Task[None]) -> None:
        """One delivery that breaks Bolt itself ends no connection."""
        self._answering.discard(answering)
        if not answering.cancelled() and (failure := answering.exception()):
            log.error("a delivery failed", exc_info=failure)

    def _leave(self, reason: str) -> None:
        if not self.left.done():
            self.left.set_result(reason)
            self._answered.set()


def _headers(frame: Frame) -> dict[str, str | Sequence[str]]:
    """The same that a repeated delivery has over HTTP, which Bolt reads."""
    told = {"x-slack-retry-num": frame.retry_attempt, "x-slack-retry-reason": frame.retry_reason}
    return {name: str(value) for name, value in told.items() if value}


def _acknowledgement(envelope_id: str, response: BoltResponse) -> str:
    """As JSON; a body that is JSON already stands in it as it is."""
    if not response.body:
        return json.dumps({"envelope_id": envelope_id})
    is_json = response.first_headers().get("content-type", "").startswith("application/json")
    payload = response.body if is_json else json.dumps({"text": response.body})
    return f'{{"envelope_id": {json.dumps(envelope_id)}, "payload": {payload}}}'
