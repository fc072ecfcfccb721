"""The way back in Slack: typed, or chosen in the form that a button opens; and the form for what is overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from bot.domain.actors import Actor
from bot.domain.forms import Form
from bot.domain.normalise import entered
from bot.domain.options import read_reason
from bot.domain.orders import Restore, Way, as_typed
from bot.domain.results import Accepted, Told
from bot.slack.front import Front
from bot.slack.listeners.actions import UserAction, open_form
from bot.slack.payloads import Entered
from bot.slack.views.restoring.restoration_forms import (
    ALL,
    REASON,
    TYPED,
    WAY,
    WHICH,
    overwrite_form,
    restore_form,
)
from bot.workflow.actions.confirm import Confirming
from bot.workflow.actions.go_back import GoingBack
from bot.workflow.form_sessions import FormSessions


@dataclass(frozen=True, slots=True)
class RestoreForm:
    """Which restore points it is about stands in the store; Slack's copy carries only the form's id."""

    front: Front
    going_back: GoingBack
    form_sessions: FormSessions

    async def open(self, actor: Actor, action: UserAction) -> Told | None:
        found = await self.going_back.may(actor, action.decided_at, action.value)
        if isinstance(found, Told):
            return found
        request, points = found
        form = self.form_sessions.begun("restore", actor.user_id, action.place, subject=request.id)
        view = restore_form(form.id, request.id, points)
        or_else = f"Press again, or type {self.front.command} restore {request.id}."
        return await open_form(self.front, self.form_sessions, action, form, view, or_else)

    async def problems(self, form: Form, sent: Entered) -> dict[str, str]:
        return read_choice(form.subject, sent)[1]

    async def ask(self, actor: Actor, action: UserAction) -> Told:
        order, _ = read_choice(action.value, action.entered)
        place = action.place if action.channel and not action.place.direct else None
        answer = await self.going_back.ask(actor, order, f"restore:{action.form_id}", place, as_typed(order))
        if not isinstance(answer, Accepted):
            return Told(answer.sentence, done=False)
        where = "in a direct message" if place is None else "in this thread" if place.thread_ts else "in this channel"
        return Told(f"I am looking at the snapshots. Follow it {where}; request `{answer.request.id}`.", done=True)


def read_choice(request_id: str, sent: Entered) -> tuple[Restore, dict[str, str]]:
    """The way that was chosen, and every problem by field."""
    problems: dict[str, str] = {}
    ways: dict[str, Way] = {way: way for way in get_args(Way)}
    way = ways.get(sent.text(WAY))
    if way is None:
        problems[WAY] = "Choose one of the three."
    which, reason = sent.text(WHICH), entered(sent.text(REASON))
    if not which:
        problems[WHICH] = "Choose what shall come back."
    try:
        read_reason(reason)
    except ValueError as problem:
        problems[REASON] = str(problem)
    of = request_id if which == ALL else which
    return Restore(of, way=way or "new_disks", reason=reason or None), problems


@dataclass(frozen=True, slots=True)
class OverwriteForm:
    """Everybody who sees the plan can press; what is typed is held against the rows when it is sent, and once more when
    it is acted on.
    """

    front: Front
    confirming: Confirming
    form_sessions: FormSessions

    async def open(self, actor: Actor, action: UserAction) -> Told | None:
        found = await self.confirming.may_overwrite(actor, action.decided_at, action.value)
        if isinstance(found, Told):
            return found
        form = self.form_sessions.begun("overwrite", actor.user_id, action.place, subject=action.value)
        view = overwrite_form(form.id, found.rows, found.to_type)
        return await open_form(self.front, self.form_sessions, action, form, view, "Press again.")

    async def problems(self, form: Form, sent: Entered) -> dict[str, str]:
        problem = await self.confirming.typed_otherwise(form.subject, sent.text(TYPED))
        if problem:
            await self.form_sessions.audit(form, "not-typed")
        return {TYPED: problem} if problem else {}

    async def overwrite(self, actor: Actor, action: UserAction) -> Told:
        typed = action.entered.text(TYPED)
        return await self.confirming.confirm(actor, action.decided_at, action.value, typed=typed)
