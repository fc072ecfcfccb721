"""What is said next, how often, and what happens when Slack won't."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.errors import BotError, CannotPost, MessageFixed, MessageGone, MessageRefused, SlackBusy, StoreFailed
from bot.domain.items import DiskRef, Item, ended, taken
from bot.domain.orders import Quick
from bot.domain.requests import Place, Request
from bot.domain.transitions import ItemState, RequestState
from bot.ports.messages import Edit, OutboxMessage, Whole
from bot.ports.requests import Incoming
from bot.ports.slack import Posted
from bot.slack.client.limits import EDITS_A_MINUTE, POSTS_A_MINUTE, budgets
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from bot.workflow.call_budget import CallBudget, OwnRoom, Urgency
from bot.workflow.jobs.due_messages import due_messages
from bot.workflow.jobs.report import POST_EVERY, Reporter
from tests.builders import NOON, FakeClock, a_request, an_item
from tests.outgoing import kind_of

CREATING = an_item(1, ItemState.CREATING, snapshot_id="snap-1", job_id="job-1")
DONE = an_item(1, ItemState.AVAILABLE, snapshot_id="snap-1", ended_at=NOON)
POSTED = {"status_ts": "1.1", "status_channel": "C1"}


class Voice:
    """Remembers what was said; raises what it was told to, once each."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.said: list[tuple[str, str]] = []
        self.troubles: list[BotError] = []
        self.taken_back: list[str] = []
        self.troubled: str | None = None
        """The kind that the troubles are for; each and every one where it is None."""
        self.refused_edits: list[BotError] = []
        self.at: dict[str, datetime] = {}
        """When each kind was said last."""

    async def take_back(self, posted: Posted) -> None:
        self.taken_back.append(posted.ts)

    async def say(self, outgoing: OutboxMessage) -> Posted | None:
        kind = kind_of(outgoing)
        if self.troubles and kind == (self.troubled or kind):
            raise self.troubles.pop(0)
        if self.refused_edits and isinstance(outgoing, Edit):
            raise self.refused_edits.pop(0)
        self.at[kind] = self._clock.now()
        self.said.append((kind, outgoing.request.reply_channel))
        return Posted(outgoing.request.reply_channel, f"{len(self.said)}.0") if kind not in ("edit", "moved") else None


class Desk:
    """A reporter on a real store with one request in it."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock, self.voice = store, clock, Voice(clock)
        self.changed: dict[str, set[str] | None] = {}
        self.restart()

    def restart(self) -> None:
        self.budgets = budgets(OwnRoom(self.clock), OwnRoom(self.clock), self.clock)
        self.reporter = self.a_reporter(self.store)

    def a_reporter(self, store: Store, *, lingers: bool = False) -> Reporter:
        return Reporter(store, self.voice, self.clock, self.budgets, self.take_changed, {}, lingers=lingers)

    def heard(self, key: str, at: datetime, lane: str, about: str) -> None:
        if (changed := self.changed.setdefault(key, set())) is not None:
            changed.add(about)

    def take_changed(self, key: str) -> Collection[str] | None:
        return self.changed.pop(key, set())

    async def speak(self, home: str = "C1", turns: int = 30) -> list[str]:
        """Let the job run until it has nothing more to say; answers what it said."""
        before = len(self.voice.said)
        for _ in range(turns):
            wait = await self.reporter(home)
            if wait is None:
                return [kind for kind, _ in self.voice.said[before:]]
            self.clock.pass_(seconds=wait)
        raise AssertionError("the reporter never falls silent")

    async def in_thread(self, thread_ts: str) -> None:
        """The request was asked below a message."""
        request = await self.request()
        await self.store.move_reply_channel(
            replace(request, place=replace(request.place, thread_ts=thread_ts)), request
        )

    async def add(self, request_id: str, channel: str, **fields: Any) -> None:
        """Another request, with one disk of its own."""
        place = Place("T1", channel)
        request = a_request(request_id, state=RequestState.RECEIVED, to_send=False, place=place, reply_channel=channel)
        await self.store.take_in(request_id, channel, None, lambda grants, bound: Incoming(request))
        item = replace(an_item(1, request_id=request_id), disk=DiskRef(f"disk-of-{request_id}", "a"))
        await self.store.decide_plan(replace(request, **{"state": RequestState.RUNNING, **fields}), [item], [])

    async def wait_for_others(self, approvals: int) -> None:
        """`r-two` waits for so many; the first request has been told already."""
        await self.speak()
        await self.add("r-two", "C1", state=RequestState.WAITING, approvals_needed=approvals)

    async def change(self, change: Callable[[Item], Item], item_id: str = "r-one-1") -> None:
        found = await self.store.item(item_id)
        assert found is not None
        assert await self.store.save(change(found[0]))

    async def finish(self) -> None:
        await self.change(lambda item: replace(item, state=ItemState.CREATING))
        await self.change(lambda item: ended(item, ItemState.AVAILABLE, NOON))

    async def request(self) -> Request:
        return (await self.whole("r-one"))[0]

    async def whole(self, request_id: str) -> tuple[Request, list[Item]]:
        found = await self.store.request(request_id)
        assert found is not None
        return found


async def used(budget: CallBudget, calls: int) -> None:
    for _ in range(calls):
        async with budget.one(Urgency.AWAITED):
            pass


@pytest.fixture
async def desk(database: SqliteDatabase, store: Store, clock: FakeClock) -> Desk:
    request = a_request(state=RequestState.RECEIVED, to_send=False)
    await store.take_in("d", "C1", None, lambda grants, bound: Incoming(request))
    await store.decide_plan(replace(request, state=RequestState.RUNNING), [an_item(1)], [])
    desk = Desk(store, clock)
    database.on_scheduled(desk.heard)
    return desk


async def test_a_request_is_told_from_first_to_last(desk: Desk) -> None:
    assert await desk.speak() == ["status"]
    await desk.change(lambda item: taken(item, "snap-1", "job-1"))
    assert await desk.speak() == ["accepted", "edit"]
    await desk.change(lambda item: ended(item, ItemState.AVAILABLE, NOON))
    assert await desk.speak() == ["edit", "receipt"]
    assert await desk.speak() == []
    assert await desk.store.jobs() == []


async def test_edits_of_a_message_are_three_seconds_apart(desk: Desk) -> None:
    await desk.speak()
    posted = desk.clock.now()
    await desk.change(lambda item: replace(item, cause="busy", waiting_since=NOON))
    await desk.speak()
    assert (desk.clock.now() - posted).total_seconds() >= 2.0
    request = await desk.request()
    assert request.edited_at is not None and request.edited_at - NOON >= timedelta(seconds=3)


async def test_slack_is_left_in_peace_for_as_long_as_it_asks(desk: Desk) -> None:
    desk.voice.troubles = [SlackBusy("wait", retry_after=7.0)]
    assert await desk.reporter("C1") == 7.0
    desk.clock.pass_(seconds=5)
    assert await desk.reporter("C1") == 2.0
    assert desk.voice.said == []
    desk.clock.pass_(seconds=2)
    assert await desk.speak() == ["status"]


async def test_where_slack_asks_for_fewer_edits_posts_go_on_and_edits_rest_in_every_channel(desk: Desk) -> None:
    await desk.add("r-two", "C1")
    await desk.add("r-three", "C2")
    for home in ("C1", "C2"):
        await desk.speak(home)
    for number in ("r-one", "r-two", "r-three"):
        await desk.change(lambda item: replace(item, cause="busy", waiting_since=NOON), f"{number}-1")
    desk.clock.pass_(seconds=10)
    await desk.add("r-four", "C1")
    desk.voice.said.clear()
    assert [kind_of(outgoing) for outgoing in due_messages(*(await desk.whole("r-one")))] == ["edit"]
    desk.voice.refused_edits = [SlackBusy("wait", retry_after=30.0)]
    begun = desk.clock.now()
    assert await desk.speak("C1") == ["status", "edit", "edit"]
    assert desk.voice.at["status"] - begun < timedelta(seconds=2)
    assert desk.voice.at["edit"] - begun >= timedelta(seconds=30)
    desk.clock.at = begun + timedelta(seconds=5)
    assert await desk.reporter("C2") == 25.0


async def test_edits_of_an_ask_are_three_seconds_apart_too(desk: Desk) -> None:
    await desk.wait_for_others(2)
    assert await desk.speak() == ["status", "ask", "edit"]  # which leads to the question
    desk.clock.pass_(seconds=10)
    await desk.store.approve("r-two", "U7", [])
    await desk.reporter("C1")
    first = desk.voice.at["ask_edit"]
    await desk.store.approve("r-two", "U8", [])
    assert "ask_edit" in await desk.speak()
    assert desk.voice.at["ask_edit"] - first >= timedelta(seconds=3)


@pytest.mark.parametrize("settled", [True, False])
async def test_an_ask_that_slack_will_not_have_edited_holds_nothing_back(desk: Desk, settled: bool) -> None:
    await desk.wait_for_others(1 if settled else 2)
    await desk.speak()
    desk.clock.pass_(seconds=10)
    await desk.store.approve("r-two", "U7", [])
    desk.voice.refused_edits = [MessageRefused("msg_too_long")]
    begun = desk.clock.now()
    assert await desk.speak() == ["edit"]
    assert desk.clock.now() - begun < timedelta(minutes=1)


async def test_a_message_that_slack_refuses_does_not_silence_the_others(desk: Desk) -> None:
    other = a_request("r-two", state=RequestState.RECEIVED, to_send=False)
    await desk.store.take_in("d2", "C1", None, lambda grants, bound: Incoming(other))
    item = replace(an_item(1, request_id="r-two"), disk=an_item(2).disk)
    await desk.store.decide_plan(replace(other, state=RequestState.RUNNING), [item], [])
    desk.voice.troubles = [MessageRefused("invalid_blocks")]
    assert await desk.reporter("C1") == 0.0
    wait = await desk.reporter("C1")
    assert [kind for kind, _ in desk.voice.said] == ["status"]
    assert wait == 0.0
    desk.clock.pass_(minutes=6)
    assert "status" in await desk.speak()


async def test_where_it_may_not_post_it_says_so_and_goes_on_in_a_direct_message(desk: Desk) -> None:
    desk.voice.troubles = [CannotPost("no", "not_in_channel")]
    await desk.speak()
    assert ("moved", "C1") in desk.voice.said
    assert await desk.speak("U1") == ["status"]
    assert desk.voice.said[-1] == ("status", "U1")


async def test_a_deleted_message_is_replaced_so_that_the_end_has_a_place(desk: Desk) -> None:
    await desk.speak()
    await desk.finish()
    desk.clock.pass_(seconds=5)
    desk.voice.troubles = [MessageGone("gone")]
    assert await desk.speak() == ["status", "receipt"]


async def test_where_messages_may_not_be_edited_only_the_end_is_a_new_one(desk: Desk) -> None:
    await desk.speak()
    for progress in (10, 20, 30):
        await desk.change(lambda item, seen=progress: replace(item, progress=seen))  # type: ignore[misc]
        desk.clock.pass_(seconds=30)
        desk.voice.troubles = [MessageFixed("edit_window_closed")]
        assert await desk.speak() == []
    await desk.finish()
    desk.clock.pass_(seconds=30)
    desk.voice.troubles = [MessageFixed("edit_window_closed")]
    assert await desk.speak() == ["status", "receipt"]


async def test_a_thread_that_is_gone_is_left_for_the_channel(desk: Desk) -> None:
    await desk.in_thread("9.9")
    desk.voice.troubles = [MessageGone("thread_not_found")]
    assert await desk.speak() == ["status"]
    assert (await desk.request()).place.thread_ts is None


async def test_a_reply_that_finds_no_message_twice_is_told_directly(desk: Desk) -> None:
    await desk.speak()
    await desk.finish()
    desk.clock.pass_(seconds=5)
    desk.voice.said.clear()
    desk.voice.troubled = "receipt"
    desk.voice.troubles = [MessageGone("gone"), MessageGone("gone")]
    assert await desk.speak() == ["edit", "status", "moved"]
    assert await desk.speak("U1") == ["status", "receipt"]


@pytest.mark.parametrize("kind", ["status", "receipt"])
async def test_a_message_refused_twice_is_told_directly(desk: Desk, kind: str) -> None:
    if kind == "receipt":
        await desk.speak()
        await desk.finish()
        desk.clock.pass_(seconds=5)
    desk.voice.troubled = kind
    desk.voice.troubles = [MessageRefused("no"), MessageRefused("no")]
    await desk.speak()
    assert (await desk.request()).reply_channel == "U1"
    assert "status" in await desk.speak("U1")


async def test_what_is_refused_in_a_direct_message_too_is_tried_again_and_never_given_up(desk: Desk) -> None:
    desk.voice.troubles = [CannotPost("no", "not_in_channel")]
    await desk.speak()
    desk.voice.troubles = [MessageRefused("no")] * 4
    assert await desk.speak("U1") == ["status"]


async def test_an_edit_refused_twice_gives_way_to_a_new_message(desk: Desk) -> None:
    await desk.speak()
    await desk.finish()
    desk.clock.pass_(seconds=5)
    desk.voice.troubled = "edit"
    desk.voice.troubles = [MessageRefused("no"), MessageRefused("no")]
    assert await desk.speak() == ["receipt", "status"]


async def test_a_restart_says_again_only_what_was_not_written_down(desk: Desk) -> None:
    await desk.speak()
    desk.restart()
    assert await desk.speak() == []
    await desk.change(lambda item: ended(item, ItemState.FAILED, NOON, cause="gone"))
    desk.restart()
    assert await desk.speak() == ["edit", "receipt"]


async def test_a_receipt_waits_for_no_room_among_the_edits(desk: Desk) -> None:
    await desk.speak()
    await desk.finish()
    await used(desk.budgets.edits, EDITS_A_MINUTE)
    begun = desk.clock.now()
    assert await desk.speak() == ["receipt", "edit"]
    assert desk.voice.at["receipt"] - begun <= timedelta(seconds=1)
    assert desk.voice.at["edit"] - begun >= timedelta(seconds=59)


async def a_placeholder(desk: Desk, request_id: str = "r-two") -> Request:
    """A quick backup whose message stands before its plan is known."""
    request = a_request(request_id, state=RequestState.RECEIVED, to_send=True, order=Quick())
    await desk.store.take_in(request_id, "C1", None, lambda grants, bound: Incoming(request))
    await desk.speak()
    return request


@pytest.mark.parametrize("state", [RequestState.DROPPED, RequestState.DENIED, RequestState.PLANNED])
@pytest.mark.parametrize("restarted", [False, True])
async def test_what_a_placeholder_comes_to_is_shown_at_once(desk: Desk, state: RequestState, restarted: bool) -> None:
    """Though ends and progress have taken all their room, and the placeholder was posted a moment ago."""
    placeholder = await a_placeholder(desk)
    if restarted:
        desk.clock.pass_(seconds=3)
        desk.restart()
    await used(desk.budgets.edits, EDITS_A_MINUTE * Urgency.END // 100)
    begun = desk.clock.now()
    ended_at = NOON if state is not RequestState.PLANNED else None
    after = replace(placeholder, state=state, rev=placeholder.rev + 1, ended_at=ended_at, explanation="No such server.")
    await desk.store.decide_plan(after, [], [])
    assert (await desk.speak())[0] == "edit"
    assert desk.voice.at["edit"] == begun


async def test_what_was_said_while_nothing_could_be_written_is_not_said_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise StoreFailed("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(desk.store, "mark_sent", full)
        for _ in range(3):
            with pytest.raises(StoreFailed):
                await desk.reporter("C1")
    assert await desk.speak() == []
    assert desk.voice.said == [("status", "C1")]
    assert (await desk.request()).status_ts == "1.0"


async def test_an_edit_that_slack_does_not_answer_holds_up_no_other_channel(desk: Desk) -> None:
    await desk.add("r-two", "C2")
    for home in ("C1", "C2"):
        await desk.speak(home)
    for number in ("r-one", "r-two"):
        await desk.change(lambda item: replace(item, cause="busy", waiting_since=NOON), f"{number}-1")
    desk.clock.pass_(seconds=10)
    desk.voice.refused_edits = [SlackBusy("no answer", retry_after=30.0, maybe_done=True)]
    assert await desk.reporter("C1") == 0.0
    begun = desk.clock.now()
    assert await desk.speak("C2") == ["edit"]
    assert desk.clock.now() == begun


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_keeps_nobody_waiting_for_a_message(desk: Desk, hours: int) -> None:
    await desk.speak()
    await desk.change(lambda item: replace(item, cause="busy", waiting_since=NOON))
    desk.clock.step(hours=hours)
    begun = desk.clock.monotonic()
    assert await desk.speak() == ["edit"]
    assert desk.clock.monotonic() - begun <= 4.0


class CountedRows(Store):
    """Counts the requests that the reporter reads, and its transactions."""

    def __init__(self, database: SqliteDatabase, clock: FakeClock) -> None:
        super().__init__(database, clock)
        self.listed, self.read, self.written = 0, 0, 0

    async def to_send(self, reply_channel: str) -> list[str]:
        found = await super().to_send(reply_channel)
        self.listed += len(found)
        return found

    async def outbox(self, reply_channel: str, request_ids: Sequence[str]) -> list[Whole]:
        self.read += len(request_ids)
        return await super().outbox(reply_channel, request_ids)

    async def mark_sent(self, request: Request, was: Request, **told: Sequence[str]) -> bool:
        self.written += 1
        return await super().mark_sent(request, was, **told)

    async def mark_all_sent(self, requests: Sequence[Request]) -> None:
        self.written += 1
        await super().mark_all_sent(requests)


@pytest.mark.parametrize("count", [20, 200])
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_channel_of_many_requests_is_told_with_a_few_readings_of_each(
    database: SqliteDatabase, clock: FakeClock, count: int, restarted: bool
) -> None:
    rows = CountedRows(database, clock)
    desk = Desk(rows, clock)
    database.on_scheduled(desk.heard)
    names = [f"r-{number:03d}" for number in range(count)]
    for name in names:
        await desk.add(name, "C1")
    assert await desk.speak(turns=3 * count) == ["status"] * count
    for name in names:
        await desk.change(lambda item: replace(item, state=ItemState.CREATING), f"{name}-1")
        await desk.change(lambda item: ended(item, ItemState.AVAILABLE, NOON), f"{name}-1")
    if restarted:
        desk.restart()
    said = await desk.speak(turns=9 * count)
    assert (said.count("receipt"), said.count("edit")) == (count, count)
    assert await desk.speak() == []
    assert rows.listed <= 2 * count
    assert rows.read <= 6 * count
    assert rows.written <= 3 * count


async def test_what_changes_while_others_wait_is_said_in_its_turn(desk: Desk) -> None:
    """Room for an edit is far away, and the reporter waits for it when an approval is asked for."""
    await desk.speak()
    await desk.change(lambda item: replace(item, cause="busy", waiting_since=NOON))
    await used(desk.budgets.edits, EDITS_A_MINUTE)
    desk.clock.pass_(seconds=10)
    assert await desk.reporter("C1") == 50.0
    await desk.add("r-two", "C1", state=RequestState.WAITING, approvals_needed=1)
    assert await desk.reporter("C1") == 0.0
    desk.clock.pass_(seconds=1)
    assert await desk.reporter("C1") == 0.0
    assert desk.voice.said[-2:] == [("status", "C1"), ("ask", "C1")]


async def test_a_channel_behind_another_is_called_for_its_edit_once_the_other_has_made_its_own(desk: Desk) -> None:
    called: list[str] = []
    desk.budgets.on_turn(called.append)
    await desk.add("r-two", "C2")
    for channel, name in (("C1", "r-one"), ("C2", "r-two")):
        await desk.speak(channel)
        await desk.change(lambda item: replace(item, cause="busy", waiting_since=NOON), f"{name}-1")
        desk.clock.pass_(seconds=1)
    await used(desk.budgets.edits, 1)
    desk.clock.pass_(seconds=5)
    await used(desk.budgets.edits, EDITS_A_MINUTE * Urgency.PROGRESS // 100 - 1)
    desk.clock.pass_(seconds=5)
    assert (await desk.reporter("C1"), await desk.reporter("C2")) == (50.0, None)
    desk.clock.pass_(seconds=50)
    assert await desk.reporter("C2") is None
    assert called == []
    await desk.reporter("C1")
    assert called == ["C2"]
    desk.clock.pass_(seconds=5)
    await desk.reporter("C2")
    assert desk.voice.said[-2:] == [("edit", "C1"), ("edit", "C2")]


async def test_when_all_posts_are_made_those_that_are_awaited_come_before_ends_and_ends_before_progress(
    desk: Desk,
) -> None:
    """Each channel could post at once, and the workspace takes no more for now."""
    desk.clock.pass_(seconds=10)
    await used(desk.budgets.posts, POSTS_A_MINUTE * Urgency.PROGRESS // 100)
    await desk.speak()
    await desk.change(lambda item: taken(item, "snap-1", "job-1"))
    await desk.reporter("C1")
    await desk.reporter("C1")
    assert [kind for kind, _ in desk.voice.said] == ["status"]
    await desk.change(lambda item: ended(item, ItemState.AVAILABLE, NOON))
    await desk.add("r-two", "C2")
    begun = desk.clock.now()
    await desk.speak("C2", turns=2)
    assert desk.voice.at["status"] == begun
    await desk.speak("C1")
    assert desk.voice.at["receipt"] - begun < timedelta(seconds=10)
    assert "accepted" not in desk.voice.at


async def test_a_channel_that_comes_from_another_replica_is_read_anew(desk: Desk) -> None:
    """What waits there is known here from before; what changed meanwhile, and what was said of it, is not."""
    here, there = desk.reporter, desk.a_reporter(desk.store)
    await here("C1")
    await desk.change(lambda item: taken(item, "snap-1", "job-1"))
    assert await here("C1") == POST_EVERY.total_seconds()
    desk.clock.pass_(seconds=10)
    desk.reporter = there
    assert await desk.speak() == ["accepted", "edit"]
    await desk.change(lambda item: ended(item, ItemState.AVAILABLE, NOON))
    desk.reporter, desk.changed["report:C1"] = here, None
    assert sorted(await desk.speak()) == ["edit", "receipt"]


async def test_a_channel_is_kept_until_the_pause_after_its_last_message_where_others_would_not_know_of_it(
    desk: Desk,
) -> None:
    desk.reporter = desk.a_reporter(desk.store, lingers=True)
    assert await desk.reporter("C1") == POST_EVERY.total_seconds()
    desk.clock.pass_(seconds=1)
    assert await desk.reporter("C1") is None


async def test_a_message_that_another_replica_posted_first_counts_and_the_other_one_is_taken_back(desk: Desk) -> None:
    """The lease of this one had ended while it was about to post."""
    here, there, say = desk.reporter, desk.a_reporter(desk.store), desk.voice.say

    async def slowly(outgoing: OutboxMessage) -> Posted | None:
        desk.voice.say = say  # type: ignore[method-assign]  # the next ones are as quick as ever
        await there("C1")
        return await say(outgoing)

    desk.voice.say = slowly  # type: ignore[method-assign]  # for once
    await here("C1")
    assert desk.voice.said == [("status", "C1"), ("status", "C1")]
    found = await desk.store.request("r-one")
    assert found is not None
    assert (found[0].status_ts, desk.voice.taken_back) == ("1.0", ["2.0"])
    desk.clock.pass_(seconds=10)
    assert await desk.speak() == ["edit"]
