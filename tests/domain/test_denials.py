"""What the denied hear, and whom they are told to ask."""

from __future__ import annotations

from bot.domain import sentences
from bot.domain.actors import AccountKind, Actor
from bot.domain.denials import (
    Denied,
    account_refused,
    no_such_project,
    not_granted,
    other_words_help,
    over_the_limit,
    which_project,
    who_can_help,
)
from bot.domain.roles import Action, Grant
from tests.builders import a_grant

ADMINS: list[Grant] = [
    a_grant("U9", "admin"),
    a_grant("S1", "admin", kind="group"),
    a_grant("", "admin", kind="everyone"),
]


def test_who_is_over_the_limit_hears_by_how_much_and_who_can_change_it() -> None:
    denied = over_the_limit("payments", 5, 4, 2)
    assert "You have had 4 of them and this asks for 2 more" in denied.explanation
    told = who_can_help(denied, ADMINS).explanation
    assert told.endswith(f"{sentences.person('U9')} or {sentences.user_group('S1')} can change that.")


def test_of_a_closed_project_not_even_its_admins_are_told() -> None:
    closed = Denied("no-grant", no_such_project("payments"))
    assert who_can_help(closed, ADMINS) == closed


def test_who_mistyped_a_project_is_shown_the_one_that_is_nearest() -> None:
    assert no_such_project("paymnets", ["shop", "payments"]).endswith("say `project=payments`.")


def test_who_named_no_project_is_told_how_only_where_there_is_one_to_name() -> None:
    assert which_project(["shop", "web"]).explanation.endswith(": project=shop or project=web.")
    assert which_project(["a", "b", "c"]).explanation.endswith(": project=a, project=b or project=c.")
    assert which_project([f"p{n}" for n in range(30)]).explanation.endswith("project=p11 or one of 18 more.")
    assert "project=" not in which_project([]).explanation


def test_other_words_are_offered_only_to_who_may_use_something() -> None:
    guest = account_refused(Actor("U1", AccountKind.GUEST))
    assert guest is not None
    useless = [guest, not_granted("shop", [Action.VIEW], Action.CREATE), which_project([])]
    assert not any(other_words_help(one.rule, one.explanation) for one in useless)
    useful = [over_the_limit("payments", 5, 4, 2), which_project(["shop", "web"]), Denied("disks", "No such disk.")]
    assert all(other_words_help(one.rule, one.explanation) for one in useful)


def test_what_is_offered_tells_no_closed_project_from_one_that_does_not_exist() -> None:
    for rule in ("no-grant", "unknown-project"):
        assert not other_words_help(rule, no_such_project("payments"))
        assert other_words_help(rule, no_such_project("payments", ["shop"]))
