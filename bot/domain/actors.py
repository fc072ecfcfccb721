"""Who acts: a person as Slack knows them, and what kind of account they have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AccountKind(StrEnum):
    """The kind of an account, as `users.info` tells it (Slack, user object)."""

    MEMBER = "member"
    DEACTIVATED = "deactivated"
    BOT = "bot"
    GUEST = "guest"
    SINGLE_CHANNEL_GUEST = "single-channel guest"
    STRANGER = "stranger"
    OTHER_TEAM = "other team"
    OTHER_WORKSPACE = "other workspace"
    INVITED = "invited"


class UserGroupKind(StrEnum):
    """The kind of a user group, as `usergroups.list` tells it (Slack, usergroup object)."""

    KNOWN = "known"
    DISABLED = "disabled"
    EXTERNAL = "external"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person as Slack knows them: ids only. `user_groups` are ids of Slack's user groups."""

    user_id: str
    account: AccountKind
    user_groups: frozenset[str] = frozenset()
