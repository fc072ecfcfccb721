"""The judge of ways back. It looks from outside alone: at what the cloud did and holds, at what people said and when,
and at the messages that stand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.domain.snapshots import REQUEST_TAG
from bot.simulator.cloud import Snapshot

if TYPE_CHECKING:
    from tests.simulation.way_back_town import Asked, BackTown

_LINE = re.compile(r"^• (?P<disks>\*[^*]+\*(?:, \*[^*]+\*)*): (?P<words>.*)$", re.MULTILINE)
NO_SAFETY, NO_OTHER, NOT_TYPED = (
    "without its safety snapshot",
    "without a second person",
    "without what has to be typed",
)
HALF, DOUBLED, UNTRUE = "half-started", "doubled", "untruthful"


@dataclass(frozen=True, slots=True)
class RollBack:
    """One that the cloud carried out, whatever it told who asked."""

    snapshot_id: str
    disk_id: str
    at: datetime


def roll_backs(town: BackTown) -> list[RollBack]:
    done = [one for one in town.cloud.calls("rollback_snapshot") if one["processed"]]
    return [
        RollBack(one["path"].split("/")[-2], one["body"]["rollback"]["volume_id"], datetime.fromisoformat(one["at"]))
        for one in done
    ]


def _told(receipt: str) -> dict[str, str]:
    """What a receipt says of each disk it names."""
    lines = [(re.findall(r"\*([^*]+)\*", found["disks"]), found["words"]) for found in _LINE.finditer(receipt)]
    return {disk: words for disks, words in lines for disk in disks}


def broken_ways_back(town: BackTown) -> Iterator[str]:
    """Each promise that does not hold, in words."""
    judge = _Judge(town)
    yield from judge.against_the_order()
    yield from judge.half_started()
    yield from judge.doubled()
    yield from judge.untruthful()


class _Judge:
    def __init__(self, town: BackTown) -> None:
        self._town = town
        self._of: dict[tuple[str, str], RollBack] = {}
        self._problems: list[str] = []
        for one in roll_backs(town):
            self._assign(one)

    def _assign(self, one: RollBack) -> None:
        """Which request it is of: one with a finished safety snapshot of the disk that was not served yet; of several
        the first that says so. With fewer roll-backs than requests that say so, one of those is untruthful.
        """
        fitting = [
            asked
            for asked in self._overwrites()
            if (asked.request, one.disk_id) not in self._of and self._had_safety(asked, one)
        ]
        if not fitting:
            self._problems.append(f"the disk {one.disk_id} was rolled back at {one.at:%H:%M:%S} {NO_SAFETY}")
            return
        asked = min(fitting, key=lambda asked: not self._claims(asked, one.disk_id))
        self._of[asked.request, one.disk_id] = one
        self._check_people(asked, one)

    def _claims(self, asked: Asked, disk_id: str) -> bool:
        receipts = self._town.messages_of(asked.request, "receipt")
        told = _told(receipts[-1].text) if receipts else {}
        words = told.get(self._town.cloud.world.disks[disk_id].name, "")
        return words.startswith(("rolled back", "failed"))

    def _overwrites(self) -> list[Asked]:
        return [one for one in self._town.asked if one.way == "overwrite"]

    def _had_safety(self, asked: Asked, one: RollBack) -> bool:
        return any(
            snapshot.ready_at is not None and snapshot.ready_at <= one.at and self._stood(snapshot, one.at)
            for snapshot in self._safety(asked, one.disk_id)
        )

    def _safety(self, asked: Asked, disk_id: str) -> list[Snapshot]:
        """The snapshots of a disk that bear the tag of a request."""
        made = self._town.cloud.world.snapshots.values()
        of_disk = [one for one in made if one.volume_id == disk_id and one.outcome == "available"]
        return [one for one in of_disk if one.tags.get(REQUEST_TAG, "").startswith(f"{asked.request}-")]

    def _stood(self, snapshot: Snapshot, at: datetime) -> bool:
        return self._town.lost.get(snapshot.id, at) >= at

    def _check_people(self, asked: Asked, one: RollBack) -> None:
        others = [said for said in self._town.agreed if said.request == asked.request and said.person != asked.person]
        if not any(said.at <= one.at for said in others):
            self._problems.append(f"{asked.request} rolled {one.disk_id} back {NO_OTHER}")
        typed = [said for said in self._town.typed if said.request == asked.request and said.words != "web-02"]
        if not any(said.at <= one.at for said in typed):
            self._problems.append(f"{asked.request} rolled {one.disk_id} back {NOT_TYPED}")

    def against_the_order(self) -> Iterator[str]:
        yield from self._problems

    def _begun(self, request: str) -> set[str]:
        return {disk for whose, disk in self._of if whose == request}

    def half_started(self) -> Iterator[str]:
        """Of the disks of one order all are rolled back, or none."""
        for asked in self._overwrites():
            begun, meant = self._begun(asked.request), {disk.id for disk in self._town.disks()}
            lost = {disk for disk in meant for one in self._safety(asked, disk) if one.id in self._town.lost}
            if begun and not meant <= begun | lost:
                yield f"{asked.request} is {HALF}: {len(begun)} of {len(meant)} disks were rolled back"

    def doubled(self) -> Iterator[str]:
        tags = Counter(
            disk.tags[REQUEST_TAG] for disk in self._town.cloud.world.disks.values() if REQUEST_TAG in disk.tags
        )
        for tag, number in tags.items():
            if number > 1:
                yield f"{number} disks were made for {tag}: {DOUBLED}"

    # --- what people read ---------------------------------------------------------------------------------------------

    def untruthful(self) -> Iterator[str]:
        for asked in self._town.asked:
            for problem in self._end_of(asked):
                yield f"{asked.request} ({asked.way or 'new disks'}) is {UNTRUE}: {problem}"

    def _end_of(self, asked: Asked) -> Iterator[str]:
        roots = self._town.messages_of(asked.request, "status")
        text = roots[-1].text if roots else ""
        done = self._begun(asked.request) if asked.way == "overwrite" else set(self._made(asked))
        if "nothing was" in text.lower() and ("dropped" in text or "denied" in text or "cancelled" in text) and done:
            yield f"it says that nothing was done, and {sorted(done)} were"
        receipts = self._town.messages_of(asked.request, "receipt")
        if done and not receipts:
            yield "it did something and has no receipt"
        for receipt in receipts[-1:]:
            yield from self._receipt(asked, receipt.text)

    def _made(self, asked: Asked) -> Iterator[str]:
        for disk in self._town.cloud.world.disks.values():
            if disk.tags.get(REQUEST_TAG, "").startswith(f"{asked.request}-"):
                yield disk.id

    def _receipt(self, asked: Asked, text: str) -> Iterator[str]:
        names = {disk.name: disk for disk in self._town.disks()}
        told = _told(text)
        missing = [name for name in names if name not in told]
        if missing and self._begun(asked.request):
            yield f"its receipt leaves out {missing}"
        for name, words in told.items():
            disk = names.get(name)
            if disk is not None:
                yield from self._line(asked, disk.id, words)

    def _went_wrong(self, disk_id: str) -> bool:
        return bool(self._town.cloud.world.disks[disk_id].status_at(self._town.moment) == "error_rollbacking")

    def _line(self, asked: Asked, disk_id: str, words: str) -> Iterator[str]:
        done = (asked.request, disk_id) in self._of
        if asked.way == "overwrite":
            if words.startswith("rolled back") and not done:
                yield f"{disk_id} was not rolled back, and it says {words[:80]!r}"
            if words.startswith("not begun") and done:
                yield f"{disk_id} was rolled back, and it says {words[:80]!r}"
            if words.startswith("failed") and done and not self._went_wrong(disk_id):
                yield f"{disk_id} was rolled back well, and it says {words[:80]!r}"
            return
        named = re.search(r"new disk `([^`]+)`", words)
        if named:
            disk = self._town.cloud.world.disks.get(named[1])
            if disk is None or disk.status_at(self._town.moment) != "available":
                yield f"the new disk {named[1]} is not there, and it says so"
