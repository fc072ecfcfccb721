"""From rows of the trail to the tables of a pack, in one walk from the first row to the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.domain.audit import FORGET, PROVE, PRUNE_STORE, RESTORE_STORE
from bot.domain.matching import MATCH
from bot.domain.roles import Action
from bot.domain.terminal_text import json_line
from bot.evidence import sections as of
from bot.evidence.csv_files import Files
from bot.evidence.restorations import Restorations, is_end
from bot.evidence.sections import Section
from bot.store.trail.search import Facts, details_of, exported, moment, narrowed, request_of

_GRANTS = frozenset({"grant", "revoke", "expire"})
_ADMINISTRATION = frozenset({"bind", "unbind", "clock", RESTORE_STORE, PRUNE_STORE, FORGET})
_UNANSWERED = frozenset({"approval-timeout", "plan-timeout"})
_RAN = frozenset({"running", "finished"})
Key = tuple[str, str, str, str]


@dataclass(slots=True)
class Points:
    """The snapshots that rows say to be there, and when each was proven last."""

    _made: dict[str, Facts] = field(default_factory=dict)

    def follow(self, row: Mapping[str, Any]) -> None:
        action, done = row["action"], row["outcome"] == "done"
        if not done or action not in ("snapshot", Action.DELETE, PROVE):
            return
        details = details_of(row)
        snapshot = str(details.get("snapshot") or "")
        if action == Action.DELETE or row["rule"] == "noticed-gone":
            self._made.pop(snapshot, None)
        elif action == "snapshot" and row["rule"] == "available":
            about = {"project": details.get("project"), "disk_id": details.get("disk"), "snapshot": snapshot}
            self._made[snapshot] = {**about, "made_at": _shown(row["at"])}
        elif action == PROVE and snapshot in self._made:
            proven = {"proven_at": _shown(row["at"]), "seconds": details.get("seconds"), "row": row["seq"]}
            self._made[snapshot].update(proven)

    def left(self) -> Iterator[Facts]:
        """In the order in which they were made."""
        yield from self._made.values()


@dataclass(slots=True)
class Collected:
    """Takes the trail row by row; rows before `since` count for the rights as they stood, those from `until` on for
    what was reviewed later.
    """

    since: datetime
    until: datetime
    files: Files
    first: Mapping[str, Any] | None = None
    """The first and the last row of the period."""
    last: Mapping[str, Any] | None = None
    _grants: dict[Key, Facts] = field(default_factory=dict)
    _glass: dict[str, Facts] = field(default_factory=dict)
    """Requests of the period that ran without approval, by id."""
    _points: Points = field(default_factory=Points)
    _restorations: Restorations = field(default_factory=Restorations)
    _begun: bool = False
    _ended: bool = False

    def within(self, row: Mapping[str, Any]) -> bool:
        at = moment(row["at"])
        return at is not None and self.since <= at < self.until

    def take(self, row: Mapping[str, Any], requests: Mapping[str, Facts]) -> None:
        self._stand_at(row)
        self._follow_grants(row)
        if not self._ended:
            self._points.follow(row)
        told = self._restorations.told(row, _shown(row["at"]))
        if row["action"] == "review" and row["outcome"] == "allowed" and row["subject"] in self._glass:
            at = _shown(row["at"])
            self._glass[row["subject"]].update(reviewed_by=row["actor"], reviewed_at=at)
        if not self.within(row):
            return
        self.first, self.last = self.first or row, row
        request = requests.get(request_of(row) or "")
        facts = {**_facts(row, narrowed(request, row) if request else None), **told}
        self._restorations.within(row, facts)
        for section, values in _tables_of(row, facts):
            self.files.add(section, values)
        if row["rule"] == "break-glass" and facts["hop"] == "plan":
            self._glass[facts["request"]] = {**facts, "requester": row["actor"]}
        self.files.add_line(of.RAW, json_line(exported(dict(row), {})))

    def end(self, problems: Sequence[str]) -> None:
        """All rows are taken; `problems` are those of the trail, in words."""
        self._stand(of.GRANTS_BEFORE, self.since, done=self._begun)
        self._stand(of.GRANTS_AFTER, self.until, done=self._ended)
        for point in self._points.left():
            self.files.add(of.POINTS, point)
        for facts in self._restorations.under_way():
            self.files.add(_of_way(facts), facts)
        for facts in self._glass.values():
            if facts["state"] in _RAN or facts["reviewed_by"]:
                self.files.add(of.BREAK_GLASS, facts)
            if facts["state"] in _RAN and not facts["reviewed_by"]:
                self.files.add(of.EXCEPTIONS, {**facts, "kind": "break-glass without review"})
        for problem in problems:
            self.files.add(of.EXCEPTIONS, {"kind": "audit trail", "reason": problem})

    def _stand_at(self, row: Mapping[str, Any]) -> None:
        at = moment(row["at"])
        if at is not None and at >= self.since and not self._begun:
            self._stand(of.GRANTS_BEFORE, self.since)
            self._begun = True
        if at is not None and at >= self.until and not self._ended:
            self._stand(of.GRANTS_AFTER, self.until)
            self._ended = True

    def _stand(self, section: Section, at: datetime, *, done: bool = False) -> None:
        """Write down the grants in force at a moment."""
        for _, grant in sorted(self._grants.items() if not done else ()):
            ends = grant["expires_at"]
            if not ends or at < datetime.fromisoformat(ends):
                self.files.add(section, grant)

    def _follow_grants(self, row: Mapping[str, Any]) -> None:
        if row["action"] not in _GRANTS or row["outcome"] != "done":
            return
        facts = _grant(row)
        key = (facts["subject"], facts["role"], facts["project"], facts["source"])
        if row["action"] == "revoke":
            self._grants.pop(key, None)
        elif row["action"] == "grant":
            self._grants[key] = {**facts, "given_by": row["actor"], "given_at": facts["at"]}


def _tables_of(row: Mapping[str, Any], facts: Facts) -> Iterator[tuple[Section, Facts]]:
    action, outcome, rule = row["action"], row["outcome"], row["rule"]
    decided = outcome in ("allowed", "denied", "asked")
    if action in _GRANTS and outcome == "done":
        yield of.GRANT_CHANGES, {**_grant(row), "change": action}
    if decided:
        yield of.DECISIONS, facts
    if decided and (action == "approve" or rule == "agreed-to-delete"):
        yield of.APPROVALS, facts
    if action == "snapshot":
        yield of.DELETIONS if rule == "noticed-gone" else of.SNAPSHOTS, facts
    if action == "delete" and not decided:
        yield of.DELETIONS, facts
    if is_end(row):
        yield _of_way(facts), facts
    if action in _ADMINISTRATION:
        yield of.ADMINISTRATION, {**facts, "details": json_line(details_of(row))}
    if outcome in ("denied", "failed"):
        undone = "finding of a match" if action == MATCH else "failure"
        kind = "not answered in time" if rule in _UNANSWERED else "denial" if decided else undone
        yield of.EXCEPTIONS, {**facts, "kind": kind}


def _of_way(facts: Facts) -> Section:
    return of.RESTORE_PROOFS if facts.get("way") == "verify" else of.RESTORATIONS


def _facts(row: Mapping[str, Any], request: Facts | None) -> Facts:
    """Everything that a column may ask for: of the row, of its details, and of its request as it stands elsewhere."""
    details, about = details_of(row), request or {}
    disks = about.get("disks", [])
    names, servers = (_each(disks, name) for name in ("name", "server"))
    row_itself = {name: row[name] for name in ("actor", "action", "subject", "outcome", "rule")}
    return {
        **row_itself,
        "row": row["seq"],
        "at": _shown(row["at"]),
        "project": about.get("project") or details.get("project"),
        "request": request_of(row),
        "requester": about.get("requester") or details.get("requester"),
        "reason": about.get("reason"),
        "state": about.get("state"),
        "reviewed_by": None,
        "disk_id": details.get("disk") or _each(disks, "id"),
        "disk": names,
        "server": servers,
        **{name: details.get(name) for name in ("grant", "channel", "snapshot", "code", "hop", "made", "seconds")},
    }


def _each(disks: Sequence[Facts], name: str) -> str:
    return " ".join(dict.fromkeys(str(disk[name]) for disk in disks if disk[name]))


def _grant(row: Mapping[str, Any]) -> Facts:
    details = details_of(row)
    named = {name: str(details.get(name) or "") for name in ("subject", "role", "source", "expires_at")}
    whose = {"project": row["subject"], "row": row["seq"], "at": _shown(row["at"]), "actor": row["actor"]}
    return {**named, **whose}


def _shown(at: Any) -> str:
    found = moment(at)
    return found.astimezone(UTC).isoformat(timespec="milliseconds") if found else str(at)
