"""From what a person typed to the disks they meant: ids, unique names, and a sentence for everything else."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from bot.domain.normalise import caseless, foreign_letters, looks_of, plain, unmarked_word, visible
from bot.domain.orders import DISKS_PER_CREATE, Create, as_typed
from bot.domain.parsing.copyable import options_meant, server_meant, written
from bot.domain.parsing.words import COURTESIES, EVERYTHING, FILLERS
from bot.domain.sentences import quoted
from bot.domain.snapshots import COPYABLE_STATES, WITHOUT_INSTANT_ACCESS, Disk

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_SHOWN = 8
_NEAR = 3
_GUESSED = 5
"""For so many unknown words of one command similar names are looked for, which takes its time among thousands."""


def is_disk_id(word: str) -> bool:
    """EVS disk ids are 36-character UUIDs."""
    return is_uuid(word)


def is_uuid(word: str) -> bool:
    return _UUID.fullmatch(word) is not None


def disk_id_in(word: str) -> str | None:
    """The id that a word is, in any case and with formatting around it, as the cloud writes it; None for a name."""
    bare = unmarked_word(plain(word))
    linked = _UUID.search(bare) if "://" in bare else None
    return linked[0].lower() if linked else bare.lower() if is_disk_id(bare) else None


@dataclass(frozen=True, slots=True)
class Picked:
    """The disks in the order they were asked for, or every problem at once; never both. `unknown` are words that mean
    no disk among those that were looked at.
    """

    disks: tuple[Disk, ...]
    problems: tuple[str, ...]
    unknown: tuple[str, ...] = ()


def pick(order: Create, disks: Sequence[Disk], alias: str) -> Picked:
    """Choose for each word the one disk it means; a disk that is meant twice is taken once."""
    chosen: dict[str, Disk] = {}
    problems: list[str] = []
    unknown: list[str] = []
    for word, fits in meant(order.disks, disks):
        if not fits:
            unknown.append(word)
            problems.append(unknown_disk(word, disks if len(unknown) <= _GUESSED else (), alias))
        elif len(fits) > 1:
            problems.append(ambiguous(word, fits))
        elif fits[0].id not in chosen:
            chosen[fits[0].id] = fits[0]
            problems += _cannot_be_copied(fits[0], order)
    if unknown and (wording := _said_in_words(order, unknown)):
        return Picked((), (wording,), tuple(unknown))
    if not problems and len(chosen) > DISKS_PER_CREATE:
        problems.append(f"One command takes up to {DISKS_PER_CREATE} disks; these are {len(chosen)}.")
    return Picked((), tuple(problems), tuple(unknown)) if problems else Picked(tuple(chosen.values()), ())


def _said_in_words(order: Create, unknown: Sequence[str]) -> str:
    """Where what is no disk belongs to a sentence, or is an option that was written as a word: the command for it."""
    if of_server := server_meant(order.disks):
        return f"For all disks of a server: `{of_server}`."
    around = [word for word in unknown if caseless(word) in FILLERS | COURTESIES]
    named = [word for word in order.disks if word not in around]
    if len(around) == len(unknown) and named:
        return f"Disks and options are all I read: `{as_typed(replace(order, disks=tuple(named)))}`."
    if meant_so := options_meant("create", order.disks):
        return f"Write options as key=value: `{meant_so}`."
    if any(caseless(word) in EVERYTHING for word in unknown):
        return "For everything this channel is bound to: `quick`. For all disks of a server: `quick server=web-01`."
    return ""


# --- which disk a word means ------------------------------------------------------------------------------------------


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


_AnyDisk = TypeVar("_AnyDisk", bound=_Named)


def _as_it_is(text: str) -> str:
    return text


@lru_cache(maxsize=32_768)
def _caseless_name(name: str) -> str:
    """`caseless` for names from the cloud, which are compared again and again."""
    return caseless(name)


SAME_NAME: Sequence[Callable[[str], str]] = (_as_it_is, visible, plain, _caseless_name)
"""How names are compared: exactly first, then as they look, then odd letters as plain ones, then without case."""
_COMMAS = re.compile("[,，、،]")


def meant(words: Iterable[str], disks: Sequence[_AnyDisk]) -> list[tuple[str, Sequence[_AnyDisk]]]:
    """For each word the disks that it fits best, of one degree of likeness; none where it fits none at all.

    Where a word fits nothing, formatting and brackets around it are left out, and commas in it part several words.
    """
    return DiskNames(disks).meant(words)


class DiskNames(Generic[_AnyDisk]):
    """Disks by what their names become; each index is made when it is needed."""

    def __init__(self, disks: Sequence[_AnyDisk]) -> None:
        self._disks = disks
        self._by: dict[Callable[[str], str], dict[str, list[_AnyDisk]]] = {}

    def meant(self, words: Iterable[str]) -> list[tuple[str, Sequence[_AnyDisk]]]:
        """As the function of that name."""
        found: list[tuple[str, Sequence[_AnyDisk]]] = []
        for word in words:
            fits = self._of(word)
            parts = [part.strip() for part in _COMMAS.split(unmarked_word(word)) if part.strip()]
            if fits or parts in ([], [word]):
                found.append((word, fits))
            else:
                found += [(part, self._of(part)) for part in parts]
        return found

    def _of(self, word: str) -> Sequence[_AnyDisk]:
        if id_ := disk_id_in(word):
            return [disk for disk in self._disks if disk.id.lower() == id_]
        for same in SAME_NAME:
            for reading in dict.fromkeys((word, unmarked_word(word))):
                if fits := self._index(same).get(same(reading)):
                    return fits
        return ()

    def _index(self, same: Callable[[str], str]) -> dict[str, list[_AnyDisk]]:
        if same not in self._by:
            index: dict[str, list[_AnyDisk]] = {}
            for disk in self._disks:
                if disk.name:
                    index.setdefault(same(disk.name), []).append(disk)
            self._by[same] = index
        return self._by[same]


def described(disk: Disk) -> str:
    """One line that tells a disk from its namesakes."""
    where = f"on {disk.server}" if disk.server else "not attached"
    return f"{disk.id} · {disk.size} GiB {disk.volume_type} · {where} · {disk.availability_zone} · {disk.status}"


def unknown_disk(word: str, everything: Sequence[_Named], alias: str) -> str:
    """Why a word is no disk of a project, and what may have been meant. `everything` is empty where none is known."""
    if disk_id_in(word):
        return f"No disk with the id {quoted(word)} is in {alias}."
    return f"No disk named {quoted(word)} is in {alias}.{near_names(word, everything)}"


def near_names(word: str, everything: Sequence[_Named]) -> str:
    """A sentence that begins with a space: what may have been meant by a word that is no name. Empty for no idea."""
    parts = [part.strip() for part in re.split(r"[;&+/|；＆＋]|\band\b", word) if part.strip()]
    if len(parts) > 1 and all(fits for _, fits in meant(parts, everything)):
        return f" Part names with commas: `{','.join(parts)}`."
    names: dict[str, str] = {}
    for disk in everything:
        if disk.name:
            names.setdefault(_caseless_name(disk.name), disk.name)
    looks = looks_of(word)
    for name in names.values():
        if not (word.isascii() and name.isascii()) and looks_of(name) == looks:
            letters = " ".join(foreign_letters(word) or foreign_letters(name))
            return f" Did you mean {quoted(name)}? Letters of another alphabet look like those: {letters}."
    for alike in (_numbers_of, _letters_of):
        same = [name for name in names.values() if alike(name) == alike(unmarked_word(word))]
        if same:
            return f" Did you mean {' or '.join(map(quoted, same[:_NEAR]))}?"
    near = difflib.get_close_matches(caseless(unmarked_word(word)), names, n=_NEAR, cutoff=0.5)
    of_server = _server_so_called(word, names)
    if near:
        return f"{of_server} Did you mean {' or '.join(quoted(names[one]) for one in near)}?"
    return of_server


def _numbers_of(name: str) -> str:
    """A name with its numbers as numbers and its signs as one: `data_1` is like `data-01`."""
    return re.sub(
        r"0+(?=[0-9])", "", re.sub(r"[\W_]+", "-", re.sub("(?<![0-9])0+(?=[0-9])", "", caseless(looks_of(name))))
    )


def _letters_of(name: str) -> str:
    """The same, with one letter for those that are easily taken for each other: o and 0; l, i and 1."""
    return _numbers_of(name.translate(_TAKEN_FOR)).translate(_TAKEN_FOR)


_TAKEN_FOR = str.maketrans("0Oo1lI|i", "00011111")


def _server_so_called(word: str, names: Iterable[str]) -> str:
    """Where several disks carry a name in front of theirs, it is a server's."""
    start = caseless(unmarked_word(word))
    if sum(bool(re.match(rf"{re.escape(start)}[\W_]", name)) for name in names) < 2:
        return ""
    return f" For all disks of a server: `{written('quick', (unmarked_word(word),), ())}`."


def ambiguous(word: str, fits: Sequence[Disk]) -> str:
    """Which disks a word fits, each with what tells it from the others."""
    lines = [f"  ◦ {described(disk)}" for disk in fits[:_SHOWN]]
    if len(fits) > _SHOWN:
        lines.append(f"  ◦ and {len(fits) - _SHOWN} more")
    return "\n".join([f"{quoted(word)} fits {len(fits)} disks. Say which one by its id:", *lines])


def _cannot_be_copied(disk: Disk, order: Create) -> list[str]:
    problems = []
    if disk.status not in COPYABLE_STATES:
        problems.append(
            f"{quoted(disk.label)} is in the state {quoted(disk.status)}. "
            "A snapshot can be made of a disk that is available or in-use; wait until it is, or name another."
        )
    if order.instant_access and disk.volume_type in WITHOUT_INSTANT_ACCESS:
        problems.append(
            f"{quoted(disk.label)} is of type {disk.volume_type}, which offers no instant restore. "
            "Ask without it (leave instant_access= out)."
        )
    return problems


def matching(disks: Iterable[Disk], query: str) -> list[Disk]:
    """The disks whose name, id or server has every word of the query in it; those it begins come first."""
    words = [caseless(unmarked_word(word)) for word in visible(query).split()]

    def fits(disk: Disk) -> bool:
        texts = [_caseless_name(text) for text in (disk.name, disk.id, disk.server)]
        return all(any(word in text for text in texts) for word in words)

    def rank(disk: Disk) -> tuple[bool, str, str]:
        label = _caseless_name(disk.label)
        return (not (words and label.startswith(words[0])), label, disk.id)

    return sorted(filter(fits, disks), key=rank)
