"""Proofs of who sends a request: a password's token, or a signature with an access key or an agency's keys.

A token is renewed once. A refused signature is never repeated: after five the gateway locks the key.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Generator, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from bot.domain.errors import CloudError, CloudUnavailable, CredentialRefused
from bot.domain.projects import PasswordCredentials, Project
from bot.evs.credential_breaker import CredentialBreaker
from bot.evs.error_sentences import (
    CONSOLE_ONLY,
    DISABLED,
    EXPIRED,
    LOCKED,
    NO_RIGHT,
    NOT_ACCEPTED,
    UNREAD,
    new_token_may_help,
)
from bot.evs.errors import credential_reason, error_from, plain_words_of
from bot.evs.metadata import AgencyKeys
from bot.evs.reading import json_in
from bot.evs.renewal import Renewed, read_time
from bot.evs.signing import Keys, sign_request
from bot.evs.transport import SendAttempt, Transport, attempt_of
from bot.ports.clock import Clock

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


class KeyAuth(httpx.Auth):
    """Signs a request with a key that stays the same. Source: API Signing Guide."""

    def __init__(self, keys: Keys, project: Project, clock: Clock) -> None:
        self._keys = keys
        self._project = project
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        sign_request(request, self._keys, self._project.project_id, self._clock.now())
        yield request


class AgencyAuth(httpx.Auth):
    """Signs a request with the keys that the server's agency has now."""

    def __init__(self, keys: AgencyKeys, project: Project, clock: Clock) -> None:
        self._keys = keys
        self._project = project
        self._clock = clock

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        keys = await self._keys.current(self._project.alias)
        sign_request(request, keys, self._project.project_id, self._clock.now())
        if await _refused((yield request)) is not None:
            self._keys.forget(keys)


class TokenAuth(httpx.Auth):
    """Shows an IAM token of one project, and once a new one where the cloud no longer takes the old.

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
        self._token: Renewed[str] = Renewed(clock, RENEW_BEFORE)
        self._warned = False

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Raises CloudError where there is no token to be had; of the request itself nothing was done then."""
        attempt = attempt_of(request)
        for may_renew in (True, False):
            token = await self._token.current(self._ask)
            request.headers["X-Auth-Token"] = token
            response = yield request
            if (code := await _refused(response)) is None:
                return
            self._token.forget(token)
            if not (may_renew and new_token_may_help(code)):
                return
            attempt.may_have_arrived = False
            await attempt.turn()
            self._breaker.check(self._project.alias)

    async def _ask(self) -> tuple[str, datetime]:
        self._breaker.check(self._project.alias)
        with self._transport.told("iam:tokens:create", self._clock):
            return await self._given()

    async def _given(self) -> tuple[str, datetime]:
        url = f"{self._project.iam_endpoint.rstrip('/')}/v3/auth/tokens?nocatalog=true"
        headers, attempt = {"Content-Type": "application/json;charset=utf8"}, SendAttempt(self._clock)
        answer = await self._transport.send("POST", url, attempt, headers=headers, body=self._request())
        if answer.is_success:
            return self._told(answer)
        who = self._credentials
        hidden = (who.password.get_secret_value(), who.user, who.domain)
        error = error_from(answer.status_code, answer.headers, answer.content, hidden=hidden)
        if isinstance(error, CloudUnavailable):
            raise error
        said = plain_words_of(answer.content, hidden)
        reason = why_refused(error, said)
        everywhere = answer.status_code in (401, 403) and reason != NO_RIGHT
        raise self._breaker.refuse(error, self._project.alias, everywhere=everywhere, reason=reason, said=said)

    def _request(self) -> dict[str, Any]:
        who = self._credentials
        user = {"domain": {"name": who.domain}, "name": who.user, "password": who.password.get_secret_value()}
        identity = {"methods": ["password"], "password": {"user": user}}
        return {"auth": {"identity": identity, "scope": {"project": {"id": self._project.project_id}}}}

    def _told(self, answer: httpx.Response) -> tuple[str, datetime]:
        token = answer.headers.get("X-Subject-Token", "")
        if not (token and token.isascii() and token.isprintable()):
            raise CloudUnavailable("IAM answered without a token.", status=answer.status_code)
        body = json_in(answer.content)
        self._warn_of_the_end(body)
        return token, _end(body) or self._clock.now() + UNTOLD_LIFE

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


def _end(body: Any) -> datetime | None:
    match body:
        case {"token": {"expires_at": text}}:
            return read_time(text)
        case _:
            return None


async def _refused(response: httpx.Response) -> str | None:
    """The code of an answer that refuses the credential, whichever status it has; None for any other answer."""
    body = await response.aread()
    error = None if response.is_success else error_from(response.status_code, response.headers, body)
    return error.code if isinstance(error, CredentialRefused) else None


def secrets_in(headers: Mapping[str, str]) -> list[str]:
    """Values of a request's headers that must never be quoted, should an answer echo one."""
    shown = [headers.get("X-Auth-Token", ""), headers.get("X-Security-Token", "")]
    parts = headers.get("Authorization", "").replace(",", "").split()
    return [one for one in (*shown, *(part.partition("=")[2] for part in parts)) if one]
