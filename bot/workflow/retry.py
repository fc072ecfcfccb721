"""Asking Slack who somebody is, from a job: patient for some seconds, because nobody's hands are tied meanwhile."""

from __future__ import annotations

from bot.domain.access import Actor
from bot.domain.errors import LookupFailed
from bot.ports.clock import Clock
from bot.ports.slack import People

TRIES = 4
WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 10.0


async def look_up(people: People, clock: Clock, user_id: str) -> Actor:
    """Who they are, asked up to four times. Raises LookupFailed after that: then the answer is no."""
    for _ in range(TRIES - 1):
        try:
            return await people.look_up(user_id)
        except LookupFailed as exc:
            await clock.sleep(min(exc.retry_after or WAIT_SECONDS, LONGEST_WAIT_SECONDS))
    return await people.look_up(user_id)
