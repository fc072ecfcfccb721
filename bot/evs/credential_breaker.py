"""The breaker of a credential: in use, on trial or at rest. A refused one is not shown to the cloud for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.errors import CloudError, CredentialRefused
from bot.evs.errors import credential_reason, in_brackets
from bot.ports.clock import Clock

log = logging.getLogger("bot.evs")

REST = timedelta(minutes=5)
"""As long as the gateway locks an access key after more than five failures (API Signing Guide)."""


TRIAL_S = 3.0
"""How long one call alone may try a credential that was not accepted yet."""


@dataclass(frozen=True, slots=True)
class _Rest:
    until: float
    sentence: str
    status: int | None
    code: str
    reason: str


def _refused(sentence: str, reason: str, **facts: Any) -> CredentialRefused:
    refused = CredentialRefused(sentence, **facts)
    refused.reason = reason
    return refused


class CredentialBreaker:
    """One credential: open everywhere, or in a single project, for a while after a refusal there."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._rests: dict[str | None, _Rest] = {}
        self._trial = asyncio.Lock()
        self._in_project: dict[str, asyncio.Lock] = {}
        self._proven = False

    def resting(self, alias: str) -> datetime | None:
        """Until when no call goes out with this credential in this project; None while it is in use."""
        rest = self._rest(alias)
        return self._date_of(rest.until) if rest else None

    @property
    def rests(self) -> bool:
        """Whether it does anywhere."""
        return any(self._active(key) for key in self._rests)

    def check(self, alias: str) -> None:
        """Raises CredentialRefused while the credential rests."""
        if rest := self._rest(alias):
            raise _refused(rest.sentence, rest.reason, status=rest.status, code=rest.code)

    def refuse(
        self, error: CloudError, alias: str, *, everywhere: bool, reason: str = "", said: str = ""
    ) -> CredentialRefused:
        """Lay the credential to rest, with one log line, and answer what to raise.

        `everywhere`: for every project; else for this one, since the fault may lie in its address. `said`: the cloud's
        own words, scrubbed, for the log.
        """
        why = reason or credential_reason(error.code)
        told = reason or getattr(error, "reason", "") or why
        sentence = (
            "The cloud refused the bot's own credentials for this project. Nothing was created. "
            f"Tell the people who run the bot: credential “{self._name}” was refused"
            f"{f', because {why}' if why else ''} {in_brackets(error.code)}."
        )
        key = None if everywhere else alias
        if self._active(None) is None and self._active(key) is None:
            until = self._clock.monotonic() + REST.total_seconds()
            self._rests[key] = _Rest(until, sentence, error.status, error.code, told)
            self._proven = False
            facts = {
                "credential": self._name,
                "project": alias,
                "code": error.code,
                "status": error.status,
                "cloud_request": error.request_id,
                "said": said,
                "rests_until": self._date_of(until).isoformat(),
            }
            log.error("credential refused by the cloud; it rests", extra=facts)
        return _refused(sentence, told, status=error.status, code=error.code, request_id=error.request_id)

    def accepted(self) -> None:
        """The cloud took it: no more need to go one at a time."""
        self._proven = True

    @asynccontextmanager
    async def trial(self, alias: str) -> AsyncIterator[None]:
        """Until it was accepted once, one call at a time, so that a wrong key fails once and not by the dozen.

        A call without an answer lets other projects try after three seconds: a cloud that hangs in one says nothing of
        the credential.
        """
        if self._proven:
            yield
            return
        async with self._in_project.setdefault(alias, asyncio.Lock()):
            await self._trial.acquire()
            with ExitStack() as turn:
                turn.callback(self._trial.release)
                turn.callback(asyncio.get_running_loop().call_later(TRIAL_S, turn.close).cancel)
                yield

    def _rest(self, alias: str) -> _Rest | None:
        rests = [rest for key in (None, alias) if (rest := self._active(key))]
        return max(rests, key=lambda rest: rest.until, default=None)

    def _active(self, key: str | None) -> _Rest | None:
        rest = self._rests.get(key)
        return rest if rest is not None and rest.until > self._clock.monotonic() else None

    def _date_of(self, moment: float) -> datetime:
        return self._clock.now() + timedelta(seconds=moment - self._clock.monotonic())
