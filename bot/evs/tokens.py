"""How calls are let in: a password's token, an access key, or the keys of the server's agency."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bot.domain.errors import CloudUnavailable
from bot.domain.projects import PasswordCredentials, Project
from bot.evs.errors import error_from
from bot.evs.signing import Keys, Unsigned, sign
from bot.evs.standing import Standing
from bot.evs.wire import Answer, Outgoing, Sending, Wire
from bot.interfaces import Clock

RENEW_BEFORE = timedelta(minutes=10)
UNTOLD_LIFE = timedelta(hours=1)
"""Taken for a token whose end IAM does not tell; the documented life is 24 hours."""

_WHY = {
    400: "IAM cannot read the request for a token; check domain, user and project_id",
    401: "IAM does not accept the user's name or password",
    403: "IAM does not let this user in",
    404: "IAM does not know the project; check project_id and iam_endpoint",
}


class Admission(Protocol):
    """Adds to a request what proves who sends it."""

    async def headers(self, unsigned: Unsigned) -> Mapping[str, str]:
        """Raises CloudError when there is no proof to be had; nothing of the call itself was sent then."""
        ...

    def forget(self, headers: Mapping[str, str]) -> bool:
        """The cloud refused these headers. Answers whether another try with new ones makes sense."""
        ...


def secrets_in(proof: Mapping[str, str]) -> list[str]:
    """What of these headers must never be quoted, should an answer echo it."""
    shown = [proof.get("X-Auth-Token", ""), proof.get("X-Security-Token", "")]
    parts = proof.get("Authorization", "").replace(",", "").split()
    return [one for one in (*shown, *(part.partition("=")[2] for part in parts)) if one]


class AccessKey:
    """Signs with a key that stays the same. Source: API Signing Guide."""

    def __init__(self, keys: Keys, project_id: str, clock: Clock) -> None:
        self._keys = keys
        self._project_id = project_id
        self._clock = clock

    async def headers(self, unsigned: Unsigned) -> Mapping[str, str]:
        return sign(unsigned, self._keys, self._project_id, self._clock.now())

    def forget(self, headers: Mapping[str, str]) -> bool:
        return False


class PasswordToken:
    """An IAM token of one project, renewed 10 minutes before its end, by one caller for all who wait.

    Source: IAM API Reference, Obtaining a User Token Through Password Authentication.
    """

    def __init__(
        self, credentials: PasswordCredentials, project: Project, standing: Standing, wire: Wire, clock: Clock
    ) -> None:
        self._credentials = credentials
        self._project = project
        self._standing = standing
        self._wire = wire
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0

    async def headers(self, unsigned: Unsigned) -> Mapping[str, str]:
        return {"X-Auth-Token": await self._current()}

    def forget(self, headers: Mapping[str, str]) -> bool:
        if headers["X-Auth-Token"] == self._token:
            self._token = ""
        return True

    async def _current(self) -> str:
        if not self._is_fresh():
            async with self._one_at_a_time:
                if not self._is_fresh():
                    self._standing.check(self._project.alias)
                    self._keep(await self._ask())
        return self._token

    def _is_fresh(self) -> bool:
        return bool(self._token) and self._clock.monotonic() < self._renew_at

    async def _ask(self) -> Answer:
        url = f"{self._project.iam_endpoint.rstrip('/')}/v3/auth/tokens?nocatalog=true"
        body = json.dumps(self._request()).encode()
        headers = {"Content-Type": "application/json;charset=utf8"}
        answer = await self._wire.send(Outgoing("POST", url, headers, body), Sending(self._clock))
        if answer.succeeded:
            return answer
        error = error_from(answer.status, answer.headers, answer.body)
        if isinstance(error, CloudUnavailable):
            raise error
        everywhere = answer.status in (401, 403)
        raise self._standing.refuse(
            error, self._project.alias, everywhere=everywhere, reason=_WHY.get(answer.status, "")
        )

    def _request(self) -> dict[str, Any]:
        who = self._credentials
        user = {"domain": {"name": who.domain}, "name": who.user, "password": who.password.get_secret_value()}
        identity = {"methods": ["password"], "password": {"user": user}}
        return {"auth": {"identity": identity, "scope": {"project": {"id": self._project.project_id}}}}

    def _keep(self, answer: Answer) -> None:
        token = answer.headers.get("X-Subject-Token", "")
        if not (token and token.isascii() and token.isprintable()):
            raise CloudUnavailable("IAM answered without a token.", status=answer.status)
        now = self._clock.now()
        life = max(_end(answer.json(), now + UNTOLD_LIFE) - now, timedelta())
        self._token = token
        self._renew_at = self._clock.monotonic() + (life - min(RENEW_BEFORE, life / 2)).total_seconds()


def _end(body: Any, otherwise: datetime) -> datetime:
    match body:
        case {"token": {"expires_at": str(text)}}:
            return read_time(text) or otherwise
        case _:
            return otherwise


def read_time(text: str) -> datetime | None:
    """IAM writes UTC with six decimals and a Z. None for what cannot be read."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read
