"""Orders of proofs, drawn from a seed, in a town that holds what the cloud shows of test disks against the promises."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bot.domain.snapshots import REQUEST_TAG, TEST_TAG
from bot.simulator.cloud.resources import Disk
from tests.e2e.conftest import part
from tests.simulation.seeded import now
from tests.simulation.story import Act, Story
from tests.simulation.town import Town
from tests.simulation.way_back_story import READS, SOURCES, UNANSWERED

ASKED_AT = 60.0
A_SWEEP_S = 7 * 3600.0
"""Longer than the time between two looks for test disks that were left behind."""

CHANNEL = "#inc-demo"
_PROVEN = re.compile(r"(\d+) of \d+ snapshots? proven")


class ProofTown(Town):
    project_lines = "restore = true\n"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.crowds: list[str] = []
        """Moments at which two test disks were there."""

    async def backs_up(self, text: str) -> None:
        for _ in range(5):
            await self.say("alice", CHANNEL, text, 0)
            if self.accepted:
                return

    async def proves(self) -> None:
        await self.say("alice", CHANNEL, f"verify {self.accepted[0]}" if self.accepted else "verify r-00000000", 0)

    def _on_cloud_call(self, entry: dict[str, Any]) -> None:
        super()._on_cloud_call(entry)
        if entry["operation"] not in ("create_volume", "delete_volume"):
            return
        self._comes("way back")
        if len(there := list(self.test_disks())) > 1:
            self.crowds.append(f"test disks beside each other: {', '.join(disk.tags[REQUEST_TAG] for disk in there)}")

    def test_disks(self) -> Iterator[Disk]:
        for disk in self.cloud.world.disks.values():
            if TEST_TAG in disk.tags and disk.status_at(now(self.loop)):
                yield disk

    def further_problems(self) -> list[str]:
        left = [f"a test disk of {disk.tags[REQUEST_TAG]} is left: {disk.status}" for disk in self.test_disks()]
        made = Counter(disk.tags[REQUEST_TAG] for disk in self.cloud.world.disks.values() if TEST_TAG in disk.tags)
        doubled = [f"{number} test disks were made for {tag}" for tag, number in made.items() if number > 1]
        return [*left, *doubled, *self.crowds, *self._untrue(made)]

    def _untrue(self, made: Counter[str]) -> Iterator[str]:
        for message in self.slack.messages(CHANNEL):
            request, kind = part(message) or ("", "")
            found = _PROVEN.search(message.text) if kind == "receipt" else None
            ordered = sum(tag.startswith(f"{request}-") for tag in made)
            if found and int(found[1]) > ordered:
                yield f"{request} says {found[0]!r}, and {ordered} test disks were made for it"


def drawn_proof(seed: int) -> Story:
    rng = random.Random(f"{seed}/proof")
    acts = [Act(1.0, "backs_up", {"text": rng.choice(SOURCES)})]
    acts += [Act(ASKED_AT + at, "proves") for at in (0.0, rng.uniform(0, 5), 60.0)[: rng.choice([1, 1, 2, 3])]]
    acts += [Act(rng.uniform(ASKED_AT, 200), "kill", _kill(rng)) for _ in range(rng.choice([0, 1, 2, 3]))]
    acts += [Act(rng.uniform(ASKED_AT - 5, 180), "cloud_fault", _fault(rng)) for _ in range(rng.choice([0, 1, 2, 4]))]
    acts += [Act(rng.uniform(ASKED_AT, 180), "break_connections") for _ in range(rng.choice([0, 0, 1]))]
    return Story(
        seed,
        sorted(acts, key=lambda act: act.at),
        socket_mode=rng.random() < 0.8,
        making_s=rng.choice([(0.5, 1.0), (2.0, 8.0), (10.0, 40.0)]),
        wire_s=rng.choice([0.001, 0.004, 0.1]),
        shuffles=rng.random() < 0.7,
        goes_on_s=A_SWEEP_S,
    )


def _kill(rng: random.Random) -> dict[str, Any]:
    moment = rng.choices(["at once", "way back", "word", "commit", "asked"], [1, 6, 2, 3, 1])[0]
    delay_s = rng.choice([0.0, rng.uniform(0, 0.01), rng.uniform(0, 0.2), rng.uniform(0, 2)])
    return {"moment": moment, "delay_s": delay_s, "away_s": rng.choice([0.1, 2.0, 20.0, 100.0])}


def _fault(rng: random.Random) -> dict[str, Any]:
    sent = rng.choice(["create_volume", "create_volume", "delete_volume"])
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        *[(sent, rng.choice(UNANSWERED), {})] * 5,
        ("create_volume", "job_fail", {}),
        (sent, rng.choice(["503", "429"]), {"retry_after": rng.choice([1, 10])}),
        (sent, "slow", {"seconds": rng.choice([1, 8, 20])}),
        (sent, "error", {"status": 403, "code": "EVS.2056", "message": "no right"}),
        *[("create_volume", rng.choice(["delayed_visibility", "tag_late"]), {"seconds": rng.choice([2, 20, 200])})] * 2,
        *[(rng.choice(READS), rng.choice([*UNANSWERED, "token_expired"]), {})] * 3,
    ]
    operation, kind, options = rng.choice(kinds)
    return {"operation": operation, "kind": kind, "times": rng.choice([1, 1, 1, 2, 4]), "options": options}
