"""How disks that come back from snapshots are told of in any message. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.items import Item
from bot.domain.orders import Way
from bot.domain.restoring.restorations import Restoration, tally
from bot.domain.transitions import ItemState, RestorationState
from bot.slack.views.disk_words import NAME_CHARACTERS
from bot.slack.views.mrkdwn import bold, code, escaped, moment, plural, shortened

DISKS_LISTED = 5
"""Of a request in a list."""

_DONE: Mapping[Way, str] = {"new_disks": "restored", "overwrite": "rolled back", "verify": "proven"}
_DOING: Mapping[Way, str] = {"new_disks": "being made", "overwrite": "being rolled back", "verify": "being tried"}


def restored_disk(row: Restoration) -> str:
    return bold(shortened(row.disk.label, NAME_CHARACTERS))


def point(row: Restoration) -> str:
    """The snapshot, and when it was taken."""
    taken = f", taken {moment(row.source.taken_at)}" if row.source.taken_at else ""
    return f"snapshot {code(row.source.snapshot_id)}{taken}"


def back_to(row: Restoration, age: str = "") -> str:
    """The moment that a disk goes back to, which tells a person more than the id of the snapshot."""
    snapshot = f"snapshot {code(row.source.snapshot_id)}"
    return f"{moment(row.source.taken_at)}{age}, {snapshot}" if row.source.taken_at else snapshot


def lost_since(row: Restoration) -> str:
    """From when on what was written to the disk is lost."""
    return f"since {moment(row.source.taken_at)}" if row.source.taken_at else "since that snapshot"


def title(way: Way, alias: str, count: int, named: str) -> str:
    """The thing asked for, of how many; `named` stands for them before they are known."""
    project = escaped(alias)
    match way:
        case "overwrite":
            of = f"of {plural(count, 'disk')}" if count else f"from {named}"
            return f"Roll-back {of} in {project}"
        case "verify":
            return f"Proof of {plural(count, 'snapshot') if count else named} in {project}"
        case "new_disks":
            new = "New disk" if count == 1 else "New disks"
            return f"{new} from {plural(count, 'snapshot') if count else named} in {project}"


def thing_of(way: Way) -> str:
    """The request in a word, where many stand in a list."""
    return {"new_disks": "new disks", "overwrite": "roll-back", "verify": "proof"}[way]


def restorations_listed(rows: Sequence[Restoration], way: Way) -> list[str]:
    """A few disks by name, the worst first, and how many of each state there are besides."""
    worst = sorted(rows, key=lambda row: (row.state is RestorationState.RESTORED, row.position))
    shown = rows if len(rows) <= DISKS_LISTED else worst[:DISKS_LISTED]
    lines = [
        f"{restored_disk(row)} {restorations_counted([row], way).removeprefix('1 ')}"
        + (f" · disk {code(row.made_id)}" if row.made_id and way == "new_disks" else "")
        for row in shown
    ]
    rest = [row for row in rows if row not in shown]
    return [*lines, *([f"and {len(rest)} more: {restorations_counted(rest, way)}"] if rest else [])]


def done_word(way: Way) -> str:
    return _DONE[way]


def restorations_counted(rows: Sequence[Restoration], way: Way) -> str:
    """How many of each, in words."""
    words = {
        RestorationState.PLANNED: "to come",
        RestorationState.SUBMITTING: "being asked for",
        RestorationState.UNCERTAIN: "being looked for",
        RestorationState.RESTORING: _DOING[way],
        RestorationState.CLEARING: "with a test disk still to be deleted",
        RestorationState.RESTORED: _DONE[way],
        RestorationState.FAILED: "failed",
        RestorationState.CANCELLED: "not begun",
        RestorationState.UNKNOWN: "unknown",
    }
    return ", ".join(f"{count} {words[state]}" for state, count in tally(rows).items() if count)


def safety_of(row: Restoration, items: Sequence[Item]) -> Item | None:
    """The item that copies the disk before it is overwritten."""
    return next((item for item in items if item.id == row.safety_item_id), None)


def safety_is_there(items: Sequence[Item]) -> bool:
    return bool(items) and all(item.state is ItemState.AVAILABLE and not item.gone for item in items)
