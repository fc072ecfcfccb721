"""Which roles allow what."""

from __future__ import annotations

from bot.domain.roles import MAY, Action, Role, roles_for


def test_only_the_roles_that_are_made_for_it_let_people_agree() -> None:
    assert roles_for(Action.APPROVE) == (Role.APPROVER, Role.ADMIN)


def test_every_role_may_look_and_an_admin_may_all() -> None:
    assert all(Action.VIEW in MAY[role] for role in Role)
    assert MAY[Role.ADMIN] == frozenset(Action)
