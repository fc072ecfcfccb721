"""Jobs, people and the cloud in any order: hypothesis decides who acts next, what becomes of every call, which job is
killed or frozen and woken, and how much time passes. Rows move along the tables alone, and what they say is so.

The jobs are the bot's own, on its own tables; the cloud keeps each call waiting until its end is decided. An order that
breaks something is shown as the shortest one that does. `ANY_ORDER=5000` tries that many instead.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain.actors import Actor
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import Deletion, deletable
from bot.domain.errors import CloudError, LookupFailed
from bot.domain.items import DiskRef, Item
from bot.domain.requests import Request
from bot.domain.snapshots import REQUEST_TAG, CreateSnapshotGroup, CreateStandardSnapshot
from bot.domain.transitions import DeletionState, RequestEvent, RequestState
from bot.ports.requests import Incoming
from bot.store.definitions import MACHINES
from bot.store.items import JOINED_TOGETHER
from bot.store.store import Store
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.discovery import GroupDiscovery
from bot.workflow.jobs.attempting import SEND_WITHIN_S, RetryPolicy
from bot.workflow.jobs.delete import Deleter
from bot.workflow.jobs.follow_on import FollowOn
from bot.workflow.jobs.submit import Submitter
from bot.workflow.jobs.submit_group import Grouper
from bot.workflow.jobs.watch import Watcher
from tests.builders import FakeClock, a_disk, a_grant, a_project, a_request, an_actor, an_item
from tests.fakes.doubtful_cloud import CALLER, REFUSALS, SERVER, Call, DoubtfulEvs
from tests.fakes.memory import MemoryDatabase

DISKS = [a_disk(f"disk-{number}", number) for number in (1, 2, 3)]
ALICE, BOB, CAROL = "U1", "U2", "U3"
MOST_REQUESTS = 4
POLICY = RetryPolicy(timedelta(seconds=60), another_may_send=timedelta(seconds=SEND_WITHIN_S))
MOVES = {
    (machine.name, str(before), str(after)) for machine in MACHINES for before, _, after in machine.edges if before
}
ALIVE = ("creating", "available")

which = st.integers(min_value=0, max_value=11)
"""One of those that there are, counted round."""
OF_A_JOB = ("killed", "killed too late", "frozen")
ends = st.sampled_from(["answered", "lost", "lost and done", "lost and hidden", *OF_A_JOB, *REFUSALS])
"""What becomes of a call, or of the job that waits for it."""


@dataclass
class WoundClock(FakeClock):
    """Who sleeps is woken when so much time was let pass."""

    asleep: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.asleep.append((self.monotonic() + seconds, woken))
        await woken

    def wind(self, seconds: float) -> None:
        self.pass_(seconds=seconds)
        for at, woken in self.asleep:
            if at <= self.monotonic() and not woken.done():
                woken.set_result(None)
        self.asleep = [(at, woken) for at, woken in self.asleep if not woken.done()]


@dataclass
class SlowPeople:
    """Slack, which lets some jobs wait while it is asked who a person is."""

    evs: DoubtfulEvs

    def known(self, user_id: str) -> Actor | None:
        return None

    async def look_up(self, user_id: str) -> Actor:
        run = CALLER.get()
        if not (isinstance(run, Run) and run.waits_for_slack):
            return an_actor(user_id)
        try:
            return await self.evs.waits("users.info", lambda: an_actor(user_id))
        except CloudError:
            raise LookupFailed("Slack did not answer.") from None


class HeardNotices:
    async def say_in_thread(self, request: Request, sentences: Sequence[str], *, asking: int | None = None) -> bool:
        return True


@dataclass(eq=False)
class Run:
    """A job at work. One that is `frozen` counts as dead for the others, and is not."""

    key: str
    task: asyncio.Task[float | None] | None = None
    frozen: bool = False
    waits_for_slack: bool = False


class AnyOrder(RuleBasedStateMachine):
    """The bot's rows, the jobs that they call for, and a cloud in which anything may become of a call."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.database = MemoryDatabase()
        self.moves: list[tuple[str, str, str]] = []
        self.database.on_moves([machine.name for machine in MACHINES], lambda *move: self.moves.append(move))
        self.clock = WoundClock()
        self.store = Store(self.database, self.clock)
        self.evs = DoubtfulEvs(self.clock.monotonic)
        self.runs: list[Run] = []
        self.requests = 0
        self.groups: dict[str, str] = {}
        """In which group each item was asked for at first: a row forgets that when it leaves it."""
        self.most_joined = Counter[str | None]()
        """How many have been joined to an item at the same time."""
        self.jobs = self._jobs()

    def _jobs(self) -> dict[str, Callable[[str], Any]]:
        store, clock, evs, projects = self.store, self.clock, self.evs, {"payments": a_project()}
        people = SlowPeople(evs)
        check = SendCheck(store, people, projects, clock)
        return {
            "submit": Submitter(store, check, evs, clock, POLICY),
            "group": Grouper(store, check, evs, GroupDiscovery(clock), clock, POLICY),
            "watch": Watcher(store, evs, clock, timedelta(hours=24)),
            "follow": FollowOn(store),
            "delete": Deleter(store, people, evs, HeardNotices(), projects, clock),
        }

    def _do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def _settle(self) -> None:
        """Everything goes on until it waits for the cloud, for time, or is over."""
        for _ in range(12):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()
        for run in [run for run in self.runs if run.task is not None and run.task.done()]:
            self.runs.remove(run)
            assert run.task is not None
            run.task.result()
        self._show_what_was_looked_for()

    def _show_what_was_looked_for(self) -> None:
        """The cloud may list late what it made, but not later than it is looked for."""
        text = (
            "select id from item where state = 'planned' union select id from consistency_group where state = 'planned'"
        )
        planned = {row["id"] for row in self.database.rows(text)}
        for made in self.evs.made:
            made.hidden = made.hidden and made.tag not in planned

    @initialize(together=st.booleans())
    def two_ask_for_the_same_disks(self, together: bool) -> None:
        grants = [a_grant(ALICE, "admin"), a_grant(BOB, "admin"), a_grant(CAROL, "admin")]
        self._do(self.store.configured_grants(grants))
        self._ask(DISKS[:2], together, RequestState.RUNNING)
        self._ask(DISKS[1:], not together, RequestState.RUNNING)

    # --- people -------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.requests < MOST_REQUESTS)
    @rule(
        disks=st.lists(st.sampled_from(DISKS), min_size=1, max_size=3, unique_by=lambda disk: disk.id),
        together=st.booleans(),
        state=st.sampled_from([*[RequestState.RUNNING] * 4, RequestState.PLANNED, RequestState.WAITING]),
    )
    def asks(self, disks: list[Any], together: bool, state: RequestState) -> None:
        self._ask(disks, together, state)

    def _ask(self, disks: list[Any], together: bool, state: RequestState) -> None:
        self.requests += 1
        request_id = f"r-{self.requests}"
        request = a_request(request_id, state=RequestState.RECEIVED, to_send=False)
        self._do(self.store.take_in(request_id, "C1", None, lambda held, bound: Incoming(request)))
        group = self._group(request_id, disks) if together and len(disks) > 1 else None
        items = [self._item(request_id, number, disk, group) for number, disk in enumerate(disks, 1)]
        self.groups |= {item.id: group.id for item in items if group}
        until = None if state is RequestState.RUNNING else self.clock.now() + timedelta(minutes=15)
        planned = replace(request, state=state, waits_until=until, approvals_needed=2)
        decided = self._do(self.store.decide_plan(planned, items, [], groups=[group] if group else []))
        assert decided.how == "done"

    def _group(self, request_id: str, disks: Sequence[Any]) -> ConsistencyGroup:
        tags = {REQUEST_TAG: f"{request_id}-g"}
        asked = CreateSnapshotGroup(volume_ids=tuple(disk.id for disk in disks), server_id=SERVER, name="g", tags=tags)
        now = self.clock.now()
        return ConsistencyGroup(f"{request_id}-g", request_id, "payments", SERVER, "az-a", asked, due_at=now)

    def _item(self, request_id: str, number: int, disk: Any, group: ConsistencyGroup | None) -> Item:
        item_id = f"{request_id}-{number}"
        asked = CreateStandardSnapshot(volume_id=disk.id, name=item_id, tags={REQUEST_TAG: item_id})
        fields: dict[str, Any] = {"disk": DiskRef.of(disk), "snapshot": asked, "due_at": self.clock.now()}
        return an_item(number, request_id=request_id, consistency_group_id=group.id if group else None, **fields)

    def _request(self, which: int) -> Request:
        found = self._do(self.store.request(f"r-{which % self.requests + 1}"))
        assert found is not None
        request: Request = found[0]
        return request

    @precondition(lambda self: self.database.rows("select 1 from item where state = 'planned'"))
    @rule(which=which, how=st.sampled_from(["confirm", "confirm", "agree", "agree too", "deny", "lapse", "call back"]))
    def is_decided(self, which: int, how: str) -> None:
        """Each may be too late, and then changes nothing."""
        request, store = self._request(which), self.store
        match how:
            case "confirm" if request.state is RequestState.PLANNED:
                after = replace(request, state=RequestState.RUNNING, waits_until=None)
                self._do(store.confirm(after, [], [], room=None))
            case "agree" | "agree too":
                self._do(store.approve(request.id, BOB if how == "agree" else CAROL, []))
            case "deny" if request.state is RequestState.WAITING:
                self._do(store.refuse_waiting(request.id, RequestEvent.DENY, "denied", "No.", []))
            case "lapse":
                self._do(store.refuse_waiting(request.id, RequestEvent.DROP, "plan-timeout", "Too late.", []))
            case "call back":
                self._do(store.cancel(request.id, explanation="Back.", cause="Back.", entries=[]))
            case _:
                pass

    @precondition(lambda self: any(one.status == "available" for one in self.evs.made))
    @rule(which=which, others=st.booleans())
    def asks_to_delete(self, which: int, others: bool) -> None:
        items = self._do(self.store.request(self._request(which).id))[1]
        state = DeletionState.ASKED if others else DeletionState.DELETING
        at = None if others else self.clock.now()
        asked = [self._deletion(item, state, at) for item in deletable(items)]
        if asked:
            self._do(self.store.ask_deletion(asked, []))

    def _deletion(self, item: Item, state: DeletionState, agreed_at: Any) -> Deletion:
        whose = (item.id, item.request_id, item.project, str(item.snapshot_id), item.disk.id, item.disk.label)
        return Deletion(*whose, state, ALICE, "C1", self.clock.now(), agreed_at=agreed_at)

    @precondition(lambda self: any(one.status == "available" for one in self.evs.made))
    @rule(which=which, person=st.sampled_from([ALICE, BOB]))
    def agrees_to_delete(self, which: int, person: str) -> None:
        if asked := self._do(self.store.deletions(self._request(which).id)):
            self._do(self.store.agree_to_deletion(asked, person, 1, []))

    # --- jobs ---------------------------------------------------------------------------------------------------------

    def _called_for_by_rows(self) -> list[str]:
        return [key for key, *_ in self._do(self.store.jobs()) if key.partition(":")[0] in self.jobs]

    def _called_for(self) -> list[str]:
        """What no live job is at: as rows call for it, and as a late alarm may."""
        keys = [
            *self._called_for_by_rows(),
            *(f"submit:{row['id']}" for row in self.database.rows("select id from item")),
        ]
        at_work = {run.key for run in self.runs if not run.frozen}
        return [key for key in dict.fromkeys(keys) if key not in at_work]

    def _start(self, key: str, *, waits_for_slack: bool = False) -> Run:
        kind, _, subject = key.partition(":")
        run = Run(key, waits_for_slack=waits_for_slack)
        CALLER.set(run)
        run.task = self.loop.create_task(self.jobs[kind](subject))
        self.runs.append(run)
        self._settle()
        return run

    @rule(which=which)
    def a_job_begins(self, which: int) -> None:
        if keys := self._called_for():
            self._start(keys[which % len(keys)], waits_for_slack=True)

    @rule(works=st.lists(st.tuples(which, st.sampled_from([0, 0, 0, 1, 2]), ends), min_size=1, max_size=6))
    def jobs_work(self, works: list[tuple[int, int, str]]) -> None:
        """One after the other from beginning to end, with that becoming of one call of each."""
        for which, answered, end in works:
            if keys := self._called_for():
                self._works(keys[which % len(keys)], answered, end)
            self.clock.wind(1)

    def _works(self, key: str, answered: int, end: str) -> None:
        run = self._start(key)
        for number in itertools.count():
            calls = [call for call in self.evs.waiting if call.caller is run]
            if not calls:
                return
            if number == answered and end == "frozen":
                run.frozen = True
                return
            if number == answered and end in OF_A_JOB:
                self._kill(run, arrives=end == "killed too late")
                return
            self._decide(calls[0], end if number == answered else "answered")

    @precondition(lambda self: self.runs)
    @rule(which=which, arrives=st.booleans())
    def a_job_is_killed(self, which: int, arrives: bool) -> None:
        self._kill(self.runs[which % len(self.runs)], arrives)

    def _kill(self, run: Run, arrives: bool) -> None:
        for call in self.evs.waiting if arrives else ():
            if call.caller is run and call.may_leave:
                call.arrives()
        before = self.database.changes
        assert run.task is not None
        run.task.cancel()
        self.loop.run_until_complete(asyncio.wait([run.task]))
        self.runs.remove(run)
        assert self.database.changes == before, "who is killed writes nothing more"

    @precondition(lambda self: any(not run.frozen for run in self.runs))
    @rule(which=which)
    def a_job_is_frozen(self, which: int) -> None:
        """It counts as dead for the others, and goes on as soon as its call ends."""
        awake = [run for run in self.runs if not run.frozen]
        awake[which % len(awake)].frozen = True

    # --- the cloud and time -------------------------------------------------------------------------------------------

    def _call(self, which: int) -> Call:
        return self.evs.waiting[which % len(self.evs.waiting)]

    @precondition(lambda self: self.evs.waiting)
    @rule(which=which, end=ends)
    def a_call_ends(self, which: int, end: str) -> None:
        self._decide(self._call(which), end)

    def _decide(self, call: Call, end: str) -> None:
        match end:
            case "lost":
                call.is_lost(done=False)
            case "lost and done" | "lost and hidden":
                before = len(self.evs.made)
                call.is_lost(done=True)
                for made in self.evs.made[before:]:
                    made.hidden = end == "lost and hidden"
            case _ if end in REFUSALS and call.may_leave:
                call.is_refused(REFUSALS[end]())
            case _:
                call.is_answered()
        self._settle()

    @precondition(lambda self: any(one.status == "creating" for one in self.evs.made))
    @rule(which=which, status=st.sampled_from(["available", "available", "error"]))
    def a_snapshot_ends(self, which: int, status: str) -> None:
        growing = [one for one in self.evs.made if one.status == "creating"]
        growing[which % len(growing)].status = status

    @rule(seconds=st.sampled_from([1, 5, 20, 61, 1900]))
    def time_passes(self, seconds: int) -> None:
        self.clock.wind(seconds)
        self._settle()

    @rule(seconds=st.sampled_from([1, 5, 61]))
    def all_jobs_work(self, seconds: int) -> None:
        """A while in which nothing goes wrong."""
        self.clock.wind(seconds)
        for key in self._called_for_by_rows():
            if key in self._called_for():
                run = self._start(key)
                while calls := [call for call in self.evs.waiting if call.caller is run]:
                    self._decide(calls[0], "answered")

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def rows_move_along_the_tables_alone(self) -> None:
        assert set(self.moves) <= MOVES

    @invariant()
    def what_the_rows_say_of_the_cloud_is_so(self) -> None:
        items = {row["id"]: row for row in self.database.rows("select * from item")}
        self.most_joined |= Counter(item["joined_to"] for item in items.values())
        for item in items.values():
            self._is_true(item, items)

    def _is_true(self, item: Any, items: dict[str, Any]) -> None:
        told = {name: item[name] for name in ("id", "state", "in_doubt", "joined_to", "snapshot_id", "cause")}
        made = self.evs.of_item(item["id"], self.groups.get(item["id"]), item["disk_id"])
        alive = [one for one in made if one.status in ALIVE]
        assert len(made) <= 1, f"made twice: {told}"
        match item["state"]:
            case "planned" if not item["in_doubt"]:
                assert not made, f"nobody would look for it: {told}"
            case "cancelled":
                assert not made, f"made all the same: {told}"
            case "failed":
                assert not alive, f"it is there, or coming: {told}"
            case "available":
                (one,) = [one for one in self.evs.made if one.id == item["snapshot_id"]]
                assert one.disk == item["disk_id"], told
                assert one.status == "available" or self._was_deleted(one.id), told
                assert made == [one] or (item["joined_to"] and not made), told
            case "creating" if item["joined_to"]:
                leader = items[item["joined_to"]]
                assert leader["disk_id"] == item["disk_id"], told
                if self.most_joined[leader["id"]] <= JOINED_TOGETHER:
                    assert leader["ended_at"] is None, told
                    assert leader["snapshot_id"] == item["snapshot_id"], told
                else:  # the rest of them hear of it in a job of their own
                    assert item["snapshot_id"] in (None, leader["snapshot_id"]), told
                    assert leader["ended_at"] is None or f"follow:{leader['id']}:" in self._called_for_by_rows(), told
            case _:
                pass

    def _was_deleted(self, snapshot_id: str) -> bool:
        """Because it was asked for and agreed to, and the row said so before."""
        rows = self.database.rows("select * from deletion where snapshot_id = :id", id=snapshot_id)
        return any(row["sent"] and row["agreed_at"] is not None for row in rows)

    @invariant()
    def a_snapshot_that_counts_as_deleted_is_gone_and_one_that_is_kept_stays(self) -> None:
        gone = {one.id for one in self.evs.made if one.status == "gone"}
        for row in self.database.rows("select * from deletion"):
            if row["state"] == "deleted":
                assert row["snapshot_id"] in gone, dict(row)
            elif not row["sent"]:
                assert row["snapshot_id"] not in gone, dict(row)

    @invariant()
    def what_is_about_to_be_sent_is_written_down(self) -> None:
        for call in self.evs.waiting:
            if call.name == "create_snapshot" and call.may_leave:
                assert isinstance(call.caller, Run)
                (row,) = self.database.rows(
                    "select state from item where id = :id", id=call.caller.key.removeprefix("submit:")
                )
                assert row["state"] == "submitting"

    @invariant()
    def a_request_has_ended_when_all_its_items_have(self) -> None:
        text = """
            select id, request.state, ended_at is not null as over,
                (select count(*) from item where request_id = request.id and ended_at is null) as left
            from request where state not in ('received', 'planned', 'waiting')
        """
        for row in self.database.rows(text):
            assert bool(row["over"]) == (row["left"] == 0), dict(row)

    # --- and at last --------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """With a cloud that answers, all that was set going comes to its end."""
        try:
            rounds = 0
            while self._goes_on():
                rounds += 1
                assert rounds < 100, f"these stand still: {self._left_open()}, {self._called_for_by_rows()}"
                self.rows_move_along_the_tables_alone()
                self.what_the_rows_say_of_the_cloud_is_so()
        finally:
            left = [run.task for run in self.runs if run.task]
            for task in left:
                task.cancel()
            if left:
                self._do(asyncio.wait(left))
            self._do(self.database.close())
            self.loop.close()

    def _goes_on(self) -> bool:
        """Whether there is more to do; then all of it is done that can be now."""
        for one in self.evs.made:
            one.status, one.hidden = "available" if one.status == "creating" else one.status, False
        keys = [key for key in self._called_for_by_rows() if key not in {run.key for run in self.runs}]
        for key in keys:
            self._start(key)
        while self.evs.waiting:
            self._decide(self.evs.waiting[0], "answered")
        self.clock.wind(120)
        self._settle()
        return bool(keys or self.evs.waiting or self.runs or self._left_open())

    def _left_open(self) -> list[str]:
        text = "select item.id from item join request on request.id = request_id where request.state = 'running'"
        return [row["id"] for row in self.database.rows(f"{text} and item.ended_at is null")]


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=int(os.environ.get("ANY_ORDER", "80")),
    stateful_step_count=40,
    derandomize="ANY_ORDER" not in os.environ,
    database=None,
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
