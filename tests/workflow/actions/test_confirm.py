"""What waits and whose time is over, when nobody has come to drop it yet: after the bot was down, for example."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from bot.domain.orders import Quick, Selector
from bot.domain.results import Told
from bot.domain.transitions import RequestState
from bot.ports.requests import Incoming
from bot.store.store import Store
from bot.workflow.actions.approve import Approvals
from bot.workflow.actions.confirm import Confirming
from bot.workflow.gate import Gate
from tests.builders import NOON, FakeClock, a_grant, a_project, a_request, an_actor, an_item

OTHER = (Selector("server", "web-01"),)
UNTIL = NOON + timedelta(minutes=15)


@dataclass
class Desk:
    """A real store with one request that waits until UNTIL, and nobody who drops it then."""

    store: Store
    clock: FakeClock
    confirming: Confirming
    approvals: Approvals

    async def waits(self, state: RequestState) -> None:
        received = a_request(state=RequestState.RECEIVED, order=Quick(OTHER))
        await self.store.take_in("d", "C1", an_actor(), lambda held, bound: Incoming(received))
        waiting = replace(received, state=state, waits_until=UNTIL, approvals_needed=1)
        await self.store.decide_plan(waiting, [an_item()], [])

    async def state(self) -> RequestState:
        found = await self.store.request("r-one")
        assert found is not None
        return found[0].state


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> Desk:
    projects = {"payments": a_project()}
    await store.configured_grants([a_grant("U1"), a_grant("U2", "approver")])
    gate = Gate(store, projects, clock)
    return Desk(store, clock, Confirming(store, gate, projects, clock), Approvals(store, gate, clock))


async def test_a_plan_can_be_confirmed_until_its_time_is_over(desk: Desk) -> None:
    await desk.waits(RequestState.PLANNED)
    desk.clock.at = UNTIL - timedelta(seconds=1)
    assert (await desk.confirming.confirm(an_actor(), "C1", "r-one")).done
    assert await desk.state() is RequestState.RUNNING


async def test_a_plan_whose_time_is_over_is_neither_confirmed_nor_changed(desk: Desk) -> None:
    await desk.waits(RequestState.PLANNED)
    desk.clock.at = UNTIL
    over = Told("The time to confirm this plan is over. Nothing was created. Ask again.", done=False)
    assert await desk.confirming.confirm(an_actor(), "C1", "r-one") == over
    assert await desk.confirming.may_change(an_actor(), "C1", "r-one") == over
    assert await desk.confirming.change(an_actor(), "C1", "r-one", OTHER) == over
    assert await desk.state() is RequestState.PLANNED


async def test_nobody_agrees_to_what_waited_too_long(desk: Desk) -> None:
    await desk.waits(RequestState.WAITING)
    desk.clock.at = UNTIL
    told = await desk.approvals.approve(an_actor("U2"), "C1", "r-one")
    assert "the time to settle it is over" in told.sentence
    assert await desk.state() is RequestState.WAITING
