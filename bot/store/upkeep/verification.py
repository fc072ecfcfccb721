"""Whether the audit trail is whole: its chain, its ends, what guards it, and the rows that must have left one in it.

A person who can write the file can also write a chain that holds; so heads that stand elsewhere are looked for in it,
and what the other tables say was decided is held against it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.domain.audit import BEFORE_POST, PRUNE_STORE, RESTORE_STORE
from bot.store import audit
from bot.store.bindings import BY_COMMAND
from bot.store.database import Triggers
from bot.store.script import Row, Script, sql, to_ms
from bot.store.upkeep.both_sides import PAGE, BothSides, Fact, Side

Head = tuple[int, str]
GrantKey = tuple[str, str, str, str]
"""Subject, role, project, source."""

_DONE = frozenset({"done", "allowed"})
_DECISIONS = ("approve", "review")
"""Decisions that stay in the other tables for as long as their request does."""

_DELETE, _SENT = "delete", "sent"
_COMPARED = frozenset({*_DECISIONS, _DELETE})


@dataclass(frozen=True, slots=True)
class Witness:
    """The rest of the store at one moment: `seq` is the trail's last row then."""

    seq: int
    posted: Sequence[Head]
    guards: Sequence[str]
    """Problems of the triggers, each in words."""
    grants: Mapping[GrantKey, int | None]
    bound: Sequence[tuple[str, str]]
    """Channel and project of what was bound by command."""
    sides: BothSides
    """Decisions, and the requests of which something was sent to the cloud: each must stand in the trail."""
    requests: int = 0


def witness(known: Triggers) -> Script[Witness]:
    """Read in one transaction, before the trail: whatever stands there by then has its row. A person who laid hands on
    the file may have put any kind of value there, so each is read as text.
    """
    seq, _ = yield from audit.head()
    heads = yield sql("select seq, hash from posted_head order by seq")
    triggers = yield sql(known.select)
    grants = yield sql("select * from access_grant")
    bound = yield sql("select distinct channel_id, project from binding where source = :by", by=BY_COMMAND)
    requests = yield sql("select count(*) as number from request")
    sides = BothSides()
    yield from _requests(sides)
    yield from _approvals(sides)
    yield from _deletions(sides)
    return Witness(
        seq,
        [(row["seq"], row["hash"]) for row in heads if isinstance(row["seq"], int)],
        _guards({_text(row["name"]): _text(row["text"]) for row in triggers}, known),
        {_key(row): row["expires_at"] for row in grants},
        [(_text(row["channel_id"]), _text(row["project"])) for row in bound],
        sides,
        requests[0]["number"],
    )


def _requests(sides: BothSides) -> Script[None]:
    text = f"select id, actor_id, reviewed_by from request where id > :after order by id limit {PAGE}"
    after = ""
    while rows := (yield sql(text, after=after)):
        first, after = after, rows[-1]["id"]
        sent = yield from _sent(first, after)
        reviewed = [row for row in rows if row["reviewed_by"] is not None]
        sides.add(Side.TABLES, [(_SENT, _text(row["actor_id"]), _text(row["id"])) for row in rows if row["id"] in sent])
        sides.add(Side.TABLES, [("review", _text(row["reviewed_by"]), _text(row["id"])) for row in reviewed])


def _sent(after: str, last: str) -> Script[set[str]]:
    """The requests up to that one of which something was sent."""
    found: set[str] = set()
    for table in ("item", "consistency_group", "restoration"):
        text = f"select request_id from {table} where request_id > :after and request_id <= :last and attempts > 0"
        found.update(row["request_id"] for row in (yield sql(text, after=after, last=last)))
    return found


def _approvals(sides: BothSides) -> Script[None]:
    text = (
        "select request_id, approver_id from approval where (request_id, approver_id) > (:request, :approver) "
        f"order by request_id, approver_id limit {PAGE}"
    )
    request, approver = "", ""
    while rows := (yield sql(text, request=request, approver=approver)):
        request, approver = rows[-1]["request_id"], rows[-1]["approver_id"]
        sides.add(Side.TABLES, [("approve", _text(row["approver_id"]), _text(row["request_id"])) for row in rows])


def _deletions(sides: BothSides) -> Script[None]:
    text = (
        "select item_id, request_id, asked_by, agreed_json from deletion where item_id > :after "
        f"order by item_id limit {PAGE}"
    )
    after = ""
    while rows := (yield sql(text, after=after)):
        after = rows[-1]["item_id"]
        sides.add(Side.TABLES, [(_DELETE, who, _text(row["request_id"])) for row in rows for who in _people(row)])


def _people(deletion: Row) -> Iterator[str]:
    yield _text(deletion["asked_by"])
    try:
        agreed = json.loads(deletion["agreed_json"])
    except (ValueError, TypeError, RecursionError):
        agreed = None
    yield from map(_text, agreed) if isinstance(agreed, list) else [_text(deletion["agreed_json"])]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _key(grant: Row) -> GrantKey:
    kind, subject_id, role, project, source = (
        _text(grant[name]) for name in ("subject_kind", "subject_id", "role", "project", "source")
    )
    return ("everyone" if kind == "everyone" else f"{kind}:{subject_id}", role, project, source)


def _guards(found: Mapping[str, str], known: Triggers) -> list[str]:
    """The bot's own triggers that are gone or say something else now, and those that it never made: one can pass
    over the rows of one person before they are written, and the chain holds without them.
    """
    gone = [name for name, text in known.guards.items() if _words(found.get(name, "")) != _words(text)]
    kept = "which keeps rows from being changed or taken out, is gone or was altered"
    told = [f"its guard {name}, {kept}" for name in gone]
    ours = {name for name, text in known.others.items() if _words(found.get(name, "")) == _words(text)}
    strange = [name for name in found if name not in known.guards.keys() | ours]
    return told + [f"the trigger {name} is none of the bot's: it may change what is written" for name in strange]


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().lower()


@dataclass(slots=True)
class Verification:
    """Takes the trail row by row. `heads` are further ones that must stand in it, as they were posted."""

    witness: Witness
    heads: Sequence[Head] = ()
    previous: str = audit.GENESIS
    seq: int = 0
    restores: list[str] = field(default_factory=list)
    """Of each time the store was put back from a backup: by which row, and up to which head rows were given up."""
    _hashes: dict[int, str] = field(default_factory=dict)
    _grants: dict[GrantKey, int | None] = field(default_factory=dict)
    _bound: dict[str, str] = field(default_factory=dict)
    _told: list[Fact] = field(default_factory=list)
    """By the rows that were taken last."""

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
        self.witness.sides.add(Side.TRAIL, self._told)
        self._told.clear()
        return None

    def missing(self) -> list[str]:
        """The problems that a whole chain does not show: each in words, the gravest first."""
        return [*self._cut(), *self._let_open(), *self._without_rows()]

    def _restored(self, row: Mapping[str, Any]) -> None:
        details = json.loads(row["details_json"])
        lost = f"the rows after {details['backup']}"
        if details["given_up"]:
            lost += f" up to {details['given_up']}"
        self.restores.append(f"row {row['seq']} says that {lost} were given up when a backup was restored")

    def _remember(self, row: Mapping[str, Any]) -> None:
        if row["outcome"] not in _DONE:
            return
        action, subject = row["action"], row["subject"]
        if action in _COMPARED:
            self._told.append((action, _text(row["actor"]), _text(subject)))
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
                case action if action == RESTORE_STORE:
                    self._restored(row)
                case action if action == PRUNE_STORE:
                    self.witness.sides.forget(details["requests"].split(","))
                case "create" | "restore" if details.get("hop") == BEFORE_POST:
                    self._told.append((_SENT, _text(row["actor"]), _text(details["request"])))
                case _:
                    pass
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return  # no row of the bot's; what it should stand for is missing then

    def _cut(self) -> Iterator[str]:
        if not self.seq and self.witness.requests:
            yield f"all its rows are gone: there are {self.witness.requests} requests and no row"
        posted = self.witness.posted
        for what, heads in (("named with --head", self.heads), ("posted last", posted[-1:])):
            yield from filter(None, (self._lost(head, what) for head in heads))
        # Where one is lost all after it are: the first says from where on.
        yield from list(filter(None, (self._lost(head, "posted before") for head in posted[:-1])))[:1]

    def _lost(self, head: Head, what: str) -> str:
        seq, row_hash = head
        because = f" ({self.restores[-1]})" if self.restores else ""
        if seq > self.seq:
            return f"it was cut: its head {what} is row {seq}, and it ends with row {self.seq}{because}"
        if self._hashes.get(seq, audit.GENESIS) != row_hash:
            return f"it was written anew: row {seq} does not have the hash that was {what}{because}"
        return ""

    def _let_open(self) -> Iterator[str]:
        yield from self.witness.guards

    def _without_rows(self) -> Iterator[str]:
        """Both ways for grants, approvals, reviews and what was sent."""
        for key, ends in sorted(self.witness.grants.items()):
            if key not in self._grants:
                yield f"the grant {_told(key)} has no row"
            elif self._grants[key] != ends:
                yield f"the end of the grant {_told(key)} is not the one in its row"
        for key in sorted(self._grants.keys() - self.witness.grants.keys()):
            yield f"the grant {_told(key)} is gone and no row says who took it back"
        sides = self.witness.sides
        for action in (*_DECISIONS, _DELETE):
            for _, actor, subject in sides.only_in(Side.TABLES, action):
                yield f"{actor} stands under {subject} ({action}), and there is no row of it"
        for action in _DECISIONS:
            for _, actor, subject in sides.only_in(Side.TRAIL, action):
                yield f"{actor} has a row under {subject} ({action}), and does not stand there any more"
        for _, actor, request in sides.only_in(Side.TABLES, _SENT):
            yield f"something of {request} was sent for {actor}, and there is no row of it"
        for _, actor, request in sides.only_in(Side.TRAIL, _SENT):
            what = f"something of {request} was sent for {actor}"
            yield f"a row says that {what}, and no such request of theirs is there"
        for channel, project in self.witness.bound:
            if self._bound.get(channel) != project:
                yield f"the channel {channel} is bound to {project}, and there is no row of it"


def _told(key: GrantKey) -> str:
    subject, role, project, source = key
    return f"{subject} {role} {project} ({source})"
