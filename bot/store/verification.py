"""Whether the audit trail is whole: its chain, its ends, what guards it, and the rows that must have left one in it.

Whoever can write the file can also write a chain that holds; so heads that stand elsewhere are looked for in it, and
what the other tables say was decided is held against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.store import audit
from bot.store.bindings import BY_COMMAND
from bot.store.database import Row, Script, sql, to_ms
from bot.store.schema import AUDIT_TRIGGERS

Head = tuple[int, str]
GrantKey = tuple[str, str, str, str]
"""Subject, role, project, source."""

_DONE = frozenset({"done", "allowed"})


@dataclass(frozen=True, slots=True)
class Witness:
    """What the rest of the store says at one moment: `seq` is the trail's last row then."""

    seq: int
    posted: Sequence[Head]
    unguarded: Sequence[str]
    grants: Mapping[GrantKey, int | None]
    decided: Sequence[tuple[str, str, str]]
    """Action, who and about what: each must stand in the trail."""
    bound: Sequence[tuple[str, str]]
    """Channel and project of what was bound by command."""
    requests: int = 0


def witness() -> Script[Witness]:
    """Read in one transaction, before the trail: whatever stands there by then has its row."""
    seq, _ = yield from audit.head()
    heads = yield sql("select seq, hash from posted_head order by seq")
    triggers = yield sql("select name, sql from sqlite_master where type = 'trigger' and tbl_name = 'audit'")
    grants = yield sql("select * from access_grant")
    approvals = yield sql("select 'approve' as action, approver_id as actor, request_id as subject from approval")
    reviews = yield sql(
        "select 'review' as action, reviewed_by as actor, id as subject from request where reviewed_by is not null"
    )
    deletions = yield sql("select request_id, asked_by, agreed_json from deletion")
    bound = yield sql("select distinct channel_id, project from binding where source = :by", by=BY_COMMAND)
    requests = yield sql("select count(*) as number from request")
    decided = [(row["action"], row["actor"], row["subject"]) for row in (*approvals, *reviews)]
    decided += [("delete", person, row["request_id"]) for row in deletions for person in _people(row)]
    return Witness(
        seq,
        [(row["seq"], row["hash"]) for row in heads],
        _unguarded({row["name"]: row["sql"] for row in triggers}),
        {_key(row): row["expires_at"] for row in grants},
        sorted(set(decided)),
        [(row["channel_id"], row["project"]) for row in bound],
        requests[0]["number"],
    )


def _people(deletion: Row) -> Iterator[str]:
    yield deletion["asked_by"]
    yield from json.loads(deletion["agreed_json"])


def _key(grant: Row) -> GrantKey:
    subject = "everyone" if grant["subject_kind"] == "everyone" else f"{grant['subject_kind']}:{grant['subject_id']}"
    return (subject, grant["role"], grant["project"], grant["source"])


def _unguarded(found: Mapping[str, str]) -> list[str]:
    """The triggers that keep the trail append-only and are gone, or say something else now."""
    return [name for name, text in AUDIT_TRIGGERS.items() if _words(found.get(name, "")) != _words(text)]


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().lower()


@dataclass(slots=True)
class Verification:
    """Takes the trail row by row. `heads` are further ones that must stand in it, as they were posted."""

    witness: Witness
    heads: Sequence[Head] = ()
    previous: str = audit.GENESIS
    seq: int = 0
    _hashes: dict[int, str] = field(default_factory=dict)
    _grants: dict[GrantKey, int | None] = field(default_factory=dict)
    _decided: set[tuple[str, str, str]] = field(default_factory=set)
    _bound: dict[str, str] = field(default_factory=dict)

    def take(self, rows: Iterable[Mapping[str, Any]]) -> str | None:
        """The next rows. Answers what is broken in the chain, after which nothing more can be said."""
        named = {seq for seq, _ in (*self.heads, *self.witness.posted)}
        for row in rows:
            if broken := audit.first_broken([row], self.previous, self.seq):
                return broken
            self.previous, self.seq = row["hash"], row["seq"]
            if self.seq in named:
                self._hashes[self.seq] = self.previous
            if self.seq <= self.witness.seq:
                self._remember(row)
        return None

    def missing(self) -> list[str]:
        """What a whole chain does not show: each in words, the gravest first."""
        return [*self._cut(), *self._let_open(), *self._without_rows()]

    def _remember(self, row: Mapping[str, Any]) -> None:
        if row["outcome"] not in _DONE:
            return
        action, subject = row["action"], row["subject"]
        self._decided.add((action, row["actor"], subject))
        try:
            details = json.loads(row["details_json"])
            match action:
                case "grant" | "revoke":
                    key = (details["subject"], details["role"], subject, details["source"])
                    self._grants.pop(key, None)
                    if action == "grant":
                        ends = details["expires_at"]
                        self._grants[key] = to_ms(datetime.fromisoformat(ends)) if ends else None
                case "bind":
                    self._bound[subject] = details["project"]
                case "unbind":
                    self._bound.pop(subject, None)
                case _:
                    pass
        except (ValueError, TypeError, LookupError):
            return  # no row of the bot's; what it should stand for is missing then

    def _cut(self) -> Iterator[str]:
        if not self.seq and self.witness.requests:
            yield f"all its rows are gone: there are {self.witness.requests} requests and no row"
        for what, heads in (("named with --head", self.heads), ("posted last", self.witness.posted[-1:])):
            for seq, seal in heads:
                if seq > self.seq:
                    yield f"it was cut: its head {what} is row {seq}, and it ends with row {self.seq}"
                elif self._hashes.get(seq, audit.GENESIS) != seal:
                    yield f"it was written anew: row {seq} does not have the hash that was {what}"

    def _let_open(self) -> Iterator[str]:
        for name in self.witness.unguarded:
            yield f"its guard {name}, which keeps rows from being changed or taken out, is gone or was altered"

    def _without_rows(self) -> Iterator[str]:
        """Both ways for grants; a decision is in the trail also where it came to nothing."""
        for key, ends in sorted(self.witness.grants.items()):
            if key not in self._grants:
                yield f"the grant {_told(key)} has no row"
            elif self._grants[key] != ends:
                yield f"the end of the grant {_told(key)} is not the one in its row"
        for key in sorted(self._grants.keys() - self.witness.grants.keys()):
            yield f"the grant {_told(key)} is gone and no row says who took it back"
        for action, actor, subject in self.witness.decided:
            if (action, actor, subject) not in self._decided:
                yield f"{actor} stands under {subject} ({action}), and there is no row of it"
        for channel, project in self.witness.bound:
            if self._bound.get(channel) != project:
                yield f"the channel {channel} is bound to {project}, and there is no row of it"


def _told(key: GrantKey) -> str:
    subject, role, project, source = key
    return f"{subject} {role} {project} ({source})"
