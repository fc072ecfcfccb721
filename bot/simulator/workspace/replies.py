"""What an app says through an acknowledgement body or a response_url.

Source: docs.slack.dev, interactivity/handling-user-interaction.
"""

from __future__ import annotations

from typing import Any

from bot.simulator.workspace.errors import SlackRefusal
from bot.simulator.workspace.messages import Message
from bot.simulator.workspace.state import State
from bot.simulator.workspace.tickets import ResponseUrl
from bot.simulator.workspace.webapi import refuse_bad_blocks
from bot.simulator.workspace.world import Channel, Person


class Replies:
    """Turns reply bodies into messages. It works in channels where the app is not a member."""

    def __init__(self, state: State) -> None:
        self._state = state

    def acknowledged(self, person: Person, channel: Channel, typed: str, ack: Any) -> Message | None:
        """Show a slash command's acknowledgement. Raises SlackRefusal for a body Slack would not show."""
        if ack is None or ack in ("", {}):
            return None
        body = {"text": ack} if isinstance(ack, str) else ack
        if not isinstance(body, dict):
            raise SlackRefusal("invalid_payload")
        self._check(body)
        public = body.get("response_type") == "in_channel"
        if public:
            self._state.messages.add(channel, person.id, typed)
        if not (body.get("text") or body.get("blocks")):
            return None
        return self._post(channel, person.id, body, public=public, thread_ts=None)

    def by_url(self, key: str, body: Any) -> None:
        """Take one post to a response_url. Raises SlackRefusal; a body that is refused costs no use."""
        if not isinstance(body, dict):
            raise SlackRefusal("invalid_payload")
        self._check(body)
        ticket = self._state.response_urls.use(key)
        channel = self._state.world.channels[ticket.channel]
        source = self._state.messages.find(ticket.channel, ticket.source_ts) if ticket.source_ts else None
        if source is not None and not source.deleted and source.from_app:
            if body.get("delete_original"):
                self._state.messages.delete(source)
                if set(body) == {"delete_original"}:
                    return
            elif _replaces(body):
                self._state.messages.edit(source, body.get("text"), body.get("blocks"))
                return
        if not (body.get("text") or body.get("blocks") or body.get("attachments")):
            raise SlackRefusal("no_text")
        self._reply(channel, ticket, body)

    def _reply(self, channel: Channel, ticket: ResponseUrl, body: dict[str, Any]) -> None:
        public = body.get("response_type") == "in_channel"
        thread_ts = body.get("thread_ts") if public else None
        self._post(channel, ticket.user, body, public=public, thread_ts=thread_ts, answers=ticket.source_ts)

    def _post(
        self,
        channel: Channel,
        user: str,
        body: dict[str, Any],
        *,
        public: bool,
        thread_ts: str | None,
        answers: str = "",
    ) -> Message:
        return self._state.messages.add(
            channel,
            self._state.world.app.bot_user_id,
            str(body.get("text") or ""),
            body.get("blocks"),
            thread_ts=thread_ts,
            ephemeral_to=None if public else user,
            attachments=body.get("attachments"),
            from_app=True,
            answers=answers,
        )

    def _check(self, body: dict[str, Any]) -> None:
        if body.get("text") is not None and not isinstance(body["text"], str):
            raise SlackRefusal("invalid_payload")
        if body.get("blocks") is not None:
            refuse_bad_blocks(self._state, "reply", body["blocks"])


def _replaces(body: dict[str, Any]) -> bool:
    if "replace_original" in body:
        return bool(body["replace_original"])
    return "thread_ts" in body
