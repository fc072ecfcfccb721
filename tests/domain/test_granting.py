"""Who is meant, for how long, and what an import would change."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.access import Allowed, Decision, decide
from bot.domain.actors import AccountKind, Actor
from bot.domain.denials import Denied
from bot.domain.errors import CommandError
from bot.domain.granting import (
    ImportPlan,
    Subject,
    duration_of,
    exported,
    import_plan,
    locked_out,
    may_administer,
    owned_by,
    subject_of,
    told_access,
    told_granted,
    until,
    without_first_admin,
)
from bot.domain.parsing.commands import GrantAccess, RevokeAccess, ShowAccess, ShowProjects, read_command
from bot.domain.roles import Action, Grant, Role
from bot.domain.sentences import as_words
from tests.builders import NOON, a_grant, a_project, an_actor

ADMIN = a_grant("U1", "admin")


def refused(raw: str) -> str:
    with pytest.raises(CommandError) as caught:
        read_command(raw)
    return caught.value.sentence


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "command"),
    [
        ("grant <@U2|bob> operator payments", GrantAccess(Subject("user", "U2"), Role.OPERATOR, "payments")),
        ("grant <@W2> Operator payments", GrantAccess(Subject("user", "W2"), Role.OPERATOR, "payments")),
        (
            "Grant <!subteam^S1|@oncall> viewer * for=8h",
            GrantAccess(Subject("group", "S1"), Role.VIEWER, "*", timedelta(hours=8)),
        ),
        ("grant <!everyone> viewer shop", GrantAccess(Subject("everyone"), Role.VIEWER, "shop")),
        ("grant user:U2 admin shop", GrantAccess(Subject("user", "U2"), Role.ADMIN, "shop")),
        ("revoke <@U2|bob> payments", RevokeAccess(Subject("user", "U2"), None, "payments")),
        ("revoke <@U2|bob> operator payments", RevokeAccess(Subject("user", "U2"), Role.OPERATOR, "payments")),
        ("access", ShowAccess()),
        ("access <@U2|bob> project=shop", ShowAccess(Subject("user", "U2"), "shop")),
        ("projects", ShowProjects()),
    ],
)
def test_people_and_groups_are_read_from_what_slack_makes_of_mentions(raw: str, command: object) -> None:
    assert read_command(raw) == command


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ("grant", "Say whom, as what and where"),
        ("grant <@U2|bob> operator", "Say whom, as what and where: `grant user:U2 operator PROJECT`, perhaps with"),
        ("grant <@U2|bob> payments", "`grant user:U2 ROLE payments`, perhaps with `for=8h`. The roles are viewer,"),
        ("grant <@U2|bob> operator payments 8h", "`grant user:U2 operator payments for=8h`. Nothing"),
        ("grant <@U2|bob> operator payments for 8 hours", "`grant user:U2 operator payments for=8h`. Nothing"),
        ("grant <@U2|bob> operator payments for=1 day", "`grant user:U2 operator payments for=1d`. Nothing"),
        ("grant <@U2|bob> operator payments for=2weeks", "Did you mean `grant user:U2 operator payments for=14d`?"),
        ("grant Operator to <@U2|bob> on payments", "`grant user:U2 operator payments`, perhaps"),
        ("grant <!subteam^S9|ops> as approver in *", "`grant group:S9 approver *`, perhaps"),
        ("grant user=<@U2> role=operator project=payments", "`grant user:U2 operator payments`, perhaps"),
        ("grant <@U2> <@U3> operator payments", "`grant user:U2 operator payments`, perhaps"),
        ("grant bob operator", "`grant @someone operator PROJECT`, perhaps"),
        ("grant <@U2|bob> operator for=8", "`grant user:U2 operator PROJECT`, perhaps"),
        ("grant @bob operator payments", "I can't tell who “@bob” is. Pick a person or a group"),
        ("grant <!here> operator payments", "I can't tell who “here” is."),
        ("grant <@U2|bob> boss payments", "There is no role “boss”. The roles are viewer, operator, approver, admin."),
        ("grant <@U2|bob> operator payments for=soon", "such as 30m, 8h or 7d; “soon” is not that."),
        ("grant <@U2|bob> operator payments until=8h", "There is no option “until”. I know `for=`, `project=`."),
        ("revoke <@U2|bob>", "Say from whom and where: `revoke user:U2 PROJECT`, or of one role: `revoke user:U2 ROLE"),
        ("revoke operator from <@U2|bob> on payments", "`revoke user:U2 operator payments`. Nothing"),
        ("revoke <@U2|bob> payments for=8h", "There is no option “for”."),
        ("access <@U2> <@U3>", "`access` takes one person or group"),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_was_changed(raw: str, sentence: str) -> None:
    told = refused(raw)
    assert sentence in told
    assert "Nothing was changed." in told


def test_a_name_in_a_mention_never_says_who_is_meant() -> None:
    assert read_command("access <@U2|user:U1>") == ShowAccess(Subject("user", "U2"))


def test_mentions_elsewhere_stay_the_words_that_were_typed() -> None:
    command = read_command('create v1 reason="&lt;asked-by <@U2|bob>"')
    assert getattr(command, "reason", "") == "<asked-by @bob"


@given(
    st.text(alphabet="grantevokcs <@!U1S|^>=user:for8h*\"'", max_size=60),
    st.sampled_from(["grant", "revoke", "access"]),
)
def test_no_text_like_a_grant_breaks_the_parser(text: str, verb: str) -> None:
    with contextlib.suppress(CommandError):
        read_command(f"{verb} {text}")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("8H", 28_800), ("7d", 604_800)])
def test_times_take_s_m_h_and_d(text: str, seconds: int) -> None:
    assert duration_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "8", "0h", "-1h", "1.5h", "8 h", "9999999d", "8h30m"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="A time is a number and s, m, h or d"):
        duration_of(text)


def test_a_grant_for_a_time_ends_on_a_whole_second() -> None:
    now = NOON.replace(microsecond=700_000)
    assert until(now, timedelta(hours=8)) == NOON + timedelta(hours=8)
    assert until(now, None) is None


@pytest.mark.parametrize("subject", [Subject("user", "U2"), Subject("group", "S2"), Subject("everyone")])
def test_a_subject_is_written_as_it_is_read(subject: Subject) -> None:
    assert subject_of(str(subject)) == subject


# --- who may grant ----------------------------------------------------------------------------------------------------


def rule(decision: Decision) -> str:
    return decision.rule


def administered(alias: str, *roles: tuple[str, str], actor: Actor | None = None) -> str:
    held = [a_grant("U1", role, project) for role, project in roles]
    project = a_project(alias) if alias != "*" else None
    return rule(may_administer(actor or an_actor(), alias, project, "C1", held, NOON))


def test_an_admin_of_the_project_or_of_every_project_may_grant_there() -> None:
    assert administered("payments", ("admin", "payments")) == "granted"
    assert administered("payments", ("admin", "*")) == "granted"
    assert administered("payments", ("approver", "payments")) == "action-not-granted"
    assert administered("payments", ("admin", "shop")) == "no-grant"


def test_a_grant_in_every_project_needs_an_admin_of_every_project() -> None:
    assert administered("*", ("admin", "*")) == "granted"
    assert administered("*", ("admin", "payments"), ("operator", "*")) == "action-not-granted"
    assert administered("*", ("admin", "*"), actor=an_actor("U1", AccountKind.GUEST)) == "standing-guest"
    expired = a_grant("U1", "admin", "*", expires_at=NOON)
    assert rule(may_administer(an_actor(), "*", None, "C1", [expired], NOON)) == "action-not-granted"


def test_the_last_admin_is_who_has_the_role_now_and_for_as_long() -> None:
    other = a_grant("U2", "admin", expires_at=NOON + timedelta(hours=1))
    assert locked_out([ADMIN], [], ["payments", "shop"], NOON) == ["payments"]
    assert locked_out([ADMIN, other], [other], ["payments"], NOON) == ["payments"]
    assert locked_out([other], [], ["payments"], NOON) == ["payments"]
    assert locked_out([other], [], ["payments"], NOON + timedelta(hours=1)) == []
    assert locked_out([ADMIN], [a_grant("U2", "admin", "*")], ["payments"], NOON) == []
    assert locked_out([ADMIN], [a_grant("U2")], ["payments"], NOON) == ["payments"]


_MOMENTS = [NOON + timedelta(hours=hours) for hours in range(-1, 4)]
_ROWS = st.lists(
    st.builds(
        a_grant,
        st.sampled_from(["U1", "U2"]),
        st.sampled_from(["admin", "approver"]),
        st.sampled_from(["payments", "shop", "*"]),
        expires_at=st.sampled_from([None, *_MOMENTS]),
    ),
    max_size=4,
)


def admins_at(alias: str, grants: list[Grant], at: datetime) -> bool:
    """Whether anybody may administer there at that moment, asked of the decision itself."""
    project = None if alias == "*" else a_project(alias)
    people = {an_actor(grant.subject_id) for grant in grants}
    return any(isinstance(may_administer(who, alias, project, "C1", grants, at), Allowed) for who in people)


@given(_ROWS, _ROWS)
def test_nobody_is_locked_out_at_any_moment_at_which_they_were_not_before(
    before: list[Grant], after: list[Grant]
) -> None:
    def lost(alias: str, moments: list[datetime]) -> bool:
        return any(admins_at(alias, before, at) and not admins_at(alias, after, at) for at in moments)

    out = locked_out(before, after, ["payments", "shop"], NOON)
    from_now_on = [at for at in _MOMENTS if at >= NOON]
    for alias in ("payments", "shop"):
        assert (alias in out) == lost(alias, from_now_on)
    assert ("*" in out) == lost("*", from_now_on[-1:])


def test_a_project_gets_its_first_admin_from_nobody_here() -> None:
    added = [a_grant("U2", "admin", "*")]
    assert without_first_admin([ADMIN], added, ["payments", "shop"], NOON) == ["shop"]
    assert without_first_admin([ADMIN], [a_grant("U2", "admin")], ["payments", "shop"], NOON) == []
    assert without_first_admin([ADMIN], [a_grant("U2", "viewer", "shop")], ["payments", "shop"], NOON) == []


# --- importing and exporting ------------------------------------------------------------------------------------------


def test_an_import_plans_what_is_added_removed_and_unchanged() -> None:
    kept, gone, new = owned_by([a_grant("U1"), a_grant("U2"), a_grant("U3")], "file:rights.toml")
    assert import_plan([kept, gone], [kept, new]) == ImportPlan(added=(new,), removed=(gone,), unchanged=(kept,))
    assert new.source == "file:rights.toml"


def test_another_end_is_another_row() -> None:
    (row,) = owned_by([a_grant()], "file:rights.toml")
    ending = replace(row, expires_at=NOON)
    assert import_plan([row], [ending]) == ImportPlan(added=(ending,), removed=(row,), unchanged=())


def test_a_row_said_twice_counts_as_said_last() -> None:
    rows = owned_by([a_grant(), a_grant(expires_at=NOON)], "file:rights.toml")
    assert [row.expires_at for row in rows] == [NOON]


def test_rows_of_projects_that_are_gone_are_exported_in_comments() -> None:
    text = exported([a_grant(), a_grant(project="gone", expires_at=NOON)], ["payments"])
    assert 'subject = "user:U1"\n' in text
    assert "# expires = 2026-11-23T12:00:00Z\n" in text
    assert [line for line in text.splitlines() if "gone" in line] == ['# project = "gone"']


# --- sentences --------------------------------------------------------------------------------------------------------


def told(*grants: Grant, **project: Any) -> str:
    decisions = {
        action: decide(an_actor(), action, "payments", a_project(**project), "C1", grants, NOON) for action in Action
    }
    return as_words(told_access("You", "payments", a_project(**project), decisions, [a_grant("U9", "admin")]))


def test_access_names_the_role_its_source_its_end_and_whom_to_ask() -> None:
    assert told(a_grant(role="viewer", expires_at=NOON + timedelta(hours=1))) == (
        "payments: You may view (viewer until 2026-11-23 13:00 UTC, from bot.toml). "
        "Not administer, approve, cancel, create and delete. U9 can change that."
    )


def test_access_names_what_narrows_it() -> None:
    text = told(a_grant(), channels=("C1", "C2"), daily_limit=50, approvals=2)
    assert "Only from C1 or C2." in text
    assert "At most 50 disks a day (UTC); 0 used today." in text
    assert "Creating needs the approval of 2 more." in text


def test_access_from_another_channel_says_from_where() -> None:
    assert told(a_grant(), channels=("C2",)) == (
        "payments: You may do nothing here. payments can be used only from C2. Say it again there."
    )


def test_an_admin_is_told_of_nothing_that_they_may_not() -> None:
    assert "Not " not in told(ADMIN)


def test_what_was_granted_is_told_with_what_it_allows() -> None:
    assert as_words(told_granted(a_grant("U2", project="*"))) == (
        "U2 is now operator in every project (*): cancel, create, restore and view."
    )


def test_decisions_are_values_with_their_grant() -> None:
    assert may_administer(an_actor(), "payments", a_project(), "C1", [ADMIN], NOON) == Allowed(ADMIN)
    assert isinstance(may_administer(an_actor(), "payments", a_project(), "C1", [], NOON), Denied)
