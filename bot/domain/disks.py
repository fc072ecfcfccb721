"""From what a person typed to the disks they meant: ids, unique names, and a sentence for everything else."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.orders import Create
from bot.domain.sentences import quoted
from bot.domain.snapshots import COPYABLE_STATES, WITHOUT_INSTANT_ACCESS, Disk

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_SHOWN = 8


def is_disk_id(word: str) -> bool:
    """EVS disk ids are 36-character UUIDs."""
    return is_uuid(word)


def is_uuid(word: str) -> bool:
    return _UUID.fullmatch(word) is not None


@dataclass(frozen=True, slots=True)
class Picked:
    """The disks in the order they were asked for, or every fault at once; never both."""

    disks: tuple[Disk, ...]
    faults: tuple[str, ...]


def pick(order: Create, found: Mapping[str, Sequence[Disk]], everything: Sequence[Disk], alias: str) -> Picked:
    """Choose for each word the one disk it means. `found` holds what the cloud listed for each word.

    `everything` is the project's whole listing where a word found nothing (for suggestions), else empty.
    """
    disks: dict[str, Disk] = {}
    faults: list[str] = []
    for word in order.disks:
        fits = [disk for disk in found.get(word, ()) if means(word, disk)]
        if not fits:
            faults.append(_unknown(word, everything, alias))
        elif len(fits) > 1:
            faults.append(_ambiguous(word, fits))
        elif fits[0].id in disks:
            faults.append(f"{quoted(word)} is {quoted(disks[fits[0].id].label)}, which is named twice.")
        else:
            disks[fits[0].id] = fits[0]
            faults += _cannot_be_copied(fits[0], order)
    return Picked((), tuple(faults)) if faults else Picked(tuple(disks.values()), ())


def means(word: str, disk: Disk) -> bool:
    """Whether the cloud matches names exactly is not documented, so equality is checked here."""
    return disk.id.lower() == word.lower() if is_disk_id(word) else disk.name == word


def described(disk: Disk) -> str:
    """One line that tells a disk from its namesakes."""
    where = f"on {disk.server}" if disk.server else "not attached"
    return f"{disk.id} · {disk.size} GiB {disk.volume_type} · {where} · {disk.availability_zone} · {disk.status}"


def _unknown(word: str, everything: Iterable[Disk], alias: str) -> str:
    names = sorted({disk.name for disk in everything if disk.name})
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    guess = f" Did you mean {' or '.join(map(quoted, near))}?" if near else ""
    what = "with the id" if is_disk_id(word) else "named"
    return f"No disk {what} {quoted(word)} is in {alias}.{guess}"


def _ambiguous(word: str, fits: Sequence[Disk]) -> str:
    lines = [f"  ◦ {described(disk)}" for disk in fits[:_SHOWN]]
    if len(fits) > _SHOWN:
        lines.append(f"  ◦ and {len(fits) - _SHOWN} more")
    return "\n".join([f"{quoted(word)} fits {len(fits)} disks. Say which one by its id:", *lines])


def _cannot_be_copied(disk: Disk, order: Create) -> list[str]:
    faults = []
    if disk.status not in COPYABLE_STATES:
        faults.append(
            f"{quoted(disk.label)} is in the state {quoted(disk.status)}. "
            "A snapshot can be made of a disk that is available or in-use; wait until it is, or name another."
        )
    if order.instant_access and disk.volume_type in WITHOUT_INSTANT_ACCESS:
        faults.append(
            f"{quoted(disk.label)} is of type {disk.volume_type}, which offers no instant restore. "
            "Ask without it (leave instant_access= out)."
        )
    return faults


def matching(disks: Iterable[Disk], query: str) -> list[Disk]:
    """The disks whose name, id or server has every word of the query in it; those it begins come first."""
    words = query.casefold().split()

    def fits(disk: Disk) -> bool:
        texts = [text.casefold() for text in (disk.name, disk.id, disk.server)]
        return all(any(word in text for text in texts) for word in words)

    def rank(disk: Disk) -> tuple[bool, str, str]:
        begins = bool(words) and disk.label.casefold().startswith(words[0])
        return (not begins, disk.label.casefold(), disk.id)

    return sorted(filter(fits, disks), key=rank)
