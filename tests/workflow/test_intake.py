"""What is answered to an order that Slack delivers twice."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from dataclasses import dataclass, replace

import pytest

from bot.domain.actors import Actor
from bot.domain.audit import AuditEntry
from bot.domain.orders import Create, Order, Quick, Selector
from bot.domain.requests import Place
from bot.domain.results import Accepted, Refused
from bot.domain.transitions import RequestState
from bot.store.script import Script, sql
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from bot.workflow.intake import Authorization, Delivery, Intake
from tests.builders import FakeClock, a_grant, a_project, an_actor, an_item

ORDER = Create(("orders-db",))
OPEN = 2
"""So many requests may one person have open here."""

DELIVERY = Delivery("command:1", "U1", Place("T1", "C1"), "create orders-db")


class Known:
    """Everybody was looked up before."""

    def known(self, user_id: str) -> Actor:
        return an_actor(user_id)


@dataclass
class Door:
    store: Store
    intake: Intake

    async def create(self) -> Accepted:
        answer = await self.intake.create(DELIVERY, ORDER)
        assert isinstance(answer, Accepted)
        return answer


@pytest.fixture
async def door(store: Store, clock: FakeClock) -> Door:
    projects = {"payments": a_project(approvals=1)}
    await store.configured_grants([a_grant("U1")])
    people = Known()
    ids = (f"r-{word}" for word in ("one", "two", "three", "four"))
    return Door(store, Intake(store, people, projects, clock, lambda: next(ids), OPEN))  # type: ignore[arg-type]  # as needed


async def test_repeated_before_it_was_planned_it_promises_no_more_than_a_look(door: Door) -> None:
    first = await door.create()
    assert (first.checked, first.approvals, first.repeated) == (True, 1, False)
    again = await door.create()
    assert (again.checked, again.approvals, again.repeated) == (False, 0, True)


async def test_repeated_while_it_waits_for_others_it_says_so(door: Door) -> None:
    first = await door.create()
    await door.store.decide_plan(
        replace(first.request, state=RequestState.WAITING, approvals_needed=1), [an_item()], []
    )
    again = await door.create()
    assert (again.checked, again.approvals, again.repeated) == (True, 1, True)


async def test_an_authorization_of_a_moment_ago_is_the_one_that_counts(door: Door) -> None:
    nobody = replace(DELIVERY, user_id="U-without-a-grant")
    allowed = AuditEntry("U-without-a-grant", "create", "payments", "allowed", "operator")
    answer = await door.intake.create(nobody, ORDER, authorization=Authorization("payments", allowed, approvals=2))
    assert isinstance(answer, Accepted)
    assert (answer.request.project, answer.checked, answer.approvals) == ("payments", True, 2)
    rows = [row for row in await door.store.audit_page(0) if row["actor"] == "U-without-a-grant"]
    assert [(row["outcome"], row["rule"]) for row in rows] == [("allowed", "operator")]


async def test_an_order_whose_transaction_was_run_again_promises_what_it_came_to_then(
    door: Door, database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stood in one commit with another that could not be committed."""
    monkeypatch.setattr("bot.store.sqlite.database.TOGETHER_SECONDS", 30.0)
    begun, released = threading.Event(), threading.Event()

    def spoils_the_commit() -> Script[None]:
        begun.set()
        released.wait(30)
        yield sql("pragma defer_foreign_keys = on")
        yield sql("insert into approval (request_id, approver_id, at) values ('none', 'U1', 1)")

    spoiling = asyncio.create_task(database.run(spoils_the_commit))
    await asyncio.to_thread(begun.wait, 30)
    creating = asyncio.create_task(door.create())
    await asyncio.sleep(0)
    released.set()
    answer = await creating
    assert (answer.checked, answer.approvals, answer.repeated) == (True, 1, False)
    with pytest.raises(sqlite3.IntegrityError):
        await spoiling
    rows = [row for row in await door.store.audit_page(0) if row["actor"] == "U1"]
    assert [row["outcome"] for row in rows] == ["allowed"]


async def test_one_request_too_many_is_refused_with_what_to_do_and_is_taken_once_another_has_ended(door: Door) -> None:
    for number in range(OPEN):
        assert isinstance(await door.intake.create(replace(DELIVERY, id=f"command:{number}"), ORDER), Accepted)
    answer = await door.intake.create(replace(DELIVERY, id="command:more"), ORDER)
    assert isinstance(answer, Refused)
    assert (answer.rule, answer.alias) == ("open-requests", "payments")
    assert "`cancel ID`" in answer.sentence
    rows = [row for row in await door.store.audit_page(0) if row["outcome"] == "denied"]
    assert [(row["actor"], row["rule"], row["subject"]) for row in rows] == [("U1", "open-requests", "payments")]
    assert await door.store.cancel("r-one", explanation="", cause="", entries=[])
    assert isinstance(await door.intake.create(replace(DELIVERY, id="command:later"), ORDER), Accepted)


async def test_another_person_has_room_of_their_own(door: Door) -> None:
    for number in range(OPEN):
        await door.intake.create(replace(DELIVERY, id=f"command:{number}"), ORDER)
    await door.store.configured_grants([a_grant("U2")])
    other = replace(DELIVERY, id="command:other", user_id="U2")
    assert isinstance(await door.intake.create(other, ORDER), Accepted)


async def test_a_form_that_was_one_too_many_can_be_sent_again(door: Door) -> None:
    for number in range(OPEN):
        await door.intake.create(replace(DELIVERY, id=f"command:{number}"), ORDER)
    form = replace(DELIVERY, id="form:1")
    assert isinstance(await door.intake.create(form, ORDER, mendable=True), Refused)
    assert await door.store.cancel("r-one", explanation="", cause="", entries=[])
    assert isinstance(await door.intake.create(form, ORDER, mendable=True), Accepted)


WHICH = "Which project? You may use several. Say it again with the one you mean: project=payments or project=shop."


@pytest.mark.parametrize("order", [ORDER, Quick((Selector("server", "web-01"),))], ids=["create", "quick"])
async def test_who_may_use_several_projects_is_asked_which_and_nothing_is_denied(door: Door, order: Order) -> None:
    intake = replace(door.intake, projects={alias: a_project(alias) for alias in ("payments", "shop", "vault")})
    await door.store.configured_grants([a_grant("U1"), a_grant("U1", project="shop")])
    assert await intake.depends_on_who_asks(order, "C1")
    assert not await intake.depends_on_who_asks(replace(order, project="shop"), "C1")
    answer = await intake.create(DELIVERY, order)
    assert answer == Refused(WHICH, "no-project-chosen", candidates=("payments", "shop"))
    assert await decisions_about(door, "U1") == [("asked", "no-project-chosen")]
    await door.store.configured_grants([])
    nobody = await intake.create(replace(DELIVERY, id="command:2"), order)
    assert isinstance(nobody, Refused) and nobody.candidates == ()
    assert (await decisions_about(door, "U1"))[1:] == [("denied", "no-project-chosen")]


async def test_a_quick_that_means_nothing_there_is_asked_back_from_those_who_may(door: Door) -> None:
    assert not await door.intake.depends_on_who_asks(Quick(), "C1")
    for number, user in enumerate(("U1", "U2")):
        await door.intake.create(replace(DELIVERY, id=f"command:{number}", user_id=user), Quick())
    assert await decisions_about(door, "U1") == [("asked", "nothing-bound")]
    assert await decisions_about(door, "U2") == [("denied", "nothing-bound")]


async def decisions_about(door: Door, user_id: str) -> list[tuple[str, str]]:
    rows = await door.store.audit_page(0)
    return [(row["outcome"], row["rule"]) for row in rows if row["actor"] == user_id]
