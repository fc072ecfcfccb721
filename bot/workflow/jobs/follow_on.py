"""follow:{item_id}:{after}: of those joined to one snapshot, the next few follow it.

Hundreds of people may ask for the same disk at once. What became of its snapshot is written for some of them at a time,
so that an acknowledgement waits for those and not for all.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.ports.items import Items


@dataclass(frozen=True, slots=True)
class FollowOn:
    """The store calls for the next few with the last of those before, and a sweep for all whose snapshot has ended."""

    store: Items

    async def __call__(self, key: str) -> None:
        item_id, _, after = key.partition(":")
        await self.store.follow_on(item_id, after)
