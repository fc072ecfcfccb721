"""The form that asks for another selection of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.access import Actor
from bot.domain.commands import read_selection as quick_in_words
from bot.domain.errors import CommandError
from bot.domain.forms import Form
from bot.domain.orders import Create, Quick, Selector
from bot.domain.quick import LEFT_OUT
from bot.domain.requests import Item
from bot.slack.client.modals import open_view
from bot.slack.listeners.actions import INTERRUPTED, UserAction
from bot.slack.payloads import Entered
from bot.slack.views.blocks import OPTIONS, plain
from bot.slack.views.create_modal import disk_option
from bot.slack.views.mrkdwn import shortened
from bot.workflow.actions.confirm import Confirming
from bot.workflow.form_sessions import FormSessions
from bot.workflow.gate import Told

CHANGE_FORM = "change_plan_form"
_DISKS, _OTHERS = "disks", "others"


class ChangeForm:
    """Everybody who sees a plan can press; what follows is decided by who did, and once."""

    def __init__(self, confirming: Confirming, opened: FormSessions, client: AsyncWebClient) -> None:
        self._confirming = confirming
        self._opened = opened
        self._client = client

    async def open(self, actor: Actor, action: UserAction) -> Told | None:
        found = await self._confirming.may_change(actor, action.judged_at, action.value)
        if isinstance(found, Told):
            return found
        if not action.trigger_id:
            return INTERRUPTED
        items = found[1]
        disks = Create(tuple(item.disk.id for item in offered(items)))
        form = self._opened.begun("change", actor.user_id, action.place, subject=action.value, order=disks)
        view = await open_view(self._client, action.trigger_id, change_form(form.id, items))
        if view is None:
            return Told("Slack did not let me open the form in time. Press again.", done=False)
        await self._opened.keep(replace(form, view_id=view.id))
        return None

    async def faults(self, form: Form, sent: Entered) -> dict[str, str]:
        if strange := [one for one in sent.chosen(_DISKS) if one not in form.order.disks]:
            await self._opened.record(form, "forged-option", disks=len(strange))
            return {_DISKS: "One of these is no disk of the plan. Take it out."}
        try:
            read_selection(sent.chosen(_DISKS), sent.text(_OTHERS))
        except ValueError as fault:
            return {_OTHERS: str(fault)}
        return {}

    async def change(self, actor: Actor, action: UserAction) -> Told:
        selection = read_selection(action.entered.chosen(_DISKS), action.entered.text(_OTHERS))
        return await self._confirming.change(actor, action.judged_at, action.value, selection)


def offered(items: Sequence[Item]) -> list[Item]:
    """The disks of a plan that can be taken out by choosing: none where they are too many for one list."""
    return [item for item in items if item.code != LEFT_OUT] if len(items) <= OPTIONS else []


def change_form(form_id: str, items: Sequence[Item]) -> dict[str, Any]:
    """The disks of the plan to take out, and words for others; either may be left as it is."""
    options = [_option(item) for item in offered(items)]
    blocks: list[dict[str, Any]] = []
    if options:
        element = {
            "type": "multi_static_select",
            "action_id": _DISKS,
            "options": options,
            "initial_options": options,
            "placeholder": plain("Choose disks"),
        }
        blocks.append(_input(_DISKS, "Disks of the plan", element, "Take out what shall not be backed up."))
    others = {"type": "plain_text_input", "action_id": _OTHERS, "max_length": 500}
    hint = "In place of the disks above: server=web-01 tag=tier:prod disks=orders-db,orders-db-wal"
    blocks.append(_input(_OTHERS, "Or something else", others, hint))
    return {
        "type": "modal",
        "callback_id": CHANGE_FORM,
        "private_metadata": form_id,
        "title": plain("Change selection"),
        "submit": plain("Plan Again"),
        "close": plain("Back"),
        "blocks": blocks,
    }


def _option(item: Item) -> dict[str, Any]:
    disk = item.disk
    where = f"on {shortened(disk.server, 40)}" if disk.server else "not attached"
    return disk_option(disk.label, disk.size, disk.volume_type, f"{where} · {disk.availability_zone}", disk.id)


def _input(block_id: str, label: str, element: dict[str, Any], hint: str) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": element,
        "hint": plain(hint),
        "optional": True,
    }


def read_selection(chosen: Sequence[str], typed: str) -> tuple[Selector, ...]:
    """What was typed, else the disks that were chosen. Raises ValueError with a sentence."""
    if typed.strip():
        try:
            order = quick_in_words(typed)
        except CommandError as exc:
            raise ValueError(exc.sentence) from None
        if not order.selectors:
            raise ValueError("Name a server, a tag or disks, such as server=web-01.")
        if order != Quick(order.selectors):
            raise ValueError("Here only server=, server_id=, tag= and disks= count; for all else make a new plan.")
        return order.selectors
    if not chosen:
        raise ValueError("Leave at least one disk, or name something else. To make nothing, press Cancel Plan instead.")
    return tuple(Selector("disk", disk) for disk in chosen)
