"""People at work in channels: they type commands, press, select, mention and use shortcuts.

Each method returns when Slack would have shown the person the outcome. What Slack's client would not even let them
try raises NotAllowedInSlack.
Source: docs.slack.dev, interactivity/implementing-slash-commands, interactivity/implementing-shortcuts,
apis/events-api.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.workspace import payloads
from bot.simulator.workspace.choices import all_options, entered, refuse_files
from bot.simulator.workspace.delivery import Deliverer, Delivery
from bot.simulator.workspace.errors import NotAllowedInSlack, SlackRefusal
from bot.simulator.workspace.escaping import escape_typed
from bot.simulator.workspace.file_store import file_json
from bot.simulator.workspace.messages import Blocks, Message
from bot.simulator.workspace.render import blocks_text
from bot.simulator.workspace.replies import Replies
from bot.simulator.workspace.rich_text import blocks_of
from bot.simulator.workspace.state import State
from bot.simulator.workspace.validation import check_options_answer
from bot.simulator.workspace.values import EMPTY_VALUE, Values, each_block, elements_of
from bot.simulator.workspace.world import Channel, Person

PRESSED = frozenset({"button", "feedback_buttons", "icon_button", "workflow_button"})
"""Elements that hold nothing."""

BUTTON_WARNING = "⚠"
OPTIONS_FAILED = "Could not load options. Try again?"


@dataclass
class CommandOutcome:
    """A typed command. `error` is the exact text the person sees; `text` is what they read at once."""

    ok: bool
    error: str | None
    ack: dict[str, Any] | str | None
    text: str
    latency_ms: float
    delivery: dict[str, Any]


@dataclass
class ActionOutcome:
    """A click, a choice or a shortcut. `confirm` is the dialog the person had to agree to first."""

    ok: bool
    error: str | None
    ack: Any
    latency_ms: float
    delivery: dict[str, Any]
    confirm: dict[str, Any] | None = None


@dataclass
class MentionOutcome:
    """A message a person wrote. `delivery` is None where the app is told nothing."""

    ok: bool
    message: Message
    delivery: dict[str, Any] | None = None


@dataclass
class SuggestOutcome:
    """What an external select offered; `error` is what the person sees instead."""

    ok: bool
    error: str | None
    options: list[dict[str, Any]] = field(default_factory=list)
    delivery: dict[str, Any] | None = None


class People:
    """What people do in channels."""

    def __init__(self, state: State, deliverer: Deliverer) -> None:
        self.state = state
        self.deliverer = deliverer
        self._replies = Replies(state)
        self._offered: dict[tuple[str, str], list[dict[str, Any]]] = {}

    async def command(
        self, user: str, channel: str, text: str, command: str = "/snapshot", thread_ts: str | None = None
    ) -> CommandOutcome:
        """Type a slash command. A late or failed delivery is not repeated."""
        person, place = self.writer(user, channel)
        if thread_ts is not None:
            raise NotAllowedInSlack(f"{command} is not supported in threads. Sorry!")
        self.require_home_member(person, "run commands")
        config = self.state.config
        if not config.has_command(command):
            return CommandOutcome(False, f"{command} is not a valid command.", None, "", 0.0, {})
        typed = escape_typed(text, self.state.world) if config.escapes(command) else text
        payload = payloads.slash_command(self.state, person, place, command, typed)
        delivery = await self.deliverer.command(payload)
        error = None if delivery.ok else delivery.outcome
        shown = None
        if delivery.ok:
            echo = f"{command} {escape_typed(text, self.state.world, named=False)}".rstrip()
            try:
                shown = self._replies.acknowledged(person, place, echo, delivery.ack)
            except SlackRefusal as refusal:
                error = refusal.error
        return CommandOutcome(
            ok=error is None,
            error=f'{command} failed with the error "{error}"' if error else None,
            ack=delivery.ack,
            text=(shown.text or blocks_text(shown.blocks, self.state.world)) if shown else "",
            latency_ms=delivery.latency_ms,
            delivery=delivery.facts(),
        )

    async def press(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        value: str | None = None,
        *,
        revision: int | None = None,
    ) -> ActionOutcome:
        """Press a button. `value` picks one of several with that action_id; `revision` presses an older rendering."""
        return await self._act(user, channel, ts, action_id, button=value, chosen=None, revision=revision)

    async def select(self, user: str, channel: str, ts: str, action_id: str, value: Any) -> ActionOutcome:
        """Choose in a select, overflow menu, checkbox list or picker of a message."""
        return await self._act(user, channel, ts, action_id, button=None, chosen=value, revision=None)

    async def enter(
        self, user: str, channel: str, ts: str, block_id: str, action_id: str, value: Any
    ) -> ActionOutcome | None:
        """Type or choose in an element of a message; returns an outcome where that tells the app at once."""
        person, place, message = self.reader(user, channel, ts)
        block, element = find_element(message.blocks, action_id, None, block_id)
        held = self._held(person, element, value, self.state.entered.of(person.id, message))
        self.state.entered.put(person.id, message, block["block_id"], action_id, held)
        self.state.wake()
        if block["type"] == "input" and not block.get("dispatch_action"):
            return None
        shown = self.state.messages.as_json(message)
        acted = payloads.action(self.state, block["block_id"], element, held)
        payload = payloads.message_actions(self.state, person, place, message, shown, acted)
        return await self.interact(payload, element.get("confirm"))

    async def shortcut(self, user: str, callback_id: str) -> ActionOutcome:
        """Use a global shortcut."""
        person = self.active(user)
        self.require_home_member(person, "use shortcuts")
        self._require_shortcut(callback_id)
        return await self.interact(payloads.global_shortcut(self.state, person, callback_id))

    async def message_shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> ActionOutcome:
        """Use a message shortcut; ephemeral messages offer none."""
        person, place, message = self.reader(user, channel, ts)
        self.require_home_member(person, "use shortcuts")
        self._require_shortcut(callback_id)
        if message.ephemeral_to:
            raise NotAllowedInSlack("a message that only you can see has no shortcuts")
        return await self.interact(payloads.message_shortcut(self.state, person, place, message, callback_id))

    async def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> MentionOutcome:
        """Write a message; the app hears of it where it subscribed to messages or is mentioned."""
        person, place = self.writer(user, channel)
        world = self.state.world
        typed = escape_typed(text, world, named=False)
        message = self.state.messages.add(place, person.id, typed, blocks_of(typed), thread_ts=thread_ts)
        event = self._written(person, place, message)
        name = "message.im" if place.im_with else "message.groups" if place.is_private else "message.channels"
        mentioned = self._mentions_app(place, typed)
        kind = {"im": "im", "groups": "group", "channels": "channel"}[name.removeprefix("message.")]
        delivery = None
        if world.bot_is_in(place):
            heard = {**event, "type": "message", "channel_type": kind}
            delivery = await self.deliverer.event(name, heard, ext_shared=place.is_ext_shared)
            if mentioned:
                called = {**event, "type": "app_mention"}
                delivery = await self.deliverer.event("app_mention", called, ext_shared=place.is_ext_shared)
        return MentionOutcome(
            ok=delivery is None or delivery.ok, message=message, delivery=delivery.facts() if delivery else None
        )

    async def mention(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> MentionOutcome:
        """Write a message to @the-app."""
        bot = f"<@{self.state.world.app.bot_user_id}>"
        return await self.say(user, channel, text if bot in text else f"{bot} {text}", thread_ts)

    async def edit(self, user: str, channel: str, ts: str, text: str) -> MentionOutcome:
        """Change the text of one's own message. Where the app is mentioned then, it hears `app_mention` again: with
        `edited`, the same `ts`, and an event id of its own.
        """
        person, place, message = self.reader(user, channel, ts)
        if message.user != person.id:
            raise NotAllowedInSlack(f"{person.name} did not write {ts}")
        typed = escape_typed(text, self.state.world, named=False)
        self.state.messages.edit(message, typed, blocks_of(typed))
        delivery = None
        if self.state.world.bot_is_in(place) and self._mentions_app(place, typed):
            called = {**self._written(person, place, message), "type": "app_mention"}
            called["event_ts"] = called["edited"]["ts"]
            delivery = await self.deliverer.event("app_mention", called, ext_shared=place.is_ext_shared)
        return MentionOutcome(
            ok=delivery is None or delivery.ok, message=message, delivery=delivery.facts() if delivery else None
        )

    def _written(self, person: Person, place: Channel, message: Message) -> dict[str, Any]:
        """A person's message as events carry it, without its type."""
        event = {**self.state.messages.as_json(message), "channel": place.id, "event_ts": message.ts}
        if self.state.world.is_external(person):
            event |= {"user_team": person.team_id, "source_team": person.team_id}
        return event

    def _mentions_app(self, place: Channel, typed: str) -> bool:
        return f"<@{self.state.world.app.bot_user_id}" in typed and not place.im_with

    async def suggest_in_message(
        self, user: str, channel: str, ts: str, block_id: str, action_id: str, query: str
    ) -> SuggestOutcome:
        """Type in an external select of a message."""
        person, place, message = self.reader(user, channel, ts)
        _, element = find_element(message.blocks, action_id, None, block_id)
        payload = payloads.suggestion(self.state, person, block_id, action_id, query)
        payload["container"] = payloads.container(message)
        payload["channel"] = {"id": place.id, "name": payloads.channel_name(place)}
        if not message.ephemeral_to:
            payload["message"] = self.state.messages.as_json(message)
        return await self.ask_options(person, element, payload)

    async def ask_options(self, person: Person, element: dict[str, Any], payload: dict[str, Any]) -> SuggestOutcome:
        """Send an options request, unless too little was typed yet."""
        if len(payload["value"]) < element.get("min_query_length", 3):
            return SuggestOutcome(ok=True, error=None)
        delivery = await self.deliverer.interactive(payload, accepts_payload=True)
        answer: Any = delivery.ack
        errors = check_options_answer(answer) if delivery.ok else []
        if errors:
            self.state.journal.add("validation", where="block_suggestion", errors=errors)
        if not delivery.ok or errors:
            return SuggestOutcome(False, OPTIONS_FAILED, [], delivery.facts())
        options = all_options(answer)
        self._offered[person.id, payload["action_id"]] = options
        return SuggestOutcome(True, None, options, delivery.facts())

    def offered(self, person: Person, action_id: str) -> list[dict[str, Any]]:
        """The options the person was last shown for an external select."""
        return self._offered.get((person.id, action_id), [])

    async def interact(self, payload: dict[str, Any], confirm: dict[str, Any] | None = None) -> ActionOutcome:
        """Send a click or a shortcut; its acknowledgement carries nothing."""
        if not self.state.config.interactive:
            raise NotAllowedInSlack("this app is not configured to handle interactive responses")
        delivery = await self.deliverer.interactive(payload)
        return action_outcome(delivery, confirm)

    def active(self, user: str) -> Person:
        """The person, who must still have an account."""
        person = self.state.world.person(user)
        if person.deleted:
            raise NotAllowedInSlack(f"{person.name} is deactivated")
        if person.is_bot:
            raise NotAllowedInSlack(f"{person.name} is a bot")
        return person

    def writer(self, user: str, channel: str) -> tuple[Person, Channel]:
        """The person and a channel they may write in; the app's name stands for the direct message with it."""
        person = self.active(user)
        world = self.state.world
        if channel.removeprefix("@") in (world.app.bot_user_id, world.app.bot_name):
            return person, world.direct_message(person)
        place = world.channel(channel)
        if person.id not in place.members:
            raise NotAllowedInSlack(f"{person.name} is not in {place.name}")
        if place.is_archived:
            raise NotAllowedInSlack(f"{place.name} is archived")
        return person, place

    def reader(self, user: str, channel: str, ts: str) -> tuple[Person, Channel, Message]:
        """The person, the channel, and a message there that they can see."""
        person = self.active(user)
        place = self.state.world.channel(channel)
        message = self.state.messages.find(place.id, ts)
        hidden = message is None or message.deleted or message.ephemeral_to not in (None, person.id)
        if message is None or hidden or not self.state.world.may_see(person, place):
            raise NotAllowedInSlack(f"{person.name} sees no message {ts} in {place.name}")
        return person, place, message

    def require_home_member(self, person: Person, what: str) -> None:
        if self.state.world.is_external(person):
            raise NotAllowedInSlack(f"{person.name} belongs to another organisation and cannot {what} here")

    async def _act(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        button: str | None,
        chosen: Any,
        revision: int | None,
    ) -> ActionOutcome:
        person, place, message = self.reader(user, channel, ts)
        blocks = message.blocks if revision is None else message.history[revision][2]
        block, element = find_element(blocks, action_id, button)
        shown = self.state.messages.as_json(message)
        if revision is not None:
            shown |= {"text": message.history[revision][1], "blocks": blocks}
        require_pressable(person, element)
        held: dict[str, Any] = {}
        if element["type"] not in PRESSED:
            held = self._held(person, element, chosen, self.state.entered.of(person.id, message, blocks))
        if element["type"] in EMPTY_VALUE:
            self.state.entered.put(person.id, message, block["block_id"], action_id, held)
        acted = payloads.action(self.state, block["block_id"], element, held)
        payload = payloads.message_actions(self.state, person, place, message, shown, acted)
        return await self.interact(payload, element.get("confirm"))

    def _held(self, person: Person, element: dict[str, Any], value: Any, values: Values) -> dict[str, Any]:
        """An element's state after a person entered something. What was chosen stays offered, whatever was searched
        for since.
        """
        action_id = element["action_id"]
        before = next((actions[action_id] for actions in values.values() if action_id in actions), {})
        chosen = [*(before.get("selected_options") or []), *filter(None, [before.get("selected_option")])]
        if element["type"] == "file_input":
            value = self._handed_in(person, element, value)
        return entered(element, value, self.state.world, [*self.offered(person, action_id), *chosen])

    def _handed_in(self, person: Person, element: dict[str, Any], given: Any) -> list[dict[str, Any]]:
        """The files that a person picked: each `name` with its `content` in base64."""
        picked = [(str(one["name"]), b64decode(one["content"])) for one in given or []]
        refuse_files(element, picked)
        now, state = self.state.clock(), self.state
        return [file_json(state.files.handed_in(name, content, now, person.id), state.url) for name, content in picked]

    def _require_shortcut(self, callback_id: str) -> None:
        config = self.state.config
        if "commands" not in config.scopes or (config.shortcuts is not None and callback_id not in config.shortcuts):
            raise NotAllowedInSlack(f"the app has no shortcut {callback_id}")


def action_outcome(delivery: Delivery, confirm: dict[str, Any] | None = None) -> ActionOutcome:
    error = None if delivery.ok else BUTTON_WARNING
    return ActionOutcome(delivery.ok, error, delivery.ack, delivery.latency_ms, delivery.facts(), confirm)


def find_element(
    blocks: Blocks, action_id: str, value: str | None, block_id: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The block and the element that a person acts on. Raises NotAllowedInSlack if it is not shown."""
    for block in each_block(blocks):
        if block_id is not None and block["block_id"] != block_id:
            continue
        for element in (part for one in elements_of(block) for part in _parts(one)):
            if element.get("action_id") == action_id and value in (None, element.get("value")):
                return block, element
    raise NotAllowedInSlack(f"no element {action_id} is shown there")


def _parts(element: dict[str, Any]) -> list[dict[str, Any]]:
    """What can be acted on in an element: the two buttons of feedback, else itself."""
    if element["type"] != "feedback_buttons":
        return [element]
    named = {"type": element["type"], "action_id": element["action_id"]}
    return [named | element[name] for name in ("positive_button", "negative_button")]


def require_pressable(person: Person, element: dict[str, Any]) -> None:
    """Raises NotAllowedInSlack for what this person does not see, and for what tells the app nothing."""
    if person.id not in element.get("visible_to_user_ids", [person.id]):
        raise NotAllowedInSlack(f"{person.name} does not see {element['action_id']}")
    if element["type"] == "workflow_button":
        raise NotAllowedInSlack("a workflow button starts a workflow, and this workspace has none")
