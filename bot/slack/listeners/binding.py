"""The form that binds a channel: for those who do not know the words for it by heart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.access import Actor
from bot.domain.commands import Bind
from bot.domain.normalise import entered
from bot.domain.orders import REASON_CHARACTERS, Selector, read_days, read_disks, read_reason
from bot.domain.selecting import read_servers, read_tags_of_disks
from bot.ports.slack import People
from bot.slack.client.modals import open_view
from bot.slack.ids import BIND
from bot.slack.listeners.actions import INTERRUPTED, Press, Presses, refuse_form
from bot.slack.views import responses
from bot.slack.views.blocks import plain
from bot.slack.views.message import Message
from bot.workflow.actions.bind import ChannelBindings
from bot.workflow.form_sessions import OpenedForms
from bot.workflow.gate import Told

BIND_FORM = "bind_form"
_SERVERS = "Names or ids, with commas between them: web-01, web-02. Where two servers share a name, their ids"
_TAGS = "key:value, with commas between them: tier:prod, app:orders"
PROJECTS = 100
"""Slack takes 100 options in a static select (Block Kit, static_select)."""


class BindListeners:
    """Which channel a form is about stands in the store; Slack's copy carries only the form's id."""

    def __init__(
        self,
        *,
        command: str,
        bindings: ChannelBindings,
        opened: OpenedForms,
        people: People,
        client: AsyncWebClient,
        presses: Presses,
    ) -> None:
        self._command = command
        self._bindings = bindings
        self._opened = opened
        self._people = people
        self._client = client
        self._presses = presses

    def register(self, app: AsyncApp) -> None:
        app.action(BIND)(self.on_bind)
        app.view(BIND_FORM)(self.on_sent)
        self._presses.decided_by(BIND, self._open)
        self._presses.decided_by(BIND_FORM, self._bind)

    async def nothing_bound(self, why: str, body: dict[str, Any]) -> Message:
        """The answer to a `quick` that means nothing here; who may bind the channel is offered to."""
        actor, channel = self._people.known(body["user_id"]), body["channel_id"]
        if actor is None:
            return responses.nothing_bound(why, (), may_bind=False)
        usable, bindable = await self._bindings.usable(actor, channel), await self._bindings.may_bind(actor, channel)
        return responses.nothing_bound(why, usable, may_bind=bool(bindable))

    async def open_for_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        pressed = {
            "user": {"id": body["user_id"]},
            "channel": {"id": body["channel_id"]},
            "response_url": body.get("response_url"),
            "trigger_id": body["trigger_id"],
        }
        await self.on_bind(ack, pressed)

    async def on_bind(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle_later(ack, body, BIND)

    async def on_sent(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        form = await self._presses.sent_form(ack, body, "bind")
        if form is None:
            return
        _, faults = read_bind(body["view"].get("state"))
        if faults:
            await refuse_form(ack, body, faults)
            return
        await self._presses.settle_form(ack, body, form, BIND_FORM)

    async def _bind(self, actor: Actor, press: Press) -> Told:
        return await self._bindings.bind(actor, press.channel, read_bind(press.entered)[0])

    async def _open(self, actor: Actor, press: Press) -> Told | None:
        channel = press.channel
        projects = await self._bindings.offered(actor, channel)
        if isinstance(projects, Told):
            return projects
        if not press.trigger_id:
            return INTERRUPTED
        form = self._opened.begun("bind", actor.user_id, press.place, subject=channel)
        view = await open_view(self._client, press.trigger_id, bind_form(form.id, projects[:PROJECTS]))
        if view is None:
            words = f"Slack did not let me open the form in time. Type {self._command} bind server=…, or try again."
            return Told(words, done=False)
        await self._opened.keep(replace(form, view_id=view["id"]))
        return None


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


def read_bind(state: Any) -> tuple[Bind, dict[str, str]]:
    """What was entered, and every fault by field. Whatever came back in another shape is empty."""
    values = state.get("values") if isinstance(state, dict) else None
    fields = values if isinstance(values, dict) else {}
    faults: dict[str, str] = {}

    def element(name: str) -> dict[str, Any]:
        block = fields.get(name)
        found = block.get("value") if isinstance(block, dict) else None
        return found if isinstance(found, dict) else {}

    def text(name: str) -> str:
        value = element(name).get("value")
        return entered(value) if isinstance(value, str) else ""

    def tried(name: str, read: Callable[[str], Any]) -> Any:
        try:
            return read(text(name)) if text(name) else None
        except ValueError as fault:
            faults[name] = str(fault)
            return None

    selectors: list[Selector] = [*read_servers(text("server"))]
    selectors += tried("tag", read_tags_of_disks) or ()
    selectors += tried("disks", read_disks) or ()
    option = element("project").get("selected_option")
    project = option.get("value") if isinstance(option, dict) else None
    if not isinstance(project, str) or not project:
        faults["project"] = "Choose a project."
    if not selectors and not faults:
        faults["server"] = "Name a server, a tag or disks."
    at_once = bool(element("options").get("selected_options"))
    asked = Bind(
        tuple(dict.fromkeys(selectors)),
        project if isinstance(project, str) else None,
        tried("keep", read_days),
        tried("reason", read_reason),
        confirm=not at_once,
    )
    return asked, faults
