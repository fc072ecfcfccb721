"""Proving that a snapshot can be restored: which points are due, and how its test disk goes again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.restoring.restorations import Restoration, over_with
from bot.domain.snapshots import REQUEST_TAG, Disk
from bot.domain.transitions import RestorationState

LOOKED_AT_EVERY = timedelta(hours=6)
"""How often it is looked which points are due, and whether a test disk was left behind."""

STILL_THERE = "Its test disk"
"""How the words begin that say why a test disk is not deleted yet; they stand behind those about the proof."""

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=3), timedelta(minutes=30)

_DELETABLE = frozenset({"available", "error", "error_extending", "error_restoring", "error_rollbacking"})
"""Source: EVS API Reference, Deleting an EVS Disk."""

GOING = frozenset({"deleting"})


# --- which points are due ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """A restore point that has to be proven, and since when."""

    item: Item
    since: datetime


def due_points(
    points: Iterable[Item], proofs: Mapping[str, Restoration], now: datetime, days: int, gib: int
) -> list[Due]:
    """Of the newest points of some disks those whose disk was not proven in so many days, the longest due first. Larger
    disks than `gib` are left out. `proofs`: the last of each disk. It is due once it would be too late the next time
    that is looked.
    """
    every, found = timedelta(days=days), list[Due]()
    for item in points:
        proof = proofs.get(item.disk.id)
        proven_at = proof.proven_at if proof else None
        since = proven_at + every if proven_at else (item.taken_at or item.ended_at or now)
        if item.disk.size <= gib and since <= now + LOOKED_AT_EVERY:
            found.append(Due(item, since))
    return sorted(found, key=lambda one: (one.since, one.item.id))


def by_request(due: Sequence[Due]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for one in due:
        found.setdefault(one.item.request_id, []).append(one.item)
    return found


def orders_for(request_id: str, due: Sequence[Item], left: Sequence[Item], alias: str) -> list[Restore]:
    """One order for the request that made these points, where nothing else is left of it; else one for each snapshot:
    no other is proven beside them.
    """
    if len(due) > 1 and {item.id for item in left} == {item.id for item in due}:
        return [Restore(request_id, request_id, "verify", alias)]
    return [Restore(item.snapshot_id or "", request_id, "verify", alias) for item in due]


# --- the test disk goes again -----------------------------------------------------------------------------------------


def is_test_disk(one: Restoration, disk: Disk) -> bool:
    """Whether the cloud shows that the bot made this disk to prove something: by its tag, and by the snapshot it was
    made of, where that is told.
    """
    return disk.tags.get(REQUEST_TAG) == one.id and disk.snapshot_id in ("", one.source.snapshot_id)


def why_it_stays(disk: Disk) -> str:
    """Why a test disk can't be deleted just now; "" where it can."""
    if disk.attachments:
        return f"Its test disk {disk.id} is attached to a server: detach it, and I delete it."
    if disk.status == "error_deleting":
        return f"Its test disk {disk.id} could not be deleted by the cloud: the cloud's support has to act."
    if disk.status not in _DELETABLE and disk.status not in GOING:
        return f"Its test disk {disk.id} is in the state “{disk.status}”: I delete it once that has passed."
    return ""


def still_there(one: Restoration, why: str) -> Restoration:
    """With the words why the test disk is there still, behind those about the proof; "" takes them back."""
    return replace(one, cause=f"{_of_the_proof(one)} {why}".strip())


def _of_the_proof(one: Restoration) -> str:
    return one.cause.partition(STILL_THERE)[0].strip()


def next_wait(one: Restoration) -> timedelta:
    """The longer it is in vain, the longer it waits; it never ends."""
    return min(max(one.in_vain / 2, FIRST_WAIT), LONGEST_WAIT)


def waits_on(one: Restoration, now: datetime, spent: timedelta) -> Restoration:
    wait = next_wait(one)
    return replace(one, due_at=now + wait, in_vain=one.in_vain + spent + wait)


def cleared(one: Restoration, now: datetime) -> Restoration:
    """Its test disk is gone: proven, or failed with the words why it was not."""
    state = RestorationState.RESTORED if one.proven_at else RestorationState.FAILED
    return over_with(one, state, now, cause=_of_the_proof(one), code=one.code)
