"""Who somebody is, asked of Slack and believed for a short time only. What can't be asked is refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.access import AccountKind, Actor, UserGroupKind
from bot.domain.errors import LookupFailed
from bot.ports.clock import Clock
from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.payloads import Account, UserGroup, UserGroups, read

log = logging.getLogger(__name__)

USER_MAX_AGE = timedelta(seconds=60)
GROUPS_MAX_AGE = timedelta(minutes=5)
WITHOUT_GROUPS = frozenset({"plan_upgrade_required"})
"""Workspaces on a plan without user groups have none; anything else that fails, refuses."""

_NOBODY = frozenset({"user_not_found", "user_not_visible"})
"""Slack's words for an id that names nobody, or nobody that the app may see (users.info, errors)."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    at: float


class SlackPeople:
    """Implements `bot.ports.slack.People`. Accounts from `users.info`, groups from one `usergroups.list`.

    Sources: Slack, users.info (Tier 4), usergroups.list with include_users (Tier 2).
    """

    def __init__(self, client: AsyncWebClient, team_id: str, clock: Clock, *, enterprise_id: str | None = None) -> None:
        self._client = client
        self._team_id = team_id
        self._enterprise_id = enterprise_id
        self._clock = clock
        self._standings: dict[str, _Kept[AccountKind]] = {}
        self._groups: _Kept[Mapping[str, frozenset[str]]] | None = None
        self._asking: dict[str, asyncio.Task[Any]] = {}
        self._changes = 0
        """Counts what Slack told us to forget: an answer asked for before such a word is not kept."""

    def known(self, user_id: str) -> Actor | None:
        kept, groups = self._standings.get(user_id), self._groups
        if not self._fresh(kept, USER_MAX_AGE) or not self._fresh(groups, GROUPS_MAX_AGE):
            return None
        assert kept is not None and groups is not None
        return Actor(user_id, kept.value, groups.value.get(user_id, frozenset()))

    async def look_up(self, user_id: str) -> Actor:
        """Ask for what is not at hand. Raises LookupFailed."""
        if actor := self.known(user_id):
            return actor
        kept = self._standings.get(user_id)
        try:
            standing = (
                kept.value
                if kept and self._fresh(kept, USER_MAX_AGE)
                else await self._once(f"user:{user_id}", lambda: self._ask_standing(user_id))
            )
            if standing is not AccountKind.MEMBER:
                return Actor(user_id, standing)  # whatever their groups are, they are refused
            groups = self._groups
            if groups is None or not self._fresh(groups, GROUPS_MAX_AGE):
                groups = await self._once("groups", self._ask_groups)
        except SlackApiError as exc:
            failure = failure_of(exc)
            facts = {"user": user_id, "error": failure.error, "status": failure.status}
            log.warning("slack could not say who somebody is", extra=facts)
            raise _cannot_tell(failure.retry_after) from None
        except NO_ANSWER:
            log.warning("slack could not be asked who somebody is", extra={"user": user_id})
            raise _cannot_tell() from None
        return Actor(user_id, standing, groups.value.get(user_id, frozenset()))

    async def account(self, user_id: str) -> AccountKind | None:
        """What kind of account that is, not older than a minute; None: there is none. Raises LookupFailed."""
        kept = self._standings.get(user_id)
        if kept and self._fresh(kept, USER_MAX_AGE):
            return kept.value
        try:
            return await self._once(f"user:{user_id}", lambda: self._ask_standing(user_id))
        except SlackApiError as exc:
            if failure_of(exc).error in _NOBODY:
                return None
            raise _cannot_tell(failure_of(exc).retry_after) from None
        except NO_ANSWER:
            raise _cannot_tell() from None

    async def group(self, group_id: str) -> UserGroupKind:
        """What kind of user group that is, asked now: disabled ones are not among those whose members are kept."""
        try:
            groups = read(UserGroups, (await self._client.usergroups_list(include_disabled=True)).data).usergroups
        except SlackApiError as exc:
            if failure_of(exc).error in WITHOUT_GROUPS:
                return UserGroupKind.UNKNOWN
            raise _cannot_tell(failure_of(exc).retry_after) from None
        except NO_ANSWER:
            raise _cannot_tell() from None
        found = next((one for one in groups if one.id == group_id), None)
        if found is None:
            return UserGroupKind.UNKNOWN
        if found.is_external:
            return UserGroupKind.EXTERNAL
        return UserGroupKind.DISABLED if found.date_delete else UserGroupKind.KNOWN

    async def members(self, group_id: str) -> frozenset[str]:
        """The people of a user group, not older than groups are believed. Raises LookupFailed."""
        groups = self._groups
        try:
            if groups is None or not self._fresh(groups, GROUPS_MAX_AGE):
                groups = await self._once("groups", self._ask_groups)
        except (SlackApiError, *NO_ANSWER):
            raise _cannot_tell() from None
        return frozenset(user_id for user_id, ids in groups.value.items() if group_id in ids)

    def forget_user(self, user_id: str) -> None:
        """On `user_change`: the next question goes to Slack."""
        self._changes += 1
        self._standings.pop(user_id, None)
        self._asking.pop(f"user:{user_id}", None)

    def forget_groups(self) -> None:
        """On `subteam_members_changed` and `subteam_updated`."""
        self._changes += 1
        self._groups = None
        self._asking.pop("groups", None)

    def forget_everything(self) -> None:
        """Slack may have kept such words back."""
        for user_id in list(self._standings):
            self.forget_user(user_id)
        self._asking.clear()
        self.forget_groups()

    # --- asking -------------------------------------------------------------------------------------------------------

    async def _ask_standing(self, user_id: str) -> AccountKind:
        asked_at, changes = self._clock.monotonic(), self._changes
        response = await self._client.users_info(user=user_id)
        account = read(Account, response.data)
        if account.id != user_id:
            raise _cannot_tell()
        standing = account.standing(self._team_id, self._enterprise_id)
        if changes == self._changes:
            self._standings[user_id] = _Kept(standing, asked_at)
        return standing

    async def _ask_groups(self) -> _Kept[Mapping[str, frozenset[str]]]:
        asked_at, changes = self._clock.monotonic(), self._changes
        try:
            response = await self._client.usergroups_list(include_users=True)
        except SlackApiError as exc:
            if failure_of(exc).error not in WITHOUT_GROUPS:
                raise
            groups: tuple[UserGroup, ...] = ()
        else:
            groups = read(UserGroups, response.data).usergroups
        members: dict[str, set[str]] = {}
        for group in groups:
            if not group.date_delete:
                for user_id in group.users:
                    members.setdefault(user_id, set()).add(group.id)
        by_user: Mapping[str, frozenset[str]] = {user: frozenset(ids) for user, ids in members.items()}
        kept = _Kept(by_user, asked_at)
        if changes == self._changes:
            self._groups = kept
        return kept

    async def _once(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        """One question at a time for one thing; whoever asks meanwhile shares its answer."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.ensure_future(ask())
            self._asking[key] = task
            task.add_done_callback(lambda done: self._answered(key, done))
        answer: T = await asyncio.shield(task)
        return answer

    def _answered(self, key: str, done: asyncio.Future[Any]) -> None:
        if self._asking.get(key) is done:
            del self._asking[key]
        if not done.cancelled():
            done.exception()  # read, so that an answer nobody waits for any more is not reported as lost

    def _fresh(self, kept: _Kept[Any] | None, max_age: timedelta) -> bool:
        return kept is not None and self._clock.monotonic() - kept.at < max_age.total_seconds()


def _cannot_tell(retry_after: float | None = None) -> LookupFailed:
    return LookupFailed(
        "Slack could not tell me who you are just now, so I refused to act for you. Try again in a minute.",
        retry_after=retry_after,
    )
