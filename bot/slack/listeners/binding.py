"""The form that binds a channel: for those who do not know the words for it by heart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.domain.actors import Actor
from bot.domain.forms import Form
from bot.domain.normalise import entered
from bot.domain.options import read_days, read_reason
from bot.domain.orders import Selector, read_disks
from bot.domain.parsing.commands import Bind
from bot.domain.results import Told
from bot.domain.selecting import read_servers, read_tags_of_disks
from bot.slack.front import Front
from bot.slack.listeners.actions import UserAction, open_form
from bot.slack.payloads import Entered
from bot.slack.views.small_modals import bind_form
from bot.workflow.actions.bind import ChannelBindings
from bot.workflow.form_sessions import FormSessions


@dataclass(frozen=True, slots=True)
class BindForm:
    """Which channel a form is about stands in the store; Slack's copy carries only the form's id."""

    front: Front
    bindings: ChannelBindings
    form_sessions: FormSessions

    async def open(self, actor: Actor, action: UserAction) -> Told | None:
        projects = await self.bindings.bindable(actor, action.place)
        if isinstance(projects, Told):
            return projects
        form = self.form_sessions.begun("bind", actor.user_id, action.place, subject=action.channel)
        or_else = f"Type {self.front.command} bind server=…, or try again."
        return await open_form(self.front, self.form_sessions, action, form, bind_form(form.id, projects), or_else)

    async def problems(self, form: Form, sent: Entered) -> dict[str, str]:
        return read_bind(sent)[1]

    async def bind(self, actor: Actor, action: UserAction) -> Told:
        return await self.bindings.bind(actor, action.place, read_bind(action.entered)[0])


def read_bind(sent: Entered) -> tuple[Bind, dict[str, str]]:
    """The values that were entered, and every problem by field."""
    problems: dict[str, str] = {}

    def tried(name: str, read: Callable[[str], Any]) -> Any:
        text = entered(sent.text(name))
        try:
            return read(text) if text else None
        except ValueError as problem:
            problems[name] = str(problem)
            return None

    selectors: list[Selector] = [*read_servers(entered(sent.text("server")))]
    selectors += tried("tag", read_tags_of_disks) or ()
    selectors += tried("disks", read_disks) or ()
    project = sent.text("project") or None
    if project is None:
        problems["project"] = "Choose a project."
    if not selectors and not problems:
        problems["server"] = "Name a server, a tag or disks."
    asked = Bind(
        tuple(dict.fromkeys(selectors)),
        project,
        tried("keep", read_days),
        tried("reason", read_reason),
        confirm=not sent.chosen("options"),
    )
    return asked, problems
