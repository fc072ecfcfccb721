"""From selectors to the disks they mean: every disk of a server, every disk with a tag, or disks by name or id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.bindings import Binding
from bot.domain.disks import DiskNames, ambiguous, is_uuid, unknown_disk
from bot.domain.options import read_tag
from bot.domain.orders import Selector
from bot.domain.sentences import quoted
from bot.domain.servers import NameMatch, several, unknown
from bot.domain.snapshots import Disk

_SERVERS = ("server", "server_id")


@dataclass(frozen=True, slots=True)
class Selection:
    """The disks that were meant, each once, in the order they were named; or every problem at once, never both.
    `warnings` tell what of a binding fits nothing any more, and which disks may belong here and could not be read.
    """

    disks: tuple[Disk, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """The meaning of one selector: its disks, or why none. `nothing`: it fits no disk; otherwise it fits too many."""

    disks: Sequence[Disk] = ()
    problem: str = ""
    nothing: bool = False


def read_servers(text: str) -> tuple[Selector, ...]:
    """Names or ids with commas between them; an id is known by its shape."""
    return tuple(
        Selector("server_id", word.lower()) if is_uuid(word) else Selector("server", word) for word in _listed(text)
    )


def read_tags_of_disks(text: str) -> tuple[Selector, ...]:
    """`key` or `key:value`, with commas between them. Raises ValueError with a sentence."""
    return tuple(Selector("tag", read_tag(word)) for word in _listed(text))


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(filter(None, map(str.strip, re.split("[,，、\n]", text)))))


def selectors_of(bindings: Sequence[Binding]) -> tuple[Selector, ...]:
    """The selectors that a channel is bound to, as if they had been typed."""
    selectors: list[Selector] = []
    for binding in bindings:
        if binding.server:
            selectors.append(Selector("server", binding.server))
        if binding.server_id:
            selectors.append(Selector("server_id", binding.server_id))
        if binding.tag:
            selectors.append(Selector("tag", binding.tag))
        selectors += [Selector("disk", disk) for disk in binding.disks]
    return tuple(dict.fromkeys(selectors))


def select(
    selectors: Sequence[Selector],
    everything: Sequence[Disk],
    tagged: Mapping[str, Sequence[Disk]],
    servers: Mapping[str, NameMatch],
    *,
    bound: bool = False,
) -> Selection:
    """Choose among all disks of a project. `tagged` holds what the cloud answered for each tag, by the tag's text;
    `servers` what each name of a server means, by what was typed.

    The listing has no filter for tags, so a tag is a question of its own (List volumes; Querying Resources by Tag).
    `bound`: they come from a binding, which grows old: one that fits nothing any more does not keep the others back.
    """
    names = DiskNames(everything)
    found = [_found(selector, everything, names, tagged, servers) for selector in selectors]
    disks = {disk.id: disk for one in found for disk in one.disks}
    stale = [one for one in found if one.nothing and bound and disks]
    if problems := tuple(one.problem for one in found if one.problem and one not in stale):
        return Selection((), problems)
    open_ = _perhaps_attached(everything, disks) if any(one.kind in _SERVERS for one in selectors) else ()
    return Selection(tuple(disks.values()), (), (*(one.problem for one in stale), *open_))


def _perhaps_attached(everything: Sequence[Disk], chosen: Mapping[str, Disk]) -> tuple[str, ...]:
    """Disks that may hang on a server that was named: the cloud's row does not say it in a form that can be read."""
    return tuple(
        f"Where {quoted(disk.label)} is attached, the cloud says in no form that I can read; it is not in this backup. "
        f"Name it, if it belongs here: disks={disk.id}."
        for disk in everything
        if "attachments" in disk.unread and disk.id not in chosen
    )


def _found(
    selector: Selector,
    everything: Sequence[Disk],
    names: DiskNames[Disk],
    tagged: Mapping[str, Sequence[Disk]],
    servers: Mapping[str, NameMatch],
) -> _Found:
    value = selector.value
    match selector.kind:
        case "server" if not is_uuid(value):
            return _of_server(value, everything, servers[value])
        case "server" | "server_id":
            found = _by_name(_attached(value, everything))
            return _any(found, f"No disk is attached to a server with the id {quoted(value)}.")
        case "tag":
            return _any(_by_name(tagged.get(value, ())), f"No disk has the tag {quoted(value)}.")
        case "disk":
            return _named(value, everything, names)


def _any(disks: Sequence[Disk], otherwise: str) -> _Found:
    return _Found(disks) if disks else _Found(problem=otherwise, nothing=True)


def _of_server(name: str, everything: Sequence[Disk], match: NameMatch) -> _Found:
    """One name of two servers is a question, not a guess."""
    if match.problem:
        return _Found(problem=match.problem)
    if len(match.servers) > 1:
        disks = {one.id.lower(): len(_attached(one.id, everything)) for one in match.servers}
        return _Found(problem=several(name, match.servers, disks))
    if not match.servers:
        return _any((), unknown(name, match.known))
    return _any(_by_name(_attached(match.servers[0].id, everything)), f"The server {quoted(name)} has no disks.")


def _attached(server_id: str, everything: Sequence[Disk]) -> list[Disk]:
    wanted = server_id.lower()
    return [disk for disk in everything if any(one.server_id.lower() == wanted for one in disk.attachments)]


def _by_name(disks: Iterable[Disk]) -> list[Disk]:
    return sorted(disks, key=lambda disk: (disk.server, disk.label, disk.id))


def _named(word: str, everything: Sequence[Disk], names: DiskNames[Disk]) -> _Found:
    disks: list[Disk] = []
    for part, fits in names.meant([word]):
        if not fits:
            return _any((), unknown_disk(part, everything, "this project"))
        if len(fits) > 1:
            return _Found(problem=ambiguous(part, fits))
        disks += fits
    return _Found(disks)
