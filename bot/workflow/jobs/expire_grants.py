"""expire_grants:all: writes down, once each, that a grant has come to its end."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.audit import BOT, grant_changed
from bot.ports.clock import Clock
from bot.ports.grants import Grants


@dataclass(frozen=True, slots=True)
class GrantExpiry:
    """The row itself stays: it tells an expired grant from none. What it gave ended by itself at that moment."""

    store: Grants
    clock: Clock

    async def __call__(self, _: str) -> float | None:
        next_at = await self.store.expire_grants(lambda grant: grant_changed(BOT, "expire", grant))
        return None if next_at is None else max((next_at - self.clock.now()).total_seconds(), 0.05)
