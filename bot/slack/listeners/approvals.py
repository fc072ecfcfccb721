"""The buttons of those who may approve: approve, deny with a reason asked for in a form, and close a review."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.access import Actor
from bot.domain.normalise import entered, letters_in
from bot.slack.client.modals import open_view
from bot.slack.ids import APPROVE, DENY, REVIEW
from bot.slack.listeners.actions import FROM_HOME, INTERRUPTED, Press, Presses, refuse_form
from bot.workflow.actions.approve import REASON_CHARACTERS, Approvals
from bot.workflow.form_sessions import OpenedForms
from bot.workflow.gate import Told

DENY_FORM = "deny_reason"
_REASON = "reason"


class ApprovalListeners:
    """Each press counts by who pressed and as the rows stand then. In App Home, a form and a direct message there is no
    place; then the place of the request counts.
    """

    def __init__(self, approvals: Approvals, opened: OpenedForms, client: AsyncWebClient, presses: Presses) -> None:
        self._approvals = approvals
        self._opened = opened
        self._client = client
        self._presses = presses

    def register(self, app: AsyncApp) -> None:
        app.action(APPROVE)(self.on_approve)
        app.action(DENY)(self.on_deny)
        app.action(REVIEW)(self.on_review)
        app.view(DENY_FORM)(self.on_reason)
        app.view(DENY_FORM + FROM_HOME)(self.on_reason)
        self._presses.decided_by(APPROVE, self._approve)
        self._presses.decided_by(REVIEW, self._review)
        self._presses.decided_by(DENY, self._open_form)
        self._presses.decided_by(DENY_FORM, self._deny)

    async def on_approve(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle(ack, body, APPROVE)

    async def on_review(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle(ack, body, REVIEW)

    async def on_deny(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle_later(ack, body, DENY)

    async def on_reason(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        form = await self._presses.sent_form(ack, body, "deny")
        if form is None:
            return
        if not letters_in(_typed_reason(body["view"].get("state"))):
            await refuse_form(ack, body, {_REASON: "Say why, so that they know what to change."})
            return
        await self._presses.settle_form(ack, body, form, DENY_FORM)

    async def _approve(self, actor: Actor, press: Press) -> Told:
        return await self._approvals.approve(actor, press.judged_at, press.value)

    async def _review(self, actor: Actor, press: Press) -> Told:
        return await self._approvals.review(actor, press.judged_at, press.value)

    async def _deny(self, actor: Actor, press: Press) -> Told:
        reason = _typed_reason(press.entered)
        return await self._approvals.deny(actor, press.judged_at, press.value, reason)

    async def _open_form(self, actor: Actor, press: Press) -> Told | None:
        if refused := await self._approvals.may_deny(actor, press.judged_at, press.value):
            return refused
        if not press.trigger_id:
            return INTERRUPTED
        form = self._opened.begun("deny", actor.user_id, press.place, subject=press.value)
        view = await open_view(self._client, press.trigger_id, deny_form(form.id, from_home=press.in_home))
        if view is None:
            words = f"Slack did not let me open the form in time. Press again, or type deny {press.value} reason=…"
            return Told(words, done=False)
        await self._opened.keep(replace(form, view_id=view["id"]))
        return None


def _typed_reason(state: Any) -> str:
    """Whatever came back in another shape is no reason."""
    try:
        reason = state["values"][_REASON][_REASON]["value"]
    except (KeyError, TypeError):
        return ""
    return entered(reason) if isinstance(reason, str) else ""


def deny_form(form_id: str, *, from_home: bool) -> dict[str, Any]:
    """Why not?"""
    return {
        "type": "modal",
        "callback_id": DENY_FORM + (FROM_HOME if from_home else ""),
        "private_metadata": form_id,
        "title": {"type": "plain_text", "text": "Deny snapshot"},
        "submit": {"type": "plain_text", "text": "Deny"},
        "close": {"type": "plain_text", "text": "Back"},
        "blocks": [
            {
                "type": "input",
                "block_id": _REASON,
                "label": {"type": "plain_text", "text": "Why not? The person who asked reads this."},
                "element": {
                    "type": "plain_text_input",
                    "action_id": _REASON,
                    "multiline": True,
                    "max_length": REASON_CHARACTERS,
                },
            }
        ],
    }
