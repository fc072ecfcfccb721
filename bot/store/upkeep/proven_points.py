"""Which restore points of a project are proven: the rows behind `verify_days`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from bot.domain.bindings import Binding
from bot.domain.items import Item
from bot.domain.restoring.restorations import Restoration
from bot.ports.proofs import ProofState
from bot.store import bindings, items
from bot.store.definitions import PROVES, PROVING
from bot.store.reading import first, readable
from bot.store.rows import restoration_from
from bot.store.script import Script, sql, to_ms
from bot.store.transactions import Transactions

_PROOF_OF_A_DISK = f"select * from restoration where {PROVES} and disk_id = :id order by proven_at desc, id limit 1"
_SEEN = """
insert into proof_state (project, due, due_since, left_behind) values (:project, :due, :due_since, :left_behind)
on conflict (project) do update set due = excluded.due, due_since = excluded.due_since,
    left_behind = excluded.left_behind
"""


_ORDERED = "from restoration where way = 'verify' and project = :project and submitted_at >= :since"


def being_proven(project: str, since: datetime) -> Script[frozenset[str]]:
    rows = yield sql(f"select snapshot_id from restoration where {PROVING} and project = :project", project=project)
    ordered = yield sql(f"select snapshot_id {_ORDERED}", project=project, since=to_ms(since))
    return frozenset(row["snapshot_id"] for row in (*rows, *ordered))


def tested_since(project: str, since: datetime) -> Script[bool]:
    return bool((yield sql(f"select 1 {_ORDERED} limit 1", project=project, since=to_ms(since))))


def tests(restoration_ids: Collection[str]) -> Script[list[Restoration]]:
    found: list[Restoration] = []
    for restoration_id in sorted(restoration_ids):
        rows = yield sql("select * from restoration where id = :id", id=restoration_id)
        found += yield from readable(rows, restoration_from, "restoration")
    return [one for one in found if one.way == "verify"]


def proofs_of_disks(disk_ids: Sequence[str]) -> Script[dict[str, Restoration]]:
    found: dict[str, Restoration] = {}
    for disk_id in dict.fromkeys(disk_ids):
        rows = yield sql(_PROOF_OF_A_DISK, id=disk_id)
        proof = yield from first(rows, restoration_from, "restoration")
        found |= {disk_id: proof} if proof else {}
    return found


def seen(project: str, state: ProofState, chore: str, next_at: datetime) -> Script[None]:
    yield sql(_SEEN, project=project, due=state.due, due_since=to_ms(state.due_since), left_behind=state.left_behind)
    yield sql(
        "insert into chore (name, next_at) values (:name, :next_at) "
        "on conflict (name) do update set next_at = excluded.next_at",
        name=chore,
        next_at=to_ms(next_at),
    )


class StoredProofs(Transactions):
    """Implements `bot.ports.proofs.Proofs`, beside the chores and what restorations and items tell."""

    async def bindings_in(self, project: str) -> list[Binding]:
        return await self._database.read(bindings.in_project, project)

    async def newest_points(self, disk_ids: Sequence[str]) -> list[Item]:
        return await self._database.read(items.points_of, disk_ids, 1)

    async def being_proven(self, project: str, since: datetime) -> frozenset[str]:
        return await self._database.read(being_proven, project, since)

    async def tested_since(self, project: str, since: datetime) -> bool:
        return await self._database.read(tested_since, project, since)

    async def tests(self, restoration_ids: Collection[str]) -> list[Restoration]:
        return await self._database.read(tests, restoration_ids)

    async def proofs_of_disks(self, disk_ids: Sequence[str]) -> Mapping[str, Restoration]:
        return await self._database.read(proofs_of_disks, disk_ids)

    async def proofs_seen(self, project: str, state: ProofState, chore: str, next_at: datetime) -> None:
        await self._database.run(seen, project, state, chore, next_at)
