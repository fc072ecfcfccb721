"""Whichever ways lead to requests, what is found is what looking at each of them would find, in its order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.transitions import ItemState, RequestState
from bot.ports.lookups import Filters
from bot.store.store import Store
from tests.builders import NOON, a_request, an_item
from tests.store.test_store import arriving

OPEN = (RequestState.RECEIVED, RequestState.PLANNED, RequestState.WAITING, RequestState.RUNNING)
STATES = (*OPEN, RequestState.FINISHED, RequestState.FINISHED, RequestState.DENIED)
RAN = (RequestState.RUNNING, RequestState.FINISHED)
NAMES = ("data", "logs", "id-0")
"""One disk is called as another one's id."""

Pair = tuple[Request, list[Item]]


async def many(store: Store, chance: Random, count: int = 60) -> list[Pair]:
    """Requests of four people in two projects and at few moments, newest first."""
    for number in range(count):
        request = a_request(
            f"r-{number:02d}",
            state=chance.choice(STATES),
            actor_id=f"U{chance.randrange(4)}",
            project=chance.choice(["payments", "shop"]),
            created_at=NOON + timedelta(minutes=chance.randrange(20)),
            break_glass=chance.random() < 0.5,
        )
        await store.take_in(f"d{number}", "C1", None, arriving(request))
        if request.state is RequestState.RECEIVED:
            continue
        items = [_item(chance, request, position) for position in range(chance.randint(1, 3))]
        await store.decide_plan(replace(request, approvals_needed=2), items, [])
        if chance.random() < 0.5:
            await store.approve(request.id, "U3", [])
    found = [await store.request(f"r-{number:02d}") for number in range(count)]
    return sorted(filter(None, found), key=lambda pair: (-pair[0].created_at.timestamp(), pair[0].id))


def _item(chance: Random, request: Request, position: int) -> Item:
    item = an_item(position, ItemState.PLANNED, request_id=request.id, project=request.project)
    return replace(item, disk=replace(item.disk, id=f"id-{chance.randrange(3)}", name=chance.choice(NAMES)))


def fits(pair: Pair, filters: Filters) -> bool:
    request, items = pair
    return all(
        (
            filters.projects is None or request.project in filters.projects,
            filters.actor_id in (None, request.actor_id),
            filters.disk is None or any(filters.disk in (item.disk.id, item.disk.name) for item in items),
            not filters.unreviewed or (request.review_due and request.state in RAN),
            not filters.waiting or request.state is RequestState.WAITING,
            filters.under_way in (None, request.state in OPEN),
            filters.left_to is None or filters.left_to not in (request.actor_id, *request.approvers),
        )
    )


EVERY = {
    "all": Filters(),
    "a project": Filters(projects=["shop"]),
    "projects": Filters(projects=["payments", "shop", "empty"]),
    "none": Filters(projects=[]),
    "mine": Filters(projects=["payments"], actor_id="U1"),
    "under way": Filters(actor_id="U1", under_way=True),
    "ended": Filters(actor_id="U1", under_way=False),
    "a disk": Filters(projects=["payments"], disk="id-0"),
    "my disk": Filters(projects=["payments", "shop"], disk="logs", actor_id="U2"),
    "to review": Filters(unreviewed=True),
    "left to review": Filters(projects=["shop"], left_to="U3", unreviewed=True),
    "left to decide": Filters(projects=["shop", "payments"], left_to="U3", waiting=True),
}


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_found_is_what_fits_page_by_page(store: Store, seed: int) -> None:
    everything = await many(store, Random(seed))
    for name, filters in EVERY.items():
        fitting = [pair[0].id for pair in everything if fits(pair, filters)]
        assert bool(fitting) == (name != "none")
        for offset in range(0, len(fitting) + 7, 7):
            found = await store.recent(replace(filters, limit=7, offset=offset))
            assert (name, [request.id for request, _ in found]) == (name, fitting[offset : offset + 7])
