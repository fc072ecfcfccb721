"""Whether the parts without which the bot does nothing still work: the store's thread, and the loop of jobs.

A bot that stands still looks well from outside, and tells nothing any more. One that ends is started again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.domain.errors import StoreFailed

log = logging.getLogger(__name__)

ANSWERS_WITHIN_S = 5.0
"""How long the store's thread may be busy with what was handed over before."""

TURNS_WITHIN_S = 90.0
"""How long the loop of jobs may be without a turn; it looks at the clock each second, and sweeps in between."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """The parts that must not end while the bot is up."""

    store_answers: Callable[[], Awaitable[None]]
    store_broken: Callable[[], Awaitable[None]]
    jobs: asyncio.Task[None]
    idle_s: Callable[[], float]

    async def trouble(self) -> str:
        """One sentence, "" while all is well."""
        if self.jobs.done():
            return "The loop of jobs has ended."
        if self.idle_s() > TURNS_WITHIN_S:
            return "The loop of jobs stands still."
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await self.store_answers()
        except TimeoutError:
            return "The store does not answer."
        except StoreFailed as exc:
            return exc.sentence
        return ""

    async def failed(self) -> str:
        """Returns when one of them has ended, with the sentence for the operator."""
        broken = asyncio.ensure_future(self.store_broken())
        try:
            await asyncio.wait({broken, self.jobs}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            broken.cancel()
        if not self.jobs.done():
            return "The bot's store is broken, so the bot stops. Nothing that was recorded is lost: start it again."
        why = None if self.jobs.cancelled() else self.jobs.exception()
        log.critical("the loop of jobs has ended", exc_info=why)
        return "The bot's jobs stand still, so the bot stops. Nothing that was recorded is lost: start it again."
