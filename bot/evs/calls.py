"""One project's calls: let in, paced, bounded in number and time, and repeated only where that does no harm."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

import httpx

from bot.domain.errors import CloudUnavailable, CredentialRefused, SentTooLate, Throttled
from bot.domain.projects import Project
from bot.evs.auth import Admission, secrets_in
from bot.evs.credential_breaker import CredentialBreaker
from bot.evs.error_codes import new_token_may_help
from bot.evs.errors import error_from
from bot.evs.rate_limiter import RateLimiter
from bot.evs.signing import Query, Unsigned, canonical_query
from bot.evs.transport import Answer, Outgoing, SendAttempt, TooLarge, Transport
from bot.interfaces import Clock

RETRY_WAITS_S = (0.5, 2.0)
"""Between the three tries of a call that only reads."""

T = TypeVar("T")

Service = Literal["evs", "ecs"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the EVS API, or of ECS. `action` is the IAM permission it needs, where one is documented.

    `writes`: it changes something, so it is sent once. `send_before`: when its first byte must have left at the latest.
    """

    method: str
    path: str
    action: str = ""
    query: Query = ()
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    writes: bool = False
    send_before: datetime | None = None
    service: Service = "evs"


class _Address:
    """Where a service is: what every call's address is made of."""

    def __init__(self, endpoint: str) -> None:
        url = httpx.URL(endpoint)
        self.host = url.netloc.decode("ascii")
        self.origin = f"{url.scheme}://{self.host}"
        self.prefix = url.path.rstrip("/")


class ProjectCalls:
    """Everything a project's client sends goes through here."""

    def __init__(
        self,
        project: Project,
        admission: Admission,
        breaker: CredentialBreaker,
        transport: Transport,
        clock: Clock,
        *,
        concurrency: int,
        deadline_s: float,
    ) -> None:
        self.project = project
        self._admission = admission
        self._breaker = breaker
        self._transport = transport
        self._clock = clock
        self._limiter = RateLimiter(clock)
        self._slots = asyncio.Semaphore(concurrency)
        self._deadline_s = deadline_s
        self._addresses: Mapping[Service, _Address] = {
            "evs": _Address(project.evs_endpoint),
            "ecs": _Address(project.ecs_endpoint),
        }

    async def ask(self, call: Call, read: Callable[[Any], T]) -> T:
        """Send a call and read its answer. `read` turns JSON into a value and raises ValueError for any other shape.

        Takes `deadline_s` seconds at most. A call that only reads is tried three times in that time.
        Raises: every kind of CloudError.
        """
        self._check(call)
        attempt = SendAttempt(self._clock, call.send_before, writes=call.writes)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._deadline_s):
                return await self._tries(call, read, attempt)
        words = f"{call.service.upper()} gave no answer within {self._deadline_s:g} s."
        raise CloudUnavailable(words, maybe_done=attempt.maybe_done)

    async def _tries(self, call: Call, read: Callable[[Any], T], attempt: SendAttempt) -> T:
        for wait_s in () if call.writes else RETRY_WAITS_S:
            try:
                return await self._try(call, read, attempt)
            except (Throttled, SentTooLate, TooLarge):
                raise
            except CloudUnavailable:
                pass
            await self._clock.sleep(wait_s)
        return await self._try(call, read, attempt)

    async def _try(self, call: Call, read: Callable[[Any], T], attempt: SendAttempt) -> T:
        async with self._slots:
            answer = await self._admitted(call, attempt)
        value = answer.json()
        try:
            return read(value)
        except ValueError:
            request_id = error_from(answer.status, answer.headers, b"").request_id
        words = f"{call.service.upper()} gave an answer that cannot be read (HTTP {answer.status})."
        raise CloudUnavailable(words, status=answer.status, request_id=request_id, maybe_done=call.writes)

    async def _admitted(self, call: Call, attempt: SendAttempt) -> Answer:
        """A success, after one more try with a new token at most."""
        answer = await self._in_turn(call, attempt, may_renew=True)
        if answer is None:
            answer = await self._in_turn(call, attempt, may_renew=False)
        assert answer is not None, "a second refusal is raised"
        return answer

    async def _in_turn(self, call: Call, attempt: SendAttempt, *, may_renew: bool) -> Answer | None:
        attempt.check()
        await self._limiter.wait(self._patience_s(attempt))
        async with self._breaker.trial(self.project.alias):
            self._check(call)
            return await self._exchange(call, attempt, may_renew=may_renew)

    async def _exchange(self, call: Call, attempt: SendAttempt, *, may_renew: bool) -> Answer | None:
        """A success, or None when a new token makes sense; any other end is raised."""
        mark = self._limiter.mark()
        try:
            out, proof = await self._prepared(call)
        except Throttled as exc:
            self._limiter.throttled(mark, exc.retry_after)
            raise
        answer = await self._transport.send(out, attempt)
        if answer.succeeded:
            self._breaker.accepted()
            self._limiter.passed()
            return answer
        error = error_from(
            answer.status,
            answer.headers,
            answer.body,
            writes=call.writes,
            action=call.action,
            hidden=secrets_in(proof),
            service=call.service,
        )
        if isinstance(error, Throttled):
            self._limiter.throttled(mark, error.retry_after)
        elif isinstance(error, CredentialRefused):
            attempt.may_have_arrived = False
            renewable = self._admission.forget(proof)
            if renewable and may_renew and new_token_may_help(error.code):
                return None
            place, elsewhere = self._places(call)[-1], call.service == "evs" and not renewable
            error = self._breaker.refuse(error, place, everywhere=elsewhere)
        elif error.code.startswith(("EVS.", "Ecs.", "Pdp.", "Common.")):
            self._breaker.accepted()
            self._limiter.passed()
        raise error

    async def _prepared(self, call: Call) -> tuple[Outgoing, Mapping[str, str]]:
        body = b"" if call.body is None else json.dumps(call.body).encode()
        headers = {} if call.body is None else {"Content-Type": "application/json"}
        at = self._addresses[call.service]
        unsigned = Unsigned(call.method, at.host, f"{at.prefix}{call.path}", call.query, headers, body)
        proof = await self._admission.headers(unsigned)
        query = canonical_query(call.query)
        url = f"{at.origin}{unsigned.path}{f'?{query}' if query else ''}"
        return Outgoing(call.method, url, {**headers, **proof}, body), proof

    def _check(self, call: Call) -> None:
        for place in self._places(call):
            self._breaker.check(place)

    def _places(self, call: Call) -> tuple[str, ...]:
        """Where a refusal counts. What ECS refuses may lie in its address, and must not keep snapshots from being made;
        what EVS refuses is not tried at ECS either.
        """
        alias = self.project.alias
        return (alias,) if call.service == "evs" else (alias, f"{alias} (ECS)")

    def _patience_s(self, attempt: SendAttempt) -> float:
        """How long a call may wait for the end of a pause; a longer wait is the caller's."""
        left = self._deadline_s / 2
        may_leave_for = attempt.left_s()
        return left if may_leave_for is None else min(left, may_leave_for)
