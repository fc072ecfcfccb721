"""Rows, audit and jobs move together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain.attempts import submitting, waiting
from bot.domain.audit import AuditEntry
from bot.domain.bindings import Binding
from bot.domain.forms import Form
from bot.domain.items import Item, ended, taken
from bot.domain.orders import Create
from bot.domain.requests import Place, Request
from bot.domain.roles import Grant
from bot.domain.transitions import ItemState, RequestState
from bot.ports.forms import DeferredReply
from bot.ports.lookups import Filters
from bot.ports.requests import Authorize, Incoming
from bot.store import audit
from bot.store.database import Database
from bot.store.store import Store
from tests.builders import NOON, FakeClock, a_grant, a_request, an_actor, an_item

ALLOWED = AuditEntry("U1", "create", "payments", "allowed", "granted")


def arriving(request: Request) -> Authorize:
    def judge(grants: Sequence[Grant], bound: str | None) -> Incoming:
        return Incoming(request, [ALLOWED])

    return judge


async def received(store: Store, request_id: str = "r-one", **fields: object) -> Request:
    request = a_request(request_id, state=RequestState.RECEIVED, to_send=False, **fields)
    kept = await store.take_in(f"command:{request_id}", "C1", an_actor(), arriving(request))
    assert kept is not None
    return kept


async def running(store: Store, *items: Item, request_id: str = "r-one", **fields: object) -> Request:
    request = await received(store, request_id, **fields)
    assert await store.decide_plan(replace(request, state=RequestState.RUNNING), items, [])
    found = await store.request(request_id)
    assert found is not None
    return found[0]


async def the_item(store: Store, item_id: str) -> Item:
    found = await store.item(item_id)
    assert found is not None
    return found[0]


async def test_who_read_a_row_before_the_clock_was_set_does_not_make_it_older(store: Store) -> None:
    sent = submitting(an_item(1), NOON)
    await running(store, sent)
    read = await the_item(store, sent.id)
    await store.clock_set(timedelta(hours=25))
    assert await store.save(taken(read, "snap-1", "job-1"))
    assert (await the_item(store, sent.id)).submitted_at == NOON + timedelta(hours=25)


async def test_what_is_written_is_what_is_read(store: Store) -> None:
    order = Create(("a", "b"), name="né “x”", tags={"k": "v"}, incremental=False, keep_days=3, reason="INC <1>")
    item = an_item(1, disk=an_item(1).disk, cause="c", progress=5, incremental=True, taken_at=NOON)
    await running(store, item, order=order, text="create a b", project="payments")
    found = await store.request("r-one")
    assert found is not None
    assert found[0].order == order
    assert found[1] == [item]


async def test_a_repeated_delivery_changes_nothing_and_answers_the_same_request(store: Store) -> None:
    first = await received(store)
    judged: list[str] = []

    def judge(grants: Sequence[Grant], bound: str | None) -> Incoming:
        judged.append("again")
        return Incoming(a_request("r-two"))

    again = await store.take_in("command:r-one", "C1", an_actor(), judge)
    assert again == first
    assert judged == []
    assert await store.request("r-two") is None


async def test_two_copies_of_a_delivery_at_the_same_instant_make_one_request(store: Store) -> None:
    copies = [arriving(a_request(f"r-{n}", state=RequestState.RECEIVED)) for n in range(8)]
    kept = await asyncio.gather(*(store.take_in("command:t", "C1", None, judge) for judge in copies))
    assert len({request.id for request in kept if request}) == 1
    assert len(await store.recent(Filters(limit=50))) == 1


async def test_judges_see_the_grants_and_the_binding_of_that_moment(store: Store) -> None:
    mine, groups, everyone, other = (
        a_grant(),
        a_grant("S1", kind="group"),
        a_grant("", kind="everyone", project="*"),
        a_grant("U2"),
    )
    await store.configured_grants([mine, groups, everyone, other])
    await store.configured_bindings([Binding("C1", "payments", server="web-01")])
    seen: list[tuple[set[Grant], str | None]] = []

    def judge(grants: Sequence[Grant], bound: str | None) -> Incoming:
        seen.append((set(grants), bound))
        return Incoming(None)

    await store.take_in("d1", "C1", replace(an_actor(), user_groups=frozenset({"S1"})), judge)
    await store.take_in("d2", "C2", an_actor("U9"), judge)
    assert seen == [({mine, groups, everyone}, "payments"), ({everyone}, None)]


async def test_configured_rows_become_exactly_what_the_file_says(store: Store) -> None:
    await store.configured_grants([a_grant(), a_grant("U2")])
    await store.configured_grants([a_grant("U2", role="viewer")])
    assert [(grant.subject_id, grant.role) for grant in await store.every_grant()] == [("U2", "viewer")]


async def changes(store: Store, since: int) -> list[tuple[str, str, str, str, str | None]]:
    rows = (await store.audit_page(0))[since:]
    assert {(row["actor"], row["outcome"]) for row in rows} <= {("bot.toml", "done")}
    facts = [json.loads(row["details_json"]) for row in rows]
    assert {one["source"] for one in facts} <= {"bot.toml"}
    return [
        (row["action"], row["subject"], one["subject"], one["role"], one["expires_at"])
        for row, one in zip(rows, facts, strict=True)
    ]


async def test_each_row_of_the_file_that_differs_is_a_row_of_the_trail(store: Store) -> None:
    kept, gone, ending = a_grant(), a_grant("S2", "viewer", kind="group"), a_grant("U3", "admin", "*")
    await store.configured_grants([kept, gone, ending])
    before = len(await store.audit_page(0))
    assert before == 3
    await store.configured_grants([replace(ending, expires_at=NOON), kept])
    assert await changes(store, before) == [
        ("revoke", "*", "user:U3", "admin", None),
        ("revoke", "payments", "group:S2", "viewer", None),
        ("grant", "*", "user:U3", "admin", NOON.isoformat()),
    ]
    assert set(await store.every_grant()) == {kept, replace(ending, expires_at=NOON)}


async def test_a_file_that_says_the_same_leaves_no_trace(store: Store) -> None:
    finely = a_grant("U3", expires_at=NOON + timedelta(microseconds=1_234))
    twice = [a_grant("U2", expires_at=NOON), a_grant("U2")]
    await store.configured_grants([a_grant(), finely, *twice])
    before = await store.audit_page(0)
    assert [row["action"] for row in before] == ["grant"] * 3
    await store.configured_grants([*twice, finely, a_grant()])
    assert await store.audit_page(0) == before


async def test_only_the_first_of_two_writers_moves_an_item(store: Store) -> None:
    await running(store, an_item(1))
    item = await the_item(store, "r-one-1")
    assert await store.save(taken(item, "snap-a", "job-a"))
    assert not await store.save(ended(item, ItemState.FAILED, NOON))
    assert (await the_item(store, "r-one-1")).snapshot_id == "snap-a"


async def test_how_long_it_is_kept_is_settled_by_the_first_who_says_so(store: Store) -> None:
    read = await running(store)
    longer = replace(read, kept_until=NOON + timedelta(days=14), remind_at=NOON + timedelta(days=11))
    assert await store.extend(read, longer)
    # The reminder, which was under way, and somebody else: both had read it before.
    assert not await store.extend(read, replace(read, remind_at=None))
    assert not await store.extend(read, replace(read, kept_until=NOON + timedelta(days=30)))
    found = await store.request(read.id)
    assert found is not None
    assert (found[0].kept_until, found[0].remind_at) == (longer.kept_until, longer.remind_at)


async def test_a_request_is_finished_with_its_last_item(store: Store) -> None:
    await running(store, an_item(1, ItemState.CREATING), an_item(2))
    await store.save(ended(await the_item(store, "r-one-1"), ItemState.AVAILABLE, NOON))
    found = await store.request("r-one")
    assert found is not None and found[0].state is RequestState.RUNNING
    await store.save(ended(await the_item(store, "r-one-2"), ItemState.FAILED, NOON, cause="disk gone"))
    found = await store.request("r-one")
    assert found is not None
    assert (found[0].state, found[0].ended_at, found[0].to_send) == (RequestState.FINISHED, NOON, True)


async def test_one_disk_is_copied_by_one_item_and_the_second_joins(store: Store) -> None:
    same = an_item(1).disk
    await running(store, an_item(1))
    await running(store, an_item(1, request_id="r-two", disk=same), request_id="r-two")
    first = await store.start(submitting(await the_item(store, "r-one-1"), NOON), [])
    second = await store.start(submitting(await the_item(store, "r-two-1"), NOON), [])
    assert first is not None and second is not None
    assert (second.state, second.joined_to) == (ItemState.CREATING, "r-one-1")
    await store.save(taken(first, "snap-a", "job-a"))
    leader = await the_item(store, "r-one-1")
    await store.save(ended(leader, ItemState.AVAILABLE, NOON))
    follower = await the_item(store, "r-two-1")
    assert (follower.state, follower.snapshot_id) == (ItemState.AVAILABLE, "snap-a")
    found = await store.request("r-two")
    assert found is not None and found[0].state is RequestState.FINISHED


async def test_a_joined_item_tries_for_itself_when_its_leader_fails(store: Store) -> None:
    same = an_item(1).disk
    await running(store, an_item(1))
    await running(store, an_item(1, request_id="r-two", disk=same), request_id="r-two")
    first = await store.start(submitting(await the_item(store, "r-one-1"), NOON), [])
    await store.start(submitting(await the_item(store, "r-two-1"), NOON), [])
    assert first is not None
    second = await store.request("r-two")
    assert second is not None
    await store.mark_sent(second[0], second[0], accepted=["r-two-1"])
    await store.save(replace(first, progress=50))
    assert (await the_item(store, "r-two-1")).accepted_told
    await store.save(ended(await the_item(store, "r-one-1"), ItemState.FAILED, NOON, cause="refused"))
    follower = await the_item(store, "r-two-1")
    assert (follower.state, follower.joined_to) == (ItemState.PLANNED, None)
    assert not follower.accepted_told  # its own snapshot has ids of its own to tell
    assert ("submit:r-two-1", NOON, "payments/U1") in await store.jobs()


async def test_the_duties_are_what_the_rows_call_for(store: Store) -> None:
    await received(store, "r-new")
    await running(store, an_item(1), an_item(2), request_id="r-one")
    item = await the_item(store, "r-one-2")
    await store.save(taken(item, "snap-b", "job-b"))
    keys = {key for key, *_ in await store.jobs()}
    assert keys == {"plan:r-new", "submit:r-one-1", "watch:payments", "report:C1"}


async def test_a_reminder_is_called_for_in_the_last_hours_before_it(
    store: Store, database: Database, clock: FakeClock
) -> None:
    heard: list[str] = []
    database.on_scheduled(lambda key, *_: heard.append(key))
    for request_id, hours in (("r-soon", 1), ("r-later", 3)):
        item = an_item(1, ItemState.CREATING, request_id=request_id)
        await running(store, item, request_id=request_id, remind_at=NOON + timedelta(hours=hours))
        await store.save(ended(await the_item(store, item.id), ItemState.AVAILABLE, NOON))
    assert {"remind:r-soon"} == {key for key in heard if key.startswith("remind:")}
    assert {"remind:r-soon"} == {key for key, *_ in await store.jobs() if key.startswith("remind:")}
    clock.pass_(hours=2)
    assert ("remind:r-later", NOON + timedelta(hours=3), "payments") in await store.jobs()


async def test_nothing_is_left_to_do_once_all_is_said(store: Store) -> None:
    await running(store, an_item(1, ItemState.CREATING))
    await store.save(ended(await the_item(store, "r-one-1"), ItemState.AVAILABLE, NOON))
    found = await store.request("r-one")
    assert found is not None
    await store.mark_all_sent([replace(found[0], rev=found[0].rev - 1)])
    assert await store.jobs() != []
    await store.mark_all_sent([found[0]])
    assert await store.jobs() == []


async def test_the_job_of_a_channel_is_called_for_about_whom_it_is_and_the_rows_know_who_is_told_of_there(
    store: Store, database: Database
) -> None:
    about: list[str] = []
    database.on_scheduled(lambda key, at, lane, row: about.append(row) if key == "report:C1" else None)
    await running(store, an_item(1))
    await running(store, an_item(2, request_id="r-two"), request_id="r-two")
    assert set(about) == {"r-one", "r-two"}
    about.clear()
    await store.save(taken(await the_item(store, "r-two-2"), "snap-a", "job-a"))
    assert about == ["r-two"]
    assert await store.to_send("C1") == ["r-one", "r-two"]
    found = await store.request("r-one")
    assert found is not None
    await store.mark_all_sent([found[0]])
    assert await store.to_send("C1") == ["r-two"]
    assert [one.id for one, *_ in await store.outbox("C1", ["r-one", "r-two"])] == ["r-two"]
    assert await store.outbox("C2", ["r-two"]) == []


async def test_what_was_said_last_leaves_a_newer_revision_to_be_sent(store: Store) -> None:
    await running(store, an_item(1))
    found = await store.request("r-one")
    assert found is not None
    await store.save(taken(await the_item(store, "r-one-1"), "snap-a", "job-a"))
    said = replace(found[0], status_ts="1.0", to_send=False)
    await store.mark_sent(said, found[0])
    assert await store.to_send("C1") == ["r-one"]
    await store.mark_sent(replace(said, rev=said.rev + 1), said)
    assert await store.to_send("C1") == []


async def test_of_two_replicas_that_post_the_same_the_first_counts_and_the_last_word_is_said_again(
    store: Store,
) -> None:
    await running(store, an_item(1))
    found = await store.request("r-one")
    assert found is not None
    was, rev = found[0], found[0].rev
    first = replace(was, status_ts="1.0", shown_rev=rev, to_send=False)
    assert await store.mark_sent(first, was)
    assert await store.mark_sent(first, was)  # whose answer was lost
    assert await store.to_send("C1") == ["r-one"]
    assert not await store.mark_sent(replace(first, status_ts="2.0"), was)
    after = await store.request("r-one")
    assert after is not None
    assert (after[0].status_ts, after[0].shown_rev, after[0].to_send) == ("1.0", 0, True)


async def test_a_request_is_found_by_any_of_its_ids(store: Store) -> None:
    await running(store, an_item(1))
    await store.save(taken(await the_item(store, "r-one-1"), "snap-a", "job-a"))
    for any_id in ("r-one", "r-one-1", "snap-a", "job-a"):
        found = await store.find(any_id)
        assert found is not None and found[0].id == "r-one"
    assert await store.find("nothing") is None


async def test_listing_filters_by_project_disk_and_person(store: Store) -> None:
    await running(store, an_item(1), request_id="r-one")
    await running(
        store, an_item(2, request_id="r-two", project="shop"), request_id="r-two", project="shop", actor_id="U2"
    )

    async def ids(filters: Filters) -> set[str]:
        return {request.id for request, _ in await store.recent(filters)}

    assert await ids(Filters()) == {"r-one", "r-two"}
    assert await ids(Filters(projects=["shop"])) == {"r-two"}
    assert await ids(Filters(projects=[])) == set()
    assert await ids(Filters(disk="disk-1")) == {"r-one"}
    assert await ids(Filters(actor_id="U2", projects=["payments", "shop"])) == {"r-two"}


async def test_old_delivery_marks_are_dropped_when_slack_can_no_longer_repeat_them(
    store: Store, clock: FakeClock
) -> None:
    await received(store, "r-old")
    clock.pass_(hours=26)
    await store.forget_deliveries()
    judged: list[str] = []

    def judge(grants: Sequence[Grant], bound: str | None) -> Incoming:
        judged.append("as if new")
        return Incoming(None)

    await store.take_in("command:r-old", "C1", None, judge)
    assert judged == ["as if new"]


async def test_every_audit_row_is_sealed_with_the_one_before(store: Store, database: Database) -> None:
    for number in range(5):
        await store.audit([AuditEntry(f"U{number}", "create", "payments", "denied", "no-grant", {"n": number})])
    rows = await store.audit_page(0)
    assert audit.first_broken(rows, audit.GENESIS, 0) is None
    altered = [dict(row) for row in rows]
    altered[2]["actor"] = "U9"
    assert audit.first_broken(altered, audit.GENESIS, 0) == "row 3 was altered"
    assert audit.first_broken([*rows[:2], *rows[3:]], audit.GENESIS, 0) == (
        "row 3 is missing: row 4 stands in its place"
    )
    swapped = [rows[1], rows[0], *rows[2:]]
    assert audit.first_broken(swapped, audit.GENESIS, 0) is not None


async def test_who_joined_one_that_joins_another_later_ends_with_it(store: Store) -> None:
    """The first has to wait its turn, the third takes it meanwhile, and the second followed the first all along."""
    for request_id in ("r-one", "r-two", "r-three"):
        await running(store, an_item(1, request_id=request_id), request_id=request_id)
    first = await store.start(submitting(await the_item(store, "r-one-1"), NOON), [])
    second = await store.start(submitting(await the_item(store, "r-two-1"), NOON), [])
    assert first and second and second.joined_to == "r-one-1"
    await store.save(waiting(first, NOON, until=NOON, cause="busy"))
    third = await store.start(submitting(await the_item(store, "r-three-1"), NOON), [])
    assert third and third.joined_to is None
    first = await store.start(submitting(await the_item(store, "r-one-1"), NOON), [])
    assert first and first.joined_to == "r-three-1"
    await store.save(taken(third, "snap-1", "job-1"))
    await store.save(ended(await the_item(store, "r-three-1"), ItemState.AVAILABLE, NOON))
    for item_id in ("r-one-1", "r-two-1", "r-three-1"):
        item = await the_item(store, item_id)
        assert (item.state, item.snapshot_id) == (ItemState.AVAILABLE, "snap-1")
    found = await store.request("r-two")
    assert found and found[0].state is RequestState.FINISHED


async def test_a_form_keeps_what_it_is_about_and_the_last_choice_of_its_person(store: Store) -> None:
    order = Create(("a",))
    form = Form("f-one", "U1", Place("T1", "C1", "1.2"), order, NOON, view_id="V1", kind="change", subject="r-one")
    await store.open_form(form)
    assert await store.form("f-one") == form
    first = await store.form_project("f-one", "shop")
    assert first == replace(form, project="shop", revision=1)
    assert await store.form_project("f-one", "payments") == replace(form, project="payments", revision=2)
    assert await store.form_project("f-one", "vault", seen=1) is None  # decided of what stood there before
    moved = await store.form_place("f-one", "C2", direct=False)
    assert moved == replace(form, place=Place("T1", "C2", "1.2"), project="payments", revision=2)
    assert await store.form("f-one") == moved
    assert await store.form_hash("f-one") is None
    await store.form_shown("f-one", "17.abc")
    assert await store.form_hash("f-one") == "17.abc"
    assert await store.form_project("f-two", "shop") is None


def an_errand(event: str, claim: str | None = "mention:C1:1.0") -> DeferredReply:
    return DeferredReply(f"event:{event}", "mention", "U1", "C1", None, {"text": "approve r-one"}, NOON, claim)


async def test_what_is_owed_is_a_duty_until_it_is_answered_and_a_delivery_counts_once(store: Store) -> None:
    deferred_reply = an_errand("one")
    assert await store.take_deferred_reply(deferred_reply)
    assert not await store.take_deferred_reply(deferred_reply)
    assert await store.deferred_reply("event:one") == deferred_reply
    assert [key for key, *_ in await store.jobs()] == ["answer:event:one"]
    await store.deferred_reply_done(deferred_reply, acted=True)
    assert await store.deferred_reply("event:one") is None
    assert await store.jobs() == []
    assert not await store.take_deferred_reply(deferred_reply)


async def test_what_was_acted_on_is_claimed_for_good_and_what_was_refused_is_free_again(
    store: Store, clock: FakeClock
) -> None:
    await store.take_deferred_reply(an_errand("one"))
    await store.deferred_reply_done(an_errand("one"), acted=False)
    await store.take_deferred_reply(an_errand("two"))
    second = await store.deferred_reply("event:two")
    assert second == an_errand("two")
    await store.deferred_reply_done(second, acted=True)
    clock.pass_(hours=30)
    await store.forget_deliveries()
    await store.take_deferred_reply(an_errand("three"))
    late = await store.deferred_reply("event:three")
    assert late is not None and (late.late, late.claim) == (True, None)
    await store.deferred_reply_done(late, acted=False)
    await store.take_deferred_reply(an_errand("four"))
    later = await store.deferred_reply("event:four")
    assert later is not None and later.late


async def test_a_chore_that_two_ask_for_at_once_is_done_by_one_of_them(store: Store, clock: FakeClock) -> None:
    tomorrow = NOON + timedelta(days=1)
    assert sorted(await asyncio.gather(*(store.chore_taken("card", tomorrow) for _ in range(3)))) == [
        False,
        False,
        True,
    ]
    clock.pass_(days=1)
    assert await store.chore_taken("card", tomorrow + timedelta(days=1))
    assert not await store.chore_taken("card", tomorrow + timedelta(days=1))
