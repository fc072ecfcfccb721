"""Which project?: an order that names none of several is kept with the question, and given once more with the answer.

What comes back is decided like any order, at that moment: a button carries the id of the question and an alias, and
whose question it is, where it was asked and about which order stands in the store.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain.actors import Actor
from bot.domain.audit import denied
from bot.domain.errors import CommandError
from bot.domain.orders import Create, Quick, as_typed
from bot.domain.parsing.commands import parse_command
from bot.domain.requests import Place
from bot.domain.results import Accepted, Refused
from bot.domain.roles import Action
from bot.ports.audit import Audit
from bot.ports.forms import Forms
from bot.workflow.form_sessions import FormSessions
from bot.workflow.intake import Delivery, Intake

_OVER = "This question can't be answered any more. Type the order again, with `project=`."


@dataclass(frozen=True, slots=True)
class Chosen:
    """An answer, and what came of it; `order` is what it asked for, as it is typed."""

    answer: Accepted | Refused
    order: str = ""


class Rows(Audit, Forms, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class ProjectQuestions:
    """Asks once more."""

    store: Rows
    intake: Intake
    form_sessions: FormSessions

    async def ask(self, user_id: str, place: Place, order: Create | Quick) -> str | None:
        """The id of the question, once it is kept. None: the order can't be, for its words don't lead back to it."""
        words = as_typed(order)
        if _read(words) != order:
            return None
        question = self.form_sessions.begun("project", user_id, place, subject=words)
        await self.form_sessions.save(question)
        return question.id

    async def answered(self, actor: Actor, question_id: str, project: str) -> Chosen:
        """The order in this project, from where it was typed. The same answer again leads to the first one's request;
        one that was refused may be given again.
        """
        question = await self.store.form(question_id)
        if question is None or (question.kind, question.user_id) != ("project", actor.user_id):
            rule = "form-unknown" if question is None else "form-tampered"
            await self.store.audit([denied(actor.user_id, Action.CREATE, "", rule, hop="question")])
            return Chosen(Refused(_OVER, rule))
        asked = _read(question.subject)
        assert asked is not None  # it was read before it was kept
        order = replace(asked, project=project)
        delivery = Delivery(f"chosen:{question.id}:{project}", actor.user_id, question.place, as_typed(order))
        return Chosen(await self.intake.create(delivery, order, mendable=True), delivery.text)


def _read(words: str) -> Create | Quick | None:
    try:
        command = parse_command(words)
    except CommandError:
        return None
    return command if isinstance(command, Create | Quick) else None
