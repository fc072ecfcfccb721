"""The form that asks why a request is denied."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.actors import Actor
from bot.domain.forms import Form
from bot.domain.normalise import entered
from bot.domain.results import Told
from bot.slack.front import Front
from bot.slack.listeners.actions import UserAction, open_form
from bot.slack.payloads import Entered
from bot.slack.views.small_modals import REASON, deny_form
from bot.workflow.actions.approve import Approvals
from bot.workflow.form_sessions import FormSessions


@dataclass(frozen=True, slots=True)
class DenyForm:
    """In App Home, a form and a direct message there is no place; then the place of the request counts."""

    front: Front
    approvals: Approvals
    form_sessions: FormSessions

    async def open(self, actor: Actor, action: UserAction) -> Told | None:
        if refused := await self.approvals.may_deny(actor, action.decided_at, action.value):
            return refused
        form = self.form_sessions.begun("deny", actor.user_id, action.place, subject=action.value)
        view = deny_form(form.id, from_app_home=action.in_app_home)
        or_else = f"Press again, or type deny {action.value} reason=…"
        return await open_form(self.front, self.form_sessions, action, form, view, or_else)

    async def problems(self, form: Form, sent: Entered) -> dict[str, str]:
        return {} if entered(sent.text(REASON)) else {REASON: "Say why, so that they know what to change."}

    async def deny(self, actor: Actor, action: UserAction) -> Told:
        reason = entered(action.entered.text(REASON))
        return await self.approvals.deny(actor, action.decided_at, action.value, reason)
