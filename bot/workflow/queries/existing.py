"""Whether what was made still exists: asked of the cloud when people ask how it stands, and kept once it is gone.

Snapshots can be deleted in the console, and the bot is not told. Only the cloud's own word for one snapshot counts: a
listing without it proves nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from bot.cache import Cache
from bot.domain.audit import noticed_gone
from bot.domain.errors import CloudError, NotFound
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.transitions import ItemState
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud
from bot.ports.items import Items
from bot.ports.requests import Requests

log = logging.getLogger(__name__)

AT_ONCE_S = 0.7
"""So long an answer waits for the cloud; what it says later counts for the next one, and for the messages."""

ASKED_AGAIN = timedelta(seconds=60)
"""A snapshot that was there is not asked for again before that, and no new one: rows may appear late."""

LOOKED_AT = 120
"""Snapshots that one answer has looked at, the latest; two listings in each project."""

SHOWN_BY_THEMSELVES = 20
"""Of those that a listing lacks."""


class Rows(Items, Requests, Protocol):
    """The roles of the store that this asks for."""


class Existing:
    """One for the whole bot: it remembers what was there a moment ago."""

    def __init__(self, store: Rows, cloud: Cloud, clock: Clock) -> None:
        self._store = store
        self._cloud = cloud
        self._clock = clock
        self._there: Cache[str, bool] = Cache(clock, ASKED_AGAIN)
        self._looking: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    async def looked_at(
        self, found: Sequence[tuple[Request, Sequence[Item]]], *, within_s: float = AT_ONCE_S
    ) -> list[tuple[Request, list[Item]]]:
        """The same requests, with what of them turns out to be gone within that time."""
        known = [(request, list(items)) for request, items in found]
        if not (asked := self._to_ask(found)):
            return known
        task = asyncio.create_task(self._look(asked))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)
        await asyncio.wait({task}, timeout=within_s)
        again = [await self._store.request(request.id) for request, _ in found]
        return [fresh or before for fresh, before in zip(again, known, strict=True)]

    def _to_ask(self, found: Sequence[tuple[Request, Sequence[Item]]]) -> dict[str, list[Item]]:
        """By project: what was made, is not known to be gone, and was not looked at a moment ago."""
        now = self._clock.now()
        made = [item for _, items in found for item in items if item.state is ItemState.AVAILABLE and not item.gone]
        old = [item for item in made if item.ended_at is None or now - item.ended_at >= ASKED_AGAIN]
        asked: dict[str, list[Item]] = {}
        for item in [item for item in old if not self._there.at_hand(item.snapshot_id or "")][:LOOKED_AT]:
            asked.setdefault(item.project, []).append(item)
        return asked

    async def _look(self, asked: dict[str, list[Item]]) -> None:
        await asyncio.gather(*(self._look_in(alias, items) for alias, items in asked.items()))

    async def _look_in(self, alias: str, items: Sequence[Item]) -> None:
        try:
            evs = self._cloud.project(alias)
            listed = await evs.list_snapshots(ids=[item.snapshot_id or "" for item in items])
            there = {one.id for one in listed}
            self._there.put(dict.fromkeys(there, True))
            for item in [item for item in items if item.snapshot_id not in there][:SHOWN_BY_THEMSELVES]:
                try:
                    await evs.show_snapshot(item.snapshot_id or "")
                except NotFound:
                    await self._store.gone(item.snapshot_id or "", None, [noticed_gone(item)])
        except (CloudError, KeyError) as exc:
            log.info(
                "whether snapshots exist could not be asked", extra={"project": alias, "error": type(exc).__name__}
            )
