"""The lines of the audit trail: which there are, and what each says. No secret, and nothing that people typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from bot.domain.access import action_of
from bot.domain.actors import Actor
from bot.domain.deletions import Deletion
from bot.domain.forms import Form
from bot.domain.granting import Subject, grant_facts, subject_named_in
from bot.domain.items import Item
from bot.domain.orders import Order, Restore
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.roles import Action, Grant
from bot.domain.transitions import DeletionState, ItemState, RestorationState

BEFORE_POST = "submit"
"""The `hop` in the details of the row that is written before something is sent to the cloud."""

RESTORE_STORE = "restore-store"
"""The action of the row that says that the store was put back from a backup."""

PRUNE_STORE = "prune-store"
"""The action of a row that says which requests are gone because they ended long ago."""

PROVE = "prove"
"""The action of a row that says whether a snapshot could be restored."""

FORGET = "forget"
"""The action of a row that says in which requests the typed words are forgotten."""

BOT = "snapshot-bot"
"""Who acts where no person does."""

Details = dict[str, str | int | None]
Decided = Literal["allowed", "denied", "asked"]
"""`asked`: what was asked for leaves open what it is for, so its person was asked back, and nothing was decided."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the trail. `subject` is an id, `details` small facts: no secret, and nothing that people typed."""

    actor: str
    action: str
    subject: str
    outcome: Literal["allowed", "denied", "asked", "done", "failed"]
    rule: str = ""
    details: Mapping[str, str | int | None] = field(default_factory=dict)


# --- decisions --------------------------------------------------------------------------------------------------------


def denied(actor: str, action: str, subject: str, rule: str, **facts: str | int | None) -> AuditEntry:
    """`actor` is an id, or the name of what acts where no person does."""
    return AuditEntry(actor, action, subject, "denied", rule, facts)


def unknown_id(user_id: str, action: str, subject: str = "") -> AuditEntry:
    """An id that leads to nothing. What was typed is not written down; `subject` is a request that exists."""
    return denied(user_id, action, subject, "unknown-id")


def by_grant(entry: AuditEntry, grant: Grant | None) -> AuditEntry:
    """With the grant that allowed it; None: it was allowed by none."""
    return replace(entry, details={**entry.details, "grant": named_grant(grant)}) if grant else entry


def named_grant(grant: Grant) -> str:
    """A grant as it is told in a row: whom it names, which role, where, where it is kept, until when."""
    until = f" until {grant.expires_at.isoformat()}" if grant.expires_at else ""
    return f"{subject_named_in(grant)} {grant.role} {grant.project} ({grant.source}){until}"


def asked_for(
    user_id: str, alias: str, channel: str, outcome: Decided, rule: str, action: Action = Action.CREATE
) -> AuditEntry:
    """A new request; `action` is what its order needs."""
    return AuditEntry(user_id, action, alias, outcome, rule, {"channel": channel})


def at_plan(entry: AuditEntry, request: Request) -> AuditEntry:
    """A decision that was taken again when the request was planned: it is about the request from then on."""
    facts = {"channel": request.place.channel_id, "request": request.id, "project": entry.subject, "hop": "plan"}
    return replace(entry, subject=request.id, details={**entry.details, **facts, **_way(request.order)})


def before_post(
    request: Request, subject: str, alias: str, disk: str, outcome: Decided, rule: str, grant: Grant | None = None
) -> AuditEntry:
    """`subject` is the item or group that is sent, `disk` an id, or how many there are."""
    details = {"request": request.id, "disk": disk, "project": alias, "hop": BEFORE_POST, **_way(request.order)}
    return by_grant(AuditEntry(request.actor_id, action_of(request.order), subject, outcome, rule, details), grant)


def before_restoration(
    request: Request, one: Restoration, outcome: Decided, rule: str, grant: Grant | None = None
) -> AuditEntry:
    """The same of a disk that comes back. It names the snapshot, which the row of a safety snapshot does not."""
    entry = before_post(request, one.id, one.project, one.disk.id, outcome, rule, grant)
    return replace(entry, details={**entry.details, "snapshot": one.source.snapshot_id})


def of_request(
    actor: Actor, action: str, request: Request, outcome: Decided, rule: str, **facts: str | int
) -> AuditEntry:
    """An action on a request that exists."""
    details = {"project": request.project, "requester": request.actor_id, **_way(request.order), **facts}
    return AuditEntry(actor.user_id, action, request.id, outcome, rule, details)


def _way(order: Order) -> Details:
    """How the disks of a request come back, where they do: each row about it says so."""
    return {"way": order.way} if isinstance(order, Restore) else {}


def of_form(form: Form, action: str, subject: str, rule: str, **facts: int) -> AuditEntry:
    """A problem of a form that came back."""
    return denied(form.user_id, action, subject, rule, channel=form.place.channel_id, hop="form", form=form.id, **facts)


def of_notice(
    subject: Subject, action: str, request: Request, asked_by: str, outcome: Decided, rule: str
) -> AuditEntry:
    """Whether an approver was told of what waits for them."""
    name = str(subject) if subject.kind == "group" else subject.id
    details = {"project": request.project, "requester": asked_by}
    return AuditEntry(name, action, request.id, outcome, rule, details)


# --- readings ---------------------------------------------------------------------------------------------------------


def read_entry(
    user_id: str, asked: str, projects: Iterable[str], channel: str, subject: str = "", *, own: bool = False
) -> AuditEntry:
    """One row for one reading. Of no project nothing can be shown, but what people asked for themselves (`own`)."""
    named = ",".join(sorted(set(projects)))
    outcome: Decided = "allowed" if named or own else "denied"
    rule = "granted" if named else "own-request" if own else "no-grant"
    return AuditEntry(
        user_id, Action.VIEW, subject, outcome, rule, {"asked": asked, "projects": named, "channel": channel}
    )


def not_looked_up(user_id: str, asked: str, channel: str) -> AuditEntry:
    """Who this is could not be learnt, so what they asked for was refused, whatever it was."""
    return not_done(user_id, asked, channel, "lookup-failed")


def not_done(user_id: str, asked: str, channel: str, rule: str) -> AuditEntry:
    """It was asked for too late, or once more: nothing was decided about it, and they are told so."""
    return denied(user_id, "ask", "", rule, asked=asked, channel=channel)


# --- what was done ----------------------------------------------------------------------------------------------------


def snapshot_ended(item: Item, state: ItemState, code: str) -> AuditEntry:
    outcome: Literal["done", "failed"] = "done" if state is ItemState.AVAILABLE else "failed"
    return AuditEntry(BOT, "snapshot", item.id, outcome, str(state), {**_snapshot(item), "code": code})


def restoration_ended(one: Restoration) -> AuditEntry:
    """`one` as it ended; of a proof, as its test disk was made, or not, and is gone."""
    done = one.state is RestorationState.RESTORED
    took = one.proven_in
    details: Details = {
        **_of_restoration(one),
        "made": one.made_id,
        "code": one.code,
        "seconds": round(took.total_seconds()) if took else None,
    }
    action = PROVE if one.way == "verify" else Action.RESTORE
    return AuditEntry(BOT, action, one.id, "done" if done else "failed", str(one.state), details)


def test_disk_deleted(one: Restoration, disk_id: str, rule: str = "") -> AuditEntry:
    """A test disk is about to be deleted. `rule`: `left-behind` where its restoration had ended before."""
    return AuditEntry(BOT, "clear", one.id, "done", rule, {**_of_restoration(one), "made": disk_id})


def _of_restoration(one: Restoration) -> Details:
    return {
        "request": one.request_id,
        "way": one.way,
        "snapshot": one.source.snapshot_id,
        "disk": one.disk.id,
        "project": one.project,
    }


def noticed_gone(item: Item) -> AuditEntry:
    """A snapshot was deleted outside of the bot."""
    return AuditEntry(BOT, "snapshot", item.id, "done", "noticed-gone", _snapshot(item))


def _snapshot(item: Item) -> Details:
    return {
        "request": item.request_id,
        "snapshot": item.snapshot_id,
        "disk": item.disk.id,
        "project": item.project,
    }


def deletion_ended(deletion: Deletion) -> AuditEntry:
    outcome: Literal["done", "failed"] = "done" if deletion.state is DeletionState.DELETED else "failed"
    details = {
        "request": deletion.request_id,
        "snapshot": deletion.snapshot_id,
        "disk": deletion.disk_id,
        "project": deletion.project,
    }
    return AuditEntry(deletion.asked_by, Action.DELETE, deletion.item_id, outcome, str(deletion.state), details)


def extended(actor: Actor, action: str, request: Request, rule: str, days: int) -> AuditEntry:
    """Restore points are kept for so many days more."""
    details: Details = {"project": request.project, "days": days}
    return AuditEntry(actor.user_id, action, request.id, "done", rule, details)


def grant_changed(author: str, action: str, grant: Grant) -> AuditEntry:
    """`author` is an id, or where it was changed: the terminal, a file, the bot itself where a grant has ended."""
    return AuditEntry(author, action, grant.project, "done", details=grant_facts(grant))


def store_restored(author: str, backup: str, given_up: str | None, trail: str) -> AuditEntry:
    """Heads as they are posted, ROW:HASH: the last of the backup, and the last of the rows that were given up with the
    store that was there, if it could be read. `trail`: whether that of the backup holds.
    """
    details: Details = {"backup": backup, "given_up": given_up, "trail": trail}
    return AuditEntry(author, RESTORE_STORE, "store", "done", details=details)


def store_pruned(author: str, before: datetime, requests: Sequence[str], forgotten: int) -> AuditEntry:
    """Requests that ended before a moment are gone with all their rows but those of the trail; in so many others what
    was typed is forgotten.
    """
    details: Details = {"before": before.isoformat(), "requests": ",".join(requests), "forgotten": forgotten}
    return AuditEntry(author, PRUNE_STORE, "store", "done", details=details)


def words_forgotten(author: str, whose: str | None, requests: Sequence[str]) -> AuditEntry:
    """Whatever was typed in these requests is forgotten. `whose`: their person, if not named one by one."""
    details: Details = {"person": whose, "requests": ",".join(requests)}
    return AuditEntry(author, FORGET, "store", "done", details=details)


def of_binding(
    user_id: str,
    action: str,
    channel: str,
    alias: str,
    rule: str,
    outcome: Literal["done", "denied", "asked"] = "denied",
) -> AuditEntry:
    return AuditEntry(user_id, action, channel, outcome, rule, {"project": alias})
