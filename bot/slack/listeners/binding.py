"""The form that binds a channel: for those who do not know the words for it by heart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.access import Actor
from bot.domain.commands import Bind
from bot.domain.forms import Form
from bot.domain.normalise import entered
from bot.domain.orders import REASON_CHARACTERS, Selector, read_days, read_disks, read_reason
from bot.domain.selecting import read_servers, read_tags_of_disks
from bot.slack.client.modals import open_view
from bot.slack.listeners.actions import INTERRUPTED, UserAction
from bot.slack.payloads import Entered
from bot.slack.views.blocks import plain
from bot.workflow.actions.bind import ChannelBindings
from bot.workflow.form_sessions import FormSessions
from bot.workflow.gate import Told

BIND_FORM = "bind_form"
_SERVERS = "Names or ids, with commas between them: web-01, web-02. Where two servers share a name, their ids"
_TAGS = "key:value, with commas between them: tier:prod, app:orders"
PROJECTS = 100
"""Slack takes 100 options in a static select (Block Kit, static_select)."""


class BindForm:
    """Which channel a form is about stands in the store; Slack's copy carries only the form's id."""

    def __init__(self, command: str, bindings: ChannelBindings, opened: FormSessions, client: AsyncWebClient) -> None:
        self._command = command
        self._bindings = bindings
        self._opened = opened
        self._client = client

    async def open(self, actor: Actor, action: UserAction) -> Told | None:
        channel = action.channel
        projects = await self._bindings.offered(actor, channel)
        if isinstance(projects, Told):
            return projects
        if not action.trigger_id:
            return INTERRUPTED
        form = self._opened.begun("bind", actor.user_id, action.place, subject=channel)
        view = await open_view(self._client, action.trigger_id, bind_form(form.id, projects[:PROJECTS]))
        if view is None:
            words = f"Slack did not let me open the form in time. Type {self._command} bind server=…, or try again."
            return Told(words, done=False)
        await self._opened.keep(replace(form, view_id=view.id))
        return None

    async def faults(self, form: Form, sent: Entered) -> dict[str, str]:
        return read_bind(sent)[1]

    async def bind(self, actor: Actor, action: UserAction) -> Told:
        return await self._bindings.bind(actor, action.channel, read_bind(action.entered)[0])


def bind_form(form_id: str, projects: Sequence[str]) -> dict[str, Any]:
    options = [{"text": plain(alias[:75]), "value": alias} for alias in projects]
    project: dict[str, Any] = {"type": "static_select", "action_id": "value", "options": options}
    if len(options) == 1:
        project["initial_option"] = options[0]
    at_once = {"text": plain("Run at once, without showing the plan first"), "value": "at_once"}
    reason = {"type": "plain_text_input", "action_id": "value", "max_length": REASON_CHARACTERS}
    return {
        "type": "modal",
        "callback_id": BIND_FORM,
        "private_metadata": form_id,
        "title": plain("Bind this channel"),
        "submit": plain("Bind"),
        "close": plain("Back"),
        "blocks": [
            _input("project", "Project", project),
            _input("server", "Every disk of these servers", _text(), _SERVERS, optional=True),
            _input("tag", "Every disk with one of these tags", _text(), _TAGS, optional=True),
            _input("disks", "These disks", _text(), "Names or ids, with commas between them", optional=True),
            _input("keep", "Keep for days", _text(), "Left empty: until somebody deletes them", optional=True),
            _input("reason", "Reason, where none is typed", reason, optional=True),
            _input(
                "options", "Plan", {"type": "checkboxes", "action_id": "value", "options": [at_once]}, optional=True
            ),
        ],
    }


def _text() -> dict[str, Any]:
    return {"type": "plain_text_input", "action_id": "value", "max_length": 500}


def _input(
    block_id: str, label: str, element: dict[str, Any], hint: str = "", *, optional: bool = False
) -> dict[str, Any]:
    block = {"type": "input", "block_id": block_id, "label": plain(label), "element": element, "optional": optional}
    return {**block, "hint": plain(hint)} if hint else block


def read_bind(sent: Entered) -> tuple[Bind, dict[str, str]]:
    """What was entered, and every fault by field."""
    faults: dict[str, str] = {}

    def tried(name: str, read: Callable[[str], Any]) -> Any:
        text = entered(sent.text(name))
        try:
            return read(text) if text else None
        except ValueError as fault:
            faults[name] = str(fault)
            return None

    selectors: list[Selector] = [*read_servers(entered(sent.text("server")))]
    selectors += tried("tag", read_tags_of_disks) or ()
    selectors += tried("disks", read_disks) or ()
    project = sent.text("project") or None
    if project is None:
        faults["project"] = "Choose a project."
    if not selectors and not faults:
        faults["server"] = "Name a server, a tag or disks."
    asked = Bind(
        tuple(dict.fromkeys(selectors)),
        project,
        tried("keep", read_days),
        tried("reason", read_reason),
        confirm=not sent.chosen("options"),
    )
    return asked, faults
