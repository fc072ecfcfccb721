"""Disks that came back, each told in one row: who asked, confirmed and agreed, what was kept before, how it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.audit import BEFORE_POST, PROVE
from bot.domain.restoring.restorations import NOT_BEGUN
from bot.domain.roles import Action
from bot.domain.transitions import RestorationState
from bot.store.trail.search import Facts, details_of, request_of

UNDER_WAY = "under-way"
"""The rule of what was sent and has no end in the period."""


@dataclass(slots=True)
class _Asked:
    """A request that restores, as its rows tell it: `safety` by disk, `begun` by restoration."""

    way: str
    requester: str | None = None
    confirmed: Facts = field(default_factory=dict)
    agreed_by: list[str] = field(default_factory=list)
    safety: dict[str, Facts] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Restorations:
    """Follows the requests that restore from row to row. `at` is the moment of a row as it is shown."""

    _asked: dict[str, _Asked] = field(default_factory=dict)
    _under_way: dict[str, Facts] = field(default_factory=dict)

    def told(self, row: Mapping[str, Any], at: str) -> Facts:
        """The story of its request up to this row; nothing where that restores nothing."""
        details, request = details_of(row), request_of(row) or ""
        if (way := details.get("way")) is not None:
            self._asked.setdefault(request, _Asked(str(way)))
        asked = self._asked.get(request)
        if asked is None:
            return {}
        _follow(asked, row, details, at)
        ended_unbegun = row["rule"] == RestorationState.CANCELLED or details.get("code") == NOT_BEGUN
        begun = not ended_unbegun and row["outcome"] != "denied"
        return {
            "way": way or asked.way,
            **({"requester": asked.requester} if asked.requester else {}),
            **asked.confirmed,
            "agreed_by": " ".join(asked.agreed_by),
            **asked.safety.get(str(details.get("disk")), {}),
            "begun_at": asked.begun.get(str(row["subject"])) if begun else None,
        }

    def within(self, row: Mapping[str, Any], facts: Facts) -> None:
        """A row of the period with its facts: what is sent is under way until a row tells its end."""
        if _is_sent(row):
            self._under_way[row["subject"]] = {**facts, "outcome": "", "rule": UNDER_WAY}
        else:
            self._under_way.pop(row["subject"], None)

    def under_way(self) -> Iterator[Facts]:
        """In the order in which they were sent."""
        yield from self._under_way.values()


def is_end(row: Mapping[str, Any]) -> bool:
    """Whether it tells how one disk came back, or that it was not to."""
    if row["outcome"] == "allowed" or row["action"] not in (Action.RESTORE, PROVE):
        return False
    return row["outcome"] != "denied" or _is_before_post(row)


def _is_before_post(row: Mapping[str, Any]) -> bool:
    """Of a disk that comes back; the row of a safety snapshot names none."""
    details = details_of(row)
    return row["action"] == Action.RESTORE and details.get("hop") == BEFORE_POST and "snapshot" in details


def _is_sent(row: Mapping[str, Any]) -> bool:
    return row["outcome"] == "allowed" and _is_before_post(row)


def _follow(asked: _Asked, row: Mapping[str, Any], details: Mapping[str, Any], at: str) -> None:
    action, hop = row["action"], details.get("hop")
    if hop in ("plan", BEFORE_POST):
        asked.requester = row["actor"]
    if action == "snapshot" and row["rule"] == "available":
        safety = {"safety_snapshot": details.get("snapshot"), "safety_made_at": at}
        asked.safety[str(details.get("disk"))] = safety
    elif row["outcome"] != "allowed":
        return
    elif hop == "confirm":
        asked.confirmed = {"confirmed_by": row["actor"], "confirmed_at": at}
    elif action == Action.APPROVE:
        asked.agreed_by.append(row["actor"])
    elif _is_sent(row):
        asked.begun[row["subject"]] = at
