"""Servers, as ECS tells of them: which one a name means, and what the disks that hang on them are called by."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from bot.domain.disks import SAME_NAME
from bot.domain.normalise import unmarked_word
from bot.domain.sentences import quoted
from bot.domain.snapshots import Disk, Text

GONE = frozenset({"DELETED", "SOFT_DELETED"})
"""States of a server that only lists still know. Source: ECS API Reference, ECS Statuses."""

_SHOWN = 8


class Server(BaseModel):
    """One row of GET /v1/{project_id}/cloudservers/detail, as far as the bot needs it. An id that does not exist has a
    row too, without a name. Source: ECS API Reference, Querying Details About ECSs.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    name: Text = ""
    status: Text = ""


@dataclass(frozen=True, slots=True)
class NameMatch:
    """The servers that a name means, or `problem`: why that cannot be told. `known` are names to suggest from."""

    servers: tuple[Server, ...] = ()
    problem: str = ""
    known: tuple[str, ...] = ()


def called(name: str, servers: Iterable[Server]) -> tuple[Server, ...]:
    """The servers of this whole name: exactly, else as it looks, else without case. ECS itself matches parts too."""
    there = {one.id.lower(): one for one in servers if one.name and one.status not in GONE}.values()
    for same in SAME_NAME:
        for reading in dict.fromkeys((name, unmarked_word(name))):
            if found := tuple(one for one in there if same(one.name) == same(reading)):
                return found
    return ()


def several(name: str, servers: Sequence[Server], disks: Mapping[str, int]) -> str:
    """Servers that share a name are told apart by their ids. `disks`: how many each has, by id in lower case."""
    lines = [f"  ◦ `server_id={one.id}` ({_counted(disks.get(one.id.lower(), 0))})" for one in servers[:_SHOWN]]
    if len(servers) > _SHOWN:
        lines.append(f"  ◦ and {len(servers) - _SHOWN} more")
    return "\n".join([f"{quoted(name)} is the name of {len(servers)} servers. Say which one by its id:", *lines])


def unknown(name: str, known: Iterable[str]) -> str:
    names = {one.casefold(): one for one in known if one}
    near = difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.6)
    guess = f" Did you mean {' or '.join(quoted(names[one]) for one in near)}?" if near else ""
    return f"No server {quoted(name)} is in this project.{guess}"


def with_names(disks: Iterable[Disk], names: Mapping[str, str]) -> list[Disk]:
    """The disks, each told the names of the servers it hangs on. `names` by the server's id in lower case."""

    def named(disk: Disk) -> Disk:
        told = tuple(
            one.model_copy(update={"server_name": names.get(one.server_id.lower(), "")}) for one in disk.attachments
        )
        return disk.model_copy(update={"attachments": told})

    return [named(disk) if disk.attachments else disk for disk in disks]


def server_ids(disks: Iterable[Disk]) -> list[str]:
    """The servers that these disks hang on, each once."""
    return list(dict.fromkeys(one.server_id for disk in disks for one in disk.attachments if one.server_id))


def _counted(disks: int) -> str:
    return "no disks" if disks == 0 else "1 disk" if disks == 1 else f"{disks} disks"
