"""`@snapshot-bot …`: the same grammar as the command, for threads, where Slack has no commands.

What is asked for in a thread stays there; private answers are shown there to their person alone.
Source: Slack, app_mention (never sent for direct messages, where the command works).
"""

from __future__ import annotations

import logging
from typing import Any

from slack_bolt.app.async_app import AsyncApp

from bot.domain.commands import Bind, OpenForm, Question, read_command
from bot.domain.errors import CommandError
from bot.domain.orders import Create, Order, Quick
from bot.domain.requests import Place
from bot.domain.words import plain_text
from bot.interfaces import Store
from bot.slack import answers
from bot.slack.answering import Answering
from bot.slack.errands import Errands
from bot.slack.message import Message
from bot.slack.messages import recorded, refusal
from bot.slack.replies import SlackReplies
from bot.workflow.arrival import NOTHING_BOUND, Accepted, Delivery, Reception, Refused
from bot.workflow.forms import Forms

log = logging.getLogger(__name__)


class MentionListeners:
    """An event is acknowledged when the listener returns, so what it asks for is recorded before; Slack repeats what
    was not acknowledged, and the same event counts once.
    """

    def __init__(
        self,
        *,
        command: str,
        bot_user_id: str,
        reception: Reception,
        forms: Forms,
        answering: Answering,
        store: Store,
        replies: SlackReplies,
        errands: Errands,
    ) -> None:
        self._command = command
        self._mention = f"<@{bot_user_id}"
        self._reception = reception
        self._forms = forms
        self._answering = answering
        self._store = store
        self._replies = replies
        self._errands = errands

    def register(self, app: AsyncApp) -> None:
        app.event("app_mention")(self.on_mention)

    async def on_mention(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        user_id = event.get("user")
        if not isinstance(user_id, str) or event.get("bot_id"):
            log.info("a mention by a bot is passed over")
            return
        raw = after_mention(str(event.get("text") or ""), self._mention)
        place = Place(str(body.get("team_id") or ""), str(event["channel"]), event.get("thread_ts"))
        delivery = Delivery(f"event:{body['event_id']}", user_id, place, plain_text(raw).strip())
        try:
            command = read_command(raw)
        except CommandError as exc:
            await self._refuse(delivery, exc.sentence)
            return
        match command:
            case Create() | Quick():
                await self._create(delivery, command)
            case Bind(selectors=()):
                if await self._store.once(delivery.id):
                    self._say(delivery, answers.how_to_bind(self._command))
            case OpenForm(order):
                await self._offer_form(delivery, order)
            case _:
                if await self._store.once(delivery.id):
                    self._errands.send(self._answer(command, delivery))

    async def _create(self, delivery: Delivery, order: Order) -> None:
        match await self._reception.create(delivery, order):
            case Accepted(repeated=True):
                pass
            case Accepted(request, checked, approvals):
                told = recorded(request, checked=checked, approvals=approvals)
                self._say(delivery, answers.as_written(told))
            case Refused(incomplete=True) if isinstance(order, Create):
                await self._offer_form(delivery, order)
            case Refused(why, rule) if rule == NOTHING_BOUND:
                self._say(delivery, answers.nothing_bound(why, (), may_bind=False))
            case Refused(why):
                self._say(delivery, refusal(why, delivery.text, self._command))

    async def _refuse(self, delivery: Delivery, why: str) -> None:
        if await self._store.once(delivery.id):
            self._say(delivery, refusal(why, delivery.text, self._command))

    async def _offer_form(self, delivery: Delivery, order: Create) -> None:
        """A mention opens no form, Slack asks for a press: a button does, and what was typed is kept for it."""
        form = self._forms.begun(delivery.user_id, delivery.place, order)
        await self._forms.keep(form)
        self._say(delivery, answers.form_offered(form.id, self._command))

    async def _answer(self, question: Question, delivery: Delivery) -> None:
        channel = delivery.place.channel_id
        message = await self._answering.answer_somebody(question, delivery.user_id, channel)
        await self._replies.tell(delivery.user_id, None, channel, message, delivery.place.thread_ts)

    def _say(self, delivery: Delivery, message: Message) -> None:
        place = delivery.place
        self._errands.send(self._replies.tell(delivery.user_id, None, place.channel_id, message, place.thread_ts))


def after_mention(text: str, mention: str) -> str:
    """What stands after the bot's name, or the whole text without it where the name comes last.

    `mention` is the beginning of it, `<@U…`: Slack may add the name people see (`<@U…|name>`).
    """
    before, found, after = text.partition(mention)
    if not found:
        return text
    _, _, after = after.partition(">")
    return after if after.strip() else before
