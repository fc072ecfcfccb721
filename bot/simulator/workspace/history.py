"""What was said: a channel's messages and a thread's, page by page, tombstones included.

Source: docs.slack.dev, reference/methods: conversations.history, conversations.replies; what no page says was seen in
answers of slack.com. Differences that stay: pages are always full (Slack's may be shorter than asked), nothing is
pinned, and no thread can be locked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.simulator.workspace.arguments import Args, bound, decoded, encoded, flag, limit_of, micros
from bot.simulator.workspace.directory import visible_channel
from bot.simulator.workspace.errors import SlackRefusal
from bot.simulator.workspace.messages import Message
from bot.simulator.workspace.state import State

MOST = 1000
_NO_ACTIONS = {"channel_actions_ts": None, "channel_actions_count": 0}
_CURSOR = "next_ts:"


class History:
    """Methods by name, with the scopes each accepts (any one)."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.methods: dict[str, Callable[[Args], dict[str, Any]]] = {
            "conversations.history": self.history,
            "conversations.replies": self.replies,
        }
        scopes = ("channels:history", "groups:history", "im:history", "mpim:history")
        self.scopes: dict[str, tuple[str, ...]] = dict.fromkeys(self.methods, scopes)

    def history(self, args: Args) -> dict[str, Any]:
        """Newest first; with `oldest` alone, the pages go forward from there, each still newest first."""
        limit = limit_of(args, most=MOST)
        channel = visible_channel(self._state, args, "history")
        latest, oldest = bound(args, "latest"), bound(args, "oldest")
        top = [message for message in self._state.messages.served(channel.id) if message.thread_ts is None]
        within = _within(top, latest, oldest, args)
        forward = oldest is not None and latest is None
        page, cursor = _page(within if forward else within[::-1], args, limit)
        echoed = {name: str(args[name]) for name in ("latest", "oldest") if args.get(name)}
        return self._answer(page[::-1] if forward else page, cursor, args, pin_count=0, **_NO_ACTIONS, **echoed)

    def replies(self, args: Args) -> dict[str, Any]:
        """A thread from its root on, oldest first; any message of it may be named."""
        limit = limit_of(args, most=MOST)
        channel = visible_channel(self._state, args, "history")
        store = self._state.messages
        named = next((item for item in store.served(channel.id) if item.ts == str(args["ts"])), None)
        if named is None:
            raise SlackRefusal("thread_not_found")
        root = named.thread_ts or named.ts
        latest, oldest = bound(args, "latest"), bound(args, "oldest")
        thread = [message for message in store.served(channel.id) if root in (message.ts, message.thread_ts)]
        page, cursor = _page(_within(thread, latest, oldest, args), args, limit)
        return self._answer(page, cursor, args)

    def _answer(self, page: list[Message], cursor: str, args: Args, **more: Any) -> dict[str, Any]:
        wanted = flag(args, "include_all_metadata")
        shown = [self._as_read(message, with_metadata=wanted) for message in page]
        following = {"response_metadata": {"next_cursor": cursor}} if cursor else {}
        return {"messages": shown, "has_more": bool(cursor), **more, **following}

    def _as_read(self, message: Message, *, with_metadata: bool) -> dict[str, Any]:
        """The message as these two methods show it: a root tells of its replies."""
        store = self._state.messages
        shown = store.as_json(message, with_metadata=with_metadata)
        replies = [item for item in store.served(message.channel) if item.thread_ts == message.ts]
        if not replies:
            return shown
        users = list(dict.fromkeys(reply.user for reply in replies))
        app = self._state.world.app.bot_user_id
        return shown | {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users_count": len(users),
            "latest_reply": replies[-1].ts,
            "reply_users": users[:5],
            "is_locked": False,
            "subscribed": app in (message.user, *users),
        }


def _within(messages: list[Message], latest: int | None, oldest: int | None, args: Args) -> list[Message]:
    """Between both moments, which are left out themselves unless `inclusive`."""
    widened = int(str(args.get("inclusive") or "").lower() not in ("", "0", "false"))
    low = oldest - widened if oldest is not None else -1
    high = latest + widened if latest is not None else None
    return [item for item in messages if low < _moment(item) and (high is None or _moment(item) < high)]


def _page(messages: list[Message], args: Args, limit: int) -> tuple[list[Message], str]:
    """The cursor names the message that the next page begins with, so that new ones move nothing."""
    mark = decoded(args, _CURSOR)
    moments = [_moment(message) for message in messages]
    if mark and int(mark) not in moments:
        raise SlackRefusal("invalid_cursor")
    start = moments.index(int(mark)) if mark else 0
    following = start + limit
    return messages[start:following], encoded(f"{_CURSOR}{moments[following]}") if following < len(messages) else ""


def _moment(message: Message) -> int:
    return micros(message.ts) or 0
