"""Every button of a message and of App Home: its label, and what it asks before it does anything."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bot.domain.orders import Way
from bot.domain.restoring.restorations import Restoration
from bot.slack import ids
from bot.slack.views.blocks import BUTTON_CHARACTERS, button, plain
from bot.slack.views.mrkdwn import cut_in_the_middle, plural, shortened, utc_in_words

BUTTON_LABEL_CHARACTERS = 30
"""The length that Slack shows of a label, at least on a phone (Block Kit, button)."""

CONFIRM_CHARACTERS = 300
CONFIRM_NAMED = 5
CONFIRM_NAME_CHARACTERS = 32
CONFIRM_BACK = 3
"""Disks named with their moments: with the shortest names of what is lost they fill the dialog."""

Button = dict[str, Any]

# --- to begin ---------------------------------------------------------------------------------------------------------


def new_snapshot(where: str) -> Button:
    return button(ids.NEW_SNAPSHOT, "New Snapshot", where, style="primary")


def choose_disks() -> Button:
    return button(ids.NEW_SNAPSHOT, "Choose Disks", "pick")


def choose_disks_now() -> Button:
    return button(ids.NEW_SNAPSHOT, "Choose Disks Now", "pick")


def bind_channel() -> Button:
    return button(ids.BIND, "Bind This Channel…", "bind")


def open_form(form_id: str) -> Button:
    return button(ids.OPEN_FORM, "Open the Form", form_id)


def in_project(alias: str, number: int, value: str) -> Button:
    """Gives the order once more, with this project."""
    label = cut_in_the_middle(alias, BUTTON_LABEL_CHARACTERS)
    return button(f"{ids.IN_PROJECT}.{number}", label, value, spoken=f"Ask for it in {alias}")


# --- under a plan, and while something waits --------------------------------------------------------------------------


def back_up(request_id: str, disks: int) -> Button:
    return button(ids.CONFIRM, f"Back up {plural(disks, 'disk')}", request_id, style="primary")


def make_new_disks(request_id: str, disks: int) -> Button:
    return button(ids.CONFIRM, f"Make {plural(disks, 'New Disk')}", request_id, style="primary")


def type_to_overwrite(request_id: str) -> Button:
    """Opens the form; nothing is overwritten by the press."""
    return button(ids.TYPE_TO_CONFIRM, "Type to Overwrite…", request_id, style="danger")


def change_selection(request_id: str) -> Button:
    return button(ids.CHANGE, "Change Selection…", request_id)


def cancel_plan(request_id: str) -> Button:
    return button(ids.CANCEL, "Cancel Plan", request_id)


def cancel(request_id: str, unsent: int, *, sent: bool) -> Button:
    """Calls back the disks that are `unsent`; `sent`: others are on their way already."""
    rest = " What was sent to the cloud already goes on to its end." if sent else ""
    asked = f"{plural(unsent, 'disk')} not sent yet will not be snapshotted.{rest}"
    confirm = _confirm("Cancel", asked, "Cancel Snapshots", "Keep Waiting")
    return {**button(ids.CANCEL, "Cancel", request_id), "confirm": confirm}


def cancel_restoring(request_id: str) -> Button:
    confirm = _confirm("Cancel", "Nothing was touched so far, and nothing will be.", "Cancel Request", "Keep Waiting")
    return {**button(ids.CANCEL, "Cancel", request_id), "confirm": confirm}


# --- of those who may approve -----------------------------------------------------------------------------------------


def approve(request_id: str, *, listed: bool = False) -> Button:
    """`listed`: others like it stand beside it, so a screen reader says which it is."""
    return button(
        ids.APPROVE, "Approve", request_id, "primary", spoken=f"Approve request {request_id}" if listed else ""
    )


def approve_back(request_id: str, way: Way, rows: Sequence[Restoration], *, listed: bool = False) -> Button:
    """Where disks are overwritten it asks once more, with their names and the moment that each goes back to."""
    if way != "overwrite":
        return approve(request_id, listed=listed)
    confirm = _confirm("Agree to overwriting", _overwritten(rows), "Approve", "Not Now")
    return {**approve(request_id, listed=listed), "confirm": confirm}


def _overwritten(rows: Sequence[Restoration]) -> str:
    """Plain text, in which Slack shows no moment in the reader's own zone."""
    shown = [f"{cut_in_the_middle(row.disk.label, 24)} goes back to {_point(row)}" for row in rows[:CONFIRM_BACK]]
    more = [f"and {len(rows) - CONFIRM_BACK} more"] if len(rows) > CONFIRM_BACK else []
    them, kept = ("it", "its safety snapshot") if len(rows) == 1 else ("them", "safety snapshots")
    what = (
        f"{plural(len(rows), 'disk')} will be overwritten: what was written since is lost from {them}, kept in {kept}"
    )
    return f"{what}. {'; '.join([*shown, *more])}."


def _point(row: Restoration) -> str:
    if row.source.taken_at is None:
        return f"snapshot {row.source.snapshot_id[:8]}…"
    return utc_in_words(row.source.taken_at)


def deny(request_id: str, *, listed: bool = False) -> Button:
    return button(ids.DENY, "Deny…", request_id, spoken=f"Deny request {request_id}" if listed else "")


def mark_reviewed(request_id: str, *, listed: bool = False) -> Button:
    return button(
        ids.REVIEW, "Mark Reviewed", request_id, spoken=f"Mark request {request_id} reviewed" if listed else ""
    )


# --- when it has ended ------------------------------------------------------------------------------------------------


def post_mortem(request_id: str) -> Button:
    return button(ids.POST_MORTEM, "Record for the Post-Mortem", request_id)


def restore(request_id: str, *, listed: bool = False) -> Button:
    """Opens the form that asks which way back is meant."""
    return button(ids.RESTORE, "Restore…", request_id, spoken=f"Restore from request {request_id}" if listed else "")


def try_again(request_id: str, *, primary: bool = False) -> Button:
    return button(ids.TRY_AGAIN, "Try Again", request_id, "primary" if primary else None)


def change_and_ask_again(request_id: str) -> Button:
    return button(ids.ASK_AGAIN, "Change and Ask Again", request_id)


def console_page(number: int, label: str, url: str) -> Button:
    return {
        "type": "button",
        "action_id": f"{ids.CONSOLE}.{number}",
        "text": plain(shortened(label, BUTTON_LABEL_CHARACTERS)),
        "accessibility_label": shortened(f"Open {label} in the console", BUTTON_CHARACTERS),
        "url": url,
    }


def newer(page: str) -> Button:
    return button(ids.LIST_NEWER, "Newer", page)


def older(page: str) -> Button:
    return button(ids.LIST_OLDER, "Older", page)


# --- what shall become of restore points ------------------------------------------------------------------------------


def keep_longer(request_id: str, days: int) -> Button:
    return button(ids.EXTEND, f"Keep {plural(days, 'More Day')}", request_id)


def let_go(request_id: str, disks: Sequence[str]) -> Button:
    return delete(request_id, disks, "Let Go…")


def delete(request_id: str, disks: Sequence[str], label: str = "Delete…") -> Button:
    """Asks before it lets restore points go, of the disks named."""
    more = f" and {len(disks) - CONFIRM_NAMED} more" if len(disks) > CONFIRM_NAMED else ""
    named = ", ".join(shortened(one, CONFIRM_NAME_CHARACTERS) for one in disks[:CONFIRM_NAMED])
    snapshots = "the snapshot" if len(disks) == 1 else f"up to {len(disks)} snapshots"
    asked = f"This deletes {snapshots} of {named}{more} ({request_id}). What is deleted can't be brought back."
    shown = button(ids.DELETE, label, request_id, spoken=f"Delete the restore points of request {request_id}")
    return {**shown, "confirm": _confirm("Delete restore points", asked, "Delete", "Keep")}


def delete_for_good(form_id: str) -> Button:
    return button(ids.DELETE_FOR_GOOD, "Delete for Good", form_id, "danger")


def agree(request_id: str, asking: int) -> Button:
    """Agrees to what the message above it names."""
    value = json.dumps({"request": request_id, "asking": asking})
    asked = "The snapshots named above the button will be deleted. What is deleted can't be brought back."
    return {**button(ids.AGREE, "Agree…", value), "confirm": _confirm("Agree to the deletion", asked, "Delete", "Keep")}


def _confirm(title: str, asked: str, yes: str, no: str) -> dict[str, Any]:
    return {
        "title": plain(title),
        "text": plain(shortened(asked, CONFIRM_CHARACTERS)),
        "confirm": plain(yes),
        "deny": plain(no),
        "style": "danger",
    }
