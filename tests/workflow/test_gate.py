"""One gate for whatever is wanted of a request: who may not learns nothing, and each no is a row of the trail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.actors import AccountKind, Actor
from bot.domain.orders import Create, Quick, Selector
from bot.domain.parsing.commands import Status
from bot.domain.transitions import ItemState, RequestState
from bot.ports.requests import Incoming
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from bot.workflow.actions.approve import Approvals
from bot.workflow.actions.cancel import Cancelling
from bot.workflow.actions.confirm import Confirming
from bot.workflow.actions.delete import Deleting
from bot.workflow.actions.extend import Extending
from bot.workflow.gate import Gate
from bot.workflow.queries.existing import Existing
from bot.workflow.queries.status import Inquiry
from tests.builders import NOON, FakeClock, a_grant, a_project, a_request, an_actor, an_item
from tests.fakes.cloud import OneCloud
from tests.workflow.jobs.test_submit import FakeEvs

OTHER = (Selector("server", "web-02"),)
REFUSED = sorted({*AccountKind} - {AccountKind.MEMBER, AccountKind.TOKEN, AccountKind.SCHEDULE})
STATES = [RequestState.PLANNED, RequestState.WAITING, RequestState.RUNNING, RequestState.FINISHED, RequestState.DROPPED]


@dataclass
class Desk:
    """Everything that can be done to a request, on a real store; `runs` counts its transactions."""

    store: Store
    clock: FakeClock
    runs: list[object]

    def __post_init__(self) -> None:
        projects = {"payments": a_project(), "shop": a_project("shop")}
        gate = Gate(self.store, projects, self.clock)
        approvals = Approvals(self.store, gate, self.clock)
        confirming = Confirming(self.store, gate, projects, self.clock)
        deleting = Deleting(self.store, gate, projects, self.clock)
        inquiry = Inquiry(self.store, Existing(self.store, OneCloud(FakeEvs()), self.clock), gate, projects, self.clock)
        self.verbs: dict[str, Callable[[Actor, str | None, str], Awaitable[Any]]] = {
            "approve": approvals.approve,
            "deny": lambda actor, channel, one: approvals.deny(actor, channel, one, "no"),
            "may deny": approvals.may_deny,
            "review": approvals.review,
            "cancel": Cancelling(self.store, gate).cancel,
            "confirm": confirming.confirm,
            "change": lambda actor, channel, one: confirming.change(actor, channel, one, OTHER),
            "may change": confirming.may_change,
            "delete": deleting.delete,
            "agree": lambda actor, channel, one: deleting.agree(actor, channel, one, 1),
            "keep": Extending(self.store, gate, self.clock).extend,
            "status": lambda actor, channel, one: inquiry.status(actor, channel or "C1", Status(one)),
        }

    async def stands(self, state: RequestState, **fields: Any) -> None:
        """One request of U1 in payments, with one disk."""
        told = {"order": fields.pop("order", Quick(OTHER)), "actor_id": fields.pop("actor_id", "U1")}
        before = RequestState.RUNNING if state is RequestState.FINISHED else RequestState.RECEIVED
        received = a_request(state=before, **told)
        await self.store.take_in("d", "C1", an_actor(), lambda held, bound: Incoming(received))
        made = ItemState.AVAILABLE if state is RequestState.FINISHED else ItemState.PLANNED
        item = an_item(1, made, snapshot_id="s1" if state is RequestState.FINISHED else None)
        await self.store.decide_plan(replace(received, state=state, approvals_needed=1, **fields), [item], [])

    async def answer(self, verb: str, actor: Actor, one: str) -> tuple[str, int]:
        """What is answered, but for the id, and in how many transactions."""
        before = len(self.runs)
        answer = repr(await self.verbs[verb](actor, "C1", one)).replace(one, "ID")
        return answer, len(self.runs) - before

    async def trail(self, after: int = 0) -> list[tuple[str, str, str, str]]:
        rows = [row for row in await self.store.audit_page(after) if row["actor"] != "bot.toml"]
        return [(row["action"], row["subject"], row["outcome"], row["rule"]) for row in rows]


@pytest.fixture
async def desk(store: Store, database: SqliteDatabase, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Desk:
    await store.configured_grants(
        [a_grant("U1"), a_grant("U2", "approver"), a_grant("U3", "admin"), a_grant("U8", "admin", "shop")]
    )
    runs: list[object] = []

    def counted(run: Any) -> Any:
        async def counting(script: Any, *args: Any, **named: Any) -> Any:
            runs.append(script)
            return await run(script, *args, **named)

        return counting

    for name in ("run", "run_first", "read"):
        monkeypatch.setattr(database, name, counted(getattr(database, name)))
    return Desk(store, clock, runs)


@pytest.mark.parametrize("state", STATES)
async def test_what_exists_and_what_does_not_are_answered_alike_to_whoever_may_not(
    desk: Desk, state: RequestState
) -> None:
    """To the byte, in as many transactions, and with one row of the trail each: for every verb and kind of account."""
    await desk.stands(state)
    people = [an_actor("U9", account) for account in REFUSED]
    # Even the grants of an admin, and one's own request, are worth nothing to an account that is refused.
    people += [an_actor(user_id, account) for account in REFUSED for user_id in ("U1", "U3")]
    people += [an_actor("U9"), an_actor("U8")]
    ids = ["r-one", "r-one-1", "r-two", *(["s1"] if state is RequestState.FINISHED else [])]
    for verb in desk.verbs:
        for actor in people:
            last, _ = await desk.store.audit_head()
            answers = {await desk.answer(verb, actor, one) for one in ids}
            assert len(answers) == 1, (verb, actor, answers)
            assert "done=True" not in str(answers)
            assert [row[2] for row in await desk.trail(last)] == ["denied"] * len(ids), (verb, actor)


async def test_who_may_and_who_may_not_are_told_apart(desk: Desk) -> None:
    """The answers above are alike because they are refused, not because nothing is told."""
    await desk.stands(RequestState.WAITING)
    assert "You approved ID, and it began" in (await desk.answer("approve", an_actor("U2"), "r-one"))[0]


SETTLED = [
    ("approve", "U2", RequestState.RUNNING, "settled-before"),
    ("deny", "U2", RequestState.DROPPED, "settled-before"),
    ("may deny", "U2", RequestState.FINISHED, "settled-before"),
    ("approve", "U1", RequestState.WAITING, "action-not-granted"),
    ("approve", "U3", RequestState.WAITING, "own-request"),
    ("review", "U2", RequestState.FINISHED, "nothing-to-review"),
    ("confirm", "U1", RequestState.RUNNING, "no-plan-any-more"),
    ("change", "U1", RequestState.DROPPED, "no-plan-any-more"),
    ("may change", "U3", RequestState.WAITING, "no-plan-any-more"),
    ("change", "U3", RequestState.PLANNED, "not-your-plan"),
    ("cancel", "U1", RequestState.FINISHED, "ended-before"),
    ("cancel", "U3", RequestState.DROPPED, "ended-before"),
    ("delete", "U3", RequestState.RUNNING, "nothing-to-delete"),
    ("agree", "U2", RequestState.FINISHED, "settled-before"),
    ("keep", "U1", RequestState.FINISHED, "kept-for-good"),
]


@pytest.mark.parametrize(("verb", "user_id", "state", "rule"), SETTLED)
async def test_an_answer_that_it_came_too_late_or_in_vain_is_a_row(
    desk: Desk, verb: str, user_id: str, state: RequestState, rule: str
) -> None:
    await desk.stands(state, **({"actor_id": "U3"} if rule == "own-request" else {}))
    answer, _ = await desk.answer(verb, an_actor(user_id), "r-one")
    assert "done=False" in answer
    (row,) = await desk.trail()
    assert row[1:] == ("r-one", "denied", rule)


async def test_a_review_that_was_made_already_is_a_row(desk: Desk) -> None:
    await desk.stands(RequestState.FINISHED, break_glass=True)
    assert "Reviewed" in (await desk.answer("review", an_actor("U2"), "r-one"))[0]
    assert "reviewed this request already" in (await desk.answer("review", an_actor("U3"), "r-one"))[0]
    assert [row[2:] for row in await desk.trail()] == [("allowed", "reviewed"), ("denied", "settled-before")]


async def test_a_deletion_asked_for_twice_is_two_rows(desk: Desk) -> None:
    await desk.stands(RequestState.FINISHED)
    assert "Deleting 1 snapshot" in (await desk.answer("delete", an_actor("U3"), "r-one"))[0]
    assert "deleted already" in (await desk.answer("delete", an_actor("U3"), "r-one"))[0]
    assert [row[2:] for row in await desk.trail()] == [("allowed", "granted"), ("denied", "asked-before")]


async def test_what_was_kept_a_moment_before_is_a_row(desk: Desk) -> None:
    await desk.stands(RequestState.FINISHED, ended_at=NOON, order=Create(("disk-1",), keep_days=7))
    desk.clock.at = NOON + timedelta(days=6)
    assert "Kept for 7 more days" in (await desk.answer("keep", an_actor("U1"), "r-one"))[0]
    assert "a moment before you" in (await desk.answer("keep", an_actor("U3"), "r-one"))[0]
    assert [row[2:] for row in await desk.trail()] == [("done", "granted"), ("denied", "kept-before")]
