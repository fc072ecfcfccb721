"""What follows a press of a button, also the one that sends a form: who pressed, what they may do, a private word."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.access import Actor
from bot.domain.errors import LookupFailed, StoreFailed
from bot.domain.forms import Form, FormKind
from bot.domain.requests import Place, is_direct
from bot.ports.clock import Clock
from bot.ports.forms import Errand
from bot.ports.slack import People
from bot.ports.store import Store
from bot.slack.background_tasks import Errands
from bot.slack.client.poster import SlackReplies
from bot.slack.ids import APPROVE, CANCEL, CHANGE, CONFIRM, DENY
from bot.slack.listeners.deferred_replies import InHand, OwedAnswers, Reply, delivered
from bot.slack.unexpected import went_wrong
from bot.slack.views import responses
from bot.slack.views.create_modal import errors_beside
from bot.workflow.audit_of_reads import not_looked_up
from bot.workflow.form_sessions import PRESSED_ALREADY, SENT_ALREADY, OpenedForms, Returned
from bot.workflow.gate import Told
from bot.workflow.intake import Refused

ON_ITS_MESSAGE = frozenset({CONFIRM, CHANGE, CANCEL, APPROVE, DENY})
"""Buttons on the messages of a request that are edited; their value is its id."""

FROM_HOME = ".home"
"""How the callback id of a form ends that was opened in App Home: Slack does not say where one was opened."""


@dataclass(frozen=True, slots=True)
class Press:
    """A button that was pressed, or a form that was sent, as far as it may be written down.

    `value` is the button's, or what the form is about; `entered` the form's state. `channel` is "" in views, which have
    no place of their own; for a form it is, with `thread_ts`, where that was opened. `trigger_id` opens a form within
    seconds, and a restart outlives it.
    """

    name: str
    user_id: str
    value: str
    channel: str
    thread_ts: str | None = None
    entered: Any = None
    in_home: bool = False
    form_id: str = ""
    trigger_id: str = ""

    @property
    def place(self) -> Place:
        """Where a form that opens by it is answered: where it was pressed, in its thread."""
        return Place("", self.channel, self.thread_ts)

    @property
    def judged_at(self) -> str | None:
        """The channel that counts for what a button does. Views, a form that was sent among them, and the direct
        message with the bot are no place: there the place of the request counts.
        """
        no_place = self.form_id or not self.channel or is_direct(self.channel)
        return None if no_place else self.channel


Decide = Callable[[Actor, Press], Awaitable[Told | None]]
"""Decides as the rows stand; None: there is nothing to say about it."""

INTERRUPTED = Told("I was interrupted before I could open the form. Please press again.", done=False)
"""For what needs a trigger, which did not live as long."""


class Presses:
    """Everybody who sees a button can press it; what it does is decided by who did."""

    def __init__(
        self,
        people: People,
        store: Store,
        replies: SlackReplies,
        errands: Errands,
        owed: OwedAnswers,
        opened: OpenedForms,
        clock: Clock,
        new_reference: Callable[[], str],
    ) -> None:
        self._people = people
        self._store = store
        self._replies = replies
        self._errands = errands
        self._owed = owed
        self._opened = opened
        self._clock = clock
        self._new_reference = new_reference
        self._decides: dict[str, Decide] = {}
        owed.answered_by("press", self._answer)

    def decided_by(self, name: str, decide: Decide) -> None:
        self._decides[name] = decide

    async def sent_form(self, ack: AsyncAck, body: dict[str, Any], kind: FormKind) -> Form | None:
        """The form that came back, if it is this person's. None: it is not, and was refused where it stands."""
        form = await self._opened.theirs(kind, returned(body))
        if isinstance(form, Refused):
            await refuse_form(ack, body, {"": form.sentence})
            return None
        return form

    async def settle_form(self, ack: AsyncAck, body: dict[str, Any], form: Form, name: str) -> None:
        """A form with nothing wrong in it acts once and is over then."""
        press = read_press(body, name)
        press = replace(
            press,
            value=form.subject,
            channel=form.place.channel_id,
            thread_ts=form.place.thread_ts,
            entered=body["view"].get("state"),
            form_id=form.id,
        )
        await self._settle_later(ack, body, press, f"form:{form.id}")

    async def settle(self, ack: AsyncAck, body: dict[str, Any], name: str) -> None:
        """Where the person is known the decision comes before the acknowledgement, so that a crash loses neither."""
        press = read_press(body, name)
        actor = self._people.known(press.user_id)
        if actor is None:
            await self._settle_later(ack, body, press)
            return
        told = await self._decided(actor, press)
        await ack()
        self._errands.send(self._say(press, body.get("response_url"), told))
        self._errands.send(self._replace_left_over(body, press))

    async def settle_once(self, ack: AsyncAck, body: dict[str, Any], name: str) -> None:
        """A button that acts once, whoever presses it how often: its value names what is kept about it."""
        press = read_press(body, name)
        await self._settle_later(ack, body, press, f"form:{press.user_id}:{press.value[:64]}")

    async def settle_later(self, ack: AsyncAck, body: dict[str, Any], name: str) -> None:
        """For what has to ask Slack or the cloud: written down first, so that a crash loses it no more."""
        press = read_press(body, name)
        await self._settle_later(ack, body, press)
        self._errands.send(self._replace_left_over(body, press))

    async def _settle_later(self, ack: AsyncAck, body: dict[str, Any], press: Press, claim: str | None = None) -> None:
        facts = ("name", "value", "entered", "in_home", "form_id")
        errand = Errand(
            f"press:{delivered(body['trigger_id'])}",
            "press",
            press.user_id,
            press.channel,
            press.thread_ts,
            {fact: getattr(press, fact) for fact in facts},
            self._clock.now(),
            claim,
        )
        try:
            await self._owed.take(errand, InHand(body.get("response_url"), press.trigger_id))
        except StoreFailed:
            words = went_wrong(self._new_reference(), "a press could not be taken", "Try again in a minute.")
            to = (press.user_id, body.get("response_url"), press.channel)
            self._errands.send(self._replies.tell(*to, responses.told(words), press.thread_ts))
        await ack()

    async def _replace_left_over(self, body: dict[str, Any], press: Press) -> None:
        """A message of which Slack's answer was lost stands beside the one that followed it, and nobody knew where: the
        press says it.
        """
        container = body.get("container") or {}
        ts = container.get("message_ts")
        if press.name not in ON_ITS_MESSAGE or not press.channel or not ts or container.get("is_ephemeral"):
            return
        if found := await self._store.request(press.value):
            await self._replies.replace_left_over(found[0], press.channel, str(ts))

    async def _answer(self, errand: Errand, in_hand: InHand) -> Reply | None:
        press = Press(
            user_id=errand.user_id,
            channel=errand.channel,
            thread_ts=errand.thread_ts,
            trigger_id=in_hand.trigger_id,
            **errand.payload,
        )
        if errand.late:
            await self._opened.sent_again(press.form_id or press.value)
            return Reply(responses.told(SENT_ALREADY if press.form_id else PRESSED_ALREADY))
        try:
            told = await self._decided(await self._people.look_up(press.user_id), press)
        except LookupFailed as exc:
            await self._store.record([not_looked_up(press.user_id, press.name, press.channel)])
            told = Told(exc.sentence, done=False)
        if told is None:
            return None
        said = await self._to_be_said(press, told)
        return Reply(responses.told(told.sentence), acted=told.done, silent=not said)

    async def _decided(self, actor: Actor, press: Press) -> Told | None:
        try:
            return await self._decides[press.name](actor, press)
        except Exception:
            advice = "Look whether it counted, then try again."
            return Told(went_wrong(self._new_reference(), "a press failed", advice), done=False)

    async def _to_be_said(self, press: Press, told: Told) -> bool:
        if press.in_home and told.done:
            return False  # App Home, which is shown anew by what was done, is the answer
        if press.in_home:
            await self._store.home_changed(press.user_id)  # what was pressed there no longer stands
        return True

    async def _say(self, press: Press, response_url: str | None, told: Told | None) -> None:
        if told is not None and await self._to_be_said(press, told):
            message = responses.told(told.sentence)
            await self._replies.tell(press.user_id, response_url, press.channel, message, press.thread_ts)


def read_press(body: dict[str, Any], name: str) -> Press:
    return Press(
        name,
        body["user"]["id"],
        pressed(body) if body.get("actions") else "",
        place_of(body) or "",
        (body.get("container") or {}).get("thread_ts"),
        in_home=in_home(body),
        trigger_id=str(body.get("trigger_id") or ""),
    )


async def refuse_form(ack: AsyncAck, body: dict[str, Any], faults: dict[str, str]) -> None:
    """Leave the form open, with what is wrong beside its fields."""
    await ack(response_action="errors", errors=errors_beside(body["view"], faults))


def returned(body: dict[str, Any]) -> Returned:
    """Which form came back, in which view, from whom."""
    view = body["view"]
    return Returned(str(view.get("private_metadata") or ""), str(view["id"]), body["user"]["id"])


def pressed(body: dict[str, Any]) -> str:
    """The value of the button."""
    return str(body["actions"][0].get("value") or "")


def read_object(value: str) -> dict[str, Any] | None:
    """The JSON object that a button carries; it comes back from outside, so whatever is none is nothing."""
    try:
        carried = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return carried if isinstance(carried, dict) else None


def place_of(body: dict[str, Any]) -> str | None:
    """The channel of a press; None in views, which have no place of their own."""
    channel = body.get("channel") or {}
    return str(channel["id"]) if channel.get("id") else None


def in_home(body: dict[str, Any]) -> bool:
    """Pressed in App Home, or sent from a form that was opened there."""
    view = body.get("view") or {}
    return view.get("type") == "home" or str(view.get("callback_id") or "").endswith(FROM_HOME)
