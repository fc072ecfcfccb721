"""Socket Mode: single-use tickets, at most 10 connections, envelopes to any one of them.

Source: docs.slack.dev, apis/events-api/using-socket-mode.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from bot.simulator.workspace.journal import Journal

CONNECTION_LIMIT = 10
CONNECTION_TIME_S = 18060
REFRESHES = frozenset({"warning", "refresh_requested"})


class SocketGone(Exception):
    """The connection closed before it acknowledged."""


@dataclass(eq=False)
class _Connection:
    number: int
    socket: web.WebSocketResponse
    told: bool = False
    waiting: dict[str, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)


class Sockets:
    """The app's open connections."""

    def __init__(self, app_id: str, journal: Journal) -> None:
        self._app_id = app_id
        self._journal = journal
        self._tickets: set[str] = set()
        self._connections: list[_Connection] = []
        self._serial = 0
        self._random = random.Random(7)

    @property
    def count(self) -> int:
        return len(self._connections)

    def ticket(self) -> str:
        """A path for one WebSocket handshake."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return f"/link/?ticket={ticket}&app_id={self._app_id}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket endpoint."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            self._journal.add("socket", what="refused", reason="ticket unknown or used")
            return web.Response(status=403, text="ticket unknown or used")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if self.count >= CONNECTION_LIMIT:
            await socket.send_json(self._goodbye("too_many_websockets", num_connections=self.count + 1))
            await socket.close()
            self._journal.add("socket", what="refused", reason="too_many_websockets")
            return socket
        self._serial += 1
        connection = _Connection(self._serial, socket)
        self._connections.append(connection)
        try:
            await socket.send_json(self._hello())
            self._journal.add("socket", what="opened", number=connection.number, open=self.count)
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    self._read(connection, frame.data)
        finally:
            self._drop(connection)
        return socket

    async def send(self, envelope: dict[str, Any], to: Callable[[str], None]) -> dict[str, Any]:
        """Send to any one connection and wait for its acknowledgement. Raises SocketGone."""
        connection = self._random.choice(self._connections)
        to(f"socket:{connection.number}")
        envelope_id = str(uuid.uuid4())
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = answer
        try:
            await connection.socket.send_json({"envelope_id": envelope_id, **envelope})
            return await answer
        except ConnectionError as gone:
            raise SocketGone from gone
        finally:
            connection.waiting.pop(envelope_id, None)

    async def disconnect(self, reason: str) -> None:
        """Tell connections to move on; all but `warning` also close. Slack refreshes each at its own age, so that takes
        the oldest that was not told yet; what is wrong with the app concerns all.
        """
        leaving = list(self._connections)
        if reason in REFRESHES:
            leaving = sorted(leaving, key=lambda one: (one.told, one.number))[:1]
        for connection in leaving:
            connection.told = True
            await connection.socket.send_json(self._goodbye(reason))
        if reason != "warning":
            await self.close(leaving)

    async def close(self, leaving: list[_Connection] | None = None) -> None:
        for connection in list(self._connections) if leaving is None else leaving:
            self._drop(connection)
            await connection.socket.close()

    def _read(self, connection: _Connection, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            self._journal.add("validation", where="socket", errors=["the frame is not JSON"])
            return
        answer = connection.waiting.get(str(frame.get("envelope_id"))) if isinstance(frame, dict) else None
        if answer is not None and not answer.done():
            answer.set_result(frame)
        else:
            self._journal.add("socket", what="late or unknown acknowledgement", number=connection.number)

    def _drop(self, connection: _Connection) -> None:
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        for answer in connection.waiting.values():
            if not answer.done():
                answer.set_exception(SocketGone())
        self._journal.add("socket", what="closed", number=connection.number, open=self.count)

    def _hello(self) -> dict[str, Any]:
        debug = {"host": "applink-sim-1", "build_number": 10, "approximate_connection_time": CONNECTION_TIME_S}
        return {
            "type": "hello",
            "num_connections": self.count,
            "debug_info": debug,
            "connection_info": {"app_id": self._app_id},
        }

    def _goodbye(self, reason: str, **extra: Any) -> dict[str, Any]:
        return {"type": "disconnect", "reason": reason, **extra, "debug_info": {"host": "applink-sim-1"}}
