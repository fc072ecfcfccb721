"""Files: uploaded in three steps, shared with a message, looked at, downloaded and deleted.

Source: docs.slack.dev, messaging/working-with-files, and reference/methods: files.*. Differences that stay: a file has
no preview, and sharing is done at once (Slack's takes a while).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from bot.simulator.workspace.arguments import Args, invalid
from bot.simulator.workspace.errors import SlackRefusal
from bot.simulator.workspace.file_store import SharedFile, file_json
from bot.simulator.workspace.state import State
from bot.simulator.workspace.world import Channel


class Files:
    """Methods by name, with the scope each needs. `find_channel` gives a channel that the app may write in."""

    def __init__(self, state: State, find_channel: Callable[[str], Channel]) -> None:
        self._state = state
        self._find_channel = find_channel
        self._uploads: dict[str, SharedFile] = {}
        self.methods: dict[str, Callable[[Args], dict[str, Any]]] = {
            "files.getUploadURLExternal": self.upload_url,
            "files.completeUploadExternal": self.complete,
            "files.info": self.info,
            "files.delete": self.delete,
        }
        self.scopes: dict[str, tuple[str, ...]] = dict.fromkeys(self.methods, ("files:write",))
        self.scopes["files.info"] = ("files:read",)

    def upload_url(self, args: Args) -> dict[str, Any]:
        size = str(args["length"])
        if not size.isdigit() or not int(size):
            raise invalid("must be a positive number [json-pointer:/length]")
        key, author = secrets.token_hex(8), self._state.world.app.bot_user_id
        made = self._uploads[key] = self._state.files.add(str(args["filename"]), int(size), self._state.clock(), author)
        return {"upload_url": f"{self._state.url}/upload/{key}", "file_id": made.id}

    def receive(self, key: str, content: bytes) -> bool:
        """Take the bytes sent to an upload URL; whether they were awaited, and as many as announced."""
        awaited = self._uploads.get(key)
        if awaited is None or len(content) != awaited.size:
            return False
        awaited.received, awaited.content = True, content
        return True

    def content(self, file_id: str) -> bytes | None:
        """What a file holds; None where there is none that is complete."""
        file = self._state.files.get(file_id)
        return file.content if file is not None and file.complete and not file.deleted else None

    def complete(self, args: Args) -> dict[str, Any]:
        named = args["files"]
        if not isinstance(named, list) or not named or not all(isinstance(item, dict) for item in named):
            raise invalid("must be an array of objects [json-pointer:/files]")
        found = [self._find(str(item.get("id") or "")) for item in named]
        if not all(file.received and not file.complete for file in found):
            raise SlackRefusal("file_not_found")
        channel = self._find_channel(str(args["channel_id"])) if args.get("channel_id") else None
        for item, file in zip(named, found, strict=True):
            file.title, file.complete = str(item.get("title") or file.name), True
        if channel is not None:
            self._share(found, channel, args)
        return {"files": [self._as_json(file) for file in found]}

    def info(self, args: Args) -> dict[str, Any]:
        file = self._find(str(args["file"]))
        if not file.complete:
            raise SlackRefusal("file_not_found")
        return {"file": self._as_json(file), "comments": [], "response_metadata": {"next_cursor": ""}}

    def delete(self, args: Args) -> dict[str, Any]:
        self._find(str(args["file"])).deleted = True
        return {}

    def _share(self, found: list[SharedFile], channel: Channel, args: Args) -> None:
        for file in found:
            file.channels.append(channel.id)
        self._state.messages.add(
            channel,
            self._state.world.app.bot_user_id,
            str(args.get("initial_comment") or ""),
            args.get("blocks"),
            thread_ts=args.get("thread_ts") or None,
            files=[self._as_json(file) for file in found],
            from_app=True,
        )

    def _find(self, file_id: str) -> SharedFile:
        file = self._state.files.get(file_id)
        if file is None:
            raise SlackRefusal("file_not_found")
        if file.deleted:
            raise SlackRefusal("file_deleted")
        return file

    def _as_json(self, file: SharedFile) -> dict[str, Any]:
        return file_json(file, self._state.url)
