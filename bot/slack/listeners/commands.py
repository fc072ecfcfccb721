"""`/snapshot …`, up to the acknowledgement: read, record, answer. Slow things happen elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.actors import Actor
from bot.domain.audit import not_looked_up
from bot.domain.errors import CommandError, LookupFailed
from bot.domain.orders import Create, Quick, Restore
from bot.domain.parsing import commands
from bot.domain.parsing.words import plain_text
from bot.domain.requests import Place
from bot.domain.results import Accepted, Refused
from bot.ports.forms import DeferredReply
from bot.ports.meters import Commanded, uncounted
from bot.slack.front import Front
from bot.slack.ids import BIND, place_at
from bot.slack.listeners.actions import Actions, UserAction
from bot.slack.listeners.arrivals import command_arrived
from bot.slack.listeners.deferred_replies import InHand, Reply, delivered
from bot.slack.listeners.modals import FormListeners
from bot.slack.listeners.queries import Queries
from bot.slack.listeners.which_project import WhichProject
from bot.slack.payloads import SlashCommand
from bot.slack.views import responses
from bot.slack.views.acknowledgement import recorded
from bot.slack.views.message import Message
from bot.slack.views.refusal import refusal
from bot.workflow.intake import NOTHING_BOUND, Delivery
from bot.workflow.use_cases import UseCases

KNOWN_WITHIN_SECONDS = 0.8
"""People read an acknowledgement within a second."""


@dataclass(frozen=True, slots=True)
class CommandListeners:
    """A `create` is recorded before it is acknowledged; a question is answered at once where all is at hand."""

    front: Front
    cases: UseCases
    queries: Queries
    forms: FormListeners
    actions: Actions
    which_project: WhichProject
    counted: Commanded = uncounted

    def __post_init__(self) -> None:
        self.front.deferred.answered_by("command", self._answer_later)

    async def on_command(self, ack: AsyncAck, sent: SlashCommand) -> None:
        command_arrived(sent)
        text = plain_text(sent.text).strip()
        try:
            command = commands.read_command(sent.text, self.front.command)
        except CommandError as exc:
            self.counted("none", "misread")
            await ack(**responses.private(refusal(exc.sentence, text, self.front.command)))
            return
        outcome = "failed"
        try:
            outcome = await self._obey(ack, sent, text, command)
        finally:
            self.counted(commands.word_of(command), outcome)

    async def _obey(self, ack: AsyncAck, sent: SlashCommand, text: str, command: commands.Command) -> str:
        """In one word what came of it, as far as it is known at the acknowledgement."""
        match command:
            case Create() | Quick():
                return await self._create(ack, sent, text, command)
            case Restore():
                return await self._go_back(ack, sent, text, command)
            case commands.Bind(selectors=()):
                opening = UserAction(BIND, sent.user_id, "", sent.channel, trigger_id=sent.trigger_id)
                await self.actions.take(ack, opening, sent.response_url)
                return "form"
            case commands.OpenForm(order):
                await ack()
                self.forms.open_for_command(sent, order)
                return "form"
            case _:
                return await self._answer(ack, sent, command)

    async def _create(self, ack: AsyncAck, sent: SlashCommand, text: str, order: Create | Quick) -> str:
        place = place_at(sent.channel, team_id=sent.team_id)
        delivery = Delivery(f"command:{delivered(sent.trigger_id)}", sent.user_id, place, text)
        stranger = self.front.people.known(sent.user_id) is None
        if stranger and await self.cases.intake.depends_on_who_asks(order, place.channel_id):
            await self._know(sent.user_id)
        match await self.cases.intake.create(delivery, order):
            case Accepted(request, checked, approvals):
                if sent.response_url:
                    self.front.urls.keep(request.id, sent.response_url)
                await ack(text=recorded(request, checked=checked, approvals=approvals), response_type="ephemeral")
                return "accepted"
            case Refused(candidates=(_, *_)) if isinstance(order, Create):
                await ack()
                self.forms.open_for_command(sent, order)
                return "form"
            case Refused(candidates=(_, *_)) as refused:
                message = await self.which_project.ask(refused, delivery, order, sent.response_url)
                await ack(**responses.private(message))
                return "asked"
            case Refused(why, rule) if rule == NOTHING_BOUND:
                await ack(**responses.private(await self._nothing_bound(why, sent)))
            case Refused(why):
                await ack(**responses.private(refusal(why, text, self.front.command)))
        return "refused"

    async def _go_back(self, ack: AsyncAck, sent: SlashCommand, text: str, order: Restore) -> str:
        """The id leads to what is theirs who ask, so a person who is not known is looked up first."""
        actor = self.front.people.known(sent.user_id)
        if actor is None:
            return await self._later(ack, sent)
        place = place_at(sent.channel, team_id=sent.team_id)
        asked = Typed(actor, order, f"restore:{delivered(sent.trigger_id)}", place, text, sent.response_url)
        reply = await self._gone_back(asked)
        await ack(**responses.private(reply.message))
        return "accepted" if reply.acted else "refused"

    async def _gone_back(self, typed: Typed) -> Reply:
        asked = (typed.actor, typed.order, typed.delivery_id, typed.place, typed.text)
        match await self.cases.going_back.ask(*asked):
            case Accepted(request, checked, approvals):
                if typed.response_url:
                    self.front.urls.keep(request.id, typed.response_url)
                told = recorded(request, checked=checked, approvals=approvals)
                return Reply(responses.as_written(told), acted=True)
            case Refused(why):
                return Reply(refusal(why, typed.text, self.front.command))

    async def _know(self, user_id: str) -> None:
        """Which project is meant depends on who asks, and it can be chosen only in the answer or in a form that opens
        now: so Slack is asked before the acknowledgement, for as long as that has time.
        """
        with contextlib.suppress(LookupFailed, TimeoutError):
            async with asyncio.timeout(KNOWN_WITHIN_SECONDS):
                await self.front.people.look_up(user_id)

    async def _nothing_bound(self, why: str, sent: SlashCommand) -> Message:
        """The answer to a `quick` that means nothing here; who may bind the channel is offered to."""
        actor = self.front.people.known(sent.user_id)
        if actor is None:
            return responses.nothing_bound(why, (), may_bind=False)
        usable = await self.cases.bindings.usable(actor, sent.channel)
        return responses.nothing_bound(
            why, usable, may_bind=bool(await self.cases.bindings.may_bind(actor, place_at(sent.channel)))
        )

    async def _answer(self, ack: AsyncAck, sent: SlashCommand, question: commands.Question) -> str:
        # A question about others, or for restore points, has Slack or the cloud asked: that takes its time.
        others = isinstance(question, commands.ShowAccess) and question.subject is not None
        at_hand = not others and not isinstance(
            question, commands.RestorePoints | commands.Delete | commands.GrantAccess
        )
        if at_hand and (actor := self.front.people.known(sent.user_id)):
            reply = await self.queries.answer(question, actor, sent.channel)
            await ack(**responses.private(reply.message))
            return "done" if reply.acted else "answered"
        return await self._later(ack, sent)

    async def _later(self, ack: AsyncAck, sent: SlashCommand) -> str:
        deferred_reply = DeferredReply(
            f"command:{delivered(sent.trigger_id)}",
            "command",
            sent.user_id,
            sent.channel,
            None,
            {"text": sent.text, "team": sent.team_id},
            self.front.clock.now(),
        )
        await self.front.deferred.take(deferred_reply, InHand(sent.response_url))
        await ack(**responses.private(responses.told("One moment, I am looking it up.")))
        return "later"

    async def _answer_later(self, deferred_reply: DeferredReply, in_hand: InHand) -> Reply:
        """A delivery that is answered later is a question, or a way back: an order that creates something is a request
        by then.
        """
        raw, user_id = deferred_reply.payload["text"], deferred_reply.user_id
        question = commands.read_command(raw, self.front.command)
        assert not isinstance(question, Create | Quick | commands.OpenForm)
        if not isinstance(question, Restore):
            return await self.queries.answer_somebody(question, user_id, deferred_reply.channel)
        try:
            actor = await self.front.people.look_up(user_id)
        except LookupFailed as exc:
            await self.queries.store.audit([not_looked_up(user_id, "restore", deferred_reply.channel)])
            return Reply(responses.told(exc.sentence))
        delivery_id = deferred_reply.id.replace("command:", "restore:", 1)
        place = place_at(deferred_reply.channel, team_id=deferred_reply.payload["team"])
        typed = Typed(actor, question, delivery_id, place, plain_text(raw).strip(), in_hand.response_url)
        return await self._gone_back(typed)


@dataclass(frozen=True, slots=True)
class Typed:
    """A way back that a known person typed. `response_url` is where what follows can be told to them alone."""

    actor: Actor
    order: Restore
    delivery_id: str
    place: Place
    text: str
    response_url: str | None
