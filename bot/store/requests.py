"""What was asked, by whom, how it stands and ended: each function is one step of a transaction, or a whole one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import claims
from bot.domain.granting import Subject
from bot.domain.requests import Item, Request, agreed, ended, following, following_items, joining, refused
from bot.domain.transitions import ItemState, RequestEvent, RequestState
from bot.ports.outbox import Notice
from bot.ports.requests import Cancelled, DiskName, Filters, Settled
from bot.store import deferred_replies, deletions, grants, homes
from bot.store.database import Query, Row, Rows, Script, Want, from_ms, sql, to_ms
from bot.store.reading import first, readable
from bot.store.rows import group_from, group_row, item_from, item_row, request_from, request_row

_ADD_REQUEST = """
insert into request (id, state, actor_id, team_id, channel_id, thread_ts, text, order_json, created_at, ver, rev,
    shown_rev, unsaid, project, verdict, rule, home, status_channel, status_ts, edited_at, receipt_ts,
    ended_at, break_glass, reviewed_by, approvals_needed, waits_until, ask_ts, ask_rev, kept_until,
    remind_at, received_at, warnings_json, tried_ms, started_at, delivery_id)
values (:id, :state, :actor_id, :team_id, :channel_id, :thread_ts, :text, :order_json, :created_at, :ver, :rev,
    :shown_rev, :unsaid, :project, :verdict, :rule, :home, :status_channel, :status_ts, :edited_at, :receipt_ts,
    :ended_at, :break_glass, :reviewed_by, :approvals_needed, :waits_until, :ask_ts, :ask_rev, :kept_until,
    :remind_at, :received_at, :warnings_json, :tried_ms, :started_at, :delivery_id)
"""
_MOVE_REQUEST = """
update request set state = :state, order_json = :order_json,
    project = :project, verdict = :verdict, rule = :rule, rev = :rev, unsaid = 1,
    ended_at = :ended_at, break_glass = :break_glass, reviewed_by = :reviewed_by,
    approvals_needed = :approvals_needed, waits_until = :waits_until, remind_at = :remind_at,
    received_at = :received_at, warnings_json = :warnings_json, tried_ms = :tried_ms,
    started_at = :started_at, ver = ver + 1
where id = :id and ver = :ver returning id
"""
_ADD_ITEM = """
insert into item (id, request_id, position, project, disk_id, disk_name, disk_json, snapshot_json, state, ver, attempts,
    in_doubt, due_at, submitted_at, look_until, waiting_since, tried_ms, in_vain_ms, cause, code, job_id, snapshot_id,
    progress, taken_at, incremental, ended_at, joined_to, group_id, failure_told)
values (:id, :request_id, :position, :project, :disk_id, :disk_name, :disk_json, :snapshot_json, :state, :ver,
    :attempts, :in_doubt, :due_at, :submitted_at, :look_until, :waiting_since, :tried_ms, :in_vain_ms, :cause, :code,
    :job_id, :snapshot_id, :progress, :taken_at, :incremental, :ended_at, :joined_to, :group_id, :failure_told)
"""
SUBMITTED_AT = """
    case when :state = 'submitting' or cast(:submitted_at as bigint) is null then :submitted_at else submitted_at end
"""
"""It is written when something is sent, and stays: who read the row before the clock was set does not bring it back."""

_MOVE_ITEM = f"""
update item set state = :state, attempts = :attempts, in_doubt = :in_doubt, due_at = :due_at,
    submitted_at = {SUBMITTED_AT}, look_until = :look_until, waiting_since = :waiting_since, tried_ms = :tried_ms,
    in_vain_ms = :in_vain_ms, cause = :cause, code = :code, job_id = :job_id,
    snapshot_id = :snapshot_id, progress = :progress, taken_at = :taken_at, incremental = :incremental,
    accepted_told = case when joined_to is not null and cast(:joined_to as text) is null then 0 else accepted_told end,
    ended_at = :ended_at, joined_to = :joined_to, group_id = :group_id, ver = ver + 1
where id = :id and ver = :ver returning id
"""
_ADD_GROUP = """
insert into snapshot_group (id, request_id, project, server, zone, asked_json, state, ver, attempts, in_doubt, due_at,
    submitted_at, look_until, waiting_since, tried_ms, in_vain_ms, cause, code, job_id, cloud_id)
values (:id, :request_id, :project, :server, :zone, :asked_json, :state, :ver, :attempts, :in_doubt, :due_at,
    :submitted_at, :look_until, :waiting_since, :tried_ms, :in_vain_ms, :cause, :code, :job_id, :cloud_id)
"""
LEADER = """
select * from item where disk_id = :disk_id and joined_to is null and id <> :id
    and state in ('submitting', 'uncertain', 'creating')
"""
FIRST_LOOK = timedelta(seconds=2)
"""No snapshot is done sooner after it was asked for."""

_SHARING = """
select distinct other.* from item as own join item as other
    on other.snapshot_id = own.snapshot_id and other.request_id <> own.request_id
where own.request_id = :id and other.state = 'available' and other.gone_at is null order by other.id
"""
_POINTS = """
select * from item where disk_id = :disk_id and state = 'available' and snapshot_id is not null and not exists (
    select 1 from deletion where deletion.snapshot_id = item.snapshot_id and deletion.state <> 'kept')
order by coalesce(taken_at, ended_at) desc, id limit :most
"""
CANCELLED = "cancelled"
"""The rule of what was called back."""

_FIND = """
select id as request_id, 0 as joined from request where id = :id
union select request_id, case when joined_to is null then 0 else 1 end from item
    where id = :id or snapshot_id = :id or job_id = :id
union select request_id, 0 from snapshot_group where id = :id or cloud_id = :id
order by joined, request_id
"""
_DUTIES = """
select 'plan:' || id as key, 0 as at, coalesce(project, '') || '/' || actor_id as lane
    from request where state = 'received'
union all select 'report:' || home, 0, home from request where unsaid = 1 group by home
union all select 'notify:' || request_id, 0, '' from notice where told = 0 group by request_id
union all select 'expire:' || id, waits_until, '' from request where state in ('planned', 'waiting')
union all select 'submit:' || item.id, coalesce(item.due_at, 0), item.project || '/' || request.actor_id
    from item join request on request.id = item.request_id
    where item.state in ('planned', 'submitting', 'uncertain') and item.joined_to is null
    and item.group_id is null and request.state = 'running'
union all select 'group:' || snapshot_group.id, coalesce(snapshot_group.due_at, 0),
    snapshot_group.project || '/' || request.actor_id from snapshot_group
    join request on request.id = snapshot_group.request_id
    where snapshot_group.state in ('planned', 'submitting', 'uncertain', 'made') and request.state = 'running'
union all select 'remind:' || id, remind_at, coalesce(project, '') from request
    where remind_at is not null and ended_at is not null
union all select 'home:' || user_id, 0, '' from home where shown_rev < rev
union all select 'watch:' || project, 0, project from item
    where state = 'creating' and joined_to is null group by project
"""


# --- steps ------------------------------------------------------------------------------------------------------------


def add(request: Request, delivery: str) -> Script[None]:
    yield Query(_ADD_REQUEST, {**request_row(request), "delivery_id": delivery})
    if request.state is RequestState.RECEIVED:
        yield Want(f"plan:{request.id}", request.created_at, lane(request))
    if request.unsaid:
        yield _report(request, request.created_at)


def move(request: Request, now: datetime) -> Script[bool]:
    """Write a request whose `ver` is still the one that was read; something is to be told afterwards."""
    if request.state is RequestState.RUNNING and request.started_at is None:
        request = replace(request, started_at=now)
    moved = yield Query(_MOVE_REQUEST, request_row(request))
    if moved:
        yield _report(request, now)
        yield from homes.changed(request.actor_id, now)
    return bool(moved)


def settle(
    request: Request,
    items: Sequence[Item],
    groups: Sequence[ConsistencyGroup],
    now: datetime,
    room: int | None,
    notify: Sequence[Subject],
) -> Script[Settled]:
    """A received request becomes planned, waiting or running with its items and groups, or is refused with none.

    `room`: how many disks this person may have in this project per UTC day; counted in this very transaction, so two
    requests at the same instant cannot both take the last one. `notify`: those who get a direct message about it.
    """
    used, fits = yield from _room_for(request, items, room)
    if not fits:
        return Settled("over", used)
    moved = yield from move(request, now)
    if not moved:
        return Settled("late", used)
    for group in groups:
        yield Query(_ADD_GROUP, group_row(group))
    for item in items:
        yield Query(_ADD_ITEM, item_row(item))
    yield from tell_directly(request.id, notify, now)
    yield from _set_going(request, items, groups, now)
    return Settled("done", used)


def tell_directly(request_id: str, subjects: Sequence[Subject], now: datetime, asking: int = 0) -> Script[None]:
    """Tell people, and those in groups, of a request, or of an `asking` for a deletion: each once, however often it is
    asked for.
    """
    for subject in subjects:
        yield sql(
            "insert into notice (request_id, subject_kind, subject_id, since, asking) "
            "values (:request_id, :kind, :id, :since, :asking) "
            "on conflict (request_id, subject_kind, subject_id, asking) do nothing",
            request_id=request_id,
            kind=subject.kind,
            id=subject.id,
            since=to_ms(now),
            asking=asking,
        )
    if subjects:
        yield Want(f"notify:{request_id}", now)


def confirm(after: Request, notify: Sequence[Subject], now: datetime, room: int | None) -> Script[Settled]:
    """A planned request goes on, waiting or running, as `after` says, if its person has room for it.

    Late: it is planned no more, or its time is over. A plan takes no room before this.
    """
    found, items = yield from _whole(after.id)
    if not _still_planned(found, after, now):
        return Settled("late")
    used, fits = yield from _room_for(after, items, room)
    if not fits:
        return Settled("over", used)
    yield from move(after, now)
    yield from tell_directly(after.id, notify, now)
    yield from _set_going(after, items, (yield from groups_of(after.id)), now)
    return Settled("done", used)


def _still_planned(found: Request, read: Request, now: datetime) -> bool:
    """Whether a plan stands as it was read and its time is not over: who drops it then may be late."""
    return found.state is RequestState.PLANNED and found.ver == read.ver and not found.time_over(now)


def keep(read: Request, after: Request) -> Script[bool]:
    """How long its snapshots are kept, and when people are asked about them, where both are still as they were read."""
    kept = yield sql(
        "update request set kept_until = :kept_until, remind_at = :remind_at where id = :id "
        "and coalesce(kept_until, -1) = :read_until and coalesce(remind_at, -1) = :read_remind returning id",
        kept_until=to_ms(after.kept_until),
        remind_at=to_ms(after.remind_at),
        id=after.id,
        read_until=-1 if read.kept_until is None else to_ms(read.kept_until),
        read_remind=-1 if read.remind_at is None else to_ms(read.remind_at),
    )
    if kept and after.remind_at:
        yield Want(f"remind:{after.id}", after.remind_at, after.project or "")
    return bool(kept)


def plan_again(after: Request, now: datetime) -> Script[bool]:
    """A planned request is received once more, with another order; nothing of its plan was ever sent."""
    found, _ = yield from _whole(after.id)
    if not _still_planned(found, after, now):
        return False
    yield sql("delete from item where request_id = :id", id=after.id)
    yield sql("delete from snapshot_group where request_id = :id", id=after.id)
    yield from move(replace(after, received_at=now, warnings=(), tried=timedelta()), now)
    yield Want(f"plan:{after.id}", now, lane(after))
    return True


def _room_for(request: Request, items: Sequence[Item], room: int | None) -> Script[tuple[int, bool]]:
    """How many disks of its day are taken, and whether a request fits in beside them. It is none of them yet."""
    wanted = sum(not item.ended for item in items)  # those left out of a plan take no room
    if room is None or not wanted:
        return 0, True
    used = yield from used_on(request.created_at, request.actor_id, items[0].project)
    return used, used + wanted <= room


def used_on(day: datetime, actor_id: str, project: str) -> Script[int]:
    """Disks this person asked for in this project on the UTC day of that moment.

    A request counts on the day it was made, whenever it is settled. Left out are disks that were never sent, and plans
    that nobody has confirmed yet; what waits for other people to agree counts.
    """
    midnight = day.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = yield sql(
        "select count(*) as used from request join item on item.request_id = request.id "
        "where request.actor_id = :actor_id and request.created_at >= :midnight and request.created_at < :next "
        "and request.state <> 'planned' and item.project = :project and item.state <> 'cancelled'",
        actor_id=actor_id,
        midnight=to_ms(midnight),
        next=to_ms(midnight + timedelta(days=1)),
        project=project,
    )
    return int(rows[0]["used"])


def _set_going(
    request: Request, items: Sequence[Item], groups: Sequence[ConsistencyGroup], now: datetime
) -> Script[None]:
    match request.state:
        case RequestState.RUNNING:
            for group in groups:
                yield Want(f"group:{group.id}", group.due_at or now, lane(request))
            for item in items:
                if item.group_id is None and not item.ended:
                    yield Want(f"submit:{item.id}", item.due_at or now, lane(request))
        case RequestState.PLANNED | RequestState.WAITING:
            yield Want(f"expire:{request.id}", request.waits_until or now)
        case _:
            pass


def approve(request_id: str, approver_id: str, now: datetime) -> Script[Request | None]:
    """One more person agrees; the last one needed sets the request going. None: it no longer waits, or too long.

    Twice by one person counts once, and of two who press at the same instant one is first: both are in the same rows.
    """
    request, items = yield from _whole(request_id)
    if request.state is not RequestState.WAITING or request.time_over(now):
        return None
    yield sql(
        "insert into approval (request_id, approver_id, at) values (:request_id, :approver_id, :at) "
        "on conflict (request_id, approver_id) do nothing",
        request_id=request_id,
        approver_id=approver_id,
        at=to_ms(now),
    )
    approvers = yield from _approvers(request_id)
    after = agreed(request, approvers)
    yield from move(after, now)
    if after.state is RequestState.RUNNING:
        yield from _set_going(after, items, (yield from groups_of(request_id)), now)
    return after


def review(request_id: str, reviewer_id: str, now: datetime) -> Script[bool]:
    """Somebody looked at what ran without approval. False: it was reviewed already."""
    request, _ = yield from _whole(request_id)
    if not request.review_due:
        return False
    return (yield from move(replace(request, reviewed_by=reviewer_id, rev=request.rev + 1), now))


def untold(request_id: str) -> Script[list[Notice]]:
    """People before groups, so that a group that can't be read keeps nobody waiting."""
    rows = yield sql(
        "select * from notice where request_id = :id and told = 0 order by subject_kind desc, subject_id, asking",
        id=request_id,
    )
    return (yield from readable(rows, _notice, "notice"))


def _notice(row: Row) -> Notice:
    since = from_ms(row["since"])
    assert since is not None
    return Notice(Subject(row["subject_kind"], row["subject_id"]), since, row["asking"])


def told(request_id: str, notice: Notice) -> Script[None]:
    yield sql(
        "update notice set told = 1 where request_id = :request_id and subject_kind = :kind and subject_id = :id "
        "and asking = :asking",
        request_id=request_id,
        kind=notice.subject.kind,
        id=notice.subject.id,
        asking=notice.asking,
    )


def refuse_waiting(request_id: str, event: RequestEvent, rule: str, verdict: str, now: datetime) -> Script[bool]:
    """End a request that is planned or waits; its items are never sent. False: it no longer does."""
    request, items = yield from _whole(request_id)
    if not request.not_yet_going:
        return False
    for item in items:
        if item.ended:
            continue
        yield Query(_MOVE_ITEM, item_row(ended(item, ItemState.CANCELLED, now, cause=verdict, code=rule)))
    return (yield from move(refused(request, event, rule, verdict, now), now))


def cancel(request_id: str, verdict: str, cause: str, now: datetime) -> Script[Cancelled | None]:
    """Call back what was never sent. None: the request has ended. A worker that read an item before comes too late."""
    request, items = yield from _whole(request_id)
    if request.over:
        return None
    dropped = refused(request, RequestEvent.DROP, CANCELLED, verdict, now)
    if request.state is RequestState.RECEIVED:
        yield from move(dropped, now)
        return Cancelled(0, 0, dropped=True)
    if request.not_yet_going:
        yield from refuse_waiting(request_id, RequestEvent.DROP, CANCELLED, verdict, now)
        return Cancelled(len(items), 0, dropped=True)
    unsent = [item for item in items if item.unsent]
    all_of_it = all(item.unsent or item.state is ItemState.CANCELLED for item in items)
    if all_of_it:
        yield from move(replace(dropped, remind_at=None), now)
    yield from save_all([ended(item, ItemState.CANCELLED, now, cause=cause, code=CANCELLED) for item in unsent], now)
    left = sum(not item.ended and not item.unsent for item in items)
    return Cancelled(len(unsent), left, dropped=all_of_it)


def spent(rows: Sequence[Request | Item | ConsistencyGroup]) -> Script[None]:
    """Write down how much patience was spent, where the row is as it was read. People see nothing of it."""
    for row in rows:
        match row:
            case Request():
                yield Query("update request set tried_ms = :tried_ms where id = :id and ver = :ver", request_row(row))
            case Item():
                yield Query(f"update item set {_SPENT}", item_row(row))
            case ConsistencyGroup():
                yield Query(f"update snapshot_group set {_SPENT}", group_row(row))


_SPENT = "tried_ms = :tried_ms, in_vain_ms = :in_vain_ms, due_at = :due_at where id = :id and ver = :ver"


def start(item: Item, now: datetime) -> Script[Item | None]:
    """Mark an item as being sent, or join it to the one that copies its disk already. None: somebody moved it."""
    leaders = yield sql(LEADER, disk_id=item.disk.id, id=item.id)
    leader = yield from first(leaders, item_from, "item")
    if leaders and leader is None:
        return None  # its disk is being copied, for a row that can't be read: asked again with the next sweep
    begun = joining(item, leader) if leader else item
    saved = yield from save(begun, now)
    return replace(begun, ver=begun.ver + 1) if saved else None


def save(item: Item, now: datetime) -> Script[bool]:
    """Write an item whose `ver` is still the one that was read; those joined to it and the requests follow."""
    return bool((yield from save_all([item], now)))


def save_all(items: Sequence[Item], now: datetime, *, wake: bool = True) -> Script[int]:
    """The same for several; answers how many were as they had been read. Each request follows once.

    Without `wake` nobody is called to act on it: who writes it does already.
    """
    moved: list[Item] = []
    saved = 0
    for item in items:
        if not (yield Query(_MOVE_ITEM, item_row(item))):
            continue
        saved += 1
        moved.append(item)
    for leader in moved:  # grows meanwhile: who was followed before it joined somebody itself still is
        joined = yield sql("select * from item where joined_to = :id and ended_at is null", id=leader.id)
        for one in (yield from readable(joined, item_from, "item")):
            follower = following(one, leader)
            yield Query(_MOVE_ITEM, item_row(follower))
            moved.append(follower)
    followed: dict[str, Request | None] = {}
    for request_id in dict.fromkeys(item.request_id for item in moved):
        followed[request_id] = yield from follow(request_id, now)
    for item in moved if wake else ():
        request = followed[item.request_id]
        yield from _wake(item, lane(request) if request else item.project, now)
    return saved


def lane(request: Request) -> str:
    """Whose work it is: those of one person in one project wait for each other, and for nobody else."""
    return f"{request.project or ''}/{request.actor_id}"


def follow(request_id: str, now: datetime) -> Script[Request | None]:
    """The request after its items or groups moved. With an item that can't be read it is never at its end."""
    rows = yield sql("select * from request where id = :id", id=request_id)
    found = yield from _with_items(rows[0])
    if found is None:
        return None
    request, items = found
    ending = not request.over and all(item.ended for item in items)
    done = ending and (yield from _is_all(request_id, items))
    after = following_items(request, items, now, done=done)
    yield from move(after, now)
    if after.ended_at and after.remind_at:
        yield Want(f"remind:{request_id}", after.remind_at, after.project or "")
    return after


def _wake(item: Item, whose: str, now: datetime) -> Script[None]:
    match item.state:
        case ItemState.PLANNED | ItemState.SUBMITTING | ItemState.UNCERTAIN if item.group_id is None:
            yield Want(f"submit:{item.id}", item.due_at or now, whose)
        case ItemState.CREATING if item.joined_to is None:
            yield Want(f"watch:{item.project}", now + FIRST_LOOK, item.project)
        case _:
            pass


def _report(request: Request, now: datetime) -> Want:
    home = request.home or request.place.channel_id
    return Want(f"report:{home}", now, home)


def _whole(request_id: str) -> Script[tuple[Request, list[Item]]]:
    """For who decides something of it: all of it must be there to be read."""
    rows = yield sql("select * from request where id = :id", id=request_id)
    found = yield from _with_items(rows[0])
    if found is None or not (yield from _is_all(request_id, found[1])):
        raise RuntimeError(f"Request {request_id} or one of its disks can't be read.")
    return found


def _is_all(request_id: str, items: Sequence[Item]) -> Script[bool]:
    """Whether these are all disks of a request, and none was set aside."""
    rows = yield sql("select count(*) as number from item where request_id = :id", id=request_id)
    return int(rows[0]["number"]) == len(items)


def _with_items(row: Row) -> Script[tuple[Request, list[Item]] | None]:
    """A request with those of its items that can be read; None where it can't itself."""
    rows = yield sql("select * from item where request_id = :id order by position", id=row["id"])
    approvers = (yield from _approvers(row["id"])) if row["approvals_needed"] else ()
    request = yield from first([row], lambda one: request_from(one, approvers), "request")
    return (request, (yield from readable(rows, item_from, "item"))) if request else None


def groups_of(request_id: str) -> Script[list[ConsistencyGroup]]:
    rows = yield sql("select * from snapshot_group where request_id = :id order by id", id=request_id)
    return (yield from readable(rows, group_from, "snapshot_group"))


def copying(project: str) -> Script[list[str]]:
    """The disks of a project that the bot copies, or is about to."""
    rows = yield sql(
        "select distinct disk_id from item where project = :project and joined_to is null "
        "and state in ('submitting', 'uncertain', 'creating')",
        project=project,
    )
    return [row["disk_id"] for row in rows]


def _approvers(request_id: str) -> Script[tuple[str, ...]]:
    rows = yield sql("select approver_id from approval where request_id = :id order by at, approver_id", id=request_id)
    return tuple(row["approver_id"] for row in rows)


# --- what was told ----------------------------------------------------------------------------------------------------


def mark_sent(request: Request, accepted: Sequence[str], failures: Sequence[str]) -> Script[None]:
    """Keep what the reporter did. These columns are the reporter's alone, so they need no `ver`."""
    yield sql(
        "update request set shown_rev = :shown_rev, home = :home, thread_ts = :thread_ts, "
        "status_channel = :status_channel, status_ts = :status_ts, edited_at = :edited_at, receipt_ts = :receipt_ts, "
        "ask_ts = :ask_ts, ask_rev = :ask_rev, receipt_gone = :receipt_gone where id = :id",
        id=request.id,
        shown_rev=request.shown_rev,
        home=request.home,
        thread_ts=request.place.thread_ts,
        status_channel=request.status_channel,
        status_ts=request.status_ts,
        edited_at=to_ms(request.edited_at),
        receipt_ts=request.receipt_ts,
        ask_ts=request.ask_ts,
        ask_rev=request.ask_rev,
        receipt_gone=request.receipt_gone,
    )
    for item_id in accepted:
        yield sql("update item set accepted_told = 1 where id = :id", id=item_id)
    for item_id in failures:
        yield sql("update item set failure_told = 1 where id = :id", id=item_id)


def move_reply_channel(request: Request, now: datetime) -> Script[None]:
    """What is left to tell goes to `request.home` and its thread from now on, with a message of its own."""
    moved = replace(request, status_channel=None, status_ts=None, shown_rev=0, ask_ts=None, ask_rev=0)
    yield from mark_sent(moved, (), ())
    yield _report(request, now)


def gone(snapshot_id: str, by: str | None, now: datetime) -> Script[bool]:
    """A snapshot was deleted: whatever names it says so, in every request that has it. False: that was known."""
    rows = yield sql(
        "update item set gone_at = :at, gone_by = :by where snapshot_id = :id and gone_at is null "
        "and state in ('available', 'failed', 'unknown') returning request_id",
        at=to_ms(now),
        by=by,
        id=snapshot_id,
    )
    for request_id in sorted({row["request_id"] for row in rows}):
        moved = yield sql(
            "update request set rev = rev + 1, unsaid = 1, ver = ver + 1 where id = :id returning home, actor_id",
            id=request_id,
        )
        yield Want(f"report:{moved[0]['home']}", now)
        yield from homes.changed(moved[0]["actor_id"], now)
    return bool(rows)


def mark_all_sent(request: Request) -> Script[None]:
    """Nothing is left to tell of this revision; a newer one keeps its mark."""
    yield sql("update request set unsaid = 0 where id = :id and rev = :rev", id=request.id, rev=request.rev)


# --- reading ----------------------------------------------------------------------------------------------------------


def one(request_id: str) -> Script[tuple[Request, list[Item]] | None]:
    rows = yield sql("select * from request where id = :id", id=request_id)
    return (yield from _with_items(rows[0])) if rows else None


def of_delivery(delivery: str) -> Script[Request | None]:
    rows = yield sql("select * from request where delivery_id = :id", id=delivery)
    return (yield from first(rows, request_from, "request"))


def tries_of(request_id: str) -> Script[list[Request]]:
    """By the deliveries that made them, `again:{request}:{number}`."""
    rows = yield sql(
        "select * from request where delivery_id >= :first and delivery_id < :last order by created_at, id",
        first=f"again:{request_id}:",
        last=f"again:{request_id};",
    )
    return (yield from readable(rows, request_from, "request"))


def item(item_id: str) -> Script[tuple[Item, Request] | None]:
    rows = yield sql("select * from item where id = :id", id=item_id)
    read = yield from first(rows, item_from, "item")
    found = (yield from one(read.request_id)) if read else None
    return (read, found[0]) if read and found else None


def sharing(request_id: str) -> Script[list[tuple[Item, Request]]]:
    """Items of other requests whose restore point is a snapshot of this one, each with its request."""
    rows = yield sql(_SHARING, id=request_id)
    found: list[tuple[Item, Request]] = []
    for other in (yield from readable(rows, item_from, "item")):
        its = yield from one(other.request_id)
        found += [(other, its[0])] if its else []
    return found


_POINTS_OF_A_DISK = 20


def points_of(disk_ids: Sequence[str]) -> Script[list[Item]]:
    """Of each disk the newest snapshots that ended available and that nobody asked to delete, or that were kept."""
    found: list[Item] = []
    for disk_id in dict.fromkeys(disk_ids):
        rows = yield sql(_POINTS, disk_id=disk_id, most=_POINTS_OF_A_DISK)
        found += yield from readable(rows, item_from, "item")
    return found


def let_go(request_id: str, item_ids: Sequence[str]) -> Script[list[Item]]:
    """The request keeps no more what it joined; answers what of that it kept until now."""
    _, items = yield from _whole(request_id)
    fresh = [item for item in claims(items) if item.id in item_ids]
    for item in fresh:
        yield sql("update item set let_go = 1 where id = :id", id=item.id)
    return fresh


def creating(project: str, after: str, limit: int) -> Script[tuple[list[Item], str | None]]:
    """A page of the snapshots in the making, by id; and after which id the next one begins."""
    rows = yield sql(
        "select * from item where project = :project and state = 'creating' and joined_to is null and id > :after "
        "order by id limit :limit",
        project=project,
        after=after,
        limit=limit,
    )
    found = yield from readable(rows, item_from, "item")
    return found, rows[-1]["id"] if len(rows) == limit else None


def outbox(home: str) -> Script[list[tuple[Request, list[Item]]]]:
    rows = yield sql("select * from request where home = :home and unsaid = 1 order by created_at", home=home)
    return (yield from _wholes(rows))


def find(any_id: str) -> Script[tuple[Request, list[Item]] | None]:
    """By the id of a request, an item, a job, a snapshot or a group. What others joined is whose it was first."""
    rows = yield sql(_FIND, id=any_id)
    return (yield from one(rows[0]["request_id"])) if rows else None


def recent(filters: Filters) -> Script[list[tuple[Request, list[Item]]]]:
    """The newest requests that fit, newest first."""
    clauses: list[str] = ["1 = 1"]
    values: dict[str, str | int] = {"limit": filters.limit, "offset": filters.offset}
    if filters.projects is not None:
        names = [f"project_{number}" for number, _ in enumerate(filters.projects)]
        values |= dict(zip(names, filters.projects, strict=True))
        clauses.append(f"project in ({', '.join(f':{name}' for name in names) or 'null'})")
    if filters.actor_id is not None:
        clauses.append("actor_id = :actor_id")
        values["actor_id"] = filters.actor_id
    if filters.disk is not None:
        clauses.append("exists (select 1 from item where request_id = request.id and :disk in (disk_id, disk_name))")
        values["disk"] = filters.disk
    if filters.unreviewed:
        clauses.append("break_glass = 1 and reviewed_by is null and state in ('running', 'finished')")
    if filters.waiting:
        clauses.append("state = 'waiting'")
    if filters.under_way is not None:
        clauses.append(f"state {'in' if filters.under_way else 'not in'} ('received', 'planned', 'waiting', 'running')")
    if filters.left_to is not None:
        clauses.append(
            "actor_id <> :left_to and not exists "
            "(select 1 from approval where request_id = request.id and approver_id = :left_to)"
        )
        values["left_to"] = filters.left_to
    if filters.channel is not None:
        clauses.append("channel_id = :channel")
        values["channel"] = filters.channel
    if filters.restorable:
        clauses.append(
            "exists (select 1 from item where request_id = request.id and state = 'available' and let_go = 0 "
            "and gone_at is null)"
        )
    where = " and ".join(clauses)
    text = f"select * from request where {where} order by created_at desc, id limit :limit offset :offset"
    rows = yield Query(text, values)
    return (yield from _wholes(rows))


def disks_named(projects: Sequence[str]) -> Script[list[DiskName]]:
    """The names of the newest 10,000 items, each once."""
    values = {f"project_{number}": project for number, project in enumerate(projects)}
    newest = f"select * from item where project in ({', '.join(f':{name}' for name in values) or 'null'})"
    text = f"select distinct disk_id, disk_name from ({newest} order by rowid desc limit 10000)"
    rows = yield Query(text, values)
    return [DiskName(row["disk_id"], row["disk_name"]) for row in rows]


def counts() -> Script[dict[tuple[str, str], int]]:
    rows = yield sql(
        "select 'request' as kind, state, count(*) as number from request group by state "
        "union all select 'item', state, count(*) from item group by state"
    )
    return {(row["kind"], row["state"]): row["number"] for row in rows}


def jobs() -> Script[list[tuple[str, datetime, str]]]:
    """Every job the rows call for; an engine rebuilt from this has lost nothing."""
    rows = yield sql(
        f"{_DUTIES} union all {deletions.DUTIES} union all {grants.NEXT_LAPSE} union all {deferred_replies.DUTIES}"
    )
    return (yield from readable([row for row in rows if row["at"] is not None], _duty, "job"))


def _duty(row: Row) -> tuple[str, datetime, str]:
    at = from_ms(row["at"])
    assert at is not None
    return row["key"], at, row["lane"]


def _wholes(rows: Rows) -> Script[list[tuple[Request, list[Item]]]]:
    found: list[tuple[Request, list[Item]]] = []
    for row in rows:
        whole = yield from _with_items(row)
        found += [whole] if whole else []
    return found
