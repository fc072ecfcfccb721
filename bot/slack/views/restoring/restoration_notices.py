"""Replies in the thread of a request whose disks come back: what the cloud took, and what did not come back. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.requests import Request
from bot.domain.restoring.restorations import NOT_BEGUN, Restoration
from bot.domain.transitions import RestorationState
from bot.slack.views.approval import NAMED, NAMES_CHARACTERS
from bot.slack.views.disk_words import disk_names
from bot.slack.views.failure import CAUSES, causes
from bot.slack.views.message import Message, arranged
from bot.slack.views.mrkdwn import code, plural, sentence, shortened
from bot.slack.views.restoring.restoration_words import back_to, point, restored_disk, safety_of

CAUSE_CHARACTERS = 400
_NOT = {"new_disks": "not restored", "overwrite": "not rolled back", "verify": "not proven"}
_STATES = {
    RestorationState.CANCELLED: "not begun",
    RestorationState.UNKNOWN: "unknown",
    RestorationState.CLEARING: "its test disk is still there",
}


def restoring_accepted(order: Restore, rows: Sequence[Restoration]) -> Message:
    """The cloud took it, as a notification."""
    match order.way:
        case "overwrite":
            head = f":rewind: *The cloud is rolling back {plural(len(rows), 'disk')}*"
        case "verify":
            head = f":mag: *The cloud is making {plural(len(rows), 'test disk')}*"
        case "new_disks":
            head = f":inbox_tray: *The cloud is making {plural(len(rows), 'new disk')}*"
    of = back_to if order.way == "overwrite" else point
    lines = [f"• {restored_disk(row)}: {of(row)}{_how_taken(row)}" for row in rows[:CAUSES]]
    if len(rows) > CAUSES:
        lines.append(f"… and {len(rows) - CAUSES} more; the receipt names them all.")
    return arranged([head, *lines])


def _how_taken(row: Restoration) -> str:
    made = f" · disk {code(row.made_id)}" if row.made_id else ""
    return f"{made} · job {code(row.job_id)}" if row.job_id else f"{made} · found after a lost answer"


def restoring_failure(
    request: Request, order: Restore, items: Sequence[Item], rows: Sequence[Restoration], command: str
) -> Message:
    """Causes, and what to do about each kind of end; of safety snapshots, `items`, that none was made."""
    if items:
        head = f":x: *{plural(len(items), 'disk')} without a safety snapshot: nothing is overwritten*"
        return arranged([head, *causes(items)])
    return arranged([_head(order, rows), *restoring_causes(rows), *what_now(request, order, (), rows, command)])


def _head(order: Restore, rows: Sequence[Restoration]) -> str:
    what = plural(len(rows), "snapshot" if order.way == "verify" else "disk")
    if all(row.state is RestorationState.CLEARING for row in rows):
        return f":broom: *{plural(len(rows), 'test disk')} not deleted yet*"
    unknown = sum(row.state is RestorationState.UNKNOWN for row in rows)
    if unknown == len(rows):
        return f":grey_question: *{what}: I can't know what came of it*"
    among = f", of {unknown} of them I can't know it" if unknown else ""
    return f":x: *{what} {_NOT[order.way]}{among}*"


def restoring_causes(rows: Sequence[Restoration], elsewhere: str = "") -> list[str]:
    """A line for each; those that ended alike, and for the same reason, have one together."""
    alike: dict[tuple[str, str], list[Restoration]] = {}
    for row in rows:
        alike.setdefault((_state_in_words(row), row.cause), []).append(row)
    lines = [_cause_in_words(together) for together in alike.values()]
    if len(lines) > CAUSES:
        lines = [*lines[:CAUSES], f"… and {len(lines) - CAUSES} more{elsewhere}."]
    return lines


def _cause_in_words(rows: Sequence[Restoration]) -> str:
    cause = sentence(shortened(rows[0].cause or "the cloud gave no reason", CAUSE_CHARACTERS))
    names = disk_names([row.disk for row in rows], NAMED, NAMES_CHARACTERS)
    return f"• {names}: {_state_in_words(rows[0])} — {cause}"


def _state_in_words(row: Restoration) -> str:
    made = f" (disk {code(row.made_id)})" if row.made_id else ""
    return f"{_STATES.get(row.state, 'failed')}{made}"


def what_now(
    request: Request, order: Restore, items: Sequence[Item], rows: Sequence[Restoration], command: str
) -> list[str]:
    """The next step, for each kind of end there is among them; `items` are the safety snapshots of the request."""
    if not rows:
        return []
    states = {row.state for row in rows}
    again = code(f"{command} {'verify' if order.way == 'verify' else 'restore'} {order.of}")
    if order.way == "new_disks":
        return [f"*What now:* {again} asks for it once more. The disks themselves were not touched."]
    if states == {RestorationState.CLEARING}:
        return ["I go on trying until it is gone; it is charged until then. In the console it can be deleted as well."]
    if order.way == "verify":
        return [f"*What now:* don't count on it before it is proven: {again}, or make a new snapshot."]
    return _after_overwriting(request, order, items, rows, command)


def _after_overwriting(
    request: Request, order: Restore, items: Sequence[Item], rows: Sequence[Restoration], command: str
) -> list[str]:
    once_more, before = order.of, request.id
    if len(rows) == 1:
        safety = safety_of(rows[0], items)
        once_more, before = rows[0].source.snapshot_id, (safety and safety.snapshot_id) or request.id
    over, back = code(f"{command} restore {once_more} overwrite"), code(f"{command} restore {before} overwrite")
    told = []
    if any(row.code == NOT_BEGUN for row in rows):
        told.append(
            "*What now:* what was not rolled back is as it was, and other disks of this request are not: bring them "
            f"together again. {over} rolls it back as well; {code(f'{command} restore {request.id} overwrite')} makes "
            "the others what they were."
        )
    if any(row.state is RestorationState.FAILED and row.code != NOT_BEGUN for row in rows):
        anew, kept = code(f"{command} restore {once_more}"), code(f"{command} restore {before}")
        told.append(
            "*What now:* a disk whose roll-back failed may hold a mixture: attach it to nothing. As it is, no safety "
            f"snapshot of it can be made, so take a new disk: {anew} with what it was to go back to, {kept} with what "
            "it held before."
        )
    if any(row.state is RestorationState.UNKNOWN for row in rows):
        told.append(
            "*What now:* where it is unknown, the disk may be as before or rolled back: look at it in the console, "
            f"EVS, Disks, before you attach it. From its safety snapshot it becomes what it was: {back}."
        )
    if all(row.state is RestorationState.CANCELLED for row in rows):
        told.append(
            f"*What now:* once the cause is mended, ask again: {code(f'{command} restore {order.of} overwrite')}. "
            "Safety snapshots that were made stay until somebody deletes them."
        )
    return told
