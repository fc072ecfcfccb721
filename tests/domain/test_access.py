"""Who may do what where."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain import sentences
from bot.domain.access import Allowed, Chosen, Decision, NeedsApproval, NotChosen, Reach, decide
from bot.domain.actors import AccountKind, Actor
from bot.domain.daily_limit import Usage
from bot.domain.denials import Denied
from bot.domain.roles import Action, Grant
from tests.builders import NOON, a_grant, a_project, an_actor


def decided(*grants: Grant, actor: Actor | None = None, action: Action = Action.CREATE, **project: Any) -> Decision:
    return decide(actor or an_actor(), action, "payments", a_project(**project), "C1", grants, NOON)


def rule(decision: Decision) -> str:
    return decision.rule


def test_without_a_grant_the_answer_is_no() -> None:
    assert rule(decided()) == "no-grant"


def test_an_operator_may_create_and_the_grant_is_the_reason() -> None:
    grant = a_grant()
    assert decided(grant) == Allowed(because=grant)


def test_a_viewer_hears_what_they_may_do() -> None:
    assert decided(a_grant(role="viewer")) == Denied("action-not-granted", "In payments you may view, but not create.")


def test_a_grant_on_the_star_covers_every_configured_project() -> None:
    assert rule(decided(a_grant(project="*"))) == "granted"
    unknown = decide(an_actor(), Action.CREATE, "nowhere", None, "C1", [a_grant(project="*")], NOON)
    assert rule(unknown) == "unknown-project"


def test_a_closed_project_and_one_that_does_not_exist_answer_alike() -> None:
    closed = decide(an_actor(), Action.CREATE, "payments", a_project(), "C1", [], NOON)
    missing = decide(an_actor(), Action.CREATE, "payments", None, "C1", [], NOON)
    expired = decided(a_grant(expires_at=NOON))
    assert isinstance(closed, Denied) and isinstance(missing, Denied) and isinstance(expired, Denied)
    assert closed.explanation == missing.explanation == expired.explanation
    assert len({closed.rule, missing.rule, expired.rule}) == 3


def test_a_grant_counts_until_the_moment_it_expires() -> None:
    assert rule(decided(a_grant(expires_at=NOON + timedelta(seconds=1)))) == "granted"
    assert rule(decided(a_grant(expires_at=NOON))) == "grant-expired"


def test_groups_count_by_membership_and_everyone_for_full_members_only() -> None:
    group = a_grant("S1", kind="group")
    assert rule(decided(group)) == "no-grant"
    assert rule(decided(group, actor=an_actor("U1", AccountKind.MEMBER, "S1"))) == "granted"
    assert rule(decided(a_grant("", kind="everyone"))) == "granted"


NO_ACCOUNTS = (AccountKind.TOKEN, AccountKind.SCHEDULE)
"""What acts without an account at Slack: rules of their own, in the model of tests/domain/test_access_model.py."""


@pytest.mark.parametrize("account", sorted({*AccountKind} - {AccountKind.MEMBER, *NO_ACCOUNTS}))
def test_other_kinds_of_account_are_refused_whatever_the_grants_say(account: AccountKind) -> None:
    grants = (a_grant(role="admin"), a_grant("", kind="everyone"), a_grant("S1", kind="group", project="*"))
    decision = decided(*grants, actor=an_actor("U1", account, "S1"), action=Action.VIEW)
    assert rule(decision) == f"standing-{account.replace(' ', '-')}"


def test_a_channel_ceiling_narrows_and_says_where() -> None:
    decision = decided(a_grant(), channels=("C2", "C3"))
    where = f"{sentences.channel('C2')} or {sentences.channel('C3')}"
    assert decision == Denied("channel-not-allowed", f"payments can be used only from {where}. Say it again there.")
    assert rule(decided(a_grant(), channels=("C1",))) == "granted"
    assert rule(decided(channels=("C1",))) == "no-grant"


def test_the_project_follows_from_the_word_the_binding_or_the_only_choice() -> None:
    projects = {"payments": a_project(), "shop": a_project("shop")}
    held = [a_grant(), a_grant(role="viewer", project="shop")]

    def chosen(asked: str | None, bound: str | None, grants: list[Grant]) -> Chosen | NotChosen:
        return Reach(an_actor(), Action.CREATE, projects, "C1", grants, NOON).chosen(asked, bound)

    assert chosen("x", "shop", held) == Chosen("x")
    assert chosen(None, "shop", held) == Chosen("shop")
    assert chosen(None, None, held) == Chosen("payments")
    assert chosen(None, None, []) == NotChosen(())
    assert chosen(None, None, [*held, a_grant(project="shop")]) == NotChosen(("payments", "shop"))


def test_the_daily_limit_counts_what_is_asked_for() -> None:
    limited = a_project(daily_limit=5)

    def at(today: int, wanted: int) -> Decision:
        return decide(an_actor(), Action.CREATE, "payments", limited, "C1", [a_grant()], NOON, Usage(today, wanted))

    assert rule(at(3, 2)) == "granted"
    denied = at(4, 2)
    assert isinstance(denied, Denied) and denied.rule == "daily-limit"
    assert "You have had 4 of them and this asks for 2 more" in denied.explanation


def test_a_project_with_approvals_lets_nobody_create_alone_not_even_its_admin() -> None:
    grant = a_grant(role="admin")
    assert decided(grant, approvals=2) == NeedsApproval(grant, 2)
    assert rule(decided(grant, action=Action.APPROVE, approvals=2)) == "granted"
