"""The lines of the log about what was written: one for each edge that a row takes, and one for each row of the audit
trail that no edge tells. A fixed sentence with facts beside it: ids, and nothing that people typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.audit import BEFORE_POST, PROVE, AuditEntry
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import Deletion
from bot.domain.denials import UNKNOWN_PROJECT
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.roles import Action
from bot.domain.transitions import AttemptEvent, DeletionEvent, RequestEvent

Facts = Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class LogLine:
    """It is written once the transaction that says so is committed. Facts that are None or "" are left out."""

    sentence: str
    facts: Facts


REQUEST_LINES: Mapping[RequestEvent, str] = {
    RequestEvent.RECEIVE: "request recorded",
    RequestEvent.PLAN: "request waits to be confirmed",
    RequestEvent.ASK_OTHERS: "request waits for approval",
    RequestEvent.AGREE: "request waits for further approval",
    RequestEvent.RUN: "request set going",
    RequestEvent.CHANGE: "request is planned anew",
    RequestEvent.FINISH: "request finished",
    RequestEvent.DENY: "request denied",
    RequestEvent.DROP: "request dropped",
}
PLANNED = "request planned"

ITEM_LINES: Mapping[AttemptEvent, str] = {
    AttemptEvent.SEND: "snapshot asked of the cloud",
    AttemptEvent.LOSE: "snapshot uncertain: no answer; it is looked for",
    AttemptEvent.TAKE: "snapshot accepted by the cloud",
    AttemptEvent.WAIT: "snapshot waits to be asked for",
    AttemptEvent.JOIN: "snapshot joined to that of another request",
    AttemptEvent.FREE: "snapshot no longer joined: the other came to nothing",
    AttemptEvent.FINISH: "snapshot available",
    AttemptEvent.FAIL: "snapshot failed",
    AttemptEvent.CANCEL: "snapshot not made",
    AttemptEvent.GIVE_UP: "snapshot unknown",
}
ITEM_FOUND = "snapshot found in the cloud"

GROUP_LINES: Mapping[AttemptEvent, str] = {
    AttemptEvent.SEND: "group asked of the cloud",
    AttemptEvent.LOSE: "group uncertain: no answer; it is looked for",
    AttemptEvent.TAKE: "group accepted by the cloud",
    AttemptEvent.WAIT: "group waits to be asked for",
    AttemptEvent.END: "group done",
    AttemptEvent.SPLIT: "group split into single snapshots",
}
RESTORATION_LINES: Mapping[AttemptEvent, str] = {
    AttemptEvent.SEND: "restoration asked of the cloud",
    AttemptEvent.LOSE: "restoration uncertain: no answer; it is looked for",
    AttemptEvent.TAKE: "restoration accepted by the cloud",
    AttemptEvent.WAIT: "restoration waits to be asked for",
    AttemptEvent.CLEAR: "test disk is being deleted",
    AttemptEvent.RESTORE: "disk restored",
    AttemptEvent.FALL_SHORT: "disk not restored",
    AttemptEvent.CANCEL: "restoration not begun",
    AttemptEvent.GIVE_UP: "restoration unknown",
}
RESTORATION_FOUND = "restoration found in the cloud"

GROUP_FOUND = "group found in the cloud"

DELETION_LINES: Mapping[DeletionEvent, str] = {
    DeletionEvent.ASK: "deletion waits for agreement",
    DeletionEvent.AGREE: "deletion waits for further agreement",
    DeletionEvent.GO: "deletion agreed to",
    DeletionEvent.VANISH: "snapshot deleted",
    DeletionEvent.KEEP: "snapshot kept",
}
DELETE_SENT = "deletion asked of the cloud"

DECIDED = {"allowed": "allowed", "denied": "denied", "asked": "asked back", "done": "done", "failed": "failed"}
BY_RULE = {"break-glass": "allowed without approval", "reviewed": "request reviewed"}
DONE = {
    "grant": "grant added",
    "revoke": "grant revoked",
    "expire": "grant expired",
    "bind": "channel bound",
    "unbind": "channel unbound",
    "snapshot": "snapshot noticed to be gone",
    "clear": "deletion of a test disk asked of the cloud",
}
"""The sentences of the trail: by outcome; by rule and by action, where that says more."""

_REQUEST_ID = re.compile(r"(r-[0-9a-z]{8})(-[gr]?[0-9]+)?")
_OF_ACTION = {
    Action.CREATE: "project",
    Action.RESTORE: "project",
    "grant": "project",
    "revoke": "project",
    "expire": "project",
}
_TOLD_BY_EDGES = {("snapshot", "available"), ("snapshot", "failed"), ("snapshot", "unknown")}


def request_line(request: Request, delivery: str | None = None) -> LogLine | None:
    """The edge by which a request came here. None: it took none."""
    if request.moved_by is None:
        return None
    facts: dict[str, str | int | float | None] = {
        "request": request.id,
        "actor": request.actor_id,
        "project": request.project,
        "rule": request.rule,
    }
    if request.moved_by is RequestEvent.RECEIVE:
        facts |= {"channel": request.place.channel_id, "delivery": delivery}
    if request.moved_by is RequestEvent.ASK_OTHERS:
        facts["approvals"] = request.approvals_needed
    if request.ended_at is not None:
        facts["seconds"] = round((request.ended_at - request.created_at).total_seconds(), 1)
    return LogLine(REQUEST_LINES[request.moved_by], facts)


def planned_line(request: Request, disks: int, groups: int) -> LogLine:
    facts = {"request": request.id, "actor": request.actor_id, "project": request.project}
    return LogLine(PLANNED, {**facts, "disks": disks, "groups": groups})


def item_line(item: Item) -> LogLine | None:
    """The same of an item."""
    if item.moved_by is None:
        return None
    found = item.moved_by is AttemptEvent.TAKE and item.job_id is None
    facts: dict[str, str | int | float | None] = {
        "item": item.id,
        "request": item.request_id,
        "project": item.project,
        "disk": item.disk.id,
        "snapshot": item.snapshot_id,
        "job": item.job_id,
        "group": item.consistency_group_id,
        "joined_to": item.joined_to,
        "code": item.code,
        "cloud_request": item.answer_id,
    }
    if item.ended_at and item.submitted_at:
        facts["seconds"] = round((item.ended_at - item.submitted_at).total_seconds(), 1)
    return LogLine(ITEM_FOUND if found else ITEM_LINES[item.moved_by], facts)


def group_line(group: ConsistencyGroup) -> LogLine | None:
    """The same of a consistency group."""
    if group.moved_by is None:
        return None
    found = group.moved_by is AttemptEvent.TAKE and group.job_id is None
    facts = {
        "group": group.id,
        "request": group.request_id,
        "project": group.project,
        "cloud_group": group.cloud_id,
        "job": group.job_id,
        "code": group.code,
        "cloud_request": group.answer_id,
    }
    return LogLine(GROUP_FOUND if found else GROUP_LINES[group.moved_by], facts)


def restoration_line(one: Restoration) -> LogLine | None:
    """The same of a restoration."""
    if one.moved_by is None:
        return None
    found = one.moved_by is AttemptEvent.TAKE and one.job_id is None
    facts: dict[str, str | int | float | None] = {
        "item": one.id,
        "request": one.request_id,
        "project": one.project,
        "way": one.way,
        "disk": one.disk.id,
        "snapshot": one.source.snapshot_id,
        "made": one.made_id,
        "job": one.job_id,
        "code": one.code,
        "cloud_request": one.answer_id,
    }
    if one.ended_at and one.submitted_at:
        facts["seconds"] = round((one.ended_at - one.submitted_at).total_seconds(), 1)
    return LogLine(RESTORATION_FOUND if found else RESTORATION_LINES[one.moved_by], facts)


def deletion_line(deletion: Deletion) -> LogLine | None:
    """The same of a deletion."""
    return LogLine(DELETION_LINES[deletion.moved_by], _of(deletion)) if deletion.moved_by else None


def delete_sent_line(deletion: Deletion) -> LogLine:
    return LogLine(DELETE_SENT, _of(deletion))


def _of(deletion: Deletion) -> Facts:
    return {
        "item": deletion.item_id,
        "request": deletion.request_id,
        "actor": deletion.asked_by,
        "project": deletion.project,
        "disk": deletion.disk_id,
        "snapshot": deletion.snapshot_id,
    }


def audit_line(entry: AuditEntry) -> LogLine | None:
    """A row of the trail. None: an edge tells it, which is taken in the same transaction."""
    before_post = entry.details.get("hop") == BEFORE_POST and entry.outcome == "allowed"
    over = entry.action in (Action.DELETE, Action.RESTORE, PROVE) and entry.outcome in ("done", "failed")
    if before_post or over or (entry.action, entry.rule) in _TOLD_BY_EDGES:
        return None
    sentence = BY_RULE.get(entry.rule) or DECIDED[entry.outcome]
    if entry.outcome == "done":
        sentence = DONE.get(entry.action, sentence)
    facts = {"action": entry.action, "rule": entry.rule, "actor": entry.actor, **entry.details, **_about(entry)}
    typed = ("project", "about") if entry.rule == UNKNOWN_PROJECT else ()
    return LogLine(sentence, {name: fact for name, fact in facts.items() if name not in typed})


def _about(entry: AuditEntry) -> dict[str, str]:
    """The subject of a row of the trail, by what it is."""
    found = _REQUEST_ID.fullmatch(entry.subject)
    if found is None:
        return {_OF_ACTION.get(entry.action, "about"): entry.subject}
    whole, part = found.groups()
    return {"request": whole} if part is None else {"request": whole, "item": entry.subject}
