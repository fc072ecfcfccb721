"""Asking Slack who a requester is, from a job: patient for some seconds, because it holds up no person meanwhile."""

from __future__ import annotations

from bot.domain.actors import Actor
from bot.domain.errors import LookupFailed
from bot.ports.clock import Clock
from bot.ports.slack import People
from bot.retry import Tries

LOOK_UPS = Tries((2.0, 2.0, 2.0), LookupFailed, longest_s=10.0)


async def look_up(people: People, clock: Clock, user_id: str) -> Actor:
    """Raises LookupFailed after the last try: then the answer is no."""
    return await LOOK_UPS.run(clock, lambda: people.look_up(user_id))
