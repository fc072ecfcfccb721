"""Rows of the audit trail that are asked for, and what the other tables say of the requests they are about."""

from __future__ import annotations

import json
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.domain.roles import Action
from bot.store.audit import LOWEST
from bot.store.definitions import OF_A_REQUEST
from bot.store.script import Query, Row, Rows, Script, sql, to_ms
from bot.store.transactions import Transactions

_DAWN, _DUSK = -62_135_596_800_000, 253_402_300_799_999
"""Milliseconds of the first and the last moment that there is. A date beyond was written by a hand, and is shown."""

_AT_ONCE = 500
"""Values of one statement, and statements of one reading."""

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows from `since` on, before `until`, about one project."""

    since: datetime | None = None
    until: datetime | None = None
    project: str | None = None


EVERY_ROW = Wanted()


@dataclass(frozen=True, slots=True)
class AllowedBy:
    """The grant that allowed a request, when it was last decided; who confirmed its plan, and when."""

    grant: str | None = None
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None


class StoredTrail(Transactions):
    """The trail as it is read, beside a running bot: each page is a transaction of its own."""

    async def audit_page(
        self, after: int | None, limit: int = 1000, wanted: Wanted = EVERY_ROW
    ) -> list[dict[str, Any]]:
        """Rows behind one of that number; None: from the lowest, which is 1 unless one was written past the bot."""
        return await self._database.run(page, wanted, after, limit)

    async def audit_read(self, after: int | None, limit: int = 1000, wanted: Wanted = EVERY_ROW) -> list[Facts]:
        """The same beside a running bot, which writes meanwhile."""
        return await self._database.read(page, wanted, after, limit)

    async def audit_of_disk(self, disk: str) -> Sequence[int]:
        """The numbers, rising, of all rows about requests that took in a disk, by its id or name."""
        found: set[str] = set()
        for disk_id in await self._database.read(disk_ids, disk):
            after: int | None = LOWEST
            while after is not None:
                ids, after = await self._database.read(of_disk, disk_id, after)
                found.update(ids)
        numbers, requests = array("q"), sorted(found)
        for start in range(0, len(requests), _AT_ONCE):
            numbers.extend(await self._database.read(of_requests, requests[start : start + _AT_ONCE]))
        return array("q", sorted(numbers))

    async def audit_rows(self, numbers: Sequence[int], wanted: Wanted) -> list[dict[str, Any]]:
        """Those of the rows with these numbers that fit; as many numbers as one statement takes."""
        return await self._database.read(numbered, wanted, numbers)

    async def audit_allowed_by(self, request_id: str) -> AllowedBy:
        return await self._database.read(allowed_by, request_id)

    async def audit_requests(self, rows: Sequence[Row]) -> dict[str, Facts]:
        """Of the requests that rows are about, by id, as far as they are there: who, why, who agreed, each disk."""
        return await self._database.read(requests_of, rows)


def page(wanted: Wanted, after: int | None, limit: int) -> Script[list[Facts]]:
    where, values = _conditions(wanted)
    first = LOWEST if after is None else after + 1
    text = f"select * from audit where seq >= :first{where} order by seq limit :limit"
    rows = yield Query(text, {**values, "first": first, "limit": limit})
    return [dict(row) for row in rows]


def numbered(wanted: Wanted, numbers: Sequence[int]) -> Script[list[Facts]]:
    where, values = _conditions(wanted)
    named = {f"seq_{at}": number for at, number in enumerate(numbers)}
    among = ", ".join(f":{name}" for name in named)
    rows = yield Query(f"select * from audit where seq in ({among}){where}", {**values, **named})
    return sorted((dict(row) for row in rows), key=lambda row: int(row["seq"]))


def _conditions(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    if wanted.since is not None:
        earlier = (to_ms(wanted.since) or 0) - 1
        found[" and not (at between :dawn and :earlier)"] = {"dawn": _DAWN, "earlier": earlier}
    if wanted.until is not None:
        found[" and not (at between :until and :dusk)"] = {"until": to_ms(wanted.until), "dusk": _DUSK}
    if wanted.project is not None:
        named = wanted.project.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        found[" and (subject = :project or details_json like :named escape '!')"] = {
            "project": wanted.project,
            "named": f'%"project%{named}%',
        }
    return "".join(found), {name: value for values in found.values() for name, value in values.items()}


def is_about(row: Row, project: str) -> bool:
    """The database finds a little more: a project whose name is a part of another's."""
    details = details_of(row)
    return project in (row["subject"], details.get("project"), *str(details.get("projects", "")).split(","))


def details_of(row: Row) -> Mapping[str, Any]:
    """Empty where a hand left nothing that can be read."""
    try:
        details = json.loads(row["details_json"])
    except (TypeError, ValueError, RecursionError):
        return {}
    return details if isinstance(details, dict) else {}


# --- by disk ----------------------------------------------------------------------------------------------------------


def disk_ids(disk: str) -> Script[list[str]]:
    """The disks of that name, and what may be an id itself."""
    rows = yield sql("select distinct disk_id from named_disk where disk_name = :disk", disk=disk)
    return [disk, *(row["disk_id"] for row in rows if row["disk_id"] != disk)]


def of_disk(disk_id: str, after: int) -> Script[tuple[list[str], int | None]]:
    """Requests that the next rows about a disk belong to, and the last row; None: there are no more."""
    rows = yield sql(
        "select seq, subject, details_json from audit where disk = :disk and seq > :after order by seq limit :limit",
        disk=disk_id,
        after=after,
        limit=_AT_ONCE,
    )
    found = [request for row in rows if (request := request_of(row))]
    return list(dict.fromkeys(found)), rows[-1]["seq"] if len(rows) == _AT_ONCE else None


def of_requests(ids: Collection[str]) -> Script[list[int]]:
    """The numbers of all rows about some requests, their items and their groups."""
    found: list[int] = []
    for request_id in ids:
        rows = yield sql(
            f"select seq from audit where {OF_A_REQUEST} and subject >= :id and subject < :behind",
            id=request_id,
            behind=f"{request_id}.",
        )
        found += [row["seq"] for row in rows if isinstance(row["seq"], int)]
    return found


_ASKED_FOR = (Action.CREATE, Action.RESTORE)


def allowed_by(request_id: str) -> Script[AllowedBy]:
    rows = yield sql(
        "select seq, at, actor, action, outcome, details_json from audit "
        f"where {OF_A_REQUEST} and subject >= :id and subject < :behind",
        id=request_id,
        behind=f"{request_id}.",
    )
    asked = [(row, details_of(row)) for row in sorted(rows, key=lambda row: int(row["seq"]))]
    asked = [(row, details) for row, details in asked if row["action"] in _ASKED_FOR]
    grants = [details["grant"] for _, details in asked if isinstance(details.get("grant"), str)]
    confirmed = [row for row, details in asked if row["outcome"] == "allowed" and details.get("hop") == "confirm"]
    by, at = (str(confirmed[-1]["actor"]), moment(confirmed[-1]["at"])) if confirmed else (None, None)
    return AllowedBy(grants[-1] if grants else None, by, at)


# --- and the requests they are about ----------------------------------------------------------------------------------


def request_of(row: Row) -> str | None:
    """The request that a row is about, by its id."""
    named = details_of(row).get("request")
    subject = row["subject"]
    if isinstance(named, str):
        return named
    return subject if isinstance(subject, str) and subject.startswith("r-") else None


def requests_of(rows: Iterable[Row]) -> Script[dict[str, Facts]]:
    ids = sorted({request for row in rows if (request := request_of(row))})
    found: dict[str, Facts] = {}
    for start in range(0, len(ids), _AT_ONCE):
        found |= yield from _requests(ids[start : start + _AT_ONCE])
    return found


def _requests(ids: Sequence[str]) -> Script[dict[str, Facts]]:
    values = {f"id_{at}": one for at, one in enumerate(ids)}
    among = f"in ({', '.join(f':{name}' for name in values)})"
    requests = yield Query(f"select * from request where id {among}", values)
    items = yield Query(f"select * from item where request_id {among} order by request_id, position", values)
    agreed = yield Query(f"select * from approval where request_id {among}", values)
    approvals = sorted(agreed, key=lambda one: (one["at"], one["approver_id"]))
    return {row["id"]: _request(row, disks, people) for row, disks, people in _each(requests, items, approvals)}


def _each(requests: Rows, items: Rows, approvals: Rows) -> Iterator[tuple[Row, list[Row], list[str]]]:
    items_of: dict[str, list[Row]] = {}
    approvers: dict[str, list[str]] = {}
    for item in items:
        items_of.setdefault(item["request_id"], []).append(item)
    for approval in approvals:
        approvers.setdefault(approval["request_id"], []).append(approval["approver_id"])
    for request in requests:
        yield request, items_of.get(request["id"], []), approvers.get(request["id"], [])


def _request(row: Row, items: Sequence[Row], approvers: Sequence[str]) -> Facts:
    return {
        "id": row["id"],
        "project": row["project"],
        "requester": row["actor_id"],
        "channel": row["channel_id"],
        "state": row["state"],
        "reason": _json(row["order_json"]).get("reason"),
        "approvers": list(approvers),
        "break_glass": bool(row["break_glass"]),
        "reviewed_by": row["reviewed_by"],
        "disks": [_disk(item) for item in items],
    }


def _disk(item: Row) -> Facts:
    return {
        "item": item["id"],
        "id": item["disk_id"],
        "name": item["disk_name"],
        "server": _json(item["disk_json"]).get("server"),
        "snapshot": item["snapshot_id"],
        "state": item["state"],
    }


def _json(text: Any) -> Mapping[str, Any]:
    return details_of({"details_json": text})


def narrowed(request: Facts, row: Row) -> Facts:
    """The request as one row needs it: where that is about one disk, with this disk alone."""
    one = [disk for disk in request["disks"] if disk["item"] == row["subject"]]
    return {**request, "disks": one} if one else request


# --- as it is read by others ------------------------------------------------------------------------------------------


def moment(at: Any) -> datetime | None:
    """None for what is no moment: the bot writes none, a hand may."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC)
    except (TypeError, ValueError, ArithmeticError, OSError):
        return None


def exported(row: Facts, requests: dict[str, Facts]) -> Facts:
    """A row as it is read, with what stands of its request elsewhere; what a hand put there that can't be read is told
    as it stands.
    """
    found = {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items() if name != "disk"}
    details = found.pop("details_json")
    with suppress(TypeError, ValueError, RecursionError):
        details = json.loads(details)
    at = moment(row["at"])
    whole = {**found, "at": at.isoformat(timespec="milliseconds") if at else found["at"], "details": details}
    request = requests.get(request_of(row) or "")
    return {**whole, "request": narrowed(request, row)} if request else whole
