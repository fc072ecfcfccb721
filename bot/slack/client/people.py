"""Who a person is, asked of Slack and believed for a short time only. What can't be asked is refused."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.cache import Cache
from bot.domain.actors import AccountKind, Actor, UserGroupKind
from bot.domain.errors import LookupFailed
from bot.ports.clock import Clock
from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.payloads import Account, UserGroup, UserGroups, read

log = logging.getLogger(__name__)

USER_MAX_AGE = timedelta(seconds=60)
USER_GROUPS_MAX_AGE = timedelta(minutes=5)
WITHOUT_USER_GROUPS = frozenset({"plan_upgrade_required"})
"""Workspaces on a plan without user groups have none; anything else that fails, refuses."""

_NOBODY = frozenset({"user_not_found", "user_not_visible"})
"""Slack's words for an id that names no account, or none that the app may see (users.info, errors)."""

_ALL = "all"
"""The one key of what is known of groups."""


class SlackPeople:
    """Implements `bot.ports.slack.People`. Accounts from `users.info`, groups from one `usergroups.list`.

    Sources: Slack, users.info (Tier 4), usergroups.list with include_users (Tier 2).
    """

    def __init__(self, client: AsyncWebClient, team_id: str, clock: Clock, *, enterprise_id: str | None = None) -> None:
        self._client = client
        self._team_id = team_id
        self._enterprise_id = enterprise_id
        self._kinds: Cache[str, AccountKind] = Cache(clock, USER_MAX_AGE)
        self._user_groups: Cache[str, Mapping[str, frozenset[str]]] = Cache(clock, USER_GROUPS_MAX_AGE)

    def known(self, user_id: str) -> Actor | None:
        kind, user_groups = self._kinds.at_hand(user_id), self._user_groups.at_hand(_ALL)
        if kind is None or user_groups is None:
            return None
        return Actor(user_id, kind, user_groups.get(user_id, frozenset()))

    async def look_up(self, user_id: str) -> Actor:
        """Ask for what is not at hand. Raises LookupFailed."""
        try:
            kind = await self._kinds.ask(user_id, lambda: self._ask_kind(user_id))
            if kind is not AccountKind.MEMBER:
                return Actor(user_id, kind)  # whatever their groups are, they are refused
            user_groups = await self._user_groups.ask(_ALL, self._ask_user_groups)
        except SlackApiError as exc:
            failure = failure_of(exc)
            facts = {"user": user_id, "error": failure.error, "status": failure.status}
            log.warning("slack could not say who somebody is", extra=facts)
            raise _cannot_tell(failure.retry_after) from None
        except NO_ANSWER:
            log.warning("slack could not be asked who somebody is", extra={"user": user_id})
            raise _cannot_tell() from None
        return Actor(user_id, kind, user_groups.get(user_id, frozenset()))

    async def account(self, user_id: str) -> AccountKind | None:
        """The kind of that account, not older than a minute; None: there is none. Raises LookupFailed."""
        try:
            return await self._kinds.ask(user_id, lambda: self._ask_kind(user_id))
        except SlackApiError as exc:
            if failure_of(exc).error in _NOBODY:
                return None
            raise _cannot_tell(failure_of(exc).retry_after) from None
        except NO_ANSWER:
            raise _cannot_tell() from None

    async def user_group(self, user_group_id: str) -> UserGroupKind:
        """The kind of that user group, asked now: disabled ones are not among those whose members are kept."""
        try:
            user_groups = read(UserGroups, (await self._client.usergroups_list(include_disabled=True)).data).usergroups
        except SlackApiError as exc:
            if failure_of(exc).error in WITHOUT_USER_GROUPS:
                return UserGroupKind.UNKNOWN
            raise _cannot_tell(failure_of(exc).retry_after) from None
        except NO_ANSWER:
            raise _cannot_tell() from None
        found = next((one for one in user_groups if one.id == user_group_id), None)
        if found is None:
            return UserGroupKind.UNKNOWN
        if found.is_external:
            return UserGroupKind.EXTERNAL
        return UserGroupKind.DISABLED if found.date_delete else UserGroupKind.KNOWN

    async def members(self, user_group_id: str) -> frozenset[str]:
        """The people of a user group, not older than groups are believed. Raises LookupFailed."""
        try:
            user_groups = await self._user_groups.ask(_ALL, self._ask_user_groups)
        except (SlackApiError, *NO_ANSWER):
            raise _cannot_tell() from None
        return frozenset(user_id for user_id, ids in user_groups.items() if user_group_id in ids)

    def forget_user(self, user_id: str) -> None:
        """On `user_change`: the next question goes to Slack."""
        self._kinds.forget(user_id)

    def forget_user_groups(self) -> None:
        """On `subteam_members_changed` and `subteam_updated`."""
        self._user_groups.forget(_ALL)

    def forget_everything(self) -> None:
        """Slack may have kept such words back."""
        self._kinds.forget_everything()
        self._user_groups.forget_everything()

    # --- asking -------------------------------------------------------------------------------------------------------

    async def _ask_kind(self, user_id: str) -> AccountKind:
        account = read(Account, (await self._client.users_info(user=user_id)).data)
        if account.id != user_id:
            raise _cannot_tell()
        return account.kind(self._team_id, self._enterprise_id)

    async def _ask_user_groups(self) -> Mapping[str, frozenset[str]]:
        try:
            response = await self._client.usergroups_list(include_users=True)
        except SlackApiError as exc:
            if failure_of(exc).error not in WITHOUT_USER_GROUPS:
                raise
            user_groups: tuple[UserGroup, ...] = ()
        else:
            user_groups = read(UserGroups, response.data).usergroups
        members: dict[str, set[str]] = {}
        for group in user_groups:
            if not group.date_delete:
                for user_id in group.users:
                    members.setdefault(user_id, set()).add(group.id)
        return {user: frozenset(ids) for user, ids in members.items()}


def _cannot_tell(retry_after: float | None = None) -> LookupFailed:
    return LookupFailed(
        "Slack could not tell me who you are just now, so I refused to act for you. Try again in a minute.",
        retry_after=retry_after,
    )
