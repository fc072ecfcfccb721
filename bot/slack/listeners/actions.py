"""Every button, also the one that sends a form: who pressed it, what they may do, and a private word."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.actors import Actor
from bot.domain.audit import not_looked_up
from bot.domain.errors import LookupFailed
from bot.domain.forms import Form, FormKind
from bot.domain.requests import Place
from bot.domain.results import Refused, Told
from bot.ports.audit import Audit
from bot.ports.forms import AppHomes, DeferredReply
from bot.ports.requests import Requests
from bot.slack.client.modals import open_view
from bot.slack.front import Front
from bot.slack.ids import APPROVE, CANCEL, CHANGE, CONFIRM, DENY, place_at
from bot.slack.listeners.deferred_replies import InHand, Reply, delivered
from bot.slack.payloads import BlockAction, Entered, View, ViewAction
from bot.slack.views import responses
from bot.slack.views.create_modal import errors_beside
from bot.workflow.form_sessions import ACTED_ALREADY, SENT_ALREADY, FormSessions, Returned

ON_ITS_MESSAGE = frozenset({CONFIRM, CHANGE, CANCEL, APPROVE, DENY})
"""Buttons on the messages of a request that are edited; their value is its id."""


@dataclass(frozen=True, slots=True)
class UserAction:
    """A button that was pressed, or a form that was sent, as far as it may be written down.

    `value` is the button's, or what the form is about; `entered` is what was filled in. `channel` is "" in views, which
    have no place of their own; for a form it is, with `thread_ts`, where that was opened. `trigger_id` opens a form
    within seconds, and a restart outlives it.
    """

    name: str
    user_id: str
    value: str
    channel: str
    thread_ts: str | None = None
    entered: Entered = field(default_factory=Entered)
    in_app_home: bool = False
    form_id: str = ""
    trigger_id: str = ""

    @property
    def place(self) -> Place:
        """Where a form that opens by it is answered: where it was pressed, in its thread."""
        return place_at(self.channel, self.thread_ts)

    @property
    def decided_at(self) -> str | None:
        """The channel that counts for what a button does. Views, a form that was sent among them, and the direct
        message with the bot are no place: there the place of the request counts.
        """
        no_place = self.form_id or not self.channel or self.place.direct
        return None if no_place else self.channel


Decide = Callable[[Actor, UserAction], Awaitable[Told | Reply | None]]
"""Decides as the rows stand, and answers in a sentence or in a message; None: there is nothing to say about it."""

INTERRUPTED = Told("I was interrupted before I could open the form. Please press again.", done=False)
"""For what needs a trigger, which did not live as long."""


async def open_form(
    front: Front, sessions: FormSessions, action: UserAction, form: Form, view: dict[str, Any], or_else: str
) -> Told | None:
    """Opened by what was pressed, and kept once Slack shows it. `or_else`: what to do where Slack does not."""
    if not action.trigger_id:
        return INTERRUPTED
    shown = await open_view(front.client, action.trigger_id, view)
    if shown is None:
        return Told(f"Slack did not let me open the form in time. {or_else}", done=False)
    await sessions.save(replace(form, view_id=shown.id))
    return None


@dataclass(frozen=True, slots=True)
class Button:
    """`now`: decided before it is acknowledged where the person is known, so that a crash loses neither. `later`: it
    asks Slack or the cloud, so it is written down first. `once`: the same, and its value names what it acts on once.
    """

    decide: Decide
    when: Literal["now", "later", "once"] = "now"


@dataclass(frozen=True, slots=True)
class SmallForm:
    """A form that acts once. `problems` are what is wrong with it, by field; without any it is over."""

    kind: FormKind
    problems: Callable[[Form, Entered], Awaitable[Mapping[str, str]]]
    decide: Decide


class Rows(AppHomes, Audit, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Actions:
    """Everybody who sees a button can press it; what it does is decided by who did."""

    front: Front
    store: Rows
    form_sessions: FormSessions
    buttons: Mapping[str, Button]
    forms: Mapping[str, SmallForm]

    def __post_init__(self) -> None:
        self.front.deferred.answered_by("action", self._answer)

    async def on_button(self, name: str, ack: AsyncAck, block_action: BlockAction) -> None:
        action = UserAction(
            name,
            block_action.user_id,
            block_action.value,
            block_action.channel,
            block_action.thread_ts,
            in_app_home=block_action.in_app_home,
            trigger_id=block_action.trigger_id,
        )
        when = self.buttons[name].when
        actor = self.front.people.known(action.user_id) if when == "now" else None
        if actor is None:
            claim = f"form:{action.user_id}:{action.value[:64]}" if when == "once" else None
            await self.take(ack, action, block_action.response_url, claim)
        else:
            reply = await self._decide(actor, action)
            await ack()
            self.front.tasks.start(self._say(action, block_action.response_url, reply))
        self.front.tasks.start(self._replace_left_over(block_action, action))

    async def on_form(self, name: str, ack: AsyncAck, sent: ViewAction) -> None:
        form = await self.form_sessions.theirs(self.forms[name].kind, returned(sent))
        if isinstance(form, Refused):
            await refuse_form(ack, sent.view, {"": form.sentence})
            return
        if problems := await self.forms[name].problems(form, sent.view.entered):
            await refuse_form(ack, sent.view, problems)
            return
        action = UserAction(
            name,
            sent.user_id,
            form.subject,
            form.place.channel_id,
            form.place.thread_ts,
            sent.view.entered,
            in_app_home=sent.in_app_home,
            form_id=form.id,
            trigger_id=sent.trigger_id,
        )
        await self.take(ack, action, sent.response_url, f"form:{form.id}")

    async def take(self, ack: AsyncAck, action: UserAction, response_url: str | None, claim: str | None = None) -> None:
        """Written down before it is acknowledged, and decided after."""
        facts = ("name", "value", "entered", "in_app_home", "form_id")
        deferred_reply = DeferredReply(
            f"action:{delivered(action.trigger_id)}",
            "action",
            action.user_id,
            action.channel,
            action.thread_ts,
            {fact: getattr(action, fact) for fact in facts},
            self.front.clock.now(),
            claim,
        )
        await self.front.deferred.take(deferred_reply, InHand(response_url, action.trigger_id))
        await ack()

    async def _replace_left_over(self, block_action: BlockAction, action: UserAction) -> None:
        """A message of which Slack's answer was lost stands beside the one that followed it, and its place was unknown:
        the button on it tells it.
        """
        ts = block_action.message_ts
        if action.name not in ON_ITS_MESSAGE or not action.channel or not ts or block_action.is_ephemeral:
            return
        if found := await self.store.request(action.value):
            await self.front.replies.replace_left_over(found[0], action.channel, ts)

    async def _answer(self, deferred_reply: DeferredReply, in_hand: InHand) -> Reply | None:
        action = UserAction(
            user_id=deferred_reply.user_id,
            channel=deferred_reply.channel,
            thread_ts=deferred_reply.thread_ts,
            trigger_id=in_hand.trigger_id,
            **deferred_reply.payload,
        )
        action = replace(action, entered=Entered(action.entered))
        if deferred_reply.late:
            await self.form_sessions.sent_again(action.form_id or action.value)
            return Reply(responses.told(SENT_ALREADY if action.form_id else ACTED_ALREADY))
        try:
            reply = await self._decide(await self.front.people.look_up(action.user_id), action)
        except LookupFailed as exc:
            await self.store.audit([not_looked_up(action.user_id, action.name, action.channel)])
            reply = Reply(responses.told(exc.sentence))
        if reply is None:
            return None
        return replace(reply, silent=not await self._to_be_said(action, reply))

    async def _decide(self, actor: Actor, action: UserAction) -> Reply | None:
        decider = self.forms[action.name] if action.form_id else self.buttons[action.name]
        told = await decider.decide(actor, action)
        return Reply(responses.told(told.sentence), acted=told.done) if isinstance(told, Told) else told

    async def _to_be_said(self, action: UserAction, reply: Reply) -> bool:
        if action.in_app_home and reply.acted:
            return False  # App Home, which is shown anew by what was done, is the answer
        if action.in_app_home:
            await self.store.app_home_changed(action.user_id)  # what was pressed there no longer stands
        return True

    async def _say(self, action: UserAction, response_url: str | None, reply: Reply | None) -> None:
        if reply is not None and await self._to_be_said(action, reply):
            to = (action.user_id, response_url, action.channel)
            await self.front.replies.tell(*to, reply.message, action.thread_ts)


async def refuse_form(ack: AsyncAck, view: View, problems: Mapping[str, str]) -> None:
    """Leave the form open, with what is wrong beside its fields."""
    await ack(response_action="errors", errors=errors_beside(view.inputs, problems))


def returned(sent: ViewAction) -> Returned:
    """Which form came back, in which view, from whom."""
    return Returned(sent.view.private_metadata, sent.view.id, sent.user_id)
