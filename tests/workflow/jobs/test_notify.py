"""Who is told directly: whoever may approve at that moment, and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.actors import AccountKind, Actor
from bot.domain.deletions import Deletion
from bot.domain.errors import LookupFailed, SlackBusy, StoreFailed
from bot.domain.roles import Grant
from bot.domain.transitions import DeletionState, RequestEvent, RequestState
from bot.ports.messages import DirectMessage, OutboxMessage
from bot.ports.requests import Incoming
from bot.store.store import Store
from bot.workflow.jobs.notify import GIVE_UP, NOTIFY, Notifier, who_may_approve
from tests.builders import FakeClock, a_grant, a_project, a_request, an_actor, an_item

GRANTS = (
    a_grant("U7", "approver"),
    a_grant("U8", "admin"),
    a_grant("U1", "approver"),
    a_grant("U9", "operator"),
    a_grant("S1", "approver", kind="group"),
    a_grant("", "approver", kind="everyone"),
)


class Office:
    """Slack's people and groups, and what was said to whom."""

    def __init__(self) -> None:
        self.guests: set[str] = set()
        self.group = frozenset({"U1", "U6", "U7"})
        self.tells = True
        self.said: list[tuple[str, str]] = []
        self.failing: set[str] = set()
        self.tried: list[str] = []

    def known(self, user_id: str) -> Actor | None:
        return None

    async def look_up(self, user_id: str) -> Actor:
        account = AccountKind.GUEST if user_id in self.guests else AccountKind.MEMBER
        return an_actor(user_id, account, *(("S1",) if user_id in self.group else ()))

    async def members(self, user_group_id: str) -> frozenset[str]:
        if not self.tells:
            raise LookupFailed("Slack does not say.")
        return self.group

    async def say(self, outgoing: OutboxMessage) -> None:
        assert isinstance(outgoing, DirectMessage)
        user_id = outgoing.to
        self.tried.append(user_id)
        if user_id in self.failing:
            raise SlackBusy("Slack did not answer.", retry_after=4.0, maybe_done=True)
        self.said.append((user_id, outgoing.text))

    async def ask_to_agree(self, user_id: str, request_id: str, sentences: Sequence[str], asking: int) -> None:
        self.said.append((user_id, f"agree {asking}: {sentences[0]}"))


class Desk:
    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock, self.office = store, clock, Office()
        projects = {"payments": a_project(break_glass=True)}
        self.notifier = Notifier(store, self.office, self.office, self.office, projects, clock)

    async def tell(self) -> list[str]:
        """Let the job run until it rests or waits for Slack; answers who was told so far."""
        for _ in range(20):
            wait = await self.notifier("r-one")
            if wait is None or wait > 5:
                return sorted(user for user, _ in self.office.said)
            self.clock.pass_(seconds=wait)
        raise AssertionError("it never rests")

    async def denied(self) -> list[tuple[str, str]]:
        rows = await self.store.audit_page(0)
        return [(row["actor"], row["rule"]) for row in rows if (row["action"], row["outcome"]) == (NOTIFY, "denied")]


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> Desk:
    """A request that ran without approval, just set going."""
    await store.configured_grants(GRANTS)
    request = a_request(state=RequestState.RECEIVED, to_send=False)
    await store.take_in("d", "C1", None, lambda grants, bound: Incoming(request))
    running = replace(request, state=RequestState.RUNNING, break_glass=True)
    await store.decide_plan(running, [an_item(1)], [], notify=await who_may_approve(store, running))
    return Desk(store, clock)


async def test_each_person_and_each_member_of_a_group_is_told_once_and_never_who_asked(desk: Desk) -> None:
    assert await desk.tell() == ["U6", "U7", "U8"]
    assert {kind for _, kind in desk.office.said} == {"break_glass"}
    assert await desk.store.untold("r-one") == []


async def test_a_grant_revoked_after_the_plan_is_told_nothing(desk: Desk) -> None:
    left: list[Grant] = [grant for grant in GRANTS if grant.subject_id not in ("U8", "")]
    await desk.store.configured_grants(left)
    assert await desk.tell() == ["U6", "U7"]
    assert await desk.denied() == [("U8", "no-grant")]


async def test_a_guest_is_told_nothing_whatever_the_grants_say(desk: Desk) -> None:
    desk.office.guests = {"U7"}
    assert await desk.tell() == ["U6", "U8"]
    assert await desk.denied() == [("U7", "standing-guest")]


async def test_a_group_that_slack_cannot_tell_keeps_nobody_waiting_and_is_asked_for_again(desk: Desk) -> None:
    desk.office.tells = False
    assert await desk.tell() == ["U7", "U8"]
    desk.clock.pass_(minutes=20)
    desk.office.tells = True
    assert await desk.tell() == ["U6", "U7", "U8"]


async def test_one_person_whom_slack_cannot_be_told_to_reach_keeps_nobody_else_waiting(desk: Desk) -> None:
    desk.office.failing = {"U7"}
    for _ in range(6):
        desk.clock.pass_(seconds=await desk.notifier("r-one") or 0.0)
    assert sorted(user for user, _ in desk.office.said) == ["U6", "U8"]
    assert 1 <= desk.office.tried.count("U7") <= 4
    desk.office.failing.clear()
    assert await desk.tell() == ["U6", "U7", "U8"]


async def test_who_was_told_while_that_could_not_be_written_down_is_not_told_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(Store, "told", no_room)
        with pytest.raises(StoreFailed):
            await desk.notifier("r-one")
    assert len(desk.office.said) == 1
    assert await desk.tell() == ["U6", "U7", "U8"]


async def no_room(*_: object, **__: object) -> None:
    raise StoreFailed("The disk is full.")


async def test_a_group_that_slack_never_tells_is_given_up_after_an_hour(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.office.tells = False
    await desk.tell()
    desk.clock.pass_(seconds=(GIVE_UP + timedelta(minutes=1)).total_seconds())
    await desk.tell()
    assert await desk.store.untold("r-one") == []
    assert "somebody who may approve was not told" in caplog.messages
    assert await desk.denied() == [("group:S1", "lookup-failed")]


async def test_what_was_settled_meanwhile_is_asked_of_nobody(desk: Desk) -> None:
    request = a_request("r-two", state=RequestState.RECEIVED, to_send=False)
    await desk.store.take_in("d2", "C1", None, lambda grants, bound: Incoming(request))
    waiting = replace(request, state=RequestState.WAITING, approvals_needed=1)
    await desk.store.decide_plan(waiting, [], [])
    await desk.store.tell_directly("r-two", await who_may_approve(desk.store, waiting))
    await desk.store.refuse_waiting("r-two", RequestEvent.DROP, "approval-timeout", "Nobody.", [])
    assert await desk.notifier("r-two") is None
    assert desk.office.said == []
    assert await desk.store.untold("r-two") == []


async def test_an_asking_for_a_deletion_is_put_to_those_who_may_agree_until_it_is_settled(desk: Desk) -> None:
    await desk.tell()
    desk.office.said.clear()
    made = Deletion(
        "r-one-1", "r-one", "payments", "s1", "d1", "disk-1", DeletionState.ASKED, "U8", "C1", desk.clock.now()
    )
    await desk.store.ask_deletion([made], [])
    found = await desk.store.request("r-one")
    assert found is not None
    asked = await who_may_approve(desk.store, found[0], but="U8")
    await desk.store.deletion_announced("r-one", 1, asked)
    assert await desk.tell() == ["U1", "U6", "U7"]  # everybody but who asked; also U1, whose request it is
    assert all(words.startswith("agree 1: \ue000@U8\ue001 asks to delete 1 snapshot") for _, words in desk.office.said)
    desk.office.said.clear()
    await desk.store.agree_to_deletion(await desk.store.deletions("r-one"), "U1", 1, [])
    await desk.store.deletion_announced("r-one", 2, asked)  # nothing waits under that number
    assert await desk.tell() == []
    assert await desk.store.untold("r-one") == []
