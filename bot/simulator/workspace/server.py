"""The loopback server: the Web API, response URLs, the Socket Mode endpoint and the control paths.

Source: docs.slack.dev, apis/web-api and apis/events-api/using-socket-mode.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.simulator.workspace.arguments import require_arguments
from bot.simulator.workspace.errors import SlackRefusal
from bot.simulator.workspace.faults import Fault
from bot.simulator.workspace.replies import Replies
from bot.simulator.workspace.sockets import Sockets
from bot.simulator.workspace.state import State
from bot.simulator.workspace.webapi import WebApi

log = logging.getLogger(__name__)
JSON_ARGUMENTS = ("blocks", "view", "message", "metadata", "attachments", "files")
NO_TOKEN = frozenset({"api.test", "blocks.validate"})
FORM_ONLY = frozenset({"chat.getPermalink"})
"""Methods that leave a JSON body unread."""

MOST_BYTES = 16 * 1024 * 1024
"""Of a request: a file of 10 MB fits, also as text in JSON."""

OPEN_CONNECTION = "apps.connections.open"


class SlackServer:
    """Reads requests as Slack does and answers as Slack does, faults and limits included."""

    def __init__(self, state: State, sockets: Sockets) -> None:
        self._state = state
        self._sockets = sockets
        self._api = WebApi(state)
        self._replies = Replies(state)
        self._runner: web.AppRunner | None = None

    async def start(self, port: int, routes: list[web.RouteDef]) -> int:
        """Listen on 127.0.0.1 and return the port."""
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[_from_here])
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._api_call),
                web.post("/response/{key}", self._response_url),
                web.post("/upload/{key}", self._upload),
                web.get("/files/{file_id}/{name}", self._download),
                web.get("/link/", self._sockets.handle),
                *routes,
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        await self._sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _api_call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        faults = self._state.faults.strike_api(method)
        early = await _before(faults)
        if early is not None:
            self._note(method, {}, early.status, "fault")
            return early
        args: dict[str, Any] = {}
        try:
            args = await _arguments(request, reads_json=method not in FORM_ONLY)
            refused = self._limited(method, args)
            if refused is not None:
                return refused
            body = {"ok": True, **self._run(method, request, args)}
        except SlackRefusal as refusal:
            body = refusal.body()
        self._note(method, args, 200, None if body["ok"] else str(body["error"]))
        if request.content_type == "application/json" and request.body_exists and request.charset is None:
            body |= _charset_warning(body)
        return _after(faults, request, self._answer(body))

    def _run(self, method: str, request: web.Request, args: dict[str, Any]) -> dict[str, Any]:
        if method == "blocks.validate" and request.method == "GET":
            raise SlackRefusal("unsupported_http_method")
        if method in NO_TOKEN:
            return self._api.methods[method](args)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip() or str(args.get("token") or "")
        if not token:
            raise SlackRefusal("not_authed")
        if method == OPEN_CONNECTION:
            if token == self._state.bot_token:
                raise SlackRefusal("not_allowed_token_type")
            if token != self._state.app_token:
                raise SlackRefusal("invalid_auth")
            if "connections:write" not in self._state.app_token_scopes:
                provided = ",".join(self._state.app_token_scopes)
                raise SlackRefusal("missing_scope", {"needed": "connections:write", "provided": provided})
            return {"url": self._state.url.replace("http://", "ws://", 1) + self._sockets.ticket()}
        if token == self._state.app_token:
            raise SlackRefusal("not_allowed_token_type")
        if token != self._state.bot_token:
            raise SlackRefusal("invalid_auth")
        if self._state.token_revoked:
            raise SlackRefusal("token_revoked")
        run = self._api.methods.get(method)
        if run is None:
            log.warning("unknown Slack method %s", method)
            raise SlackRefusal("unknown_method", {"req_method": method})
        if args.get("team_id") not in (None, "", self._state.world.team_id):
            raise SlackRefusal("team_access_not_granted")
        self._require_scope(method)
        require_arguments(method, args)
        return run(args)

    def _require_scope(self, method: str) -> None:
        granted = self._state.config.scopes
        needed = self._api.scopes.get(method, ())
        if needed and not any(scope in granted for scope in needed):
            raise SlackRefusal("missing_scope", {"needed": ",".join(needed), "provided": ",".join(granted)})

    def _limited(self, method: str, args: dict[str, Any]) -> web.Response | None:
        wait_s = self._state.limits.wait_s(method, str(args.get("channel", "")))
        if not wait_s:
            return None
        self._state.journal.add("rate_limit", method=method, retry_after=wait_s)
        self._note(method, args, 429, "ratelimited")
        return _rate_limited(wait_s)

    def _answer(self, body: dict[str, Any]) -> web.Response:
        headers = {
            "x-oauth-scopes": ",".join(self._state.config.scopes),
            "Date": formatdate(self._state.clock(), usegmt=True),
        }
        return web.json_response(body, headers=headers)

    def _note(self, method: str, args: dict[str, Any], status: int, error: str | None) -> None:
        self._state.journal.add("api", method=method, args=args, ok=error is None, error=error, status=status)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        if not self._api.files.receive(request.match_info["key"], content):
            return web.Response(status=400, text="Upload failed")
        return web.Response(text=f"OK - {len(content)}")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """A file's content, for the app's token with files:read; for others there is the page to sign in."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        content = self._api.files.content(request.match_info["file_id"])
        may = token == self._state.bot_token and not self._state.token_revoked
        if not may or "files:read" not in self._state.config.scopes:
            return web.Response(text="<!DOCTYPE html><title>Sign in | Slack</title>", content_type="text/html")
        if content is None:
            return web.Response(status=404)
        return web.Response(body=content, content_type="application/octet-stream")

    async def _response_url(self, request: web.Request) -> web.StreamResponse:
        faults = self._state.faults.strike_api("response_url")
        early = await _before(faults)
        if early is not None:
            self._state.journal.add("response_url", ok=False, error="fault", status=early.status)
            return early
        wait_s = self._state.limits.wait_s("response_url")
        if wait_s:
            self._state.journal.add("rate_limit", method="response_url", retry_after=wait_s)
            return _rate_limited(wait_s)
        body: Any = None
        try:
            body = await _json_body(request)
            self._replies.by_url(request.match_info["key"], body)
        except SlackRefusal as refusal:
            status = 404 if refusal.error in ("expired_url", "used_url") else 400
            self._state.journal.add("response_url", ok=False, error=refusal.error, status=status, args=body)
            return web.json_response(refusal.body(), status=status)
        self._state.journal.add("response_url", ok=True, error=None, status=200, args=body)
        return _after(faults, request, web.Response(text="ok"))


def _charset_warning(body: dict[str, Any]) -> dict[str, Any]:
    metadata = {**body.get("response_metadata", {}), "warnings": ["missing_charset"]}
    return {"warning": "missing_charset", "response_metadata": metadata}


@web.middleware
async def _from_here(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A browser on this machine may have a page of another site open: what such a page sends is refused, and so is a
    name that was made to lead here.
    """
    named = urlsplit(f"//{request.host}").hostname
    origin = request.headers.get("Origin")
    if named not in ("127.0.0.1", "localhost", "::1") or origin not in (None, f"http://{request.host}"):
        return web.Response(status=403, text="Only pages from here may ask.")
    return await handler(request)


async def _before(faults: list[Fault]) -> web.Response | None:
    """Wait or refuse, before the call does anything."""
    for fault in faults:
        match fault.kind:
            case "latency":
                await asyncio.sleep(float(fault.options["seconds"]))
            case "status":
                status = int(fault.options["status"])
                error = "service_unavailable" if status == 503 else "internal_error"
                return web.json_response({"ok": False, "error": error}, status=status)
            case "error":
                return web.json_response({"ok": False, "error": str(fault.options["error"])})
            case "ratelimited":
                return _rate_limited(int(fault.options["retry_after"]))
            case _:
                pass
    return None


def _after(faults: list[Fault], request: web.Request, answer: web.Response) -> web.Response:
    """Spoil the answer to a call that was carried out."""
    kinds = {fault.kind for fault in faults}
    if "reset_after" in kinds and request.transport is not None:
        request.transport.abort()
    if "malformed" in kinds:
        return web.Response(text='{"ok": tru', content_type="application/json")
    return answer


def _rate_limited(wait_s: int) -> web.Response:
    body = {"ok": False, "error": "ratelimited"}
    return web.json_response(body, status=429, headers={"Retry-After": str(wait_s)})


async def _json_body(request: web.Request) -> Any:
    try:
        return json.loads(await request.text() or "null")
    except ValueError as error:
        raise SlackRefusal("invalid_json") from error


async def _arguments(request: web.Request, *, reads_json: bool) -> dict[str, Any]:
    """Query, form and JSON body in one mapping; blocks and view may be JSON strings."""
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json" and request.can_read_body and reads_json:
        body = await _json_body(request)
        if body is not None:
            if not isinstance(body, dict):
                raise SlackRefusal("json_not_object")
            args |= body
    elif request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        args |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    for key in JSON_ARGUMENTS:
        if isinstance(args.get(key), str):
            try:
                args[key] = json.loads(args[key])
            except ValueError:
                if key == "blocks":
                    raise SlackRefusal("invalid_blocks_format") from None
    return args
