"""The buttons of those who may approve: approve, deny with a reason asked for in a form, and close a review."""

from __future__ import annotations

import logging
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.access import Actor
from bot.domain.sentences import without_mentions
from bot.slack.controls import APPROVE, DENY, REVIEW
from bot.slack.failures import failure_of
from bot.slack.presses import FROM_HOME, Presses, in_home, judged_at, pressed
from bot.workflow.approving import REASON_CHARACTERS, Approvals, Told

log = logging.getLogger(__name__)

DENY_FORM = "deny_reason"
_REASON = "reason"


class ApprovalListeners:
    """Each press counts by who pressed and as the rows stand then. In App Home, a form and a direct message there is no
    place; then the place of the request counts.
    """

    def __init__(self, approvals: Approvals, client: AsyncWebClient, presses: Presses) -> None:
        self._approvals = approvals
        self._client = client
        self._presses = presses

    def register(self, app: AsyncApp) -> None:
        app.action(APPROVE)(self.on_approve)
        app.action(DENY)(self.on_deny)
        app.action(REVIEW)(self.on_review)
        app.view(DENY_FORM)(self.on_reason)
        app.view(DENY_FORM + FROM_HOME)(self.on_reason)

    async def on_approve(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle(
            ack, body, lambda actor: self._approvals.approve(actor, judged_at(body), pressed(body))
        )

    async def on_review(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle(
            ack, body, lambda actor: self._approvals.review(actor, judged_at(body), pressed(body))
        )

    async def on_deny(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle_later(ack, body, lambda actor: self._open_form(actor, body, pressed(body)))

    async def on_reason(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        view = body["view"]
        reason = _typed_reason(view.get("state"))
        request_id = str(view.get("private_metadata") or "")
        if not reason.strip():
            await ack(response_action="errors", errors={_REASON: "Say why, so that they know what to change."})
            return
        reason = without_mentions(reason)
        await self._presses.settle(ack, body, lambda actor: self._approvals.deny(actor, None, request_id, reason))

    async def _open_form(self, actor: Actor, body: dict[str, Any], request_id: str) -> Told | None:
        if refused := await self._approvals.may_deny(actor, judged_at(body), request_id):
            return refused
        try:
            await self._client.views_open(
                trigger_id=body["trigger_id"], view=deny_form(request_id, from_home=in_home(body))
            )
        except SlackApiError as exc:
            log.info("the form could not be opened", extra={"error": failure_of(exc).error})
            words = f"Slack did not let me open the form in time. Press again, or type deny {request_id} reason=…"
            return Told(words, done=False)
        return None


def _typed_reason(state: Any) -> str:
    """Whatever came back in another shape is no reason."""
    try:
        reason = state["values"][_REASON][_REASON]["value"]
    except (KeyError, TypeError):
        return ""
    return reason if isinstance(reason, str) else ""


def deny_form(request_id: str, *, from_home: bool) -> dict[str, Any]:
    """Why not? The request goes along by its id, which is no secret and proves nothing."""
    return {
        "type": "modal",
        "callback_id": DENY_FORM + (FROM_HOME if from_home else ""),
        "private_metadata": request_id,
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
