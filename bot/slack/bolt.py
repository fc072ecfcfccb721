"""The Bolt app, and the two ways Slack reaches it: Socket Mode and HTTP.

Bolt 1.30 is used with `process_before_response`: it sends what a listener acknowledged as soon as the listener
returns, instead of looking every 10 ms whether it has. So a listener never waits for Slack or the cloud, but for the
second that a picker or a form may take to answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_internals import build_async_context
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.interfaces import Clock

log = logging.getLogger(__name__)

PATH = "/slack/events"
BODY_BYTES = 1024 * 1024
_MOMENT = re.compile(r"[0-9]{1,12}")
DEAD_SOCKET_SECONDS = 30.0
"""slack_sdk retries one refused socket address for ever; after this long a new one is asked for."""


_READ_BY_BOLT = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET")


CLOSE_SECONDS = 2.0
"""How long to wait for Slack's side of a farewell."""


@contextmanager
def _without_environment() -> Iterator[None]:
    """Hide what Bolt 1.30 would read by itself; with a client id and secret it even becomes an OAuth app on files."""
    hidden = {name: os.environ.pop(name) for name in _READ_BY_BOLT if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def build_bolt(client: AsyncWebClient, bot_token: str, signing_secret: str, identity: dict[str, Any]) -> AsyncApp:
    """A Bolt app for one workspace. `client` carries no token: `identity`, auth.test's answer, was asked once at the
    start and stands for every delivery, so none costs a call.
    """
    authorized = AuthorizeResult.from_auth_test_response(auth_test_response=identity, bot_token=bot_token)

    async def authorize() -> AuthorizeResult:
        return authorized

    with _without_environment():
        return AsyncApp(
            name="snapshot-bot",
            client=client,
            authorize=authorize,
            # Socket Mode checks no signatures; a secret of its own keeps Bolt from reading the environment.
            signing_secret=signing_secret or "socket-mode-checks-no-signature",
            process_before_response=True,
        )


class SocketModeEntry:
    """One Socket Mode connection, watched: when it stays dead, it is replaced by a new one with a new address."""

    def __init__(self, app: AsyncApp, app_token: str, clock: Clock, *, loopback: bool) -> None:
        self._app = app
        self._app_token = app_token
        self._clock = clock
        self._loopback = loopback
        self._handler: AsyncSocketModeHandler | None = None
        self._watch: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        self._watch = asyncio.create_task(self._keep_connected())

    async def connected(self) -> bool:
        return self._handler is not None and await self._handler.client.is_connected()

    async def stop(self) -> None:
        self._stopping = True  # a cancellation that meets the end of an `asyncio.wait_for` inside the SDK can be lost
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._close()

    async def _keep_connected(self) -> None:
        while not self._stopping:
            try:
                await self._connect()
                dead_s = 0.0
                while dead_s < DEAD_SOCKET_SECONDS and not self._stopping:
                    await self._clock.sleep(1.0)
                    dead_s = 0.0 if await self.connected() else dead_s + 1.0
                if not self._stopping:
                    log.warning("the socket stayed dead and is replaced")
            except Exception as exc:
                log.warning("slack could not be reached over Socket Mode", extra={"error": type(exc).__name__})
                await self._clock.sleep(5.0)
            await self._close()

    async def _connect(self) -> None:
        self._handler = AsyncSocketModeHandler(self._app, self._app_token)
        if self._loopback:
            self._handler.client.proxy = None
        await self._handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt has no types here
        log.info("connected to slack over Socket Mode")

    async def _close(self) -> None:
        if self._handler is None:
            return
        handler, self._handler = self._handler, None
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await handler.close_async()  # type: ignore[no-untyped-call]  # nor here
        except TimeoutError:
            log.warning("slack did not close the socket in time")
            await handler.client.aiohttp_client_session.close()


class HttpEntry:
    """POST /slack/events, with its own reading of form bodies.

    Bolt 1.30 reads a form body that merely contains the word `payload` as empty, so `/snapshot create payload-db` would
    be answered 404. The signature is still checked by Bolt over the raw bytes.
    """

    def __init__(self, app: AsyncApp, port: int, host: str = "0.0.0.0") -> None:
        self._app = app
        self._port = port
        self._host = host
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        server = web.Application(client_max_size=BODY_BYTES)
        server.router.add_post(PATH, self._on_post)
        self._runner = web.AppRunner(server, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        log.info("listening for slack over HTTP", extra={"port": self.port, "path": PATH})

    @property
    def port(self) -> int:
        """The port in use, also when 0 asked for any."""
        assert self._runner is not None
        return int(self._runner.addresses[0][1])

    async def connected(self) -> bool:
        return self._runner is not None

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _on_post(self, request: web.Request) -> web.Response:
        raw = (await request.read()).decode("utf-8", "replace")
        headers = dict(request.headers.items())
        try:
            bolt_request = read_request(raw, headers, request.query_string)
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
            # Whatever a stranger sends is read before its signature is checked; nothing of it is worth a traceback.
            return web.json_response({"error": "unreadable body"}, status=400)
        if bolt_request is None:
            return web.json_response({"error": "invalid request"}, status=401)
        return _as_web(await self._app.async_dispatch(bolt_request))


def read_request(raw: str, headers: dict[str, str], query: str) -> AsyncBoltRequest | None:
    """A delivery as Bolt wants it. None when its timestamp is no number, over which Bolt's verifier would stumble."""
    timestamps = [value for name, value in headers.items() if name.lower() == "x-slack-request-timestamp"]
    if any(not _MOMENT.fullmatch(value) for value in timestamps):
        return None
    request = AsyncBoltRequest(body=raw, query=query, headers=dict(headers))
    if "payload" in raw and not raw.startswith("{") and not request.body:
        request.body = dict(parse_qsl(raw, keep_blank_values=True))
        request.context = build_async_context(AsyncBoltContext({}), request.body)
    if not isinstance(request.body, dict):
        raise ValueError("a body is an object")
    return request


def _as_web(response: BoltResponse) -> web.Response:
    answer = web.Response(status=response.status, text=response.body or "")
    content_type = response.first_headers().get("content-type", "text/plain")
    answer.content_type = content_type.partition(";")[0]
    return answer
