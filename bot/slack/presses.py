"""What follows a press of a button, also the one that sends a form: who pressed, what they may do, a private word."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.access import Actor
from bot.domain.errors import LookupFailed
from bot.domain.forms import Form, FormKind
from bot.interfaces import People, Store
from bot.slack import answers
from bot.slack.errands import Errands
from bot.slack.form_view import errors_beside
from bot.slack.replies import SlackReplies
from bot.workflow.approving import Told
from bot.workflow.arrival import Refused
from bot.workflow.opened import SENT_ALREADY, OpenedForms, Returned

log = logging.getLogger(__name__)

FROM_HOME = ".home"
"""How the callback id of a form ends that was opened in App Home: Slack does not say where one was opened."""

Decide = Callable[[Actor], Awaitable[Told | None]]
"""Decides as the rows stand; None: there is nothing to say about it."""


class Presses:
    """Everybody who sees a button can press it; what it does is decided by who did."""

    def __init__(
        self,
        people: People,
        store: Store,
        replies: SlackReplies,
        errands: Errands,
        opened: OpenedForms,
        new_reference: Callable[[], str],
    ) -> None:
        self._people = people
        self._store = store
        self._replies = replies
        self._errands = errands
        self._opened = opened
        self._new_reference = new_reference

    async def sent_form(self, ack: AsyncAck, body: dict[str, Any], kind: FormKind) -> Form | None:
        """The form that came back, if it is this person's. None: it is not, and was refused where it stands."""
        form = await self._opened.theirs(kind, returned(body))
        if isinstance(form, Refused):
            await refuse_form(ack, body, {"": form.sentence})
            return None
        return form

    async def settle_form(self, ack: AsyncAck, body: dict[str, Any], form: Form, decide: Decide) -> None:
        """The same for a form with nothing wrong in it, which acts once and is over then."""

        async def once(actor: Actor) -> Told | None:
            if not await self._opened.first(form):
                return Told(SENT_ALREADY, done=False)
            return await decide(actor)

        await self.settle(ack, body, once)

    async def settle(self, ack: AsyncAck, body: dict[str, Any], decide: Decide) -> None:
        """Where the person is known the decision comes before the acknowledgement, so that a crash loses neither."""
        actor = self._people.known(body["user"]["id"])
        if actor is None:
            await self.settle_later(ack, body, decide)
            return
        told = await self._decided(decide, actor)
        await ack()
        self._errands.send(self._say(body, told))

    async def settle_later(self, ack: AsyncAck, body: dict[str, Any], decide: Decide) -> None:
        """For what has to ask Slack or the cloud."""
        await ack()
        self._errands.send(self._look_up_and_settle(body, decide))

    async def _look_up_and_settle(self, body: dict[str, Any], decide: Decide) -> None:
        try:
            actor = await self._people.look_up(body["user"]["id"])
        except LookupFailed as exc:
            await self._say(body, Told(exc.sentence, done=False))
        else:
            await self._say(body, await self._decided(decide, actor))

    async def _decided(self, decide: Decide, actor: Actor) -> Told | None:
        try:
            return await decide(actor)
        except Exception:
            reference = self._new_reference()
            log.exception("a press failed", extra={"reference": reference})
            words = f"Something went wrong on my side (reference {reference}). Look whether it counted, then try again."
            return Told(words, done=False)

    async def _say(self, body: dict[str, Any], told: Told | None) -> None:
        if told is None:
            return
        if in_home(body):
            if told.done:
                return  # App Home, which is shown anew by what was done, is the answer
            await self._store.home_changed(body["user"]["id"])  # what was pressed there no longer stands
        thread_ts = (body.get("container") or {}).get("thread_ts")
        to = (body["user"]["id"], body.get("response_url"), place_of(body) or "")
        await self._replies.tell(*to, answers.told(told.sentence), thread_ts)


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


def place_of(body: dict[str, Any]) -> str | None:
    """The channel of a press; None in views, which have no place of their own."""
    channel = body.get("channel") or {}
    return str(channel["id"]) if channel.get("id") else None


def judged_at(body: dict[str, Any]) -> str | None:
    """The channel that counts for what a button does. Views, and the direct message with the bot, are no place: there
    the place of the request counts.
    """
    place = place_of(body)
    return None if place is None or place.startswith("D") else place


def in_home(body: dict[str, Any]) -> bool:
    """Pressed in App Home, or sent from a form that was opened there."""
    view = body.get("view") or {}
    return view.get("type") == "home" or str(view.get("callback_id") or "").endswith(FROM_HOME)
