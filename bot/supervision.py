"""Whether the parts without which the bot does nothing still work: the store's thread, and the loop of jobs.

A bot that stands still looks well from outside, and tells nothing any more. One that ends is started again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.domain.errors import StoreFailed

log = logging.getLogger(__name__)

ANSWERS_WITHIN_S = 5.0
"""How long the store's thread may be busy with what was handed over before."""

TURNS_WITHIN_S = 90.0
"""How long the loop of jobs may be without a turn; it looks at the clock each second, and sweeps in between."""


@dataclass(slots=True)
class Vitals:
    """The parts that must not end while the bot is up. Until `begin` there is the store alone. `store_answers` is None
    where the store may be away for a while.
    """

    store_answers: Callable[[], Awaitable[None]] | None
    store_broken: Callable[[], Awaitable[None]]
    _jobs: asyncio.Task[None] | None = field(default=None, init=False)
    _idle_s: Callable[[], float] = field(default=lambda: 0.0, init=False)

    def begin(self, jobs: asyncio.Task[None], idle_s: Callable[[], float]) -> None:
        """`idle_s`: how long the loop of jobs has been without a turn."""
        self._jobs, self._idle_s = jobs, idle_s

    async def trouble(self) -> str:
        """One sentence, "" while all is well."""
        if self._jobs is not None and self._jobs.done():
            return "The loop of jobs has ended."
        if self._idle_s() > TURNS_WITHIN_S:
            return "The loop of jobs stands still."
        if self.store_answers is None:
            return ""
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await self.store_answers()
        except TimeoutError:
            return "The store does not answer."
        except StoreFailed as exc:
            return exc.sentence
        return ""

    async def failed(self) -> str:
        """Returns when one of them has ended, with the sentence for the operator. Only after `begin`."""
        assert self._jobs is not None
        broken = asyncio.ensure_future(self.store_broken())
        try:
            await asyncio.wait({broken, self._jobs}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            broken.cancel()
        if not self._jobs.done():
            return "The bot's store is broken, so the bot stops. Nothing that was recorded is lost: start it again."
        why = None if self._jobs.cancelled() else self._jobs.exception()
        log.critical("the loop of jobs has ended", exc_info=why)
        return "The bot's jobs stand still, so the bot stops. Nothing that was recorded is lost: start it again."


Ask = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Readiness:
    """Whether people are served now: from `begin` to `end`, while a row can be written and Slack is there.

    `slack` answers why it is not, "" while it is; it is given a question to ask Slack, once there is one.
    """

    store_writable: Callable[[], Awaitable[bool]]
    slack: Callable[[Ask | None], Awaitable[str]]
    _entry: Callable[[], str] | None = field(default=None, init=False)
    _ask: Ask | None = field(default=None, init=False)
    _stops: bool = field(default=False, init=False)

    def begin(self, entry: Callable[[], str], ask: Ask) -> None:
        """`entry`: why Slack can't deliver anything, "" while it can."""
        self._entry, self._ask = entry, ask

    def end(self) -> None:
        self._stops = True

    async def trouble(self) -> str:
        """Why not, "" while they are."""
        if self._stops:
            return "the bot stops"
        if why := await self.slack(self._ask):
            return why
        if self._entry is None:
            return "the bot starts"
        if why := self._entry():
            return why
        return "" if await self.store_writable() else "the store can't be written"
