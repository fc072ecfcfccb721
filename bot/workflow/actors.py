"""Who an actor is, whether Slack has to be asked or bot.toml says so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.domain.actors import SCHEDULE, AccountKind, Actor, token_name
from bot.ports.slack import People


@dataclass(frozen=True, slots=True)
class Actors:
    """Implements `bot.ports.slack.People` for people, tokens and the schedule. `tokens` are the names in bot.toml."""

    people: People
    tokens: Collection[str]

    def known(self, user_id: str) -> Actor | None:
        return self._program(user_id) or self.people.known(user_id)

    async def look_up(self, user_id: str) -> Actor:
        """Raises LookupFailed."""
        return self._program(user_id) or await self.people.look_up(user_id)

    def _program(self, actor_id: str) -> Actor | None:
        if actor_id == SCHEDULE:
            return Actor(SCHEDULE, AccountKind.SCHEDULE)
        name = token_name(actor_id)
        if name is None:
            return None
        return Actor(actor_id, AccountKind.TOKEN if name in self.tokens else AccountKind.FORMER_TOKEN)
