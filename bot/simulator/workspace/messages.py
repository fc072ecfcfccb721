"""Messages: posting, editing, deleting, threads and what only one person sees.

Source: docs.slack.dev, reference/methods: chat.postMessage, chat.update, chat.postEphemeral, chat.delete.
A difference that stays: the `message` in the answer of chat.update has its `ts`, as recorded answers have; by others'
measurements it stands beside it alone.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.workspace.arguments import micros
from bot.simulator.workspace.errors import SlackRefusal
from bot.simulator.workspace.rich_text import blocks_of
from bot.simulator.workspace.values import each_block, name_elements
from bot.simulator.workspace.world import Channel, WorkspaceWorld

Blocks = list[dict[str, Any]]
Listener = Callable[["Message", str], None]
POST_TEXT_LIMIT = 40_000
SLACKBOT_ID = "USLACKBOT"
_EARLIEST_TS = 631_152_000
"""The year 1990, in unix seconds: Slack knows no older message."""

UPDATE_TEXT_LIMIT = 4_000


@dataclass
class Message:
    """One message. `history` holds every rendering, the first included, as (unix seconds, text, blocks); `reactions`
    are the app's own. `answers`: ts of the message whose button it answers through a response_url.
    """

    ts: str
    channel: str
    user: str
    text: str
    blocks: Blocks = field(default_factory=list)
    thread_ts: str | None = None
    ephemeral_to: str | None = None
    edits: int = 0
    history: list[tuple[float, str, Blocks]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    attachments: Blocks = field(default_factory=list)
    deleted: bool = False
    files: Blocks = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)
    from_app: bool = False
    answers: str = ""


class MessageStore:
    """All messages, by channel in order of ts."""

    def __init__(self, world: WorkspaceWorld, clock: Callable[[], float], wake: Callable[[], None]) -> None:
        self._world = world
        self._clock = clock
        self._wake = wake
        self._by_channel: dict[str, dict[str, Message]] = {}
        self._last_us: dict[str, int] = {}
        self._listeners: list[Listener] = []
        self._block_serial = 0

    def on_change(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def add(
        self,
        channel: Channel,
        user: str,
        text: str,
        blocks: Blocks | None = None,
        *,
        thread_ts: str | None = None,
        ephemeral_to: str | None = None,
        metadata: dict[str, Any] | None = None,
        attachments: Blocks | None = None,
        files: Blocks | None = None,
        from_app: bool = False,
        answers: str = "",
    ) -> Message:
        """Store a message as Slack would: a reply to nothing stands at the top level. Raises SlackRefusal."""
        if thread_ts is not None:
            thread_ts = self._thread_of(channel.id, thread_ts)
        message = Message(
            ts=self._next_ts(channel.id),
            channel=channel.id,
            user=user,
            text=text[:POST_TEXT_LIMIT],
            blocks=self._as_stored(blocks or []),
            thread_ts=thread_ts,
            ephemeral_to=ephemeral_to,
            metadata=metadata,
            attachments=copy.deepcopy(attachments or []),
            files=files or [],
            from_app=from_app,
            answers=answers,
        )
        message.history.append((self._clock(), message.text, message.blocks))
        self._by_channel.setdefault(channel.id, {})[message.ts] = message
        self._tell(message, "ephemeral" if ephemeral_to else "posted")
        return message

    def edit(
        self,
        message: Message,
        text: str | None,
        blocks: Blocks | None,
        *,
        metadata: dict[str, Any] | None = None,
        attachments: Blocks | None = None,
    ) -> None:
        """Text without blocks removes the blocks; neither keeps both; `[]` clears; metadata stays unless given."""
        new_text = message.text if text is None and blocks is None else (text or "")
        new_blocks = message.blocks if text is None and blocks is None else self._as_stored(blocks or [])
        if not (new_text or new_blocks or attachments or message.attachments):
            raise SlackRefusal("no_text")
        message.text, message.blocks = new_text, new_blocks
        if metadata is not None:
            message.metadata = metadata or None
        if attachments is not None:
            message.attachments = copy.deepcopy(attachments)
        message.edits += 1
        message.history.append((self._clock(), message.text, message.blocks))
        self._tell(message, "edited")

    def delete(self, message: Message) -> None:
        message.deleted = True
        self._tell(message, "deleted")

    def find(self, channel_id: str, ts: str) -> Message | None:
        """The message, deleted or not."""
        return self._by_channel.get(channel_id, {}).get(ts)

    def visible(self, channel_id: str, viewer: str | None = None) -> list[Message]:
        """What everybody in the channel sees, and with a viewer also what only they see."""
        return [
            message
            for message in self._by_channel.get(channel_id, {}).values()
            if not message.deleted and message.ephemeral_to in (None, viewer)
        ]

    def thread(self, channel_id: str, parent_ts: str, viewer: str | None = None) -> list[Message]:
        """The parent, if it still stands, and its replies."""
        return [message for message in self.visible(channel_id, viewer) if parent_ts in (message.ts, message.thread_ts)]

    def served(self, channel_id: str) -> list[Message]:
        """What the Web API reads: nothing that one person sees alone, and a deleted root while it has replies."""
        messages = [item for item in self._by_channel.get(channel_id, {}).values() if not item.ephemeral_to]
        held = {message.thread_ts for message in messages if not message.deleted}
        return [message for message in messages if not message.deleted or message.ts in held]

    def forget_ephemeral(self, user: str) -> None:
        """The person reloaded Slack: what only they saw is gone."""
        for messages in self._by_channel.values():
            for ts in [ts for ts, message in messages.items() if message.ephemeral_to == user]:
                del messages[ts]
        self._wake()

    def latest(self, count: int) -> list[str]:
        everything = [message for messages in self._by_channel.values() for message in messages.values()]
        everything.sort(key=lambda message: message.history[-1][0])
        return [f"{message.channel} {message.ts} {message.text[:100]!r}" for message in everything[-count:]]

    def as_json(self, message: Message, *, with_metadata: bool = False) -> dict[str, Any]:
        """The message object of the Web API and of payloads."""
        if message.deleted:
            return _tombstone(message)
        world = self._world
        shown: dict[str, Any] = {"user": message.user, "type": "message", "ts": message.ts}
        if message.from_app:
            shown |= {"bot_id": world.app.bot_id, "app_id": world.app.id}
        else:
            shown["client_msg_id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{message.channel}/{message.ts}"))
        author = world.people.get(message.user)
        shown |= {"text": message.text, "team": author.team_id if author else world.team_id}
        if message.from_app:
            shown["bot_profile"] = bot_profile(world)
        if blocks := copy.deepcopy(message.blocks) or _text_blocks(message):
            shown["blocks"] = blocks
        if message.attachments:
            shown["attachments"] = copy.deepcopy(message.attachments)
        if message.reactions:
            mine = {"users": [world.app.bot_user_id], "count": 1}
            shown["reactions"] = [{"name": name, **mine} for name in message.reactions]
        if message.files:
            shown["files"] = copy.deepcopy(message.files)
        if message.thread_ts:
            parent = self.find(message.channel, message.thread_ts)
            shown |= {"thread_ts": message.thread_ts, "parent_user_id": parent.user if parent else ""}
        elif len(replies := self.thread(message.channel, message.ts)) > 1 and not message.ephemeral_to:
            shown |= {"thread_ts": message.ts, "reply_count": len(replies) - 1}
        if message.edits and not (message.from_app and message.blocks):
            shown["edited"] = {"user": message.user, "ts": f"{message.history[-1][0]:.6f}"}
        if with_metadata and message.metadata:
            shown["metadata"] = copy.deepcopy(message.metadata)
        return shown

    def _thread_of(self, channel_id: str, thread_ts: str) -> str | None:
        """Where a reply lands: below the root, also when a reply was named. None: no such thread is left, which is no
        error. A deleted root that has replies stays as a tombstone, and its thread goes on (INFERRED).

        Source: github.com/slack-go/slack, issue 1571, and others.
        """
        moment = micros(thread_ts) or 0
        seconds = moment // 1_000_000
        if not _EARLIEST_TS < seconds <= self._clock() + 3600:
            messages = [f"[ERROR] {moment} is not a valid thread_ts"]
            raise SlackRefusal("invalid_thread_ts", {"response_metadata": {"messages": messages}})
        parent = self.find(channel_id, f"{seconds}.{moment % 1_000_000:06d}")
        if parent is not None and parent.thread_ts:
            parent = self.find(channel_id, parent.thread_ts)
        if parent is None or parent.ephemeral_to or (parent.deleted and not self.thread(channel_id, parent.ts)):
            return None
        return parent.ts

    def _next_ts(self, channel_id: str) -> str:
        moment = max(int(self._clock() * 1_000_000), self._last_us.get(channel_id, 0) + 1)
        self._last_us[channel_id] = moment
        return f"{moment // 1_000_000}.{moment % 1_000_000:06d}"

    def _as_stored(self, blocks: Blocks) -> Blocks:
        stored = copy.deepcopy(blocks)
        for block in each_block(stored):
            if not block.get("block_id"):
                self._block_serial += 1
                block["block_id"] = f"sim{self._block_serial:x}"
            name_elements(block)
        complete_texts(stored)
        return stored

    def _tell(self, message: Message, kind: str) -> None:
        for listener in self._listeners:
            listener(message, kind)
        self._wake()


def _text_blocks(message: Message) -> Blocks:
    """The rich text in which a message without blocks is told, under the same id each time."""
    named = uuid.uuid5(uuid.NAMESPACE_URL, f"{message.channel}/{message.ts}/{message.edits}").hex[:5]
    return [{**block, "block_id": named} for block in blocks_of(message.text)]


def _tombstone(message: Message) -> dict[str, Any]:
    """What stands in place of a deleted root, so that its thread can be read: nothing of its author is left."""
    shown = {"type": "message", "subtype": "tombstone", "text": "This message was deleted.", "ts": message.ts}
    return {**shown, "user": SLACKBOT_ID, "parent_user_id": SLACKBOT_ID, "hidden": True, "thread_ts": message.ts}


def bot_profile(world: WorkspaceWorld) -> dict[str, Any]:
    """The `bot_profile` object that Slack adds to an app's messages."""
    return {
        "id": world.app.bot_id,
        "deleted": False,
        "name": world.app.name,
        "updated": 1767200000,
        "app_id": world.app.id,
        "icons": {f"image_{size}": f"https://example.com/{size}.png" for size in (36, 48, 72)},
        "team_id": world.team_id,
    }


def complete_texts(value: Any) -> None:
    """Add the `emoji` and `verbatim` flags that Slack fills in on text objects, confirm dialogs excepted."""
    if isinstance(value, dict):
        if value.get("type") == "plain_text":
            value.setdefault("emoji", True)
        elif value.get("type") == "mrkdwn":
            value.setdefault("verbatim", False)
        for key, item in value.items():
            if key != "confirm":
                complete_texts(item)
    elif isinstance(value, list):
        for item in value:
            complete_texts(item)
