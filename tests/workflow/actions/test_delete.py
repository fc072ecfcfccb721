"""Letting restore points go on a real store: what an agreement counts for, what the worker asks again, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.domain.actors import AccountKind, Actor
from bot.domain.deletions import SAFETY, Deletion
from bot.domain.errors import CloudError, CloudUnavailable, NotFound, SlackBusy, StoreFailed
from bot.domain.orders import Create, Restore
from bot.domain.requests import Request
from bot.domain.snapshots import (
    REQUEST_TAG,
    Disk,
    Snapshot,
)
from bot.domain.transitions import DeletionState, ItemState, RequestState
from bot.ports.requests import Incoming
from bot.slack.views.restore_points import once_more
from bot.store.script import Script, sql
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from bot.workflow.actions.ask_before_deleting import Question
from bot.workflow.actions.delete import DECIDED_ALREADY, Deleting, Doomed
from bot.workflow.gate import Gate
from bot.workflow.jobs.delete import Deleter, told_deletions
from tests.builders import NOON, FakeClock, a_grant, a_project, a_request, an_actor, an_item
from tests.fakes.cloud import UnaskedEvs

ADMIN, SECOND, ONE, TWO = (an_actor(one) for one in ("U1", "U2", "U8", "U9"))


@dataclass
class FakeEvs(UnaskedEvs):
    """Snapshots by id, deleted when it is told to; `meanwhile` happens while one is looked at."""

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)
    failure: CloudError | None = None
    slow: bool = False
    meanwhile: Callable[[], None] = lambda: None

    async def show_snapshot(self, snapshot_id: str) -> Snapshot:
        self.looks.append(snapshot_id)
        self.meanwhile()
        if snapshot_id not in self.snapshots:
            raise NotFound("There is no such snapshot.")
        return self.snapshots[snapshot_id]

    async def show_disk(self, disk_id: str) -> Disk:
        raise NotFound("There is no such disk.")

    async def delete_snapshot(self, snapshot_id: str, *, send_before: float) -> str:
        self.deleted.append(snapshot_id)
        if self.failure:
            raise self.failure
        gone = self.snapshots.pop(snapshot_id)
        if self.slow:
            self.snapshots[snapshot_id] = gone.model_copy(update={"status": "deleting"})
        return "job-1"


@dataclass
class Desk:
    """Who asks and who deletes, on a real store with requests of two disks each."""

    store: Store
    clock: FakeClock
    approvals: int = 0
    evs: FakeEvs = field(default_factory=FakeEvs)
    actors: dict[str, Actor] = field(default_factory=dict)
    said: list[tuple[list[str], int | None]] = field(default_factory=list)
    while_said: Callable[[], Awaitable[object]] | None = None
    busy: int = 0
    configured: bool = True

    def __post_init__(self) -> None:
        self.actors |= {one.user_id: one for one in (ADMIN, SECOND, ONE, TWO)}

    def project(self, alias: str, whose: str = "") -> FakeEvs:
        if not self.configured:
            raise KeyError(alias)
        return self.evs

    def known(self, user_id: str) -> Actor | None:
        return self.actors.get(user_id)

    async def look_up(self, user_id: str) -> Actor:
        return self.actors[user_id]

    async def say_in_thread(self, request: Request, sentences: Sequence[str], *, asking: int | None = None) -> bool:
        if self.busy:
            self.busy -= 1
            raise SlackBusy("Slack asks to wait.", retry_after=7.0)
        self.said.append((list(sentences), asking))
        if self.while_said:
            await self.while_said()
        return not request.told_directly

    @property
    def asks(self) -> Deleting:
        projects = {alias: a_project(alias, approvals=self.approvals) for alias in ("payments", "shop")}
        return Deleting(self.store, Gate(self.store, projects, self.clock), projects, self.clock)

    async def work(self, request_id: str = "r-one") -> float | None:
        projects = {"payments": a_project(approvals=self.approvals)} if self.configured else {}
        return await Deleter(self.store, self, self, self, projects, self.clock)(request_id)

    async def made(self, request_id: str = "r-one", snapshots: Sequence[str] = ("s1", "s2"), **fields: object) -> None:
        joined, alias = fields.pop("joined", None), fields.get("project", "payments")
        request = a_request(request_id, state=RequestState.RUNNING, to_send=False, **fields)
        await self.store.take_in(request_id, "C1", None, lambda grants, bound: Incoming(request))
        items = []
        for number, snapshot_id in enumerate(snapshots, start=1):
            item = an_item(number, ItemState.AVAILABLE, request_id=request_id, snapshot_id=snapshot_id, project=alias)
            items.append(replace(item, joined_to=f"{joined}-{number}" if joined else None))
            tags = {REQUEST_TAG: item.id}
            shown = {"id": snapshot_id, "volume_id": item.disk.id, "status": "available", "tags": tags}
            self.evs.snapshots.setdefault(snapshot_id, Snapshot.model_validate(shown))
        await self.store.decide_plan(replace(request, state=RequestState.FINISHED), items, [])

    async def rows(self, request_id: str = "r-one") -> dict[str, Deletion]:
        return {one.snapshot_id: one for one in await self.store.deletions(request_id)}

    async def states(self, request_id: str = "r-one") -> dict[str, str]:
        return {snapshot_id: str(one.state) for snapshot_id, one in (await self.rows(request_id)).items()}

    def heard(self) -> str:
        return "\n".join(line for lines, _ in self.said for line in lines)


@pytest.fixture
async def desk(store: Store, clock: FakeClock) -> Desk:
    admins = [a_grant("U1", "admin"), a_grant("U2", "admin")]
    await store.configured_grants([*admins, a_grant("U8", "approver"), a_grant("U9", "approver")])
    return Desk(store, clock)


# --- what an agreement counts for -------------------------------------------------------------------------------------


async def test_agreeing_to_one_snapshot_leaves_every_other_alone(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    told = await desk.asks.delete(SECOND, "C1", "s2")
    assert not told.sentence.startswith("You agreed")
    assert await desk.states() == {"s1": "asked", "s2": "asked"}
    await desk.asks.delete(ONE, "C1", "s2")
    assert await desk.states() == {"s1": "asked", "s2": "deleting"}
    await desk.work()
    assert list(desk.evs.snapshots) == ["s1"]


async def test_an_approver_who_names_what_nobody_asked_for_may_not_delete_it(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    told = await desk.asks.delete(ONE, "C1", "r-one-2")
    assert "but not delete" in told.sentence
    assert await desk.states() == {"s1": "asked"}


async def test_the_requests_own_id_agrees_to_all_that_others_asked_for_and_names_it(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    await desk.asks.delete(SECOND, "C1", "s2")
    told = await desk.asks.delete(SECOND, "C1", "r-one")
    assert told.sentence == "You agreed, so I delete 1 snapshot (“disk-1”) now."
    assert await desk.states() == {"s1": "deleting", "s2": "asked"}
    told = await desk.asks.delete(ADMIN, "C1", "r-one")
    assert told.sentence == "You agreed, so I delete 1 snapshot (“disk-2”) now."


async def test_whoever_asked_may_ask_for_the_rest_and_never_agrees(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    assert "to delete 1 snapshot (“disk-2”)" in (await desk.asks.delete(ADMIN, "C1", "r-one")).sentence
    assert (await desk.asks.delete(ADMIN, "C1", "r-one")).sentence.startswith("You asked for this yourself")
    assert (await desk.asks.agree(ADMIN, "C1", "r-one", 1)).sentence.startswith("You asked for this yourself")
    assert await desk.states() == {"s1": "asked", "s2": "asked"}


async def test_a_button_agrees_to_its_own_asking_only_and_later_presses_hear_that_it_is_settled(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    await desk.asks.delete(ADMIN, "C1", "s2")
    assert "“disk-1”" in (await desk.asks.agree(ONE, "C1", "r-one", 1)).sentence
    assert await desk.states() == {"s1": "deleting", "s2": "asked"}
    assert (await desk.asks.agree(TWO, "C1", "r-one", 1)).sentence == DECIDED_ALREADY
    assert (await desk.asks.agree(TWO, "C1", "r-one", 99)).sentence == DECIDED_ALREADY
    assert await desk.states() == {"s1": "deleting", "s2": "asked"}


async def test_the_button_of_an_asking_that_expired_does_not_agree_to_the_next_one(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    desk.clock.pass_(minutes=61)
    await desk.work()
    assert await desk.states() == {"s1": "kept"}
    await desk.asks.delete(ADMIN, "C1", "s1")
    assert (await desk.asks.agree(ONE, "C1", "r-one", 1)).sentence == DECIDED_ALREADY
    assert await desk.states() == {"s1": "asked"}


async def test_a_button_of_a_request_that_is_not_there_leaves_a_row_in_the_trail(desk: Desk) -> None:
    assert not (await desk.asks.agree(ONE, "C1", "r-none", 1)).done
    assert [(row["actor"], row["action"], row["rule"]) for row in await desk.store.audit_page(0)][-1:] == [
        ("U8", "delete", "unknown-id")
    ]


async def test_two_who_agree_at_the_same_instant_both_count(desk: Desk) -> None:
    desk.approvals = 2
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "r-one")
    told = await asyncio.gather(*(desk.asks.agree(one, "C1", "r-one", 1) for one in (ONE, TWO)))
    assert sorted(one.sentence for one in told) == [
        "You agreed to delete 2 snapshots (“disk-1”, “disk-2”); 1 more person has to agree.",
        "You agreed, so I delete 2 snapshots (“disk-1”, “disk-2”) now.",
    ]
    assert {one.agreed_by for one in (await desk.rows()).values()} == {("U8", "U9")}


async def test_an_agreement_that_was_read_before_the_time_was_over_changes_nothing_after_it(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    read = list((await desk.rows()).values())
    desk.clock.pass_(minutes=61)
    assert await desk.store.agree_to_deletion(read, "U8", 1, []) == []  # before the job came to it
    await desk.work()
    assert await desk.store.agree_to_deletion(read, "U8", 1, []) == []  # and after
    assert await desk.states() == {"s1": "kept"}


async def test_a_stale_write_changes_nothing(desk: Desk) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "r-one")
    read = list((await desk.rows()).values())
    await desk.work()
    await desk.work()
    ended = await desk.rows()
    assert {one.told for one in ended.values()} == {True}
    stale = [replace(one, state=DeletionState.KEPT) for one in read]
    assert not await desk.store.save_deletions(stale)
    assert not await desk.store.save_deletions([*list(ended.values())[:1], stale[1]])  # all or none
    assert await desk.rows() == ended


async def test_two_who_ask_at_the_same_instant_ask_once(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await asyncio.gather(*(desk.asks.delete(one, "C1", "s1") for one in (ADMIN, ADMIN)))
    row = (await desk.rows())["s1"]
    assert (row.asking, row.asked_by, row.agreed_by) == (1, "U1", ())


# --- asking the others ------------------------------------------------------------------------------------------------


async def test_others_are_asked_in_the_thread_once_also_when_slack_is_busy(desk: Desk) -> None:
    desk.approvals, desk.busy = 1, 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "r-one")
    assert await desk.work() == 7.0
    await desk.work()
    await desk.work()
    (lines, asking), *more = desk.said
    assert "asks to delete 2 snapshots (“disk-1”, “disk-2”): another person who may approve has to agree" in lines[0]
    assert lines[1] == "Without the button: the command `delete r-one`."
    assert asking == 1 and more == []


async def test_what_was_settled_before_others_were_asked_is_not_asked(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    await desk.asks.delete(ONE, "C1", "s1")
    await desk.work()
    await desk.work()
    assert [asking for _, asking in desk.said] == [None]
    assert "asks to delete" not in desk.heard()


async def test_too_few_agreements_in_time_are_told_as_that(desk: Desk) -> None:
    desk.approvals = 2
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    await desk.asks.delete(ONE, "C1", "s1")
    desk.clock.pass_(minutes=60)
    await desk.work()
    assert "Kept: the snapshot of “disk-1”. Not enough other people agreed within 60 minutes." in desk.heard()
    assert desk.evs.looks == []


# --- one does not wait for the other ----------------------------------------------------------------------------------


async def test_what_waits_for_others_does_not_hold_up_what_they_agreed_to(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    await desk.asks.delete(ONE, "C1", "s1")
    await desk.asks.delete(ADMIN, "C1", "s2")
    assert await desk.work() == 3.0  # the sooner of the two: the next look
    assert desk.evs.deleted == ["s1"]
    assert await desk.work() == 3600.0
    assert "1 snapshot is deleted, as \ue000@U1\ue001 asked and \ue000@U8\ue001 agreed: “disk-1”." in desk.heard()
    assert await desk.states() == {"s1": "deleted", "s2": "asked"}


async def test_the_hour_to_delete_is_an_hour_of_asking(desk: Desk) -> None:
    desk.approvals, desk.evs.slow = 1, True
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    desk.clock.pass_(minutes=59)
    await desk.asks.delete(ONE, "C1", "s1")
    await desk.work()
    desk.clock.pass_(hours=2)  # no bot ran
    await desk.work()
    assert await desk.states() == {"s1": "deleting"}
    desk.evs.meanwhile = lambda: desk.clock.pass_(minutes=20)  # the cloud is slow to say
    for _ in range(3):
        await desk.work()
        assert await desk.states() == {"s1": "deleting"}
    await desk.work()
    assert await desk.states() == {"s1": "kept"}
    assert "The cloud had not deleted it after an hour" in desk.heard()


# --- what the worker asks again ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["U1", "U8"])
async def test_rights_that_end_while_the_cloud_is_looked_at_keep_it(desk: Desk, who: str) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    await desk.asks.delete(ONE, "C1", "s1")

    def becomes_a_guest() -> None:
        desk.actors[who] = an_actor(who, AccountKind.GUEST)

    desk.evs.meanwhile = becomes_a_guest
    await desk.work()
    assert (desk.evs.looks, desk.evs.deleted) == (["s1"], [])
    assert "Kept: the snapshot of “disk-1”. Guests of this workspace may not use the snapshot bot." in desk.heard()


async def test_without_the_right_the_cloud_is_not_even_asked(desk: Desk) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    desk.actors["U1"] = an_actor("U1", AccountKind.DEACTIVATED)
    await desk.work()
    assert desk.evs.looks == []
    assert await desk.states() == {"s1": "kept"}


@pytest.mark.parametrize("since", ["guest", "another keeps it", "out of the file", "lost answer"])
async def test_what_the_cloud_was_asked_to_delete_is_told_as_what_became_of_it(desk: Desk, since: str) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    desk.evs.slow = True
    if since == "lost answer":
        desk.evs.failure = CloudUnavailable("EVS did not answer.", maybe_done=True)
    await desk.work()
    if since in ("guest", "lost answer"):
        desk.actors["U1"] = an_actor("U1", AccountKind.GUEST)
        desk.evs.snapshots["s1"] = desk.evs.snapshots["s1"].model_copy(update={"status": "deleting"})
    elif since == "another keeps it":
        await desk.made("r-two", ["s1"], order=Create(("a",), keep_days=90), actor_id="U2", joined="r-one")
    desk.configured = since != "out of the file"
    await desk.work()
    assert await desk.states() == {"s1": "deleting"}
    assert desk.heard() == ""
    desk.configured = True
    del desk.evs.snapshots["s1"]
    await desk.work()
    assert "1 snapshot is deleted, as \ue000@U1\ue001 asked: “disk-1”." in desk.heard()
    assert "Kept" not in desk.heard()
    assert desk.evs.deleted == ["s1"]


async def test_what_was_never_deleted_is_kept_once_its_person_may_no_longer(desk: Desk) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    desk.evs.failure = CloudUnavailable("EVS did not answer.", maybe_done=True)
    await desk.work()
    desk.actors["U1"] = an_actor("U1", AccountKind.GUEST)
    await desk.work()
    assert "Kept: the snapshot of “disk-1”. Guests" in desk.heard()
    assert desk.evs.deleted == ["s1"]


async def test_of_one_that_nobody_can_ask_about_it_is_not_said_that_it_was_kept(desk: Desk) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    desk.evs.slow = True
    await desk.work()
    desk.configured = False
    (row,) = (await desk.rows()).values()
    await desk.store.spent([replace(row, tried=timedelta(hours=2))])
    await desk.work()
    assert "I asked the cloud to delete the snapshot of “disk-1”, and it may still do so." in desk.heard()
    assert "Kept" not in desk.heard()


async def test_an_item_that_cannot_be_read_holds_up_no_other_deletion(desk: Desk, database: SqliteDatabase) -> None:
    def spoil() -> Script[None]:
        yield sql("update item set disk_json = '?' where id = 'r-one-1'")

    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    await desk.asks.delete(ADMIN, "C1", "s2")
    await database.run(spoil)
    await desk.work()
    assert desk.evs.deleted == ["s2"]


async def test_what_could_not_be_written_down_is_not_said_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    worker = Deleter(desk.store, desk, desk, desk, {"payments": a_project()}, desk.clock)
    await worker("r-one")
    with monkeypatch.context() as full:
        full.setattr(Store, "deletions_told", _no_room)
        with pytest.raises(StoreFailed):
            await worker("r-one")
    await worker("r-one")
    assert await worker("r-one") is None
    assert len(desk.said) == 1


async def _no_room(*_: object) -> None:
    raise StoreFailed("The disk is full.")


async def test_each_asking_is_judged_by_its_own_people(desk: Desk) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    await desk.asks.delete(SECOND, "C1", "s2")
    desk.actors["U1"] = an_actor("U1", AccountKind.GUEST)
    await desk.work()
    await desk.work()
    assert desk.evs.deleted == ["s2"]
    assert await desk.states() == {"s1": "kept", "s2": "deleted"}
    assert "1 snapshot is deleted, as \ue000@U2\ue001 asked: “disk-2”." in desk.heard()


async def test_an_agreement_that_the_project_asks_for_by_now_is_missing(desk: Desk) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    desk.approvals = 1
    await desk.work()
    assert desk.evs.deleted == []
    assert "payments needs the agreement of 1 other people." in desk.heard()


# --- safety snapshots: the way back from a way back -------------------------------------------------------------------

OVERWRITE = Restore("s0", "r-source", "overwrite", "payments")


@pytest.mark.parametrize("named", ["r-one", "r-one-1", "s1"])
async def test_a_safety_snapshot_always_waits_for_another_person(desk: Desk, named: str) -> None:
    """Whatever the project says: by the id of the roll-back, of its disk and of the snapshot."""
    await desk.made(snapshots=("s1",), order=OVERWRITE)
    told = await desk.asks.delete(ADMIN, "C1", named)
    assert told.sentence == (
        f"{SAFETY} Another person who may approve has to agree within 60 minutes to delete 1 snapshot (“disk-1”): "
        f"by the button in the thread, or by typing `delete {named}` too."
    )
    again = await desk.asks.delete(ADMIN, "C1", named)
    assert (again.done, again.sentence.startswith("You asked for this yourself")) == (False, True)
    await desk.work()
    assert (desk.evs.looks, await desk.states()) == ([], {"s1": "asked"})
    (lines, asking), *others = desk.said
    assert (asking, others) == (1, [])
    assert lines[0].endswith(
        f"agree within 60 minutes, else they are kept. What is deleted can't be brought back. {SAFETY}"
    )
    assert (await desk.asks.delete(ONE, "C1", named)).sentence == "You agreed, so I delete 1 snapshot (“disk-1”) now."
    await desk.work()
    await desk.work()
    assert (desk.evs.deleted, await desk.states()) == (["s1"], {"s1": "deleted"})
    assert "as \ue000@U1\ue001 asked and \ue000@U8\ue001 agreed" in desk.heard()


async def test_a_safety_snapshot_to_which_nobody_else_agreed_stays_whatever_its_row_says(
    desk: Desk, database: SqliteDatabase
) -> None:
    """The worker asks the same once more: a row that goes on without another person goes nowhere."""
    await desk.made(snapshots=("s1",), order=OVERWRITE)
    await desk.asks.delete(ADMIN, "C1", "s1")

    def without_another() -> Script[None]:
        yield sql("update deletion set state = 'deleting', ver = ver + 1")

    await database.run(without_another)
    await desk.work()
    assert (desk.evs.deleted, await desk.states()) == ([], {"s1": "kept"})
    assert "payments needs the agreement of 1 other people." in desk.heard()


async def test_where_a_project_wants_two_others_a_safety_snapshot_waits_for_two(desk: Desk) -> None:
    desk.approvals = 2
    await desk.made(snapshots=("s1",), order=OVERWRITE)
    assert f"{SAFETY} 2 others who may approve have" in (await desk.asks.delete(ADMIN, "C1", "s1")).sentence
    await desk.asks.delete(ONE, "C1", "s1")
    assert await desk.states() == {"s1": "asked"}
    await desk.asks.delete(TWO, "C1", "s1")
    assert await desk.states() == {"s1": "deleting"}


async def test_the_question_before_it_says_that_another_person_has_to_agree(desk: Desk) -> None:
    await desk.made(snapshots=("s1",), order=OVERWRITE)
    await desk.made("r-two", snapshots=("s2",), order=replace(OVERWRITE, way="new_disks"))
    asked = await desk.asks.doomed(ADMIN, "C1", "s1")
    plain = await desk.asks.doomed(ADMIN, "C1", "s2")
    assert isinstance(asked, Doomed) and isinstance(plain, Doomed)
    assert (asked.missing, plain.missing) == (1, 0)
    said, said_of_plain = (once_more(Question(one, frozenset(), True, "f-1"))["text"] for one in (asked, plain))
    assert f"{SAFETY}\nAnother person has to agree before it is done." in said
    assert SAFETY not in said_of_plain and "has to agree" not in said_of_plain


async def test_what_is_gone_at_the_second_try_counts_as_deleted(desk: Desk) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "r-one")
    del desk.evs.snapshots["s1"]  # a DELETE of a process that was killed before it could write that down
    desk.evs.failure = NotFound("There is no such snapshot.")  # and of one that went between the look and this DELETE
    await desk.work()
    assert await desk.states() == {"s1": "deleted", "s2": "deleted"}
    assert desk.evs.deleted == ["s2"]


async def test_a_lost_answer_is_looked_after_and_each_end_is_in_the_trail_once(desk: Desk) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "s1")
    desk.evs.failure = CloudUnavailable("EVS did not answer.", maybe_done=True)
    assert await desk.work() == 3.0
    desk.evs.failure = None
    await desk.work()
    await desk.work()
    assert await desk.work() is None
    rows = [row for row in await desk.store.audit_page(0) if row["action"] == "delete"]
    assert [(row["subject"], row["outcome"], row["rule"]) for row in rows] == [
        ("r-one", "allowed", "granted"),
        ("r-one-1", "done", "deleted"),
    ]


# --- what another request keeps ---------------------------------------------------------------------------------------


async def test_the_restore_point_of_another_request_stays_until_its_time_is_over(desk: Desk) -> None:
    await desk.made(order=Create(("a",), keep_days=1))
    await desk.made("r-two", ["s1"], order=Create(("a",), keep_days=90), actor_id="U2", joined="r-one")
    told = await desk.asks.delete(ADMIN, "C1", "s1")
    assert not told.done
    assert told.sentence == (
        "Kept: the snapshot of “disk-1” is also a restore point of request r-two, which still keeps it. "
        "To give that up: `delete r-two`."
    )
    told = await desk.asks.delete(ADMIN, "C1", "r-one")
    assert told.sentence.startswith("Deleting 1 snapshot (“disk-2”)") and "request r-two" in told.sentence
    await desk.work()
    assert desk.evs.deleted == ["s2"]
    desk.clock.pass_(days=91)
    assert (await desk.asks.delete(ADMIN, "C1", "s1")).done
    await desk.work()
    assert desk.evs.deleted == ["s2", "s1"]


async def test_without_an_end_it_stays_for_good(desk: Desk) -> None:
    await desk.made()
    await desk.made("r-two", ["s1"], joined="r-one")
    desk.clock.pass_(days=3_000)
    assert "which still keeps it" in (await desk.asks.delete(ADMIN, "C1", "s1")).sentence


async def test_another_request_is_named_only_to_whoever_may_see_it(desk: Desk) -> None:
    await desk.made()
    await desk.made("r-two", ["s1"], joined="r-one", project="shop")
    told = await desk.asks.delete(ADMIN, "C1", "s1")
    assert told.sentence.endswith("is also a restore point of another request, which still keeps it.")
    assert "r-two" not in told.sentence


async def test_what_somebody_kept_longer_meanwhile_stays(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made(order=Create(("a",), keep_days=1))
    await desk.made("r-two", ["s1"], order=Create(("a",), keep_days=1), joined="r-one")
    desk.clock.pass_(days=2)
    await desk.asks.delete(ADMIN, "C1", "s1")
    await desk.asks.delete(ONE, "C1", "s1")
    found = await desk.store.request("r-two")
    assert found is not None
    await desk.store.extend(found[0], replace(found[0], kept_until=desk.clock.now() + timedelta(days=1)))
    await desk.work()
    assert desk.evs.looks == []
    assert "It is also a restore point of another request, which still keeps it." in desk.heard()
    assert "r-two" not in desk.heard()


async def test_who_joined_gives_it_up_at_once_and_whoever_made_it_can_let_it_go_then(desk: Desk) -> None:
    await desk.made("r-zero")  # its id sorts after that of the request that joined it
    await desk.made("r-two", joined="r-zero")
    assert "which still keeps it" in (await desk.asks.delete(ADMIN, "C1", "s1")).sentence
    desk.approvals = 1  # nothing is deleted by it, so nobody else has to agree
    told = await desk.asks.delete(ADMIN, "C1", "r-two-1")
    assert told.done and told.sentence.startswith("Request r-two no longer keeps 1 snapshot (“disk-1”). Nothing is")
    found = await desk.store.request("r-two")
    assert found is not None and [item.let_go for item in found[1]] == [True, False]
    rows = [row for row in await desk.store.audit_page(0) if row["rule"] == "gave-up-joined"]
    assert [(row["actor"], row["outcome"], row["subject"]) for row in rows] == [("U1", "allowed", "r-two")]
    assert not (await desk.asks.delete(ADMIN, "C1", "r-two-1")).done
    desk.approvals = 0
    assert (await desk.asks.delete(ADMIN, "C1", "s1")).sentence.startswith("Deleting 1 snapshot (“disk-1”)")
    await desk.work("r-zero")
    assert desk.evs.deleted == ["s1"]
    assert await desk.rows("r-two") == {}


async def test_giving_up_what_a_request_joined_needs_the_right_to_delete(desk: Desk) -> None:
    await desk.made()
    await desk.made("r-two", ["s1"], joined="r-one")
    assert "but not delete" in (await desk.asks.delete(ONE, "C1", "r-two")).sentence
    assert "which still keeps it" in (await desk.asks.delete(ADMIN, "C1", "s1")).sentence


# --- what is told -----------------------------------------------------------------------------------------------------


async def test_what_is_asked_anew_while_the_thread_is_told_makes_it_tell_nothing_twice(desk: Desk) -> None:
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "r-one")
    desk.actors["U1"] = an_actor("U1", AccountKind.GUEST)  # both are kept
    desk.while_said = lambda: desk.asks.delete(SECOND, "C1", "s1")
    await desk.work()
    desk.while_said = None
    assert {one.snapshot_id: (one.asking, one.told) for one in (await desk.rows()).values()} == {
        "s1": (2, False),
        "s2": (1, True),
    }
    await desk.work()
    await desk.work()
    assert desk.heard().count("Kept: the snapshot of “disk-2”") == 1
    assert desk.heard().count("1 snapshot is deleted") == 1


async def test_what_of_an_asking_ends_while_the_rest_is_told_is_told_as_well(desk: Desk) -> None:
    desk.approvals = 1
    await desk.made()
    await desk.asks.delete(ADMIN, "C1", "r-one")
    await desk.work()
    await desk.asks.delete(ONE, "C1", "s1")
    await desk.work()

    async def agreed() -> None:
        await desk.asks.delete(ONE, "C1", "s2")

    desk.while_said = agreed
    await desk.work()
    desk.while_said = None
    await desk.work()
    await desk.work()
    assert [desk.heard().count(f"agreed: “disk-{n}”") for n in (1, 2)] == [1, 1]


def test_many_are_named_up_to_a_number() -> None:
    rows = [
        Deletion(f"r-one-{n}", "r-one", "p", f"s{n}", f"d{n}", f"disk-{n}", state, "U1", "C1", NOON, cause="Why.")
        for state in (DeletionState.DELETED, DeletionState.KEPT)
        for n in range(17)
    ]
    lines = told_deletions(rows)
    assert lines[0].endswith("“disk-14” and 2 more.")
    assert lines[-1] == "And 2 more were kept."
    assert len(lines) == 17
