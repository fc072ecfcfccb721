"""Bugs of ways back put in on purpose, each with a story in which it does its harm: the judge has to find them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from bot.domain.attempts import waiting
from bot.store import restorations
from bot.workflow import check_before_sending
from bot.workflow.actions import confirm
from bot.workflow.jobs import new_disk, roll_back
from tests.simulation.story import Act, Story
from tests.simulation.way_back_judge import DOUBLED, HALF, NO_OTHER, NO_SAFETY
from tests.simulation.way_back_story import ASKED_AT, DETACHED_AT, SOURCES


def a_story(way: str, *wrong: Act, agreed: bool = True) -> Story:
    """Three disks, all said in time."""
    said = [
        Act(1.0, "backs_up", {"text": SOURCES[1]}),
        Act(DETACHED_AT, "detach"),
        Act(ASKED_AT, "goes_back", {"way": way}),
        Act(ASKED_AT + 6, "goes", {"right": True}),
        *([Act(ASKED_AT + 16, "agrees", {"person": "eng01"})] if agreed else []),
        Act(ASKED_AT + 60, "detach"),
    ]
    return Story(1, sorted([*said, *wrong], key=lambda act: act.at), making_s=(2.0, 8.0))


def _fault(operation: str, kind: str, times: int = 1, **options: Any) -> Act:
    facts = {"operation": operation, "kind": kind, "times": times, "options": options}
    return Act(ASKED_AT + 3, "cloud_fault", facts)


@dataclass(frozen=True, slots=True)
class Bug:
    """`instead` names what is replaced, by where it stands; `word` is in the sentence of the judge."""

    story: Story
    instead: Mapping[tuple[Any, str], Any]
    word: str

    @contextmanager
    def put_in(self) -> Iterator[None]:
        with ExitStack() as undone:
            for (owner, name), other in self.instead.items():
                undone.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, other)
            yield


async def _sent_again(self: Any, case: Any, lost: Sequence[Any], now: Any) -> float:
    again = [replace(waiting(row, now, until=now, cause=""), in_doubt=False) for row in lost]
    await self.store.save_restorations(again)
    return 0.0


async def _ordered_again(self: Any, one: Any, request: Any, now: Any) -> float:
    await self.store.save_restorations([replace(waiting(one, now, until=now, cause=""), in_doubt=False)])
    return 0.0


async def _given_up(self: Any, case: Any, planned: Sequence[Any], now: Any) -> None:
    await self._call_off(planned, "It was not begun.", "")


def _always(answer: Any) -> Any:
    return lambda *_: answer


_NO_GUARD = {(restorations, "_is_safe"): _always(True)}

BUGS = {
    "unsafe": Bug(
        a_story("overwrite", _fault("create_snapshot", "job_fail")),
        {
            (roll_back, "safe"): lambda rows, items: all(item.ended for item in items),
            (roll_back, "unsafe"): _always(""),
            (roll_back, "not_yet"): _always(""),
            **_NO_GUARD,
        },
        NO_SAFETY,
    ),
    "alone": Bug(
        a_story("overwrite", agreed=False),
        {(confirm, "approvals_for"): _always(0), (check_before_sending, "approvals_for"): _always(0), **_NO_GUARD},
        NO_OTHER,
    ),
    "sent-again": Bug(
        a_story("overwrite", _fault("rollback_snapshot", "drop_after")),
        {(roll_back.RollBacker, "_look"): _sent_again},
        NO_SAFETY,  # the one that there is was for the first time
    ),
    "given-up": Bug(
        a_story("overwrite", _fault("rollback_snapshot", "503", volume_id="d15c0000-0002-4000-8000-000000000002")),
        {(roll_back.RollBacker, "_complete"): _given_up},
        HALF,
    ),
    "ordered-again": Bug(
        a_story("", _fault("create_volume", "drop_after")),
        {(new_disk.DiskMaker, "_look"): _ordered_again, (new_disk, "client_token"): lambda _: str(uuid.uuid4())},
        DOUBLED,
    ),
}
