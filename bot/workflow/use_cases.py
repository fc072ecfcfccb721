"""All that people can do or ask, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from bot.workflow.actions.approve import Approvals
from bot.workflow.actions.ask_before_deleting import DeletionQuestions
from bot.workflow.actions.ask_project import ProjectQuestions
from bot.workflow.actions.bind import ChannelBindings
from bot.workflow.actions.cancel import Cancelling
from bot.workflow.actions.confirm import Confirming
from bot.workflow.actions.delete import Deleting
from bot.workflow.actions.extend import Extending
from bot.workflow.actions.fill_form import Forms
from bot.workflow.actions.go_back import GoingBack
from bot.workflow.actions.grant import Granting
from bot.workflow.actions.try_again import Retrying
from bot.workflow.actors import Actors
from bot.workflow.form_sessions import FormSessions
from bot.workflow.gate import Gate
from bot.workflow.intake import Intake
from bot.workflow.queries.restore_points import RestorePointsInquiry
from bot.workflow.queries.status import Inquiry


@dataclass(frozen=True, slots=True)
class UseCases:
    """The actions and questions of people, each behind the gate; and who they and the programs are."""

    actors: Actors
    gate: Gate
    intake: Intake
    approvals: Approvals
    bindings: ChannelBindings
    cancelling: Cancelling
    confirming: Confirming
    deleting: Deleting
    deletion_questions: DeletionQuestions
    forms: Forms
    granting: Granting
    inquiry: Inquiry
    extending: Extending
    form_sessions: FormSessions
    going_back: GoingBack
    project_questions: ProjectQuestions
    restoring: RestorePointsInquiry
    retrying: Retrying
