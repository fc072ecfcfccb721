"""The question which project an order is for, and what is pressed below it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.actors import Actor
from bot.domain.orders import Create, Quick, as_typed
from bot.domain.results import Accepted, Refused
from bot.slack.button_values import ProjectValue, read_value
from bot.slack.front import Front
from bot.slack.listeners.actions import UserAction
from bot.slack.listeners.deferred_replies import Reply
from bot.slack.views import responses
from bot.slack.views.acknowledgement import recorded
from bot.slack.views.blocks import OPTIONS
from bot.slack.views.message import Message, arranged
from bot.slack.views.refusal import refusal
from bot.workflow.actions.ask_project import ProjectQuestions
from bot.workflow.form_sessions import ACTED_ALREADY
from bot.workflow.intake import Delivery


@dataclass(frozen=True, slots=True)
class WhichProject:
    front: Front
    questions: ProjectQuestions

    async def ask(
        self, refused: Refused, delivery: Delivery, order: Create | Quick, response_url: str | None = None
    ) -> Message:
        """With something to press, where Slack can show it and the order can be kept; in words alone otherwise."""
        question_id = None
        if len(refused.candidates) <= OPTIONS:
            question_id = await self.questions.ask(delivery.user_id, delivery.place, order)
        if question_id is None:
            return refusal(refused.sentence, delivery.text, self.front.command)
        if response_url:
            self.front.urls.keep(question_id, response_url)
        asked = (refused.sentence, refused.candidates, question_id, as_typed(order))
        return responses.which_project(*asked, self.front.command)

    async def answer(self, actor: Actor, action: UserAction) -> Reply:
        """Told in the words that answer the typed order."""
        # What can't be read leads nowhere, and that is an answer with a row.
        value = read_value(ProjectValue, action.value)
        question_id, project = (value.question, value.project) if value else ("", "")
        chosen = await self.questions.answered(actor, question_id, project)
        match chosen.answer:
            case Accepted(repeated=True) as again:
                return Reply(arranged([ACTED_ALREADY, _recorded(again)]))
            case Accepted() as accepted:
                self.front.urls.hand_over(question_id, accepted.request.id)
                return Reply(responses.as_written(_recorded(accepted)), acted=True)
            case Refused(why):
                return Reply(refusal(why, chosen.order, self.front.command))


def _recorded(answer: Accepted) -> str:
    return recorded(answer.request, checked=answer.checked, approvals=answer.approvals)
