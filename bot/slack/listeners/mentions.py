"""`@snapshot-bot …`: the same grammar as the command, for threads, where Slack has no commands.

What is asked for in a thread stays there; private answers are shown there to their person alone.
Source: Slack, app_mention (never sent for direct messages, where the command works).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.audit import not_looked_up
from bot.domain.errors import CommandError, LookupFailed
from bot.domain.orders import Create, Order, Quick, Restore
from bot.domain.parsing import commands
from bot.domain.parsing.addressing import Order as Ordered
from bot.domain.parsing.addressing import Quotation, SeveralOrders, Talk, read_mention
from bot.domain.parsing.below import read_order
from bot.domain.parsing.greetings import is_courtesy
from bot.domain.parsing.order_words import SEVERAL_ORDERS
from bot.domain.parsing.words import plain_text
from bot.domain.results import Accepted, Answer, Refused
from bot.ports.forms import DeferredReply
from bot.slack.front import Front
from bot.slack.ids import place_at
from bot.slack.listeners.arrivals import mention_arrived
from bot.slack.listeners.deferred_replies import InHand, Reply
from bot.slack.listeners.queries import Queries
from bot.slack.listeners.reading import reads
from bot.slack.listeners.which_project import WhichProject
from bot.slack.payloads import Mention
from bot.slack.views import responses
from bot.slack.views.acknowledgement import recorded
from bot.slack.views.message import Message
from bot.slack.views.refusal import refusal
from bot.workflow.intake import ANSWERED, NOTHING_BOUND, Delivery
from bot.workflow.use_cases import UseCases

log = logging.getLogger(__name__)

_CHANGES = (
    commands.Approve
    | commands.Review
    | commands.Deny
    | commands.Cancel
    | commands.Delete
    | commands.Unbind
    | commands.GrantAccess
    | commands.RevokeAccess
)
_ASKS = (
    commands.Status
    | commands.ListSnapshots
    | commands.RestorePoints
    | commands.Help
    | commands.ShowAccess
    | commands.ShowProjects
)
_NOT_MEANT = (
    "Did you mean me? Begin the line with my name. Nothing was changed: behind other words, in a quote or in code "
    "my name is only talk about me."
)
_SHOWN = "What follows my name stands in quotes or brackets, so I took it for talk. Nothing was done. Type it without."
_HERE_I_AM = (
    "Here I am. Write behind my name what I shall do: `create DISK`, `quick`, `status`; `help` shows everything."
)
_TAKEN_UP = "I took this message up when you sent it; editing it changes nothing. Write a new one."


@dataclass(frozen=True, slots=True)
class MentionListeners:
    """An event is acknowledged when the listener returns, so it is written down before; Slack repeats what was not
    acknowledged, and the same event counts once.

    An edited message comes again as another event. It may mend what was refused, or ask for another answer; what was
    recorded or changed because of it happens once.
    """

    front: Front
    cases: UseCases
    queries: Queries
    which_project: WhichProject

    def register(self, app: AsyncApp) -> None:
        app.event("app_mention")(reads(Mention, self.on_mention))
        self.front.deferred.answered_by("mention", self._answer)

    async def on_mention(self, ack: AsyncAck, mention: Mention) -> None:
        if mention.user_id is None or mention.bot_id:
            log.info("a mention by a bot is passed over")
            return
        mentioned = read_mention(mention.text, self.front.identity.user_id)
        text = "" if isinstance(mentioned, SeveralOrders) else mentioned.text
        mention_arrived(mention, text)
        below = mentioned.below if isinstance(mentioned, Ordered) else ()
        ordered = isinstance(mentioned, Ordered)
        message = f"mention:{mention.channel}:{mention.ts}"
        deferred_reply = DeferredReply(
            f"event:{mention.event_id}",
            "mention",
            mention.user_id,
            mention.channel,
            mention.thread_ts,
            {
                "text": text,
                "below": list(below),
                "team": mention.team_id,
                "message": message,
                "edited": mention.edited,
                "read_as": type(mentioned).__name__,
            },
            self.front.clock.now(),
            claim=message if ordered and changes_something(text, below, self.front.command) else None,
        )
        await self.front.deferred.take(deferred_reply, InHand())

    async def _answer(self, deferred_reply: DeferredReply, _: InHand) -> Reply | None:
        if deferred_reply.late:
            return Reply(responses.told(_TAKEN_UP))
        place = place_at(deferred_reply.channel, deferred_reply.thread_ts, deferred_reply.payload["team"])
        raw, read_as = deferred_reply.payload["text"], deferred_reply.payload.get("read_as")
        if read_as == SeveralOrders.__name__:
            return Reply(responses.told(SEVERAL_ORDERS))
        if read_as in (Talk.__name__, Quotation.__name__):
            return await self._talked_about(deferred_reply, _NOT_MEANT if read_as == Talk.__name__ else _SHOWN)
        if not raw:
            return Reply(responses.told(_HERE_I_AM))
        delivery = Delivery(deferred_reply.payload["message"], deferred_reply.user_id, place, plain_text(raw).strip())
        try:
            command = read_order(raw, deferred_reply.payload.get("below", ()), self.front.command)
        except CommandError as exc:
            if is_courtesy(raw):
                return Reply(responses.told(_HERE_I_AM))
            return Reply(refusal(exc.sentence, delivery.text, self.front.command))
        match command:
            case Create() | Quick() | Restore():
                return Reply(await self._create(delivery, command, edited=deferred_reply.payload["edited"]))
            case commands.Bind(selectors=()):
                return Reply(responses.how_to_bind(self.front.command))
            case commands.OpenForm(order):
                return Reply(await self._form_button(delivery, order))
            case _:
                return await self.queries.answer_somebody(command, deferred_reply.user_id, deferred_reply.channel)

    async def _talked_about(self, deferred_reply: DeferredReply, hint: str) -> Reply:
        """A question is answered wherever my name stands: it is private and changes nothing, and the person who waits
        for the answer is in a hurry. Everything else is asked back.
        """
        try:
            command = commands.read_command(deferred_reply.payload["text"], self.front.command)
        except CommandError:
            return Reply(responses.told(hint))
        if isinstance(command, _ASKS):
            return await self.queries.answer_somebody(command, deferred_reply.user_id, deferred_reply.channel)
        return Reply(responses.told(hint))

    async def _create(self, delivery: Delivery, order: Order, *, edited: bool) -> Message:
        match await self._taken_in(delivery, order):
            case Accepted(request, repeated=True) if edited and request.text != delivery.text:
                return responses.told(_TAKEN_UP)
            case Accepted(request, checked, approvals):
                return responses.as_written(recorded(request, checked=checked, approvals=approvals))
            case Refused(candidates=(_, *_)) as refused if not isinstance(order, Restore):
                return await self._which_project(refused, delivery, order)
            case Refused(why, rule) if rule == NOTHING_BOUND:
                return responses.nothing_bound(why, (), may_bind=False)
            case Refused(_, rule) if rule == ANSWERED:
                return responses.told(_TAKEN_UP)
            case Refused(why):
                return refusal(why, delivery.text, self.front.command)

    async def _taken_in(self, delivery: Delivery, order: Order) -> Answer:
        """Asked now, a person who may not is refused before anything is recorded; then an edit can mend it."""
        try:
            actor = await self.front.people.look_up(delivery.user_id)
        except LookupFailed as exc:
            if not isinstance(order, Restore):
                return await self.cases.intake.create(delivery, order, mendable=True)
            await self.queries.store.audit([not_looked_up(delivery.user_id, "restore", delivery.place.channel_id)])
            return Refused(exc.sentence)
        if isinstance(order, Restore):
            asked = (actor, order, delivery.id, delivery.place, delivery.text)
            return await self.cases.going_back.ask(*asked, mendable=True)
        return await self.cases.intake.create(delivery, order, mendable=True)

    async def _which_project(self, refused: Refused, delivery: Delivery, order: Create | Quick) -> Message:
        message = await self.which_project.ask(refused, delivery, order)
        return responses.with_form(message, await self._kept(delivery, order)) if isinstance(order, Create) else message

    async def _form_button(self, delivery: Delivery, order: Create) -> Message:
        """A mention opens no form, Slack asks for a press: a button does, and what was typed is kept for it."""
        return responses.form_button(await self._kept(delivery, order), self.front.command)

    async def _kept(self, delivery: Delivery, order: Create) -> str:
        """The id of a form that a button opens."""
        form = self.cases.forms.begun(delivery.user_id, delivery.place, order)
        await self.cases.forms.save(form)
        return form.id


def changes_something(text: str, below: Sequence[str], command_name: str) -> bool:
    """Whether it asks for a change that is made on the spot. What creates something is recorded as a request."""
    try:
        command = read_order(text, below, command_name)
    except CommandError:
        return False
    return isinstance(command, _CHANGES) or (isinstance(command, commands.Bind) and bool(command.selectors))
