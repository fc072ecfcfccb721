"""The lines of the status message about disks that come back from snapshots: as planned, and as they stand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bot.domain.items import Item
from bot.domain.orders import Way
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.transitions import ItemState, RestorationState
from bot.slack.views.disk_words import CAUSE_CHARACTERS, LISTED, NAME_CHARACTERS, UNDER, next_try
from bot.slack.views.mrkdwn import code, disk_kind, duration, sentence, shortened, typed
from bot.slack.views.restoring.restoration_words import (
    back_to,
    lost_since,
    point,
    restored_disk,
    safety_is_there,
    safety_of,
)

_SIGNS: Mapping[RestorationState, str] = {
    RestorationState.PLANNED: ":white_circle:",
    RestorationState.SUBMITTING: ":hourglass_flowing_sand:",
    RestorationState.UNCERTAIN: ":mag:",
    RestorationState.RESTORING: ":hourglass_flowing_sand:",
    RestorationState.CLEARING: ":hourglass_flowing_sand:",
    RestorationState.RESTORED: ":white_check_mark:",
    RestorationState.FAILED: ":x:",
    RestorationState.CANCELLED: ":no_entry_sign:",
    RestorationState.UNKNOWN: ":grey_question:",
}
_FEWER = (LISTED, 8, 4, 2, 1)
_FEWEST_CHARACTERS = 60


# --- as planned -------------------------------------------------------------------------------------------------------


def planned_lines(request: Request, rows: Sequence[Restoration], items: Sequence[Item]) -> Iterator[list[str]]:
    """The plan, first as it is shown, then in ever fewer characters. What will be lost is never left out of a line."""
    yield [_planned(request, row, items, CAUSE_CHARACTERS) for row in rows]
    for most in _FEWER:
        lines = [_planned(request, row, (), _FEWEST_CHARACTERS) for row in rows[:most]]
        yield [*lines, *_more(rows, most)]


def _planned(request: Request, row: Restoration, items: Sequence[Item], cause: int) -> str:
    told = {"overwrite": _overwrites, "verify": _proves, "new_disks": _makes}[row.way](request, row, items)
    noted = [sentence(shortened(row.cause, cause))] if row.cause else []
    return UNDER.join([*told, *noted])


def _overwrites(request: Request, row: Restoration, items: Sequence[Item]) -> list[str]:
    state = f"state {code(row.disk.status)}" if row.disk.status else ""
    head = " · ".join(filter(None, (f"• {restored_disk(row)}", disk_kind(row.disk), state)))
    age = ""
    if row.source.taken_at:
        age = f" ({duration((request.created_at - row.source.taken_at).total_seconds())} before it was asked)"
    lost = f"*Lost from the disk: everything written to it {lost_since(row)}*"
    safety = safety_of(row, items)
    kept = f"kept in its safety snapshot {code(safety.snapshot.name or '')}, which is made first" if safety else ""
    return [head, f"goes back to {back_to(row, age)}", lost, *filter(None, (kept,))]


def _makes(request: Request, row: Restoration, items: Sequence[Item]) -> list[str]:
    name = f" → new disk {code(shortened(row.asked.name or '', NAME_CHARACTERS))}" if row.asked else ""
    kind = " · ".join(filter(None, (disk_kind(row.disk), f"zone {typed(row.disk.availability_zone)}")))
    return [f"• {restored_disk(row)}{name} · {kind}", f"from {point(row)}"]


def _proves(request: Request, row: Restoration, items: Sequence[Item]) -> list[str]:
    return [f"• {restored_disk(row)} · {point(row)}", f"test disk of {disk_kind(row.disk)}, deleted afterwards"]


# --- as they stand ----------------------------------------------------------------------------------------------------


def state_lines(rows: Sequence[Restoration], items: Sequence[Item]) -> Iterator[list[str]]:
    """How each disk stands, first as it is shown, then in ever fewer characters, the worst first."""
    shared = rows[0].cause if len(rows) > 1 and len({row.cause for row in rows}) == 1 else ""
    if shared:
        told = [f"      ↳ *All of them{next_try(rows[0])}:* {sentence(shortened(shared, CAUSE_CHARACTERS))}"]
        for lines in state_lines([replace(row, cause="") for row in rows], items):
            yield [*lines, *told]
        return
    if len(rows) <= LISTED:
        yield [_stands(row, items, CAUSE_CHARACTERS) for row in rows]
    worst = sorted(rows, key=lambda row: (_BADLY.get(row.state, len(_BADLY)), row.position))
    for most in _FEWER:
        yield [*(_stands(row, items, _FEWEST_CHARACTERS) for row in worst[:most]), *_more(worst, most)]


_BADLY = {
    RestorationState.UNKNOWN: 0,
    RestorationState.FAILED: 1,
    RestorationState.CLEARING: 2,
    RestorationState.CANCELLED: 3,
    RestorationState.UNCERTAIN: 4,
}


def _more(rows: Sequence[Restoration], most: int) -> list[str]:
    return [f"… and {len(rows) - most} more, in the thread once they end"] if len(rows) > most else []


def _stands(row: Restoration, items: Sequence[Item], cause: int) -> str:
    safety = safety_of(row, items)
    line = f"{_SIGNS[row.state]} {restored_disk(row)} — {_state_in_words(row, safety, items)}"
    why = row.cause or (safety.cause if safety and row.state is RestorationState.PLANNED else "")
    return f"{line}{UNDER}{sentence(shortened(why, cause))}" if why else line


def _state_in_words(row: Restoration, safety: Item | None, items: Sequence[Item]) -> str:
    made = f" {code(row.made_id)}" if row.made_id else ""
    match row.state:
        case RestorationState.PLANNED if safety is not None:
            return _safety_in_words(row, safety, safety_is_there(items))
        case RestorationState.PLANNED:
            return f"waiting{next_try(row)}" if row.cause else "next"
        case RestorationState.SUBMITTING:
            return "asking the cloud"
        case RestorationState.UNCERTAIN:
            return "no clear answer from the cloud, looking what came of it"
        case RestorationState.RESTORING | RestorationState.RESTORED:
            return _way_in_words(row.way, made, row, ended=row.ended)
        case RestorationState.CLEARING if row.proven_at:
            return f"proven{_in_seconds(row)}; its test disk{made} is being deleted"
        case RestorationState.CLEARING:
            return f"not proven; its test disk{made} is being deleted"
        case RestorationState.CANCELLED:
            return "not overwritten" if row.way == "overwrite" else "not begun"
        case RestorationState.UNKNOWN:
            return f"unknown{made}"
        case RestorationState.FAILED:
            return f"failed{made}"


def _way_in_words(way: Way, made: str, row: Restoration, *, ended: bool) -> str:
    match way:
        case "new_disks":
            return f"new disk{made} is there, from {point(row)}" if ended else f"new disk{made} is being made"
        case "overwrite":
            return f"rolled back to {back_to(row)}" if ended else f"being rolled back to {back_to(row)}"
        case "verify":
            return f"proven{_in_seconds(row)}, test disk deleted" if ended else f"test disk{made} is being made"


def _in_seconds(row: Restoration) -> str:
    return f" in {duration(row.proven_in.total_seconds())}" if row.proven_in else ""


def _safety_in_words(row: Restoration, safety: Item, all_there: bool) -> str:
    made = f" {code(safety.snapshot_id)}" if safety.snapshot_id else ""
    match safety.state:
        case ItemState.AVAILABLE if all_there:
            roll_back = f"the roll-back waits{again}" if (again := next_try(row)) else "next: the roll-back"
            return f"safety snapshot{made} is there; {roll_back}"
        case ItemState.AVAILABLE:
            return f"safety snapshot{made} is there, waiting for the others"
        case ItemState.CREATING if safety.progress is not None:
            return f"safety snapshot{made}: creating, {safety.progress} %"
        case ItemState.PLANNED:
            return f"safety snapshot: waiting{next_try(safety)}" if safety.cause else "safety snapshot: next"
        case ItemState.SUBMITTING:
            return "safety snapshot: asking the cloud"
        case ItemState.UNCERTAIN:
            return "safety snapshot: no clear answer from the cloud, looking whether it was made"
        case _:
            return f"safety snapshot{made}: {safety.state}"
