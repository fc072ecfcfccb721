"""Who acts: a person as Slack knows them and what kind of account they have, a token, or the schedule of a project."""

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
    TOKEN = "token"
    """No account at all: a program that showed one of the tokens of bot.toml."""
    FORMER_TOKEN = "former token"
    SCHEDULE = "schedule"
    """No account either: `verify_days` of a project asks."""


class UserGroupKind(StrEnum):
    """The kind of a user group, as `usergroups.list` tells it (Slack, usergroup object)."""

    KNOWN = "known"
    DISABLED = "disabled"
    EXTERNAL = "external"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person as Slack knows them, or a token: ids only. `user_groups` are ids of Slack's user groups."""

    user_id: str
    account: AccountKind
    user_groups: frozenset[str] = frozenset()


SCHEDULE = "schedule"
"""The actor's id of what a project has proven by `verify_days`; no id of Slack is in small letters."""

_TOKEN = "token:"


def token_id(name: str) -> str:
    """The actor's id of a token of that name; no id of Slack has a colon."""
    return f"{_TOKEN}{name}"


def in_slack(actor_id: str) -> bool:
    """Whether a person of Slack acts under an id: only those can be mentioned, and read messages."""
    return actor_id != SCHEDULE and token_name(actor_id) is None


def token_name(actor_id: str) -> str | None:
    """The name of the token that acts under an id; None: a person does."""
    return actor_id.removeprefix(_TOKEN) if actor_id.startswith(_TOKEN) else None
