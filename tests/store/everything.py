"""Everything that is asked of a store, so that each of its statements is run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.attempts import submitting
from bot.domain.audit import AuditEntry
from bot.domain.bindings import Binding
from bot.domain.deletions import Deletion
from bot.domain.forms import Form
from bot.domain.granting import Subject
from bot.domain.items import Item, ended, taken
from bot.domain.matching import Finding, Point, summary
from bot.domain.orders import Create, Restore
from bot.domain.requests import Place
from bot.domain.restoring.restorations import under_way
from bot.domain.transitions import DeletionState, ItemState, RequestEvent, RequestState
from bot.domain.turns import Claim, Places
from bot.ports.forms import DeferredReply
from bot.ports.grants import Revision
from bot.ports.lookups import Filters
from bot.ports.proofs import ProofState
from bot.ports.requests import Incoming, OpenLimit
from bot.store.store import Store
from bot.store.trail.search import Wanted
from bot.store.upkeep.measuring import COUNTED
from tests.builders import NOON, FakeClock, a_grant, a_project, a_request, a_restoration, an_actor, an_item
from tests.store.test_consistency_groups import with_group
from tests.store.test_requests import planned
from tests.store.test_store import received, running, the_item

SEEN = ["payments", "shop"]
EVERY_FILTER = (
    Filters(limit=50),
    Filters(unreviewed=True, limit=50),
    Filters(projects=SEEN),
    Filters(projects=SEEN, offset=40),
    Filters(projects=SEEN, actor_id="U1"),
    Filters(projects=SEEN, disk="disk-7"),
    Filters(projects=SEEN, disk="disk-7", actor_id="U1"),
    Filters(projects=SEEN, restorable_in="C1"),
    Filters(actor_id="U1", under_way=True),
    Filters(actor_id="U1", under_way=False),
    Filters(actor_id="U2", under_way=False),
    Filters(projects=SEEN, left_to="U9", waiting=True),
    Filters(projects=SEEN, left_to="U9", unreviewed=True),
)
"""As the commands, App Home and the terminal ask."""

ENTRY = AuditEntry("U1", "create", "payments", "done")
BOB = Subject("user", "U2")
HOUR = timedelta(hours=1)


async def everything(store: Store, clock: FakeClock) -> None:
    for part in (
        grants,
        bindings,
        arrivals,
        plans,
        copies,
        groups,
        restorations,
        deletions,
        outbox,
        forms,
        homes,
        calls,
        audit,
        readings,
    ):
        await part(store)
    await times(store, clock)


async def grants(store: Store) -> None:
    await store.configured_grants([a_grant(), a_grant("U3", "admin", expires_at=NOON), a_grant("U4", "admin")])
    await store.configured_grants([a_grant(), a_grant("U3", "admin", expires_at=NOON)])
    await store.revise_grants(an_actor(), BOB, "payments", lambda rights: Revision("", [ENTRY], added=[a_grant("U2")]))
    await store.revise_grants(an_actor(), BOB, "*", lambda rights: Revision("", removed=[a_grant("U2")]))
    await store.revise_source("file:x", lambda rights: Revision(""))
    await store.expire_grants(lambda grant: ENTRY)
    await store.grants_for(an_actor("U1"))
    await store.approver_grants("payments")
    await store.grants_of(BOB)
    await store.helpers("payments")
    await store.grants_from("bot.toml")
    await store.admin_grants()
    await store.every_grant()


async def bindings(store: Store) -> None:
    await store.configured_bindings([Binding("C1", "payments", "web-01")])
    await store.bind("C2", [Binding("C2", "payments", "web-01")], [ENTRY], over=[])
    await store.bound_project("C1")
    await store.bindings("C1")
    await store.bound_to("C1")
    await store.configured_projects({"payments": a_project()})
    await store.configured_projects({"payments": a_project(project_id="f" * 32)})


async def arrivals(store: Store) -> None:
    await received(store, "r-new")
    await received(store, "r-new")
    denied = a_request("r-denied", state=RequestState.DENIED, to_send=True)
    await store.take_in("d2", "C1", None, lambda held, bound: Incoming(denied, [ENTRY]))
    await store.take_in("d3", "C1", an_actor(), lambda held, bound: Incoming(None), mendable=True)
    reply = DeferredReply("d4", "command", "U1", "C1", None, {}, NOON, claim="form:U1")
    await store.take_deferred_reply(reply)
    await store.deferred_reply("d4")
    await store.deferred_reply_done(reply, acted=False)
    await store.forget_deliveries()


async def plans(store: Store) -> None:
    waits = await planned(store, "r-plan", 2)
    await store.planning_waits(replace(waits, tried=HOUR))
    waits = await _read(store, "r-plan")
    await store.plan_again(replace(waits, state=RequestState.RECEIVED), [ENTRY])
    waits = await planned(store, "r-confirm", 1)
    await store.confirm(replace(waits, state=RequestState.RUNNING, waits_until=None), [BOB], [ENTRY], room=3)
    await planned(store, "r-refused", 1)
    await store.refuse_waiting("r-refused", RequestEvent.DROP, "expired", "", [ENTRY])
    waiting = replace(await received(store, "r-waiting"), state=RequestState.WAITING, approvals_needed=2)
    await store.decide_plan(replace(waiting, waits_until=NOON + HOUR), [an_item(request_id="r-waiting")], [])
    await store.approve("r-waiting", "U8", [ENTRY])
    await running(store, an_item(5, request_id="r-glass"), request_id="r-glass", break_glass=True)
    await store.review("r-glass", "U9", [ENTRY])
    await store.cancel("r-glass", explanation="", cause="", entries=[ENTRY])
    read = await _read(store, "r-confirm")
    await store.extend(read, replace(read, kept_until=NOON + 3 * HOUR, remind_at=NOON + HOUR), [ENTRY])


async def copies(store: Store) -> None:
    for request_id in ("r-copy", "r-join"):
        await running(store, an_item(7, request_id=request_id), request_id=request_id)
    leader = await store.start(submitting(await the_item(store, "r-copy-7"), NOON), [ENTRY])
    joined = await store.start(submitting(await the_item(store, "r-join-7"), NOON), [])
    await store.follow_on("r-copy-7", "")
    assert leader and joined
    await store.watched([taken(leader, "snap-1", "job-1")])
    await store.creating("payments")
    await store.due("payments", NOON + HOUR, NOON + 2 * HOUR, 240, 60)
    await store.next_look("payments", NOON)
    await store.copying("payments")
    await running(store, an_item(8, request_id="r-queue"), an_item(9, request_id="r-queue"), request_id="r-queue")
    for name in ("r-queue-8", "r-queue-9"):
        await store.start(submitting(await the_item(store, name), NOON), [], claim=Claim("U1", Places(1, 1)))
    await store.tell_turns({"r-queue": "Waits for its turn: it is next."})
    await store.give_turns("payments", Places(2, 2))
    limit = OpenLimit(1, lambda request: Incoming(None))
    await store.take_in("crowded", "C1", None, lambda grants, bound: Incoming(a_request("r-crowded")), limit=limit)
    item = await the_item(store, "r-copy-7")
    await store.save_found(item)
    item = await the_item(store, "r-copy-7")
    await store.spent([await _read(store, "r-copy"), item])
    await store.save(ended(item, ItemState.AVAILABLE, NOON))
    await store.points_of([item])
    await store.let_go("r-join", ["r-join-7"], [ENTRY])
    await store.sharing("r-copy")
    await store.gone("snap-nobodys", None, [ENTRY])


async def groups(store: Store) -> None:
    await with_group(store, 11, 12, request_id="r-group")
    found = await store.group("r-group-g1")
    assert found is not None
    await store.spent([found[0]])
    begun = await store.start_group(found[0], [ENTRY])
    assert begun is not None
    await store.save_group(begun[0], [], [ENTRY])
    await store.groups_of("r-group")


async def restorations(store: Store) -> None:
    order = Restore("r-copy", "r-copy", "overwrite")
    waiting = replace(await received(store, "r-back", order=order), state=RequestState.WAITING, approvals_needed=1)
    rows = [a_restoration(21, way="overwrite", safety_item_id="r-back-21")]
    safety = an_item(21, request_id="r-back")
    waiting = replace(waiting, waits_until=NOON + HOUR)
    await store.decide_plan(waiting, [safety], [], restorations=rows)
    await store.approve("r-back", "U8", [ENTRY])
    await store.restorations_spent(rows)
    await store.start_roll_backs(await store.restorations_of("r-back"), [ENTRY])  # its safety snapshot is not there
    await store.start(submitting(await the_item(store, safety.id), NOON), [])
    await store.save(taken(await the_item(store, safety.id), "snap-21", "job-21"))
    await store.save(ended(await the_item(store, safety.id), ItemState.AVAILABLE, NOON))
    begun = [submitting(one, NOON) for one in await store.restorations_of("r-back")]
    await store.start_roll_backs(begun, [ENTRY])
    await store.save_restorations([under_way(one, "job-22") for one in await store.restorations_of("r-back")])
    await store.restoration("r-back-r21")
    await store.proofs_of(["snap-21"])
    lapsed = replace(await received(store, "r-lapsed", order=order), state=RequestState.PLANNED)
    await store.decide_plan(lapsed, [], [], restorations=[a_restoration(22, request_id="r-lapsed")])
    await store.refuse_waiting("r-lapsed", RequestEvent.DROP, "expired", "", [ENTRY])
    new = replace(await received(store, "r-new-disk", order=order), state=RequestState.RUNNING)
    await store.decide_plan(new, [], [], restorations=[a_restoration(23, request_id="r-new-disk")])
    await store.cancel("r-new-disk", explanation="", cause="", entries=[ENTRY])
    await proofs(store)


async def proofs(store: Store) -> None:
    request = replace(
        await received(store, "r-proof", order=Restore("r-copy", "r-copy", "verify")), state=RequestState.RUNNING
    )
    await store.decide_plan(request, [], [], restorations=[a_restoration(24, request_id="r-proof", way="verify")])
    (proof,) = await store.restorations_of("r-proof")
    await store.may_be_tested(proof)
    await store.save_restorations([submitting(proof, NOON)])
    await store.being_proven("payments", NOON)
    await store.tested_since("payments", NOON + HOUR)
    await store.tests(["r-proof-r24"])
    await store.bindings_in("payments")
    await store.newest_points(["disk-7", "disk-24"])
    await store.proofs_of_disks(["disk-7", "disk-24"])
    await store.proofs_seen("payments", ProofState(1, NOON, 1), "verify:payments", NOON + HOUR)


async def deletions(store: Store) -> None:
    item = await the_item(store, "r-copy-7")
    await store.ask_deletion([_deletion(item)], [ENTRY])
    await store.deletion_announced("r-copy", 1, [BOB])
    read = await store.deletions("r-copy")
    await store.agree_to_deletion(read, "U9", 1, [ENTRY])
    read = await store.deletions("r-copy")
    await store.spent(read)
    await store.deletions_sent(read)
    await store.save_deletions([replace(one, state=DeletionState.DELETED) for one in read], [ENTRY])
    await store.deletions_told(read)


async def outbox(store: Store) -> None:
    found = await store.outbox("C1", await store.to_send("C1"))
    ((request, items, _), *_) = found
    ids = [item.id for item in items]
    await store.mark_sent(request, request, accepted=ids or ["i"], failures=ids or ["i"])
    await store.mark_sent(request, replace(request, shown_rev=99))
    back = replace(request, order=Restore("r-one"))
    await store.mark_sent(back, request, accepted=["r-back-r1"], failures=["r-back-r1"])
    await store.move_reply_channel(request, request)
    await store.mark_all_sent([request])
    await store.tell_directly("r-new", [BOB, Subject("group", "S1")])
    for notice in await store.untold("r-new"):
        await store.told("r-new", notice, [ENTRY], instead=[Subject("user", "U5")])


async def forms(store: Store) -> None:
    await store.open_form(Form("f1", "U1", Place("T1", "C1"), Create(("a",)), NOON))
    await store.form_project("f1", "payments", seen=0)
    await store.form_place("f1", "C2", direct=False)
    await store.form_more("f1")
    await store.form_shown("f1", "hash")
    await store.form_hash("f1")
    await store.form("f1")


async def calls(store: Store) -> None:
    room = store.room("chat.update")
    assert await room.take(1)
    assert not await room.take(1)
    await room.answered()
    await store.room("chat.update").rest(1.0)
    assert not await store.room("chat.update").take(9)


async def homes(store: Store) -> None:
    await store.app_home_opened("U1", None)
    await store.app_home_changed("U1")
    await store.app_home_published("U1", 1, "hash")
    await store.app_home("U1")


async def audit(store: Store) -> None:
    await store.audit([ENTRY])
    store.note([ENTRY])
    seq, row_hash = await store.audit_head()
    await store.head_posted(seq, row_hash, "anchor", NOON)
    await store.chore_done("anchor", NOON)
    await store.chore_due("anchor")
    await store.chore_taken("anchor", NOON)
    await store.audit_page(None, 10)
    about = {"request": "r-copy", "disk": "disk-7", "project": "payments"}
    await store.audit([replace(ENTRY, subject="r-copy-7", details=about)])
    await store.audit_allowed_by("r-copy")
    wanted = Wanted(NOON, NOON + HOUR, "payments")
    await store.audit_page(None, 10, wanted)
    await store.audit_read(None, 10)
    await store.to_ship("file:/x", 10)
    await store.shipped("file:/x", 1, "0" * 64)
    await matching(store)
    numbers = await store.audit_of_disk("disk-7")
    await store.audit_requests(await store.audit_rows(numbers[:50], wanted))
    await store.witness()


async def matching(store: Store) -> None:
    await store.asked_since("payments", NOON)
    points, _ = await store.restore_points("payments", "")
    await store.without_row(points or [Point("r-copy-7", "snap-1")])
    await store.tagged(["r-copy-7", "r-group-g1"])
    await store.rows_without("payments", NOON - HOUR)
    await store.vanished("snap-nobodys")
    await store.matched([Finding("no-row", "r-copy-7").entry("payments"), summary("payments", 1, 1)], "match:x", NOON)
    await store.last_matches()


async def readings(store: Store) -> None:
    await store.request("r-copy")
    await store.item("r-copy-7")
    await store.find("snap-1")
    for filters in EVERY_FILTER:
        await store.recent(filters)
    await store.disks_named(SEEN)
    await store.tries_of("r-copy")
    await store.of_delivery("command:1")
    await store.used_today("U1", "payments")
    await store.jobs()
    await store.counts(COUNTED)
    await store.figures()
    await store.size()
    await store.writable()
    await store.answers()


async def times(store: Store, clock: FakeClock) -> None:
    await store.clock_set(HOUR)
    clock.step(hours=-1)
    await store.clock_set_meanwhile()
    await store.bring_dates_back()
    await store.look_longer(HOUR)


async def _read(store: Store, request_id: str) -> Any:
    found = await store.request(request_id)
    assert found is not None
    return found[0]


def _deletion(item: Item) -> Deletion:
    ids = (item.id, item.request_id, item.project, item.snapshot_id or "", item.disk.id, item.disk.label)
    return Deletion(*ids, DeletionState.ASKED, "U1", "C1", NOON)
