"""Replies in the thread of a request whose disks come back: what the cloud took, and what did not come back. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.requests import Request
from bot.domain.restorations import Restoration
from bot.domain.transitions import RestorationState
from bot.slack.views.failure import CAUSES, causes
from bot.slack.views.message import Message, arranged
from bot.slack.views.mrkdwn import code, plural, sentence, shortened
from bot.slack.views.restoring.restoration_words import back_to, point, restored_disk

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
    return arranged([_head(order, rows), *restoring_causes(rows), *what_now(request, order, rows, command)])


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
    lines = [f"• {_cause_in_words(row)}" for row in rows[:CAUSES]]
    if len(rows) > CAUSES:
        lines.append(f"… and {len(rows) - CAUSES} more{elsewhere}.")
    return lines


def _cause_in_words(row: Restoration) -> str:
    cause = sentence(shortened(row.cause or "the cloud gave no reason", CAUSE_CHARACTERS))
    made = f" (disk {code(row.made_id)})" if row.made_id else ""
    return f"{restored_disk(row)}: {_STATES.get(row.state, 'failed')}{made} — {cause}"


def what_now(request: Request, order: Restore, rows: Sequence[Restoration], command: str) -> list[str]:
    """The next step, for each kind of end there is among them."""
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
    told = []
    over, back = code(f"{command} restore {order.of} overwrite"), code(f"{command} restore {request.id} overwrite")
    if RestorationState.FAILED in states:
        told.append(
            "*What now:* a disk whose roll-back failed may hold a mixture: attach it to nothing. Roll it back again: "
            f"{over}; or to what it held before, from its safety snapshot: {back}."
        )
    if RestorationState.UNKNOWN in states:
        told.append(
            "*What now:* where it is unknown, the disk may be as before or rolled back: look at it in the console, "
            f"EVS, Disks, before you attach it. From its safety snapshot it becomes what it was: {back}."
        )
    if states == {RestorationState.CANCELLED}:
        told.append(f"*What now:* nothing was overwritten. Once the cause is mended: {over}.")
    return told
