"""The rows that the weekly match holds against the cloud, and what it found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.audit import BEFORE_POST, BOT, PRUNE_STORE, AuditEntry
from bot.domain.matching import Finding, Point, Tagged
from bot.domain.transitions import ITEM
from bot.store import audit, deletions
from bot.store.definitions import OF_A_MATCH, OF_A_REQUEST, POINT, REQUEST_ENDED, REQUEST_OPEN
from bot.store.script import Query, Row, Rows, Script, insert, sql, to_ms
from bot.store.trail.search import Facts, Wanted, details_of, is_about, page, request_of
from bot.store.transactions import Transactions

_AT_ONCE = 500
_TOLD_WITHIN = timedelta(days=1)
_DISKS = 100


@dataclass(slots=True)
class _Walk:
    """The rows of a period, as they are gone through."""

    pruned: set[str] = field(default_factory=set)
    found: dict[Finding, str] = field(default_factory=dict)
    """Each with its request."""
    after: int | None = None


class StoredMatching(Transactions):
    """Implements `Matching`, beside the chores."""

    async def asked_since(self, project: str, since: datetime) -> bool:
        """Whether anything was asked for in a project since then, or is under way."""
        return await self._database.read(_asked_since, project, since)

    async def restore_points(self, project: str, after: str) -> tuple[list[Point], str | None]:
        """Those of the next disks of a project, and the last disk; None: there are no more."""
        return await self._database.read(_restore_points, project, after)

    async def without_row(self, points: Sequence[Point]) -> list[Finding]:
        """Restore points of which no row of the trail says that they became available."""
        return await self._database.read(_without_row, points)

    async def tagged(self, tags: Collection[str]) -> dict[str, Tagged]:
        """The items and groups that tags name, as far as there are any."""
        found: dict[str, Tagged] = {}
        every = sorted(tags)
        for start in range(0, len(every), _AT_ONCE):
            found |= await self._database.read(_tagged, every[start : start + _AT_ONCE])
        return found

    async def rows_without(self, project: str, since: datetime) -> list[Finding]:
        """Rows since then that the requests do not bear out."""
        walk = _Walk()
        while await self._database.read(_rows_without, project, since, self._clock.now(), walk):
            continue
        return [one for one, request in walk.found.items() if request not in walk.pruned]

    async def vanished(self, snapshot_id: str) -> bool:
        """A snapshot is gone from the cloud: note that, unless it was known."""
        now = self._clock.now()
        return await self._database.run(deletions.gone, snapshot_id, None, now)

    async def matched(self, entries: Sequence[AuditEntry], chore: str, next_at: datetime) -> None:
        now = self._clock.now()

        def script() -> Script[None]:
            yield from audit.append(entries, now)
            due = {"name": chore, "next_at": to_ms(next_at)}
            yield insert("chore", due, "on conflict (name) do update set next_at = excluded.next_at")

        await self._database.run(script)

    async def last_matches(self) -> list[Facts]:
        """The rows of the last match of each project, the newest first."""
        found: list[Facts] = []
        ended: set[str] = set()
        before: int | None = None
        while rows := await self._database.read(_match_rows, before):
            before = rows[-1]["seq"]
            found += _of_last(rows, ended)
        return found


def _of_last(rows: Rows, ended: set[str]) -> Iterator[Facts]:
    """`rows` go backwards, so a project begins with the row that ends its match. `ended` holds `PROJECT` once that was
    met, and `PROJECT before` once an older match was.
    """
    for row in rows:
        project = str(details_of(row).get("project"))
        if row["outcome"] == "done":
            ended.add(f"{project} before" if project in ended else project)
        if f"{project} before" not in ended:
            yield dict(row)


def _match_rows(before: int | None) -> Script[Rows]:
    upper = "and seq < :before" if before is not None else ""
    values = {"before": before} if before is not None else {}
    text = f"select * from audit where {OF_A_MATCH} {upper} order by seq desc limit {_AT_ONCE}"
    return (yield Query(text, values))


def _asked_since(project: str, since: datetime) -> Script[bool]:
    under_way = yield sql(
        f"select id from request where {REQUEST_OPEN} and project = :project limit 1", project=project
    )
    ended = yield sql(
        f"select id from request where {REQUEST_ENDED} and project = :project and created_at >= :since limit 1",
        project=project,
        since=to_ms(since),
    )
    return bool(under_way or ended)


def _restore_points(project: str, after: str) -> Script[tuple[list[Point], str | None]]:
    disks = yield sql(
        "select distinct disk_id from named_disk where project = :project and disk_id > :after "
        "order by disk_id limit :limit",
        project=project,
        after=after,
        limit=_DISKS,
    )
    points: list[Point] = []
    for disk in disks:
        rows = yield sql(
            f"select id, project, snapshot_id, joined_to from item where {POINT} and disk_id = :disk",
            disk=disk["disk_id"],
        )
        points += [
            Point(row["id"], row["snapshot_id"]) for row in rows if row["project"] == project and not row["joined_to"]
        ]
    return points, disks[-1]["disk_id"] if len(disks) == _DISKS else None


def _without_row(points: Sequence[Point]) -> Script[list[Finding]]:
    found: list[Finding] = []
    for start in range(0, len(points), _AT_ONCE):
        ids = [point.item_id for point in points[start : start + _AT_ONCE]]
        rows = yield _among(f"select subject, action from audit where {OF_A_REQUEST} and subject", ids)
        with_row = {row["subject"] for row in rows if row["action"] == "snapshot"}
        found += [Finding("no-row", one) for one in ids if one not in with_row]
    return found


def _tagged(tags: Sequence[str]) -> Script[dict[str, Tagged]]:
    items = yield _among("select id, snapshot_id, state from item where id", tags)
    groups = yield _among("select id from consistency_group where id", tags)
    ended = {str(state) for state in ITEM.final}
    found = {row["id"]: Tagged(row["snapshot_id"], row["state"] in ended) for row in items}
    return found | {row["id"]: Tagged(None, ended=True, is_group=True) for row in groups}


def _rows_without(project: str, since: datetime, now: datetime, walk: _Walk) -> Script[bool]:
    """Take the next rows into the walk; answers whether there may be more."""
    rows = yield from page(Wanted(since=since), walk.after, _AT_ONCE)
    about = [row for row in rows if row["action"] in ("create", "snapshot") and is_about(row, project)]
    ids = sorted({request for row in about if (request := request_of(row))})
    requests = yield _among("select id, to_send, receipt_ts, ended_at from request where id", ids or [""])
    items = yield _among("select id, state from item where id", sorted({row["subject"] for row in about}) or [""])
    by_request, states = {row["id"]: row for row in requests}, {row["id"]: row["state"] for row in items}
    for row in about:
        for finding in _differences(row, by_request, states, now):
            walk.found[finding] = request_of(row) or ""
    for row in rows:
        if row["action"] == PRUNE_STORE:
            walk.pruned.update(str(details_of(row).get("requests", "")).split(","))
    walk.after = rows[-1]["seq"] if rows else walk.after
    return len(rows) == _AT_ONCE


def _differences(row: Row, requests: Mapping[str, Row], states: Mapping[str, str], now: datetime) -> Iterator[Finding]:
    request_id = request_of(row) or ""
    request = requests.get(request_id)
    sent = row["action"] == "create" and row["outcome"] == "allowed" and details_of(row).get("hop") == BEFORE_POST
    made = row["action"] == "snapshot" and row["actor"] == BOT and row["rule"] == "available"
    if request is None:
        if sent or made:
            yield Finding("no-request", request_id)
        return
    if made and states.get(row["subject"]) != "available":
        yield Finding("told-otherwise", row["subject"])
    late = request["ended_at"] is not None and request["ended_at"] < (to_ms(now - _TOLD_WITHIN) or 0)
    if made and late and request["to_send"] and request["receipt_ts"] is None:
        yield Finding("never-told", request_id)


def _among(text: str, ids: Sequence[str]) -> Query:
    values = {f"id_{number}": one for number, one in enumerate(ids)}
    return Query(f"{text} in ({', '.join(f':{name}' for name in values)})", values)
