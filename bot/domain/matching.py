"""The match of what the rows say with what the cloud holds and what people were told: each difference is a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.domain.audit import BOT, AuditEntry
from bot.domain.snapshots import Snapshot

MATCH = "match"
"""The action of the rows of a match."""

FINDINGS_KEPT = 200
"""Of one match of one project; how many there were is told all the same."""

Kind = Literal[
    "unknown-snapshot", "another-snapshot", "snapshot-gone", "no-request", "no-row", "told-otherwise", "never-told"
]
KINDS: Mapping[Kind, str] = {
    "unknown-snapshot": "the cloud holds a snapshot with the bot's tag that no request knows",
    "another-snapshot": "the cloud holds a snapshot with the tag of a disk whose request has another one, or none",
    "snapshot-gone": "a snapshot that was available is gone, and the bot did not delete it",
    "no-request": "a row says that something was sent for a request that is not there",
    "no-row": "a disk counts as available, and no row of the trail says so",
    "told-otherwise": "a row says that a snapshot became available, and its request says something else",
    "never-told": "a request ended more than a day ago, and its end was not told",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject`: an item, a request or a snapshot, by its id."""

    kind: Kind
    subject: str

    def entry(self, project: str) -> AuditEntry:
        return AuditEntry(BOT, MATCH, self.subject, "failed", self.kind, {"project": project})


@dataclass(frozen=True, slots=True)
class Tagged:
    """An item or a group as the rows have it. `snapshot_id` of a group, and of an item that has none, is None."""

    snapshot_id: str | None
    ended: bool
    is_group: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A restore point, as far as the rows know."""

    item_id: str
    snapshot_id: str


def summary(project: str, snapshots: int, findings: int) -> AuditEntry:
    """The row that ends a match: how many snapshots the cloud listed, and how many differences there are."""
    return AuditEntry(
        BOT, MATCH, project, "done", details={"project": project, "snapshots": snapshots, "findings": findings}
    )


def strangers(snapshots: Iterable[Snapshot], known: Mapping[str, Tagged]) -> Iterator[Finding]:
    """Tagged snapshots that no row accounts for. What is still being made is left out: its row follows."""
    for snapshot in snapshots:
        tag = snapshot.request_tag
        if tag is None:
            continue
        row = known.get(tag)
        if row is None:
            yield Finding("unknown-snapshot", snapshot.id)
        elif row.ended and not row.is_group and row.snapshot_id != snapshot.id:
            yield Finding("another-snapshot", snapshot.id)
