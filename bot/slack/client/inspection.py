"""Questions to Slack that change nothing, asked once each: who the bot is, and what it may and where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.actors import AccountKind
from bot.outages import cause_of
from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.client.people import WITHOUT_USER_GROUPS
from bot.slack.payloads import (
    Account,
    BotAccount,
    Channel,
    Identity,
    Read,
    Ticket,
    Unreadable,
    UserGroup,
    UserGroups,
    read,
)


class Unreached(Exception):
    """Slack gave no answer that can be read; the text is the cause."""


class Refused(Exception):
    """Slack said no. `error` is its code."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Token:
    """The bot as Slack knows it. `scopes`: None where Slack does not tell them; `app_id`: None where it does not."""

    identity: Identity
    scopes: frozenset[str] | None
    app_id: str | None


Dated = Callable[[str], None]


class SlackInspector:
    """Each method raises Unreached or Refused. `dated` hears the Date of each answer."""

    def __init__(self, client: AsyncWebClient, dated: Dated) -> None:
        self._client = client
        self._dated = dated

    async def token(self) -> Token:
        data, headers = await self._asked(self._client.auth_test)
        identity = _read(Identity, data)
        told = headers.get("x-oauth-scopes")
        scopes = None if told is None else frozenset(part.strip() for part in told.split(",") if part.strip())
        try:
            account, _ = await self._asked(lambda: self._client.bots_info(bot=identity.bot_id))
        except (Refused, Unreached):
            return Token(identity, scopes, None)
        return Token(identity, scopes, _read(BotAccount, account).app_id)

    async def socket_ticket(self, app_token: str) -> None:
        """Ask for the address of a connection, and open none: Slack counts those that are opened."""
        data, _ = await self._asked(lambda: self._client.apps_connections_open(app_token=app_token))
        _read(Ticket, data)

    async def channel(self, channel: str) -> Channel:
        data, _ = await self._asked(lambda: self._client.conversations_info(channel=channel))
        return _read(Channel, data)

    async def account(self, user_id: str, identity: Identity) -> AccountKind:
        data, _ = await self._asked(lambda: self._client.users_info(user=user_id))
        return _read(Account, data).kind(identity.team_id, identity.enterprise_id)

    async def user_groups(self) -> Mapping[str, UserGroup]:
        """By their ids, disabled ones too; none where the workspace's plan has none."""
        try:
            data, _ = await self._asked(lambda: self._client.usergroups_list(include_disabled=True, include_users=True))
        except Refused as exc:
            if exc.error in WITHOUT_USER_GROUPS:
                return {}
            raise
        return {group.id: group for group in _read(UserGroups, data).usergroups}

    async def _asked(self, call: Callable[[], Awaitable[Any]]) -> tuple[Any, Mapping[str, str]]:
        try:
            answer = await call()
        except SlackApiError as exc:
            failure = failure_of(exc)
            headers: Any = getattr(exc.response, "headers", None) or {}
            self._dated(headers.get("Date", ""))
            if failure.asks_to_wait:
                raise Unreached("it asks to wait") from None
            if failure.passes:
                raise Unreached(failure.error or f"its answer can't be read (HTTP {failure.status})") from None
            raise Refused(failure.error) from None
        except NO_ANSWER as exc:
            raise Unreached(cause_of(exc)) from None
        headers = answer.headers
        self._dated(headers.get("Date", ""))
        return answer.data, headers


def _read(model: type[Read], data: Any) -> Read:
    try:
        return read(model, data)
    except Unreadable:
        raise Unreached("it answers otherwise than Slack does") from None
