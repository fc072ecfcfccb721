"""The buttons under a plan: go, and another selection, which is asked for in a form. The third, drop, calls it back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.access import Actor
from bot.domain.commands import read_command
from bot.domain.errors import CommandError
from bot.domain.orders import Quick, Selector
from bot.domain.quick import LEFT_OUT
from bot.domain.requests import Item
from bot.slack.blocks import OPTIONS, plain
from bot.slack.controls import CHANGE, CONFIRM
from bot.slack.failures import failure_of
from bot.slack.form_view import disk_option, unmarked
from bot.slack.presses import Presses, judged_at, pressed
from bot.slack.text import shortened
from bot.workflow.approving import Told
from bot.workflow.confirming import Confirming

log = logging.getLogger(__name__)

CHANGE_FORM = "change_plan_form"
_DISKS, _OTHERS = "disks", "others"


class PlanListeners:
    """Everybody who sees a plan can press; who may is decided by who did, and once."""

    def __init__(self, confirming: Confirming, client: AsyncWebClient, presses: Presses) -> None:
        self._confirming = confirming
        self._client = client
        self._presses = presses

    def register(self, app: AsyncApp) -> None:
        app.action(CONFIRM)(self.on_confirm)
        app.action(CHANGE)(self.on_change)
        app.view(CHANGE_FORM)(self.on_changed)

    async def on_confirm(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle(
            ack, body, lambda actor: self._confirming.confirm(actor, judged_at(body), pressed(body))
        )

    async def on_change(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle_later(ack, body, lambda actor: self._open_form(actor, body, pressed(body)))

    async def on_changed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        view = body["view"]
        chosen, typed = _entered(view.get("state"))
        try:
            selectors = read_selection(chosen, typed)
        except ValueError as fault:
            await ack(response_action="errors", errors={_OTHERS: unmarked(str(fault))[:2_000]})
            return
        request_id = str(view.get("private_metadata") or "")
        await self._presses.settle(ack, body, lambda actor: self._change(actor, request_id, selectors))

    async def _change(self, actor: Actor, request_id: str, selectors: Sequence[Selector]) -> Told:
        return await self._confirming.change(actor, None, request_id, tuple(selectors))

    async def _open_form(self, actor: Actor, body: dict[str, Any], request_id: str) -> Told | None:
        found = await self._confirming.may_change(actor, judged_at(body), request_id)
        if isinstance(found, Told):
            return found
        _, items = found
        try:
            await self._client.views_open(trigger_id=body["trigger_id"], view=change_form(request_id, items))
        except SlackApiError as exc:
            log.info("the form could not be opened", extra={"error": failure_of(exc).error})
            return Told("Slack did not let me open the form in time. Press again.", done=False)
        return None


def change_form(request_id: str, items: Sequence[Item]) -> dict[str, Any]:
    """The disks of the plan to take out, and words for others; either may be left as it is."""
    options = [_option(item) for item in items if item.code != LEFT_OUT][:OPTIONS]
    blocks: list[dict[str, Any]] = []
    if options and len(items) <= OPTIONS:
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
        "private_metadata": request_id,
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
        return order.selectors
    if not chosen:
        raise ValueError("Leave at least one disk, or name something else. To make nothing, press Drop instead.")
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
