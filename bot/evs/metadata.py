"""Temporary keys that a server's metadata service hands out for the agency the server has.

Source: `huaweicloudsdkcore`, MetadataAccessor; ECS User Guide, metadata.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import SecretStr

from bot.domain.errors import CloudUnavailable
from bot.domain.projects import AgencyCredentials
from bot.evs.auth import read_time
from bot.evs.credential_breaker import CredentialBreaker
from bot.evs.errors import error_from
from bot.evs.signing import Keys, Unsigned, sign
from bot.evs.transport import Answer, Outgoing, SendAttempt, Transport
from bot.interfaces import Clock

RENEW_BEFORE = timedelta(minutes=40)
ASK_AGAIN_AFTER = timedelta(minutes=1)
"""The service renews keys when it sees fit; one that is handed out again is not asked for at every call."""
TIMEOUT_S = 3.0
TOKEN_TTL_S = 21_600
_WITHOUT_TOKENS = (404, 405, 503)
_NO_AGENCY = "Please configure Cloud Service Agency first"


class AgencyKeys:
    """The current keys of the server's agency, fetched by one caller for all projects that use them."""

    def __init__(
        self, credentials: AgencyCredentials, breaker: CredentialBreaker, transport: Transport, clock: Clock
    ) -> None:
        self._url = credentials.metadata_url.rstrip("/")
        self._breaker = breaker
        self._transport = transport
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._keys: Keys | None = None
        self._end = self._ask_at = clock.monotonic()

    async def current(self, alias: str) -> Keys:
        """Keys that are valid now. Raises CredentialRefused where the server has no agency, else CloudUnavailable."""
        async with self._one_at_a_time:
            keys = self._keys
            if keys is not None and self._clock.monotonic() < self._ask_at:
                return keys
            self._breaker.check(alias)
            try:
                keys = self._keep(await self._ask(alias))
            except CloudUnavailable:
                if keys is None or self._clock.monotonic() >= self._end:
                    raise
                self._ask_at = min(self._clock.monotonic() + ASK_AGAIN_AFTER.total_seconds(), self._end)
            return keys

    def forget(self) -> None:
        """The cloud refused the keys: ask for others next time."""
        self._keys = None

    async def _ask(self, alias: str) -> Answer:
        headers = {"X-Metadata-Token-Ttl-Seconds": str(TOKEN_TTL_S)}
        given = await self._get("PUT", "/meta-data/latest/api/token", headers)
        if not given.succeeded and given.status not in _WITHOUT_TOKENS:
            raise CloudUnavailable("The server's metadata service gives no token.", status=given.status)
        token = given.body.decode("ascii", "replace").strip() if given.succeeded else ""
        answer = await self._get("GET", "/openstack/latest/securitykey", {"X-Metadata-Token": token} if token else {})
        if answer.status == 401:
            missing = _NO_AGENCY.encode() in answer.body
            reason = "the server has no agency" if missing else "the server's metadata service wants another token"
            error = error_from(answer.status, answer.headers, b"")
            raise self._breaker.refuse(error, alias, everywhere=True, reason=reason)
        if not answer.succeeded:
            raise CloudUnavailable("The server's metadata service gives no keys.", status=answer.status)
        return answer

    async def _get(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        out = Outgoing(method, f"{self._url}{path}", headers, timeout_s=TIMEOUT_S)
        return await self._transport.send(out, SendAttempt(self._clock))

    def _keep(self, answer: Answer) -> Keys:
        match answer.json():
            case {"credential": {"access": str(access), "secret": str(secret), "securitytoken": str(token), **rest}}:
                self._keys = Keys(SecretStr(access), SecretStr(secret), SecretStr(token))
            case _:
                raise CloudUnavailable("The server's metadata service gives keys that cannot be read.")
        date, now = self._clock.now(), self._clock.monotonic()
        end = rest.get("expires_at")
        ends = (read_time(end) if isinstance(end, str) else None) or date + RENEW_BEFORE
        self._end = now + (ends - date).total_seconds()
        ask_again = min(now + ASK_AGAIN_AFTER.total_seconds(), self._end)
        self._ask_at = max(self._end - RENEW_BEFORE.total_seconds(), ask_again)
        return self._keys


class AgencyAdmission:
    """Signs for one project with the agency's keys."""

    def __init__(self, keys: AgencyKeys, project_id: str, alias: str, clock: Clock) -> None:
        self._keys = keys
        self._project_id = project_id
        self._alias = alias
        self._clock = clock

    async def headers(self, unsigned: Unsigned) -> Mapping[str, str]:
        return sign(unsigned, await self._keys.current(self._alias), self._project_id, self._now())

    def forget(self, headers: Mapping[str, str]) -> bool:
        self._keys.forget()
        return False

    def _now(self) -> datetime:
        return self._clock.now()
