"""Lean stand-ins for Slack's end of a line: they send one delivery and wait for its acknowledgement, nothing else.

The measuring tool should cost next to nothing, and the same for both apps. What is sent is made and signed before the
clock starts; the clock stops when the last byte of the answer was read.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import time
import urllib.parse
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from tests.bench.world import ALICE, CHANNEL

SIGNING_SECRET = "bench-signing-secret"
APP_TOKEN = "xapp-bench"
BOT_TOKEN = "xoxb-bench"
IDENTITY = {
    "ok": True,
    "url": "https://harbor-eng.slack.com/",
    "team": "Harbor Engineering",
    "user": "snapshot-bot",
    "team_id": "T0HARBOR01",
    "user_id": "U0SNAPBOT1",
    "bot_id": "B0SNAPBOT1",
    "is_enterprise_install": False,
}

_serial = itertools.count(1)

NEVER_S = 60.0
"""What was not acknowledged until then never will be: Bolt sends nothing for a listener that took more than 3 s."""

CONNECTIONS = 150
"""Fewer than the bot takes at once."""


def a_command(text: str, channel: str, person: str) -> dict[str, str]:
    """What Slack delivers when a person types `/snapshot TEXT`, with a trigger of its own."""
    return {
        "token": "legacyverificationtoken0",
        "team_id": "T0HARBOR01",
        "team_domain": "harbor-eng",
        "channel_id": channel,
        "channel_name": "inc-demo",
        "user_id": person,
        "user_name": "somebody",
        "command": "/snapshot",
        "text": text,
        "api_app_id": "A0SNAPAPP1",
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.com/commands/T0HARBOR01/1200045678/bench",
        "trigger_id": f"{next(_serial)}.1200045678.bench",
    }


def a_home_opened() -> dict[str, Any]:
    """What Slack delivers when alice opens App Home for the first time."""
    return {
        "token": "legacyverificationtoken0",
        "team_id": "T0HARBOR01",
        "api_app_id": "A0SNAPAPP1",
        "event": {
            "type": "app_home_opened",
            "user": ALICE,
            "channel": "D0DMALICE1",
            "tab": "home",
            "event_ts": "1767225680.501200",
        },
        "type": "event_callback",
        "event_id": f"Ev0HOME{next(_serial):05d}",
        "event_time": 1767225660,
        "authorizations": [{"team_id": "T0HARBOR01", "user_id": "U0SNAPBOT1", "is_bot": True}],
    }


Delivered = tuple[float, str]
"""Seconds from a delivery's leaving to its acknowledgement's arrival, and the acknowledgement."""


class Line(Protocol):
    """A way to one app."""

    def deliver(self, text: str, channel: str = CHANNEL, person: str = ALICE) -> Coroutine[Any, Any, Delivered]:
        """The delivery is made at once, and leaves when this is waited for: making many takes of nobody's time."""
        ...


class HttpLine:
    """Kept connections to a request URL, as a proxy in between keeps them. A delivery that finds none free waits, and
    that counts as a part of its time.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def connect(self, count: int) -> None:
        """Have that many connections ready."""
        while len(self._free) < min(count, CONNECTIONS):
            self._free.append(await asyncio.open_connection("127.0.0.1", self._port))

    async def close(self) -> None:
        for _, writer in self._free:
            writer.close()
        self._free.clear()

    def deliver(self, text: str, channel: str = CHANNEL, person: str = ALICE) -> Coroutine[Any, Any, Delivered]:
        return self._deliver(self._signed(urllib.parse.urlencode(a_command(text, channel, person)).encode()))

    async def _deliver(self, delivery: bytes) -> Delivered:
        began = time.perf_counter()
        async with self._room:
            await self.connect(1)
            reader, writer = self._free.pop()
            writer.write(delivery)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            body = await reader.readexactly(length) if length else b""
            took_s = time.perf_counter() - began
            assert head.startswith(b"HTTP/1.1 200"), head
            self._free.append((reader, writer))
        return took_s, body.decode()

    def _signed(self, body: bytes) -> bytes:
        timestamp = str(int(time.time()))
        signed = hmac.new(SIGNING_SECRET.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256)
        head = (
            f"POST /slack/events HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\nX-Slack-Request-Timestamp: {timestamp}\r\n"
            f"X-Slack-Signature: v0={signed.hexdigest()}\r\n\r\n"
        )
        return head.encode() + body


class SocketLine:
    """Slack's end of Socket Mode for one app. It answers `auth.test`, and that is all."""

    def __init__(self) -> None:
        self.url = ""
        self._sockets: list[web.WebSocketResponse] = []
        self._turn = itertools.count()
        self._connected = asyncio.Event()
        self._answers: dict[str, asyncio.Future[tuple[float, dict[str, Any]]]] = {}

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def link(self) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/link"

    async def connected(self, timeout: float = 60) -> float:
        """When the app's first connection was there."""
        async with asyncio.timeout(timeout):
            await self._connected.wait()
        return time.perf_counter()

    def deliver(self, text: str, channel: str = CHANNEL, person: str = ALICE) -> Coroutine[Any, Any, Delivered]:
        return self._deliver(*_envelope("slash_commands", a_command(text, channel, person)))

    async def open_home(self) -> None:
        await self._deliver(*_envelope("events_api", a_home_opened()))

    async def _deliver(self, envelope_id: str, text: str) -> Delivered:
        answer: asyncio.Future[tuple[float, dict[str, Any]]] = asyncio.get_running_loop().create_future()
        self._answers[envelope_id] = answer
        socket = self._sockets[next(self._turn) % len(self._sockets)]
        began = time.perf_counter()
        await socket.send_str(text)
        try:
            ended, body = await asyncio.wait_for(answer, NEVER_S)
        except TimeoutError:
            return NEVER_S, "{}"
        return ended - began, json.dumps(body.get("payload") or {})

    async def _on_link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        try:
            await socket.prepare(request)
            await socket.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        except ConnectionError:  # an app that was stopped while it connected
            raise web.HTTPGone from None
        self._sockets.append(socket)
        self._connected.set()
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                ended = time.perf_counter()
                body = json.loads(frame.data)
                if answer := self._answers.pop(body.get("envelope_id", ""), None):
                    answer.set_result((ended, body))
        self._sockets.remove(socket)
        if not self._sockets:
            self._connected.clear()
        return socket

    async def _on_open(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": self.link})

    async def _on_auth(self, _: web.Request) -> web.Response:
        return web.json_response(IDENTITY)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/link", self._on_link),
            web.post("/api/apps.connections.open", self._on_open),
            web.post("/api/auth.test", self._on_auth),
        ]


def _envelope(kind: str, payload: dict[str, Any]) -> tuple[str, str]:
    """Its id, and all of it as JSON."""
    envelope_id = f"envelope-{next(_serial)}"
    envelope = {"envelope_id": envelope_id, "type": kind, "payload": payload, "accepts_response_payload": True}
    return envelope_id, json.dumps(envelope)


@asynccontextmanager
async def socket_line() -> AsyncIterator[SocketLine]:
    line = SocketLine()
    server = web.Application()
    server.add_routes(line.routes())
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    line.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield line
    finally:
        await runner.cleanup()


@asynccontextmanager
async def http_line(port: int) -> AsyncIterator[HttpLine]:
    line = HttpLine(port)
    try:
        yield line
    finally:
        await line.close()
