"""One project's calls: let in, paced, bounded in number and time, and repeated only where that does no harm."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import httpx

from bot.domain.errors import CloudError, CloudUnavailable, CredentialRefused, SentTooLate, Throttled
from bot.domain.projects import Project
from bot.evs.auth import TokenAuth, secrets_in
from bot.evs.call_turns import PEOPLE, CallTurns
from bot.evs.credential_breaker import CredentialBreaker
from bot.evs.errors import error_from
from bot.evs.rate_limiter import RateLimiter
from bot.evs.reading import json_in
from bot.evs.signing import Query, canonical_query
from bot.evs.transport import SendAttempt, TooLarge, Transport
from bot.ports.clock import Clock
from bot.retry import Tries

READS = Tries((0.5, 2.0), CloudUnavailable, lambda error: not isinstance(error, Throttled | SentTooLate | TooLarge))
"""A call that changes something is sent once."""

BEHIND_THE_GATEWAY = ("EVS.", "Ecs.", "Pdp.", "Common.")
"""Beginnings of the codes of services that a call reaches only with a credential that was taken."""

T = TypeVar("T")

Service = Literal["evs", "ecs", "iam"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the EVS API, or of ECS or IAM. `action` is the IAM permission it needs, where one is documented.

    `writes`: it changes something, so it is sent once. `send_before`: when its first byte must have left at the latest,
    on the steady clock.
    """

    method: str
    path: str
    action: str = ""
    query: Query = ()
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    writes: bool = False
    send_before: float | None = None
    service: Service = "evs"

    @property
    def operation(self) -> str:
        """The permission; where none is documented a name like one, of the path's words that are no ids."""
        return self.action or f"{self.service}:{self.path.split('/')[3]}:{self.method.lower()}"


@dataclass(slots=True)
class ProjectCalls:
    """The way that each call of a project's client takes."""

    project: Project
    auth: httpx.Auth
    breaker: CredentialBreaker
    transport: Transport
    clock: Clock
    concurrency: int
    deadline_s: float
    _limiter: RateLimiter = field(init=False)
    _turns: CallTurns = field(init=False)

    def __post_init__(self) -> None:
        self._limiter = RateLimiter(self.clock, self.deadline_s / 2)
        self._turns = CallTurns(self.concurrency)

    @property
    def throttled(self) -> int:
        """How often the cloud asked for fewer calls."""
        return self._limiter.pauses

    @property
    def waited_s(self) -> float:
        """Seconds that calls waited because of that, all together."""
        return self._limiter.waited_s

    async def ask(self, call: Call, read: Callable[[Any], T], whose: str = PEOPLE) -> T:
        """Send a call and read its answer. `read` turns JSON into a value and raises ValueError for any other shape;
        `whose`: the person whose job asks.

        Takes `deadline_s` seconds at most. A call that only reads is tried three times in that time.
        Raises: every kind of CloudError.
        """
        self._check(call)
        attempt = SendAttempt(self.clock, call.send_before, writes=call.writes, limiter=self._limiter)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.deadline_s):
                if call.writes:
                    return await self._once(call, read, attempt, whose)
                return await READS.run(self.clock, lambda: self._once(call, read, attempt, whose))
        words = f"{call.service.upper()} gave no answer within {self.deadline_s:g} s."
        raise CloudUnavailable(words, maybe_done=attempt.maybe_done)

    async def _once(self, call: Call, read: Callable[[Any], T], attempt: SendAttempt, whose: str) -> T:
        async with self._in_turn(call, attempt, whose):
            with self.transport.told(call.operation, self.clock):
                url = self._url(call)
                response = await self.transport.send(
                    call.method, url, attempt, headers=call.headers, body=call.body, auth=self.auth
                )
                self._classify(call, response)
        return _value(call, response, read)

    @contextlib.asynccontextmanager
    async def _in_turn(self, call: Call, attempt: SendAttempt, whose: str) -> AsyncIterator[None]:
        """One of the project's calls at a time, outside of pauses, with a credential that does not rest."""
        await self._enter(attempt, whose)
        try:
            attempt.check()  # what came too late gives its turn back
            async with self.breaker.trial(self.project.alias):
                self._check(call)
                with self._limiter.listening():
                    yield
        finally:
            self._turns.slowly = self._limiter.throttled
            self._turns.leave(whose)

    async def _enter(self, attempt: SendAttempt, whose: str) -> None:
        """A call that waits for the end of a pause keeps no turn meanwhile: those that people wait for come first."""
        await attempt.turn()
        await self._turns.enter(whose)
        while self._limiter.pausing:
            self._turns.leave(whose)
            await attempt.turn()
            await self._turns.enter(whose)

    def _classify(self, call: Call, response: httpx.Response) -> None:
        """Note what an answer says of credential and pace. Raises the error that it is, unless it is a success."""
        error = None if response.is_success else _error(call, response)
        if isinstance(error, CredentialRefused):
            # A token is of one project, and its fault may lie in the address; a key is the same everywhere.
            everywhere = call.service == "evs" and not isinstance(self.auth, TokenAuth)
            raise self.breaker.refuse(error, self._places(call)[-1], everywhere=everywhere)
        if error is None or (error.code.startswith(BEHIND_THE_GATEWAY) and not isinstance(error, Throttled)):
            self.breaker.accepted()
            self._limiter.passed()
        if error is not None:
            raise error

    def _url(self, call: Call) -> str:
        project = self.project
        endpoint = {"evs": project.evs_endpoint, "ecs": project.ecs_endpoint, "iam": project.iam_endpoint}[call.service]
        query = canonical_query(call.query)
        return f"{endpoint.rstrip('/')}{call.path}{f'?{query}' if query else ''}"

    def _check(self, call: Call) -> None:
        for place in self._places(call):
            self.breaker.check(place)

    def _places(self, call: Call) -> tuple[str, ...]:
        """Where a refusal counts. What ECS or IAM refuses may lie in its address, and must not keep snapshots from
        being made; what EVS refuses is not tried there either.
        """
        alias = self.project.alias
        return (alias,) if call.service == "evs" else (alias, f"{alias} ({call.service.upper()})")


def _error(call: Call, response: httpx.Response) -> CloudError:
    return error_from(
        response.status_code,
        response.headers,
        response.content,
        writes=call.writes,
        action=call.action,
        hidden=secrets_in(response.request.headers),
        service=call.service,
    )


def _value(call: Call, response: httpx.Response, read: Callable[[Any], T]) -> T:
    body, status = json_in(response.content), response.status_code
    try:
        return read(body)
    except ValueError:
        request_id = error_from(status, response.headers, b"").request_id
    words = f"{call.service.upper()} gave an answer that cannot be read (HTTP {status})."
    raise CloudUnavailable(words, status=status, request_id=request_id, maybe_done=call.writes)
