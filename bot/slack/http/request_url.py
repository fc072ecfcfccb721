"""HTTP, the other way Slack reaches the bot: POST /slack/events, for a sender who can sign what they send.

Nothing of a body is read as anything before its signature was checked over its raw bytes. What then goes to Bolt 1.30
is checked once more, and read here, because it reads a form that merely contains the word `payload` as empty.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_internals import build_async_context
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

from bot.connections import USUAL, Connections, Entry, Limits, Tally
from bot.domain.hosts import cannot_listen
from bot.ports.meters import Acknowledged, uncounted
from bot.slack.command_road import CommandRoad
from bot.slack.payloads import kind_of

log = logging.getLogger(__name__)
_server_log = logging.getLogger(f"{__name__}.server")

PATH = "/slack/events"
BODY_BYTES = 1024 * 1024
PROBE_BYTES = 1024
"""Of what is not signed no more is read: Slack's `ssl_check` is that short."""

STOP_SECONDS = 2.0

_MOMENT = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


class HttpEntry:
    """A server of its own for one address; the rest is 404. `host` "" is every address of the machine."""

    def __init__(
        self,
        app: AsyncApp,
        road: CommandRoad,
        signing_secret: str,
        port: int,
        host: str,
        limits: Limits = USUAL,
        acknowledged: Acknowledged = uncounted,
    ) -> None:
        self._app = app
        self._road = road
        self._verifier = SignatureVerifier(signing_secret)
        self._port = port
        self._host = host
        self._limits = limits
        self._acknowledged = acknowledged
        runner = web.ServerRunner(web.Server(self._on_request), shutdown_timeout=STOP_SECONDS)
        # Bodies are signed as they were sent, so none is unpacked; none is read that is not wanted.
        options = {"auto_decompress": False, "lingering_time": 0.0}
        self._entry = Entry(runner, limits, "the request url", _server_log, **options)
        self.unsigned = Tally("deliveries without a good signature were refused")

    async def start(self) -> None:
        """Raises CannotListen."""
        try:
            await self._entry.start(self._host, self._port)
        except OSError as exc:
            raise cannot_listen(exc, self._host, self._port, "HOST, PORT") from None
        log.info("listening for slack over HTTP", extra={"host": self._host, "port": self.port, "path": PATH})

    @property
    def port(self) -> int:
        """The port in use, also when 0 asked for any."""
        return self._entry.port

    @property
    def connections(self) -> Connections:
        return self._entry.connections

    def trouble(self) -> str:
        """Why Slack can't deliver anything, "" while it can.

        That nothing comes with a good signature is no reason: any stranger could send what has none.
        """
        return "" if self._entry.is_open else "nothing listens for Slack"

    @property
    def failures(self) -> Mapping[str, int]:
        """How often something came that is none of Slack's, by cause."""
        return {"bad signature": self.unsigned.total, "no HTTP": self._entry.garbled.total}

    async def stop(self) -> None:
        try:
            await self._entry.stop()
        finally:
            self.unsigned.stop()

    async def _on_request(self, request: web.BaseRequest) -> web.Response:
        with self.connections.handling(request.transport) as is_slacks:
            answer = await self._answer(request, is_slacks, asyncio.get_running_loop().time())
            if answer.status >= 400:
                answer.force_close()
            return answer

    async def _answer(self, request: web.BaseRequest, is_slacks: Callable[[], None], came_at: float) -> web.Response:
        if request.path != PATH:
            return web.json_response({"error": "not found"}, status=404)
        if request.method != "POST":
            return web.json_response({"error": "method not allowed"}, status=405, headers={"Allow": "POST"})
        if (request.content_length or 0) > BODY_BYTES:
            return web.json_response({"error": "too large"}, status=413)
        signature = _signature(request)
        if signature is None and (request.content_length is None or request.content_length > PROBE_BYTES):
            return self._refused()
        try:
            async with asyncio.timeout(self._limits.body):
                body = await request.read()
        except TimeoutError:
            return web.json_response({"error": "too slow"}, status=408)
        except (OSError, web.RequestPayloadError):
            return web.json_response({"error": "unreadable body"}, status=400)
        if signature is None:
            return web.Response() if _is_ssl_check(body) else self._refused()
        try:
            if not self._verifier.is_valid(body, *signature):
                return self._refused()
        except UnicodeDecodeError:  # Slack signs UTF-8, and its verifier reads nothing else
            return self._refused()
        is_slacks()
        kind, answer = await self._delivered(request, body)
        if answer.status == 200:
            self._acknowledged(kind, asyncio.get_running_loop().time() - came_at)
        return answer

    async def _delivered(self, request: web.BaseRequest, body: bytes) -> tuple[str, web.Response]:
        raw = body.decode()
        if self._road.takes(form := _form(raw, request.content_type)):
            return kind_of(form), _as_web(await self._road.answer(form))
        try:
            bolt_request = read_request(raw, dict(request.headers.items()), request.query_string)
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
            return "", web.json_response({"error": "unreadable body"}, status=400)
        return kind_of(bolt_request.body), _as_web(await self._app.async_dispatch(bolt_request))

    def _refused(self) -> web.Response:
        self.unsigned.count()
        return web.json_response({"error": "invalid request"}, status=401)


def _signature(request: web.BaseRequest) -> tuple[str, str] | None:
    """The moment and the signature, each named once and well-formed; None is no signature."""
    moments = request.headers.getall("X-Slack-Request-Timestamp", [])
    signatures = request.headers.getall("X-Slack-Signature", [])
    if len(moments) != 1 or len(signatures) != 1:
        return None
    if not _MOMENT.fullmatch(moments[0]) or not _SIGNATURE.fullmatch(signatures[0]):
        return None
    return moments[0], signatures[0]


def _is_ssl_check(body: bytes) -> bool:
    """Slack's look at the certificate, which nothing follows from. Source: Slack, Implementing slash commands."""
    return b"ssl_check=1" in body.split(b"&")


def _form(raw: str, content_type: str) -> dict[str, str]:
    """The fields of a form; none for JSON, and for what Bolt reads as an interaction."""
    if content_type == "application/json" or raw.startswith(("{", "payload=")):
        return {}
    return dict(parse_qsl(raw, keep_blank_values=True))


def read_request(raw: str, headers: dict[str, str], query: str) -> AsyncBoltRequest:
    """A delivery as Bolt wants it. Raises ValueError, and what Bolt's reading may, for what is none."""
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
