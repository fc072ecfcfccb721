"""Places in which disks of a project are in the making: each takes one when it is sent, and has it until it ends.

Those for which there is none are marked, and no job is called for them until they are given one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.transitions import RequestState
from bot.domain.turns import WAITS_ITS_TURN, Claim, Places, Queued, next_turns
from bot.ports.turns import Line
from bot.store.definitions import COPIES, ITEM_OPEN, QUEUED
from bot.store.script import ScheduledJob, Script, sql, to_ms
from bot.store.transactions import Transactions
from bot.store.whole_requests import move, one

TOLD_AFTER = timedelta(seconds=5)
"""As long as is waited before a place is told."""

_IN_THE_MAKING = f"{ITEM_OPEN} and {COPIES} and project = :project"
_TAKEN = f"select count(*) as number from (select 1 from item where {_IN_THE_MAKING} limit :most) as one"
_PLACED = f"""
select request.actor_id, sum(one.number) as number
from (select request_id, count(*) as number from item where {_IN_THE_MAKING} group by request_id) as one
join request on request.id = one.request_id group by request.actor_id
"""
_QUEUED = f"""
select one.request_id, one.group_id, one.number, request.actor_id
from (select request_id, coalesce(consistency_group_id, '') as group_id, count(*) as number
    from item where {QUEUED} and project = :project group by request_id, coalesce(consistency_group_id, '')) as one
join request on request.id = one.request_id order by request.created_at, one.request_id, one.group_id
"""
_GIVE = f"""
update item set code = '', ver = ver + 1 where id in (
    select id from item where {QUEUED} and request_id = :request_id and coalesce(consistency_group_id, '') = :group_id
    order by position limit :most)
returning id
"""


def placed(project: str) -> Script[dict[str, int]]:
    """How many disks of each person are in the making."""
    rows = yield sql(_PLACED, project=project)
    return {row["actor_id"]: int(row["number"]) for row in rows}


def free(project: str, claim: Claim, disks: int) -> Script[bool]:
    """Whether there are places for so many disks of a person; while few are taken, without counting by person."""
    places = claim.places
    few = min(places.at_once, places.each) - disks + 1
    if few > 0:
        rows = yield sql(_TAKEN, project=project, most=few)
        if rows[0]["number"] < few:
            return True
    taken = yield from placed(project)
    return places.hold(taken, disks) and places.hold_of(taken, claim.person, disks)


def wait(item_ids: list[str], project: str, now: datetime) -> Script[None]:
    """These wait for a place from now on."""
    for item_id in item_ids:
        yield sql(
            "update item set code = :code, cause = '', waiting_since = coalesce(waiting_since, :now), ver = ver + 1 "
            "where id = :id and state = 'planned'",
            code=WAITS_ITS_TURN,
            now=to_ms(now),
            id=item_id,
        )
    yield ScheduledJob(f"turns:{project}", now + TOLD_AFTER, project)


def freed(project: str, now: datetime) -> Script[None]:
    """A disk is no longer in the making: its place is for the next that waits."""
    if (yield sql(f"select 1 from item where {QUEUED} and project = :project limit 1", project=project)):
        yield ScheduledJob(f"turns:{project}", now, project)


def give(project: str, places: Places, now: datetime) -> Script[Line]:
    """Give the places that are free, and answer who waits on."""
    taken = yield from placed(project)
    queued = yield from _queue(project)
    given = next_turns(queued, taken, places)
    for one_queued, times in given.items():
        group_id, lane = one_queued.consistency_group_id, f"{project}/{one_queued.person}"
        rows = yield sql(_GIVE, request_id=one_queued.request_id, group_id=group_id, most=times * one_queued.together)
        for key in (f"group:{group_id}",) if group_id else [f"submit:{row['id']}" for row in rows]:
            yield ScheduledJob(key, now, lane)
    number = sum(one.together * times for one, times in given.items())
    return Line(number, (yield from _queue(project)) if number else queued, taken)


def _queue(project: str) -> Script[list[Queued]]:
    rows = yield sql(_QUEUED, project=project)
    return [Queued(row["request_id"], row["actor_id"], row["number"], row["group_id"]) for row in rows]


def tell(request_id: str, sentence: str, now: datetime) -> Script[None]:
    found = yield from one(request_id)
    if found is None or found[0].state is not RequestState.RUNNING or found[0].explanation == sentence:
        return
    if any(item.waits_its_turn for item in found[1]):
        yield from move(replace(found[0], explanation=sentence, rev=found[0].rev + 1), now)


class StoredTurns(Transactions):
    """Implements `bot.ports.turns.Turns`."""

    async def give_turns(self, project: str, places: Places) -> Line:
        return await self._database.run(give, project, places, self._clock.now())

    async def tell_turns(self, sentences: Mapping[str, str]) -> None:
        for request_id, sentence in sentences.items():
            await self._database.run(tell, request_id, sentence, self._clock.now())
