"""HTTP for programs, at an address of its own. Plain HTTP: for this machine, or behind a proxy that speaks TLS."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bot.api.alerts import alert_of
from bot.api.bearer import Tokens
from bot.api.bodies import body_of
from bot.api.openapi import document
from bot.api.problems import INVALID, UNREADABLE, Problem
from bot.api.programs import Programs
from bot.connections import Entry, Limits
from bot.domain.actors import AccountKind, Actor, token_id
from bot.domain.errors import StoreFailed
from bot.domain.hosts import cannot_listen
from bot.domain.normalise import entered

log = logging.getLogger(__name__)
_server_log = logging.getLogger(f"{__name__}.server")

PREFIX = "/api/v1"
BODY_BYTES = 64 * 1024
ALERT_BYTES = 1024 * 1024
LONGEST_WAIT_S = 60.0
WAITING_AT_MOST = 200
"""Programs that wait for an end at one time; one more is answered at once with how it stands."""

BOUNDS = Limits(most=2 * WAITING_AT_MOST)

STOP_SECONDS = 2.0
IS_KNOWN: web.RequestKey[Callable[[], None]] = web.RequestKey("is_known")
"""Of a request: to be called once a good token was shown; then its connection makes no room for others."""
_RULES = {404: "no-such-path", 405: "method-not-allowed"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class ApiServer:
    """`report_unexpected` logs a fault of the bot and answers with the sentence for the one who asked."""

    host: str
    wanted_port: int
    tokens: Tokens
    programs: Programs
    report_unexpected: Callable[[Exception, str], str]
    limits: Limits = BOUNDS
    _entry: Entry = field(init=False)
    _waiting: int = field(default=0, init=False)

    async def start(self) -> None:
        """Raises CannotListen."""
        server = web.Application(middlewares=[self._answering], client_max_size=ALERT_BYTES)
        server.router.add_post(f"{PREFIX}/requests", self._on_ask)
        server.router.add_get(f"{PREFIX}/requests/{{id}}", self._on_show)
        server.router.add_post(f"{PREFIX}/alerts", self._on_alert)
        server.router.add_get(f"{PREFIX}/openapi.json", self._on_document)
        server.on_response_prepare.append(_as_a_problem)
        runner = web.AppRunner(server, shutdown_timeout=STOP_SECONDS)
        self._entry = Entry(runner, self.limits, "the entry for programs", _server_log, auto_decompress=False)
        try:
            await self._entry.start(self.host, self.wanted_port)
        except OSError as exc:
            raise cannot_listen(exc, self.host, self.wanted_port, "[api] listen") from None
        log.info("listening for programs over HTTP", extra={"host": self.host, "port": self.port})

    @property
    def port(self) -> int:
        """The port in use, also when 0 asked for any."""
        return self._entry.port

    async def stop(self) -> None:
        """Programs that wait are answered with how it stands."""
        self.programs.ends.stop()
        await self._entry.stop()

    @web.middleware
    async def _answering(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Whatever goes wrong is a problem with a rule; no text of an exception reaches anyone."""
        with self._entry.connections.handling(request.transport) as is_known:
            request[IS_KNOWN] = is_known
            answer = await self._answer(request, handler)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Problem as problem:
            return problem.response()
        except web.HTTPException as exc:
            status = HTTPStatus(exc.status)
            headers = {name: exc.headers[name] for name in ("Allow",) if name in exc.headers}
            rule = _RULES.get(exc.status, UNREADABLE)
            return Problem(
                status, rule, "There is no such call; the document of the entry has them all.", headers=headers
            ).response()
        except StoreFailed as exc:
            told = self.report_unexpected(exc, "a program's request could not be recorded")
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return Problem(status, "store-failed", told, headers={"Retry-After": "10"}).response()
        except Exception as exc:  # a fault of the bot is told under a reference
            told = self.report_unexpected(exc, "a program's request could not be answered")
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "unexpected", told).response()

    async def _on_ask(self, request: web.Request) -> web.Response:
        actor = self._actor(request)
        body = body_of(await self._json_of(request, BODY_BYTES))
        keys = request.headers.getall("Idempotency-Key", [])
        key = keys[0].strip() if len(keys) == 1 else ""  # of several a proxy may have looked at another one
        answer, made = await self.programs.ask(actor, key, body)
        return _created(answer, made=made)

    async def _on_alert(self, request: web.Request) -> web.Response:
        actor = self._actor(request)
        alert = alert_of(await self._json_of(request, ALERT_BYTES), request.query)
        if alert is None:
            return _answered({"outcome": "ignored", "detail": "Nothing of it is firing."})
        answer, made = await self.programs.ask(actor, alert.key, alert.body, reworded=True)
        return _created(answer, made=made)

    async def _on_show(self, request: web.Request) -> web.Response:
        actor, wait_s = self._actor(request), _wait(request.query.get("wait", "0"))
        if self._waiting >= WAITING_AT_MOST:
            wait_s = 0.0
        self._waiting += 1
        try:
            return _answered(await self.programs.show(actor, entered(request.match_info["id"]), wait_s))
        finally:
            self._waiting -= 1

    async def _on_document(self, _: web.Request) -> web.Response:
        return _answered(document())

    def _actor(self, request: web.Request) -> Actor:
        """Raises Problem (401)."""
        name = self.tokens.name(request.headers.getall("Authorization", []))
        request[IS_KNOWN]()
        return Actor(token_id(name), AccountKind.TOKEN)

    async def _json_of(self, request: web.Request, most: int) -> Any:
        """Raises Problem."""
        if request.content_type != "application/json":
            detail = "Send JSON, with the header Content-Type: application/json."
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, UNREADABLE, detail)
        try:
            async with asyncio.timeout(self.limits.body):
                sent = await request.read()
        except TimeoutError:
            detail = f"The body did not come within {self.limits.body:.0f} s."
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, "too-slow", detail) from None
        except (OSError, web.RequestPayloadError):
            raise Problem(HTTPStatus.BAD_REQUEST, UNREADABLE, "The body did not come whole.") from None
        except web.HTTPRequestEntityTooLarge:
            raise _too_large(most) from None
        if len(sent) > most:
            raise _too_large(most)
        try:
            return json.loads(sent.decode("utf-8"), object_pairs_hook=_each_once)
        except (ValueError, RecursionError):
            raise Problem(HTTPStatus.BAD_REQUEST, UNREADABLE, "The body is not JSON in UTF-8.") from None


async def _as_a_problem(_: web.Request, answer: web.StreamResponse) -> None:
    """aiohttp refuses an expectation that it does not know before anything of this entry is asked."""
    if isinstance(answer, web.HTTPExpectationFailed):
        detail = "The header Expect takes 100-continue and nothing else. Send it so, or without it."
        problem = Problem(HTTPStatus.EXPECTATION_FAILED, UNREADABLE, detail).response()
        answer.body, answer.content_type = problem.body, problem.content_type
        length = str(problem.content_length)  # that of its own words stands there by now
        answer.headers.update({"Content-Length": length, "Cache-Control": "no-store", "Connection": "close"})
        answer.force_close()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two fields of one name a proxy may have looked at the other one. Raises Problem."""
    if len(found := dict(pairs)) < len(pairs):
        raise Problem(HTTPStatus.BAD_REQUEST, UNREADABLE, "A field of the body is there twice.")
    return found


def _too_large(most: int) -> Problem:
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"A body holds {most:,} bytes at most.")


def _wait(text: str) -> float:
    """Raises Problem."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) or not math.isfinite(float(text)):
        detail = f"wait takes seconds, 0 to {LONGEST_WAIT_S:.0f}."
        raise Problem(HTTPStatus.BAD_REQUEST, INVALID, detail, {"wait": detail})
    return min(float(text), LONGEST_WAIT_S)


def _created(answer: dict[str, Any], *, made: bool) -> web.Response:
    location = f"{PREFIX}/requests/{answer['id']}"
    return _answered(answer, HTTPStatus.CREATED if made else HTTPStatus.OK, {"Location": location})


def _answered(
    body: dict[str, Any], status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> web.Response:
    text = json.dumps(body, ensure_ascii=False)
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)
