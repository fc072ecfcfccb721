"""Slack, as the use cases see it: who people are, and where something is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.actors import AccountKind, Actor, UserGroupKind
from bot.domain.requests import Request
from bot.ports.messages import OutboxMessage


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands: Slack's `channel` and `ts`. `astray`: at the top level, because its thread is gone."""

    channel: str
    ts: str
    astray: bool = False


class People(Protocol):
    """Who a person is, from Slack. Raises `bot.domain.errors.LookupFailed` when Slack can't be asked: that refuses."""

    def known(self, user_id: str) -> Actor | None:
        """The actor if everything about them is at hand and fresh enough; never waits."""
        ...

    async def look_up(self, user_id: str) -> Actor: ...


class Accounts(People, Protocol):
    """The account or user group under an id that a grant would name. Raises LookupFailed when Slack can't be asked."""

    async def account(self, user_id: str) -> AccountKind | None:
        """None: Slack knows no account of that id."""
        ...

    async def user_group(self, user_group_id: str) -> UserGroupKind: ...


class Channels(Protocol):
    """Who is in a channel, and what it is called. A channel the bot can't see has no members and no name."""

    async def name(self, channel: str) -> str:
        """Without the hash; "" for direct messages, and where Slack does not say. Never raises."""
        ...

    async def has_member(self, channel: str, user_id: str) -> bool:
        """Raises LookupFailed."""
        ...


class Membership(Protocol):
    """Who is in a user group. Raises LookupFailed."""

    async def members(self, user_group_id: str) -> frozenset[str]: ...


class Replies(Protocol):
    """Says it in Slack. Raises CannotPost, MessageGone, MessageRefused, or SlackBusy (with seconds to wait)."""

    async def say(self, outgoing: OutboxMessage) -> Posted | None: ...


class ChannelReplies(Replies, Protocol):
    """The same where it can be taken back."""

    async def take_back(self, posted: Posted) -> None:
        """Never raises."""
        ...


class Notices(Protocol):
    """Says a sentence in a channel. Raises CannotPost, MessageRefused, or SlackBusy."""

    async def announce(self, channel: str, sentence: str) -> None: ...


class ThreadNotices(Protocol):
    """Says sentences in the thread of a request, and answers whether others read along there. With `asking`, a button
    agrees to that asking for a deletion, where they do. Raises the same.
    """

    async def say_in_thread(self, request: Request, sentences: Sequence[str], *, asking: int | None = None) -> bool: ...


class DirectReplies(Replies, Protocol):
    """Says it to one person alone, and asks them. Raises the same."""

    async def ask_to_agree(self, user_id: str, request_id: str, sentences: Sequence[str], asking: int) -> None:
        """With the button that agrees to that asking for a deletion."""
