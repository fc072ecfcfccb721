"""The places in which disks of a project are made, and who waits for one, in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.turns import Places, Queued


@dataclass(frozen=True, slots=True)
class Line:
    """`given`: how many disks just got a place. `queued` are those that still wait, `placed` how many disks of each
    person are in the making.
    """

    given: int
    queued: Sequence[Queued]
    placed: Mapping[str, int]


class Turns(Protocol):
    """Each method is one transaction."""

    async def give_turns(self, project: str, places: Places) -> Line: ...

    async def tell_turns(self, sentences: Mapping[str, str]) -> None:
        """By request: how it stands with its turn is shown in its message."""
        ...
