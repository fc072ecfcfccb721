"""Bytes out, bytes in: one HTTP exchange, and every way in which it can end without an answer."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from bot.domain.errors import CloudError, CloudUnavailable, SentTooLate
from bot.domain.hosts import is_loopback
from bot.evs.rate_limiter import RateLimiter
from bot.outages import Outages, cause_of
from bot.ports.clock import Clock
from bot.ports.meters import NO_ANSWER, OK, Called, uncounted

log = logging.getLogger("bot.evs")

BODY_BYTES = 8 * 1024 * 1024
CONNECT_S = 5.0
READ_S = 15.0
OPEN_CONNECTIONS = 32
"""Above so many each is closed after its call, and the next call has the handshake to pay: httpcore 1.0 counts those in
use as idle. It looks at each idle one for every call, so that with 64 a call costs several times as much.
"""
HEADERS = {
    "User-Agent": "snapshot-bot/0.1",
    "X-Language": "en-us",
    "Accept": "application/json",
    # Without compression a body cannot grow past the limit while it is unpacked.
    "Accept-Encoding": "identity",
}


class SendAttempt:
    """How far one call got, and until when it may leave.

    Raises SentTooLate when the first byte would leave after `send_before`.
    """

    def __init__(
        self,
        clock: Clock,
        send_before: float | None = None,
        *,
        writes: bool = False,
        limiter: RateLimiter | None = None,
    ) -> None:
        self._clock = clock
        self._writes = writes
        self._limiter = limiter
        self._leave_by = send_before
        self.may_have_arrived = False

    @property
    def maybe_done(self) -> bool:
        """Whether something may have been changed by it."""
        return self._writes and self.may_have_arrived

    async def turn(self) -> None:
        """Wait for the end of a pause. Raises Throttled where that takes too long."""
        self.check()
        if self._limiter is not None:
            await self._limiter.wait(self._left_s())

    def check(self) -> None:
        if (left := self._left_s()) is not None and left < 0:
            raise SentTooLate("The moment to send this had passed; nothing was sent.")

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """httpcore tells each step before it takes it; what is raised here stops it."""
        if event.endswith("connect_tcp.started"):
            self.may_have_arrived = False
        elif event.endswith(".send_request_headers.started"):
            self.check()
            self.may_have_arrived = True

    def _left_s(self) -> float | None:
        """Seconds until it may not leave any more; None where that does not matter."""
        return None if self._leave_by is None else self._leave_by - self._clock.monotonic()


def attempt_of(request: httpx.Request) -> SendAttempt:
    """The attempt that a request made by `Transport` belongs to."""
    attempt = request.extensions["attempt"]
    assert isinstance(attempt, SendAttempt)
    return attempt


Answered = Callable[[str, str], None]


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
        answered: Answered = lambda host, date: None,
        called: Called = uncounted,
    ) -> None:
        """`endpoints` are base URLs; the loopback ones among them, and all of `direct`, bypass proxies. `connections`:
        as many as all who send may want at a time. `answered` hears of each answer: its host, and its Date.
        """
        self._answered = answered
        self._called = called
        self.outages = Outages(log, "the cloud cannot be reached", "the cloud answers again")
        _keep_headers_out_of_logs()
        hosts = {"127.0.0.1", "localhost", "::1"}
        hosts |= {host for url in endpoints if _is_this_machine(host := httpx.URL(url).host)}
        hosts |= {httpx.URL(url).host for url in direct}
        self._http = httpx.AsyncClient(
            transport=transport,
            mounts={f"all://{f'[{host}]' if ':' in host else host}": None for host in hosts},
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=OPEN_CONNECTIONS),
            headers=HEADERS,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            event_hooks={"request": [_before_it_leaves], "response": [_bounded]},
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    @contextmanager
    def told(self, operation: str, clock: Clock) -> Iterator[None]:
        """Around a call and the reading of its answer, both of which raise any CloudError."""
        began, outcome = clock.monotonic(), NO_ANSWER
        try:
            yield
            outcome = OK
        except CloudError as exc:
            outcome = exc.code or str(exc.status or NO_ANSWER)
            raise
        finally:
            self._called(operation, outcome, clock.monotonic() - began)

    async def send(
        self,
        method: str,
        url: str,
        attempt: SendAttempt,
        *,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        auth: httpx.Auth | None = None,
        timeout_s: float | None = None,
    ) -> httpx.Response:
        """Send once, or again where `auth` says so, and read the answer to its end.

        `timeout_s` stands for all of connecting, sending and reading. Raises CloudUnavailable (TooLarge, SentTooLate
        among them), what `auth` raises, and nothing that holds the request.
        """
        failure: CloudError
        typed = {} if body is None else {"Content-Type": "application/json"}
        host = _host(url)
        try:
            request = self._http.build_request(
                method,
                url,
                headers={**typed, **(headers or {})},
                content=b"" if body is None else json.dumps(body).encode(),
                timeout=httpx.USE_CLIENT_DEFAULT if timeout_s is None else timeout_s,
                extensions={"trace": attempt.trace, "attempt": attempt},
            )
            response = await self._http.send(request, auth=auth)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ValueError) as exc:
            failure = _failure(exc, host, attempt)
            self.outages.lost(host, type(exc).__name__)
        else:
            self.outages.found(host)
            self._answered(host, response.headers.get("Date", ""))
            return response
        # Raised out here, the error has no context: httpx's own errors hold the request and its headers.
        raise failure


async def _before_it_leaves(request: httpx.Request) -> None:
    attempt = attempt_of(request)
    attempt.check()
    # A transport that tells no steps leaves it open; one that connects first takes this back.
    attempt.may_have_arrived = True


async def _bounded(response: httpx.Response) -> None:
    response.stream = _Body(response)
    response.headers.pop("Content-Encoding", None)


class _Body(httpx.AsyncByteStream):
    """An answer's body, unpacked, and no more of it than the limit."""

    def __init__(self, answer: httpx.Response) -> None:
        self._packed = httpx.Response(answer.status_code, headers=answer.headers, stream=answer.stream)
        self._attempt = attempt_of(answer.request)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._packed.aiter_bytes():
            size += len(chunk)
            if size > BODY_BYTES:
                words = f"The cloud's answer is over {BODY_BYTES // 1024**2} MiB and was not read."
                raise TooLarge(words, status=self._packed.status_code, maybe_done=self._attempt.maybe_done)
            yield chunk

    async def aclose(self) -> None:
        await self._packed.aclose()


def _failure(exc: Exception, host: str, attempt: SendAttempt) -> CloudUnavailable:
    """The meaning of a call that ended without an answer, and whether something may have been changed by it."""
    failure = _unanswered(exc, host, attempt)
    failure.reason = "it does not answer in time" if isinstance(exc, httpx.TimeoutException) else cause_of(exc)
    return failure


def _unanswered(exc: Exception, host: str, attempt: SendAttempt) -> CloudUnavailable:
    match exc:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout() | httpx.ProxyError():
            return CloudUnavailable(f"The cloud cannot be reached at {host}; nothing was sent to it.")
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return CloudUnavailable(f"The cloud's address {host} cannot be used; nothing was sent to it.")
        case _:
            words = "did not answer in time" if isinstance(exc, httpx.TimeoutException) else "broke off its answer"
            return CloudUnavailable(f"The cloud at {host} {words}.", maybe_done=attempt.maybe_done)


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
