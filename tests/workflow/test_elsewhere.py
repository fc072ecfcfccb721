"""A disk that the project does not have is told of only where it is, and only by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from bot.domain.errors import CloudUnavailable
from bot.domain.snapshots import Disk
from bot.ports.cloud import Cloud
from bot.workflow.elsewhere import PROJECTS_ASKED, WORDS_ASKED, found_elsewhere
from tests.builders import a_disk
from tests.fakes.cloud import UnaskedEvs


@dataclass
class Shelf(UnaskedEvs):
    """A project that lists more than it was asked for, as the cloud may; `away`: it does not answer."""

    names: Sequence[str] = ()
    away: bool = False
    asked: list[str | None] = field(default_factory=list)

    async def list_disks(
        self, *, name: str | None = None, ids: Sequence[str] = (), server_id: str | None = None
    ) -> list[Disk]:
        self.asked.append(name)
        if self.away:
            raise CloudUnavailable("No connection.")
        return [a_disk(one, number) for number, one in enumerate(self.names, start=1)]


@dataclass
class Shelves:
    there: dict[str, Shelf]

    def project(self, alias: str, whose: str = "") -> Shelf:
        return self.there[alias]


async def found(there: dict[str, Shelf], words: Sequence[str], aliases: Sequence[str]) -> list[str]:
    return await found_elsewhere(cast(Cloud, Shelves(there)), words, aliases)


async def test_it_says_every_project_that_has_it_and_no_other() -> None:
    there = {"a": Shelf(["catalogue"]), "b": Shelf(["catalogue-2"]), "c": Shelf(["catalogue"])}
    told = await found(there, ["catalogue", "nowhere"], ["a", "b", "c"])
    assert told == ["“catalogue” is a disk of another project: add `project=a` or `project=c`."]


async def test_a_project_that_does_not_answer_is_passed_over_and_ids_are_not_asked_for() -> None:
    there = {"a": Shelf(["catalogue"], away=True), "b": Shelf(["catalogue"])}
    told = await found(there, ["catalogue", a_disk().id], ["a", "b"])
    assert told == ["“catalogue” is a disk of another project: add `project=b`."]
    assert there["a"].asked == ["catalogue"]


async def test_so_many_projects_and_words_are_asked_and_no_more() -> None:
    there = {f"p{n}": Shelf() for n in range(20)}
    assert await found(there, [f"w{n}" for n in range(20)], list(there)) == []
    assert sum(len(one.asked) for one in there.values()) == PROJECTS_ASKED * WORDS_ASKED
