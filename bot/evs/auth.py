"""How calls are let in: a password's token, an access key, or the keys of the server's agency."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bot.domain.errors import CloudError, CloudUnavailable
from bot.domain.projects import PasswordCredentials, Project
from bot.evs.credential_breaker import CredentialBreaker
from bot.evs.error_codes import CONSOLE_ONLY, DISABLED, EXPIRED, LOCKED, NO_RIGHT, NOT_ACCEPTED, UNREAD
from bot.evs.errors import credential_reason, error_from, plain_words_of
from bot.evs.signing import Keys, Unsigned, sign
from bot.evs.transport import Answer, Outgoing, SendAttempt, Transport
from bot.interfaces import Clock

log = logging.getLogger("bot.evs")

RENEW_BEFORE = timedelta(minutes=10)
UNTOLD_LIFE = timedelta(hours=1)
"""Taken for a token whose end IAM does not tell; the documented life is 24 hours."""

_WHY = {
    400: UNREAD,
    401: NOT_ACCEPTED,
    403: NO_RIGHT,
    404: "IAM does not know the project; check project_id and iam_endpoint",
}

_SAID = (("expired", EXPIRED), ("locked", LOCKED), ("disabled", DISABLED), ("console access", CONSOLE_ONLY))
"""IAM puts its own codes into one body and plain words into another; the words are the same."""

EXPIRES_SOON = timedelta(days=14)


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
        self,
        credentials: PasswordCredentials,
        project: Project,
        breaker: CredentialBreaker,
        transport: Transport,
        clock: Clock,
    ) -> None:
        self._credentials = credentials
        self._project = project
        self._breaker = breaker
        self._transport = transport
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._token = ""
        self._warned = False
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
                    self._breaker.check(self._project.alias)
                    self._keep(await self._ask())
        return self._token

    def _is_fresh(self) -> bool:
        return bool(self._token) and self._clock.monotonic() < self._renew_at

    async def _ask(self) -> Answer:
        url = f"{self._project.iam_endpoint.rstrip('/')}/v3/auth/tokens?nocatalog=true"
        body = json.dumps(self._request()).encode()
        headers = {"Content-Type": "application/json;charset=utf8"}
        answer = await self._transport.send(Outgoing("POST", url, headers, body), SendAttempt(self._clock))
        if answer.succeeded:
            return answer
        who = self._credentials
        hidden = (who.password.get_secret_value(), who.user, who.domain)
        error = error_from(answer.status, answer.headers, answer.body, hidden=hidden)
        if isinstance(error, CloudUnavailable):
            raise error
        said = plain_words_of(answer.body, hidden)
        reason = why_refused(error, said)
        everywhere = answer.status in (401, 403) and reason != NO_RIGHT
        raise self._breaker.refuse(error, self._project.alias, everywhere=everywhere, reason=reason, said=said)

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
        self._warn_of_the_end(answer.json())
        self._token = token
        self._renew_at = self._clock.monotonic() + (life - min(RENEW_BEFORE, life / 2)).total_seconds()

    def _warn_of_the_end(self, body: Any) -> None:
        """A password that expires stops the bot from one call to the next; each good answer tells when."""
        match body:
            case {"token": {"user": {"password_expires_at": str(text)}}} if text and (end := read_time(text)):
                if not self._warned and end - self._clock.now() < EXPIRES_SOON:
                    self._warned = True
                    facts = {"credential": self._credentials.name, "expires_at": end.isoformat()}
                    log.warning("the password of a credential expires soon", extra=facts)
            case _:
                pass


def why_refused(error: CloudError, said: str) -> str:
    """Why IAM gives no token, as the end of "… was refused, because": by its code, its words, else its status."""
    by_words = (words for mark, words in _SAID if mark in said.lower())
    return credential_reason(error.code) or next(by_words, "") or _WHY.get(error.status or 0, "")


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
