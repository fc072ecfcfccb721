"""What App Home is told to show, how often, and what happens when Slack won't."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.actors import AccountKind, Actor
from bot.domain.errors import BotError, LookupFailed, SlackBusy, ViewRefused, ViewStale
from bot.domain.orders import Create
from bot.domain.requests import Place, Request
from bot.domain.transitions import RequestEvent, RequestState
from bot.ports.requests import Incoming
from bot.store.store import Store
from bot.workflow.jobs.publish_app_home import PUBLISH_EVERY, UNKNOWN_AGAIN, AppHomeContent, AppHomePublisher
from tests.builders import FakeClock, a_grant, a_project, a_request, an_actor, an_item

PROJECTS = {"payments": a_project(), "shop": a_project("shop"), "walled": a_project("walled", channels=("C7",))}
WAITING: dict[str, Any] = {"state": RequestState.WAITING, "approvals_needed": 2, "actor_id": "U2"}
GLASS: dict[str, Any] = {"break_glass": True, "actor_id": "U2"}


class Crowd:
    """People as Slack knows them: full members, unless it is told otherwise."""

    def __init__(self) -> None:
        self.account: dict[str, AccountKind] = {}
        self.silent = False

    def known(self, user_id: str) -> Actor | None:
        return None

    async def look_up(self, user_id: str) -> Actor:
        if self.silent:
            raise LookupFailed("Slack could not tell.")
        return an_actor(user_id, self.account.get(user_id, AccountKind.MEMBER))


class Walls:
    """Remembers what was published and with which hash; raises what it was told to, once each."""

    def __init__(self) -> None:
        self.published: list[tuple[AppHomeContent, str | None]] = []
        self.troubles: list[BotError] = []

    async def publish(self, user_id: str, home: AppHomeContent, rev: int, view_hash: str | None) -> str | None:
        self.published.append((home, view_hash))
        if self.troubles:
            raise self.troubles.pop(0)
        return f"hash-{len(self.published)}"


class House:
    """A keeper of App Home on a real store."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock, self.people, self.walls = store, clock, Crowd(), Walls()
        self.keeper = AppHomePublisher(store, self.people, self.walls, PROJECTS, clock)
        self.delay: float | None = None

    async def shown(self, user_id: str = "U1") -> AppHomeContent:
        """Open App Home; answers what it is told to show."""
        self.clock.pass_(minutes=5)
        await self.store.app_home_opened(user_id, None)
        self.delay = await self.keeper(user_id)
        return self.walls.published[-1][0]

    async def asked(self, request_id: str = "r-one", **fields: Any) -> Request:
        """A request with one disk, as it stands after it was planned."""
        request = a_request(request_id, **{"created_at": self.clock.now(), **fields})
        self.clock.pass_(seconds=1)
        received = replace(request, state=RequestState.RECEIVED, to_send=False)
        assert await self.store.take_in(f"d-{request_id}", "C1", None, lambda grants, bound: Incoming(received))
        items = [] if request.refused else [an_item(1, request_id=request_id, project=request.project)]
        await self.store.decide_plan(request, items, [])
        return request

    async def due(self, user_id: str = "U1") -> bool:
        return f"app_home:{user_id}" in {key for key, *_ in await self.store.jobs()}


@pytest.fixture
async def house(store: Store, clock: FakeClock) -> House:
    await store.configured_grants([a_grant(), a_grant("U9", "approver"), a_grant("U8", "approver", "walled")])
    return House(store, clock)


def ids(asked: Any) -> list[str]:
    return [request.id for request, _ in asked]


# --- what it shows ----------------------------------------------------------------------------------------------------


async def test_only_projects_that_are_granted_now_are_shown_with_the_grants_that_give_them(house: House) -> None:
    lapsed = a_grant(project="walled", expires_at=house.clock.now())
    everyone = a_grant("", "viewer", "shop", kind="everyone")
    await house.store.configured_grants([a_grant(), everyone, lapsed, a_grant("U2", "admin", "walled")])
    home = await house.shown()
    assert [(usable.project.alias, list(usable.grants)) for usable in home.usable] == [
        ("payments", [a_grant()]),
        ("shop", [everyone]),
    ]


@pytest.mark.parametrize("account", [AccountKind.GUEST, AccountKind.DEACTIVATED, AccountKind.OTHER_TEAM])
async def test_an_account_that_may_do_nothing_is_told_so_and_shown_nothing(house: House, account: AccountKind) -> None:
    await house.asked()
    house.people.account["U1"] = account
    home = await house.shown()
    assert home.refused
    assert home == AppHomeContent(refused=home.refused, rule=home.rule)
    assert home.rule == f"standing-{account}".replace(" ", "-")


async def test_a_request_that_runs_is_shown_however_many_have_ended_since(house: House) -> None:
    await house.asked("r-old", state=RequestState.WAITING, approvals_needed=1)
    for number in range(20):
        await house.asked(f"r-{number:02d}", state=RequestState.DENIED)
    home = await house.shown()
    assert ids(home.running) == ["r-old"]
    assert ids(home.recent)[:2] == ["r-19", "r-18"]


async def test_what_waits_is_shown_to_those_who_may_approve_and_have_not_yet(house: House) -> None:
    await house.asked(**WAITING)
    await house.asked("r-own", **{**WAITING, "actor_id": "U9"})
    await house.asked("r-runs", actor_id="U2")
    assert ids((await house.shown("U9")).waiting) == ["r-one"]
    assert ids((await house.shown("U1")).waiting) == []
    await house.store.approve("r-one", "U9", [])
    assert ids((await house.shown("U9")).waiting) == []


async def test_what_waits_in_one_project_is_not_crowded_out_by_the_others(house: House) -> None:
    await house.asked(**WAITING)
    for number in range(60):
        await house.asked(f"r-{number:02d}", **WAITING, project="shop")
    assert ids((await house.shown("U9")).waiting) == ["r-one"]


async def test_a_request_is_judged_at_the_place_where_it_was_made(house: House) -> None:
    await house.asked("r-inside", **WAITING, project="walled", place=Place("T1", "C7"))
    await house.asked("r-outside", **WAITING, project="walled", place=Place("T1", "C1"))
    assert ids((await house.shown("U8")).waiting) == ["r-inside"]


async def test_reviews_are_due_to_others_who_may_approve_until_somebody_reviewed(house: House) -> None:
    await house.asked(**GLASS)
    await house.asked("r-own", **{**GLASS, "actor_id": "U9"})
    assert ids((await house.shown("U9")).reviews) == ["r-one"]
    assert ids((await house.shown("U1")).reviews) == []
    await house.store.review("r-one", "U9", [])
    assert ids((await house.shown("U9")).reviews) == []


async def test_nothing_is_shown_of_a_project_that_was_closed_since(house: House) -> None:
    await house.asked("r-ran")
    await house.asked("r-called-back", state=RequestState.WAITING, approvals_needed=1)
    await house.store.refuse_waiting("r-called-back", RequestEvent.DROP, "cancelled", "Called back.", [])
    await house.asked("r-refused", state=RequestState.DENIED, order=Create(("typed",)))
    await house.store.configured_grants([])
    home = await house.shown()
    assert (list(home.usable), ids(home.running)) == ([], [])
    # Refused before anything was looked up: what was typed, and not in which project that was.
    assert [(request.id, request.project, list(items)) for request, items in home.recent] == [("r-refused", None, [])]


# --- when -------------------------------------------------------------------------------------------------------------


async def test_it_is_shown_anew_when_a_request_changes_and_not_otherwise(house: House) -> None:
    await house.shown()
    assert not await house.due()
    await house.asked("r-other", actor_id="U2")
    assert not await house.due()
    await house.asked()
    assert await house.due()
    assert not await house.due("U2")  # who never opened it has none


async def test_it_is_shown_at_most_every_three_seconds(house: House) -> None:
    await house.shown()
    assert house.delay == PUBLISH_EVERY.total_seconds()
    await house.asked()  # takes a second
    assert await house.keeper("U1") == pytest.approx(2.0)
    house.clock.pass_(seconds=2)
    assert await house.keeper("U1") == PUBLISH_EVERY.total_seconds()
    assert ids(house.walls.published[-1][0].running) == ["r-one"]
    house.clock.pass_(seconds=3)
    assert await house.keeper("U1") is None
    assert len(house.walls.published) == 2


async def test_a_look_at_what_is_shown_already_does_not_shorten_the_pause(house: House) -> None:
    await house.shown()
    house.clock.pass_(seconds=1)
    await house.keeper("U1")
    await house.asked()
    shown = len(house.walls.published)
    assert await house.keeper("U1") == 1.0
    assert len(house.walls.published) == shown


async def test_it_replaces_only_the_view_that_it_showed_last(house: House) -> None:
    await house.shown()
    await house.asked()
    house.clock.pass_(minutes=1)
    await house.keeper("U1")
    await house.store.app_home_opened("U1", "hash-of-the-event")
    house.clock.pass_(minutes=1)
    await house.keeper("U1")
    assert [view_hash for _, view_hash in house.walls.published] == [None, "hash-1", "hash-of-the-event"]


async def test_after_a_conflict_the_rows_are_read_again_before_anything_is_shown(house: House) -> None:
    await house.shown()
    await house.asked()
    house.clock.pass_(minutes=1)
    house.walls.troubles = [ViewStale("newer")]
    assert await house.keeper("U1") == 0.0
    await house.asked("r-two")
    await house.keeper("U1")
    assert [(ids(home.running), view_hash) for home, view_hash in house.walls.published[1:]] == [
        (["r-one"], "hash-1"),
        (["r-two", "r-one"], None),
    ]
    assert not await house.due()


async def test_slack_is_waited_for_as_long_as_it_asks_and_nothing_is_forgotten(house: House) -> None:
    house.walls.troubles = [SlackBusy("wait", retry_after=17.0)]
    await house.shown()
    assert house.delay == 17.0
    assert await house.due()
    house.clock.pass_(seconds=17)
    assert await house.keeper("U1") == PUBLISH_EVERY.total_seconds()
    assert not await house.due()


async def test_a_view_that_slack_refuses_is_not_sent_again_by_itself(house: House) -> None:
    house.walls.troubles = [ViewRefused("not_enabled")]
    await house.shown()
    assert house.delay is None
    assert not await house.due()


async def test_a_change_while_it_is_being_shown_is_shown_next(house: House) -> None:
    async def publish(user_id: str, home: AppHomeContent, rev: int, view_hash: str | None) -> str | None:
        if not home.running:
            await house.asked()
        house.walls.published.append((home, view_hash))
        return "hash"

    house.walls.publish = publish  # type: ignore[method-assign]
    await house.shown()
    assert await house.due()
    house.clock.pass_(minutes=1)
    await house.keeper("U1")
    assert ids(house.walls.published[-1][0].running) == ["r-one"]
    assert not await house.due()


async def test_whom_slack_cannot_name_is_shown_nothing_until_it_can(house: House) -> None:
    await house.asked()
    house.people.silent = True
    home = await house.shown()
    assert home == AppHomeContent(refused=home.refused)
    assert house.delay == UNKNOWN_AGAIN.total_seconds()
    assert await house.due()
    house.people.silent = False
    house.clock.pass_(minutes=1)
    await house.keeper("U1")
    assert ids(house.walls.published[-1][0].running) == ["r-one"]
    assert not await house.due()
