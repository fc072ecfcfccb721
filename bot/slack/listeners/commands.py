"""`/snapshot …`, up to the acknowledgement: read, record, answer. Slow things happen elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.commands import Bind, Delete, GrantAccess, OpenForm, Question, RestorePoints, ShowAccess, read_command
from bot.domain.errors import CommandError, LookupFailed
from bot.domain.orders import Create, Order, Quick
from bot.domain.requests import Place
from bot.domain.words import plain_text
from bot.ports.clock import Clock
from bot.ports.forms import Errand
from bot.ports.slack import People
from bot.slack.background_tasks import Errands
from bot.slack.client.poster import ResponseUrls, SlackReplies
from bot.slack.listeners.binding import BindListeners
from bot.slack.listeners.deferred_replies import InHand, OwedAnswers, Reply, delivered
from bot.slack.listeners.modals import FormListeners
from bot.slack.listeners.queries import Answering
from bot.slack.views import responses
from bot.slack.views.thread import recorded, refusal
from bot.workflow.intake import NOTHING_BOUND, Accepted, Delivery, Reception, Refused

KNOWN_WITHIN_SECONDS = 0.8
"""People read an acknowledgement within a second."""


class CommandListeners:
    """A `create` is recorded before it is acknowledged; a question is answered at once where all is at hand."""

    def __init__(
        self,
        *,
        command: str,
        reception: Reception,
        answering: Answering,
        forms: FormListeners,
        binds: BindListeners,
        people: People,
        replies: SlackReplies,
        urls: ResponseUrls,
        errands: Errands,
        owed: OwedAnswers,
        clock: Clock,
    ) -> None:
        self._command = command
        self._reception = reception
        self._answering = answering
        self._forms = forms
        self._binds = binds
        self._people = people
        self._replies = replies
        self._urls = urls
        self._errands = errands
        self._owed = owed
        self._clock = clock

    def register(self, app: AsyncApp) -> None:
        app.command(self._command)(self.on_command)
        self._owed.answered_by("command", self._answer_later)

    async def on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Nothing may leave a listener: after an acknowledgement an exception would erase it (Bolt 1.30), and before it
        the person would read Slack's own words for a bug of ours.
        """
        try:
            await self._on_command(ack, body)
        except Exception:
            told = responses.told(self._answering.failed("a command failed"))
            if ack.response is None:
                await ack(**responses.private(told))
            else:
                to = (body["user_id"], body.get("response_url"), body["channel_id"])
                self._errands.send(self._replies.tell(*to, told))

    async def _on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        raw = str(body.get("text") or "")
        text = plain_text(raw).strip()
        try:
            command = read_command(raw, self._command)
        except CommandError as exc:
            await ack(**responses.private(refusal(exc.sentence, text, self._command)))
            return
        match command:
            case Create() | Quick():
                await self._create(ack, body, text, command)
            case Bind(selectors=()):
                await self._binds.open_for_command(ack, body)
            case OpenForm(order):
                await ack()
                self._forms.open_for_command(body, order)
            case _:
                await self._answer(ack, body, command)

    async def _create(self, ack: AsyncAck, body: dict[str, Any], text: str, order: Order) -> None:
        place = Place(body.get("team_id") or "", body["channel_id"])
        delivery = Delivery(f"command:{delivered(body['trigger_id'])}", body["user_id"], place, text)
        stranger = self._people.known(delivery.user_id) is None
        if stranger and await self._reception.depends_on_who_asks(order, place.channel_id):
            await self._know(delivery.user_id)
        match await self._reception.create(delivery, order):
            case Accepted(request, checked, approvals):
                if url := body.get("response_url"):
                    self._urls.keep(request.id, url)
                await ack(text=recorded(request, checked=checked, approvals=approvals), response_type="ephemeral")
            case Refused(incomplete=True) if isinstance(order, Create):
                await ack()
                self._forms.open_for_command(body, order)
            case Refused(why, rule) if rule == NOTHING_BOUND:
                await ack(**responses.private(await self._binds.nothing_bound(why, body)))
            case Refused(why):
                await ack(**responses.private(refusal(why, text, self._command)))

    async def _know(self, user_id: str) -> None:
        """Which project is meant depends on who asks, and a form to choose it opens only now: so Slack is asked before
        the acknowledgement, for as long as that has time.
        """
        with contextlib.suppress(LookupFailed, TimeoutError):
            async with asyncio.timeout(KNOWN_WITHIN_SECONDS):
                await self._people.look_up(user_id)

    async def _answer(self, ack: AsyncAck, body: dict[str, Any], question: Question) -> None:
        # Whoever asks about others, or for restore points, has Slack or the cloud asked: that takes its time.
        others = isinstance(question, ShowAccess) and question.subject is not None
        at_hand = not others and not isinstance(question, RestorePoints | Delete | GrantAccess)
        if at_hand and (actor := self._people.known(body["user_id"])):
            await ack(**responses.private((await self._answering.answer(question, actor, body["channel_id"])).message))
            return
        errand = Errand(
            f"command:{delivered(body['trigger_id'])}",
            "command",
            body["user_id"],
            body["channel_id"],
            None,
            {"text": str(body.get("text") or "")},
            self._clock.now(),
        )
        await self._owed.take(errand, InHand(body.get("response_url")))
        await ack(**responses.private(responses.told("One moment, I am looking it up.")))

    async def _answer_later(self, errand: Errand, _: InHand) -> Reply:
        """What is answered later is a question: what creates something is a request by then."""
        question = read_command(errand.payload["text"], self._command)
        assert not isinstance(question, Create | Quick | OpenForm)
        return await self._answering.answer_somebody(question, errand.user_id, errand.channel)
