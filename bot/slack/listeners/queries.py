"""Answers what is asked rather than ordered: the same words for a command, a mention and a button."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.actors import Actor
from bot.domain.audit import not_looked_up
from bot.domain.errors import LookupFailed
from bot.domain.parsing.commands import (
    Approve,
    Bind,
    Cancel,
    Delete,
    Deny,
    GrantAccess,
    Help,
    ListSnapshots,
    Question,
    RestorePoints,
    Review,
    RevokeAccess,
    ShowAccess,
    ShowProjects,
    Status,
    Unbind,
)
from bot.domain.results import Told
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.slack import People
from bot.slack.ids import place_at
from bot.slack.listeners.deferred_replies import Reply
from bot.slack.views import responses
from bot.slack.views.restore_points import once_more, restore_points
from bot.workflow.actions.approve import Approvals
from bot.workflow.actions.ask_before_deleting import DeletionQuestions
from bot.workflow.actions.bind import ChannelBindings
from bot.workflow.actions.cancel import Cancelling
from bot.workflow.actions.grant import Granting
from bot.workflow.queries.restore_points import RestorePointsInquiry
from bot.workflow.queries.status import Inquiry


@dataclass(frozen=True, slots=True)
class Queries:
    """`command` is the slash command people type, `team_url` Slack's own address."""

    command: str
    team_url: str
    store: Audit
    people: People
    inquiry: Inquiry
    approvals: Approvals
    granting: Granting
    cancelling: Cancelling
    bindings: ChannelBindings
    restoring: RestorePointsInquiry
    deletion_questions: DeletionQuestions
    clock: Clock

    async def answer(self, question: Question, actor: Actor, channel: str) -> Reply:
        match question:
            case Approve(request_id):
                return _as_told(await self.approvals.approve(actor, channel, request_id))
            case Review(request_id):
                return _as_told(await self.approvals.review(actor, channel, request_id))
            case Deny(request_id, reason):
                return _as_told(await self.approvals.deny(actor, channel, request_id, reason))
            case Cancel(any_id):
                return _as_told(await self.cancelling.cancel(actor, channel, any_id))
            case Delete(any_id):
                asked = await self.deletion_questions.ask(actor, channel, any_id)
                return _as_told(asked) if isinstance(asked, Told) else Reply(once_more(asked))
            case Bind():
                return _as_told(await self.bindings.bind(actor, place_at(channel), question))
            case Unbind():
                return _as_told(await self.bindings.unbind(actor, channel))
            case GrantAccess():
                return _as_told(await self.granting.grant(actor, channel, question))
            case RevokeAccess():
                return _as_told(await self.granting.revoke(actor, channel, question))
            case Status():
                found = await self.inquiry.status(actor, channel, question)
                return Reply(responses.status(found, self.command, self.team_url, self.clock.now()))
            case ListSnapshots():
                listed = await self.inquiry.listing(actor, channel, question)
                return Reply(responses.listing(listed, self.command, self.team_url))
            case Help():
                return Reply(responses.help_text(await self.inquiry.may_do(actor, channel), self.command))
            case RestorePoints():
                points = await self.restoring.points(actor, channel, question)
                return Reply(restore_points(points, self.command, self.team_url))
            case ShowAccess():
                return Reply(responses.lines(await self.granting.access(actor, channel, question)))
            case ShowProjects():
                return Reply(responses.lines(await self.granting.projects(actor, channel)))

    async def answer_somebody(self, question: Question, user_id: str, channel: str) -> Reply:
        """The same for a person who may have to be asked about first."""
        try:
            return await self.answer(question, await self.people.look_up(user_id), channel)
        except LookupFailed as exc:
            await self.store.audit([not_looked_up(user_id, type(question).__name__, channel)])
            return Reply(responses.told(exc.sentence))


def _as_told(told: Told) -> Reply:
    return Reply(responses.told(told.sentence), acted=told.done)
