"""The disks that come back of requests that are about that, for whatever shows several requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.ports.restorations import Restorations

ComingBack = Mapping[str, Sequence[Restoration]]
"""By the id of the request."""


async def coming_back(store: Restorations, requests: Iterable[tuple[Request, Sequence[Item]]]) -> ComingBack:
    ids = [request.id for request, _ in requests if isinstance(request.order, Restore)]
    return {request_id: await store.restorations_of(request_id) for request_id in ids}
