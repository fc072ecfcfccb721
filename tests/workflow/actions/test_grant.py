"""No change of grants takes out the last admin, neither at once nor later; everything else it does not hinder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.granting import Subject, subject_named_in
from bot.domain.parsing.commands import GrantAccess, RevokeAccess
from bot.domain.roles import Grant, Role
from bot.ports.grants import Revision, Rights
from bot.workflow.actions.grant import TERMINAL, granted, imported, revoked
from tests.builders import NOON, a_grant

ALIASES = ("payments", "shop")
SOON, LATER = NOON + timedelta(minutes=1), NOON + timedelta(hours=8)


def admin(
    user_id: str, project: str = "payments", ends: datetime | None = None, source: str = "terminal", role: str = "admin"
) -> Grant:
    return replace(a_grant(user_id, role, project, expires_at=ends), source=source)


def in_file(*grants: Grant) -> list[Grant]:
    return [replace(grant, source="file:rights.toml") for grant in grants]


def taken(grant: Grant, *others: Grant) -> Revision:
    """Take back a grant where these others are admins too."""
    asked = RevokeAccess(subject_named_in(grant), grant.role, grant.project)
    return revoked(TERMINAL, asked, Rights((), [grant], [grant, *others]), ALIASES, NOON)


def read(owned: Sequence[Grant], wanted: Sequence[Grant], *others: Grant) -> Revision:
    """Import a file in place of the rows it owns, where these others are admins too."""
    owned = in_file(*owned)
    rights = Rights((), owned, [*(row for row in owned if row.role is Role.ADMIN), *others])
    return imported(TERMINAL, "rights.toml", wanted, rights, ALIASES, NOON)


def given(lasting: timedelta | None, *admins: Grant, project: str = "payments") -> Revision:
    """Make U1 admin, where these are."""
    asked = GrantAccess(Subject("user", "U1"), Role.ADMIN, project, lasting)
    theirs = [grant for grant in admins if grant.subject_id == "U1"]
    return granted(TERMINAL, asked, Rights((), theirs, admins), ALIASES, NOON)


LASTING, EVERYWHERE = admin("U1"), admin("U1", "*")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("revision", "alias"),
    [
        (taken(LASTING), "payments"),
        (taken(LASTING, admin("U2", ends=SOON)), "payments"),
        (taken(LASTING, admin("U2", ends=NOON)), "payments"),
        (taken(LASTING, admin("U2", "*", SOON)), "payments"),
        (taken(admin("U1", ends=LATER), admin("U2", ends=SOON)), "payments"),
        (taken(EVERYWHERE, admin("U2"), admin("U2", "shop")), "*"),
        (taken(EVERYWHERE, admin("U2"), admin("U2", "shop"), admin("U3", "*", SOON)), "*"),
        (taken(EVERYWHERE, admin("U2")), "*"),
        (read([LASTING], [admin("U1", ends=SOON)]), "payments"),
        (read([LASTING], []), "payments"),
        (read([LASTING], [admin("U2", ends=LATER)], admin("U3", ends=SOON)), "payments"),
        (read([EVERYWHERE], [LASTING, admin("U1", "shop")]), "*"),
        (read([EVERYWHERE], [admin("U1", "*", LATER)], admin("U2"), admin("U2", "shop")), "*"),
        (given(HOUR, LASTING), "payments"),
        (given(HOUR, LASTING, admin("U2", ends=SOON)), "payments"),
        (given(HOUR, LASTING, admin("U2", ends=LATER)), "payments"),
        (given(HOUR, EVERYWHERE, admin("U2"), admin("U2", "shop"), project="*"), "*"),
    ],
)
def test_the_last_admin_is_taken_out_neither_at_once_nor_later(revision: Revision, alias: str) -> None:
    assert (revision.refused, revision.added, revision.removed) == (True, (), ())
    (entry,) = revision.audit
    assert (entry.subject, entry.outcome, entry.rule) == (alias, "denied", "last-admin")
    named = "every project (*)" if alias == "*" else alias
    assert f"{named} would be left without an admin" in revision.told


@pytest.mark.parametrize(
    "revision",
    [
        taken(LASTING, admin("U2")),
        taken(LASTING, admin("U2", "*")),
        taken(admin("U1", ends=LATER), admin("U2")),
        taken(admin("U1", ends=SOON), admin("U2", ends=LATER)),
        taken(admin("U1", ends=NOON)),
        taken(admin("U1", "gone")),
        taken(admin("U1", role="operator")),
        taken(EVERYWHERE, admin("U2", "*")),
        taken(admin("U1", "*", LATER), admin("U2"), admin("U2", "shop")),
        read([LASTING], [admin("U2")]),
        read([LASTING], [admin("U2", "*")], admin("U3", "shop")),
        read([LASTING], [admin("U1", ends=SOON)], admin("U2")),
        read([admin("U1", role="viewer")], []),
        given(HOUR, LASTING, admin("U2")),
        given(HOUR, admin("U2")),
        given(None, admin("U1", ends=SOON)),
        given(HOUR, admin("U2"), admin("U2", "shop"), project="*"),
    ],
)
def test_whatever_leaves_an_admin_for_as_long_is_done(revision: Revision) -> None:
    assert not revision.refused, revision.told


def test_a_revocation_of_nothing_is_a_row() -> None:
    asked = RevokeAccess(Subject("user", "U9"), Role.OPERATOR, "payments")
    revision = revoked(TERMINAL, asked, Rights((), (), ()), ALIASES, NOON)
    assert [(entry.subject, entry.outcome, entry.rule) for entry in revision.audit] == [
        ("payments", "denied", "nothing-to-revoke")
    ]
