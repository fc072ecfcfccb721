"""Bytes out, bytes in: one HTTP exchange, and every way in which it can end without an answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from bot.domain.errors import CloudError, CloudUnavailable, SentTooLate
from bot.domain.hosts import is_loopback
from bot.interfaces import Clock

log = logging.getLogger("bot.evs")

BODY_BYTES = 8 * 1024 * 1024
CONNECT_S = 5.0
READ_S = 15.0
IDLE_CONNECTIONS = 64
HEADERS = {
    "User-Agent": "snapshot-bot/0.1",
    "X-Language": "en-us",
    "Accept": "application/json",
    # Without compression a body cannot grow past the limit while it is unpacked.
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One HTTP request. `timeout_s` stands for all of connecting, sending and reading where it is not None."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Any answer at all. Headers and body stay out of its repr: a token may stand in them."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON, None when it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class SendAttempt:
    """How far one call got, and until when it may leave.

    Raises SentTooLate when the first byte would leave after `send_before`.
    """

    def __init__(self, clock: Clock, send_before: datetime | None = None, *, writes: bool = False) -> None:
        self._clock = clock
        self._writes = writes
        # A date only at the door: the clock may be set while the call waits its turn.
        left = None if send_before is None else (send_before - clock.now()).total_seconds()
        self._leave_by = None if left is None else clock.monotonic() + left
        self.may_have_arrived = False

    @property
    def maybe_done(self) -> bool:
        """Whether something may have been changed by it."""
        return self._writes and self.may_have_arrived

    def left_s(self) -> float | None:
        """Seconds until it may not leave any more; None where that does not matter."""
        return None if self._leave_by is None else self._leave_by - self._clock.monotonic()

    def check(self) -> None:
        if (left := self.left_s()) is not None and left < 0:
            raise SentTooLate("The moment to send this had passed; nothing was sent.")

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """httpcore tells each step before it takes it; what is raised here stops it."""
        if event.endswith("connect_tcp.started"):
            self.may_have_arrived = False
        elif event.endswith(".send_request_headers.started"):
            self.check()
            self.may_have_arrived = True


class TooLarge(CloudUnavailable):
    """The answer's body is over the limit; asking again would only load it again."""


class Transport:
    """One connection pool for everything: never redirected, never more than 8 MiB of an answer, no cookies kept."""

    def __init__(
        self,
        endpoints: Iterable[str],
        direct: Iterable[str],
        transport: httpx.AsyncBaseTransport | None,
        *,
        connections: int,
    ) -> None:
        """`endpoints` are base URLs; the loopback ones among them, and all of `direct`, bypass proxies. `connections`:
        as many as all who send may want at a time.
        """
        self._away: set[str] = set()
        _keep_headers_out_of_logs()
        hosts = {"127.0.0.1", "localhost", "::1"}
        hosts |= {host for url in endpoints if _is_this_machine(host := httpx.URL(url).host)}
        hosts |= {httpx.URL(url).host for url in direct}
        self._http = httpx.AsyncClient(
            transport=transport,
            mounts={f"all://{f'[{host}]' if ':' in host else host}": None for host in hosts},
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=IDLE_CONNECTIONS),
            headers=HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def send(self, out: Outgoing, attempt: SendAttempt) -> Answer:
        """Send once. Raises CloudUnavailable (TooLarge, SentTooLate among them), and nothing that holds the request."""
        attempt.may_have_arrived = False
        attempt.check()
        failure: CloudError
        host = _host(out.url)
        try:
            answer = await self._exchange(out, attempt)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as exc:
            failure = CloudUnavailable(f"The cloud cannot be reached at {host}; nothing was sent to it.")
            self._lost(host, exc)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
            failure = CloudUnavailable(f"The cloud's address {host} cannot be used; nothing was sent to it.")
            self._lost(host, exc)
        except (httpx.HTTPError, httpx.StreamError, ValueError) as exc:
            words = "did not answer in time" if isinstance(exc, httpx.TimeoutException) else "broke off its answer"
            failure = CloudUnavailable(f"The cloud at {host} {words}.", maybe_done=attempt.maybe_done)
            self._lost(host, exc)
        else:
            self._found(host)
            return answer
        # Raised out here, the error has no context: httpx's own errors hold the request and its headers.
        raise failure

    def _lost(self, host: str, exc: Exception) -> None:
        """Said once, however often it is tried, until the host answers again."""
        if host not in self._away:
            self._away.add(host)
            log.warning("the cloud cannot be reached", extra={"host": host, "error": type(exc).__name__})

    def _found(self, host: str) -> None:
        if host in self._away:
            self._away.discard(host)
            log.info("the cloud answers again", extra={"host": host})

    async def _exchange(self, out: Outgoing, attempt: SendAttempt) -> Answer:
        request = self._http.build_request(
            out.method,
            out.url,
            headers=dict(out.headers),
            content=out.body,
            timeout=httpx.USE_CLIENT_DEFAULT if out.timeout_s is None else out.timeout_s,
            extensions={"trace": attempt.trace},
        )
        # A transport that tells no steps leaves it open; one that connects first takes this back.
        attempt.may_have_arrived = True
        response = await self._http.send(request, stream=True)
        try:
            body = await _bounded(response, attempt)
        finally:
            await response.aclose()
        return Answer(response.status_code, response.headers, body)


async def _bounded(response: httpx.Response, attempt: SendAttempt) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > BODY_BYTES:
            words = f"The cloud's answer is over {BODY_BYTES // 1024**2} MiB and was not read."
            raise TooLarge(words, status=response.status_code, maybe_done=attempt.maybe_done)
        chunks.append(chunk)
    return b"".join(chunks)


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL:
        return "?"


def _is_this_machine(host: str) -> bool:
    return is_loopback(host) or host.endswith(".localhost")


def _keep_headers_out_of_logs() -> None:
    """At DEBUG httpcore logs the headers it receives, and IAM's answer carries the token in one of them."""
    for name in ("httpcore.http11", "httpcore.http2", "httpcore.proxy"):
        logging.getLogger(name).addFilter(_shows_no_headers)


def _shows_no_headers(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not message.startswith(("receive_response_headers.complete", "send_request_headers.failed"))
