"""Items: what becomes of each disk of a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.attempts import waiting
from bot.domain.audit import AuditEntry
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import Deletion
from bot.domain.items import Item, following, joining
from bot.domain.log_lines import item_line
from bot.domain.requests import Request
from bot.domain.transitions import ItemState
from bot.domain.turns import Claim
from bot.store import deletions, turns
from bot.store.definitions import COPIES, FOLLOWED, ITEM_OPEN, POINT
from bot.store.reading import first, readable
from bot.store.rows import group_row, item_from, item_row, request_row
from bot.store.script import Query, ScheduledJob, Script, from_ms, insert, span_ms, sql, to_ms
from bot.store.transactions import Transactions
from bot.store.waits import LONGEST_WAIT, WAITS_SET
from bot.store.whole_requests import follow, lane

_MOVE_ITEM = f"""
update item set state = :state, attempts = :attempts, in_doubt = :in_doubt, {WAITS_SET},
    tried_ms = :tried_ms,
    in_vain_ms = :in_vain_ms, cause = :cause, code = :code, job_id = :job_id,
    snapshot_id = :snapshot_id, progress = :progress, taken_at = :taken_at, incremental = :incremental,
    accepted_told = case when joined_to is not null and cast(:joined_to as text) is null then 0 else accepted_told end,
    ended_at = :ended_at, joined_to = :joined_to, consistency_group_id = :consistency_group_id, ver = ver + 1
where id = :id and ver = :ver returning id
"""
_ASKED_AGAIN = "on conflict (project, disk_id, disk_name) do update set asked_at = excluded.asked_at"
_POINTS = f"""
select * from item where disk_id = :disk_id and {POINT} and not exists (
    select 1 from deletion where deletion.snapshot_id = item.snapshot_id and deletion.state <> 'kept')
order by coalesce(taken_at, ended_at) desc, id limit :most
"""
_SPENT = "tried_ms = :tried_ms, in_vain_ms = :in_vain_ms, due_at = :due_at where id = :id and ver = :ver"
LEADER = f"select * from item where disk_id = :disk_id and {COPIES} and id <> :id"
_FOLLOWED_DUE = f"""
select * from item where {FOLLOWED} and project = :project and coalesce(due_at, 0) between :begin and :until
    and (coalesce(due_at, 0) > :begin or id > :after) order by coalesce(due_at, 0), id limit :limit
"""
_NEXT_LOOK = f"""
select min(coalesce(due_at, 0)) as at from item
where {FOLLOWED} and project = :project and coalesce(due_at, 0) between :begin and :until
"""
ITS_TURN = timedelta(seconds=5)
BEING_COPIED = "Another snapshot of this disk is being made for another request; it waits its turn."
_JOINED = """
select * from item where joined_to = :leader and ended_at is null and id > :after order by id limit :limit
"""
JOINED_TOGETHER = 5
"""How many items move with the one they are joined to before others have their turn at the store."""

PAGE = 200
"""Rows that are read in one transaction where there may be thousands."""

_POINTS_OF_A_DISK = 20


def add(items: Sequence[Item], request: Request) -> Script[None]:
    asked_at = to_ms(request.created_at)
    for item in items:
        yield insert("item", {**item_row(item), "asked_at": asked_at})
        named = {"project": item.project, "disk_id": item.disk.id, "disk_name": item.disk.name, "asked_at": asked_at}
        yield insert("named_disk", named, _ASKED_AGAIN)


def drop(items: Sequence[Item]) -> Script[None]:
    """Write items that were never sent as ended, where the caller ends their request."""
    for item in items:
        yield Query(_MOVE_ITEM, item_row(item))
        yield from _tell(item)


def _tell(item: Item) -> Script[None]:
    if line := item_line(item):
        yield line


def start(item: Item, claim: Claim | None, alone: bool, now: datetime) -> Script[Item | None]:
    """Mark an item as being sent, or join it to the one that copies its disk already. None: it was moved meanwhile, or
    waits for a place. `alone`: it joins none, and waits until that is over.
    """
    leaders = yield sql(LEADER, disk_id=item.disk.id, id=item.id)
    leader = yield from first(leaders, item_from, "item")
    if leaders and leader is None:
        return None  # its disk is being copied, for a row that can't be read: asked again with the next sweep
    if leader and alone:
        turn = waiting(item, now, until=now + ITS_TURN, cause=BEING_COPIED)
        yield from save(replace(turn, attempts=item.attempts - 1), now)
        return None
    if claim and leader is None and not (yield from turns.free(item.project, claim, 1)):
        yield from turns.wait([item.id], item.project, now)
        return None
    begun = joining(item, leader) if leader else item
    saved = yield from save(begun, now)
    return replace(begun, ver=begun.ver + 1, moved_by=None) if saved else None


def save(item: Item, now: datetime) -> Script[bool]:
    """Write an item whose `ver` is still the one that was read; those joined to it and the requests follow."""
    return bool((yield from save_all([item], now)))


def save_found(item: Item, now: datetime) -> Script[bool]:
    """The same for a snapshot that was found of an item in doubt, which copied its disk no more while it waited. False
    as well for as long as another item does.
    """
    return not (yield from copied_for_others([item])) and (yield from save(item, now))


def copied_for_others(items: Sequence[Item]) -> Script[bool]:
    """Whether another item copies the disk of one of these."""
    for item in items:
        if (yield sql(LEADER, disk_id=item.disk.id, id=item.id)):
            return True
    return False


def save_all(items: Sequence[Item], now: datetime, *, schedule: bool = True) -> Script[int]:
    """The same for several; answers how many were as they had been read. Each request follows once.

    Without `schedule` no job is called to act on it: the one that writes it does already.
    """
    moved: list[Item] = []
    for item in items:
        if (yield Query(_MOVE_ITEM, item_row(item))):
            moved.append(item)
            yield from _tell(item)
    saved = len(moved)
    yield from _with_joined(moved, now, schedule=schedule)
    return saved


def follow_on(leader_id: str, after: str, now: datetime) -> Script[None]:
    """Those joined to an item that come after one of them, where there were too many for the transaction before."""
    rows = yield sql("select * from item where id = :id", id=leader_id)
    if leader := (yield from first(rows, item_from, "item")):
        yield from _with_joined((yield from _move_joined(leader, now, after)), now, schedule=True)


def _with_joined(moved: list[Item], now: datetime, *, schedule: bool) -> Script[None]:
    """After items have moved: those joined to them, their requests, and the jobs that all of it calls for."""
    for leader in moved:  # grows meanwhile: items that followed one before it joined another still do
        moved += yield from _move_joined(leader, now)
    followed: dict[str, Request | None] = {}
    for request_id in dict.fromkeys(item.request_id for item in moved):
        followed[request_id] = yield from follow(request_id, now)
    for project in dict.fromkeys(item.project for item in moved if item.ended):
        yield from turns.freed(project, now)
    for item in moved if schedule else ():
        request = followed[item.request_id]
        yield from _schedule(item, lane(request) if request else item.project, now)


def _move_joined(leader: Item, now: datetime, after: str = "") -> Script[list[Item]]:
    """As many as one transaction holds; a job goes on from the last of them."""
    rows = yield sql(_JOINED, leader=leader.id, after=after, limit=JOINED_TOGETHER)
    joined = [following(one, leader) for one in (yield from readable(rows, item_from, "item"))]
    for one in joined:
        yield Query(_MOVE_ITEM, item_row(one))
        yield from _tell(one)
    if len(rows) == JOINED_TOGETHER:
        yield ScheduledJob(f"follow:{leader.id}:{rows[-1]['id']}", now, leader.project)
    return joined


def _schedule(item: Item, whose: str, now: datetime) -> Script[None]:
    match item.state:
        case ItemState.PLANNED | ItemState.SUBMITTING | ItemState.UNCERTAIN if item.consistency_group_id is None:
            yield ScheduledJob(f"submit:{item.id}", item.due_at or now, whose)
        case ItemState.CREATING if item.joined_to is None:
            yield ScheduledJob(f"watch:{item.project}", item.due_at or now, item.project)
        case _:
            pass


def spent(rows: Sequence[Request | Item | ConsistencyGroup]) -> Script[None]:
    """Write down how much patience was spent and when the next turn is, where the row is as it was read. People see
    nothing of it.
    """
    for row in rows:
        match row:
            case Request():
                yield Query("update request set tried_ms = :tried_ms where id = :id and ver = :ver", request_row(row))
            case Item():
                spent_ms = {"tried_ms": span_ms(row.tried), "in_vain_ms": span_ms(row.in_vain)}
                facts = {"id": row.id, "ver": row.ver, "due_at": to_ms(row.due_at), **spent_ms}
                yield Query(f"update item set {_SPENT}", facts)
            case ConsistencyGroup():
                yield Query(f"update consistency_group set {_SPENT}", group_row(row))


def creating(project: str, after: str, limit: int) -> Script[tuple[list[Item], str | None]]:
    """A page of the snapshots in the making, by id; and after which id the next one begins."""
    rows = yield sql(
        f"select * from item where {ITEM_OPEN} and project = :project and state = 'creating' and joined_to is null "
        "and id > :after order by id limit :limit",
        project=project,
        after=after,
        limit=limit,
    )
    found = yield from readable(rows, item_from, "item")
    return found, rows[-1]["id"] if len(rows) == limit else None


def due(project: str, now: datetime, until: datetime, most: int, together: int) -> Script[list[Item]]:
    found = yield from _followed(project, 0, to_ms(now) or 0, most)
    if room := -len(found) % together:
        found += yield from _followed(project, (to_ms(now) or 0) + 1, to_ms(until) or 0, room)
    return found


def _followed(project: str, begin: int, until: int, most: int) -> Script[list[Item]]:
    """Those due in between, in milliseconds. What can't be read stays due, and is passed over each time."""
    found: list[Item] = []
    after = ""
    while limit := most - len(found):
        ends = {"begin": begin, "until": until, "after": after}
        rows = yield sql(_FOLLOWED_DUE, project=project, **ends, limit=limit)
        found += yield from readable(rows, item_from, "item")
        if len(rows) < limit:
            break
        begin, after = rows[-1]["due_at"] or 0, rows[-1]["id"]
    return found


def next_look(project: str, after: datetime, until: datetime) -> Script[datetime | None]:
    rows = yield sql(_NEXT_LOOK, project=project, begin=(to_ms(after) or 0) + 1, until=to_ms(until))
    return from_ms(rows[0]["at"])


def points_of(disk_ids: Sequence[str], most: int = _POINTS_OF_A_DISK) -> Script[list[Item]]:
    """Of each disk the newest snapshots that ended available and that no person asked to delete, or that were kept."""
    found: list[Item] = []
    for disk_id in dict.fromkeys(disk_ids):
        rows = yield sql(_POINTS, disk_id=disk_id, most=most)
        found += yield from readable(rows, item_from, "item")
    return found


class StoredItems(Transactions):
    """Implements `bot.ports.items.Items`, but for consistency groups."""

    async def start(
        self, item: Item, entries: Sequence[AuditEntry], *, claim: Claim | None = None, alone: bool = False
    ) -> Item | None:
        return await self._audited(lambda now: start(item, claim, alone, now), entries)

    async def save(self, item: Item, entries: Sequence[AuditEntry] = ()) -> bool:
        return await self._audited(lambda now: save(item, now), entries)

    async def save_found(self, item: Item) -> bool:
        return await self._database.run(save_found, item, self._clock.now())

    async def watched(self, items: Sequence[Item]) -> None:
        """Keep what a listing said of snapshots in the making, in one transaction; who watches them goes on."""
        if items:
            await self._database.run(save_all, items, self._clock.now(), schedule=False)

    async def creating(self, project: str) -> list[Item]:
        """The oldest first. Read in pages: who asks meanwhile does not wait for ten thousand of them."""
        found: list[Item] = []
        after: str | None = ""
        while after is not None:
            page, after = await self._database.read(creating, project, after, PAGE)
            found += page
        return sorted(found, key=lambda item: (to_ms(item.submitted_at) or 0, item.id))

    async def due(self, project: str, now: datetime, until: datetime, most: int, together: int) -> list[Item]:
        """The snapshots to be looked at now, `most` at most and the longest due first; to a number that is a multiple
        of `together` they are filled up from those due by `until`.
        """
        return await self._database.read(due, project, now, until, most, together)

    async def next_look(self, project: str, after: datetime) -> datetime | None:
        """When the first look of a project is due that is due after this; None: in no minute from then."""
        return await self._database.read(next_look, project, after, after + LONGEST_WAIT)

    async def gone(self, snapshot_id: str, by: str | None, entries: Sequence[AuditEntry]) -> bool:
        """A snapshot was deleted, by whom it was asked for; None: outside of the bot. False: that was known."""
        return await self._audited(lambda now: deletions.gone(snapshot_id, by, now), entries)

    async def follow_on(self, leader_id: str, after: str) -> None:
        """Of those joined to an item, by id, the next few that are still to be told how it stands."""
        await self._database.run(follow_on, leader_id, after, self._clock.now())

    async def spent(self, rows: Sequence[Request | Item | ConsistencyGroup | Deletion]) -> None:
        """Write down how much patience was spent on each, so that a restart neither forgets it nor adds to it."""

        def script() -> Script[None]:
            yield from spent([row for row in rows if not isinstance(row, Deletion)])
            yield from deletions.spent([row for row in rows if isinstance(row, Deletion)])

        if rows:
            await self._database.run(script)

    async def points_of(self, items: Sequence[Item]) -> list[Item]:
        """The newest restore points of the same disks that are not to be deleted, these among them."""
        return await self._database.read(points_of, [item.disk.id for item in items])
