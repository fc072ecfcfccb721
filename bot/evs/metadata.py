"""Temporary keys that a server's metadata service hands out for the agency the server has.

Source: `huaweicloudsdkcore`, MetadataAccessor; ECS User Guide, metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

import httpx
from pydantic import SecretStr

from bot.domain.errors import CloudUnavailable
from bot.domain.projects import AgencyCredentials
from bot.evs.credential_breaker import CredentialBreaker
from bot.evs.errors import error_from
from bot.evs.reading import json_in
from bot.evs.renewal import Renewed, read_time
from bot.evs.signing import Keys
from bot.evs.transport import SendAttempt, Transport
from bot.ports.clock import Clock

RENEW_BEFORE = timedelta(minutes=40)
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
        self._keys: Renewed[Keys] = Renewed(clock, RENEW_BEFORE)

    async def current(self, alias: str) -> Keys:
        """Keys that are valid now. Raises CredentialRefused where the server has no agency, else CloudUnavailable."""
        return await self._keys.current(partial(self._ask, alias))

    def forget(self, keys: Keys) -> None:
        """The cloud refused these keys: ask for others next time."""
        self._keys.forget(keys)

    async def _ask(self, alias: str) -> tuple[Keys, datetime]:
        self._breaker.check(alias)
        with self._transport.told("metadata:securitykey:get", self._clock):
            return await self._given(alias)

    async def _given(self, alias: str) -> tuple[Keys, datetime]:
        headers = {"X-Metadata-Token-Ttl-Seconds": str(TOKEN_TTL_S)}
        given = await self._get("PUT", "/meta-data/latest/api/token", headers)
        if not given.is_success and given.status_code not in _WITHOUT_TOKENS:
            raise CloudUnavailable("The server's metadata service gives no token.", status=given.status_code)
        token = given.content.decode("ascii", "replace").strip() if given.is_success else ""
        answer = await self._get("GET", "/openstack/latest/securitykey", {"X-Metadata-Token": token} if token else {})
        if answer.status_code == 401:
            missing = _NO_AGENCY.encode() in answer.content
            reason = "the server has no agency" if missing else "the server's metadata service wants another token"
            error = error_from(answer.status_code, answer.headers, b"")
            raise self._breaker.refuse(error, alias, everywhere=True, reason=reason)
        if not answer.is_success:
            raise CloudUnavailable("The server's metadata service gives no keys.", status=answer.status_code)
        match json_in(answer.content):
            case {"credential": {"access": str(access), "secret": str(secret), "securitytoken": str(token), **rest}}:
                ends = read_time(rest.get("expires_at")) or self._clock.now() + RENEW_BEFORE
                return Keys(SecretStr(access), SecretStr(secret), SecretStr(token)), ends
            case _:
                raise CloudUnavailable("The server's metadata service gives keys that cannot be read.")

    async def _get(self, method: str, path: str, headers: Mapping[str, str]) -> httpx.Response:
        attempt = SendAttempt(self._clock)
        return await self._transport.send(method, f"{self._url}{path}", attempt, headers=headers, timeout_s=TIMEOUT_S)
