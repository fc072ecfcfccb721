"""Roles: which actions each of them allows, and the grants that give one to a subject in a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from bot.domain.actors import AccountKind, Actor, token_id


class Action(StrEnum):
    VIEW = "view"
    CREATE = "create"
    CANCEL = "cancel"
    APPROVE = "approve"
    DELETE = "delete"
    RESTORE = "restore"
    ADMINISTER = "administer"


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


ROLE_NAMES = frozenset(role.value for role in Role)

MAY: Mapping[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset({Action.VIEW}),
    Role.OPERATOR: frozenset({Action.VIEW, Action.CREATE, Action.CANCEL, Action.RESTORE}),
    Role.APPROVER: frozenset({Action.VIEW, Action.APPROVE, Action.CANCEL}),
    Role.ADMIN: frozenset(Action),
}


def roles_for(action: Action) -> tuple[Role, ...]:
    return tuple(role for role in Role if action in MAY[role])


TOKEN_ROLES = (Role.VIEWER, Role.OPERATOR)
"""The roles that a program may be granted: none ever approves, grants or deletes."""
TOKEN_ACTIONS = frozenset({Action.VIEW, Action.CREATE, Action.CANCEL})
"""Each that a program may ever do: disks come back, for one, by a person's word alone."""

SubjectKind = Literal["user", "group", "everyone", "token"]


@dataclass(frozen=True, slots=True)
class Grant:
    """`project` is an alias or `*`; `source` says where the row is kept: slack, terminal, bot.toml."""

    subject_kind: SubjectKind
    subject_id: str
    role: Role
    project: str
    expires_at: datetime | None = None
    source: str = "bot.toml"

    def names(self, actor: Actor) -> bool:
        match self.subject_kind:
            case "user":
                return self.subject_id == actor.user_id
            case "group":
                return self.subject_id in actor.user_groups
            case "everyone":
                return actor.account is AccountKind.MEMBER
            case "token":
                return actor.account is AccountKind.TOKEN and actor.user_id == token_id(self.subject_id)

    def covers(self, alias: str) -> bool:
        return self.project in (alias, "*")

    def in_force(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at
