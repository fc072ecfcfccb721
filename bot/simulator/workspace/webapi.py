"""The Web API's methods: arguments in, the answer's fields out, or a SlackRefusal.

Source: docs.slack.dev, reference/methods. Differences that stay: a name with @ is no one's (`channel_not_found`),
auth.revoke sends no tokens_revoked, any word of the right letters is an emoji, and there are no group direct messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bot.simulator.workspace.arguments import Args, flag, invalid
from bot.simulator.workspace.directory import Directory
from bot.simulator.workspace.errors import SlackRefusal
from bot.simulator.workspace.files import Files
from bot.simulator.workspace.history import History
from bot.simulator.workspace.messages import SLACKBOT_ID, UPDATE_TEXT_LIMIT, Message
from bot.simulator.workspace.state import State
from bot.simulator.workspace.validation import check_message_blocks, check_view, view_is_too_large
from bot.simulator.workspace.world import Channel

Method = Callable[[Args], dict[str, Any]]
_USER_ID = re.compile(r"^[UW][A-Z0-9]{2,}$")
_REACTION = re.compile(r"[a-z0-9_+'-]+(?:::skin-tone-[2-6])?")
_SPEAKING = {"text", "fallback", "title", "pretext", "author_name", "fields"}
BLOCK_TEXT_LIMIT = 100_000


class WebApi:
    """Methods by name. `scopes` is what each needs, any one of them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._world = state.world
        directory, history = Directory(state), History(state)
        self.files = Files(state, lambda channel: self._writable({"channel": channel}, "is_archived", people=False))
        self.methods: dict[str, Method] = {
            "api.test": self.api_test,
            "auth.test": self.auth_test,
            "auth.revoke": self.auth_revoke,
            "chat.postMessage": self.post_message,
            "chat.update": self.update,
            "chat.delete": self.delete,
            "chat.postEphemeral": self.post_ephemeral,
            "chat.getPermalink": self.get_permalink,
            "reactions.add": self.react,
            "reactions.remove": self.take_reaction_back,
            "views.open": self.views_open,
            "views.push": self.views_push,
            "views.update": self.views_update,
            "views.publish": self.views_publish,
            **directory.methods,
            **history.methods,
            **self.files.methods,
        }
        self.scopes: dict[str, tuple[str, ...]] = {
            **{
                name: ("chat:write",)
                for name in self.methods
                if name.startswith("chat.") and name != "chat.getPermalink"
            },
            "reactions.add": ("reactions:write",),
            "reactions.remove": ("reactions:write",),
            **directory.scopes,
            **history.scopes,
            **self.files.scopes,
        }

    def auth_test(self, args: Args) -> dict[str, Any]:
        world = self._world
        return {
            "url": f"https://{world.team_domain}.slack.com/",
            "team": world.team_name,
            "user": world.app.bot_name,
            "team_id": world.team_id,
            "user_id": world.app.bot_user_id,
            "bot_id": world.app.bot_id,
            **({"enterprise_id": world.enterprise_id} if world.enterprise_id else {}),
            "is_enterprise_install": False,
        }

    def api_test(self, args: Args) -> dict[str, Any]:
        """An echo, which needs no token; it fails when asked to."""
        told = {"args": {key: str(value) for key, value in args.items() if key != "token"}}
        if args.get("error"):
            raise SlackRefusal(str(args["error"]), told)
        return told

    def auth_revoke(self, args: Args) -> dict[str, Any]:
        if flag(args, "test"):
            return {"revoked": False}
        self._state.token_revoked = True
        return {"revoked": True}

    def post_message(self, args: Args) -> dict[str, Any]:
        channel = self._writable(args, "is_archived")
        text, blocks, attachments = self._content(args)
        message = self._state.messages.add(
            channel,
            self._world.app.bot_user_id,
            text or "",
            blocks,
            thread_ts=args.get("thread_ts") or None,
            metadata=_metadata(args.get("metadata")) or None,
            attachments=attachments,
            from_app=True,
        )
        return {"channel": channel.id, "ts": message.ts, "message": self._state.messages.as_json(message)}

    def update(self, args: Args) -> dict[str, Any]:
        channel = self._writable(args, "is_inactive", people=False)
        message = self._own(channel, args, "cant_update_message")
        if len(str(args.get("text") or "")) > UPDATE_TEXT_LIMIT:
            raise SlackRefusal("msg_too_long")
        text, blocks, attachments = self._content(args)
        metadata = _metadata(args["metadata"]) if args.get("metadata") is not None else None
        self._state.messages.edit(message, text, blocks, metadata=metadata, attachments=attachments)
        shown = self._state.messages.as_json(message)
        return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}

    def delete(self, args: Args) -> dict[str, Any]:
        channel = self._writable(args, "is_inactive", people=False)
        message = self._own(channel, args, "cant_delete_message")
        self._state.messages.delete(message)
        return {"channel": channel.id, "ts": message.ts}

    def post_ephemeral(self, args: Args) -> dict[str, Any]:
        if not _USER_ID.fullmatch(str(args["user"])):
            raise invalid(f"input must match regex pattern: {_USER_ID.pattern} [json-pointer:/user]")
        channel = self._writable(args, "is_archived", people=False)
        person = self._world.people.get(str(args.get("user", "")))
        if person is None or person.deleted or person.id not in channel.members:
            raise SlackRefusal("user_not_in_channel")
        text, blocks, attachments = self._content(args, may_be_empty=True)
        message = self._state.messages.add(
            channel,
            self._world.app.bot_user_id,
            text or "",
            blocks,
            thread_ts=args.get("thread_ts") or None,
            ephemeral_to=person.id,
            attachments=attachments,
            from_app=True,
        )
        return {"message_ts": message.ts}

    def get_permalink(self, args: Args) -> dict[str, Any]:
        channel = self._known_channel(args)
        message = self._served(channel, str(args["message_ts"]))
        link = f"https://{self._world.team_domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
        if message.thread_ts:
            link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
        return {"channel": channel.id, "permalink": link}

    def react(self, args: Args) -> dict[str, Any]:
        message = self._served(self._known_channel(args), str(args["timestamp"]))
        name = str(args["name"])
        if not _REACTION.fullmatch(name):
            raise SlackRefusal("invalid_name")
        if name in message.reactions:
            raise SlackRefusal("already_reacted")
        message.reactions.append(name)
        return {}

    def take_reaction_back(self, args: Args) -> dict[str, Any]:
        if args.get("channel") is None or args.get("timestamp") is None:
            raise SlackRefusal("no_item_specified")
        message = self._served(self._known_channel(args), str(args["timestamp"]))
        if str(args["name"]) not in message.reactions:
            raise SlackRefusal("no_reaction")
        message.reactions.remove(str(args["name"]))
        return {}

    def views_open(self, args: Args) -> dict[str, Any]:
        view = self._checked_view(args, kinds=("modal",))
        trigger = self._state.triggers.use(str(args.get("trigger_id", "")))
        return self._shown(self._state.views.open(trigger, view).id)

    def views_push(self, args: Args) -> dict[str, Any]:
        view = self._checked_view(args, kinds=("modal",))
        trigger = self._state.triggers.use(str(args.get("trigger_id", "")))
        return self._shown(self._state.views.push(trigger, view).id)

    def views_update(self, args: Args) -> dict[str, Any]:
        found = self._state.views.find(str(args.get("view_id") or ""), str(args.get("external_id") or ""))
        view = self._checked_view(args, kinds=(str(found.source["type"]),))
        self._state.views.update(found, view, str(args.get("hash") or ""))
        return self._shown(found.id)

    def views_publish(self, args: Args) -> dict[str, Any]:
        if not self._state.config.home_tab:
            raise SlackRefusal("not_enabled")
        user = str(args.get("user_id", ""))
        if user not in self._world.people:
            raise invalid("invalid `user_id`")
        view = self._checked_view(args, kinds=("home",))
        return self._shown(self._state.views.publish(user, view, str(args.get("hash") or "")).id)

    def _shown(self, view_id: str) -> dict[str, Any]:
        return {"view": self._state.views.as_json(self._state.views.find(view_id, ""))}

    def _checked_view(self, args: Args, kinds: tuple[str, ...]) -> dict[str, Any]:
        view = args.get("view")
        errors = check_view(view)
        if isinstance(view, dict) and view.get("type") in ("modal", "home") and view["type"] not in kinds:
            errors.append(
                "must match the `type` of the root view whose stack we're pushing onto [json-pointer:/view/type]"
            )
        if errors:
            self._state.journal.add("validation", where="views", errors=errors)
            raise invalid(*errors)
        if view_is_too_large(view):
            raise SlackRefusal("view_too_large")
        assert isinstance(view, dict)
        return view

    def _content(
        self, args: Args, *, may_be_empty: bool = False
    ) -> tuple[str | None, list[dict[str, Any]] | None, list[dict[str, Any]] | None]:
        text, blocks, attachments = args.get("text"), args.get("blocks"), args.get("attachments")
        if args.get("markdown_text"):
            if text or blocks:
                raise SlackRefusal("markdown_text_conflict")
            text = args["markdown_text"]
        if text is not None and not isinstance(text, str):
            raise invalid("must be a string [json-pointer:/text]")
        if blocks is not None:
            refuse_bad_blocks(self._state, "chat", blocks)
        attachments = attachments if isinstance(attachments, list) else None
        if attachments and len(attachments) > 100:
            raise SlackRefusal("too_many_attachments")
        if not may_be_empty and not (text or blocks or any(_speaks(item) for item in attachments or [])):
            raise SlackRefusal("no_text")
        return text, blocks, attachments

    def _writable(self, args: Args, archived_error: str, *, people: bool = True) -> Channel:
        """The channel, which the app must be in; a person's id stands for their direct message."""
        ref = str(args.get("channel", ""))
        person = self._world.people.get(ref)
        if people and (ref == SLACKBOT_ID or (person is not None and person.is_bot)):
            raise SlackRefusal("cannot_dm_bot")
        if person is not None:
            if not people or person.deleted or person.is_stranger:
                raise SlackRefusal("channel_not_found")
            return self._world.direct_message(person)
        channel = self._known_channel({"channel": self._id_of(ref)} if people else args)
        if not self._world.bot_is_in(channel) and "chat:write.public" not in self._state.config.scopes:
            raise SlackRefusal("not_in_channel")
        if channel.is_archived:
            raise SlackRefusal(archived_error)
        return channel

    def _known_channel(self, args: Args) -> Channel:
        channel = self._world.channels.get(str(args.get("channel", "")))
        if channel is None or (channel.is_private and not self._world.bot_is_in(channel)):
            raise SlackRefusal("channel_not_found")
        return channel

    def _id_of(self, ref: str) -> str:
        """A channel's id also for its name, with # or without, which chat.postMessage alone takes."""
        wanted = ref.removeprefix("#")
        named = (place.id for place in self._world.channels.values() if place.name == wanted and not place.im_with)
        return next(named, ref)

    def _standing(self, channel: Channel, ts: str) -> Message:
        message = self._state.messages.find(channel.id, ts)
        if message is None or message.deleted or message.ephemeral_to:
            raise SlackRefusal("message_not_found")
        return message

    def _served(self, channel: Channel, ts: str) -> Message:
        """A message to point at, a tombstone too."""
        for message in self._state.messages.served(channel.id):
            if message.ts == ts:
                return message
        raise SlackRefusal("message_not_found")

    def _own(self, channel: Channel, args: Args, error: str) -> Message:
        message = self._standing(channel, str(args.get("ts", "")))
        if not message.from_app:
            raise SlackRefusal(error)
        return message


def refuse_bad_blocks(state: State, where: str, blocks: Any) -> None:
    """Raises SlackRefusal: invalid_blocks_format or invalid_blocks with every violation, which are journaled too."""
    if not isinstance(blocks, list):
        raise SlackRefusal("invalid_blocks_format")
    errors = check_message_blocks(blocks)
    if errors:
        state.journal.add("validation", where=where, errors=errors)
        messages = [f"[ERROR] {line}" for line in errors]
        raise SlackRefusal("invalid_blocks", {"errors": errors, "response_metadata": {"messages": messages}})
    if len(str(blocks)) > BLOCK_TEXT_LIMIT:
        raise SlackRefusal("msg_blocks_too_long")


def _speaks(attachment: Any) -> bool:
    """Whether an attachment is a message by itself, rather than its decoration."""
    return isinstance(attachment, dict) and bool(attachment.get("blocks") or _SPEAKING & attachment.keys())


def _metadata(value: Any) -> dict[str, Any]:
    if value is None or value == {}:
        return {}
    if not isinstance(value, dict):
        raise SlackRefusal("invalid_metadata_format")
    if not isinstance(value.get("event_type"), str) or not isinstance(value.get("event_payload"), dict):
        raise SlackRefusal("invalid_metadata_schema")
    return value
