"""Consistency groups of a request, and the items that are asked for in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.attempts import submitting
from bot.domain.audit import AuditEntry
from bot.domain.consistency_groups import ConsistencyGroup, group_done, group_split, on_its_own, submitting_group
from bot.domain.items import Item, joining
from bot.domain.log_lines import group_line
from bot.domain.requests import Request
from bot.domain.transitions import GroupState, ItemState
from bot.domain.turns import Claim
from bot.store import turns
from bot.store.items import LEADER, copied_for_others, save_all
from bot.store.reading import first
from bot.store.rows import group_from, group_row, item_from
from bot.store.script import Query, ScheduledJob, Script, sql
from bot.store.transactions import Transactions
from bot.store.waits import WAITS_SET
from bot.store.whole_requests import follow, groups_of, one

_MOVE = f"""
update consistency_group set state = :state, asked_json = :asked_json, attempts = :attempts, in_doubt = :in_doubt,
    {WAITS_SET}, tried_ms = :tried_ms, in_vain_ms = :in_vain_ms,
    cause = :cause, code = :code, job_id = :job_id, cloud_id = :cloud_id, ver = ver + 1
where id = :id and ver = :ver returning id
"""
_OPEN = (GroupState.PLANNED, GroupState.SUBMITTING, GroupState.UNCERTAIN, GroupState.MADE)


def whole(consistency_group_id: str) -> Script[tuple[ConsistencyGroup, list[Item], Request] | None]:
    """The group, the items that are in it now, and their request."""
    rows = yield sql("select * from consistency_group where id = :id", id=consistency_group_id)
    group = yield from first(rows, group_from, "consistency_group")
    found = (yield from one(group.request_id)) if group else None
    if group is None or found is None:
        return None
    request, items = found
    return group, [item for item in items if item.consistency_group_id == consistency_group_id], request


def start(
    group: ConsistencyGroup, claim: Claim | None, now: datetime
) -> Script[tuple[ConsistencyGroup, list[Item]] | None]:
    """Mark a group and its members as being sent. A member whose disk is copied already joins that item instead; one
    that is left alone is sent alone. None: nothing is left to be sent as a group, it was moved meanwhile, or it waits
    for places.
    """
    found = yield from whole(group.id)
    if found is None or found[0].ver != group.ver:
        return None
    members = [item for item in found[1] if item.state is ItemState.PLANNED]
    moved: list[Item] = []
    for item in members:
        leaders = yield sql(LEADER, disk_id=item.disk.id, id=item.id)
        leader = yield from first(leaders, item_from, "item")
        if leaders and leader is None:
            return None  # a disk is being copied, for a row that can't be read: asked again with the next sweep
        if leader:
            moved.append(joining(item, leader))
    joined = {item.id for item in moved}
    left = [item for item in members if item.id not in joined]
    if len(left) < 2:
        moved += [on_its_own(item, now) for item in left]
        yield from save(
            group_split(group, "Only one of its disks was left to copy.") if left else group_done(group), moved, now
        )
        return None
    if claim and not (yield from turns.free(group.project, claim, len(left))):
        yield from turns.wait([item.id for item in members], group.project, now)
        return None
    moved += [submitting(item, now) for item in left]
    begun = submitting_group(group, left, now)
    yield from save(begun, moved, now)
    after = yield from whole(group.id)
    assert after is not None
    return after[0], [item for item in after[1] if item.state is ItemState.SUBMITTING]


def save(group: ConsistencyGroup, items: Sequence[Item], now: datetime) -> Script[bool]:
    """Write a group whose `ver` is still the one that was read, and its items with it. False as well while another
    item copies a disk of which the group's snapshot was found.
    """
    if (yield from copied_for_others(_copying(items))):
        return False
    moved = yield Query(_MOVE, group_row(group))
    if not moved:
        return False
    if line := group_line(group):
        yield line
    yield from save_all(items, now)
    if not items:
        yield from follow(group.request_id, now)
    if group.state in _OPEN:
        rows = yield sql("select actor_id from request where id = :id", id=group.request_id)
        yield ScheduledJob(f"group:{group.id}", group.due_at or now, f"{group.project}/{rows[0]['actor_id']}")
    return True


def _copying(items: Sequence[Item]) -> list[Item]:
    return [item for item in items if item.state is ItemState.CREATING and item.joined_to is None]


class StoredConsistencyGroups(Transactions):
    """The methods of `bot.ports.items.Items` for consistency groups."""

    async def group(self, consistency_group_id: str) -> tuple[ConsistencyGroup, list[Item], Request] | None:
        return await self._database.read(whole, consistency_group_id)

    async def groups_of(self, request_id: str) -> list[ConsistencyGroup]:
        return await self._database.read(groups_of, request_id)

    async def start_group(
        self, group: ConsistencyGroup, entries: Sequence[AuditEntry], *, claim: Claim | None = None
    ) -> tuple[ConsistencyGroup, list[Item]] | None:
        return await self._audited(lambda now: start(group, claim, now), entries)

    async def save_group(
        self, group: ConsistencyGroup, items: Sequence[Item], entries: Sequence[AuditEntry] = ()
    ) -> bool:
        return await self._audited(lambda now: save(group, items, now), entries)
