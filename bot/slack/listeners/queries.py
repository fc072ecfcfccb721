"""Answers what is asked rather than ordered: the same words for a command, a mention and a button."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.actors import Actor
from bot.domain.audit import not_looked_up
from bot.domain.errors import LookupFailed
from bot.domain.parsing import commands
from bot.domain.results import Told
from bot.ports.audit import Audit
from bot.slack.front import Front
from bot.slack.ids import place_at
from bot.slack.listeners.deferred_replies import Reply
from bot.slack.views import responses
from bot.slack.views.restore_points import once_more, restore_points
from bot.workflow.use_cases import UseCases


@dataclass(frozen=True, slots=True)
class Queries:
    front: Front
    cases: UseCases
    store: Audit

    async def answer(self, question: commands.Question, actor: Actor, channel: str) -> Reply:
        match question:
            case commands.Approve(request_id):
                return _as_told(await self.cases.approvals.approve(actor, channel, request_id))
            case commands.Review(request_id):
                return _as_told(await self.cases.approvals.review(actor, channel, request_id))
            case commands.Deny(request_id, reason):
                return _as_told(await self.cases.approvals.deny(actor, channel, request_id, reason))
            case commands.Cancel(any_id):
                return _as_told(await self.cases.cancelling.cancel(actor, channel, any_id))
            case commands.Delete(any_id):
                asked = await self.cases.deletion_questions.ask(actor, channel, any_id)
                return _as_told(asked) if isinstance(asked, Told) else Reply(once_more(asked))
            case commands.Bind():
                return _as_told(await self.cases.bindings.bind(actor, place_at(channel), question))
            case commands.Unbind():
                return _as_told(await self.cases.bindings.unbind(actor, channel))
            case commands.GrantAccess():
                return _as_told(await self.cases.granting.grant(actor, channel, question))
            case commands.RevokeAccess():
                return _as_told(await self.cases.granting.revoke(actor, channel, question))
            case commands.Status():
                found = await self.cases.inquiry.status(actor, channel, question)
                return Reply(
                    responses.status(found, self.front.command, self.front.identity.url, self.front.clock.now())
                )
            case commands.ListSnapshots():
                listed = await self.cases.inquiry.listing(actor, channel, question)
                return Reply(responses.listing(listed, self.front.command, self.front.identity.url))
            case commands.Help():
                return Reply(responses.help_text(await self.cases.inquiry.may_do(actor, channel), self.front.command))
            case commands.RestorePoints():
                points = await self.cases.restoring.points(actor, channel, question)
                return Reply(restore_points(points, self.front.command, self.front.identity.url))
            case commands.ShowAccess():
                return Reply(responses.lines(await self.cases.granting.access(actor, channel, question)))
            case commands.ShowProjects():
                return Reply(responses.lines(await self.cases.granting.projects(actor, channel)))

    async def answer_somebody(self, question: commands.Question, user_id: str, channel: str) -> Reply:
        """The same for a person who may have to be asked about first."""
        try:
            return await self.answer(question, await self.front.people.look_up(user_id), channel)
        except LookupFailed as exc:
            await self.store.audit([not_looked_up(user_id, type(question).__name__, channel)])
            return Reply(responses.told(exc.sentence))


def _as_told(told: Told) -> Reply:
    return Reply(responses.told(told.sentence), acted=told.done)
