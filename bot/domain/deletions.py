"""Letting go of restore points that the bot made, one row a snapshot: who asked, who agreed, and how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain import sentences
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.items import Item
from bot.domain.orders import Order, overwrites
from bot.domain.requests import Request
from bot.domain.snapshots import Disk, Snapshot
from bot.domain.transitions import DELETION, DeletionEvent, DeletionState, ItemState

ENDED = frozenset({DeletionState.DELETED, DeletionState.KEPT})


@dataclass(frozen=True, slots=True)
class Deletion:
    """One snapshot to be deleted. `asking` numbers, within its request, what one person asked for at once.

    `agreed_by` are other people, `agreed_at` is when no other had to agree any more. `announced`: the thread asked
    others to agree; where they do not read it, each of them is asked directly. `cause`: why it was kept. `tried` is how
    long the cloud was asked and waited for; time in which no bot ran is none of it. `sent`: a DELETE left, and nothing
    that the cloud showed since says that the snapshot stays. `ver` guards every write. `moved_by`: the edge that
    it took since it was read; in no column.
    """

    item_id: str
    request_id: str
    project: str
    snapshot_id: str
    disk_id: str
    label: str
    state: DeletionState
    asked_by: str
    channel_id: str
    asked_at: datetime
    asking: int = 0
    agreed_by: tuple[str, ...] = ()
    agreed_at: datetime | None = None
    announced: bool = False
    cause: str = ""
    told: bool = False
    ver: int = 1
    tried: timedelta = timedelta()
    sent: bool = False
    moved_by: DeletionEvent | None = field(default=None, compare=False)

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def deletable(items: Sequence[Item]) -> list[Item]:
    """Items whose snapshots can be deleted: those the request made itself; a joined one belongs to another request."""
    made = [item for item in items if item.snapshot_id and item.state in _MADE and not item.gone]
    return [item for item in made if item.joined_to is None]


def claims(items: Sequence[Item]) -> list[Item]:
    """The items that a request joined and still keeps; it can give them up, and nothing is deleted by it."""
    kept = [item for item in items if item.joined_to and item.state is ItemState.AVAILABLE]
    return [item for item in kept if not item.let_go and not item.gone]


def still_there(items: Sequence[Item], deletions: Sequence[Deletion]) -> list[Item]:
    """The items that the rows say are still restore points."""
    going = {one.item_id for one in deletions if one.state in (DeletionState.DELETED, DeletionState.DELETING)}
    made = [item for item in items if item.state is ItemState.AVAILABLE and not item.let_go and not item.gone]
    return [item for item in made if item.id not in going]


NAMED = 15
"""Disks that a sentence names; of more it gives the number."""

_MADE = (ItemState.AVAILABLE, ItemState.FAILED, ItemState.UNKNOWN)

SAFETY = "A safety snapshot is the only way back from its roll-back, so nobody deletes one alone."
"""Said wherever one is asked for."""

AGREE_MINUTES = 60
AGREE_TIME = timedelta(minutes=AGREE_MINUTES)


def agree_until(deletion: Deletion) -> datetime:
    return deletion.asked_at + AGREE_TIME


def agreeing(deletion: Deletion, person: str, needed: int, now: datetime) -> Deletion | None:
    """One more person agrees; with the last one needed it is deleted. None: it is not theirs to agree to, or too late.

    The person who asked never agrees, and no person agrees twice.
    """
    open_to_them = deletion.asked_by != person and person not in deletion.agreed_by
    if deletion.state is not DeletionState.ASKED or not open_to_them or now >= agree_until(deletion):
        return None
    agreed_by = (*deletion.agreed_by, person)
    enough = len(agreed_by) >= needed
    after = _moved(deletion, DeletionEvent.GO if enough else DeletionEvent.AGREE)
    return replace(after, agreed_by=agreed_by, agreed_at=now if enough else None)


def asked_anew(before: Deletion | None, deletion: Deletion, asking: int) -> Deletion:
    """The row as it begins, in the place of one that was kept `before`."""
    event = DeletionEvent.ASK if deletion.state is DeletionState.ASKED else DeletionEvent.GO
    state = DELETION.after(before.state if before else None, event)
    return replace(deletion, state=state, moved_by=event, asking=asking)


def kept(deletion: Deletion, cause: str) -> Deletion:
    return replace(_moved(deletion, DeletionEvent.KEEP), cause=cause, sent=False)


def never_learned(deletion: Deletion, cause: str) -> Deletion:
    """The cloud is not asked any more what became of it."""
    return replace(kept(deletion, cause), sent=deletion.sent)


def vanished(deletion: Deletion) -> Deletion:
    """Deleted, by the bot or outside of it."""
    return _moved(deletion, DeletionEvent.VANISH)


def _moved(deletion: Deletion, event: DeletionEvent) -> Deletion:
    return replace(deletion, state=DELETION.after(deletion.state, event), moved_by=event)


def unanswered(deletion: Deletion) -> Deletion:
    """Kept because too few others agreed in time."""
    who = "Not enough other people" if deletion.agreed_by else "Nobody else"
    return kept(deletion, f"{who} agreed within {AGREE_MINUTES} minutes.")


def still_kept(sharing: Iterable[tuple[Item, Request]], now: datetime) -> dict[str, Request]:
    """Of requests that share snapshots with another one, those whose time is not over and that did not let go of them,
    by the snapshot's id.
    """
    return {
        item.snapshot_id: request
        for item, request in sharing
        if item.snapshot_id and not item.let_go and (request.expires_at is None or now < request.expires_at)
    }


def named(labels: Sequence[str]) -> str:
    """`1 snapshot (“web-01-data”)`: how many, and of which disks."""
    count = "1 snapshot" if len(labels) == 1 else f"{len(labels)} snapshots"
    more = f" and {len(labels) - NAMED} more" if len(labels) > NAMED else ""
    return f"{count} ({', '.join(sentences.quoted(one) for one in labels[:NAMED])}{more})"


def question(order: Order, rows: Sequence[Deletion], needed: int) -> str:
    """The question to others about one asking for what an order made."""
    first = rows[0]
    others = "another person who may approve has" if needed == 1 else f"{needed} others who may approve have"
    safety = f" {SAFETY}" if overwrites(order) else ""
    return (
        f"{sentences.person(first.asked_by)} asks to delete {named([one.label for one in rows])}: {others} to "
        f"agree within {AGREE_MINUTES} minutes, else they are kept. What is deleted can't be brought back.{safety}"
    )


def otherwise(rows: Sequence[Deletion]) -> str:
    """How to agree where no button can be pressed."""
    typed = rows[0].snapshot_id if len(rows) == 1 else rows[0].request_id
    return f"Without the button: the command `delete {typed}`."


def made_for(item: Item, group: ConsistencyGroup | None, snapshot: Snapshot) -> bool:
    """Whether the cloud shows that the bot made this snapshot for this item: by its tag, or by the group it is in.

    Whether a cloud gives the tags of a group to its members is not documented, so either proof will do for those.
    """
    if group is None:
        return snapshot.request_tag == item.id
    in_its_group = group.cloud_id is not None and snapshot.snapshot_group_id == group.cloud_id
    return in_its_group or snapshot.request_tag == group.id


def why_not(item: Item, group: ConsistencyGroup | None, snapshot: Snapshot, disk: Disk | None) -> str:
    """Why this snapshot must stay for now; "" when it may go. Source: EVS API Reference, snapshot status."""
    if not made_for(item, group, snapshot):
        return "Its tag does not say that I made it for this request; look at it in the console."
    if snapshot.volume_id != item.disk.id:
        return "It is a snapshot of another disk than the bot remembers; look at it in the console."
    if snapshot.status == "rollbacking" or (disk is not None and disk.status in ("rollbacking", "error_rollbacking")):
        return "Its disk is being rolled back. Ask again once that is over."
    if snapshot.status not in ("available", "error"):
        return f"It is in the state “{snapshot.status}”; only finished ones can be deleted."
    return ""
