"""Readings in the trail: who looked at what, from where, and of which projects something may have been shown."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.audit import AuditEntry
from bot.domain.roles import Action


def read_entry(
    user_id: str, asked: str, projects: Iterable[str], channel: str, subject: str = "", *, own: bool = False
) -> AuditEntry:
    """One row for one reading. Of no project nothing can be shown, but what people asked for themselves (`own`)."""
    named = ",".join(sorted(set(projects)))
    details = {"asked": asked, "projects": named, "channel": channel}
    if named:
        return AuditEntry(user_id, Action.VIEW, subject, "allowed", "granted", details)
    if own:
        return AuditEntry(user_id, Action.VIEW, subject, "allowed", "own-request", details)
    return AuditEntry(user_id, Action.VIEW, subject, "denied", "no-grant", details)


def not_looked_up(user_id: str, asked: str, channel: str) -> AuditEntry:
    """Who this is could not be learnt, so what they asked for was refused, whatever it was."""
    return not_done(user_id, asked, channel, "lookup-failed")


def not_done(user_id: str, asked: str, channel: str, rule: str) -> AuditEntry:
    """It was asked for too late, or once more: nothing was decided about it, and they are told so."""
    return AuditEntry(user_id, "ask", "", "denied", rule, {"asked": asked, "channel": channel})


def unknown_id(user_id: str, action: str, subject: str = "") -> AuditEntry:
    """An id that leads to nothing. What was typed is not written down; `subject` is a request that exists."""
    return AuditEntry(user_id, action, subject, "denied", "unknown-id")
