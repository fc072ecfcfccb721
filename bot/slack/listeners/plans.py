"""The buttons under a plan: go, and another selection, which is asked for in a form. The third cancels the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.access import Actor
from bot.domain.commands import read_command
from bot.domain.errors import CommandError
from bot.domain.orders import Create, Quick, Selector
from bot.domain.quick import LEFT_OUT
from bot.domain.requests import Item
from bot.slack.client.modals import open_view
from bot.slack.ids import CHANGE, CONFIRM
from bot.slack.listeners.actions import INTERRUPTED, Press, Presses, refuse_form
from bot.slack.views.blocks import OPTIONS, plain
from bot.slack.views.create_modal import disk_option
from bot.slack.views.mrkdwn import shortened
from bot.workflow.actions.confirm import Confirming
from bot.workflow.form_sessions import OpenedForms
from bot.workflow.gate import Told

CHANGE_FORM = "change_plan_form"
_DISKS, _OTHERS = "disks", "others"


class PlanListeners:
    """Everybody who sees a plan can press; what follows is decided by who did, and once."""

    def __init__(self, confirming: Confirming, opened: OpenedForms, client: AsyncWebClient, presses: Presses) -> None:
        self._confirming = confirming
        self._opened = opened
        self._client = client
        self._presses = presses

    def register(self, app: AsyncApp) -> None:
        app.action(CONFIRM)(self.on_confirm)
        app.action(CHANGE)(self.on_change)
        app.view(CHANGE_FORM)(self.on_changed)
        self._presses.decided_by(CONFIRM, self._confirm)
        self._presses.decided_by(CHANGE, self._open_form)
        self._presses.decided_by(CHANGE_FORM, self._change)

    async def on_confirm(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle(ack, body, CONFIRM)

    async def on_change(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle_later(ack, body, CHANGE)

    async def on_changed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        form = await self._presses.sent_form(ack, body, "change")
        if form is None:
            return
        chosen, typed = _entered(body["view"].get("state"))
        if strange := [one for one in chosen if one not in form.order.disks]:
            await self._opened.record(form, "forged-option", disks=len(strange))
            await refuse_form(ack, body, {_DISKS: "One of these is no disk of the plan. Take it out."})
            return
        try:
            read_selection(chosen, typed)
        except ValueError as fault:
            await refuse_form(ack, body, {_OTHERS: str(fault)})
            return
        await self._presses.settle_form(ack, body, form, CHANGE_FORM)

    async def _confirm(self, actor: Actor, press: Press) -> Told:
        return await self._confirming.confirm(actor, press.judged_at, press.value)

    async def _change(self, actor: Actor, press: Press) -> Told:
        selection = read_selection(*_entered(press.entered))
        return await self._confirming.change(actor, press.judged_at, press.value, selection)

    async def _open_form(self, actor: Actor, press: Press) -> Told | None:
        found = await self._confirming.may_change(actor, press.judged_at, press.value)
        if isinstance(found, Told):
            return found
        if not press.trigger_id:
            return INTERRUPTED
        items = found[1]
        disks = Create(tuple(item.disk.id for item in offered(items)))
        form = self._opened.begun("change", actor.user_id, press.place, subject=press.value, order=disks)
        view = await open_view(self._client, press.trigger_id, change_form(form.id, items))
        if view is None:
            return Told("Slack did not let me open the form in time. Press again.", done=False)
        await self._opened.keep(replace(form, view_id=view["id"]))
        return None


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
            order = read_command(f"quick {typed}")
        except CommandError as exc:
            raise ValueError(exc.sentence) from None
        if not isinstance(order, Quick) or not order.selectors:
            raise ValueError("Name a server, a tag or disks, such as server=web-01.")
        if order != Quick(order.selectors):
            raise ValueError("Here only server=, server_id=, tag= and disks= count; for all else make a new plan.")
        return order.selectors
    if not chosen:
        raise ValueError("Leave at least one disk, or name something else. To make nothing, press Cancel Plan instead.")
    return tuple(Selector("disk", disk) for disk in chosen)


def _entered(state: Any) -> tuple[list[str], str]:
    """Whatever came back in another shape is nothing."""
    values = state.get("values") if isinstance(state, dict) else None
    values = values if isinstance(values, dict) else {}

    def element(name: str) -> dict[str, Any]:
        block = values.get(name)
        found = block.get(name) if isinstance(block, dict) else None
        return found if isinstance(found, dict) else {}

    options = element(_DISKS).get("selected_options")
    chosen = [one.get("value") for one in options if isinstance(one, dict)] if isinstance(options, list) else []
    typed = element(_OTHERS).get("value")
    return [one for one in chosen if isinstance(one, str)], typed if isinstance(typed, str) else ""
