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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import WSMsgType, web

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


def a_command(text: str) -> dict[str, str]:
    """What Slack delivers when alice types `/snapshot TEXT`, with a trigger of its own."""
    return {
        "token": "legacyverificationtoken0",
        "team_id": "T0HARBOR01",
        "team_domain": "harbor-eng",
        "channel_id": "C0INCDEMO1",
        "channel_name": "inc-demo",
        "user_id": "U0ALICE001",
        "user_name": "alice",
        "command": "/snapshot",
        "text": text,
        "api_app_id": "A0SNAPAPP1",
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.com/commands/T0HARBOR01/1200045678/bench",
        "trigger_id": f"{next(_serial)}.1200045678.bench",
    }


class Line(Protocol):
    """A way to one app."""

    async def deliver(self, text: str) -> tuple[float, str]:
        """Seconds from the delivery's leaving to its acknowledgement's arrival, and the acknowledgement."""
        ...


class HttpLine:
    """One kept connection to a request URL."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host

    async def deliver(self, text: str) -> tuple[float, str]:
        delivery = self._signed(urllib.parse.urlencode(a_command(text)).encode())
        began = time.perf_counter()
        self._writer.write(delivery)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body = await self._reader.readexactly(length) if length else b""
        took_s = time.perf_counter() - began
        assert head.startswith(b"HTTP/1.1 200"), head
        return took_s, body.decode()

    def _signed(self, body: bytes) -> bytes:
        timestamp = str(int(time.time()))
        signed = hmac.new(SIGNING_SECRET.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256)
        head = (
            f"POST /slack/events HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\nX-Slack-Request-Timestamp: {timestamp}\r\n"
            f"X-Slack-Signature: v0={signed.hexdigest()}\r\n\r\n"
        )
        return head.encode() + body


@asynccontextmanager
async def http_line(port: int) -> AsyncIterator[HttpLine]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield HttpLine(reader, writer, f"127.0.0.1:{port}")
    writer.close()
    await writer.wait_closed()


class SocketLine:
    """Slack's end of Socket Mode for one app: it opens one connection and answers `auth.test`, and that is all."""

    def __init__(self) -> None:
        self.url = ""
        self._socket: web.WebSocketResponse | None = None
        self._connected = asyncio.Event()
        self._answers: dict[str, asyncio.Future[tuple[float, dict[str, Any]]]] = {}

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    async def connected(self) -> None:
        async with asyncio.timeout(10):
            await self._connected.wait()

    async def deliver(self, text: str) -> tuple[float, str]:
        assert self._socket is not None
        payload = a_command(text)
        envelope_id = payload["trigger_id"]
        envelope = json.dumps(
            {
                "envelope_id": envelope_id,
                "type": "slash_commands",
                "payload": payload,
                "accepts_response_payload": True,
            }
        )
        answer: asyncio.Future[tuple[float, dict[str, Any]]] = asyncio.get_running_loop().create_future()
        self._answers[envelope_id] = answer
        began = time.perf_counter()
        await self._socket.send_str(envelope)
        ended, body = await answer
        return ended - began, json.dumps(body.get("payload") or {})

    async def _on_link(self, request: web.Request) -> web.WebSocketResponse:
        self._socket = web.WebSocketResponse()
        await self._socket.prepare(request)
        await self._socket.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        self._connected.set()
        async for frame in self._socket:
            if frame.type is WSMsgType.TEXT:
                ended = time.perf_counter()
                body = json.loads(frame.data)
                self._answers.pop(body["envelope_id"]).set_result((ended, body))
        return self._socket

    async def _on_open(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": self.url.replace("http", "ws", 1) + "/link"})

    async def _on_auth(self, _: web.Request) -> web.Response:
        return web.json_response(IDENTITY)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/link", self._on_link),
            web.post("/api/apps.connections.open", self._on_open),
            web.post("/api/auth.test", self._on_auth),
        ]


@asynccontextmanager
async def socket_line() -> AsyncIterator[SocketLine]:
    line = SocketLine()
    server = web.Application()
    server.add_routes(line.routes())
    async with served(server) as port:
        line.url = f"http://127.0.0.1:{port}"
        yield line


@asynccontextmanager
async def served(application: web.Application) -> AsyncIterator[int]:
    """Serve on a free loopback port, as aiohttp does by default."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
